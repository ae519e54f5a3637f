"""One address for a stand-in of several processes: each collection lives in one of them, as its name decides.

Requests are passed on as they are. What is asked of all collections is asked of all processes, and their answers are
put together. Aliases need a stand-in of one process: here they are refused.
"""

import asyncio
import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

LINE_LIMIT = 2**16
_REFUSED = {"status": {"error": "The stand-in serves aliases as one process only"}, "time": 0.0}

Json = dict[str, Any]


def process_of(collection: str, processes: int) -> int:
    """The number of the process that a collection lives in."""
    return zlib.crc32(collection.encode()) % processes


def part_of(root: Path, number: int) -> Path:
    """The data directory of one of the processes."""
    return root / f"part-{number}"


def socket_of(root: Path, number: int) -> Path:
    """Where one of the processes listens."""
    return root / f"part-{number}.sock"


class Front:
    """Passes requests on to the processes that listen at these sockets."""

    def __init__(self, sockets: Sequence[Path]) -> None:
        self._sockets = sockets
        self._idle: defaultdict[int, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = defaultdict(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after the other, until it ends."""
        try:
            while True:
                message = await _message(reader)
                writer.write(await self._answer(*message))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        method, target = head.split(b" ", 2)[:2]
        path = target.partition(b"?")[0].decode()
        if path == "/collections/aliases" and method == b"POST":
            return _encoded(_REFUSED, b"501 Not Implemented")
        name = path.split("/")[2] if path.startswith("/collections/") else ""
        if name:
            return b"".join(await self._ask(process_of(unquote(name), len(self._sockets)), head, body))
        if path in _MERGED and method == b"GET":
            every = range(len(self._sockets))
            answers = await asyncio.gather(*(self._ask(number, head, body) for number in every))
            return merged(path, answers)
        return b"".join(await self._ask(0, head, body))

    async def _ask(self, number: int, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Head and body of the answer of one process."""
        reader, writer = await self._connection(number)
        writer.write(head + body)
        answer = await _message(reader)
        self._idle[number].append((reader, writer))
        return answer

    async def _connection(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while idle := self._idle[number]:
            reader, writer = idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_unix_connection(self._sockets[number], limit=LINE_LIMIT)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of a request or an answer. Both sides tell the length of every body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head, await reader.readexactly(length) if length else b""


def merged(path: str, answers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """One answer of those of all processes; the first that is no success stands for all."""
    for head, body in answers:
        if head.split(b" ", 2)[1] != b"200":
            return head + body
    whole: Json = json.loads(answers[0][1])
    for _, body in answers[1:]:
        _MERGED[path](whole["result"], json.loads(body)["result"])
    return _encoded(whole, b"200 OK")


def _encoded(value: Json, status: bytes) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def _add_list(name: str, into: Json, more: Json) -> None:
    into[name].extend(more[name])


def _add_telemetry(into: Json, more: Json) -> None:
    into["collections"]["number_of_collections"] += more["collections"]["number_of_collections"]
    if "collections" in into["collections"]:
        into["collections"]["collections"].extend(more["collections"]["collections"])
    responses = into["requests"]["rest"]["responses"]
    for endpoint, by_status in more["requests"]["rest"]["responses"].items():
        for status, answered in by_status.items():
            known = responses.setdefault(endpoint, {}).setdefault(status, {"count": 0, "avg_duration_micros": 0.0})
            known["avg_duration_micros"] = _mean(known, answered)
            known["count"] += answered["count"]


def _mean(one: Json, other: Json) -> float:
    seconds = sum(each["count"] * each["avg_duration_micros"] for each in (one, other))
    return float(seconds / (one["count"] + other["count"]))


_MERGED = {
    "/collections": lambda into, more: _add_list("collections", into, more),
    "/aliases": lambda into, more: _add_list("aliases", into, more),
    "/telemetry": _add_telemetry,
}
