"""The local stack with both sides on it: the operator, and the bare script that does the same calls."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.bare.servers import Access, Object, Servers, connected, events, namespaces_path
from bench.bare.template import Template
from bench.processes import cpu_seconds, resident_megabytes
from bench.requests import AuditLog, between, mongodb_requests, qdrant_requests
from bench.workers import at_once
from devstack.paths import REPOSITORY
from devstack.process import ChildProcess
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.api.resource import API_VERSION, KIND

WORKERS = 16
"""Of the operator, and of the script."""

OWN_INDEXES = ("category", "language", "source")
SPEC: Object = {
    "featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"}],
    "payloadIndexes": [{"fieldName": name, "type": "keyword"} for name in OWN_INDEXES],
}
SAMPLE = "bench-sample"

STAND_INS = max(1, (os.cpu_count() or 1) // 2)
"""Processes of the stand-in for Qdrant. On two cores one takes less than its part; on more it would be what others wait
for, and the operator and the script alike."""

_APPLIERS = 16
_POLL_SECONDS = 0.02
_SETTLED_SECONDS = 2.0
"""What is still done once the last one is Ready: events, counts, the watch's own echo."""
_TIMEOUT_SECONDS = 1800.0
_USER = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"


@dataclass(frozen=True, slots=True)
class Side:
    """Who does the work, and in which Kubernetes namespace."""

    name: str
    organization: str


OPERATOR = Side("operator", "bench-measured")
FLOOR = Side("floor", "bench-floor")
SIDES = (FLOOR, OPERATOR)

Work = Callable[[], Awaitable[float]]
"""Something to be measured, which tells its seconds itself."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work took: seconds until it was done, seconds of CPU by process, requests by name."""

    wall: float
    cpu: Mapping[str, float]
    requests: Counter[str]


