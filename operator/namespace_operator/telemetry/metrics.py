"""What Prometheus may scrape, made from the table in ``catalog``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from namespace_operator.telemetry.catalog import BY_NAME, OWN_CONNECTION, PREFIX, QDRANT
from namespace_operator.telemetry.requests import RequestMeter
from namespace_operator.telemetry.scraped import Backlog, Census, Scraped

ReloadResult = Literal["used", "unusable"]

M = TypeVar("M", Counter, Histogram)


class Account(Protocol):
    """What there is to count of one reconcile; times are in seconds."""

    @property
    def result(self) -> str:
        """How it ended."""

    @property
    def seconds(self) -> float:
        """How long it took."""

    @property
    def findings(self) -> Collection[str]:
        """The reasons of what it found."""

    @property
    def drift_found(self) -> Collection[str]:
        """Kinds of what it found different."""

    @property
    def drift_repaired(self) -> Collection[str]:
        """Kinds of what it put back."""

    @property
    def lateness(self) -> Collection[float]:
        """For how long the time of each namespace that it ended had been over."""

    @property
    def auto_indexes(self) -> Collection[str]:
        """What became of fields."""


class Metrics:
    """The operator's metrics, in a registry of their own.

    What is not known yet is absent: before the first sweep there are no numbers of orphans, and no zeros either.
    ``reasons`` are all that a finding can have, ``brought`` says of a connection's name whether a Namespace brought it.
    """

    def __init__(
        self, version: str, reasons: Iterable[str] = (), brought: Callable[[str], bool] = lambda _: False
    ) -> None:
        # For each counter and histogram the library would add a series with the time of its making.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._brought = brought
        ProcessCollector(registry=self._registry)
        self._scraped = Scraped()
        self._registry.register(self._scraped)
        Info(f"{PREFIX}build", BY_NAME["build"].help, registry=self._registry).info({"version": version})
        self._reconciles, self._durations = self._counter("reconciles"), self._histogram("reconcile_duration_seconds")
        self._findings = self._counter("reconcile_findings")
        for reason in reasons:
            self._findings.labels(reason)
        self._requests, self._request_durations = self._counter("requests"), self._histogram("request_duration_seconds")
        self._in_flight = self._gauge("requests_in_flight")
        self._meters: dict[tuple[str, str], RequestMeter] = {}
        self._lag = self._histogram("watch_lag_seconds")
        self._drift_found, self._drift_repaired = self._counter("drift_found"), self._counter("drift_repaired")
        self._expiries, self._lateness = self._counter("expiries"), self._histogram("expiry_lateness_seconds")
        self._auto_indexes = self._counter("auto_indexes")
        self._orphans = self._gauge("orphan_collections")
        self._up, self._namespaces = self._gauge("qdrant_up"), self._gauge("qdrant_namespaces")
        self._collections = self._gauge("qdrant_collections")
        self._leader = self._gauge("leader")
        self._config = Info(
            f"{PREFIX}config", BY_NAME["config"].help, tuple(BY_NAME["config"].labels)[:1], registry=self._registry
        )
        self._usable, self._reloads = self._gauge("config_last_reload_successful"), self._counter("config_reloads")
        self._later: dict[str, Gauge] = {}

    def leads(self, leads: bool, /) -> None:
        """Whether this process leads from now on. What only a leader finds out is unknown once it does not."""
        self._leader.set(leads)
        if not leads:
            self._forget_what_a_leader_knows()

    def configuration_used(self, file: str, digest: str) -> None:
        """The content of one of the operator's files that counts from now on."""
        self._usable.labels(file).set(1)
        self._config.labels(file).info({"hash": digest})
        for result in BY_NAME["config_reloads"].labels["result"].values:
            self._reloads.labels(file, result)

    def configuration_reloaded(self, file: str, result: ReloadResult) -> None:
        """Count a new content of one of the operator's files."""
        self._reloads.labels(file, result).inc()
        self._usable.labels(file).set(result == "used")

    def reconciled(self, account: Account) -> None:
        """Count one reconcile, and all that happened in it."""
        self._reconciles.labels(account.result).inc()
        self._durations.labels(account.result).observe(account.seconds)
        for lateness in account.lateness:
            self._expiries.inc()
            self._lateness.observe(max(0.0, lateness))
        for counter, values in (
            (self._findings, account.findings),
            (self._drift_found, account.drift_found),
            (self._drift_repaired, account.drift_repaired),
            (self._auto_indexes, account.auto_indexes),
        ):
            for value in values:
                counter.labels(value).inc()

    def event_lagged(self, resource: str, seconds: float) -> None:
        """An event of the watch came so long after the change that it tells of."""
        self._lag.labels(resource).observe(max(0.0, seconds))

    def meter(self, backend: str, connection: str = "default") -> RequestMeter:
        """What measures the requests over one connection. Those that Namespaces brought are measured together."""
        name = OWN_CONNECTION if self._brought(connection) else connection
        known = self._meters.get((backend, name))
        if known is None:
            known = RequestMeter(backend, name, self._requests, self._request_durations, self._in_flight)
            self._meters[backend, name] = known
        return known

    def mongodb_found(self, *, up: bool) -> None:
        """Whether a primary is known."""
        self._at_last("mongodb_up").set(up)

    def watch_queue(self, name: str, backlog: Callable[[], Backlog | None]) -> None:
        """Tell of a queue as it is at each scrape; None: there is none, because another replica has the work."""
        self._scraped.queues[name] = backlog

    def watch_silence(self, resource: str, seconds: Callable[[], float | None]) -> None:
        """Tell at each scrape for how long a watch has been silent; None: it never said anything."""
        self._scraped.silences[resource] = seconds

    def watch_objects(self, census: Callable[[], Census | None]) -> None:
        """Tell of all Namespaces as they are at each scrape; None: it is another replica's turn to tell."""
        self._scraped.census = census

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """What a sweep that went through found, and when."""
        self._orphans.labels("orphan").set(orphans)
        self._orphans.labels("copy").set(copies)
        self._at_last("orphan_sweep_timestamp_seconds").set(at.timestamp())

    def orphan_partitions_found(self, partitions: int) -> None:
        """What a look at all shared collections found."""
        self._at_last("orphan_partitions").set(partitions)

    def server_found(self, connection: str, *, up: bool, namespaces: int | None, collections: int | None) -> None:
        """What the last look at a Qdrant server showed; a number that is not known any more is absent."""
        self._up.labels(connection).set(up)
        for gauge, number in ((self._namespaces, namespaces), (self._collections, collections)):
            if number is not None:
                gauge.labels(connection).set(number)
            else:
                gauge.remove_by_labels({"connection": connection})

    def server_gone(self, connection: str) -> None:
        """Leave out a Qdrant server that there is no more."""
        for gauge in (self._up, self._namespaces, self._collections):
            gauge.remove_by_labels({"connection": connection})
        for metric in (self._requests, self._request_durations, self._in_flight):
            metric.remove_by_labels({"backend": QDRANT, "connection": connection})
        if (QDRANT, connection) in self._meters:
            self._meters[QDRANT, connection].forget()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that the ``Accept`` header prefers, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _forget_what_a_leader_knows(self) -> None:
        for gauge in (self._up, self._namespaces, self._collections, self._orphans):
            gauge.clear()
        for gauge in self._later.values():
            self._registry.unregister(gauge)
        self._later.clear()

    def _counter(self, name: str) -> Counter:
        info = BY_NAME[name]
        return _initial(name, Counter(info.full_name, info.help, tuple(info.labels), registry=self._registry))

    def _gauge(self, name: str) -> Gauge:
        info = BY_NAME[name]
        return Gauge(info.full_name, info.help, tuple(info.labels), unit=info.unit, registry=self._registry)

    def _histogram(self, name: str) -> Histogram:
        info = BY_NAME[name]
        made = Histogram(
            info.full_name,
            info.help,
            tuple(info.labels),
            unit=info.unit,
            buckets=info.buckets,
            registry=self._registry,
        )
        return _initial(name, made)

    def _at_last(self, name: str) -> Gauge:
        """A gauge without labels, which is 0 from the moment it is made: there is none before something is known."""
        if name not in self._later:
            self._later[name] = self._gauge(name)
        return self._later[name]


def _initial(name: str, metric: M) -> M:
    """The metric with every combination of its labels' values, where they are closed and meant to be there."""
    labels = BY_NAME[name].labels
    if BY_NAME[name].initial and labels:
        for values in itertools.product(*(label.values for label in labels.values())):
            metric.labels(*values)
    return metric
