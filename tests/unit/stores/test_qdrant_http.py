"""What answers of a Qdrant server, or of whatever stands in front of it, become."""

from __future__ import annotations

import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from namespace_operator.domain.vectors import NamedVector
from namespace_operator.stores.errors import Backend, BackendError, Outdated, Rejected, Unauthorized, Unavailable
from namespace_operator.stores.qdrant import QdrantStore
from tests.unit.stores.server import Answers, serving

KEY = "qdrant-key-CANARY"
COLLECTION = {
    "status": "green",
    "optimizer_status": "ok",
    "indexed_vectors_count": 0,
    "points_count": 3,
    "segments_count": 1,
    "config": {"params": {"vectors": {"text": {"size": 4, "distance": "Cosine"}}}, "metadata": {"team": "a"}},
    "payload_schema": {"brand": {"data_type": "keyword", "points": 3}},
}


def error_body(text: str) -> bytes:
    """An error as Qdrant words it."""
    return json.dumps({"status": {"error": text}}).encode()


async def asked(answers: Answers, call: Callable[[QdrantStore], Awaitable[Any]], **options: Any) -> Any:
    """What the call gives for these answers."""
    async with serving(answers) as url:
        store = QdrantStore(url, KEY, **options)
        try:
            return await call(store)
        finally:
            await store.close()


def read(store: QdrantStore) -> Awaitable[Any]:
    """Read a collection."""
    return store.read("ns_1")


OF_NS_1 = {"must": [{"key": "namespace_id", "match": {"value": "ns_1"}}]}
HTML = {"Content-Type": "text/html"}
FAILURES: dict[str, tuple[Answers, type[BackendError], str]] = {
    "no key": (
        Answers(401, b"Must provide an API key or an Authorization bearer token", HTML),
        Unauthorized,
        "Must provide an API key",
    ),
    "read-only key": (
        Answers(403, error_body("Forbidden: Global manage access is required")),
        Unauthorized,
        "(Forbidden: Global manage access is required); check the Secret",
    ),
    "cluster without consensus": (
        Answers(500, error_body("Waiting for consensus operation commit failed")),
        Unavailable,
        "500: Waiting for consensus operation commit failed",
    ),
    "overloaded": (Answers(429, error_body("Too many requests")), Unavailable, "429: Too many requests"),
    "a gateway that is overloaded": (Answers(429, b"slow down, 17 s", HTML), Unavailable, "429: no word from Qdrant"),
    "gateway": (Answers(502, b"<html>Bad Gateway</html>", HTML), Unavailable, "502: no word from Qdrant itself"),
    "validation": (Answers(422, error_body("Validation error in JSON body")), Rejected, "422: Validation error"),
    "bad request": (Answers(400, error_body("Bad request")), Rejected, "400: Bad request"),
    "an error of another shape": (Answers(400, b'{"status": "bad"}'), Rejected, '400: {"status": "bad"}'),
    "redirect": (Answers(307, b"", {"Location": "http://elsewhere/"}), Rejected, "307"),
    "a page instead of JSON": (Answers(200, b"<html>Welcome</html>", HTML), Rejected, "not JSON"),
    "bytes that are no text": (Answers(200, b"\xff\xfe\x00"), Rejected, "not JSON"),
    "an unreadable error": (
        Answers(500, b"\xff\xfe", {"Content-Type": "text/plain; charset=utf-8"}),
        Unavailable,
        "500",
    ),
    "empty": (Answers(200, b""), Rejected, "not JSON"),
    "a page for a missing route": (Answers(404, b"404 page not found", HTML), Rejected, "not JSON"),
    "a gateway without a route": (
        Answers(404, b'{"message": "no Route matched with those values"}'),
        Rejected,
        "is not Qdrant",
    ),
    "another JSON": (Answers(200, b"[]"), Rejected, "does not understand"),
    "no result": (Answers(200, b"{}"), Rejected, "does not understand"),
    "a result of another shape": (Answers(200, b'{"result": {"status": 5}}'), Rejected, "status: Input should be"),
}


