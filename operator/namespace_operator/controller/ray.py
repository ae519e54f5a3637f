"""The RayCluster of a namespace: made, changed and removed as the namespace wants it, and read for its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.status import InfrastructureStatus, PlannedStep, RayClusterStatus
from namespace_operator.controller.cluster import ClusterError, Refused
from namespace_operator.domain.conditions import ConditionType, Finding, Note, Reason
from namespace_operator.domain.dry_run import dry_run_finding
from namespace_operator.domain.observed import Subject
from namespace_operator.domain.placement import Landscape, Site
from namespace_operator.domain.ray import RayOptions, WantedRay, wanted_ray
from namespace_operator.domain.ray_manifest import Manifest, is_former, is_ours, ray_cluster_name, to_apply
from namespace_operator.domain.ray_status import RayAddresses, addresses, cluster_status, readiness

Live = Mapping[str, Any]

APPLY = "ApplyRayCluster"
DELETE = "DeleteRayCluster"


class KindMissing(ClusterError):
    """The cluster has no kind RayCluster."""


class RayClusters(Protocol):
    """RayClusters in the cluster. All raise ``KindMissing`` where there is no such kind, and ``Refused``."""

    async def read(self, organization: str, name: str) -> Live | None:
        """One RayCluster as it is now."""

    async def apply(self, manifest: Manifest) -> Live:
        """Apply our fields; the result is the object afterwards.

        A manifest with uid and resourceVersion is that of our own object, and wins over everybody's fields. Without
        them the object is made. Raises ``ObjectChanged`` where it is another than that, or where there is one already.
        """

    async def delete(self, live: Live) -> None:
        """Delete the object that was read. Raises ``ObjectChanged`` where it changed since."""


@dataclass(frozen=True, slots=True)
class RayOutcome:
    """What Ray serves the namespace after a step, what is wrong with it, and what a dry run would have done."""

    addresses: RayAddresses = field(default_factory=RayAddresses)
    ray_cluster: RayClusterStatus | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    planned: tuple[PlannedStep, ...] = ()

    def status(self, infrastructure: InfrastructureStatus) -> InfrastructureStatus:
        """The status of the infrastructure, with that of Ray in it."""
        return infrastructure.model_copy(
            update={
                "ray_head_node_url": self.addresses.head_node_url,
                "ray_dashboard_url": self.addresses.dashboard_url,
                "ray_cluster": self.ray_cluster,
            }
        )


@dataclass(frozen=True, slots=True)
class RaySync:
    """Makes the RayCluster of one namespace at a time agree with what it wants."""

    clusters: RayClusters
    options: RayOptions = field(default_factory=RayOptions)

    async def step(
        self, subject: Subject, site: Site, landscape: Landscape, namespace_id: str, *, dry_run: bool = False
    ) -> RayOutcome:
        """Bring Ray to rest for a namespace that lives on a site and is not being deleted.

        Costs one read where the namespace wants a RayCluster or had one, else nothing. Raises ``ObjectChanged`` and
        ``ClusterUnavailable`` as the rest of a reconcile does.
        """
        if not isinstance(subject.spec, NamespaceSpec):
            return RayOutcome(ray_cluster=_known(subject))
        wanted = wanted_ray(subject, subject.spec.infrastructure, site, landscape, self.options, namespace_id)
        outcome = RayOutcome(wanted.addresses, findings=wanted.findings, notes=wanted.notes)
        if wanted.manifest is None and _known(subject) is None:
            return outcome
        try:
            live = await self.clusters.read(subject.key.organization, ray_cluster_name(subject.key.name))
            if wanted.manifest is None:
                return await self._leftover(subject, wanted, live, outcome, dry_run=dry_run)
            return await self._make(subject, wanted.manifest, live, outcome, dry_run=dry_run)
        except KindMissing:
            return _kind_missing(wanted, outcome)
        except Refused as error:
            message = f"the API server refuses what is to be done with the RayCluster: {error}"
            return _with(replace(outcome, ray_cluster=_known(subject)), Finding(Reason.RAY_CLUSTER_REJECTED, message))

    async def _make(
        self, subject: Subject, manifest: Manifest, live: Live | None, outcome: RayOutcome, *, dry_run: bool
    ) -> RayOutcome:
        name = manifest["metadata"]["name"]
        if live is not None and not is_ours(live, subject.uid):
            return _with(outcome, _not_ours(subject, live))
        if live is not None and "deletionTimestamp" in live["metadata"]:
            return _read(outcome, live)
        change = manifest if live is None else to_apply(manifest, live)
        if change is not None and dry_run:
            planned = _planned(outcome, APPLY, name, _detail(manifest))
            return planned if live is None else _read(planned, live)
        if change is not None:
            live = await self.clusters.apply(change)
        assert live is not None
        return _read(outcome, live)

    async def _leftover(
        self, subject: Subject, wanted: WantedRay, live: Live | None, outcome: RayOutcome, *, dry_run: bool
    ) -> RayOutcome:
        """A RayCluster that was made for the namespace, which names another Ray now, or none."""
        if live is None or not is_ours(live, subject.uid):
            return outcome
        kept = replace(outcome, ray_cluster=cluster_status(live))
        if not wanted.needs_none:
            return kept
        if dry_run:
            return _planned(kept, DELETE, live["metadata"]["name"], None)
        if "deletionTimestamp" not in live["metadata"]:
            await self.clusters.delete(live)
        return outcome


def _known(subject: Subject) -> RayClusterStatus | None:
    """The RayCluster that the status remembers."""
    infrastructure = subject.status.infrastructure
    return None if infrastructure is None else infrastructure.ray_cluster


def _with(outcome: RayOutcome, *findings: Finding) -> RayOutcome:
    return replace(outcome, findings=(*outcome.findings, *findings))


def _read(outcome: RayOutcome, live: Live) -> RayOutcome:
    """What a live RayCluster adds; an address that is named counts before its own."""
    named, own = outcome.addresses, addresses(live)
    found = RayAddresses(own.head_node_url, named.dashboard_url or own.dashboard_url)
    problem = readiness(live)
    read = replace(outcome, addresses=found, ray_cluster=cluster_status(live))
    return read if problem is None else _with(read, problem)


def _not_ours(subject: Subject, live: Live) -> Finding:
    name = live["metadata"]["name"]
    if is_former(live, subject):
        return Finding(
            Reason.RAY_CLUSTER_NOT_READY,
            f"RayCluster {name} is that of the former Namespace {subject.key.name}; it goes by itself, and is made"
            " again afterwards",
        )
    return Finding(
        Reason.RAY_CLUSTER_CONFLICT,
        f"RayCluster {name} is there and is not this Namespace's; rename or delete it, or set"
        " infrastructure.rayHeadNodeUrl",
    )


def _kind_missing(wanted: WantedRay, outcome: RayOutcome) -> RayOutcome:
    if wanted.manifest is None:
        return outcome
    message = "the cluster has no kind RayCluster of ray.io/v1; install KubeRay, the RayCluster is then made by itself"
    return _with(outcome, Finding(Reason.RAY_OPERATOR_MISSING, message))


def _planned(outcome: RayOutcome, action: str, name: str, detail: str | None) -> RayOutcome:
    planned = replace(outcome, planned=(PlannedStep(action=action, target=name, detail=detail),))
    return _with(planned, dry_run_finding(1, ConditionType.INFRASTRUCTURE))


def _detail(manifest: Manifest) -> str:
    spec = manifest["spec"]
    group = spec["workerGroupSpecs"][0]
    if not spec["enableInTreeAutoscaling"]:
        return f"{group['replicas']} workers, without autoscaling"
    return f"{group['minReplicas']} to {group['maxReplicas']} workers"
