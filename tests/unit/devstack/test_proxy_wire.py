"""Messages cut out of a stream, whatever the pieces it comes in."""

from __future__ import annotations

import struct
from typing import Any

import bson
import pytest

from devstack.proxy_wire import Http, MongoDB, NotUnderstoodError, command, is_whole


def op_msg(body: dict[str, Any], sequence: tuple[str, list[dict[str, Any]]] | None = None, flags: int = 0) -> bytes:
    """A message of MongoDB."""
    content = struct.pack("<I", flags) + b"\0" + bson.encode(body)
    if sequence is not None:
        name, documents = sequence
        inner = name.encode() + b"\0" + b"".join(map(bson.encode, documents))
        content += b"\1" + struct.pack("<i", len(inner) + 4) + inner
    if flags & 1:
        content += b"\0\0\0\0"
    return struct.pack("<iiii", len(content) + 16, 1, 0, 2013) + content


UPDATE = op_msg(
    {"update": "namespaces", "$db": "mixpeek"}, ("updates", [{"q": {"_id": "ns_1"}, "u": {"$set": {"a": 1}}}])
)
FIND = op_msg({"find": "namespaces", "filter": {}, "$db": "mixpeek"})
HELLO = struct.pack("<iiii", 20, 1, 0, 2004) + b"\0\0\0\0"


@pytest.mark.parametrize("piece", [1, 7, 16, 1000])
def test_commands_are_found_in_any_pieces(piece: int) -> None:
    stream, splitter = HELLO + UPDATE + FIND, MongoDB()
    found = [m for at in range(0, len(stream), piece) for m in splitter.feed(stream[at : at + piece])]
    assert [message.label for message in found] == ["hello", "update namespaces", "find namespaces"]
    assert found[1].content["updates"][0]["q"] == {"_id": "ns_1"}
    assert b"".join(message.data for message in found) == stream


def test_a_command_with_a_checksum() -> None:
    (found,) = MongoDB().feed(op_msg({"ping": 1}, flags=1))
    assert found.label == "ping"
    assert found.content == {"ping": 1}


def test_an_answer_is_read_when_it_is_whole() -> None:
    answer = op_msg({"n": 0, "ok": 1.0})
    assert not is_whole(answer[:10])
    assert not is_whole(answer[:-1])
    assert is_whole(answer)
    assert command(answer) == {"n": 0, "ok": 1.0}


def test_a_body_without_a_length_is_not_guessed() -> None:
    with pytest.raises(NotUnderstoodError):
        list(Http().feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"))


def test_a_body_that_is_no_json_is_passed_on() -> None:
    (found,) = Http().feed(b"PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
    assert found.content is None
    assert found.data.endswith(b"abc")
