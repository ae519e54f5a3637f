"""Measuring requests to a backend at the one place where each is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
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
    """Counts the requests over one connection, how they end and how long they take.

    It keeps at hand the series that it adds to: to look one up takes longer than to add to it.
    """

    backend: str
    connection: str
    requests: Counter
    durations: Histogram
    in_flight: Gauge
    _under_way: Gauge | None = None
    _series: dict[str, tuple[Histogram, dict[Outcome, Counter]]] = field(default_factory=dict)

    def measure(self, operation: str, outcome_of: Callable[[BaseException], Outcome]) -> _Measured:
        """Measure one request; ``outcome_of`` says what an exception that leaves the block means."""
        return _Measured(self, operation, outcome_of)

    def began(self) -> None:
        """A request is about to be sent."""
        self._flying().inc()

    def ended(self, operation: str, outcome: Outcome, seconds: float) -> None:
        """A request that began ended like this."""
        self._flying().dec()
        durations, requests = self._series.get(operation) or self._of(operation)
        requests[outcome].inc()
        durations.observe(seconds)

    def forget(self) -> None:
        """The series of the connection are gone; should there be another request, they begin anew."""
        self._under_way = None
        self._series.clear()

    def _flying(self) -> Gauge:
        if self._under_way is None:
            self._under_way = self.in_flight.labels(self.backend, self.connection)
        return self._under_way

    def _of(self, operation: str) -> tuple[Histogram, dict[Outcome, Counter]]:
        known = operation if operation in OPERATIONS[self.backend] else OTHER
        labels = (self.backend, self.connection, known)
        # A rate over a series that begins with its first event does not see that event.
        found = self.durations.labels(*labels), {each: self.requests.labels(*labels, each) for each in Outcome}
        if known == operation:
            self._series[operation] = found
        return found


class _Measured:
    """The time between its beginning and its end, which a generator would take longer to measure."""

    __slots__ = ("_meter", "_operation", "_outcome_of", "_started")

    def __init__(self, meter: RequestMeter, operation: str, outcome_of: Callable[[BaseException], Outcome]) -> None:
        self._meter, self._operation, self._outcome_of = meter, operation, outcome_of
        self._started = 0.0

    def __enter__(self) -> None:
        self._meter.began()
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome = Outcome.OK if error is None else self._outcome_of(error)
        self._meter.ended(self._operation, outcome, time.perf_counter() - self._started)
