"""Points of many namespaces in one collection: what the recordings leave open, as Qdrant documents it.

The facet, the count and the deletion that succeed are in the recordings, and so is a facet without an index. With
QDRANT_URL these are asked of that server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.qdrant.conftest import ONE_VECTOR

TENANT = {"field_name": "namespace_id", "field_schema": {"type": "keyword", "is_tenant": True}}


def of(namespace_id: str) -> dict[str, Any]:
    """The filter on one namespace."""
    return {"filter": {"must": [{"key": "namespace_id", "match": {"value": namespace_id}}]}}


@pytest.fixture(scope="module")
def client(fresh_server: Callable[[], httpx.Client]) -> httpx.Client:
    return fresh_server()


@pytest.fixture
def collection(client: httpx.Client) -> Iterator[str]:
    """The path of a collection, made and removed."""
    path = f"/collections/partitions_{uuid4().hex[:8]}"
    client.put(path, json=ONE_VECTOR).raise_for_status()
    yield path
    client.delete(path)


def write(client: httpx.Client, collection: str, namespace_ids: list[Any]) -> None:
    """One point for each."""
    points = [{"id": n, "vector": {}, "payload": {"namespace_id": name}} for n, name in enumerate(namespace_ids)]
    client.put(f"{collection}/points?wait=true", json={"points": points}).raise_for_status()


def facet(client: httpx.Client, collection: str, **fields: Any) -> list[tuple[Any, int]]:
    """The hits of an exact facet, in their order."""
    answer = client.post(f"{collection}/facet", json={"key": "namespace_id", "exact": True, **fields})
    return [(hit["value"], hit["count"]) for hit in answer.raise_for_status().json()["result"]["hits"]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("facet", {"key": "namespace_id", "limit": 10, "exact": True}),
        ("points/count", {"exact": True, **of("ns_1")}),
        ("points/delete?wait=true", of("ns_1")),
    ],
)
def test_a_missing_collection_is_said_to_be_missing(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = client.post(f"/collections/absent/{path}", json=body)
    assert answer.status_code == 404
    assert answer.json()["status"]["error"] == "Not found: Collection `absent` doesn't exist!"


def test_a_facet_needs_an_index_even_where_there_is_no_point(client: httpx.Client, collection: str) -> None:
    for _ in range(2):
        answer = client.post(f"{collection}/facet", json={"key": "namespace_id", "limit": 10, "exact": True})
        assert answer.status_code == 400
        refusal = "Wrong input: No appropriate index for faceting: `namespace_id`. Please create one to facet"
        assert answer.json()["status"]["error"].startswith(refusal)
        write(client, collection, ["ns_1"])
    client.put(f"{collection}/index?wait=true", json=TENANT).raise_for_status()
    assert facet(client, collection) == [("ns_1", 1)]
    client.delete(f"{collection}/index/namespace_id?wait=true").raise_for_status()
    answer = client.post(f"{collection}/facet", json={"key": "namespace_id", "limit": 10, "exact": True})
    assert answer.status_code == 400


def test_without_an_index_a_filter_still_counts_and_deletes(client: httpx.Client, collection: str) -> None:
    write(client, collection, ["ns_1", "ns_2", "ns_2"])
    for left in (2, 0):
        answer = client.post(f"{collection}/points/count", json={"exact": True, **of("ns_2")})
        assert answer.json()["result"] == {"count": left}
        answer = client.post(f"{collection}/points/delete?wait=true", json=of("ns_2"))
        assert (answer.status_code, answer.json()["result"]["status"]) == (200, "completed")
    assert client.post(f"{collection}/points/count", json={}).json()["result"] == {"count": 1}


def test_the_limit_of_a_facet_is_ten_unless_given_and_at_least_one(client: httpx.Client, collection: str) -> None:
    client.put(f"{collection}/index?wait=true", json=TENANT).raise_for_status()
    write(client, collection, [f"ns_{n:02}" for n in range(25)])
    assert len(facet(client, collection)) == 10
    assert len(facet(client, collection, limit=25)) == 25
    assert len(facet(client, collection, limit=5000)) == 25
    answer = client.post(f"{collection}/facet", json={"key": "namespace_id", "limit": 0})
    assert answer.status_code == 422


def test_hits_come_with_the_largest_first_and_the_deleted_last(client: httpx.Client, collection: str) -> None:
    client.put(f"{collection}/index?wait=true", json=TENANT).raise_for_status()
    write(client, collection, ["b", "a", "c", "c", "gone", "gone", "gone"])
    client.post(f"{collection}/points/delete?wait=true", json=of("gone")).raise_for_status()
    hits = facet(client, collection, limit=10)
    assert hits[:3] == [("c", 2), ("a", 1), ("b", 1)]
    # Whether one without points is listed depends on whether its segment was rewritten since.
    assert hits[3:] in ([], [("gone", 0)])
    assert facet(client, collection, limit=2) == [("c", 2), ("a", 1)]


def test_a_facet_counts_texts_only_and_each_once_a_point(client: httpx.Client, collection: str) -> None:
    client.put(f"{collection}/index?wait=true", json=TENANT).raise_for_status()
    write(client, collection, ["a", ["a", "b", "b"], 5, None, True, {"a": "b"}, []])
    assert facet(client, collection) == [("a", 2), ("b", 1)]


def test_a_deletion_is_seen_by_facet_and_count_at_once(client: httpx.Client, collection: str) -> None:
    client.put(f"{collection}/index?wait=true", json=TENANT).raise_for_status()
    write(client, collection, [f"ns_{n % 3}" for n in range(300)])
    client.post(f"{collection}/points/delete?wait=true", json=of("ns_1")).raise_for_status()
    assert dict(facet(client, collection)).get("ns_1", 0) == 0
    assert client.post(f"{collection}/points/count", json={"exact": True, **of("ns_1")}).json()["result"]["count"] == 0
    assert client.post(f"{collection}/points/count", json={"exact": True}).json()["result"]["count"] == 200


def test_strict_mode_limits_a_facet_and_what_goes_by_filter(client: httpx.Client, collection: str) -> None:
    strict = {"enabled": True, "max_query_limit": 100, "unindexed_filtering_update": False}
    client.patch(collection, json={"strict_mode_config": strict}).raise_for_status()
    answer = client.post(f"{collection}/points/delete?wait=true", json=of("ns_1"))
    assert (answer.status_code, "Index required" in answer.text) == (400, True)
    client.put(f"{collection}/index?wait=true", json=TENANT).raise_for_status()
    assert facet(client, collection, limit=100) == []
    answer = client.post(f"{collection}/facet", json={"key": "namespace_id", "limit": 101, "exact": True})
    assert (answer.status_code, "Limit exceeded 101 > 100" in answer.text) == (400, True)
    client.post(f"{collection}/points/delete?wait=true", json=of("ns_1")).raise_for_status()
