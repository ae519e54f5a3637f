"""The servers there are at one moment: the operator's own, and those of the InfrastructureClusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from namespace_operator.api.cluster import (
    AllowedOrganizations,
    InfrastructureClusterSpec,
    InfrastructureClusterStatus,
    SecretRef,
)
from namespace_operator.domain.cluster_reasons import CLUSTER_PIPELINE, ClusterCondition, ClusterFinding, ClusterReason
from namespace_operator.domain.endpoints import AllowedEndpoints, Endpoint, SecretKey
from namespace_operator.domain.placement import Allowed, Landscape, Ray, Site
from namespace_operator.domain.profiles import Tiers, overlay_tiers

_CONNECTIONS = 32
_UNUSED = tuple(kind for kind in CLUSTER_PIPELINE if kind is not ClusterCondition.ACCEPTED)


@dataclass(frozen=True, slots=True)
class InvalidCluster:
    """A spec that the API server took and the models refuse. Its ``cluster_id`` stays taken."""

    problem: str
    cluster_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterObject:
    """An InfrastructureCluster as the watch shows it."""

    name: str
    uid: str
    resource_version: str
    generation: int
    created: datetime
    spec: InfrastructureClusterSpec | InvalidCluster
    status: InfrastructureClusterStatus = field(default_factory=InfrastructureClusterStatus)
    deleting: bool = False
    finalized: bool = False

    @property
    def cluster_id(self) -> str | None:
        """The clusterId, if one can be read."""
        return self.spec.cluster_id


@dataclass(frozen=True, slots=True)
class Survey:
    """The landscape, the sites in it by the name of their object, and what is wrong with which object."""

    landscape: Landscape
    sites: Mapping[str, Site] = field(default_factory=dict)
    findings: Mapping[str, tuple[ClusterFinding, ...]] = field(default_factory=dict)


def survey(clusters: Sequence[ClusterObject], operator: Site, allowed: AllowedEndpoints) -> Survey:
    """What servers there are. Of two that want the same thing the older has it; those being deleted are still there."""
    holders: dict[str, ClusterObject] = {}
    sites: dict[str, Site] = {}
    findings: dict[str, tuple[ClusterFinding, ...]] = {}
    for cluster in sorted(clusters, key=lambda cluster: (cluster.created, cluster.name)):
        if cluster.deleting and not cluster.finalized:
            continue
        problem = _unusable(cluster, holders)
        if cluster.cluster_id is not None:
            holders.setdefault(cluster.cluster_id, cluster)
        if problem is not None:
            findings[cluster.name] = (problem,)
            continue
        assert isinstance(cluster.spec, InfrastructureClusterSpec)
        site = _site(cluster.spec, operator)
        conflict = _default_conflict(site, sites)
        if conflict is not None:
            findings[cluster.name] = (conflict,)
        sites[cluster.name] = replace(site, is_default=False, closing=True) if cluster.deleting else site
    landscape = Landscape(operator, {site.name: site for site in sites.values()}, allowed)
    return Survey(landscape, sites, findings)


def _unusable(cluster: ClusterObject, holders: Mapping[str, ClusterObject]) -> ClusterFinding | None:
    holder = holders.get(cluster.cluster_id) if cluster.cluster_id is not None else None
    if holder is not None:
        message = (
            f"spec.clusterId {cluster.cluster_id} is that of the older InfrastructureCluster {holder.name}, so this one"
            " is not used; delete one of both, or make this one again with another clusterId"
        )
        return ClusterFinding(ClusterReason.CLUSTER_ID_CONFLICT, message, _UNUSED)
    if isinstance(cluster.spec, InvalidCluster):
        return ClusterFinding(ClusterReason.INVALID_SPEC, cluster.spec.problem, _UNUSED)
    return None


def _default_conflict(site: Site, older: Mapping[str, Site]) -> ClusterFinding | None:
    if not site.is_default:
        return None
    for name, other in older.items():
        whom = _default_of_both(site.allowed, other.allowed) if other.is_default else None
        if whom is not None:
            message = (
                f"spec.default is true, but the older InfrastructureCluster {name} is the default of {whom} and stays"
                " it; set default to false on one of both, or change allowedOrganizations"
            )
            return ClusterFinding(ClusterReason.DEFAULT_CONFLICT, message)
    return None


def _default_of_both(one: Allowed | None, other: Allowed | None) -> str | None:
    """Whose default both would be, as far as it can be told without knowing the organizations' labels."""
    if one is None or other is None:
        # The default of an organization comes before that of everybody.
        return "everybody" if one is other else None
    names = sorted(one.names & other.names)
    if names:
        return f"organization {names[0]}"
    if one.labels and one.labels.items() >= other.labels.items() and other.labels:
        return "organizations with these labels"
    if other.labels and other.labels.items() >= one.labels.items() and one.labels:
        return "organizations with these labels"
    return None


def _site(spec: InfrastructureClusterSpec, operator: Site) -> Site:
    qdrant, ray = spec.qdrant, spec.ray
    endpoint = Endpoint(
        name=spec.cluster_id,
        url=qdrant.url,
        api_key=_secret(qdrant.api_key_secret_ref),
        ca=_secret(qdrant.ca_secret_ref),
        timeout_seconds=qdrant.request_timeout_seconds,
        connections=qdrant.max_concurrent_requests or _CONNECTIONS,
    )
    return Site(
        endpoint,
        _tiers(spec, operator.tiers),
        ray=Ray(ray.head_node_url, ray.dashboard_url, ray.template) if ray else Ray(),
        allowed=_allowed(spec.allowed_organizations),
        is_default=bool(spec.default),
    )


def _tiers(spec: InfrastructureClusterSpec, tiers: Tiers) -> Tiers:
    if not spec.tiers:
        return tiers
    served = {tier.name: tier for tier in spec.tiers}
    return overlay_tiers({name: profile for name, profile in tiers.items() if name in served}, served)


def _allowed(allowed: AllowedOrganizations | None) -> Allowed | None:
    if allowed is None:
        return None
    selector = allowed.namespace_selector
    return Allowed(frozenset(allowed.names), selector.match_labels if selector else {})


def _secret(ref: SecretRef | None) -> SecretKey | None:
    return None if ref is None else SecretKey(ref.namespace, ref.name, ref.key)