@dataclass(slots=True)
class Rig:
    """A stack that runs, with the operator on it; ``begin`` starts the script beside it.

    ``values`` are the chart's, beside those that keep the operator to its own half.
    """

    stack: Stack
    servers: Servers
    access: Access
    audit: AuditLog
    _bare: ChildProcess | None = None
    _processes: dict[str, Callable[[], list[int]]] = field(default_factory=dict)

    async def begin(self, spec: Object) -> Template:
        """Let the operator make a sample, and start the script that makes more of its kind."""
        await self.applied(OPERATOR, [SAMPLE], lambda _: spec)
        template = await Template.of(self.servers, OPERATOR.organization, SAMPLE)
        directory = self.stack.run_dir / "bench"
        directory.mkdir(exist_ok=True)
        for file in directory.iterdir():
            file.unlink()
        self.access.save(directory / "access.json")
        template.save(directory / "template.json")
        self._bare = ChildProcess(
            "bench-floor",
            [
                *(sys.executable, "-m", "bench.bare", "serve"),
                *("--access", str(directory / "access.json"), "--template", str(directory / "template.json")),
                *("--organization", FLOOR.organization, "--workers", str(WORKERS)),
                *("--ready", str(directory / "ready")),
            ],
            log=self.stack.logs / "bench-floor.log",
            ready=(directory / "ready").exists,
            cwd=REPOSITORY,
        )
        await asyncio.to_thread(self._bare.start)
        await asyncio.to_thread(self._bare.wait_ready)
        return template

    def end(self) -> None:
        """End the script."""
        if self._bare is not None:
            self._bare.kill()

    def pids(self, side: Side) -> list[int]:
        """The processes of a side."""
        if side == OPERATOR:
            return self.stack.operator_pids()
        assert self._bare is not None
        return [pid for pid in (self._bare.pid,) if pid is not None]

    async def applied(self, side: Side, names: list[str], spec_of: Callable[[int], Object]) -> float:
        """Seconds from the first of these Namespaces on until the last of them is Ready, all applied at once."""
        path = namespaces_path(side.organization)
        version = (await self.servers.send("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
        waiting, done = set(names), asyncio.Event()

        async def await_all() -> None:
            async for event in events(self.servers, path, version):
                obj = event["object"]
                if obj["metadata"]["name"] in waiting and is_ready(obj):
                    waiting.discard(obj["metadata"]["name"])
                    if not waiting:
                        done.set()
                        return

        async def apply(number: int) -> None:
            metadata = {"name": names[number], "namespace": side.organization}
            body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec_of(number)}
            await self.servers.send("POST", path, body)

        started = time.perf_counter()
        async with asyncio.timeout(_TIMEOUT_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(await_all())
            await at_once(len(names), _APPLIERS, apply)
        return time.perf_counter() - started

    async def measured(self, side: Side, work: Work) -> Cost:
        """What some work cost; the work tells the seconds itself."""
        before, cpu = await self.requests(side), self.cpu(side)
        wall = await work()
        await asyncio.sleep(_SETTLED_SECONDS)
        spent = {name: after - cpu.get(name, 0.0) for name, after in self.cpu(side).items()}
        return Cost(wall, spent, between(before, await self.requests(side)))

    async def cleared(self) -> None:
        """Take away the collections that the script made: the operator would look whose they are."""
        answer = await self.servers.ask("GET", "/collections")
        names = [each["name"] for each in answer["result"]["collections"]]
        owned = set(await self.servers.database["namespaces"].distinct("collection"))
        foreign = [name for name in names if name not in owned and name != MARKER_COLLECTION]

        async def remove(number: int) -> None:
            await self.servers.ask("DELETE", f"/collections/{foreign[number]}")

        await at_once(len(foreign), _APPLIERS, remove)

    def cpu(self, side: Side) -> dict[str, float]:
        """Seconds of CPU so far: of the side, and of the servers that are processes of this machine."""
        servers = {name: pids for name, of in self._processes.items() if (pids := of())}
        return {name: cpu_seconds(pids) for name, pids in {side.name: self.pids(side), **servers}.items()}

    def resident(self, side: Side) -> float:
        """Memory of a side, in megabytes."""
        return resident_megabytes(self.pids(side))

    async def requests(self, side: Side) -> Counter[str]:
        """Requests so far: the side's to the API server, anybody's to the stores."""
        self.audit.read()

        def is_counted(user: str, agent: str, namespace: str) -> bool:
            own = user == _USER if side == OPERATOR else agent == "bench-floor"
            return own and namespace == side.organization

        status = await self.servers.mongodb.admin.command("serverStatus")
        telemetry = await self.servers.ask("GET", "/telemetry")
        return self.audit.of(is_counted) + qdrant_requests(telemetry) + mongodb_requests(status)

    async def stop_operator(self) -> None:
        """End the operator's Pod, and have no other one."""
        await self._scale(0)
        await _until(lambda: not self.stack.operator_pids())

    async def start_operator(self) -> float:
        """Have a Pod again; when its process was seen, by ``time.perf_counter``."""
        await self._scale(1)
        await _until(lambda: bool(self.stack.operator_pids()))
        return time.perf_counter()

    async def _scale(self, replicas: int) -> None:
        arguments = ("-n", RELEASE_NAMESPACE, "scale", f"deployment/{RELEASE}", f"--replicas={replicas}")
        await asyncio.to_thread(self.stack.kubectl, *arguments)

    async def metric(self, name: str) -> float:
        """The sum of a metric of the operator over all its labels; 0 while the operator does not answer."""
        pods = await self.servers.send("GET", f"/api/v1/namespaces/{RELEASE_NAMESPACE}/pods")
        addresses = [
            pod["status"]["podIP"]
            for pod in pods["items"]
            if pod["status"].get("podIP") and "deletionTimestamp" not in pod["metadata"]
        ]
        try:
            texts = [await asyncio.to_thread(_get, f"http://{address}:8080/metrics") for address in addresses]
        except OSError:
            return 0.0
        return sum(metric_sum(text, name) for text in texts)


def metric_sum(text: str, name: str) -> float:
    """The sum of a metric over its labels, from what Prometheus would scrape."""
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith(name) and line[len(name) : len(name) + 1] in ("{", " ")
    )


def is_ready(obj: Object) -> bool:
    """Whether a Namespace is Ready, as it is now."""
    status = obj.get("status", {})
    if status.get("observedGeneration") != obj["metadata"]["generation"]:
        return False
    return any(found["type"] == "Ready" and found["status"] == "True" for found in status.get("conditions", ()))


@asynccontextmanager
async def rig(report: Callable[[str], None], values: Mapping[str, Any] | None = None) -> AsyncIterator[Rig]:
    """A fresh stack with the operator, and connections to it; all is gone afterwards."""
    if os.environ.get("KUBE"):
        raise RuntimeError("the benchmarks read the API server's audit log and look at processes: unset KUBE")
    stack = Stack(report=report, qdrant_processes=STAND_INS)
    await asyncio.to_thread(stack.start)
    try:
        for side in (OPERATOR, FLOOR):
            await asyncio.to_thread(stack.kubectl, "create", "namespace", side.organization)
        report("installing the operator")
        await asyncio.to_thread(stack.install_operator, _values(values or {}))
        access = Access.of(stack)
        async with connected(access, "bench-harness") as servers:
            made = Rig(stack, servers, access, AuditLog(stack.audit_log))
            made._processes.update(_servers_of(stack))
            try:
                yield made
            finally:
                made.end()
    except BaseException:
        stack.keep_logs()
        raise
    finally:
        await asyncio.to_thread(stack.stop)


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing of an interval falls into what is measured, unless that is what is measured."""
    operator = {
        "replicas": 1,
        "resyncIntervalSeconds": 3600,
        "sweepIntervalSeconds": 3600,
        **values.get("operator", {}),
    }
    # What only development installs is not to be found in the operator's memory.
    lean = {"name": "PYTHONPATH", "value": str(REPOSITORY / "bench" / "lean")}
    operator["extraEnv"] = [lean, *operator.get("extraEnv", ())]
    own = {"replicas": 1, "watchNamespaces": [OPERATOR.organization], "workers": WORKERS, **operator}
    return {**values, "operator": own}


def _servers_of(stack: Stack) -> dict[str, Callable[[], list[int]]]:
    found: dict[str, Callable[[], list[int]]] = {}
    external = {"Qdrant": "QDRANT_URL", "MongoDB": "MONGODB_URI"}
    processes = {
        "API server": lambda: stack.apiserver,
        "etcd": lambda: stack.etcd,
        "MongoDB": lambda: stack.mongod,
        "Qdrant": lambda: stack.qdrant,
    }
    for name, process in processes.items():
        if not os.environ.get(external.get(name, "")):
            found[name] = partial(_family, process)
    return found


def _family(process: Callable[[], ChildProcess]) -> list[int]:
    """A process with its children, oldest first."""
    pid = process().pid
    return [] if pid is None else family(pid)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    # Each thread has children of its own.
    texts = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(each for text in texts for child in text.split() for each in family(int(child)))]


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - of other processes nobody tells
        await asyncio.sleep(_POLL_SECONDS)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def facts(rig: Rig) -> dict[str, str]:
    """What the servers are."""
    version = json.loads(rig.stack.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    qdrant = "a server (QDRANT_URL)" if os.environ.get("QDRANT_URL") else "the stand-in of the local stack"
    return {"kubernetes": version, "qdrant": qdrant}
