"""What recorders write to MongoDB and the operator reads there. docs/filter-usage.md says the same in prose.

Everything is in one collection, so that a recorder's news are one bulk write. Three kinds of documents are told apart
by ``object`` and by the date that each of them alone has.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from namespace_operator.domain.usage import FILTER_USAGE, MAX_SILENCE, MatchKind

__all__ = ["FILTER_USAGE", "KEPT", "MAX_FIELD", "MAX_NAMESPACE_ID", "counter", "heartbeat", "last_use"]

COUNTER, FIELD, SERVICE = "filter_counter", "filter_field", "filter_service"

KEPT = {"hour": timedelta(days=8), "last_used_at": timedelta(days=90), "at": timedelta(days=30)}
"""How long a document is kept after the date in this field: of a counter, a field, and a service's heartbeat."""

MAX_NAMESPACE_ID = 128
MAX_FIELD = 255
"""The longest that are recorded, in bytes of UTF-8. No longer field can have an index in a Namespace."""

Write = UpdateOne


def counter(namespace_id: str, recorder: str, hour: datetime, field: str, kind: MatchKind, count: int) -> Write:
    """So many queries in this hour as this recorder has counted them. To write it again, or late, changes nothing."""
    identity = {"namespace_id": namespace_id, "recorder": recorder, "hour": hour, "field": field, "kind": kind.value}
    document_id = f"{namespace_id}/{recorder}/{hour:%Y-%m-%dT%H}/{kind.value}/{field}"
    update = {"$setOnInsert": {"object": COUNTER, **identity}, "$max": {"count": count}}
    return UpdateOne({"_id": document_id}, update, upsert=True)


def last_use(namespace_id: str, field: str, at: datetime) -> Write:
    """A query filtered by the field at that time."""
    identity = {"object": FIELD, "namespace_id": namespace_id, "field": field}
    update = {"$setOnInsert": identity, "$max": {"last_used_at": at}}
    return UpdateOne({"_id": f"{namespace_id}/{field}"}, update, upsert=True)


def heartbeat(service: str, *, gap: bool) -> Write:
    """The service is alive, by the server's clock; with ``gap`` it has lost counts, and its run begins anew."""
    since: Any = "$$NOW"
    if not gap:
        alive = {"$gte": ["$at", {"$subtract": ["$$NOW", int(MAX_SILENCE.total_seconds() * 1000)]}]}
        since = {"$cond": [alive, {"$ifNull": ["$since", "$$NOW"]}, "$$NOW"]}
    beat = {"object": SERVICE, "service": {"$literal": service}, "since": since, "at": "$$NOW"}
    return UpdateOne({"_id": f"service/{service}"}, [{"$set": beat}], upsert=True)
