"""Making a lost document again from the collection's mark and the custom resource's status, which must agree."""

from __future__ import annotations

from datetime import datetime

from namespace_operator.api.status import ExtractorStatus
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import (
    DeclaredIndex,
    NamespaceDocument,
    Owner,
    RegisteredExtractor,
    RegisteredVector,
    State,
)
from namespace_operator.domain.identity import Mark, collection_claim, name_claim, resource_claim
from namespace_operator.domain.indexes import SYSTEM_INDEXES, from_resource
from namespace_operator.domain.observed import Collection, Subject


def recover_document(
    subject: Subject, collection: Collection | None, owner: Owner, now: datetime
) -> NamespaceDocument | Finding:
    """The document that the status speaks of, or the finding that says why it cannot be made again.

    ``collection`` is the one the status names. Nothing is made up: an extractor comes back only with vectors that
    are live, and ``bound`` is what the mark proves.
    """
    status = subject.status
    namespace_id = status.namespace_id or ""
    name = status.collection or namespace_id
    if collection is None:
        message = (
            f"Status speaks of {namespace_id}, but MongoDB has no document and Qdrant no collection {name}: "
            "both stores lost it; restore them, or delete and apply this Namespace again to start empty"
        )
        return Finding(Reason.COLLECTION_LOST, message, halts=True)
    mark = collection.mark
    members = {namespace_id: owner.cr_name}
    if mark is None or mark != Mark(owner.instance_id, owner.organization, name, mark.incarnation, members):
        message = (
            f"MongoDB has no document for {namespace_id}, and collection {name} does not carry its mark; "
            "restore the document, or delete and apply this Namespace again to start empty"
        )
        return Finding(Reason.COLLECTION_NOT_OWNED, message, halts=True)

    extractors = tuple(e for e in (_extractor(s, subject, collection) for s in status.feature_extractors) if e)
    namespace_name = status.namespace_name or owner.cr_name
    return NamespaceDocument(
        namespace_id=namespace_id,
        namespace_name=namespace_name,
        state=State.PROVISIONING,
        owner=owner,
        claims=(
            resource_claim(owner.instance_id, owner.key),
            name_claim(owner.instance_id, owner.organization, namespace_name),
            collection_claim(name),
        ),
        revision=1,
        collection=name,
        incarnation=mark.incarnation,
        bound=True,
        bound_vectors=tuple(sorted(vector.name for extractor in extractors for vector in extractor.vectors)),
        feature_extractors=extractors,
        payload_indexes=_declared_indexes(subject),
        created_at=status.created_at or now,
        updated_at=now,
    )


def _extractor(status: ExtractorStatus, subject: Subject, collection: Collection) -> RegisteredExtractor | None:
    vectors = []
    for name in status.vectors:
        live = collection.vectors.get(name)
        service = subject.status.vector_inference_map.get(name)
        if live is None or service is None:
            return None
        vectors.append(RegisteredVector(**live.model_dump(), inference_service=service))
    return RegisteredExtractor(
        feature_extractor_id=status.feature_extractor_id,
        feature_extractor_name=status.feature_extractor_name,
        version=status.version,
        params=status.params,
        vectors=tuple(vectors),
    )


def _declared_indexes(subject: Subject) -> tuple[DeclaredIndex, ...]:
    unmanaged = {*subject.status.unmanaged_indexes, *SYSTEM_INDEXES}
    return tuple(
        DeclaredIndex(
            field_name=index.field_name,
            field_schema=from_resource({**(index.field_schema or {}), "type": index.type}),
            is_protected=bool(index.is_protected),
        )
        for index in subject.status.payload_indexes
        if index.field_name not in unmanaged
    )
