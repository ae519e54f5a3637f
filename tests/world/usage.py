"""What the documents of recorders say, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from namespace_operator.domain.usage import (
    FieldUse,
    FilterUsage,
    Heartbeat,
    MatchKind,
    first_hour,
    watched_since,
)

Raw = dict[str, Any]


def usage_of(rows: Sequence[Raw], namespace_id: str, now: datetime) -> FilterUsage:
    """The use of one namespace's fields."""
    beats = [Heartbeat(row["since"], row["at"]) for row in rows if _is_alive(row, now)]
    own = [row for row in rows if row.get("namespace_id") == namespace_id and isinstance(row.get("field"), str)]
    counters = [row for row in own if _counts(row, now)]
    fields = {name: _use(counters, name, now) for name in {row["field"] for row in counters}}
    last_used = {name: use.last_seen for name, use in fields.items()}
    for row in own:
        if isinstance(at := row.get("last_used_at"), datetime):
            last_used[row["field"]] = max(at, last_used.get(row["field"], at))
    return FilterUsage(fields, last_used, watched_since(beats, now))


def _is_alive(row: Raw, now: datetime) -> bool:
    return isinstance(row.get("at"), datetime) and row["at"] >= now - timedelta(days=30)


def _counts(row: Raw, now: datetime) -> bool:
    count, hour = row.get("count"), row.get("hour")
    if not isinstance(count, int) or count <= 0 or not isinstance(hour, datetime):
        return False
    in_time = first_hour(now, timedelta(days=7)) <= hour <= now + timedelta(hours=1)
    return in_time and row.get("kind") in list(MatchKind)


def _use(counters: Sequence[Raw], name: str, now: datetime) -> FieldUse:
    own = [row for row in counters if row["field"] == name]
    day = [row for row in own if row["hour"] >= first_hour(now, timedelta(days=1))]
    hours = [row["hour"] for row in own]
    return FieldUse(
        last_day={kind: sum(row["count"] for row in day if row["kind"] == kind) for kind in _kinds(day)},
        last_week=sum(row["count"] for row in own),
        first_seen=min(hours),
        last_seen=max(hours),
        week_kinds=_kinds(own),
    )


def _kinds(rows: Sequence[Raw]) -> frozenset[MatchKind]:
    return frozenset(MatchKind(row["kind"]) for row in rows)
