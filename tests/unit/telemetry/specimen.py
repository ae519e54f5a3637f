"""Metrics in which everything has happened once: what a scrape can show at all, for who needs the names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from namespace_operator.controller.queue import Backlog
from namespace_operator.controller.reporter import Account
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.placement import is_own
from namespace_operator.kube.census import Counted, count
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.telemetry.catalog import OPERATIONS, Outcome
from namespace_operator.telemetry.metrics import Metrics
from tests.unit.kube.test_census import reported
from tests.unit.kube.test_objects import obj

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


def specimen(namespaces: int = 3) -> Metrics:
    """Everything has happened, to so many Namespaces."""
    metrics = Metrics("1.2.3", tuple(Reason), is_own)
    objects = LiveObjects()
    for number in range(namespaces):
        ready, reason = (("True", "Ready"), ("False", "CollectionLost"), ("False", "DeletionRefused"))[number % 3]
        status = reported(ready, reason, expiresAt="2026-11-26T11:58:20Z", namespaceId=f"ns_{number}")
        objects.put(obj(number + 1, name=f"n{number}", uid=f"u{number}", status=status))
        metrics.reconciled(Account("not_ready", 0.1, (reason,), ("index",), ("index",), (1.0,), ("created",)))
        with metrics.meter("qdrant", f"own/acme/n{number}").measure("read", lambda _: Outcome.REFUSED):
            pass
    for backend, operations in OPERATIONS.items():
        for operation in operations:
            with metrics.meter(backend).measure(operation, lambda _: Outcome.REFUSED):
                pass
    for queue in ("namespaces", "clusters"):
        metrics.watch_queue(queue, lambda: Backlog(namespaces, 1, namespaces, 2, 3.0, 4.0))
    for resource in ("mixpeeknamespaces", "infrastructureclusters"):
        metrics.watch_silence(resource, lambda: 12.0)
        metrics.event_lagged(resource, 0.5)

    def census() -> Counted:
        return count(objects.standings(), NOW)

    metrics.watch_objects(census)
    metrics.leads(True)
    metrics.configuration_used("catalog", "0a1b2c")
    metrics.mongodb_found(up=True)
    metrics.server_found("default", up=True, namespaces=namespaces, collections=namespaces)
    metrics.orphans_found(0, 0, NOW)
    metrics.orphan_partitions_found(0)
    return metrics


def families(metrics: Metrics) -> Iterator[Metric]:
    """The operator's own families, as OpenMetrics has them."""
    text = metrics.exposition("application/openmetrics-text; version=1.0.0")[0].decode()
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        if family.name.startswith("namespace_operator_"):
            yield family


def series_names(metrics: Metrics) -> dict[str, frozenset[str]]:
    """Every name that a query may use, with the labels of its series."""
    names: dict[str, frozenset[str]] = {}
    for family in families(metrics):
        for sample in family.samples:
            names[sample.name] = names.get(sample.name, frozenset()) | sample.labels.keys()
    return names
