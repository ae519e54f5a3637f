"""What goes over a connection from client to server, cut into the messages it consists of."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import bson

_HEAD_END = b"\r\n\r\n"
_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013
_CHECKSUM = 1
_CHECKSUM_BYTES = 4


class NotUnderstoodError(Exception):
    """The bytes are not of the protocol, or of a part of it that nothing here uses."""


@dataclass(frozen=True)
class Message:
    """One request: what it is in one line, its bytes as they came, and what it says."""

    label: str
    data: bytes = field(repr=False)
    content: Any = field(default=None, repr=False)


class Splitter(Protocol):
    """Cuts one direction of one connection."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with these bytes. Raises NotUnderstoodError."""


class Http:
    """Requests of HTTP/1.1 whose bodies have a length; the label is method and path, the content the JSON body."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The requests that are complete with these bytes."""
        self._buffer += data
        while (end := self._buffer.find(_HEAD_END)) >= 0:
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if "transfer-encoding" in headers:
                raise NotUnderstoodError("a body without a length")
            size = end + len(_HEAD_END) + int(headers.get("content-length", "0"))
            if len(self._buffer) < size:
                return
            whole, self._buffer = self._buffer[:size], self._buffer[size:]
            method, target, _ = first.split(" ")
            yield Message(f"{method} {target}", whole, _json(whole[end + len(_HEAD_END) :]))


class MongoDB:
    """Commands of MongoDB; the label is command and collection, the content the command with its documents."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The commands that are complete with these bytes."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            size, _, _, opcode = _HEADER.unpack_from(self._buffer)
            if len(self._buffer) < size:
                return
            whole, self._buffer = self._buffer[:size], self._buffer[size:]
            # What is not in the present form is the first greeting of a driver.
            content = command(whole) if opcode == _OP_MSG else {"hello": 1}
            name = next(iter(content))
            collection = content[name] if isinstance(content[name], str) else ""
            yield Message(f"{name} {collection}".rstrip(), whole, content)


def command(frame: bytes) -> dict[str, Any]:
    """What a message of MongoDB says, an answer included; its sequences of documents are fields of it."""
    (flags,) = struct.unpack_from("<I", frame, _HEADER.size)
    at, end = _HEADER.size + 4, len(frame) - (_CHECKSUM_BYTES if flags & _CHECKSUM else 0)
    found: dict[str, Any] = {}
    while at < end:
        kind, at = frame[at], at + 1
        (size,) = struct.unpack_from("<i", frame, at)
        if kind == 0:
            found = {**bson.decode(frame[at : at + size]), **found}
        else:
            name_end = frame.index(b"\0", at + 4)
            documents = bson.decode_all(frame[name_end + 1 : at + size])
            found[frame[at + 4 : name_end].decode()] = documents
        at += size
    return found


def is_whole(frame: bytes) -> bool:
    """Whether an answer of MongoDB is complete."""
    return len(frame) >= _HEADER.size and len(frame) >= _HEADER.unpack_from(frame)[0]


def status(answer: bytes) -> int:
    """The status of an answer of HTTP."""
    return int(answer.split(b" ", 2)[1])


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
