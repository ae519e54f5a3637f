"""What GET /telemetry answers, by the level of detail."""

import os
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from devstack.qdrant import VERSION
from devstack.qdrant.body import Json
from devstack.qdrant.collection import Collection
from devstack.qdrant.shard import Figures


@dataclass
class _Answered:
    count: int = 0
    seconds: float = 0.0


class Telemetry:
    """Counts requests, and tells of them and of the collections."""

    def __init__(self, version: str = VERSION) -> None:
        self._version = version
        self._id = str(uuid.uuid4())
        self._startup = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._requests: dict[str, dict[str, _Answered]] = defaultdict(lambda: defaultdict(_Answered))

    def record(self, endpoint: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        answered = self._requests[endpoint][str(status)]
        answered.count += 1
        answered.seconds += seconds

    async def answer(self, level: int, collections: Iterable[Collection]) -> Json:
        """At level 1 what kind of collections there are, from 2 each one, from 3 its shard, from 4 its segments."""
        listed = list(collections)
        known: Json = {"number_of_collections": len(listed)}
        if level == 1:
            known["collections"] = [await _aggregated(collection) for collection in listed]
        elif level > 1:
            known["collections"] = [await _collection(collection, level) for collection in listed]
        app: Json = {"name": "qdrant", "version": self._version, "startup": self._startup}
        if level >= 1:
            app["system"] = {"cores": os.cpu_count()}
        return {
            "id": self._id,
            "app": app,
            "collections": known,
            "cluster": {"enabled": False, "resharding_enabled": False},
            "requests": {"rest": {"responses": self._responses()}, "grpc": {"responses": {}}},
        }

    def _responses(self) -> Json:
        return {
            endpoint: {
                status: {"count": answered.count, "avg_duration_micros": answered.seconds / answered.count * 1e6}
                for status, answered in by_status.items()
            }
            for endpoint, by_status in self._requests.items()
        }


async def _aggregated(collection: Collection) -> Json:
    figures = await collection.figures()
    return {"vectors": figures.points, "optimizers_status": "ok", "params": collection.config.shown()["params"]}


async def _collection(collection: Collection, level: int) -> Json:
    entry: Json = {"id": collection.name, "config": {**collection.config.shown(), "uuid": None}}
    if level < 3:
        return entry
    figures = await collection.figures()
    local: Json = {
        "variant_name": "local shard",
        "status": collection.status,
        "total_optimized_points": 0,
        "num_points": figures.points,
    }
    if level >= 4:
        # The points are in one of the segments, as on a server that has few of them.
        others = [Figures()] * (collection.config.segments - 1)
        local["segments"] = [_segment(collection, share) for share in (figures, *others)]
    entry["shards"] = [{"id": 0, "key": None, "local": local, "remote": [], "replicate_states": {}}]
    return entry


def _segment(collection: Collection, figures: Figures) -> Json:
    info = {
        "segment_type": "plain",
        "num_points": figures.points,
        "num_indexed_vectors": figures.indexed_vectors,
        "index_schema": collection.payload_schema(figures),
    }
    return {"info": info}
