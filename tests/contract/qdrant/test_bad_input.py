"""Bad requests are refused before the engine sees them, and leave nothing behind.

The texts of refusals that were recorded are in the recordings; here the status is what counts, and 501 stands for what
a real server would do and the stand-in does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.qdrant.conftest import StandIn, Starter

Case = tuple[str, str, Any, int]

COLLECTION = {
    "vectors": {
        "a": {"size": 4, "distance": "Cosine"},
        "m": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"s": {}},
}
POINT = {"id": 1, "vector": {"a": [1, 2, 3, 4]}, "payload": {"k": "x"}}


def point(**fields: Any) -> dict[str, Any]:
    """The body of an upsert of one point that differs in these fields."""
    return {"points": [{**POINT, **fields}]}


def text_index(**params: Any) -> dict[str, Any]:
    """The body that asks for a text index."""
    return {"field_name": "t", "field_schema": {"type": "text", **params}}


def create(**fields: Any) -> Case:
    """A request for a new collection that must fail."""
    return ("PUT", "/collections/new", fields, 400)


POINTS, SCROLL, QUERY, COUNT = "/c/points?wait=true", "/c/points/scroll", "/c/points/query", "/c/points/count"

CASES: list[Case] = [
    create(vectors=5),
    create(vectors={"v": 5}),
    create(vectors={"v": {"size": True, "distance": "Dot"}}),
    create(vectors={"v": {"size": 4, "distance": "Dot", "multivector_config": {"comparator": "x"}}}),
    create(vectors={"v": {"size": 4, "distance": "Dot"}}, sparse_vectors={"v": {}}),
    create(vectors={"v" * 201: {"size": 4, "distance": "Dot"}}),
    create(sparse_vectors={"s/t": {}}),
    create(sparse_vectors={"s": {"modifier": "x"}}),
    create(metadata=5),
    create(shard_number=0),
    create(hnsw_config={"m": "x"}),
    create(optimizers_config={"default_segment_number": -1}),
    create(strict_mode_config={"enabled": "yes"}),
    ("PUT", "/collections/new", {"sharding_method": "custom"}, 501),
    ("PATCH", "/c", {"vectors": 5}, 400),
    ("PATCH", "/c", {"params": 5}, 400),
    ("PATCH", "/c", {"metadata": 5}, 400),
    ("PUT", "/c/vectors/v", {"dense": {"size": "x", "distance": "Dot"}}, 400),
    ("PUT", "/c/vectors/v", {"sparse": 5}, 400),
    ("PUT", "/c/vectors/v", {"sparse": {"modifier": "x"}}, 400),
    ("PUT", "/c/vectors/v?wait=maybe", {"sparse": {}}, 400),
    ("PUT", "/c/index", text_index(stopwords="klingon"), 400),
    ("PUT", "/c/index", text_index(stemmer={"type": "snowball", "language": "klingon"}), 400),
    ("PUT", "/c/index", text_index(stemmer={"type": "x"}), 400),
    ("PUT", "/c/index", text_index(min_token_len=-1), 400),
    ("PUT", "/c/index", {"field_schema": "keyword"}, 400),
    ("PUT", "/c/index", {"field_name": "a..b", "field_schema": "keyword"}, 400),
    ("PUT", "/c/index", {"field_name": "f", "field_schema": 5}, 400),
    ("DELETE", "/c/index/a..b", None, 400),
    ("PUT", POINTS, [POINT], 400),
    ("PUT", POINTS, {"points": "x"}, 400),
    ("PUT", POINTS, {"points": [1]}, 400),
    ("PUT", POINTS, {"points": [{"vector": {}}]}, 400),
    ("PUT", POINTS, {"points": [{"id": 1}]}, 400),
    ("PUT", POINTS, point(id="x"), 400),
    ("PUT", POINTS, point(id=-1), 400),
    ("PUT", POINTS, point(id=2**64), 400),
    ("PUT", POINTS, point(id=True), 400),
    ("PUT", POINTS, point(payload=5), 400),
    ("PUT", POINTS, point(vector=5), 400),
    ("PUT", POINTS, point(vector=[1, 2, 3, 4]), 400),
    ("PUT", POINTS, point(vector={"a": []}), 400),
    ("PUT", POINTS, point(vector={"a": [1, 2, 3, "x"]}), 400),
    ("PUT", POINTS, point(vector={"a": [1, 2, 3, 1e300]}), 400),
    ("PUT", POINTS, point(vector={"a": [[1, 2, 3, 4]]}), 400),
    ("PUT", POINTS, point(vector={"a": {"indices": [1], "values": [1]}}), 400),
    ("PUT", POINTS, point(vector={"a": {"text": "x", "model": "y"}}), 501),
    ("PUT", POINTS, point(vector={"m": []}), 400),
    ("PUT", POINTS, point(vector={"m": [1, 2]}), 400),
    ("PUT", POINTS, point(vector={"m": [[1, 2, 3]]}), 400),
    ("PUT", POINTS, point(vector={"s": [1, 2]}), 400),
    ("PUT", POINTS, point(vector={"s": {"indices": [1, 1], "values": [1, 2]}}), 422),
    ("PUT", POINTS, point(vector={"s": {"indices": [1], "values": [1, 2]}}), 422),
    ("PUT", POINTS, point(vector={"s": {"indices": [-1], "values": [1]}}), 400),
    ("PUT", POINTS, {"batch": {"ids": [1], "vectors": {}}}, 501),
    ("PUT", POINTS, {**point(), "update_filter": {}}, 501),
    ("POST", "/c/points/delete", {}, 400),
    ("POST", "/c/points/delete", {"points": ["x"]}, 400),
    ("POST", "/c/points/delete", {"filter": {"must": [{"foo": 1}]}}, 400),
    ("POST", "/c/points/payload", {"payload": {"a": 1}}, 400),
    ("POST", "/c/points/payload", {"points": [1]}, 400),
    ("POST", "/c/points/payload", {"payload": {"a": 1}, "points": [1], "key": "a..b"}, 400),
    ("POST", "/c/points/payload?wait=true", {"payload": {"a": 1}, "points": [99]}, 404),
    ("POST", "/c/points/vectors/delete", {"points": [1], "vector": ["x"]}, 400),
    ("POST", SCROLL, {"limit": 0}, 422),
    ("POST", SCROLL, {"limit": -1}, 400),
    ("POST", SCROLL, {"offset": "x"}, 400),
    ("POST", SCROLL, {"with_payload": 5}, 400),
    ("POST", SCROLL, {"with_vector": 5}, 400),
    ("POST", SCROLL, {"order_by": "k"}, 501),
    ("POST", COUNT, {"filter": 5}, 400),
    ("POST", COUNT, {"filter": {"must": [{"key": "k"}]}}, 400),
    ("POST", COUNT, {"filter": {"must": [{"key": "k", "match": {"value": [1]}}]}}, 400),
    ("POST", COUNT, {"filter": {"must": [{"key": "k", "match": {"value": "x", "text": "y"}}]}}, 400),
    ("POST", COUNT, {"filter": {"must": [{"key": "k", "range": {"gt": "x"}}]}}, 400),
    ("POST", COUNT, {"filter": {"must": [{"has_id": ["x"]}]}}, 400),
    ("POST", COUNT, {"filter": {"must": [], "unknown": []}}, 400),
    ("POST", COUNT, {"exact": "yes"}, 400),
    ("POST", QUERY, {"query": [1], "using": "a"}, 400),
    ("POST", QUERY, {"query": [1, 2]}, 400),
    ("POST", QUERY, {"query": 1, "using": "a"}, 501),
    ("POST", QUERY, {"query": {"fusion": "rrf"}, "prefetch": [{"query": [1, 2, 3, 4]}]}, 501),
    ("POST", "/c/facet", {}, 400),
    ("POST", "/c/facet", {"key": "a..b"}, 400),
    ("POST", "/collections/aliases", {}, 400),
    ("POST", "/collections/aliases", {"actions": [{}]}, 400),
    ("POST", "/collections/aliases", {"actions": [{"create_alias": {}}]}, 400),
    ("GET", "/telemetry?details_level=x", None, 400),
    ("GET", "/telemetry?anonymize=true", None, 501),
    ("POST", "/c/points/search", {"vector": [1, 2, 3, 4]}, 501),
    ("POST", "/c", {}, 404),
    ("HEAD", "/collections", None, 404),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A stand-in for tests that leave nothing behind."""
    server = StandIn(tmp_path_factory.mktemp("qdrant"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def strict(server: StandIn) -> str:
    """The URL of a collection in strict mode with a few indexes."""
    url = f"{server.url}/collections/strict"
    httpx.put(url, json={**COLLECTION, "strict_mode_config": STRICT}).raise_for_status()
    for field, schema in INDEXES.items():
        httpx.put(f"{url}/index?wait=true", json={"field_name": field, "field_schema": schema}).raise_for_status()
    return url


def test_bad_requests_are_refused_and_leave_nothing(stand_in: Starter) -> None:
    server = stand_in()
    url = f"{server.url}/collections/c"
    httpx.put(url, json=COLLECTION).raise_for_status()
    httpx.put(f"{url}/points?wait=true", json=point()).raise_for_status()
    before = httpx.get(url).json()["result"]
    wrong = []
    for method, path, body, expected in CASES:
        full = server.url + (path if path.startswith(("/collections", "/telemetry")) else f"/collections{path}")
        answer = httpx.request(method, full, json=body) if body is not None else httpx.request(method, full)
        if answer.status_code != expected:
            wrong.append((method, path, body, expected, answer.status_code, answer.text))
    assert not wrong
    for _ in range(2):
        assert httpx.get(url).json()["result"] == before
        found = httpx.post(f"{url}/points/scroll", json={}).json()["result"]["points"]
        assert found == [{"id": 1, "payload": {"k": "x"}}]
        assert httpx.get(f"{server.url}/collections").json()["result"] == {"collections": [{"name": "c"}]}
        server.kill()
        server.start()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b"{", "EOF while parsing an object at line 1 column 1"),
        (b'{"a', "EOF while parsing a string at line 1 column 3"),
        (b'{"metadata": nope}', "expected value at line 1 column 14"),
        (b'{"metadata": NaN}', "NaN is no JSON at line 1 column 17"),
        (b'{"metadata": {"a": 1e999}}', "number out of range at line 1 column 26"),
        (b'{"metadata": {"a": "\\ud800"}}', "lone surrogate in hex escape at line 1 column 29"),
        (b'{"metadata": ' + b"[" * 100_000, "recursion limit exceeded at line 1 column 100013"),
        (b"\xff", "invalid unicode code point at line 1 column 1"),
        (b'{\n"vectors": {"v": 5},\n"metadata": {}}', "untagged enum VectorsConfig at line 2 column 19"),
    ],
)
def test_a_malformed_body_is_refused_with_its_place(server: StandIn, body: bytes, text: str) -> None:
    answer = httpx.put(f"{server.url}/collections/malformed", content=body)
    assert answer.status_code == 400
    assert answer.json()["status"]["error"].startswith("Format error in JSON body: ")
    assert answer.json()["status"]["error"].endswith(text)


