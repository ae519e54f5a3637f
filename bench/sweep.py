"""One sweep over many settled Namespaces: what it asks of the servers, how long it takes, how long others wait for it.

Run with `make bench-sweep`; `NAMESPACES=50` makes it small. Beside it stand two floors, by a bare script to the same
servers in the same run: one read of each store for each Namespace, with as many workers as the operator has, and the
fewest reads that tell of all. The requests are counted where they arrive: in the API server's audit log, in Qdrant's
telemetry, in MongoDB's profiler.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pymongo
from kubernetes import client as kubernetes
from kubernetes import config
from pymongo import AsyncMongoClient
from rich.console import Console
from rich.table import Table

from bench.arrivals import Object, api_requests, qdrant_requests
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION

NAMESPACES = int(os.environ.get("NAMESPACES", "500"))
INTERVAL = 30.0
"""Seconds between two sweeps."""

WORKERS = 16
"""As many as the operator has."""

ORGANIZATION = "bench"
SPEC = {
    "featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"}],
    "payloadIndexes": [{"fieldName": name, "type": "keyword"} for name in ("category", "language", "source")],
}

_READY_SECONDS = 1800.0
_STEPS_UNTIL_ALL_KEEP_STEP = 2.3
_SAMPLE_SECONDS = 0.02
_BUSY = 0.3
"""The part of a core from which on the operator is taken to be at work."""

_TICKS = os.sysconf("SC_CLK_TCK")
_COUNTED = ("buckets", "collections", "objects")


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and CPU in seconds, and the requests."""

    wall: float
    cpu: float
    requests: Counter[str]


