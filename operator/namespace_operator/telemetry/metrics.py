"""What Prometheus may scrape."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Info
from prometheus_client.exposition import choose_encoder

ReconcileResult = Literal["ready", "not_ready", "failed"]


class Metrics:
    """The operator's metrics, in a registry of their own.

    What is not known yet is absent: before the first sweep there are no numbers of orphans, and no zeros either.
    """

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        build = Info("namespace_operator_build", "Version of the operator.", registry=self._registry)
        build.info({"version": version})
        self._reconciles = Counter(
            "namespace_operator_reconciles",
            "Reconciles by how they ended: ready and not_ready as the condition says, failed to be tried again.",
            ["result"],
            registry=self._registry,
        )
        for result in get_args(ReconcileResult):
            self._reconciles.labels(result)
        self._orphans = Gauge(
            "namespace_operator_orphan_collections",
            "Collections with this operator's mark that no document has (orphan) or that bear another name (copy).",
            ["kind"],
            registry=self._registry,
        )
        self._swept: Gauge | None = None
        self._up = self._of_servers("up", "1 if the Qdrant server answers, accepts the key and can hold namespaces.")
        self._namespaces = self._of_servers(
            "namespaces", "Namespaces of this operator on the Qdrant server, retained ones included."
        )
        self._collections = self._of_servers("collections", "Collections on the Qdrant server, whoever made them.")
        self._partitions: Gauge | None = None
        self._leader = Gauge("namespace_operator_leader", "1 if this process leads.", registry=self._registry)

    def leads(self, leads: bool, /) -> None:
        """Whether this process leads from now on."""
        self._leader.set(leads)

    def reconciled(self, result: ReconcileResult) -> None:
        """Count one reconcile."""
        self._reconciles.labels(result).inc()

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """What a sweep that went through found, and when."""
        self._orphans.labels("orphan").set(orphans)
        self._orphans.labels("copy").set(copies)
        if self._swept is None:
            # A gauge without labels is 0 from the moment it is registered: a sweep in 1970.
            self._swept = Gauge(
                "namespace_operator_orphan_sweep_timestamp_seconds",
                "When the last sweep for orphaned collections went through.",
                registry=self._registry,
            )
        self._swept.set(at.timestamp())

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

    def _of_servers(self, name: str, what: str) -> Gauge:
        return Gauge(f"namespace_operator_qdrant_{name}", what, ["connection"], registry=self._registry)

    def orphan_partitions_found(self, partitions: int) -> None:
        """What a look at all shared collections found."""
        if self._partitions is None:
            self._partitions = Gauge(
                "namespace_operator_orphan_partitions",
                "Namespace ids with points in a shared collection that has no such member.",
                registry=self._registry,
            )
        self._partitions.set(partitions)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that the ``Accept`` header prefers, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
