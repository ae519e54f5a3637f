"""A server that gives prepared answers and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True)
class Request:
    """A request as it came in; ``path`` is the raw one, percent-encoded, with its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


@dataclass
class Answers:
    """Gives one answer to every request."""

    status: int = 200
    body: bytes = b'{"result": true, "status": "ok"}'
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    delay: float = 0.0
    requests: list[Request] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Remember and answer."""
        body = await request.text()
        self.requests.append(Request(request.method, request.raw_path, dict(request.headers), body))
        await asyncio.sleep(self.delay)
        return web.Response(status=self.status, body=self.body, headers=dict(self.headers))

    @property
    def last(self) -> Request:
        """The latest request."""
        return self.requests[-1]


class Handler(Protocol):
    """Whatever answers requests."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one."""


@asynccontextmanager
async def serving(answers: Handler) -> AsyncIterator[str]:
    """Serve on a free port of the loopback interface; the URL."""
    application: Any = web.Application()
    application.router.add_route("*", "/{path:.*}", answers.handle)
    server = TestServer(application)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()
