"""Many small Namespaces applied at once as members of shared collections, until all are Ready.

Run with `make bench-shared`; `MEMBERS=200 COLLECTIONS=2` makes it small. Beside it stands its floor: the requests that
a member needs, sent by this script to the same servers with as many workers as the operator has, in the same run. The
requests are counted where they arrive: in the API server's audit log, in Qdrant's telemetry, by MongoDB's own counters.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import ssl
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import pymongo
import yaml
from rich.console import Console
from rich.table import Table

from bench.arrivals import Object, api_requests, qdrant_requests
from bench.shared_floor import Floor
from bench.workers import at_once
from devstack.control_plane import ADMIN
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION

MEMBERS = int(os.environ.get("MEMBERS", "2000"))
COLLECTIONS = int(os.environ.get("COLLECTIONS", "20"))
ORGANIZATION = "company"
OWN_INDEXES = ("category", "language", "source")
WORKERS = 16
"""As many as the operator has."""

_APPLIERS = 16
_TIMEOUT_SECONDS = 1200.0
_SETTLED_SECONDS = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")
_COMMANDS = ("find", "insert", "update", "delete", "findAndModify", "aggregate", "getMore")
_NAMESPACES = f"/apis/{GROUP}/{VERSION}/namespaces/{ORGANIZATION}/{PLURAL}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What bringing all members about took: wall and CPU in seconds, and the requests."""

    wall: float
    cpu: float
    requests: Counter[str]


