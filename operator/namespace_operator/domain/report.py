"""Status: what was confirmed, and nothing that was not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from namespace_operator.api.annotations import PAUSED, RENEW
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.api.status import (
    Condition,
    ExtractorStatus,
    IndexStatus,
    InfrastructureStatus,
    NamespaceStatus,
    PlannedStep,
    QdrantStatus,
)
from namespace_operator.domain.auto_index_report import auto_index_status
from namespace_operator.domain.conditions import CONDITIONS, ConditionType, Finding, Note, conditions, paused
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.expiry import is_left_of_expiry, told_end
from namespace_operator.domain.indexes import SYSTEM_INDEXES, to_resource
from namespace_operator.domain.moment import Moment
from namespace_operator.domain.observed import Collection, LateCounts, Observed, Subject
from namespace_operator.domain.placement import DEFAULT, OWN
from namespace_operator.domain.repair_report import points_with_vectors, told_of_repairs
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.unmanaged import unmanaged_fields

VOLATILE = frozenset(
    {
        "document_count",
        "bucket_count",
        "collection_count",
        "object_count",
        "qdrant_status",
        "payload_indexes",
        "feature_extractors",
    }
)
"""Status fields that follow the load on the stores; a change of these alone is written at most once a minute."""


def report_paused(subject: Subject, now: datetime) -> NamespaceStatus:
    """The status of an object that is left alone: as it was, and ``Paused``."""
    message = f"Nothing is looked at or done while the annotation {PAUSED} is 'true'; the rest is as it was before"
    return subject.status.model_copy(
        update={"conditions": paused(subject.status.conditions, subject.generation, now, message)}
    )


def report(
    subject: Subject,
    observed: Observed,
    findings: Sequence[Finding],
    now: datetime,
    instance_id: str,
    planned: tuple[PlannedStep, ...] | None = None,
    notes: Sequence[Note] = (),
) -> NamespaceStatus:
    """The status to write, by the operator of this instance; ``planned`` are the steps of a dry run.

    Identity and what is registered keep their last known value while the document cannot be read; live numbers are
    null while unknown.
    """
    previous = subject.status
    document = observed.document
    if isinstance(document, NamespaceDocument) and document.state is State.DELETED and is_left_of_expiry(document):
        # What the status of a restored object says was so of a namespace that is no more.
        previous = NamespaceStatus(last_handled_reconcile_at=previous.last_handled_reconcile_at)
    status = NamespaceStatus(
        observed_generation=subject.generation,
        conditions=conditions(findings, subject.status.conditions, subject.generation, now, notes),
        deletion_policy=subject.deletion_policy,
        expires_at=previous.expires_at,
        namespace_id=previous.namespace_id,
        namespace_name=previous.namespace_name,
        collection=previous.collection,
        cluster_id=previous.cluster_id,
        infrastructure=previous.infrastructure,
        payload_index_count=previous.payload_index_count,
        vector_inference_map=previous.vector_inference_map,
        feature_extractors=previous.feature_extractors,
        payload_indexes=previous.payload_indexes,
        unmanaged_indexes=previous.unmanaged_indexes,
        last_repair=previous.last_repair,
        index_rebuild=previous.index_rebuild,
        auto_indexes=previous.auto_indexes,
        next_auto_index_run=previous.next_auto_index_run,
        plan=planned,
        last_handled_reconcile_at=subject.requests.reconcile_requested_at or previous.last_handled_reconcile_at,
        last_handled_repair_at=previous.last_handled_repair_at,
        created_at=previous.created_at,
        updated_at=previous.updated_at,
    )
    if not isinstance(document, NamespaceDocument) or document.owner != subject.owner(instance_id):
        return status
    if previous.namespace_id not in (None, document.namespace_id):
        # The only memory of the other id.
        return status
    status = status.model_copy(
        update={
            "namespace_id": document.namespace_id,
            "namespace_name": document.namespace_name,
            "collection": document.collection if document.bound else None,
            "cluster_id": _cluster_id(document),
            "infrastructure": _infrastructure(subject, document, observed.shared, previous.infrastructure),
            "vector_inference_map": document.vector_inference_map,
            "feature_extractors": _extractors(subject, document, observed.late),
            **told_of_repairs(document.repairs),
            "conditions": (*status.conditions, *_warning(subject, document, now)),
            "expires_at": told_end(subject, document, now),
            "auto_indexes": auto_index_status(document),
            # In whole seconds, as a status that was read has them: so both can be compared as they are.
            "created_at": document.created_at.replace(microsecond=0),
            "updated_at": document.updated_at.replace(microsecond=0),
        }
    )
    if observed.counts is not None:
        counts = observed.counts
        status = status.model_copy(
            update={
                "bucket_count": counts.buckets,
                "collection_count": counts.collections,
                "object_count": counts.objects,
            }
        )
    collection = observed.collection
    if collection is None or not document.mark.is_on(collection.mark):
        return status
    return status.model_copy(update=_live(document, collection, observed))


def _warning(subject: Subject, document: NamespaceDocument, now: datetime) -> tuple[Condition, ...]:
    """The condition that stands while the namespace's end is warned of."""
    if document.life.warned_at is None or document.expires_at is None:
        return ()
    keeps_data = subject.spec.deletion_policy is DeletionPolicy.RETAIN
    data = "the data stays" if keeps_data else "the data goes too, unless deletionPolicy: Retain is written"
    message = (
        f"Expires at {document.expires_at:%Y-%m-%dT%H:%M:%SZ}: this object is deleted then, and {data}. "
        "To go on, raise or remove spec.ttlSeconds, or begin a new life with the annotation "
        f"{RENEW}: '<a new text>'"
    )
    kind = ConditionType.EXPIRING_SOON
    return (Moment(subject.status.conditions, subject.generation, now).true(kind, CONDITIONS[kind], message),)


