"""Many Namespaces whose time is over in the same second: how long after it the last of them is gone.

Run with `make bench-expiry`; `NAMESPACES=50` makes it small. All are made, and made equally old in MongoDB, and get the
same `ttlSeconds`: the warning comes in the ordinary way and stands for its time, and then all end at once. Beside the
operator stands its floor: the requests that an end needs, sent by this script to the same servers with as many workers
as the operator has, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
import yaml
from pymongo import AsyncMongoClient
from rich.console import Console
from rich.table import Table

from bench.arrivals import Object
from bench.workers import at_once
from devstack.control_plane import ADMIN
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, FINALIZER, GROUP, KIND, PLURAL, VERSION

NAMESPACES = int(os.environ.get("NAMESPACES", "500"))
ORGANIZATION = "company"
WORKERS = 16
"""As many as the operator has."""

_TTL = 600
_AHEAD_SECONDS = 60 + 30 + NAMESPACES // 20
"""From the edit to the end: the warning of a tenth, and time to write so many edits before it."""

_TIMEOUT_SECONDS = 900.0
_NAMESPACES = f"/apis/{GROUP}/{VERSION}/namespaces/{ORGANIZATION}/{PLURAL}"
_CONFIG_MAPS = f"/api/v1/namespaces/{ORGANIZATION}/configmaps"


@dataclass(slots=True)
class Servers:
    """The stack's three servers, as a bare client reaches them."""

    kubernetes: aiohttp.ClientSession
    qdrant: aiohttp.ClientSession
    mongodb: AsyncMongoClient[Object]
    database: str

    async def send(self, method: str, path: str, body: Object | list[Object] | None = None, kind: str = "") -> Object:
        """One request to the API server."""
        headers = {"Content-Type": kind} if kind else {}
        async with self.kubernetes.request(method, path, json=body, headers=headers) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
            found: Object = await answer.json()
            return found


@asynccontextmanager
async def servers_of(stack: Stack) -> AsyncIterator[Servers]:
    """Connections to all three."""
    content = yaml.safe_load(stack.kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    token = next(entry["user"]["token"] for entry in content["users"] if entry["name"] == ADMIN)
    tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
    key = stack.qdrant_api_key
    async with (
        aiohttp.ClientSession(
            cluster["server"],
            headers={"Authorization": f"Bearer {token}"},
            connector=aiohttp.TCPConnector(ssl=tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as kubernetes,
        aiohttp.ClientSession(stack.qdrant_url, headers={"api-key": key} if key else {}) as qdrant,
        AsyncMongoClient[Object](stack.mongodb_uri, w="majority", tz_aware=True) as mongodb,
    ):
        yield Servers(kubernetes, qdrant, mongodb, stack.mongodb_database)


@dataclass(slots=True)
class Watched:
    """When each object was seen Ready, being deleted and gone, in seconds since 1970."""

    ready: dict[str, float] = field(default_factory=dict)
    warned: dict[str, float] = field(default_factory=dict)
    deleting: dict[str, float] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, event: Object) -> None:
        """Note what an event of the watch tells."""
        obj, now = event["object"], time.time()
        name = obj["metadata"]["name"]
        states = {found["type"]: found["status"] for found in obj.get("status", {}).get("conditions", ())}
        if states.get("Ready") == "True":
            self.ready.setdefault(name, now)
        if "ExpiringSoon" in states:
            self.warned.setdefault(name, now)
        if "deletionTimestamp" in obj["metadata"]:
            self.deleting.setdefault(name, now)
        if event["type"] == "DELETED":
            self.gone.setdefault(name, now)
        self._news.set()

    async def all_are(self, seen: dict[str, float]) -> None:
        """Wait until all were seen so."""
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while len(seen) < NAMESPACES:
                self._news.clear()
                await self._news.wait()


async def watch(servers: Servers, watched: Watched) -> None:
    """Watch for ever; after an interruption from where it was."""
    listed = await servers.send("GET", _NAMESPACES)
    version = listed["metadata"]["resourceVersion"]
    while True:
        query = {"watch": "1", "resourceVersion": version}
        async with servers.kubernetes.get(_NAMESPACES, params=query, read_bufsize=2**22) as answer:
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    break
                version = event["object"]["metadata"]["resourceVersion"]
                watched.see(event)


async def operator(servers: Servers) -> tuple[Watched, datetime]:
    """Make them, let them end at once; what was seen, and the end."""
    watched = Watched()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(servers, watched))
        await asyncio.sleep(0.5)

        async def make(number: int) -> None:
            body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": f"n-{number}"}, "spec": {}}
            await servers.send("POST", _NAMESPACES, body)

        await at_once(NAMESPACES, WORKERS, make)
        await watched.all_are(watched.ready)
        end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=_AHEAD_SECONDS)
        documents = servers.mongodb[servers.database]["namespaces"]
        made = {"created_at": end - timedelta(seconds=_TTL)}
        await documents.update_many({"owner.organization": ORGANIZATION}, {"$set": made})

        async def edit(number: int) -> None:
            change = {"spec": {"ttlSeconds": _TTL}}
            await servers.send("PATCH", f"{_NAMESPACES}/n-{number}", change, "application/merge-patch+json")

        await at_once(NAMESPACES, WORKERS, edit)
        await watched.all_are(watched.gone)
        watching.cancel()
    return watched, end


