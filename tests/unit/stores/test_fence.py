"""No request begins once the fence is down, however far it had come by then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import kopf
import pytest

from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.kube import client as client_module
from namespace_operator.kube.client import KubeClient
from namespace_operator.stores.errors import Unavailable
from namespace_operator.stores.fence import UNFENCED, Deposed, Fence
from namespace_operator.stores.qdrant import QdrantStore
from tests.unit.stores.server import Answers, serving

_SLOW = 0.3


class Gate:
    """A fence that a test takes down."""

    down = False

    def check(self) -> None:
        """Raise ``Deposed`` once it is down."""
        if self.down:
            raise Deposed

    def remaining(self) -> float:
        """As ``check``."""
        self.check()
        return 1.0


Ask = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def qdrant(url: str, fence: Fence, _: pytest.MonkeyPatch) -> AsyncIterator[Ask]:
    """A store with one connection."""
    store = QdrantStore(url, connections=1, fence=fence)
    try:
        yield store.names
    finally:
        await store.close()


@asynccontextmanager
async def kubernetes(url: str, fence: Fence, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ask]:
    """A client with one connection."""
    info = kopf.ConnectionInfo(server=url)
    monkeypatch.setattr(client_module, "connection_info", lambda: info)
    client = KubeClient(fence=fence, connections=1)
    try:
        yield lambda: client.put("/a", {})
    finally:
        await client.close()


CLIENTS = pytest.mark.parametrize("client", [qdrant, kubernetes])
LISTED = b'{"result": {"collections": []}, "status": "ok"}'


@CLIENTS
async def test_a_request_that_waits_for_a_connection_is_stopped(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, gate = Answers(body=LISTED, delay=_SLOW), Gate()
    async with serving(answers) as url, client(url, gate, monkeypatch) as ask:
        first = asyncio.ensure_future(ask())
        second = asyncio.ensure_future(ask())
        await asyncio.sleep(_SLOW / 2)
        gate.down = True
        await first
        with pytest.raises(asyncio.CancelledError):
            await second
        assert len(answers.requests) == 1, "what had begun goes on, nothing else begins"


@CLIENTS
async def test_the_fence_is_no_failure_of_the_server(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, gate = Answers(body=LISTED), Gate()
    async with serving(answers) as url, client(url, gate, monkeypatch) as ask:
        gate.down = True
        with pytest.raises(Deposed):
            await ask()
        assert answers.requests == []
        gate.down = False
        await ask()
        assert len(answers.requests) == 1, "the connection is none the worse"


class FallsAtTheBody(Gate):
    """A fence that is down between head and body: there the process sleeps."""

    asked = 0

    def check(self) -> None:
        """Let the first question pass."""
        self.asked += 1
        if self.asked > 1:
            raise Deposed


async def test_a_request_that_sleeps_before_its_body_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, gate = Answers(body=b"{}"), FallsAtTheBody()
    async with serving(answers) as url, kubernetes(url, gate, monkeypatch) as ask:
        async with asyncio.timeout(5):
            with pytest.raises((asyncio.CancelledError, ClusterUnavailable)):
                await ask()
        assert gate.asked > 1
        assert answers.requests == []


async def test_a_repetition_on_a_new_connection_is_stopped_too() -> None:
    """The client repeats what went into a connection that the server had just closed."""
    gate, arrived = Gate(), 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        await reader.readuntil(b"\r\n\r\n")
        arrived += 1
        if arrived == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LISTED) + LISTED)
            await reader.readuntil(b"\r\n\r\n")
            arrived += 1
        gate.down = True
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    store = QdrantStore(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", connections=1, fence=gate)
    try:
        await store.names()
        with pytest.raises((Deposed, Unavailable)):
            await store.names()
        assert arrived == 2
    finally:
        await store.close()
        server.close()


def test_nothing_that_catches_errors_catches_it() -> None:
    assert issubclass(Deposed, asyncio.CancelledError)
    assert not issubclass(Deposed, Exception), "a finding or a status would be made of it"


def test_without_a_rival_there_is_no_end() -> None:
    UNFENCED.check()
    assert UNFENCED.remaining() == float("inf")
