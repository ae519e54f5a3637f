"""What the stand-in acknowledged is there after the end of its process, whenever that comes."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.contract.qdrant.conftest import ONE_VECTOR, Starter


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


def test_what_nobody_waited_for_survives_a_kill(stand_in: Starter) -> None:
    server = stand_in()
    with httpx.Client(base_url=server.url) as client:
        client.put("/collections/c", json=ONE_VECTOR)
        for n in range(50):
            point = {"id": n, "vector": {"a": [1, 0, 0, n]}, "payload": {"k": "x"}}
            client.put("/collections/c/points", json={"points": [point]}).raise_for_status()
        client.put("/collections/c/vectors/b", json={"dense": {"size": 2, "distance": "Dot"}}).raise_for_status()
        client.put("/collections/c/index", json={"field_name": "k", "field_schema": "keyword"}).raise_for_status()
        client.post("/collections/c/points/delete", json={"points": [0]}).raise_for_status()
    server.kill()

    server.start()
    info = httpx.get(f"{server.url}/collections/c").json()["result"]
    assert info["points_count"] == 49
    assert set(info["config"]["params"]["vectors"]) == {"a", "b"}
    assert info["payload_schema"] == {"k": {"data_type": "keyword", "points": 49}}


def test_a_kill_amid_schema_changes_leaves_a_whole_collection(stand_in: Starter) -> None:
    server = stand_in()
    seed = random.randrange(10**6)
    moment = random.Random(seed)
    url = f"{server.url}/collections/c"
    httpx.put(url, json=ONE_VECTOR)
    acknowledged: dict[str, str] = {}
    for _ in range(5):
        killer = threading.Timer(moment.uniform(0.05, 0.4), server.kill)
        killer.start()
        attempted = _change_indexes(url, acknowledged, moment)
        killer.join()
        server.start()
        live = {field: entry["data_type"] for field, entry in _schema(url).items()}
        expected = [acknowledged, acknowledged | attempted]
        assert live in expected, f"seed {seed}"
        acknowledged = live
        # The engine has what the configuration says: the filter finds the points, and every index counts its own.
        points = [{"id": n, "vector": {"a": [1, 0, 0, 0]}, "payload": dict.fromkeys(live, n)} for n in range(5)]
        httpx.put(f"{url}/points?wait=true", json={"points": points}).raise_for_status()
        integers = {field: 5 if kind == "integer" else 0 for field, kind in live.items()}
        assert {field: entry["points"] for field, entry in _schema(url).items()} == integers, f"seed {seed}"


def _change_indexes(url: str, acknowledged: dict[str, str], moment: random.Random) -> dict[str, str]:
    """Change indexes until the server is gone; the change that got no answer."""
    with httpx.Client(timeout=10) as client:
        while True:
            field, kind = f"f{moment.randrange(4)}", moment.choice(["integer", "keyword"])
            try:
                body = {"field_name": field, "field_schema": kind}
                client.put(f"{url}/index?wait=true", json=body).raise_for_status()
            except httpx.TransportError:
                return {field: kind}
            acknowledged[field] = kind


def _schema(url: str) -> dict[str, Any]:
    schema: dict[str, Any] = httpx.get(url).json()["result"]["payload_schema"]
    return schema


def test_an_orderly_end_is_quick_and_loses_nothing(stand_in: Starter) -> None:
    server = stand_in()
    url = f"{server.url}/collections/c"
    httpx.put(url, json=ONE_VECTOR)
    httpx.put(f"{url}/points", json={"points": [{"id": 1, "vector": {}}]}).raise_for_status()
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 10
    server.start()
    assert httpx.get(url).json()["result"]["points_count"] == 1


def test_a_collection_never_meets_what_an_earlier_one_of_its_name_left(stand_in: Starter) -> None:
    server = stand_in()
    names = [f"c{n}" for n in range(10)]

    def replace(name: str) -> None:
        url = f"{server.url}/collections/{name}"
        httpx.put(url, json={**ONE_VECTOR, "metadata": {"generation": 1}}).raise_for_status()
        httpx.put(f"{url}/points?wait=true", json={"points": [{"id": 1, "vector": {}}]}).raise_for_status()
        with ThreadPoolExecutor(1) as pool:
            deletion = pool.submit(httpx.delete, url)
            body = {**ONE_VECTOR, "metadata": {"generation": 2}}
            while httpx.put(url, json=body).status_code != 200:
                pass
            assert deletion.result().json()["result"] is True

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(replace, names))
    for _ in range(2):
        for name in names:
            info = httpx.get(f"{server.url}/collections/{name}").json()["result"]
            assert info["config"]["metadata"] == {"generation": 2}
            assert info["points_count"] == 0
        server.kill()
        server.start()


def test_no_write_that_races_with_a_deletion_brings_the_collection_back(stand_in: Starter) -> None:
    server = stand_in()
    for n in range(10):
        url = f"{server.url}/collections/c{n}"
        httpx.put(url, json=ONE_VECTOR).raise_for_status()

        def write(key: int, url: str = url) -> int:
            if key % 2:
                return httpx.patch(url, json={"metadata": {f"k{key}": key}}).status_code
            body = {"field_name": f"f{key}", "field_schema": "keyword"}
            return httpx.put(f"{url}/index?wait=true", json=body).status_code

        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(write, key) for key in range(16)]
            assert httpx.delete(url).json()["result"] is True
            assert {done.result() for done in writes} <= {200, 404}
    server.kill()
    server.start()
    assert httpx.get(f"{server.url}/collections").json()["result"] == {"collections": []}


def test_a_deleted_collection_stays_deleted_with_its_aliases(stand_in: Starter) -> None:
    server = stand_in()
    url = f"{server.url}/collections"
    for name in ("kept", "gone"):
        httpx.put(f"{url}/{name}", json=ONE_VECTOR)
        alias = {"create_alias": {"collection_name": name, "alias_name": f"alias-{name}"}}
        httpx.post(f"{url}/aliases", json={"actions": [alias]}).raise_for_status()
    assert httpx.delete(f"{url}/gone").json()["result"] is True
    server.kill()
    server.start()
    assert httpx.get(url).json()["result"]["collections"] == [{"name": "kept"}]
    aliases = httpx.get(f"{server.url}/aliases").json()["result"]["aliases"]
    assert aliases == [{"alias_name": "alias-kept", "collection_name": "kept"}]
