"""What GET /telemetry answers, by the level of detail."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from devstack.qdrant import VERSION
from devstack.qdrant.body import Json
from devstack.qdrant.collection import Collection


class Telemetry:
    """Counts requests, and tells of them and of the collections."""

    def __init__(self) -> None:
        self._id = str(uuid.uuid4())
        self._startup = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._requests: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def record(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        entry = self._requests[route][str(status)]
        # A count and a sum would do, but for the test aid this is the average is all that is shown.
        entry[:] = [entry[0] + 1, entry[1] + seconds] if entry else [1, seconds]

    async def answer(self, level: int, collections: Iterable[Collection]) -> Json:
        """The telemetry at a level: from 2 the collections, from 3 their shards, from 4 the segments."""
        listed = list(collections)
        known: Json = {"number_of_collections": len(listed)}
        if level >= 2:
            known["collections"] = [await _collection(collection, level) for collection in listed]
        answer: Json = {
            "id": self._id,
            "app": {"name": "qdrant", "version": VERSION, "startup": self._startup},
            "collections": known,
            "cluster": {"enabled": False, "resharding_enabled": False},
        }
        answer["requests"] = {"rest": {"responses": self._responses()}, "grpc": {"responses": {}}}
        return answer

    def _responses(self) -> Json:
        return {
            route: {
                status: {"count": int(count), "avg_duration_micros": seconds / count * 1e6}
                for status, (count, seconds) in by_status.items()
            }
            for route, by_status in self._requests.items()
        }


async def _collection(collection: Collection, level: int) -> Json:
    entry: Json = {"id": collection.name, "init_time_ms": 0, "config": {**collection.config, "uuid": None}}
    if level < 3:
        return entry
    points, indexed, by_field = await collection.figures()
    local: Json = {
        "variant_name": "local shard",
        "status": collection.status,
        "num_points": points,
        "num_vectors": points * len(collection.dense),
    }
    if level >= 4:
        info: Json = {"num_points": points, "num_indexed_vectors": indexed}
        info["index_schema"] = collection.schema(by_field)
        local["segments"] = [{"info": info}]
    entry["shards"] = [{"id": 0, "key": None, "local": local}]
    return entry
