"""What the recordings do not cover: keys, concurrent creates, the order of operations, telemetry, the real client."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from qdrant_client import AsyncQdrantClient, models

from tests.contract.qdrant.conftest import API_KEY, KEYS, ONE_VECTOR, READ_ONLY_KEY, Starter


@pytest.mark.parametrize("path", ["/", "/healthz", "/livez", "/readyz"])
def test_health_needs_no_key(stand_in: Starter, path: str) -> None:
    assert httpx.get(stand_in(KEYS).url + path).status_code == 200


def test_keys_open_what_they_should(stand_in: Starter) -> None:
    url = stand_in(KEYS).url + "/collections"
    missing, wrong = httpx.get(url), httpx.get(url, headers={"api-key": "wrong"})
    assert (missing.status_code, missing.text) == (401, "Must provide an API key or an Authorization bearer token")
    assert (wrong.status_code, wrong.text) == (401, "Invalid API key or JWT")
    assert httpx.get(url, headers={"Authorization": f"Bearer {API_KEY}"}).status_code == 200
    read_only = {"api-key": READ_ONLY_KEY}
    assert httpx.get(url, headers=read_only).status_code == 200
    refused = httpx.put(f"{url}/c", json=ONE_VECTOR, headers=read_only)
    assert refused.status_code == 403
    assert refused.json()["status"] == {"error": "Forbidden: Global manage access is required"}
    assert httpx.put(f"{url}/c", json=ONE_VECTOR, headers={"api-key": API_KEY}).status_code == 200


def test_of_concurrent_creates_exactly_one_wins(stand_in: Starter) -> None:
    url = stand_in().url + "/collections/contested"

    def create(owner: int) -> httpx.Response:
        return httpx.put(url, json={**ONE_VECTOR, "metadata": {"owner": owner}})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200] + [409] * 7
    assert httpx.get(url).json()["result"]["config"]["metadata"] == {"owner": statuses.index(200)}


def test_an_index_without_wait_is_visible_after_one_with_wait(stand_in: Starter) -> None:
    server = stand_in()
    with httpx.Client(base_url=server.url) as client:
        client.put("/collections/c", json=ONE_VECTOR)
        for n in range(8):
            body = {"field_name": f"f{n}", "field_schema": "keyword"}
            answer = client.put(f"/collections/c/index?wait={'true' if n == 7 else 'false'}", json=body).json()
            assert answer["result"]["status"] == ("completed" if n == 7 else "acknowledged")
        assert len(client.get("/collections/c").json()["result"]["payload_schema"]) == 8


def test_indexes_without_wait_come_a_moment_later(stand_in: Starter) -> None:
    server = stand_in()
    with httpx.Client(base_url=server.url) as client:
        client.put("/collections/c", json=ONE_VECTOR)
        for n in range(8):
            client.put("/collections/c/index", json={"field_name": f"f{n}", "field_schema": "keyword"})
        counts = [len(client.get("/collections/c").json()["result"]["payload_schema"])]
        deadline = time.monotonic() + 10
        while counts[-1] < 8:
            assert time.monotonic() < deadline
            counts.append(len(client.get("/collections/c").json()["result"]["payload_schema"]))
    assert counts[0] < 8


def test_of_concurrent_vectors_of_one_name_exactly_one_wins(stand_in: Starter) -> None:
    url = stand_in().url + "/collections/c"
    httpx.put(url, json=ONE_VECTOR)
    httpx.put(f"{url}/points?wait=true", json={"points": [{"id": 1, "vector": {}}]}).raise_for_status()

    def add(size: int) -> str | None:
        body = {"dense": {"size": size, "distance": "Dot"}}
        answer = httpx.put(f"{url}/vectors/contested?wait=true", json=body)
        return None if answer.status_code == 200 else answer.json()["status"]["error"]

    sizes = range(1, 9)
    with ThreadPoolExecutor(8) as pool:
        refusals = dict(zip(sizes, pool.map(add, sizes), strict=True))
    (winner,) = (size for size, refusal in refusals.items() if refusal is None)
    different = "Wrong input: Vector `contested` already exists with a different configuration"
    assert set(refusals.values()) == {None, different}
    live = httpx.get(url).json()["result"]["config"]["params"]["vectors"]
    assert live["contested"] == {"size": winner, "distance": "Dot"}
    point = {"id": 1, "vector": {"contested": [1] * winner}}
    httpx.put(f"{url}/points?wait=true", json={"points": [point]}).raise_for_status()


def test_concurrent_patches_of_own_keys_lose_none(stand_in: Starter) -> None:
    url = stand_in().url + "/collections/c"
    httpx.put(url, json=ONE_VECTOR)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: httpx.patch(url, json={"metadata": {f"k{n}": n}}).raise_for_status(), range(40)))
    assert httpx.get(url).json()["result"]["config"]["metadata"] == {f"k{n}": n for n in range(40)}


def test_a_collection_without_vectors_takes_points(stand_in: Starter) -> None:
    url = stand_in().url + "/collections/c"
    httpx.put(url, json={})
    point = {"id": "550e8400-e29b-41d4-a716-446655440001", "vector": {}, "payload": {"k": 1}}
    httpx.put(f"{url}/points?wait=true", json={"points": [point]}).raise_for_status()
    found = httpx.post(f"{url}/points/scroll", json={"with_vector": True}).json()["result"]["points"]
    assert found == [point]
    assert httpx.get(url).json()["result"]["config"]["params"]["vectors"] == {}


def test_numbers_come_back_as_they_were_sent(stand_in: Starter) -> None:
    url = stand_in().url + "/collections/c"
    httpx.put(url, json={"vectors": {"size": 3, "distance": "Dot"}, "sparse_vectors": {"s": {}}})
    vector = [0.1, 0.2, -1e-7]
    sparse = {"indices": [1, 4_000_000_000], "values": [0.3, 2.5]}
    points = [
        {"id": 1, "vector": vector, "payload": {"big": 2**60, "text": "ünïcode ☃"}},
        {"id": 2, "vector": {"s": sparse}, "payload": {}},
    ]
    httpx.put(f"{url}/points?wait=true", json={"points": points}).raise_for_status()
    found = httpx.post(f"{url}/points/scroll", json={"with_vector": True}).json()["result"]["points"]
    assert found == points


def test_telemetry_grows_with_its_level(stand_in: Starter) -> None:
    server = stand_in()
    with httpx.Client(base_url=server.url) as client:
        client.put("/collections/c", json={**ONE_VECTOR, "metadata": {"owner": "us"}})
        client.put("/collections/c/points?wait=true", json={"points": [{"id": 1, "vector": {}, "payload": {"k": "x"}}]})
        client.put("/collections/c/index?wait=true", json={"field_name": "k", "field_schema": "keyword"})

        def collections(level: int) -> dict[str, Any]:
            answer = client.get(f"/telemetry?details_level={level}").json()["result"]
            known: dict[str, Any] = answer["collections"]
            return known

        assert collections(0) == {"number_of_collections": 1}
        (first,) = collections(1)["collections"]
        assert first.keys() == {"vectors", "optimizers_status", "params"}
        (second,) = collections(2)["collections"]
        assert second["config"]["metadata"] == {"owner": "us"}
        assert "shards" not in second
        (third,) = collections(3)["collections"]
        assert third["shards"][0]["local"]["num_points"] == 1
        assert third["shards"][0]["local"]["status"] == "green"
        assert "segments" not in third["shards"][0]["local"]
        (fourth,) = collections(4)["collections"]
        segments = fourth["shards"][0]["local"]["segments"]
        schemas = [segment["info"]["index_schema"] for segment in segments]
        assert schemas == [{"k": {"data_type": "keyword", "points": points}} for points in (1, 0)]


async def test_the_real_client_works(stand_in: Starter) -> None:
    client = AsyncQdrantClient(url=stand_in().url, check_compatibility=False)
    await client.create_collection(
        "c",
        vectors_config={"a": models.VectorParams(size=4, distance=models.Distance.COSINE)},
        sparse_vectors_config={"s": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        metadata={"owner": "us"},
    )
    assert await client.collection_exists("c")
    assert [collection.name for collection in (await client.get_collections()).collections] == ["c"]
    await client.update_collection("c", metadata={"owner": None, "more": 1})
    await client.create_payload_index("c", "city", models.PayloadSchemaType.KEYWORD, wait=True)
    points = [
        models.PointStruct(
            id=n,
            vector={"a": [1.0, n, 0.0, 0.0], "s": models.SparseVector(indices=[n], values=[1.0])},
            payload={"city": f"c{n % 2}", "n": n},
        )
        for n in range(10)
    ]
    await client.upsert("c", points, wait=True)
    in_c1 = models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="c1"))])
    assert (await client.count("c", in_c1, exact=True)).count == 5
    assert {hit.value: hit.count for hit in (await client.facet("c", "city")).hits} == {"c0": 5, "c1": 5}
    found = await client.query_points("c", [1.0, 0.0, 0.0, 0.0], using="a", limit=1, with_payload=True)
    assert found.points[0].payload == {"city": "c0", "n": 0}
    sparse = models.SparseVector(indices=[3], values=[1.0])
    assert (await client.query_points("c", sparse, using="s", limit=1)).points[0].id == 3
    await client.set_payload("c", {"city": "c2"}, points=[1], wait=True)
    assert (await client.retrieve("c", [1], with_vectors=["a"]))[0].payload == {"city": "c2", "n": 1}
    await client.delete("c", models.FilterSelector(filter=in_c1), wait=True)
    records, following = await client.scroll("c", limit=3)
    assert [record.id for record in records] == [0, 1, 2]
    assert following == 4
    info = await client.get_collection("c")
    assert info.config.metadata == {"more": 1}
    assert info.points_count == 6
    added = models.DenseVectorNameConfig(dense=models.DenseVectorConfig(size=2, distance=models.Distance.DOT))
    await client.create_vector_name("c", "b", added)
    await client.update_vectors("c", [models.PointVectors(id=0, vector={"b": [1.0, 2.0]})], wait=True)
    assert (await client.retrieve("c", [0], with_vectors=["b"]))[0].vector == {"b": [1.0, 2.0]}
    await client.delete_vector_name("c", "b")
    vectors = (await client.get_collection("c")).config.params.vectors
    assert isinstance(vectors, dict)
    assert set(vectors) == {"a"}
    alias = models.CreateAlias(collection_name="c", alias_name="other")
    await client.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
    assert [found.alias_name for found in (await client.get_collection_aliases("c")).aliases] == ["other"]
    assert (await client.count("other")).count == 6
    await client.delete_payload_index("c", "city", wait=True)
    assert (await client.get_collection("c")).payload_schema == {}
    assert await client.delete_collection("c")
    assert not await client.collection_exists("c")
    await client.close()