@pytest.mark.parametrize(("answers", "meaning", "says"), FAILURES.values(), ids=FAILURES)
async def test_failure(answers: Answers, meaning: type[BackendError], says: str) -> None:
    with pytest.raises(meaning) as raised:
        await asked(answers, read)
    assert raised.value.backend is Backend.QDRANT
    assert says in str(raised.value)
    assert len(str(raised.value)) < 600
    assert "CANARY" not in "".join(traceback.format_exception(raised.value))


async def test_an_error_page_that_repeats_the_key_is_not_repeated() -> None:
    page = f"<h1>Forbidden</h1> api-key: {KEY}".encode()
    with pytest.raises(Unauthorized) as raised:
        await asked(Answers(403, page, HTML), read)
    assert "api-key: <API key>" in str(raised.value)
    assert "CANARY" not in str(raised.value)


async def test_a_long_error_is_cut() -> None:
    with pytest.raises(Rejected) as raised:
        await asked(Answers(400, error_body("x" * 100_000)), read)
    assert len(str(raised.value)) < 500


async def test_no_answer_in_time() -> None:
    with pytest.raises(Unavailable, match="does not answer in time"):
        await asked(Answers(delay=5), read, timeout_seconds=0.02)


async def test_nobody_listens() -> None:
    async with serving(Answers()) as url:
        pass
    store = QdrantStore(url, KEY)
    try:
        with pytest.raises(Unavailable, match=r"cannot be reached") as raised:
            await store.read("ns_1")
    finally:
        await store.close()
    assert "CANARY" not in "".join(traceback.format_exception(raised.value)) + repr(store)


async def test_a_redirect_does_not_take_the_key_along() -> None:
    elsewhere = Answers()
    async with serving(elsewhere) as other:
        with pytest.raises(Rejected):
            await asked(Answers(302, b"", {"Location": f"{other}/collections/ns_1"}), read)
    assert elsewhere.requests == []


async def test_the_key_is_sent_as_a_header() -> None:
    answers = Answers(404, error_body("Not found: Collection `ns_1` doesn't exist!"))
    assert await asked(answers, read) is None
    assert answers.last.headers["api-key"] == KEY
    assert "CANARY" not in answers.last.path


async def test_a_taken_name_means_look_again() -> None:
    with pytest.raises(Outdated):
        await asked(
            Answers(409, error_body("Wrong input: Collection `ns_1` already exists!")),
            lambda store: store.create_collection("ns_1", (), {}),
        )