@dataclass(slots=True)
class Applier:
    """The bare client that makes the objects, and watches them become Ready."""

    stack: Stack
    session: aiohttp.ClientSession = field(init=False)
    watches: int = 0
    """How many it took: more than one where the API server ended one."""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        content = yaml.safe_load(self.stack.kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        token = next(entry["user"]["token"] for entry in content["users"] if entry["name"] == ADMIN)
        tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                cluster["server"],
                headers={"Authorization": f"Bearer {token}"},
                connector=aiohttp.TCPConnector(ssl=tls, limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def request(self, method: str, path: str, body: Object) -> None:
        """Send one request to the API server. Raises where it is refused."""
        async with self.session.request(method, path, json=body) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
            await answer.read()

    async def until_ready(self) -> float:
        """Apply every member at once; seconds until the last is Ready."""
        started = time.perf_counter()
        async with asyncio.timeout(_TIMEOUT_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(self._await_all())
            group.create_task(at_once(MEMBERS, _APPLIERS, self._apply))
        return time.perf_counter() - started

    async def _apply(self, number: int) -> None:
        spec = {
            "featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"}],
            "payloadIndexes": [{"fieldName": name, "type": "keyword"} for name in OWN_INDEXES],
            "infrastructure": {"qdrantCollection": f"shared-{_collection_of(number)}", "sharing": True},
        }
        metadata = {"name": f"member-{number}"}
        await self.request(
            "POST", _NAMESPACES, {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        )

    async def _await_all(self) -> None:
        """The API server may end a watch at any time, of a client that reads slowly, say: then list and watch again."""
        ready: set[str] = set()
        while len(ready) < MEMBERS:
            self.watches += 1
            async with self.session.get(_NAMESPACES) as answer:
                listed = await answer.json()
            ready = {obj["metadata"]["name"] for obj in listed["items"] if _is_ready(obj)}
            query = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
            async with self.session.get(_NAMESPACES, params=query) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break
                    if _is_ready(event["object"]):
                        ready.add(event["object"]["metadata"]["name"])
                    if len(ready) == MEMBERS:
                        return


def _is_ready(obj: Object) -> bool:
    conditions = obj.get("status", {}).get("conditions", ())
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)


def _collection_of(number: int) -> int:
    """Members of one collection come one after the other, so that those at work at once meet in it."""
    return number * COLLECTIONS // MEMBERS


@dataclass(frozen=True, slots=True)
class Bench:
    """The stack, and the two things that are measured on it."""

    stack: Stack
    database: pymongo.MongoClient[Object]

    def prepare(self) -> None:
        """Make the Kubernetes namespace to work in."""
        self.stack.kubectl("create", "namespace", ORGANIZATION)

    def operator(self) -> Measured:
        """The operator's way there."""
        user = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
        before, cpu = self._requests(user), self._operator_cpu()
        wall = asyncio.run(self._until_ready())
        spent = self._operator_cpu() - cpu
        # The last events and counts are still to come.
        time.sleep(_SETTLED_SECONDS)
        return Measured(wall, spent, self._requests(user) - before)

    def floor(self) -> Measured:
        """The script's."""
        before, cpu = self._requests(ADMIN), _own_cpu()
        wall = asyncio.run(self._floor())
        spent = _own_cpu() - cpu
        requests = self._requests(ADMIN) - before
        # Somebody else makes the operator's objects.
        del requests["API server: create configmaps"]
        return Measured(wall, spent, requests)

    async def _until_ready(self) -> float:
        async with Applier(self.stack) as applier:
            wall = await applier.until_ready()
            print(f"watches that it took: {applier.watches}")
            return wall

    async def _floor(self) -> float:
        async with Applier(self.stack) as applier, Floor(self.stack, ORGANIZATION, applier.request) as floor:
            made: asyncio.Queue[int] = asyncio.Queue()

            async def apply(number: int) -> None:
                await floor.apply(number)
                made.put_nowait(number)

            async def settle(_: int) -> None:
                number = await made.get()
                await floor.settle(number, _collection_of(number))

            started = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                group.create_task(at_once(MEMBERS, _APPLIERS, apply))
                group.create_task(at_once(MEMBERS, WORKERS, settle))
            return time.perf_counter() - started

    def _requests(self, user: str) -> Counter[str]:
        arrived = api_requests(self.stack, user, ORGANIZATION) + qdrant_requests(self.stack)
        commands: dict[str, Any] = self.database.admin.command("serverStatus")["metrics"]["commands"]
        return arrived + Counter({f"MongoDB: {name}": int(commands[name]["total"]) for name in _COMMANDS})

    def _operator_cpu(self) -> float:
        """Seconds of CPU of the operator's process so far."""
        stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in self.stack.operator_pids())
        return sum(sum(map(int, stat.split()[11:13])) for stat in stats) / _TICKS


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    console = Console()
    with Stack() as stack, pymongo.MongoClient[Object](stack.mongodb_uri) as database:
        stack.install_operator({"operator": {"replicas": 1}})
        bench = Bench(stack, database)
        bench.prepare()
        floor = bench.floor()
        load = os.getloadavg()[0]
        operator = bench.operator()
    _print(console, operator, floor)
    console.print(f"load average of the machine before the operator's part: {load:.1f}; {os.cpu_count()} cores")


def _print(console: Console, operator: Measured, floor: Measured) -> None:
    title = f"{MEMBERS} Namespaces, {COLLECTIONS} shared collections, all applied at once, until all are Ready"
    table = Table("", "wall", "wall a member", "CPU", "CPU a member", title=title)
    for name, found in (("operator", operator), ("floor: the needed requests by a script", floor)):
        seconds = (found.wall, found.cpu)
        total, each = (f"{{:.{digits}f}}" for digits in (1, 2))
        cells = (
            text for one in seconds for text in (f"{total.format(one)} s", f"{each.format(one / MEMBERS * 1000)} ms")
        )
        table.add_row(name, *cells)
    console.print(table)
    console.print(f"ratio of the walls: {operator.wall / floor.wall:.2f}")
    counted = Table("server and request", "operator", "floor", title="Requests, mean of a member")
    for name in sorted(operator.requests.keys() | floor.requests.keys()):
        counted.add_row(name, *(f"{one.requests[name] / MEMBERS:.2f}" for one in (operator, floor)))
    for server in ("API server", "Qdrant", "MongoDB"):
        sums = (sum(n for name, n in one.requests.items() if name.startswith(server)) for one in (operator, floor))
        counted.add_row(f"{server} in all", *(f"{count / MEMBERS:.2f}" for count in sums))
    console.print(counted)


if __name__ == "__main__":
    main()
