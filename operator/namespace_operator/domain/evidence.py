"""What was read about fields that queries filter by: their use, a sample of their values, counts of their index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from namespace_operator.domain.payload_path import hollow_at, values_at
from namespace_operator.domain.usage import FieldUse, FilterUsage, MatchKind
from namespace_operator.domain.value_kinds import ValueKind, kind_of

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Draw:
    """Some random points to take a sample from: of all, of those with a field, or of one namespace."""

    limit: int
    field_name: str | None = None
    namespace_id: str | None = None


@dataclass(frozen=True, slots=True)
class FieldSample:
    """What random points have in a field: how many have it, and the kinds of all values they have.

    ``hollow`` says that one has an array of nothing but nulls.
    """

    points: int = 0
    kinds: frozenset[ValueKind] = frozenset()
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one run of autoCreateIndexes goes by. ``slow`` are fields of slow queries, as the server itself reports."""

    usage: FilterUsage
    samples: Mapping[str, FieldSample] = field(default_factory=dict)
    slow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many points have a field, counted at ``at``, and how many its index had right before and right after.

    Not ``settled``: the server is still at work on the collection, and may count a point twice.
    """

    at: datetime
    having: int
    before: int
    after: int
    settled: bool = True

    @property
    def agrees(self) -> bool:
        """Whether the index can have them all; points that come and go meanwhile are no contradiction."""
        return min(self.before, self.after) <= self.having <= max(self.before, self.after)


def sample_of(payloads: Iterable[Payload], field_name: str) -> FieldSample:
    """What these payloads have in a field. Nulls and empty arrays are no values."""
    points, kinds, hollow = 0, set[ValueKind](), False
    for payload in payloads:
        values = [value for value in values_at(payload, field_name) if value is not None]
        points += bool(values)
        kinds.update(kind_of(value) for value in values)
        hollow = hollow or hollow_at(payload, field_name)
    return FieldSample(points, frozenset(kinds), hollow)


def together(usages: Iterable[FilterUsage]) -> FilterUsage:
    """The use of several namespaces as that of one. It was watched as long as that of each."""
    fields: dict[str, FieldUse] = {}
    last_used: dict[str, datetime] = {}
    watched: list[datetime | None] = []
    for usage in usages:
        for name, use in usage.fields.items():
            fields[name] = _added(fields[name], use) if name in fields else use
        for name, at in usage.last_used.items():
            last_used[name] = max(at, last_used.get(name, at))
        watched.append(usage.watched_since)
    since = [at for at in watched if at is not None]
    return FilterUsage(fields, last_used, max(since) if since and len(since) == len(watched) else None)


def _added(one: FieldUse, other: FieldUse) -> FieldUse:
    kinds = one.last_day.keys() | other.last_day.keys()
    counts: dict[MatchKind, int] = {kind: one.last_day.get(kind, 0) + other.last_day.get(kind, 0) for kind in kinds}
    return FieldUse(
        last_day=counts,
        last_week=one.last_week + other.last_week,
        first_seen=min(one.first_seen, other.first_seen),
        last_seen=max(one.last_seen, other.last_seen),
        week_kinds=one.week_kinds | other.week_kinds,
    )
