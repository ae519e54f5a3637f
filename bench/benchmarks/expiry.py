"""Many Namespaces whose time is over in the same second: how long after it the last of them is gone.

All are made equally old in MongoDB and get the same `ttlSeconds`: the warning comes in the ordinary way and stands for
its time, and then all end at once. The floor are the requests that an end needs, by as many workers.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.bare.servers import JSON_PATCH, MERGE_PATCH, Object, Servers, events, namespaces_path
from bench.figure import Figure, Measured, Table, percentile
from bench.rig import OPERATOR, SPEC, WORKERS, Rig, facts, rig
from bench.show import Show
from bench.size import Size
from bench.workers import at_once
from namespace_operator.api.resource import FINALIZER

NAMESPACES = 500

_TTL = 600
_WARNED_SECONDS = 60 + 30
"""From the edit to the end, at the least: the warning of a tenth, and some time before it."""
_EDITS_A_SECOND = 20
_TIMEOUT_SECONDS = 900.0
_FLOOR = "bench-ends"


@dataclass(slots=True)
class Watched:
    """When each object was seen being warned of, being deleted and gone, in seconds since 1970."""

    warned: dict[str, float] = field(default_factory=dict)
    deleting: dict[str, float] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, servers: Servers, version: str) -> None:
        """Note what is told until cancelled."""
        async for event in events(servers, namespaces_path(OPERATOR.organization), version):
            obj, now = event["object"], time.time()
            name = obj["metadata"]["name"]
            if any(found["type"] == "ExpiringSoon" for found in obj.get("status", {}).get("conditions", ())):
                self.warned.setdefault(name, now)
            if "deletionTimestamp" in obj["metadata"]:
                self.deleting.setdefault(name, now)
            if event["type"] == "DELETED":
                self.gone.setdefault(name, now)
            self._news.set()

    async def all_gone(self, count: int) -> None:
        """Wait until so many are gone."""
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while len(self.gone) < count:
                self._news.clear()
                await self._news.wait()


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """The floor first, then the operator."""
    count = size.of(NAMESPACES, 20)
    show.rounds(2)
    async with rig(show.step) as stack:
        show.step(f"floor: {count} ends")
        floors = await floor(stack, count)
        show.done()
        show.step(f"operator: {count} Namespaces that end in one second")
        watched, end = await operator(stack, count)
        show.done()
        moment = end.timestamp()
        late = [seen - moment for seen in watched.gone.values()]
        begun = [seen - moment for seen in watched.deleting.values()]
        rows = [
            (name, f"{percentile(values, 50):.2f} s", f"{max(values):.2f} s")
            for name, values in (("deletion begun", begun), ("gone", late), ("floor", floors))
        ]
        early = min(moment - seen for seen in watched.warned.values())
        rows.append(("warned of", f"{len(watched.warned)}", f"{early:.0f} s before the end"))
        figure = Figure("expiry: until the last is gone", "s", (max(late),), (max(floors),), tolerance=0.2)
        table = Table(f"expiry: {count} ends in one second", ("after the end", "median", "worst"), tuple(rows))
        return Measured((figure,), (table,)), facts(stack)


async def operator(stack: Rig, count: int) -> tuple[Watched, datetime]:
    """Make them, let them end at once; what was seen, and the end."""
    path, watched = namespaces_path(OPERATOR.organization), Watched()
    names = [f"end-{number:05}" for number in range(count)]
    await stack.applied(OPERATOR, names, lambda _: SPEC)
    version = (await stack.servers.send("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
    watching = asyncio.create_task(watched.watch(stack.servers, version))
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=_WARNED_SECONDS + count // _EDITS_A_SECOND)
    made = {"created_at": end - timedelta(seconds=_TTL)}
    documents = stack.servers.database["namespaces"]
    await documents.update_many({"owner.organization": OPERATOR.organization}, {"$set": made})

    async def edit(number: int) -> None:
        await stack.servers.send("PATCH", f"{path}/{names[number]}", {"spec": {"ttlSeconds": _TTL}}, MERGE_PATCH)

    await at_once(count, WORKERS, edit)
    await watched.all_gone(count)
    watching.cancel()
    return watched, end


async def floor(stack: Rig, count: int) -> list[float]:
    """Seconds until each of so many ends was brought about, from the moment on at which all were due."""
    servers, done = stack.servers, list[float]()
    documents = servers.database[_FLOOR]
    path = "/api/v1/namespaces/bench-floor/configmaps"

    async def prepare(number: int) -> None:
        name = f"end-{number}"
        await documents.insert_one({"_id": name, "revision": 1, "claims": [name]})
        await servers.ask("PUT", f"/collections/{name}", {"vectors": {}})
        await servers.send("POST", path, {"metadata": {"name": name}, "data": {"k": "v"}})

    async def end(number: int) -> None:
        name = f"end-{number}"
        finalizers: list[Object] = [{"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]}]
        none: list[Object] = [{"op": "add", "path": "/metadata/finalizers", "value": []}]
        await documents.find_one({"claims": name})
        await documents.update_one({"_id": name}, {"$set": {"expired_at": time.time()}})
        await servers.send("PATCH", f"{path}/{name}", finalizers, JSON_PATCH)
        await documents.find_one({"_id": name})
        await servers.send("DELETE", f"{path}/{name}")
        await documents.update_one({"_id": name}, {"$set": {"state": "deleting"}})
        await documents.find_one({"_id": name})
        await servers.send("GET", f"{path}/{name}")
        await servers.ask("GET", f"/collections/{name}")
        await servers.ask("DELETE", f"/collections/{name}")
        await documents.update_one({"_id": name}, {"$set": {"state": "deleted"}})
        await servers.send("PATCH", f"{path}/{name}", none, JSON_PATCH)
        done.append(time.perf_counter() - started)

    await documents.create_index("claims", unique=True)
    await at_once(count, WORKERS, prepare)
    started = time.perf_counter()
    await at_once(count, WORKERS, end)
    return done
