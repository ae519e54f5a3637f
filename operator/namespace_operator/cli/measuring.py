"""The metrics of a running operator, wired to what they tell of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from namespace_operator import __version__
from namespace_operator.api.cluster import CLUSTER_PLURAL
from namespace_operator.api.resource import PLURAL
from namespace_operator.controller.queue import Backlog
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.placement import is_own
from namespace_operator.kube.census import Counted, count
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.hearing import Hearing
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.pulse import Pulse
from namespace_operator.stores.mongodb import Monitor
from namespace_operator.telemetry.catalog import KUBERNETES, MONGODB, QDRANT
from namespace_operator.telemetry.metrics import Metrics
from namespace_operator.telemetry.requests import Meter


def operators_metrics() -> Metrics:
    """The metrics of this operator, before anything happened."""
    return Metrics(__version__, tuple(Reason), is_own)


def kubernetes_meter(metrics: Metrics) -> Meter:
    """What measures the requests to the API server."""
    return metrics.meter(KUBERNETES)


def mongodb_monitor(metrics: Metrics) -> Monitor:
    """What listens to MongoDB's driver."""
    return Monitor(metrics.meter(MONGODB), lambda up: metrics.mongodb_found(up=up))


def qdrant_meters(metrics: Metrics) -> Callable[[str], Meter]:
    """What measures the requests over a connection of a name."""
    return partial(metrics.meter, QDRANT)


class Work(Protocol):
    """What this replica does for all Namespaces, if it leads."""

    @property
    def leads(self) -> bool:
        """Whether the work is this replica's."""

    def namespaces(self) -> Backlog | None:
        """The queue of Namespaces; None: another replica has the work."""

    def clusters(self) -> Backlog | None:
        """The queue of InfrastructureClusters; None: another replica has the work."""


def observed_work(metrics: Metrics, client: KubeClient, objects: LiveObjects, pulse: Pulse, work: Work) -> Hearing:
    """Tell of both queues, of both watches, and of all Namespaces while this replica leads.

    A stand-by knows the Namespaces too, and they would be counted twice. The result is what hears of the watches.
    """

    def census() -> Counted | None:
        return count(objects.standings(), client.clock.now()) if work.leads else None

    metrics.watch_queue("namespaces", work.namespaces)
    metrics.watch_queue("clusters", work.clusters)
    metrics.watch_objects(census)
    for resource in (PLURAL, CLUSTER_PLURAL):
        metrics.watch_silence(resource, partial(pulse.silence_of, resource))
    return Hearing(client.clock.now, metrics.event_lagged)
