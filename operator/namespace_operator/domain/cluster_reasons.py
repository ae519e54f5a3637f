"""The tables of conditions and reasons of an InfrastructureCluster. Source of docs/cluster-conditions.md."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from namespace_operator.domain.condition_types import ConditionInfo, Who


class ClusterCondition(StrEnum):
    """The conditions of an InfrastructureCluster. ``Ready`` sums up the others, in the order of the work."""

    READY = "Ready"
    ACCEPTED = "Accepted"
    REACHABLE = "Reachable"
    AUTHENTICATED = "Authenticated"
    VERSION_SUPPORTED = "VersionSupported"


CLUSTER_PIPELINE = (
    ClusterCondition.ACCEPTED,
    ClusterCondition.REACHABLE,
    ClusterCondition.VERSION_SUPPORTED,
    ClusterCondition.AUTHENTICATED,
)


CLUSTER_CONDITIONS: dict[ClusterCondition, ConditionInfo] = {
    ClusterCondition.READY: ConditionInfo(
        "Namespaces may live on the server, and it does what they need.",
        "Ready",
        "The server answers, accepts the key and can hold namespaces",
    ),
    ClusterCondition.ACCEPTED: ConditionInfo(
        "The object itself: that its spec is valid, and that no other one holds its `clusterId` or its default.",
        "Accepted",
        "The spec is valid and its clusterId is its own",
    ),
    ClusterCondition.REACHABLE: ConditionInfo(
        "That a Qdrant server answers at `qdrant.url`, and the one that was there before.",
        "Reachable",
        "A Qdrant server answers",
    ),
    ClusterCondition.VERSION_SUPPORTED: ConditionInfo(
        "That the server is Qdrant 1.18 or newer, which can add vectors to a collection.",
        "Supported",
        "The version can hold namespaces",
    ),
    ClusterCondition.AUTHENTICATED: ConditionInfo(
        "That the server accepts the API key, and that the key may manage collections.",
        "Authenticated",
        "The server accepts the key",
    ),
}


class ClusterReason(StrEnum):
    """Stable CamelCase reasons of conditions that are not True."""

    INVALID_SPEC = "InvalidSpec"
    CLUSTER_ID_CONFLICT = "ClusterIdConflict"
    DEFAULT_CONFLICT = "DefaultConflict"
    UNREACHABLE = "Unreachable"
    SERVER_REJECTED = "ServerRejected"
    SERVER_REPLACED = "ServerReplaced"
    VERSION_UNSUPPORTED = "VersionUnsupported"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason
    UNAUTHORIZED = "Unauthorized"
    METADATA_UNAVAILABLE = "MetadataUnavailable"
    IN_USE = "InUse"


@dataclass(frozen=True, slots=True)
class ClusterReasonInfo:
    """What a reason says: the condition it sets to False, and what people need to know."""

    condition: ClusterCondition
    who: Who
    meaning: str
    remedy: str


CLUSTER_REASONS: dict[ClusterReason, ClusterReasonInfo] = {
    ClusterReason.INVALID_SPEC: ClusterReasonInfo(
        ClusterCondition.ACCEPTED,
        Who.PLATFORM,
        "The object passed an older CRD but not this operator's rules. No namespace lives there; its `clusterId` stays "
        "taken.",
        "Correct the field that the message names.",
    ),
    ClusterReason.CLUSTER_ID_CONFLICT: ClusterReasonInfo(
        ClusterCondition.ACCEPTED,
        Who.PLATFORM,
        "An older InfrastructureCluster has the same `clusterId`, which namespaces are bound to. This one is not used.",
        "Delete one of both, or make this one again with another `clusterId`.",
    ),
    ClusterReason.DEFAULT_CONFLICT: ClusterReasonInfo(
        ClusterCondition.ACCEPTED,
        Who.PLATFORM,
        "An older InfrastructureCluster is the default of the same organizations, and stays it. Namespaces that name "
        "this one by `clusterId` live here all the same.",
        "Set `default: false` on one of both, or change `allowedOrganizations`.",
    ),
    ClusterReason.UNREACHABLE: ClusterReasonInfo(
        ClusterCondition.REACHABLE,
        Who.PLATFORM,
        "The server does not answer, not in time, or not with a certificate that is trusted. Namespaces on it keep "
        "their data and wait; those on other servers are not concerned.",
        "Check the server, the network on the way to it, and what the message names.",
    ),
    ClusterReason.SERVER_REJECTED: ClusterReasonInfo(
        ClusterCondition.REACHABLE,
        Who.PLATFORM,
        "What answers at `qdrant.url` is not a Qdrant server, or refuses what every Qdrant server does.",
        "Correct `qdrant.url`; the message has the answer.",
    ),
    ClusterReason.SERVER_REPLACED: ClusterReasonInfo(
        ClusterCondition.REACHABLE,
        Who.PLATFORM,
        "The server lacks the marker of the one that holds the namespaces: another server answers, or it lost its "
        "disk. Nothing is created on it.",
        "Correct `qdrant.url`, bring the disk back, or restore the server from a backup with its marker collection.",
    ),
    ClusterReason.VERSION_UNSUPPORTED: ClusterReasonInfo(
        ClusterCondition.VERSION_SUPPORTED,
        Who.PLATFORM,
        "The Qdrant server is older than 1.18, which cannot add vectors to a collection. Nothing is written to it.",
        "Upgrade the server.",
    ),
    ClusterReason.SECRET_NOT_FOUND: ClusterReasonInfo(
        ClusterCondition.AUTHENTICATED,
        Who.PLATFORM,
        "A Secret with the API key or the authority's certificates, or the key within it, is not there, or the "
        "operator may not read it.",
        "Create it as the message names it; for a right that is missing see the chart's `secretAccess`.",
    ),
    ClusterReason.UNAUTHORIZED: ClusterReasonInfo(
        ClusterCondition.AUTHENTICATED,
        Who.PLATFORM,
        "The server refuses the API key, or the key may only read.",
        "Put a key with all rights into the Secret; it is used within 30 seconds.",
    ),
    ClusterReason.METADATA_UNAVAILABLE: ClusterReasonInfo(
        ClusterCondition.READY,
        Who.PLATFORM,
        "MongoDB does not answer or refuses, so that it is not known who lives on the server.",
        "Check MongoDB; the Namespaces say the same.",
    ),
    ClusterReason.IN_USE: ClusterReasonInfo(
        ClusterCondition.READY,
        Who.PLATFORM,
        "The object is being deleted, and waits for the namespaces that live on its server, retained ones included.",
        "Delete these namespaces with their data. `status.namespaces` and `usedBy` tell how many and which.",
    ),
}


@dataclass(frozen=True, slots=True)
class ClusterFinding:
    """One thing that keeps a cluster from being ready, with a message that says what to do.

    ``unexamined`` are conditions that could not be looked at because of it.
    """

    reason: ClusterReason
    message: str
    unexamined: tuple[ClusterCondition, ...] = ()

    @property
    def condition(self) -> ClusterCondition:
        """The condition it sets."""
        return CLUSTER_REASONS[self.reason].condition
