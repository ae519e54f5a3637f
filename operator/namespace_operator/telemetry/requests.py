"""Measuring requests to a backend at the one place where each is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Counter, Gauge, Histogram

from namespace_operator.telemetry.catalog import OPERATIONS, OTHER, Outcome


class Meter(Protocol):
    """What measures requests."""

    def measure(self, operation: str, outcome_of: Callable[[BaseException], Outcome]) -> AbstractContextManager[None]:
        """Measure one request; ``outcome_of`` says what an exception that leaves the block means."""


class Unmeasured:
    """Measures nothing: outside of an operator that serves metrics."""

    def measure(self, operation: str, outcome_of: Callable[[BaseException], Outcome]) -> AbstractContextManager[None]:
        """Let it pass."""
        return nullcontext()


UNMEASURED = Unmeasured()


@dataclass(slots=True)
class RequestMeter:
    """Counts the requests over one connection, how they end and how long they take."""

    backend: str
    connection: str
    requests: Counter
    durations: Histogram
    in_flight: Gauge
    _seen: set[str] = field(default_factory=set)

    @contextmanager
    def measure(self, operation: str, outcome_of: Callable[[BaseException], Outcome]) -> Iterator[None]:
        """Measure one request; ``outcome_of`` says what an exception that leaves the block means."""
        self.began()
        started, outcome = time.perf_counter(), Outcome.OK
        try:
            yield
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            self.ended(operation, outcome, time.perf_counter() - started)

    def began(self) -> None:
        """A request is about to be sent."""
        self.in_flight.labels(self.backend, self.connection).inc()

    def ended(self, operation: str, outcome: Outcome, seconds: float) -> None:
        """A request that began ended like this."""
        known = operation if operation in OPERATIONS[self.backend] else OTHER
        self.in_flight.labels(self.backend, self.connection).dec()
        if known not in self._seen:
            # A rate over a series that begins with its first event does not see that event.
            self._seen.add(known)
            for other in Outcome:
                self.requests.labels(self.backend, self.connection, known, other)
        self.requests.labels(self.backend, self.connection, known, outcome).inc()
        self.durations.labels(self.backend, self.connection, known).observe(seconds)
