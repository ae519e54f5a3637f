"""The probes' endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web


@dataclass(slots=True)
class HealthServer:
    """Serves ``/livez`` and ``/readyz`` on host and port: 200 or 503 with one word of explanation.

    That the event loop answers at all is half of liveness; ``alive`` tells the rest.
    """

    host: str
    port: int
    alive: Callable[[], bool]
    ready: Callable[[], bool]
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to serve."""
        application = web.Application()
        application.router.add_get("/livez", self._livez)
        application.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()

    async def stop(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        return _answer(self.alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self.ready())


def _answer(good: bool) -> web.Response:
    return web.Response(text="ok\n" if good else "not yet\n", status=200 if good else 503)
