"""Numbers that are looked up when Prometheus asks, rather than kept: they cannot be wrong for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from namespace_operator.telemetry.catalog import BY_NAME


class Backlog(Protocol):
    """How much a queue has to do. Times are in seconds; None: no key waits, or none runs."""

    @property
    def waiting(self) -> int:
        """Keys that could run."""

    @property
    def running(self) -> int:
        """Keys that run."""

    @property
    def scheduled(self) -> int:
        """Keys that wait for their time."""

    @property
    def retries(self) -> int:
        """Runs that failed since the start."""

    @property
    def oldest(self) -> float | None:
        """For how long the oldest waiting key has waited."""

    @property
    def longest_run(self) -> float | None:
        """For how long the longest run has gone on."""


class Census(Protocol):
    """All Namespaces, counted. Times are in seconds."""

    @property
    def counts(self) -> Mapping[tuple[str, str, str], int]:
        """How many there are by tier, status of Ready and reason."""

    @property
    def not_ready(self) -> Mapping[str, float]:
        """For how long the longest has not been ready, by reason."""

    @property
    def overdue(self) -> Mapping[str, float]:
        """For how long the longest is overdue, by reason."""


@dataclass(slots=True, eq=False)
class Scraped(Collector):
    """Asks its sources at each scrape: queues and silences by name, and all objects."""

    queues: dict[str, Callable[[], Backlog | None]] = field(default_factory=dict)
    silences: dict[str, Callable[[], float | None]] = field(default_factory=dict)
    census: Callable[[], Census | None] = lambda: None

    def describe(self) -> Iterator[Metric]:
        """Nothing: the registry asks for names before there are sources."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All of it, as it is now."""
        yield from self._of_queues()
        silence = _gauge("watch_silence_seconds")
        for resource, seconds in self.silences.items():
            if (known := seconds()) is not None:
                silence.add_metric([resource], known)
        yield silence
        census = self.census()
        if census is not None:
            yield from _of_objects(census)

    def _of_queues(self) -> Iterator[Metric]:
        waiting, running, scheduled = (_gauge(f"queue_{name}") for name in ("waiting", "running", "scheduled"))
        oldest, longest = _gauge("queue_oldest_seconds"), _gauge("queue_longest_run_seconds")
        info = BY_NAME["queue_retries"]
        retries = CounterMetricFamily(info.full_name, info.help, labels=tuple(info.labels))
        for name, backlog in self.queues.items():
            found = backlog()
            if found is None:
                continue
            waiting.add_metric([name], found.waiting)
            running.add_metric([name], found.running)
            scheduled.add_metric([name], found.scheduled)
            # A queue without a waiting key has none that waits too long, which is known and therefore 0.
            oldest.add_metric([name], found.oldest or 0.0)
            longest.add_metric([name], found.longest_run or 0.0)
            retries.add_metric([name], found.retries)
        yield from (waiting, running, scheduled, oldest, longest, retries)


def _of_objects(census: Census) -> Iterator[Metric]:
    namespaces = _gauge("namespaces")
    for labels, count in census.counts.items():
        namespaces.add_metric(labels, count)
    yield namespaces
    for name, ages in (("not_ready_oldest_seconds", census.not_ready), ("expiry_overdue_seconds", census.overdue)):
        family = _gauge(name)
        for reason, seconds in ages.items():
            family.add_metric([reason], seconds)
        yield family


def _gauge(name: str) -> GaugeMetricFamily:
    info = BY_NAME[name]
    return GaugeMetricFamily(info.full_name, info.help, labels=tuple(info.labels), unit=info.unit)
