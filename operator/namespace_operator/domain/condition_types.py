"""The vocabulary of conditions: their types and reasons, and what is to be said of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class ConditionType(StrEnum):
    """The conditions of a Namespace. ``Ready`` sums up the pipeline, whose conditions stand in the order of the work.

    ``Paused`` and ``ExpiringSoon`` are no part of it: each is there, and True, only while the operator was asked to
    leave the object alone, or while the warning of the namespace's end stands.
    """

    READY = "Ready"
    METADATA = "MetadataSynced"
    INFRASTRUCTURE = "InfrastructureReady"
    COLLECTION = "CollectionReady"
    VECTORS = "VectorsSynced"
    INDEXES = "IndexesSynced"
    PAUSED = "Paused"
    EXPIRING_SOON = "ExpiringSoon"


PIPELINE = (
    ConditionType.METADATA,
    ConditionType.INFRASTRUCTURE,
    ConditionType.COLLECTION,
    ConditionType.VECTORS,
    ConditionType.INDEXES,
)


@dataclass(frozen=True, slots=True)
class ConditionInfo:
    """What a condition is about, and what it says while it is True."""

    meaning: str
    reason: str
    message: str


CONDITIONS: dict[ConditionType, ConditionInfo] = {
    ConditionType.READY: ConditionInfo(
        "The namespace may be used: both stores confirmed everything the spec asks for.",
        "Ready",
        "Collection, vectors, indexes and document are in place",
    ),
    ConditionType.METADATA: ConditionInfo(
        "The namespace document in MongoDB, with its name, its owner and its claims.",
        "Synced",
        "The namespace document agrees with the spec",
    ),
    ConditionType.INFRASTRUCTURE: ConditionInfo(
        "What serves the namespace: which Qdrant server it lives on, the parameters of its tier, and its Ray compute.",
        "Available",
        "Server, tier and compute are as the spec asks for",
    ),
    ConditionType.COLLECTION: ConditionInfo(
        "The collection in Qdrant: that it is there, usable, and ours by its metadata.",
        "Available",
        "The collection exists and carries this namespace's mark",
    ),
    ConditionType.VECTORS: ConditionInfo(
        "The named vectors of the registered extractors.",
        "Synced",
        "Every registered extractor has its vectors",
    ),
    ConditionType.INDEXES: ConditionInfo(
        "The payload indexes, those of the spec and those of the system.",
        "Synced",
        "Every declared and system payload index is in place",
    ),
    ConditionType.PAUSED: ConditionInfo(
        "The annotation `mixpeek.com/paused` asks the operator to leave the object alone.",
        "Paused",
        "The annotation mixpeek.com/paused is set; remove it to go on",
    ),
    ConditionType.EXPIRING_SOON: ConditionInfo(
        "The namespace ends soon, because the time of `ttlSeconds` is nearly over.",
        "ExpiringSoon",
        "The time of spec.ttlSeconds is nearly over",
    ),
}


class Retry(StrEnum):
    """When a namespace with a problem is looked at again, besides the next change and the resync interval."""

    BACKOFF = "backoff"
    RESYNC = "resync"


class Who(StrEnum):
    """Who must act on a reason. The values are the words of the documentation."""

    USER = "who wrote the object"
    PLATFORM = "platform team"
    NOBODY = "nobody, it heals by itself"
    DEVELOPERS = "developers of the operator"


@dataclass(frozen=True, slots=True)
class ReasonInfo:
    """What a reason says: which condition it sets, to what, when to look again, and what people need to know."""

    condition: ConditionType
    who: Who
    meaning: str
    remedy: str
    status: Literal["False", "Unknown"] = "False"
    retry: Retry = Retry.RESYNC


class Reason(StrEnum):
    """Stable CamelCase reasons of conditions that are not True."""

    INVALID_SPEC = "InvalidSpec"
    INVALID_ANNOTATION = "InvalidAnnotation"
    NOT_GUARDED = "NotGuarded"
    IMMUTABLE_FIELD = "ImmutableField"
    CLUSTER_NOT_FOUND = "ClusterNotFound"
    CLUSTER_NOT_ALLOWED = "ClusterNotAllowed"
    CLUSTER_FULL = "ClusterFull"
    CLUSTER_CHANGE_REFUSED = "ClusterChangeRefused"
    TIER_NOT_SERVED = "TierNotServed"
    ENDPOINT_NOT_ALLOWED = "EndpointNotAllowed"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason
    VERSION_UNSUPPORTED = "VersionUnsupported"
    IMMUTABLE_PARAMETER = "ImmutableParameter"
    PARAMETER_NOT_ALLOWED = "ParameterNotAllowed"
    PARAMETER_REJECTED = "ParameterRejected"
    RAY_OPERATOR_MISSING = "RayOperatorMissing"
    RAY_ENDPOINT_MISSING = "RayEndpointMissing"
    RAY_CLUSTER_CONFLICT = "RayClusterConflict"
    RAY_CLUSTER_NOT_READY = "RayClusterNotReady"
    RAY_CLUSTER_REJECTED = "RayClusterRejected"
    MONGODB_UNAVAILABLE = "MongoDBUnavailable"
    MONGODB_UNAUTHORIZED = "MongoDBUnauthorized"
    MONGODB_REJECTED = "MongoDBRejected"
    NAME_CONFLICT = "NameConflict"
    COLLECTION_CONFLICT = "CollectionConflict"
    CLAIM_CONFLICT = "ClaimConflict"
    OWNED_ELSEWHERE = "OwnedElsewhere"
    IDENTITY_CONFLICT = "IdentityConflict"
    TAKE_OVER_REFUSED = "TakeOverRefused"
    MALFORMED_DOCUMENT = "MalformedDocument"
    FINALIZER_REFUSED = "FinalizerRefused"
    DELETION_REFUSED = "DeletionRefused"
    EXPIRED = "Expired"
    DRY_RUN = "DryRun"
    QDRANT_UNAVAILABLE = "QdrantUnavailable"
    QDRANT_UNAUTHORIZED = "QdrantUnauthorized"
    QDRANT_REJECTED = "QdrantRejected"
    SERVER_REPLACED = "ServerReplaced"
    COLLECTION_NOT_OWNED = "CollectionNotOwned"
    COLLECTION_IS_ALIAS = "CollectionIsAlias"
    COLLECTION_LOST = "CollectionLost"
    COLLECTION_RED = "CollectionRed"
    ALIASES_EXIST = "AliasesExist"
    UNKNOWN_EXTRACTOR = "UnknownExtractor"
    INVALID_PARAMS = "InvalidParams"
    PARAMS_LOCKED = "ParamsLocked"
    SHARED_VECTOR_COST = "SharedVectorCost"
    VECTOR_MISSING = "VectorMissing"
    VECTOR_MISMATCH = "VectorMismatch"
    INDEX_REJECTED = "IndexRejected"
    INDEX_PARAMETER_UNSUPPORTED = "IndexParameterUnsupported"
    INDEX_CONFLICT = "IndexConflict"
    INDEX_MISSING = "IndexMissing"
    INTERNAL_ERROR = "InternalError"
