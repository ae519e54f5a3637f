"""The part of the table of reasons that is about infrastructure: servers, tiers, addresses, Ray."""

from __future__ import annotations

from namespace_operator.domain.condition_types import ConditionType, Reason, ReasonInfo, Retry, Who

_INFRASTRUCTURE = ConditionType.INFRASTRUCTURE

INFRASTRUCTURE_REASONS: dict[Reason, ReasonInfo] = {
    Reason.CLUSTER_NOT_FOUND: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "No InfrastructureCluster has the `clusterId` that the spec names or that the namespace is bound to.",
        "Correct `clusterId`, or have the platform team create the InfrastructureCluster.",
        retry=Retry.BACKOFF,
    ),
    Reason.CLUSTER_NOT_ALLOWED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "The InfrastructureCluster is not for this organization. Nothing is done there.",
        "Name another `clusterId`, or have the platform team add the Kubernetes namespace to its "
        "`allowedOrganizations`.",
    ),
    Reason.CLUSTER_FULL: ReasonInfo(
        _INFRASTRUCTURE,
        Who.PLATFORM,
        "The server already has as many namespaces of the tier as its profile allows. Those that are there go on.",
        "Raise `maxNamespaces` of the tier, delete namespaces, or name another cluster.",
        retry=Retry.BACKOFF,
    ),
    Reason.CLUSTER_CHANGE_REFUSED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "The spec names another Qdrant server than the one that holds the namespace's documents. They are not moved.",
        "Restore `clusterId` or `infrastructure.qdrantUrl`. To move, make another Namespace there and re-index; a "
        "namespace without documents moves by itself.",
    ),
    Reason.TIER_NOT_SERVED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "The InfrastructureCluster does not serve the `computeTier`.",
        "Choose a tier that the message lists, or another `clusterId`.",
    ),
    Reason.ENDPOINT_NOT_ALLOWED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "A URL in `infrastructure` is not among those that the platform allows. Nothing was sent to it.",
        "Use a `clusterId`, or have the platform team add host and port to the chart's `allowedEndpoints`.",
    ),
    Reason.SECRET_NOT_FOUND: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "The Secret with the API key, or the key within it, is not there, or the operator may not read it.",
        "Create it as the message names it; for a right that is missing see the chart's `secretAccess`.",
        retry=Retry.BACKOFF,
    ),
    Reason.VERSION_UNSUPPORTED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.PLATFORM,
        "The Qdrant server is older than 1.18, which cannot add vectors to a collection. Nothing is written to it.",
        "Upgrade the server.",
        retry=Retry.BACKOFF,
    ),
    Reason.IMMUTABLE_PARAMETER: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "The tier or `infrastructure.collection` asks for a parameter that Qdrant cannot change on a collection that "
        "is there, such as the number of shards. The collection is as it was and is never made again.",
        "Restore the value that the message names, or make another Namespace.",
    ),
    Reason.PARAMETER_NOT_ALLOWED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "`infrastructure.collection` sets a parameter that the tier does not let a Namespace set. The tier's counts.",
        "Remove it, or have the platform team add it to `overridable` of the tier's profile.",
    ),
    Reason.PARAMETER_REJECTED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.PLATFORM,
        "Qdrant took a change of the collection's parameters and did not make it, or refuses it. It is not tried again "
        "until it or the server's version changes.",
        "Do what the message says: correct the tier's profile or `infrastructure.collection`.",
        retry=Retry.BACKOFF,
    ),
    Reason.RAY_OPERATOR_MISSING: ReasonInfo(
        _INFRASTRUCTURE,
        Who.PLATFORM,
        "The namespace needs a RayCluster, but the cluster has no kind of that name. Everything else works.",
        "Install KubeRay; the RayCluster is then made by itself.",
        retry=Retry.BACKOFF,
    ),
    Reason.RAY_ENDPOINT_MISSING: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "A dedicated tier needs Ray, and neither the Namespace nor its cluster nor the operator says where it is or "
        "how to make it. A RayCluster made earlier stays. Everything else works.",
        "Set `infrastructure.rayHeadNodeUrl`, or have the platform team set `ray` of the InfrastructureCluster or the "
        "chart's `ray.template`.",
    ),
    Reason.RAY_CLUSTER_CONFLICT: ReasonInfo(
        _INFRASTRUCTURE,
        Who.USER,
        "A RayCluster of the name that this Namespace's would have is there and belongs to somebody else. It is left "
        "alone. Everything else works.",
        "Rename or delete it, or set `infrastructure.rayHeadNodeUrl`.",
        retry=Retry.BACKOFF,
    ),
    Reason.RAY_CLUSTER_NOT_READY: ReasonInfo(
        _INFRASTRUCTURE,
        Who.NOBODY,
        "The RayCluster is being made, or Ray says that it is not ready. Everything else works.",
        "Wait. If it stays, look at the RayCluster and its Pods: `kubectl describe raycluster`.",
        retry=Retry.BACKOFF,
    ),
    Reason.RAY_CLUSTER_REJECTED: ReasonInfo(
        _INFRASTRUCTURE,
        Who.PLATFORM,
        "The RayCluster cannot be made, changed or removed: the template is not valid, the platform has no such "
        "`gpuType`, or the API server refuses it. Everything else works.",
        "Do what the message says: correct `gpuType`, the template of the InfrastructureCluster or the chart's "
        "`ray.template` and `ray.gpuTypes`, or give the operator the right.",
        retry=Retry.BACKOFF,
    ),
}