@dataclass(slots=True)
class Watched:
    """What was seen of the operator during one interval: its CPU by time, and how long its health answers took."""

    samples: list[tuple[float, float]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)

    def burst(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Time and CPU at both ends of the sweep: of the most work that was done without a second of rest."""
        bursts = [((0.0, 0.0), (0.0, 0.0))]
        begun: tuple[float, float] | None = None
        last = (0.0, 0.0)
        for earlier, later in zip(self.samples, self.samples[10:], strict=False):
            if later[1] - earlier[1] >= _BUSY * (later[0] - earlier[0]):
                begun, last = begun or earlier, later
            elif begun is not None and later[0] - last[0] > 1.0:
                bursts.append((begun, last))
                begun = None
        if begun is not None:
            bursts.append((begun, last))
        return max(bursts, key=lambda burst: burst[1][1] - burst[0][1])

    def slowest(self) -> tuple[float, float]:
        """The slowest health answer during the sweep, and at any other time."""
        (begun, _), (ended, _) = self.burst()
        during = [0.0]
        other = [0.0]
        for (at, _), seconds in zip(self.samples, self.answers, strict=True):
            (during if begun <= at <= ended else other).append(seconds)
        return max(during), max(other)


class Bench:
    """The stack's servers, and what is measured on them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        # The client's functions are not typed to the objects they carry.
        new_client: Any = config.new_client_from_config
        api = new_client(str(stack.kubeconfig))
        self._core: Any = kubernetes.CoreV1Api(api)
        self._objects: Any = kubernetes.CustomObjectsApi(api)
        self._database = pymongo.MongoClient[Object](stack.mongodb_uri)[stack.mongodb_database]

    def settle(self) -> float:
        """Make all Namespaces, and wait until they are Ready and compared at the same moment; seconds until Ready."""
        self._core.create_namespace({"metadata": {"name": ORGANIZATION}})
        started = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._create, range(NAMESPACES)))
        while self._ready() < NAMESPACES:
            if time.perf_counter() - started > _READY_SECONDS:
                raise RuntimeError(f"only {self._ready()} of {NAMESPACES} became Ready")
            time.sleep(1)
        seconds = time.perf_counter() - started
        time.sleep(_STEPS_UNTIL_ALL_KEEP_STEP * INTERVAL)
        return seconds

    def sweep(self) -> tuple[Cost, Watched]:
        """One interval of the operator, with nothing else going on."""
        self._await_the_end_of_one()
        self._database.command("profile", 2)
        before, written = self._requests(), self._versions()
        watched = Watched()
        asyncio.run(self._watch(watched))
        requests = self._requests() - before
        self._database.command("profile", 0)
        # One was asked for by this script.
        requests["Qdrant: GET /telemetry"] -= 1
        if self._versions() != written:
            raise RuntimeError("something was written although nothing drifted")
        begun, ended = watched.burst()
        return Cost(ended[0] - begun[0], ended[1] - begun[1], requests), watched

    def _await_the_end_of_one(self) -> None:
        """Begin in the middle between two sweeps."""
        telemetry = "Qdrant: GET /telemetry"
        known = qdrant_requests(self._stack, all_routes=True)[telemetry]
        # One more is this script's own.
        while (found := qdrant_requests(self._stack, all_routes=True)[telemetry]) <= known + 1:
            known = found
            time.sleep(0.5)
        time.sleep(INTERVAL / 2)

    def floors(self) -> tuple[Cost, Cost]:
        """One read of each store for each Namespace, and the fewest reads for all."""
        return asyncio.run(self._one_by_one()), asyncio.run(self._at_once())

    def _create(self, number: int) -> None:
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": f"shop-{number}"}, "spec": SPEC}
        self._objects.create_namespaced_custom_object(GROUP, VERSION, ORGANIZATION, PLURAL, body)

    def _listed(self) -> list[Object]:
        listed: list[Object] = self._objects.list_namespaced_custom_object(GROUP, VERSION, ORGANIZATION, PLURAL)[
            "items"
        ]
        return listed

    def _ready(self) -> int:
        conditions = (obj.get("status", {}).get("conditions", ()) for obj in self._listed())
        return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in found) for found in conditions)

    def _versions(self) -> dict[str, str]:
        """What changes with every write: of each object, and of each document."""
        objects = {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] for obj in self._listed()}
        documents = self._database["namespaces"].find({}, {"revision": 1})
        return objects | {str(document["_id"]): str(document["revision"]) for document in documents}

    def _requests(self) -> Counter[str]:
        user = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
        arrived = api_requests(self._stack, user, ORGANIZATION) + qdrant_requests(self._stack, all_routes=True)
        profile = self._database["system.profile"].find({"appName": "namespace-operator"})
        return arrived + Counter(f"MongoDB: {entry['op']} {entry['ns'].partition('.')[2]}" for entry in profile)

    async def _watch(self, watched: Watched) -> None:
        pods = self._core.list_namespaced_pod(RELEASE_NAMESPACE).items
        (address,) = (pod.status.pod_ip for pod in pods if pod.status.phase == "Running")
        async with aiohttp.ClientSession(f"http://{address}:8080") as session:
            ends = time.perf_counter() + INTERVAL
            while (now := time.perf_counter()) < ends:
                watched.samples.append((now, self._operator_cpu()))
                async with session.get("/livez") as answer:
                    await answer.read()
                watched.answers.append(time.perf_counter() - now)
                await asyncio.sleep(_SAMPLE_SECONDS)

    def _operator_cpu(self) -> float:
        stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in self._stack.operator_pids())
        return sum(sum(map(int, stat.split()[11:13])) for stat in stats) / _TICKS

    async def _one_by_one(self) -> Cost:
        documents = list(self._database["namespaces"].find({"object": "namespace"}, {"claims": 1, "collection": 1}))

        async def work(qdrant: aiohttp.ClientSession, database: Any) -> Counter[str]:
            waiting = iter(documents)

            async def one_after_the_other() -> None:
                for document in waiting:
                    await database["namespaces"].find({"claims": {"$in": document["claims"]}}).to_list()
                    async with qdrant.get(f"/collections/{document['collection']}") as answer:
                        await answer.json()

            await asyncio.gather(*(one_after_the_other() for _ in range(WORKERS)))
            return Counter({"MongoDB: query namespaces": len(documents), "Qdrant: GET one": len(documents)})

        return await self._measured(work)

    async def _at_once(self) -> Cost:
        async def work(qdrant: aiohttp.ClientSession, database: Any) -> Counter[str]:
            async with qdrant.get("/telemetry?details_level=4") as answer:
                json.loads(await answer.read())
            documents = await database["namespaces"].find({"object": "namespace"}).to_list()
            ids = [document["_id"] for document in documents]
            counted = [
                {"$match": {"namespace_id": {"$in": ids}}},
                {"$group": {"_id": "$namespace_id", "n": {"$sum": 1}}},
            ]
            for name in _COUNTED:
                await (await database[name].aggregate(counted)).to_list()
            return Counter(
                {"Qdrant: GET /telemetry": 1, "MongoDB: query namespaces": 1, "MongoDB: counts": len(_COUNTED)}
            )

        return await self._measured(work)

    async def _measured(self, work: Callable[[aiohttp.ClientSession, Any], Awaitable[Counter[str]]]) -> Cost:
        key = self._stack.qdrant_api_key
        async with (
            aiohttp.ClientSession(self._stack.qdrant_url, headers={"api-key": key} if key else {}) as qdrant,
            AsyncMongoClient[Object](self._stack.mongodb_uri) as client,
        ):
            await client.admin.command("ping")
            started, cpu = time.perf_counter(), _own_cpu()
            requests = await work(qdrant, client[self._stack.mongodb_database])
            return Cost(time.perf_counter() - started, _own_cpu() - cpu, requests)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    console = Console()
    # The list of all objects, which finds what no watch told of, has an interval of its own.
    operator = {"replicas": 1, "resyncIntervalSeconds": int(INTERVAL), "sweepIntervalSeconds": 36_000}
    with Stack() as stack:
        stack.install_operator({"operator": operator})
        bench = Bench(stack)
        console.print(f"{NAMESPACES} Namespaces Ready after {bench.settle():.0f} s")
        sweep, watched = bench.sweep()
        one_by_one, at_once = bench.floors()
    _print(console, {"operator": sweep, "floor: one by one": one_by_one, "floor: all at once": at_once})
    during, otherwise = watched.slowest()
    console.print(
        f"slowest health answer of the operator: {during * 1000:.0f} ms during the sweep, {otherwise * 1000:.0f} ms"
        f" otherwise; median of all {statistics.median(watched.answers) * 1000:.1f} ms"
    )
    console.print(f"load average of the machine: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores")


def _print(console: Console, costs: dict[str, Cost]) -> None:
    table = Table("", *costs, title=f"One sweep over {NAMESPACES} settled Namespaces")
    table.add_row("wall", *(f"{cost.wall:.2f} s" for cost in costs.values()))
    table.add_row("CPU", *(f"{cost.cpu:.2f} s" for cost in costs.values()))
    table.add_row("CPU a Namespace", *(f"{cost.cpu / NAMESPACES * 1000:.2f} ms" for cost in costs.values()))
    for name in sorted({name for cost in costs.values() for name, count in cost.requests.items() if count}):
        table.add_row(name, *(str(cost.requests[name]) for cost in costs.values()))
    for server in ("API server", "Qdrant", "MongoDB"):
        sums = (sum(n for name, n in cost.requests.items() if name.startswith(server)) for cost in costs.values())
        table.add_row(f"{server} in all", *(str(count) for count in sums))
    console.print(table)


if __name__ == "__main__":
    main()
