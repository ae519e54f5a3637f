"""A wire to a server that can be bad: a TCP proxy that cuts, delays, truncates and answers late."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from enum import Enum

_HOST = "127.0.0.1"
_CHUNK = 65_536
_DELAY_SECONDS = 0.3
_TRUNCATED_BYTES = 700
_ABORT = struct.pack("ii", 1, 0)


class Mode(Enum):
    """How the wire behaves."""

    GOOD = "good"
    CUT = "cut"
    """Every connection is reset, and so is each new one."""
    DELAY = "delay"
    """Each piece takes its time, both ways."""
    TRUNCATE = "truncate"
    """An answer ends after some bytes, with its connection."""
    LATE = "late"
    """Requests arrive, and answers wait until the wire is good again."""


@dataclass(slots=True)
class Wire:
    """Forwards connections on ``port`` to a server on this machine, whatever is spoken over them."""

    upstream: int
    port: int = 0
    _mode: Mode = Mode.GOOD
    _good: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen; afterwards ``port`` is the one to connect to."""
        self._good.set()
        self._server = await asyncio.start_server(self._serve, _HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def become(self, mode: Mode) -> None:
        """Behave like this from now on."""
        self._mode = mode
        if mode is Mode.LATE:
            self._good.clear()
        else:
            self._good.set()
        if mode is Mode.CUT:
            self._reset_all()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: one that asyncio makes of a coroutine complains when it is cancelled.
        task = asyncio.create_task(self._connected(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode is Mode.CUT:
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection(_HOST, self.upstream)
        except OSError:
            _reset(writer)
            return
        self._open |= {writer, back}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(reader, back))
                group.create_task(self._answer(there, writer))
        finally:
            self._open -= {writer, back}
            _reset(writer)
            _reset(back)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if self._mode is Mode.DELAY:
                    await asyncio.sleep(_DELAY_SECONDS)
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            left = _TRUNCATED_BYTES
            while piece := await reader.read(_CHUNK):
                if self._mode is Mode.DELAY:
                    await asyncio.sleep(_DELAY_SECONDS)
                await self._good.wait()
                if self._mode is Mode.TRUNCATE:
                    piece, left = piece[:left], left - len(piece)
                writer.write(piece)
                await writer.drain()
                if left <= 0:
                    break
        writer.close()

    def _reset_all(self) -> None:
        for writer in self._open:
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection as a crash does, without the farewell that a client could take for the end of an answer."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    writer.transport.abort()
