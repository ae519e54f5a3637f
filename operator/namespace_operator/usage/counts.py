"""What was counted and not written yet.

``Counts`` is what callers add to; it is handed over as a whole, so that a caller never waits for more than an addition.
``Ledger`` is the flushing thread's own: the absolute counts of each hour, and which of them MongoDB does not have yet.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from namespace_operator.domain.usage import MatchKind
from namespace_operator.usage.contract import MAX_NAMESPACE_ID, Write, counter, last_use
from namespace_operator.usage.filters import Uses

MAX_FIELDS = 256
"""Fields and kinds of one namespace in an hour: one tenant's fantasy does not crowd out the others."""
MAX_COUNTERS = 50_000
"""Counters that are held altogether, about 15 MB: those of some hours in which MongoDB is down."""

_SECONDS = 3600

Fresh = dict[str, dict[tuple[str, str], int]]
"""Counts by namespace, field and kind."""
Hour = tuple[str, int]
"""A recorder, and an hour in hours since the epoch."""
Name = tuple[Any, ...]
"""Of a counter: hour, namespace, field and kind; of a field's last use: namespace and field."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was counted in one hour, as an addition to what was counted before. ``hour`` counts from the epoch."""

    recorder: str
    hour: int
    fresh: Fresh


class Counts:
    """What was counted since the last hand-over. Safe for threads; a process that was forked needs one of its own.

    ``dropped`` are the uses that found no room, ``refused`` the filters and namespaces that are none.
    """

    def __init__(self, service: str) -> None:
        self.dropped = 0
        self.refused = 0
        self._service = service
        self._lock = threading.Lock()
        self._closed: list[Batch] = []
        self._held = 0
        self._begin(int(time.time()) // _SECONDS)

    def add(self, namespace_id: str, uses: Uses) -> None:
        """Count one query."""
        now = time.time()
        with self._lock:
            if not self._begins <= now < self._ends:
                self._change_hour(int(now) // _SECONDS)
            counts = self._fresh.get(namespace_id)
            if counts is None:
                counts = self._new_namespace(namespace_id)
                if counts is None:
                    return
            for use in uses:
                try:
                    counts[use] += 1
                except KeyError:
                    self._add_first(counts, use)

    def refuse(self) -> None:
        """Count a filter that cannot be counted."""
        with self._lock:
            self.refused += 1

    def take(self) -> Sequence[Batch]:
        """Hand over what was counted."""
        with self._lock:
            self._close()
            taken, self._closed, self._held = self._closed, [], 0
        return taken

    def _begin(self, hour: int) -> None:
        # Counts are absolute by recorder and hour: nobody may ever begin one of a former process again.
        self._recorder = f"{self._service}-{secrets.token_hex(6)}"
        self._fresh: Fresh = {}
        self._set_hour(hour)

    def _set_hour(self, hour: int) -> None:
        self._hour, self._begins, self._ends = hour, hour * _SECONDS, (hour + 1) * _SECONDS

    def _close(self) -> None:
        if self._fresh:
            self._closed.append(Batch(self._recorder, self._hour, self._fresh))
            self._fresh = {}

    def _change_hour(self, hour: int) -> None:
        self._close()
        if hour < self._hour:
            # The clock was set back. What the hour had by then is written, and another recorder adds to it.
            self._begin(hour)
        self._set_hour(hour)

    def _add_first(self, counts: dict[tuple[str, str], int], use: tuple[str, str]) -> None:
        if len(counts) < MAX_FIELDS and self._held < MAX_COUNTERS:
            counts[use] = 1
            self._held += 1
        else:
            self.dropped += 1

    def _new_namespace(self, namespace_id: str) -> dict[tuple[str, str], int] | None:
        if not _is_sensible(namespace_id):
            self.refused += 1
            return None
        # Without room none is kept: what is dropped is counted by whoever finds no room.
        return self._fresh.setdefault(namespace_id, {}) if self._held < MAX_COUNTERS else {}


@dataclass(slots=True)
class Ledger:
    """The counts of hours that are not over, or not all written. ``dropped`` are the uses that found no room."""

    dropped: int = 0
    _hours: dict[Hour, Fresh] = field(default_factory=dict)
    _current: Hour | None = None
    _unsent: dict[Name, None] = field(default_factory=dict)
    _last_used: dict[Name, datetime] = field(default_factory=dict)
    _held: int = 0

    def add(self, batches: Iterable[Batch], now: datetime) -> None:
        """Add what was counted until now."""
        for batch in batches:
            self._current = (batch.recorder, batch.hour)
            for namespace_id, counts in batch.fresh.items():
                for use, count in counts.items():
                    self._add(self._current, namespace_id, use, count, now)

    def writes(self) -> Sequence[tuple[Name, Write]]:
        """What is to be written, each under a name by which it is reported as done."""
        counters = ((name, self._counter(*name)) for name in self._unsent)
        last_uses = ((name, last_use(name[0], name[1], at)) for name, at in self._last_used.items())
        return [*counters, *last_uses]

    def done(self, names: Iterable[Name]) -> None:
        """These are written, or never will be."""
        for name in names:
            self._unsent.pop(name, None)
            self._last_used.pop(name, None)
        waiting = {hour for hour, *_ in self._unsent}
        for ended in [hour for hour in self._hours if hour != self._current and hour not in waiting]:
            self._forget(ended)

    @property
    def pending(self) -> int:
        """How many counters are to be written."""
        return len(self._unsent)

    def _counter(self, hour: Hour, namespace_id: str, path: str, kind: str) -> Write:
        count = self._hours[hour][namespace_id][path, kind]
        recorder, number = hour
        began = datetime.fromtimestamp(number * _SECONDS, UTC)
        return counter(namespace_id, recorder, began, path, MatchKind(kind), count)

    def _add(self, hour: Hour, namespace_id: str, use: tuple[str, str], count: int, now: datetime) -> None:
        totals = self._hours.setdefault(hour, {}).setdefault(namespace_id, {})
        if use not in totals:
            if len(totals) >= MAX_FIELDS or (self._held >= MAX_COUNTERS and not self._make_room(hour)):
                self.dropped += count
                return
            self._held += 1
            if len(self._last_used) < MAX_COUNTERS:
                # Once in an hour is often enough.
                self._last_used[namespace_id, use[0]] = now
        totals[use] = totals.get(use, 0) + count
        self._unsent[(hour, namespace_id, *use)] = None

    def _make_room(self, hour: Hour) -> bool:
        """Give up the oldest other hour: what is newer says more."""
        oldest = min((each for each in self._hours if each != hour), key=lambda each: each[1], default=None)
        if oldest is not None:
            self._forget(oldest)
        return oldest is not None

    def _forget(self, hour: Hour) -> None:
        for namespace_id, totals in self._hours.pop(hour).items():
            self._held -= len(totals)
            for use, count in totals.items():
                name = (hour, namespace_id, *use)
                if name in self._unsent:
                    del self._unsent[name]
                    self.dropped += count


def _is_sensible(namespace_id: object) -> bool:
    if not isinstance(namespace_id, str) or not 0 < len(namespace_id) <= MAX_NAMESPACE_ID:
        return False
    return namespace_id.isascii() and namespace_id.isprintable()