STRICT = {
    "enabled": True,
    "unindexed_filtering_retrieve": False,
    "unindexed_filtering_update": False,
    "max_query_limit": 5,
    "filter_max_conditions": 2,
    "upsert_max_batchsize": 2,
    "search_allow_exact": False,
}
INDEXES = {"k": "keyword", "n": {"type": "integer", "lookup": False}, "f": "float", "t": "text", "u": "uuid"}


def filtered(**condition: Any) -> dict[str, Any]:
    """A count under one condition."""
    return {"filter": {"must": [condition]}}


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("count", filtered(key="k", match={"value": "x"}), None),
        ("count", filtered(key="k", match={"any": ["x"]}), None),
        ("count", filtered(key="k", match={"value": 5}), '"k" of one of the following types: [integer]'),
        ("count", filtered(key="n", match={"value": 5}), '"n" of one of the following types: [integer]'),
        ("count", filtered(key="n", range={"gt": 5}), None),
        ("count", filtered(key="z", range={"gt": 5}), '"z" of one of the following types: [float, integer]'),
        ("count", filtered(key="z", range={"gt": "2026-01-01T00:00:00Z"}), "types: [datetime]"),
        ("count", filtered(key="t", match={"text": "x"}), None),
        ("count", filtered(key="t", match={"phrase": "x y"}), "types: [text]"),
        ("count", filtered(key="z", match={"value": "550e8400-e29b-41d4-a716-446655440001"}), "types: [keyword, uuid]"),
        ("count", filtered(key="u", match={"value": "550e8400-e29b-41d4-a716-446655440001"}), None),
        ("count", filtered(is_empty={"key": "f"}), None),
        ("count", filtered(has_id=[1]), None),
        ("count", filtered(must_not=[{"key": "z", "match": {"value": True}}]), "types: [bool]"),
        (
            "count",
            filtered(nested={"key": "a", "filter": {"must": [{"key": "b", "match": {"value": 1}}]}}),
            '"a[].b" of',
        ),
        ("count", {"filter": {"must": [{"has_id": [1]}] * 3}}, "Filter condition limit reached (3 > 2)"),
        ("scroll", {"limit": 6}, 'Limit exceeded 6 > 5 for "limit"'),
        (
            "query",
            {"query": [1, 2, 3, 4], "using": "a", "limit": 1, "params": {"exact": True}},
            "Exact search disabled!",
        ),
        ("payload", {"payload": {}, "filter": {"must": [{"key": "z", "match": {"value": True}}]}}, "types: [bool]"),
    ],
)
def test_strict_mode_refuses_by_its_limits(strict: str, path: str, body: dict[str, Any], refusal: str | None) -> None:
    answer = httpx.post(f"{strict}/points/{path}?wait=true", json=body)
    if refusal is None:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 400
        assert refusal in answer.json()["status"]["error"]
