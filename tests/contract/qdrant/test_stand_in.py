"""What the recordings do not cover: keys, durability, cost, telemetry, and the real client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from qdrant_client import AsyncQdrantClient, models

from tests.contract.qdrant.conftest import API_KEY, KEYS, READ_ONLY_KEY, StandIn

Starter = Callable[..., StandIn]
ONE_VECTOR = {"vectors": {"a": {"size": 4, "distance": "Cosine"}}}


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


def test_what_was_acknowledged_survives_a_kill(stand_in: Starter) -> None:
    server = stand_in()
    acknowledged: dict[str, set[int]] = {f"c{n}": set() for n in range(4)}
    stop = threading.Event()

    def write(name: str) -> None:
        with httpx.Client(base_url=server.url, timeout=10) as client:
            for n in range(10_000):
                if stop.is_set():
                    return
                point = {"id": n, "vector": {"a": [1, 0, 0, n]}, "payload": {"k": str(n)}}
                try:
                    client.put(f"/collections/{name}/points?wait=true", json={"points": [point]}).raise_for_status()
                except httpx.TransportError:
                    return
                acknowledged[name].add(n)

    for name in acknowledged:
        httpx.put(f"{server.url}/collections/{name}", json={**ONE_VECTOR, "metadata": {"name": name}})
        index = {"field_name": "k", "field_schema": "keyword"}
        httpx.put(f"{server.url}/collections/{name}/index", json=index).raise_for_status()
        vector = {"dense": {"size": 6, "distance": "Dot"}}
        httpx.put(f"{server.url}/collections/{name}/vectors/b?wait=true", json=vector).raise_for_status()
    alias = {"create_alias": {"collection_name": "c0", "alias_name": "alias"}}
    httpx.post(f"{server.url}/collections/aliases", json={"actions": [alias]}).raise_for_status()
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, name) for name in acknowledged]
        while min(map(len, acknowledged.values())) < 20:
            assert not any(writer.done() for writer in writers)
        server.kill()
        stop.set()

    server.start()
    for name, ids in acknowledged.items():
        info = httpx.get(f"{server.url}/collections/{name}").json()["result"]
        assert info["config"]["metadata"] == {"name": name}
        assert set(info["config"]["params"]["vectors"]) == {"a", "b"}
        found = httpx.post(f"{server.url}/collections/{name}/points/scroll", json={"limit": 100_000}).json()
        # One more may be there: written when the process ended, before its answer.
        stored = {point["id"] for point in found["result"]["points"]}
        assert ids <= stored
        assert len(stored - ids) <= 1
        assert info["payload_schema"]["k"] == {"data_type": "keyword", "points": len(stored)}
    aliases = httpx.get(f"{server.url}/aliases").json()["result"]["aliases"]
    assert aliases == [{"alias_name": "alias", "collection_name": "c0"}]


def test_a_thousand_empty_collections_cost_no_threads_and_little_memory(stand_in: Starter) -> None:
    server = stand_in()
    with httpx.Client(base_url=server.url) as client:
        client.put("/collections/first", json=ONE_VECTOR)
        before = _process(server)
        for n in range(1000):
            client.put(f"/collections/c{n}", json=ONE_VECTOR).raise_for_status()
        after = _process(server)
    assert after["Threads"] <= before["Threads"] + 8
    assert after["VmRSS"] <= before["VmRSS"] + 30_000  # kB


def test_an_index_without_wait_is_visible_after_one_with_wait(stand_in: Starter) -> None:
    server = stand_in()
    with httpx.Client(base_url=server.url) as client:
        client.put("/collections/c", json=ONE_VECTOR)
        for n in range(8):
            body = {"field_name": f"f{n}", "field_schema": "keyword"}
            answer = client.put(f"/collections/c/index?wait={'true' if n == 7 else 'false'}", json=body).json()
            assert answer["result"]["status"] == ("completed" if n == 7 else "acknowledged")
        assert len(client.get("/collections/c").json()["result"]["payload_schema"]) == 8


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
        schema = fourth["shards"][0]["local"]["segments"][0]["info"]["index_schema"]
        assert schema == {"k": {"data_type": "keyword", "points": 1}}


async def test_the_real_client_works(stand_in: Starter) -> None:
    client = AsyncQdrantClient(url=stand_in().url, check_compatibility=False)
    await client.create_collection(
        "c",
        vectors_config={"a": models.VectorParams(size=4, distance=models.Distance.COSINE)},
        sparse_vectors_config={"s": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        metadata={"owner": "us"},
    )
    assert await client.collection_exists("c")
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
    await client.delete_payload_index("c", "city", wait=True)
    assert (await client.get_collection("c")).payload_schema == {}
    assert await client.delete_collection("c")
    assert not await client.collection_exists("c")
    await client.close()


def _process(server: StandIn) -> dict[str, int]:
    assert server.process is not None
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) for name in ("Threads", "VmRSS")}
