"""How queries filter a namespace's documents, as the recorders of query services count it: docs/filter-usage.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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

    ``last_day`` has the queries of the last 24 hours by kind, ``last_week`` all of the last 7 days. ``first_seen`` and
    ``last_seen`` are the first and last hour of these 7 days in which there was one.
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
