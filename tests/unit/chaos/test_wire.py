"""Each way in which a wire is bad, seen from a client of a real server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from chaos.wire import Mode, Wire

PIECE = b"x" * 5_000


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A wire to a server that answers each line with many bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(PIECE)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    wire = Wire(server.sockets[0].getsockname()[1])
    await wire.start()
    yield wire
    await wire.stop()
    server.close()


async def _ask(wire: Wire, seconds: float = 5.0) -> bytes:
    async with asyncio.timeout(seconds):
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        try:
            writer.write(b"hello\n")
            return await reader.readexactly(len(PIECE))
        finally:
            writer.close()


async def test_a_good_wire_is_not_noticed(wire: Wire) -> None:
    assert await _ask(wire) == PIECE


async def test_a_cut_wire_resets_what_is_open_and_what_comes(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(b"hello\n")
    await reader.readexactly(len(PIECE))
    wire.become(Mode.CUT)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await _ask(wire)
    wire.become(Mode.GOOD)
    assert await _ask(wire) == PIECE
    writer.close()


async def test_a_truncating_wire_ends_within_the_answer(wire: Wire) -> None:
    wire.become(Mode.TRUNCATE)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await _ask(wire)


async def test_a_late_wire_delivers_the_request_and_keeps_the_answer(wire: Wire) -> None:
    wire.become(Mode.LATE)
    asked = asyncio.create_task(_ask(wire))
    done, _ = await asyncio.wait({asked}, timeout=0.3)
    assert not done
    wire.become(Mode.GOOD)
    assert await asked == PIECE


async def test_a_delaying_wire_takes_its_time(wire: Wire) -> None:
    wire.become(Mode.DELAY)
    began = asyncio.get_running_loop().time()
    assert await _ask(wire) == PIECE
    assert asyncio.get_running_loop().time() - began > 0.25
