"""A proxy before Qdrant that can hold requests: what is in flight when its sender dies still arrives, only later."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import aiohttp
from aiohttp import web

_HOST = "127.0.0.1"
_START_SECONDS = 10.0

Predicate = Callable[[str, str], bool]
"""Whether a request is to be held, by its method and path."""


@dataclass
class _Held:
    request: str
    release: asyncio.Event
    answered: asyncio.Event
    status: int | None = None


class HoldingProxy:
    """Forwards every request; one that `hold` was told to wait for is forwarded only after `release`.

    It runs in a thread of its own. That the sender hung up meanwhile does not keep a held request from arriving.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.rstrip("/")
        self._predicate: Predicate = lambda _method, _path: False
        self._held: list[_Held] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._port = 0
        self._end: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://{_HOST}:{self._port}"

    def hold(self, predicate: Predicate) -> None:
        """Hold the next request for which this is true; all others pass."""
        self._predicate = predicate

    @property
    def held(self) -> list[str]:
        """Method and path of the requests held so far."""
        return [held.request for held in self._held]

    def release(self) -> list[int | None]:
        """Let every held request go on, wait for the server's answers and return their statuses."""
        return asyncio.run_coroutine_threadsafe(self._release(), self._loop).result()

    async def _release(self) -> list[int | None]:
        self._predicate = lambda _method, _path: False
        held, self._held = self._held, []
        for one in held:
            one.release.set()
            await one.answered.wait()
        return [one.status for one in held]

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        async with aiohttp.ClientSession() as session:
            application = web.Application(client_max_size=2**30)

            async def forward(request: web.Request) -> web.Response:
                return await self._forward(request, session)

            application.router.add_route("*", "/{path:.*}", forward)
            runner = web.AppRunner(application, access_log=None, handler_cancellation=False)
            await runner.setup()
            site = web.TCPSite(runner, _HOST, 0)
            await site.start()
            self._port = runner.addresses[0][1]
            self._ready.set()
            await self._end.wait()
            await runner.cleanup()

    async def _forward(self, request: web.Request, session: aiohttp.ClientSession) -> web.Response:
        body = await request.read()
        held = self._hold(request)
        if held is not None:
            await held.release.wait()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            async with session.request(
                request.method, self._upstream + request.raw_path, data=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await answer.read()
                if held is not None:
                    held.status = answer.status
                return web.Response(status=answer.status, body=content, content_type=answer.content_type)
        finally:
            if held is not None:
                held.answered.set()

    def _hold(self, request: web.Request) -> _Held | None:
        if not self._predicate(request.method, request.path):
            return None
        # One only: what the operator sends after it must be able to overtake it.
        self._predicate = lambda _method, _path: False
        held = _Held(f"{request.method} {request.path}", asyncio.Event(), asyncio.Event())
        self._held.append(held)
        return held


_HOP_BY_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})
