"""The stack to be disturbed: mongod on a small disk, an operator that reaches every server over a wire."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chaos.timeline import Place
from chaos.wire import Wire
from devstack import release, stores
from devstack.external import External
from devstack.stack import Stack

_DISK_MEGABYTES = 640
_OPERATOR = {
    "resyncIntervalSeconds": 5,
    "sweepIntervalSeconds": 5,
    # Longer than a request can be held up here: a wire that answers late, and then a frozen server.
    "tombstoneSeconds": 45,
}
# Shorter than most pauses between two kills: whoever is left takes over and gets to work.
_LEASE = {"durationSeconds": 3, "renewDeadlineSeconds": 2, "retrySeconds": 0.5}
_QDRANT_TIMEOUT_SECONDS = 5


class NoSmallDisk(Exception):
    """A small file system cannot be mounted here; the message says what it takes."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The running stack, the wires to its servers, and the disk of mongod."""

    stack: Stack
    wires: dict[Place, Wire]
    disk: Path


@dataclass(frozen=True, slots=True)
class _Wired:
    """The stack as the operator is to see it."""

    stack: Stack
    mongodb_uri: str
    qdrant_url: str

    @property
    def qdrant_api_key(self) -> str | None:
        return self.stack.qdrant_api_key

    @property
    def image(self) -> str | None:
        return self.stack.image

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.stack.kubectl(*arguments, stdin=stdin)

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        return self.stack.helm(*arguments, stdin=stdin)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Everything running and the operator installed. Raises ``NoSmallDisk``."""
    with _small_disk() as disk, _mongodb(disk) as mongodb, Stack(External(mongodb=mongodb)) as stack:
        async with AsyncExitStack() as closing:
            wires = {}
            for place, port in _ports(stack).items():
                wires[place] = Wire(port)
                await wires[place].start()
                closing.push_async_callback(wires[place].stop)
            # The wires are served meanwhile.
            await asyncio.to_thread(_install, stack, wires)
            yield Stage(stack, wires, disk)


def _install(stack: Stack, wires: dict[Place, Wire]) -> None:
    uri = f"mongodb://127.0.0.1:{wires[Place.MONGODB].port}/?directConnection=true"
    wired = _Wired(stack, uri, f"http://127.0.0.1:{wires[Place.QDRANT].port}")
    api_server = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(wires[Place.API_SERVER].port)}
    release.install(
        wired,
        {
            "operator": {**_OPERATOR, "extraEnv": [{"name": n, "value": v} for n, v in api_server.items()]},
            "lease": _LEASE,
            "qdrant": {"timeoutSeconds": _QDRANT_TIMEOUT_SECONDS},
        },
    )


def _ports(stack: Stack) -> dict[Place, int]:
    """Where the servers listen."""
    port = {option.partition("=")[0]: option.partition("=")[2] for option in stack.apiserver.argv}["--secure-port"]
    urls = {Place.MONGODB: stack.mongodb_uri, Place.QDRANT: stack.qdrant_url}
    return {Place.API_SERVER: int(port), **{place: urlsplit(url).port or 0 for place, url in urls.items()}}


@contextmanager
def _small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="namespace-operator-disk-") as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MEGABYTES}m", "chaos", name]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoSmallDisk(f"a file system of its own for mongod needs root: {done.stderr.strip()}")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


@contextmanager
def _mongodb(disk: Path) -> Iterator[stores.MongoDB]:
    (disk / "logs").mkdir()
    mongodb = stores.prepare_mongodb(disk)
    assert mongodb.process is not None
    # The log on the full disk would end it before the data does.
    mongodb.process.log = Path(tempfile.gettempdir()) / f"{disk.name}-mongod.log"
    try:
        mongodb.process.start()
        mongodb.process.wait_ready()
        yield mongodb
    finally:
        mongodb.process.kill()
        mongodb.process.log.unlink(missing_ok=True)
