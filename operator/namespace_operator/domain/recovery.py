"""Making a lost document again from the collection's mark and the custom resource's status, which must agree."""

from __future__ import annotations

from datetime import datetime

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.status import ExtractorStatus
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import (
    Binding,
    DeclaredIndex,
    NamespaceDocument,
    Owner,
    RegisteredExtractor,
    RegisteredVector,
    State,
    document_claims,
    home_claim,
)
from namespace_operator.domain.document_indexes import AutoIndex, AutoIndexes, AutoIndexState
from namespace_operator.domain.identity import Mark
from namespace_operator.domain.indexes import SYSTEM_INDEXES, from_resource
from namespace_operator.domain.observed import Collection, Observed, Subject


def recover_document(subject: Subject, observed: Observed, owner: Owner, now: datetime) -> NamespaceDocument | Finding:
    """The document that status, spec or mark speak of, or the finding that says why it cannot be made again.

    Nothing is made up: an extractor comes back only with vectors that are live, and ``bound`` is what the mark
    proves. An adopted collection comes back with all that is in it as what was there before.
    """
    if subject.claimed_id is None:
        return _recover_marked(subject, observed, owner, now)
    namespace_id, name = subject.claimed_id, subject.known_collection or subject.claimed_id
    collection = observed.collection
    if collection is None:
        message = (
            f"Status speaks of {namespace_id}, but MongoDB has no document and Qdrant no collection {name}: "
            "both stores lost it; restore them, or delete and apply this Namespace again to start empty"
        )
        return Finding(Reason.COLLECTION_LOST, message, halts=True)
    if not _expected_mark(name, namespace_id, owner, collection).is_on(collection.mark):
        message = (
            f"MongoDB has no document for {namespace_id}, and collection {name} does not carry its mark; "
            "restore the document, or delete and apply this Namespace again to start empty"
        )
        return Finding(Reason.COLLECTION_NOT_OWNED, message, halts=True)
    return _from_collection(namespace_id, subject, collection, _binding(observed), owner, now)


def _binding(observed: Observed) -> Binding | None:
    """The server the collection was found on."""
    return observed.place.binding if observed.place else None


def _recover_marked(subject: Subject, observed: Observed, owner: Owner, now: datetime) -> NamespaceDocument | Finding:
    if len(observed.marked) > 1:
        names = ", ".join(sorted(collection.name for collection in observed.marked))
        message = (
            f"MongoDB has no document for this Namespace, and more than one collection carries its mark ({names}); "
            "apply it again with spec.namespaceId to say which one it is"
        )
        return Finding(Reason.COLLECTION_NOT_OWNED, message, halts=True)
    (collection,) = observed.marked
    assert collection.mark is not None
    namespace_id = min(key for key, name in collection.mark.members.items() if name == owner.cr_name)
    return _from_collection(namespace_id, subject, collection, _binding(observed), owner, now)


def _expected_mark(name: str, namespace_id: str, owner: Owner, collection: Collection) -> Mark:
    live = collection.mark
    return Mark(
        owner.instance_id,
        owner.organization,
        name,
        live.incarnation if live else 0,
        {namespace_id: owner.cr_name},
        k8s_namespace_uid=owner.k8s_namespace_uid,
        adopted=live.adopted if live else False,
        shared=live.shared if live else False,
    )


def _from_collection(
    namespace_id: str,
    subject: Subject,
    collection: Collection,
    binding: Binding | None,
    owner: Owner,
    now: datetime,
) -> NamespaceDocument:
    status = subject.status
    spec = subject.spec if isinstance(subject.spec, NamespaceSpec) else NamespaceSpec()
    mark = collection.mark
    assert mark is not None
    extractors = tuple(e for e in (_extractor(s, subject, collection) for s in status.feature_extractors) if e)
    configs = {config.name for config in spec.vector_configs} & collection.vectors.keys()
    namespace_name = status.namespace_name or spec.namespace_name or owner.cr_name
    registered = {vector.name for extractor in extractors for vector in extractor.vectors}
    return NamespaceDocument(
        namespace_id=namespace_id,
        namespace_name=namespace_name,
        mode=spec.effective_mode,
        namespace_type=spec.effective_type,
        scope=spec.effective_scope,
        state=State.PROVISIONING,
        owner=owner,
        claims=document_claims(
            owner, namespace_name, home_claim(namespace_id, collection.name, binding, sharing=mark.shared)
        ),
        revision=1,
        collection=collection.name,
        sharing=mark.shared,
        binding=binding,
        incarnation=mark.incarnation,
        bound=True,
        bound_vectors=tuple(sorted(registered | configs)),
        adoption=collection.as_adopted if mark.adopted else None,
        feature_extractors=extractors,
        vector_configs=tuple(collection.vectors[name] for name in sorted(configs)),
        # Of a shared collection the status also shows what others declared.
        payload_indexes=() if mark.shared else _declared_indexes(subject),
        auto_indexes=_auto_indexes(subject),
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
    unmanaged = {*subject.status.unmanaged_indexes, *SYSTEM_INDEXES, *_auto_indexes(subject).created}
    return tuple(
        DeclaredIndex(
            field_name=index.field_name,
            field_schema=from_resource({**(index.field_schema or {}), "type": index.type}),
            is_protected=bool(index.is_protected),
        )
        for index in subject.status.payload_indexes
        if index.field_name not in unmanaged
    )


def _auto_indexes(subject: Subject) -> AutoIndexes:
    """Those that were made from use, so that they are not taken for declared ones which the spec no longer has."""
    live = {
        index.field_name: from_resource({**(index.field_schema or {}), "type": index.type})
        for index in subject.status.payload_indexes
    }
    return AutoIndexes(
        indexes=tuple(
            AutoIndex(
                field_name=told.field_name,
                field_schema=live[told.field_name],
                state=AutoIndexState.CREATED,
                at=told.at,
                last_seen=told.last_seen,
                verified=True,
            )
            for told in subject.status.auto_indexes
            if told.state == "created" and told.field_name in live
        )
    )