@pytest.mark.parametrize(
    ("field_name", "encoded"),
    [
        ("nested.a[].b", "nested.a%5B%5D.b"),
        ('"unit price"', "%22unit%20price%22"),
        ('"a/b"', "%22a%2Fb%22"),
        ('"100%"', "%22100%25%22"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ('"a?b#c"', "%22a%3Fb%23c%22"),
    ],
)
async def test_names_are_percent_encoded(field_name: str, encoded: str) -> None:
    answers = Answers()
    await asked(answers, lambda store: store.drop_index("ns_1", field_name, wait=True))
    assert answers.last.path == f"/collections/ns_1/index/{encoded}?wait=true"


async def test_a_vector_name_is_percent_encoded() -> None:
    answers = Answers()
    vector = NamedVector(name="a b/c", size=4, distance="dot")
    await asked(answers, lambda store: store.add_vector("ns_1", vector))
    assert (answers.last.method, answers.last.path) == ("PUT", "/collections/ns_1/vectors/a%20b%2Fc?wait=true")
    assert json.loads(answers.last.body) == {"dense": {"size": 4, "distance": "Dot"}}


async def test_an_index_is_put_with_its_name_in_the_body() -> None:
    answers = Answers()
    schema = {"type": "keyword", "is_tenant": True}
    await asked(answers, lambda store: store.put_index("ns_1", '"unit price"', schema, wait=False))
    assert answers.last.path == "/collections/ns_1/index?wait=false"
    assert json.loads(answers.last.body) == {"field_name": '"unit price"', "field_schema": schema}


async def test_a_path_in_the_url_is_kept() -> None:
    answers = Answers(body=json.dumps({"result": COLLECTION}).encode())
    async with serving(answers) as url:
        store = QdrantStore(f"{url}/qdrant/", KEY)
        try:
            await store.read("ns_1")
            assert answers.last.path == "/qdrant/collections/ns_1"
        finally:
            await store.close()


async def test_the_version_is_asked_for_once() -> None:
    answers = Answers(body=b'{"title": "qdrant - vector search engine", "version": "1.18.3"}')

    async def twice(store: QdrantStore) -> tuple[str, str]:
        return await store.version(), await store.version()

    assert await asked(answers, twice) == ("1.18.3", "1.18.3")
    assert [(request.method, request.path) for request in answers.requests] == [("GET", "/")]


@pytest.mark.parametrize("body", [b"{}", b"[]", b'"hello"', b"null"])
async def test_something_else_than_qdrant_answers(body: bytes) -> None:
    with pytest.raises(Rejected, match="not a Qdrant server"):
        await asked(Answers(body=body), lambda store: store.version())
    with pytest.raises(Rejected, match="does not understand"):
        await asked(Answers(body=body), lambda store: store.aliases("ns_1"))


ASKING: dict[str, Callable[[QdrantStore], Awaitable[Any]]] = {
    "aliases": lambda store: store.aliases("ns_1"),
    "alias_target": lambda store: store.alias_target("ns_1"),
    "names": lambda store: store.names(),
    "count_points": lambda store: store.count_points("ns_1"),
    "points_by_namespace": lambda store: store.points_by_namespace("ns_1", 10),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"result": null}',
        b'{"result": {"aliases": [{}], "collections": [{}], "count": "many", "hits": [{}]}}',
        b'{"result": {"aliases": 5, "collections": 5, "count": null, "hits": 5}}',
        b'{"result": []}',
    ],
)
async def test_an_answer_of_another_shape_is_not_taken_for_none(
    body: bytes, ask: Callable[[QdrantStore], Awaitable[Any]]
) -> None:
    with pytest.raises(Rejected, match="does not understand"):
        await asked(Answers(body=body), ask)


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
async def test_nothing_is_known_of_what_is_not_found(ask: Callable[[QdrantStore], Awaitable[Any]]) -> None:
    with pytest.raises(Rejected):
        await asked(Answers(404, error_body("Not found: Collection `ns_1` doesn't exist!")), ask)


async def test_points_are_counted_exactly() -> None:
    answers = Answers(body=b'{"result": {"count": 7}}')
    assert await asked(answers, lambda store: store.count_points("ns_1")) == 7
    assert (answers.last.method, answers.last.path) == ("POST", "/collections/ns_1/points/count")
    assert json.loads(answers.last.body) == {"exact": True}


async def test_one_namespace_is_counted_by_a_filter() -> None:
    answers = Answers(body=b'{"result": {"count": 7}}')
    assert await asked(answers, lambda store: store.count_points("products", "ns_1")) == 7
    assert json.loads(answers.last.body) == {"exact": True, "filter": OF_NS_1}


async def test_all_namespaces_are_counted_by_one_facet_without_those_that_are_gone() -> None:
    hits = [{"value": "ns_1", "count": 7}, {"value": "ns_2", "count": 0}]
    answers = Answers(body=json.dumps({"result": {"hits": hits}}).encode())
    assert await asked(answers, lambda store: store.points_by_namespace("products", 2100)) == {"ns_1": 7}
    assert [(request.method, request.path) for request in answers.requests] == [("POST", "/collections/products/facet")]
    assert json.loads(answers.last.body) == {"key": "namespace_id", "limit": 2100, "exact": True}


async def test_points_are_deleted_by_a_filter_and_waited_for() -> None:
    answers = Answers()
    await asked(answers, lambda store: store.delete_points("products", "ns_1"))
    path = "/collections/products/points/delete?wait=true"
    assert [(request.method, request.path) for request in answers.requests] == [("POST", path)]
    assert json.loads(answers.last.body) == {"filter": OF_NS_1}


async def test_metadata_is_patched_with_nulls_for_what_goes() -> None:
    answers = Answers()
    await asked(answers, lambda store: store.set_metadata("ns_1", {"a": 1, "b": None}))
    assert (answers.last.method, answers.last.path) == ("PATCH", "/collections/ns_1")
    assert json.loads(answers.last.body) == {"metadata": {"a": 1, "b": None}}
