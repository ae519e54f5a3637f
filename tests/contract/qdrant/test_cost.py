"""What collections cost the stand-in's process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.contract.qdrant.conftest import ONE_VECTOR, StandIn, Starter


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


def test_many_collections_with_points_keep_few_threads(stand_in: Starter) -> None:
    server = stand_in()
    count = 96
    with httpx.Client(base_url=server.url) as client:
        for n in range(count):
            client.put(f"/collections/c{n}", json=ONE_VECTOR).raise_for_status()
            point = {"id": n, "vector": {"a": [1, 0, 0, 0]}, "payload": {}}
            client.put(f"/collections/c{n}/points?wait=true", json={"points": [point]}).raise_for_status()
        assert _process(server)["Threads"] <= 64 + 16  # and those of Python
        # Those whose shard was closed count and answer as before.
        assert client.get("/collections/c0").json()["result"]["points_count"] == 1
        for n in range(count):
            found = client.post(f"/collections/c{n}/points/scroll", json={}).json()["result"]["points"]
            assert [point["id"] for point in found] == [n]


def test_others_are_answered_while_many_points_are_written(stand_in: Starter) -> None:
    server = stand_in()
    url = f"{server.url}/collections/c"
    httpx.put(url, json=ONE_VECTOR)
    points = [{"id": n, "vector": {"a": [1, 0, 0, n]}, "payload": {"k": str(n)}} for n in range(20_000)]
    answered = 0
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=server.url) as client:
        write = pool.submit(httpx.put, f"{url}/points?wait=true", json={"points": points}, timeout=120)
        while not write.done():
            answered += client.get("/readyz").is_success
        assert write.result().is_success
    assert answered >= 10


def _process(server: StandIn) -> dict[str, int]:
    assert server.process is not None
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) for name in ("Threads", "VmRSS")}
