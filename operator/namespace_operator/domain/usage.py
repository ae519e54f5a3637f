"""How queries filter a namespace's documents, as the recorders of query services count it: docs/filter-usage.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

FILTER_USAGE = "filter_usage"
"""The collection in MongoDB."""

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MAX_SILENCE = timedelta(minutes=15)
"""How long nothing may be heard of a service before its silence says nothing any more. A recorder beats each minute."""


class MatchKind(StrEnum):
    """What a condition asks of a field."""

    EXACT = "exact"
    RANGE = "range"
    DATETIME = "datetime"
    TEXT = "text"
    GEO = "geo"
    UUID = "uuid"


@dataclass(frozen=True, slots=True)
class FieldUse:
    """How often queries filtered by one field; a query counts once for each kind of condition on it.

    ``last_day`` has the queries of the last 24 hours by kind, ``last_week`` all of the last 7 days; both begin at a
    full hour (``first_hour``). ``first_seen`` and ``last_seen`` are the first and last hour of these 7 days in which
    there was one.
    """

    last_day: Mapping[MatchKind, int]
    last_week: int
    first_seen: datetime
    last_seen: datetime
    week_kinds: frozenset[MatchKind] = frozenset()


@dataclass(frozen=True, slots=True)
class FilterUsage:
    """The use of one namespace's fields by their path in the payload.

    ``last_used`` reaches back further than the counters. ``watched_since`` is since when, without a gap, every service
    that records was alive; None while that is not known: then nothing can be said of fields that were not used.
    """

    fields: Mapping[str, FieldUse] = field(default_factory=dict)
    last_used: Mapping[str, datetime] = field(default_factory=dict)
    watched_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A service that records: since when without a gap, and when it was last heard of."""

    since: datetime
    at: datetime


def first_hour(now: datetime, span: timedelta) -> datetime:
    """The oldest hour that counts in the ``span`` before ``now``: the one in which it begins, as a whole.

    Counters are hourly, so the span is up to an hour longer than it says and never shorter.
    """
    return (now - span).replace(minute=0, second=0, microsecond=0)


def watched_since(heartbeats: Sequence[Heartbeat], now: datetime) -> datetime | None:
    """Since when all these services were alive without a gap; None if one is silent, or there is none."""
    if not heartbeats or any(now - beat.at > MAX_SILENCE for beat in heartbeats):
        return None
    return max(beat.since for beat in heartbeats)