def _cluster_id(document: NamespaceDocument) -> str | None:
    binding = document.binding
    return binding.connection if binding is not None and binding.connection != OWN else None


def _infrastructure(
    subject: Subject,
    document: NamespaceDocument,
    shared: SharedCollection | None,
    previous: InfrastructureStatus | None,
) -> InfrastructureStatus:
    spec = subject.spec
    return (previous or InfrastructureStatus()).model_copy(
        update={
            "compute_tier": spec.effective_tier if isinstance(spec, NamespaceSpec) else None,
            "connection": document.binding.connection if document.binding else DEFAULT,
            "sharing": True if document.sharing else None,
            "members": len(shared.members) if document.sharing and shared is not None else None,
        }
    )


def _live(document: NamespaceDocument, collection: Collection, observed: Observed) -> dict[str, object]:
    declared = {index.field_name: index for index in document.payload_indexes}
    indexes = tuple(
        IndexStatus(
            field_name=name,
            type=live.schema["type"],
            field_schema=to_resource(live.schema),
            is_protected=name in SYSTEM_INDEXES or (name in declared and declared[name].is_protected),
            points=live.points,
        )
        for name, live in sorted(collection.indexes.items())
    )
    return {
        "document_count": observed.partition if document.sharing else collection.points_count,
        "qdrant_status": QdrantStatus(
            status=collection.status,
            points_count=collection.points_count,
            indexed_vectors_count=collection.indexed_vectors_count,
            segments_count=collection.segments_count,
        ),
        "payload_indexes": indexes,
        "payload_index_count": len(declared.keys() & collection.indexes.keys()),
        "unmanaged_indexes": unmanaged_fields(document, observed.shared, collection),
    }


def _extractors(
    subject: Subject, document: NamespaceDocument, counts: LateCounts | None
) -> tuple[ExtractorStatus, ...]:
    spec = subject.spec
    listed = (
        {extractor.feature_extractor_id for extractor in spec.feature_extractors}
        if isinstance(spec, NamespaceSpec)
        else set()
    )
    return tuple(
        ExtractorStatus(
            feature_extractor_id=extractor.feature_extractor_id,
            feature_extractor_name=extractor.feature_extractor_name,
            version=extractor.version,
            in_spec=extractor.feature_extractor_id in listed,
            vectors=tuple(vector.name for vector in extractor.vectors),
            points_with_vector=points_with_vectors(document, extractor, counts),
            params=extractor.params,
        )
        for extractor in document.feature_extractors
    )
