"""Many collections out of one answer: Qdrant's telemetry at level 4 has all that it says of each of them.

A server sums up its segments for ``GET /collections/{name}``; telemetry lists them, and the same sum is made here. A
collection is left out where the sum might be another: with shards elsewhere or on the move, or with points that the
server holds back. The answer is long, so that it is read piece by piece.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Collection as Names
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from namespace_operator.domain.observed import Collection
from namespace_operator.stores.protocols import ReadAtOnce
from namespace_operator.stores.qdrant import translate

_LONGEST_SECONDS = 0.005
"""How long the event loop waits for a piece."""

_WORST_LAST = ("green", "yellow", "grey", "red")

_LIST = re.compile(r'"collections"\s*:\s*\[')
_NEXT = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()

Json = Mapping[str, Any]


class NotUnderstood(Exception):
    """The answer has another shape."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _SegmentInfo(_Part):
    num_points: int
    num_indexed_vectors: int
    num_deferred_points: int | None = None
    index_schema: Mapping[str, Mapping[str, Any]]


class _Segment(_Part):
    info: _SegmentInfo


class _Local(_Part):
    status: str
    segments: tuple[_Segment, ...]


class _Shard(_Part):
    local: _Local
    remote: tuple[object, ...] = ()


class _Described(_Part):
    config: Mapping[str, Any]
    shards: tuple[_Shard, ...]
    transfers: tuple[object, ...] | None = None
    resharding: tuple[object, ...] | None = None


async def read_at_once(text: str, names: Names[str]) -> ReadAtOnce | None:
    """Those of the named collections that an answer describes in full, None where it may not tell of all shards.

    Raises ``NotUnderstood``.
    """
    begin = _LIST.search(text)
    if begin is None:
        # A server without any leaves the list out.
        return _whole(text, 0, {})
    position, total = _skip(text, begin.end()), 0
    found: dict[str, Collection] = {}
    pause = _Pause()
    while text[position : position + 1] != "]":
        try:
            entry, position = _DECODER.raw_decode(text, position)
            name = entry["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise NotUnderstood from error
        if name in names and (described := _described(name, entry)) is not None:
            found[name] = described
        position, total = _skip(text, position), total + 1
        await pause.if_due()
    return _whole(f"{text[: begin.end()]}{text[position:]}", total, found)


def _whole(rest: str, total: int, found: Mapping[str, Collection]) -> ReadAtOnce | None:
    """The answer around the list, which tells whether it was the right one."""
    try:
        result = json.loads(rest)["result"]
        if result["collections"].get("collections"):
            raise NotUnderstood
        # Each peer of a cluster tells of its own shards only.
        return None if result["cluster"]["enabled"] else ReadAtOnce(total, found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood from error


def _described(name: str, entry: Json) -> Collection | None:
    """The collection as the server would sum it up, None where that cannot be told."""
    try:
        described = _Described.model_validate(entry)
        infos = [segment.info for shard in described.shards for segment in shard.local.segments]
        is_moving = bool(described.transfers or described.resharding or any(s.remote for s in described.shards))
        if not described.shards or is_moving or any(info.num_deferred_points for info in infos):
            return None
        answer = {
            "status": max((shard.local.status for shard in described.shards), key=_WORST_LAST.index),
            "points_count": sum(info.num_points for info in infos),
            "indexed_vectors_count": sum(info.num_indexed_vectors for info in infos),
            "segments_count": len(infos),
            "config": described.config,
            "payload_schema": _summed(infos),
        }
        return translate.collection(name, answer)
    except (ValidationError, ValueError, KeyError, TypeError):
        return None


def _summed(infos: list[_SegmentInfo]) -> Mapping[str, Json]:
    """The indexes of all segments: each as the first has it, with the points of all."""
    schema: dict[str, dict[str, Any]] = {}
    for info in infos:
        for name, index in info.index_schema.items():
            if name in schema:
                schema[name]["points"] += index["points"]
            else:
                schema[name] = dict(index)
    return schema


def _skip(text: str, position: int) -> int:
    found = _NEXT.match(text, position)
    assert found is not None
    return found.end()


class _Pause:
    """Lets others go first now and then."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def if_due(self) -> None:
        if time.perf_counter() - self._since >= _LONGEST_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
