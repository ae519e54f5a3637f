"""The metrics of an operator are wired to what they tell of, and a stand-by counts nothing that the leader counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from namespace_operator.cli.measuring import (
    kubernetes_meter,
    mongodb_monitor,
    observed_work,
    operators_metrics,
    qdrant_meters,
)
from namespace_operator.controller.queue import Backlog
from namespace_operator.domain.conditions import Reason
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.pulse import Pulse
from namespace_operator.telemetry.catalog import PREFIX, Outcome
from namespace_operator.telemetry.metrics import Metrics
from tests.unit.kube.test_objects import obj

BUSY = Backlog(waiting=2, running=1, scheduled=3, retries=4, oldest=5.0, longest_run=6.0)


@dataclass
class Replica:
    """Leads or stands by."""

    leads: bool

    def namespaces(self) -> Backlog | None:
        """Its queue."""
        return BUSY if self.leads else None

    def clusters(self) -> Backlog | None:
        """Its other queue."""
        return BUSY if self.leads else None


def lines(metrics: Metrics) -> list[str]:
    """The samples, without the prefix."""
    text = metrics.exposition("")[0].decode()
    return [line.removeprefix(PREFIX) for line in text.splitlines() if line.startswith(PREFIX)]


def observed(replica: Replica) -> list[str]:
    """What is told of one Namespace and a watch that has just moved."""
    metrics, objects = operators_metrics(), LiveObjects()
    objects.put(obj(1, creationTimestamp="2026-11-26T11:00:00Z"))
    now = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
    client: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: now))
    seconds = [100.0]
    pulse = Pulse(lambda: seconds[0])
    pulse.expect(())
    for plural in ("mixpeeknamespaces", "infrastructureclusters"):
        pulse.streams(f"/apis/mixpeek.com/v1/{plural}")
    seconds[0] = 107.5
    hearing = observed_work(metrics, cast("KubeClient", client), objects, pulse, replica)
    hearing.heard("mixpeeknamespaces", "MODIFIED", obj(2, creationTimestamp="2026-11-26T11:59:58Z"))
    return lines(metrics)


def test_a_leader_tells_of_namespaces_queues_and_watches() -> None:
    found = observed(Replica(leads=True))
    assert 'namespaces{ready="Unknown",reason="NotReported",tier="unknown"} 1.0' in found
    assert 'not_ready_oldest_seconds{reason="NotReported"} 3600.0' in found
    for queue in ("namespaces", "clusters"):
        assert f'queue_waiting{{queue="{queue}"}} 2.0' in found
        assert f'queue_oldest_seconds{{queue="{queue}"}} 5.0' in found
        assert f'queue_retries_total{{queue="{queue}"}} 4.0' in found
    for resource in ("mixpeeknamespaces", "infrastructureclusters"):
        assert f'watch_silence_seconds{{resource="{resource}"}} 7.5' in found
    assert 'watch_lag_seconds_sum{resource="mixpeeknamespaces"} 2.0' in found


def test_a_stand_by_tells_of_its_watches_only() -> None:
    found = observed(Replica(leads=False))
    assert 'watch_silence_seconds{resource="mixpeeknamespaces"} 7.5' in found
    assert not [line for line in found if line.startswith(("namespaces{", "not_ready", "queue_"))]


def test_every_reason_is_there_from_the_start() -> None:
    found = lines(operators_metrics())
    assert [reason for reason in Reason if f'reconcile_findings_total{{reason="{reason}"}} 0.0' not in found] == []


def test_each_server_is_measured_under_its_own_name() -> None:
    metrics = operators_metrics()
    meters = (
        kubernetes_meter(metrics),
        *map(qdrant_meters(metrics), ("default", "east", "own/acme/films", "own/acme/series")),
    )
    for meter in meters:
        with meter.measure("list", lambda _: Outcome.REFUSED):
            pass
    mongodb_monitor(metrics).found(True)
    found = lines(metrics)
    for backend, connection, requests in (
        ("kubernetes", "default", 1.0),
        ("qdrant", "default", 1.0),
        ("qdrant", "east", 1.0),
        ("qdrant", "own", 2.0),
    ):
        labels = f'backend="{backend}",connection="{connection}",operation="list",outcome="ok"'
        assert f"requests_total{{{labels}}} {requests}" in found
    assert "mongodb_up 1.0" in found
