"""The one table of reasons, and conditions made from findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from namespace_operator.api.status import Condition


class ConditionType(StrEnum):
    """The conditions of a Namespace. ``Ready`` sums up the others, which stand in the order they are worked on."""

    READY = "Ready"
    METADATA = "MetadataSynced"
    COLLECTION = "CollectionReady"
    VECTORS = "VectorsSynced"
    INDEXES = "IndexesSynced"


PIPELINE = (ConditionType.METADATA, ConditionType.COLLECTION, ConditionType.VECTORS, ConditionType.INDEXES)


class Retry(StrEnum):
    """When a namespace with a problem is looked at again, besides the next change and the resync interval."""

    BACKOFF = "backoff"
    RESYNC = "resync"


@dataclass(frozen=True, slots=True)
class ReasonInfo:
    """What a reason says: which condition it sets, to what, and when to look again."""

    condition: ConditionType
    status: Literal["False", "Unknown"] = "False"
    retry: Retry = Retry.RESYNC


class Reason(StrEnum):
    """Stable CamelCase reasons of conditions that are not True."""

    INVALID_SPEC = "InvalidSpec"
    MONGODB_UNAVAILABLE = "MongoDBUnavailable"
    MONGODB_UNAUTHORIZED = "MongoDBUnauthorized"
    MONGODB_REJECTED = "MongoDBRejected"
    NAME_CONFLICT = "NameConflict"
    CLAIM_CONFLICT = "ClaimConflict"
    OWNED_ELSEWHERE = "OwnedElsewhere"
    MALFORMED_DOCUMENT = "MalformedDocument"
    QDRANT_UNAVAILABLE = "QdrantUnavailable"
    QDRANT_UNAUTHORIZED = "QdrantUnauthorized"
    QDRANT_REJECTED = "QdrantRejected"
    COLLECTION_NOT_OWNED = "CollectionNotOwned"
    COLLECTION_LOST = "CollectionLost"
    COLLECTION_RED = "CollectionRed"
    ALIASES_EXIST = "AliasesExist"
    UNKNOWN_EXTRACTOR = "UnknownExtractor"
    INVALID_PARAMS = "InvalidParams"
    PARAMS_LOCKED = "ParamsLocked"
    VECTOR_MISSING = "VectorMissing"
    VECTOR_MISMATCH = "VectorMismatch"
    INDEX_REJECTED = "IndexRejected"
    INDEX_PARAMETER_UNSUPPORTED = "IndexParameterUnsupported"
    INTERNAL_ERROR = "InternalError"


_METADATA, _COLLECTION, _VECTORS, _INDEXES = PIPELINE

REASONS: dict[Reason, ReasonInfo] = {
    Reason.INVALID_SPEC: ReasonInfo(_METADATA),
    Reason.MONGODB_UNAVAILABLE: ReasonInfo(_METADATA, status="Unknown", retry=Retry.BACKOFF),
    Reason.MONGODB_UNAUTHORIZED: ReasonInfo(_METADATA, status="Unknown", retry=Retry.BACKOFF),
    Reason.MONGODB_REJECTED: ReasonInfo(_METADATA, retry=Retry.BACKOFF),
    Reason.NAME_CONFLICT: ReasonInfo(_METADATA, retry=Retry.BACKOFF),
    Reason.CLAIM_CONFLICT: ReasonInfo(_METADATA, retry=Retry.BACKOFF),
    Reason.OWNED_ELSEWHERE: ReasonInfo(_METADATA),
    Reason.MALFORMED_DOCUMENT: ReasonInfo(_METADATA),
    Reason.QDRANT_UNAVAILABLE: ReasonInfo(_COLLECTION, status="Unknown", retry=Retry.BACKOFF),
    Reason.QDRANT_UNAUTHORIZED: ReasonInfo(_COLLECTION, status="Unknown", retry=Retry.BACKOFF),
    Reason.QDRANT_REJECTED: ReasonInfo(_COLLECTION, retry=Retry.BACKOFF),
    Reason.COLLECTION_NOT_OWNED: ReasonInfo(_COLLECTION),
    Reason.COLLECTION_LOST: ReasonInfo(_COLLECTION),
    Reason.COLLECTION_RED: ReasonInfo(_COLLECTION),
    Reason.ALIASES_EXIST: ReasonInfo(_COLLECTION, retry=Retry.BACKOFF),
    Reason.UNKNOWN_EXTRACTOR: ReasonInfo(_VECTORS),
    Reason.INVALID_PARAMS: ReasonInfo(_VECTORS),
    Reason.PARAMS_LOCKED: ReasonInfo(_VECTORS),
    Reason.VECTOR_MISSING: ReasonInfo(_VECTORS),
    Reason.VECTOR_MISMATCH: ReasonInfo(_VECTORS),
    Reason.INDEX_REJECTED: ReasonInfo(_INDEXES, retry=Retry.BACKOFF),
    Reason.INDEX_PARAMETER_UNSUPPORTED: ReasonInfo(_INDEXES),
    Reason.INTERNAL_ERROR: ReasonInfo(_METADATA, status="Unknown", retry=Retry.BACKOFF),
}

_SYNCED = {
    ConditionType.METADATA: ("Synced", "The namespace document agrees with the spec"),
    ConditionType.COLLECTION: ("Available", "The collection exists and carries this namespace's mark"),
    ConditionType.VECTORS: ("Synced", "Every registered extractor has its vectors"),
    ConditionType.INDEXES: ("Synced", "Every declared and system payload index is in place"),
}

_MESSAGE_LIMIT = 2048


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that keeps a namespace from being ready, with a message that says what to do.

    ``halts`` says that the work stopped there: what comes behind it has not been looked at. ``unexamined`` are
    conditions before it that could not be looked at either.
    """

    reason: Reason
    message: str
    halts: bool = False
    unexamined: tuple[ConditionType, ...] = ()

    @property
    def info(self) -> ReasonInfo:
        """The entry of the reason in the table."""
        return REASONS[self.reason]