async def floor(servers: Servers) -> list[float]:
    """Seconds until each of so many ends was brought about, from the moment on at which all were due."""
    documents = servers.mongodb[servers.database]["floor"]
    done: list[float] = []

    async def prepare(number: int) -> None:
        name = f"floor-{number}"
        await documents.insert_one({"_id": name, "revision": 1, "claims": [name]})
        async with servers.qdrant.put(f"/collections/{name}", json={"vectors": {}}) as answer:
            answer.raise_for_status()
        await servers.send("POST", _CONFIG_MAPS, {"metadata": {"name": name}, "data": {"k": "v"}})

    async def end(number: int) -> None:
        name = f"floor-{number}"
        path = f"{_CONFIG_MAPS}/{name}"
        finalizers: list[Object] = [{"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]}]
        none: list[Object] = [{"op": "add", "path": "/metadata/finalizers", "value": []}]
        patch = "application/json-patch+json"
        await documents.find_one({"claims": name})
        await documents.update_one({"_id": name}, {"$set": {"expired_at": time.time()}})
        await servers.send("PATCH", path, finalizers, patch)
        await documents.find_one({"_id": name})
        await servers.send("DELETE", path)
        await documents.update_one({"_id": name}, {"$set": {"state": "deleting"}})
        await documents.find_one({"_id": name})
        await servers.send("GET", path)
        async with servers.qdrant.get(f"/collections/{name}") as answer:
            await answer.read()
        async with servers.qdrant.delete(f"/collections/{name}") as answer:
            answer.raise_for_status()
        await documents.update_one({"_id": name}, {"$set": {"state": "deleted"}})
        await servers.send("PATCH", path, none, patch)
        done.append(time.perf_counter() - started)

    await documents.create_index("claims", unique=True)
    await at_once(NAMESPACES, WORKERS, prepare)
    started = time.perf_counter()
    await at_once(NAMESPACES, WORKERS, end)
    return done


async def measure(stack: Stack, console: Console) -> None:
    """Both parts, and the tables."""
    async with servers_of(stack) as servers:
        floors = await floor(servers)
        load = os.getloadavg()[0]
        watched, end = await operator(servers)
    moment = end.timestamp()
    late = {
        "operator: deletion begun": [seen - moment for seen in watched.deleting.values()],
        "operator: data and object gone": [seen - moment for seen in watched.gone.values()],
        "floor: the needed requests by a script": floors,
    }
    table = Table("after the end", "median", "worst", "first", title=f"{NAMESPACES} Namespaces that end in one second")
    for name, seconds in late.items():
        shown = (statistics.median(seconds), max(seconds), min(seconds))
        table.add_row(name, *(f"{value:.2f} s" for value in shown))
    console.print(table)
    gone = late["operator: data and object gone"]
    console.print(f"ratio of the worst: {max(gone) / max(floors):.2f}")
    warnings = [moment - seen for seen in watched.warned.values()]
    console.print(f"warned of: {len(warnings)}, at least {min(warnings):.0f} s before the end")
    console.print(f"load average of the machine before the operator's part: {load:.1f}; {os.cpu_count()} cores")


def main() -> None:
    """Measure and print."""
    console = Console()
    with Stack() as stack:
        stack.install_operator({"operator": {"replicas": 1}})
        stack.kubectl("create", "namespace", ORGANIZATION)
        asyncio.run(measure(stack, console))


if __name__ == "__main__":
    main()
