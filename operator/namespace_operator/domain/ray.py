"""What Ray compute serves a namespace: one that is there, or a RayCluster that is made for it.

The first that somebody names: ``infrastructure.rayHeadNodeUrl``, the cluster's, a RayCluster from the cluster's
template or the operator's. Only dedicated tiers need one at all, and only they get a RayCluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from namespace_operator.api.infrastructure import NOTHING_CHOSEN, Infrastructure
from namespace_operator.api.profile import ComputeTier
from namespace_operator.domain.conditions import ConditionType, Finding, Note, Reason
from namespace_operator.domain.observed import Subject
from namespace_operator.domain.placement import Landscape, Ray, Site
from namespace_operator.domain.ray_manifest import GpuType, InvalidTemplate, Manifest, manifest_for
from namespace_operator.domain.ray_status import RayAddresses

_GPU_FIELDS = ("gpu_type", "gpus_per_worker")
_SCALING_FIELDS = ("autoscaling_enabled", "min_workers", "max_workers")


@dataclass(frozen=True, slots=True)
class RayOptions:
    """The operator's own template of a RayCluster's spec, and the kinds of GPU that ``gpuType`` may name."""

    template: Mapping[str, Any] | None = None
    gpu_types: Mapping[str, GpuType] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WantedRay:
    """What is to serve a namespace: addresses, a RayCluster by its manifest, and what stands in the way.

    Addresses that are named count before those of the RayCluster.
    """

    addresses: RayAddresses = field(default_factory=RayAddresses)
    manifest: Manifest | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def needs_none(self) -> bool:
        """Whether a RayCluster made earlier has no use any more. While something stands in the way it is kept."""
        return self.manifest is None and not self.findings


def wanted_ray(
    subject: Subject,
    infrastructure: Infrastructure | None,
    site: Site,
    landscape: Landscape,
    options: RayOptions,
    namespace_id: str,
) -> WantedRay:
    """What Ray is to serve a namespace that lives on a site."""
    asked = infrastructure or NOTHING_CHOSEN
    notes = _notes(asked)
    head_refused = landscape.refused_endpoint("rayHeadNodeUrl", asked.ray_head_node_url)
    dashboard_refused = landscape.refused_endpoint("rayDashboardUrl", asked.ray_dashboard_url)
    refused = tuple(finding for finding in (head_refused, dashboard_refused) if finding is not None)
    # On the shared tier nothing needs Ray: an address that is not used is said, and stands in nobody's way.
    findings = refused if asked.tier.is_dedicated else ()
    if not asked.tier.is_dedicated:
        notes = (*notes, *(Note(ConditionType.INFRASTRUCTURE, finding.message) for finding in refused))
    dashboard = None if dashboard_refused else asked.ray_dashboard_url
    if head_refused:
        return WantedRay(RayAddresses(dashboard_url=dashboard), findings=findings, notes=notes)
    if asked.ray_head_node_url is not None:
        return WantedRay(RayAddresses(asked.ray_head_node_url, dashboard), findings=findings, notes=notes)
    if site.ray.head_node_url is not None:
        there = RayAddresses(site.ray.head_node_url, dashboard or site.ray.dashboard_url)
        return WantedRay(there, findings=findings, notes=notes)
    addresses = RayAddresses(dashboard_url=dashboard)
    if not asked.tier.is_dedicated:
        return WantedRay(addresses, findings=findings, notes=notes)
    made = _made_for(subject, asked, site.ray, options, namespace_id)
    if isinstance(made, Finding):
        return WantedRay(addresses, findings=(*findings, made), notes=notes)
    return WantedRay(addresses, manifest=made, findings=findings, notes=notes)


def _made_for(
    subject: Subject, asked: Infrastructure, ray: Ray, options: RayOptions, namespace_id: str
) -> Manifest | Finding:
    template = ray.template or options.template
    if template is None:
        return Finding(
            Reason.RAY_ENDPOINT_MISSING,
            f"computeTier {asked.tier} needs Ray; set infrastructure.rayHeadNodeUrl, or have ray of the"
            " InfrastructureCluster or ray.template of the chart set",
        )
    gpu = options.gpu_types.get(asked.gpu_type or "")
    if asked.tier is ComputeTier.DEDICATED_GPU and gpu is None:
        known = ", ".join(sorted(options.gpu_types)) or "none"
        return Finding(
            Reason.RAY_CLUSTER_REJECTED,
            f"infrastructure.gpuType {asked.gpu_type} is not a kind of GPU the platform has ({known}); name another"
            " one, or have it added to ray.gpuTypes of the chart",
        )
    try:
        return manifest_for(subject, asked, template, gpu, namespace_id)
    except InvalidTemplate as error:
        return Finding(Reason.RAY_CLUSTER_REJECTED, f"the platform's template of a RayCluster is not valid: {error}")


def _notes(asked: Infrastructure) -> tuple[Note, ...]:
    """What is said and does nothing on this tier."""
    if asked.tier is ComputeTier.DEDICATED_GPU:
        return ()
    names = _GPU_FIELDS if asked.tier.is_dedicated else (*_SCALING_FIELDS, *_GPU_FIELDS)
    idle = [Infrastructure.model_fields[name].alias or name for name in names if getattr(asked, name)]
    if not idle:
        return ()
    verb = "is" if len(idle) == 1 else "are"
    message = f"{', '.join(f'infrastructure.{name}' for name in idle)} {verb} ignored on computeTier {asked.tier}"
    return (Note(ConditionType.INFRASTRUCTURE, message),)