def retry_of(findings: Sequence[Finding]) -> Retry:
    """When to look again: with back-off as soon as one finding may heal by itself."""
    return Retry.BACKOFF if any(finding.info.retry is Retry.BACKOFF for finding in findings) else Retry.RESYNC


def conditions(
    findings: Sequence[Finding], previous: Sequence[Condition], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions that tell of the findings.

    What stands behind a finding that halts the work has not been looked at and is Unknown. A condition keeps its
    ``lastTransitionTime`` while its status stays the same.
    """
    before = {condition.type: condition for condition in previous}

    def condition(
        kind: ConditionType, status: Literal["True", "False", "Unknown"], reason: str, message: str
    ) -> Condition:
        old = before.get(kind.value)
        since = old.last_transition_time if old is not None and old.status == status else now
        return Condition(
            type=kind.value,
            status=status,
            reason=reason,
            message=message[:_MESSAGE_LIMIT],
            last_transition_time=since,
            observed_generation=generation,
        )

    parts: list[Condition] = []
    hidden = {kind: finding for finding in findings for kind in finding.unexamined}
    halted: Finding | None = None
    for kind in PIPELINE:
        mine = [finding for finding in findings if finding.info.condition is kind]
        if mine:
            parts.append(condition(kind, mine[0].info.status, mine[0].reason.value, _join(mine)))
        elif cause := halted or hidden.get(kind):
            parts.append(condition(kind, "Unknown", cause.reason.value, f"Not examined: {cause.message}"))
        else:
            parts.append(condition(kind, "True", *_SYNCED[kind]))
        halted = halted or next((finding for finding in mine if finding.halts), None)
    if findings:
        ready = condition(ConditionType.READY, "False", findings[0].reason.value, _join(findings))
    else:
        ready = condition(
            ConditionType.READY, "True", "Ready", "Collection, vectors, indexes and document are in place"
        )
    return (ready, *parts)


def _join(findings: Sequence[Finding]) -> str:
    return " | ".join(finding.message for finding in findings)
