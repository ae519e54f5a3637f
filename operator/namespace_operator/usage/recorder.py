"""The recorder that a query service calls for each of its queries."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from namespace_operator.usage.contract import Write, heartbeat
from namespace_operator.usage.counts import Counts, Ledger, Name
from namespace_operator.usage.filters import walk
from namespace_operator.usage.sink import Sink

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_BEAT_SECONDS = 60.0
_COMPLAIN_SECONDS = 300.0
_AT_ONCE = 5_000
"""Writes of one bulk write: it is done well within the timeout."""

_HEARTBEAT: Name = ()

_log = logging.getLogger("namespace_operator.usage")


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of the uses that were recorded, a query counting once for each field and kind.

    ``pending`` counters are not written yet. ``dropped`` uses found no room, or MongoDB refused them; ``refused`` are
    filters and namespace ids that are none.
    """

    pending: int
    dropped: int
    refused: int


class Recorder:
    """Counts by which fields the queries of a service filter, and writes it to MongoDB every few seconds.

    ``connection`` is a connection string or a client, whose ``database`` is the operator's (``mongodb.database`` of
    the chart); its user may update and insert in ``filter_usage``. ``service`` is one name for all processes that
    answer the same queries. ``interval_seconds`` is how often is written, ``timeout_seconds`` how long one bulk write
    may take; a process takes at most twice as much longer to end. Raises ``ValueError`` for a name that is none;
    nothing else ever fails: what cannot be written is kept, then dropped, and told in the log of
    ``namespace_operator.usage``.

    A recorder may be used by any number of threads. It survives a fork: the child counts for itself, from its first
    query on, and connects anew; for that it has to be given a connection string, because a client of pymongo does not
    survive. It writes what is left when the process ends normally, when it is closed, and at the end of a ``with``; a
    process that is killed, and a child of ``multiprocessing`` that does not close it, lose up to ``interval_seconds``.
    """

    def __init__(
        self,
        connection: str | MongoClient[Any],
        database: str,
        service: str,
        *,
        interval_seconds: float = 5.0,
        timeout_seconds: float = 3.0,
    ) -> None:
        if not _SERVICE.fullmatch(service):
            raise ValueError(f"no name for a service: {service[:80]!r}; letters, digits, '.', '_', '-', at most 63")
        self._connect = (connection, database, timeout_seconds)
        self._service = service
        self._interval_seconds = interval_seconds
        self._timeout_seconds = timeout_seconds
        self._closed = False
        self._afresh()
        _recorders.add(self)
        atexit.register(self.close)
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, namespace_id: str, query_filter: object) -> None:
        """Count a query of a namespace with this filter: a ``qdrant_client.models.Filter``, its JSON, or None.

        Never waits for MongoDB, and never raises.
        """
        if self._thread is None:
            self._start()
        try:
            uses = walk(query_filter)
            if uses and not self._closed:
                self._counts.add(namespace_id, uses)
        except Exception:
            self._counts.refuse()

    def close(self) -> None:
        """Write what is left, as far as that can be done in time, and stop. What is recorded later is lost."""
        self._closed = True
        atexit.unregister(self.close)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._stop.set()
            thread.join(2 * self._timeout_seconds)

    @property
    def stats(self) -> Stats:
        """How it goes; for the service's own metrics."""
        return Stats(
            pending=self._ledger.pending,
            dropped=self._counts.dropped + self._ledger.dropped + self._rejected,
            refused=self._counts.refused,
        )

    def _afresh(self) -> None:
        """Begin as a process that has counted nothing."""
        self._counts = Counts(self._service)
        self._ledger = Ledger()
        self._sink = Sink(*self._connect)
        self._rejected = 0
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failing = False
        self._beat_at = self._complain_at = float("-inf")
        # Of what was dropped: what heartbeats have told of, the one under way would, and the log has.
        self._told = self._beating = self._complained = 0

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._run, name="filter-usage", daemon=True)
                # A process that is about to end, or has no room for a thread, answers its queries all the same.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        self._flush()
        while not self._stop.wait(self._interval_seconds):
            self._flush()
        self._flush()
        self._sink.close()

    def _flush(self) -> None:
        try:
            self._ledger.add(self._counts.take(), datetime.now(UTC))
            writes = [*self._ledger.writes(), *self._due_heartbeat()]
            for start in range(0, len(writes), _AT_ONCE):
                self._write(writes[start : start + _AT_ONCE])
            if self._failing:
                _log.warning("the use of filters is written to MongoDB again")
            self._failing = False
        except Exception as error:
            self._complain_of(error)
        self._complain_of_losses()

    def _due_heartbeat(self) -> Sequence[tuple[Name, Write]]:
        """The heartbeat, once a minute. A run in which something was lost is no evidence: it begins anew."""
        lost = self.stats.dropped > self._told
        if not lost and time.monotonic() < self._beat_at:
            return ()
        self._beating = self.stats.dropped
        return ((_HEARTBEAT, heartbeat(self._service, gap=lost)),)

    def _write(self, writes: Sequence[tuple[Name, Write]]) -> None:
        """One bulk write. What could not be encoded never can be, and is dropped; other failures are passed on."""
        again: set[int] = set()
        try:
            again, refused = self._sink.write([write for _, write in writes])
            self._rejected += refused
        except PyMongoError:
            raise
        except Exception as error:
            self._rejected += len(writes)
            _log.warning("uses of filters cannot be encoded for MongoDB and are dropped (%s)", type(error).__name__)
        names = [name for number, (name, _) in enumerate(writes) if number not in again]
        self._ledger.done(names)
        if names and names[-1] == _HEARTBEAT:
            self._told, self._beat_at = self._beating, time.monotonic() + _BEAT_SECONDS

    def _complain_of(self, error: Exception) -> None:
        # Its text could hold a part of the connection string.
        if not self._failing:
            _log.warning("the use of filters cannot be written to MongoDB (%s)", type(error).__name__)
        self._failing = True

    def _complain_of_losses(self) -> None:
        dropped, now = self.stats.dropped, time.monotonic()
        if dropped > self._complained and now >= self._complain_at:
            _log.warning("%d uses of filters were dropped so far", dropped)
            self._complained, self._complain_at = dropped, now + _COMPLAIN_SECONDS


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _after_fork() -> None:
    """In the child: what the parent has counted, it will write; its locks and connections are of no use here."""
    for recorder in list(_recorders):
        recorder._afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
