"""The fence before every request of a leader: after its term none begins."""

from __future__ import annotations

import asyncio
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection


class Deposed(asyncio.CancelledError):
    """The term is over, and nothing more may be sent in it.

    A cancellation, and no error: whoever makes a finding or a status of what fails must not make one of this, and the
    work that meets it simply ends.
    """


class Fence(Protocol):
    """What is asked right before each request."""

    def check(self) -> None:
        """Raise ``Deposed`` once the term is over."""

    def remaining(self) -> float:
        """Seconds that are left of the term, as far as is known. Raises ``Deposed`` once it is over."""


class Unfenced:
    """Nobody else could be leading: outside an operator, or in a test."""

    def check(self) -> None:
        """Let everything pass."""

    def remaining(self) -> float:
        """For ever."""
        return float("inf")


UNFENCED = Unfenced()


def fenced_request(fence: Fence) -> type[aiohttp.ClientRequest]:
    """For ``aiohttp.ClientSession(request_class=…)``: requests that ask the fence when they have their connection.

    Before that they may have waited for a free one, for a resolver or for a handshake, however long that took. One with
    a body is asked for again when the body is written, and the head with it: in between other tasks run.
    """

    class FencedRequest(aiohttp.ClientRequest):
        async def send(self, conn: Connection) -> aiohttp.ClientResponse:
            fence.check()
            return await super().send(conn)

        async def write_bytes(
            self, writer: AbstractStreamWriter, conn: Connection, content_length: int | None = None
        ) -> None:
            try:
                fence.check()
            except Deposed:
                # Who waits for the answer would wait for its timeout.
                conn.close()
                raise
            await super().write_bytes(writer, conn, content_length)

    return FencedRequest
