"""Whether the watches live, seen on kopf itself before an API server that behaves, hangs or goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import kopf
import pytest
from aiohttp import web

from namespace_operator.api.cluster import CLUSTER_PLURAL
from namespace_operator.api.resource import GROUP, PLURAL, VERSION
from namespace_operator.domain.identity import Key
from namespace_operator.kube import shell
from namespace_operator.kube.clusters import KubeClusters
from namespace_operator.kube.hearing import Hearing
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.pulse import Pulse
from namespace_operator.kube.shell import Watch
from tests.unit.kube.test_objects import obj
from tests.unit.stores.server import serving

_ROOT = f"/apis/{GROUP}/{VERSION}"
_SOON = 5.0


@dataclass
class Server:
    """Lists one object and streams bookmarks; ``hold`` are the paths that it does not answer yet."""

    bookmarks: float = 0.05
    hold: set[str] = field(default_factory=set)
    refuse: bool = False
    watches: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a list or a watch."""
        while request.path in self.hold:  # noqa: ASYNC110 - a test changes it at any time
            await asyncio.sleep(0.01)
        if self.refuse:
            return web.json_response({"kind": "Status", "code": 503, "message": "down"}, status=503)
        if not request.path.startswith(f"{_ROOT}/"):
            return web.json_response(_discovery(request.path))
        if request.query.get("watch") != "true":
            items = [obj(10)] if request.path.endswith(f"/{PLURAL}") else []
            return web.json_response({"metadata": {"resourceVersion": "10"}, "items": items})
        self.watches += 1
        response = web.StreamResponse()
        await response.prepare(request)
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11"}}}
        while True:
            await asyncio.sleep(self.bookmarks)
            await response.write(json.dumps(bookmark).encode() + b"\n")


_SERVED = {
    _ROOT: ((PLURAL, True), (CLUSTER_PLURAL, False)),
    "/api/v1": (("namespaces", False), ("events", True)),
    "/apis/apiextensions.k8s.io/v1": (("customresourcedefinitions", False),),
}
"""What kopf wants to find, with whether it lives in Kubernetes namespaces."""


def _discovery(path: str) -> dict[str, Any]:
    """What is served, as kopf asks for it at the start."""
    if path == "/api":
        return {"versions": ["v1"]}
    if path == "/apis":
        groups = [root.split("/")[2] for root in _SERVED if root.startswith("/apis/")]
        version = {"version": "v1"}
        return {"groups": [{"name": name, "versions": [version], "preferredVersion": version} for name in groups]}
    verbs = ["list", "watch", "patch"]
    served = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": name.title(), "verbs": verbs}
        for name, namespaced in _SERVED[path]
    ]
    return {"resources": served}


@dataclass
class Watching:
    """kopf at work before a server."""

    server: Server
    pulse: Pulse
    keys: list[Key]

    async def is_warm(self) -> None:
        """Wait until the first lists are complete."""
        async with asyncio.timeout(_SOON):
            while not self.pulse.warm:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)

    async def longest_silence(self, seconds: float) -> float:
        """The longest silence within this time."""
        longest = 0.0
        for _ in range(round(seconds / 0.02)):
            await asyncio.sleep(0.02)
            longest = max(longest, self.pulse.silence)
        return longest


@asynccontextmanager
async def watching(
    monkeypatch: pytest.MonkeyPatch, server: Server, inactivity: float = 60, namespaces: tuple[str, ...] = ()
) -> AsyncIterator[Watching]:
    """Start kopf, and end it afterwards."""
    settings = shell._settings()
    settings.watching.inactivity_timeout = inactivity
    settings.watching.reconnect_backoff = 0.05
    settings.networking.error_backoffs = [0.05] * 1000
    monkeypatch.setattr(shell, "_settings", lambda: settings)
    async with serving(server) as url:
        info = kopf.ConnectionInfo(server=url, token="token-1")
        monkeypatch.setattr(shell, "connection_info", lambda: info)
        pulse, keys = Pulse(asyncio.get_running_loop().time), list[Key]()
        clusters: Any = KubeClusters.__new__(KubeClusters)
        hearing = Hearing(lambda: datetime.now(UTC), lambda _resource, _seconds: None)
        watch = Watch(LiveObjects(), keys.append, keys.append, _nothing, _nothing, clusters, _ignored, pulse, hearing)
        running = asyncio.create_task(watch.run(namespaces))
        try:
            yield Watching(server, pulse, keys)
        finally:
            watch.stopping.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(running, 10)


async def _nothing() -> None:
    pass


def _ignored(_: str) -> None:
    pass


def _test(coroutine: Any) -> None:
    # kopf cancels every task that is younger than itself in the end: it gets a loop of its own.
    asyncio.run(coroutine)


@pytest.mark.parametrize(
    ("namespaces", "late"),
    [
        ((), f"{_ROOT}/{PLURAL}"),
        ((), f"{_ROOT}/{CLUSTER_PLURAL}"),
        (("shop", "search"), f"{_ROOT}/namespaces/search/{PLURAL}"),
    ],
)
def test_it_is_warm_once_every_list_is_complete(
    monkeypatch: pytest.MonkeyPatch, namespaces: tuple[str, ...], late: str
) -> None:
    async def main() -> None:
        server = Server(hold={late})
        async with watching(monkeypatch, server, namespaces=namespaces) as seen:
            await asyncio.sleep(0.5)
            assert server.watches > 0, "the others watch already"
            assert not seen.pulse.warm
            server.hold.clear()
            await seen.is_warm()

    _test(main())


def test_bookmarks_of_an_idle_watch_are_movement(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with watching(monkeypatch, Server(bookmarks=0.1)) as seen:
            await seen.is_warm()
            watches = seen.server.watches
            assert await seen.longest_silence(1.5) < 0.6
            assert seen.server.watches == watches, "each is one and the same"

    _test(main())


def test_a_watch_that_is_wedged_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """kopf would begin it anew; if it does not, nothing else would tell."""

    async def main() -> None:
        async with watching(monkeypatch, Server(bookmarks=1000), inactivity=1000) as seen:
            await seen.is_warm()
            assert await seen.longest_silence(1.0) > 0.9

    _test(main())


def test_one_watch_that_is_wedged_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        server = Server(bookmarks=0.05, hold={f"{_ROOT}/{CLUSTER_PLURAL}"})
        async with watching(monkeypatch, server) as seen:
            assert await seen.longest_silence(1.0) > 0.8

    _test(main())


def test_a_silent_watch_that_begins_anew_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with watching(monkeypatch, Server(bookmarks=1000), inactivity=0.2) as seen:
            await seen.is_warm()
            assert await seen.longest_silence(1.5) < 0.8
            assert seen.server.watches > 4

    _test(main())


def test_an_api_server_that_is_down_is_no_reason_to_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with watching(monkeypatch, Server(bookmarks=0.05), inactivity=0.2) as seen:
            await seen.is_warm()
            seen.server.refuse = True
            seen.server.bookmarks = 1000
            assert await seen.longest_silence(1.5) < 0.8
            assert seen.pulse.warm, "what was listed is still known"

    _test(main())


def test_before_the_watches_begin_nothing_is_silent_and_nothing_warm() -> None:
    pulse = Pulse(lambda: 1000.0)
    assert pulse.silence == 0
    assert not pulse.warm
