"""Random points and batches of queries, which the recordings leave open, as Qdrant documents them.

With QDRANT_URL these are asked of that server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.qdrant.conftest import ONE_VECTOR

SAMPLE = {"sample": "random"}


@pytest.fixture(scope="module")
def client(fresh_server: Callable[[], httpx.Client]) -> httpx.Client:
    return fresh_server()


@pytest.fixture
def collection(client: httpx.Client) -> Iterator[str]:
    """The path of a collection with a hundred points, made and removed."""
    path = f"/collections/samples_{uuid4().hex[:8]}"
    client.put(path, json=ONE_VECTOR).raise_for_status()
    points = [{"id": n, "vector": {}, "payload": {"n": n, "odd": bool(n % 2)}} for n in range(100)]
    client.put(f"{path}/points?wait=true", json={"points": points}).raise_for_status()
    yield path
    client.delete(path)


def drawn(client: httpx.Client, collection: str, **fields: Any) -> list[Any]:
    """The points of one draw."""
    answer = client.post(f"{collection}/points/query", json={"query": SAMPLE, **fields}).raise_for_status()
    points: list[Any] = answer.json()["result"]["points"]
    return points


def test_a_draw_is_of_the_filtered_points_each_at_most_once(client: httpx.Client, collection: str) -> None:
    odd = {"must": [{"key": "odd", "match": {"value": True}}]}
    points = drawn(client, collection, limit=1000, filter=odd, with_payload={"include": ["n"]})
    assert sorted(point["payload"]["n"] for point in points) == list(range(1, 100, 2))
    assert all(point["payload"].keys() == {"n"} for point in points)


def test_draws_differ(client: httpx.Client, collection: str) -> None:
    found = {tuple(point["id"] for point in drawn(client, collection, limit=5)) for _ in range(20)}
    assert len(found) > 1


def test_without_a_limit_ten_are_drawn(client: httpx.Client, collection: str) -> None:
    assert len(drawn(client, collection)) == 10


@pytest.mark.parametrize("query", [{"sample": "first"}, {"sample": None}, {"sample": 5}])
def test_there_is_no_other_way_to_draw(client: httpx.Client, collection: str, query: Any) -> None:
    assert client.post(f"{collection}/points/query", json={"query": query}).status_code == 400


def test_a_batch_answers_each_query_in_its_order(client: httpx.Client, collection: str) -> None:
    searches = [{"query": SAMPLE, "limit": limit} for limit in (1, 3, 2)]
    answer = client.post(f"{collection}/points/query/batch", json={"searches": searches}).raise_for_status()
    assert [len(each["points"]) for each in answer.json()["result"]] == [1, 3, 2]
    assert client.post(f"{collection}/points/query/batch", json={"searches": []}).json()["result"] == []


@pytest.mark.parametrize("body", [{}, {"searches": [{"query": SAMPLE, "limit": 0}]}, {"searches": [5]}])
def test_a_bad_batch_is_refused(client: httpx.Client, collection: str, body: Any) -> None:
    assert client.post(f"{collection}/points/query/batch", json=body).status_code in (400, 422)


def test_strict_mode_refuses_a_batch_for_one_of_its_queries(client: httpx.Client, collection: str) -> None:
    client.patch(collection, json={"strict_mode_config": {"enabled": True, "max_query_limit": 5}}).raise_for_status()
    searches = [{"query": SAMPLE, "limit": 5}, {"query": SAMPLE, "limit": 6}]
    answer = client.post(f"{collection}/points/query/batch", json={"searches": searches})
    assert answer.status_code == 400
    assert 'Limit exceeded 6 > 5 for "limit"' in answer.json()["status"]["error"]


def test_a_missing_collection_is_said_to_be_missing(client: httpx.Client) -> None:
    answer = client.post("/collections/none/points/query/batch", json={"searches": [{"query": SAMPLE}]})
    assert answer.status_code == 404
