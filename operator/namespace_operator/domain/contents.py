"""Planning what is in Qdrant: the collection, its mark, vectors, indexes and parameters, and what confirms them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from namespace_operator.api.profile import SystemIndex
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.actions import (
    AddVector,
    CollectionAction,
    CreateCollection,
    DropIndex,
    MarkCollection,
    MarkMember,
    PutIndex,
    ReplaceDocument,
    ReplaceShared,
    UpdateCollection,
)
from namespace_operator.domain.auto_indexes import looked_after, still_dropping
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.desired import Desired
from namespace_operator.domain.document import NamespaceDocument, State, UnsupportedIndex
from namespace_operator.domain.document_repair import Repairs
from namespace_operator.domain.identity import is_marked
from namespace_operator.domain.indexes import SYSTEM_INDEXES, IndexSchema
from namespace_operator.domain.leaving import clearing, still_there
from namespace_operator.domain.observed import Collection, Observed, Subject
from namespace_operator.domain.ownership import foreign_collection
from namespace_operator.domain.planning import Context, Plan
from namespace_operator.domain.rebuild import (
    plan_pruning,
    plan_rebuild,
    rebuild_findings,
    was_adopted,
    with_pruning,
    with_rebuild,
)
from namespace_operator.domain.recreation import collection_lost, plan_recreation, with_recreation_noted
from namespace_operator.domain.repair import (
    vector_mismatch,
    vector_missing,
    with_late,
    with_vector_repair,
    without_filled,
)
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.sharing import never_shared
from namespace_operator.domain.tuning import Tuning, tune
from namespace_operator.domain.vectors import NamedVector


def plan_collection(
    subject: Subject,
    document: NamespaceDocument,
    observed: Observed,
    findings: tuple[Finding, ...],
    wanted: Desired,
    context: Context,
) -> Plan:
    """The next step in Qdrant for a document that announces all that is wanted; ``findings`` were made before."""
    now = context.now
    whole = _whole(document, observed.shared, wanted, context.profile.system_indexes)
    collection = observed.collection
    if collection is None:
        return _plan_missing(subject, document, observed, findings, whole, context)
    if not document.mark.is_on(collection.mark):
        claimed = _claim(subject, document, collection, observed, now)
        if claimed is not None:
            return claimed
        if not document.bound and not document.occupied and observed.alias_of is None:
            return Plan((ReplaceDocument(document.changed(now, occupied=True)),))
        unshared = never_shared(document, collection) if document.sharing else None
        return Plan((), (*findings, unshared or foreign_collection(document, collection, observed)))

    repairs = _noted(subject, document, observed, collection, whole, now)
    if document.bound and repairs != document.repairs:
        return Plan((ReplaceDocument(document.changed(now, repairs=repairs)),))
    vector_actions, vector_findings = _compare_vectors(whole, document, observed.shared, collection)
    index_actions, index_findings, refused = _compare_indexes(document, observed, collection, whole)
    # Who is only just coming leaves the clearing up to those that are there.
    shared = observed.shared if document.bound and not observed.joined else None
    cleared_away = clearing(shared, collection, observed.wanted_elsewhere) if shared is not None else ()
    actions = (*vector_actions, *index_actions, *cleared_away, *plan_pruning(document, observed, collection))
    rebuilding = actions or plan_rebuild(document, observed, collection, whole.to_rebuild(collection))
    if rebuilding:
        return Plan(rebuilding)
    tuning = tune(document, observed, collection, context.profile)
    if tuning.changes:
        return Plan((UpdateCollection(collection.name, tuning.changes),))
    confirmation = _confirmation(document, observed, collection, wanted, whole, tuning, now)
    if confirmation is None and isinstance(subject.spec, NamespaceSpec):
        auto = looked_after(subject, subject.spec, document, observed, refused, context.auto_indexes, now)
        changed = document.changed(now, auto_indexes=auto)
        confirmation = None if auto == document.auto_indexes else ReplaceDocument(changed)
    if confirmation is not None:
        return Plan((confirmation,))
    status = _compare_status(collection)
    index_findings += rebuild_findings(document, observed, collection, whole.to_rebuild(collection))
    return Plan((), (*status, *findings, *vector_findings, *index_findings, *tuning.findings), tuning.notes)


def _plan_missing(
    subject: Subject,
    document: NamespaceDocument,
    observed: Observed,
    findings: tuple[Finding, ...],
    whole: _Whole,
    context: Context,
) -> Plan:
    """Where Qdrant has no collection: make it, unless there was one."""
    if whole.bound or document.bound or document.occupied or _was_seen(subject, document):
        again = plan_recreation(subject, document, observed, context.now)
        return again or Plan((), (*findings, collection_lost(subject, document)))
    vectors = tuple(whole.vectors.values())
    create = CreateCollection(document.collection, vectors, document.mark.to_metadata(), context.profile.parameters)
    puts = (PutIndex(document.collection, name, schema) for name, schema in whole.schemas.items())
    return Plan((create, *puts), findings)


@dataclass(frozen=True, slots=True)
class _Whole:
    """All that is to be in the collection, whoever wants it; ``bound`` as in the documents.

    ``auto`` are the fields among ``schemas`` whose index was made from use.
    """

    vectors: Mapping[str, NamedVector]
    schemas: Mapping[str, IndexSchema]
    auto: frozenset[str]
    bound: bool
    bound_vectors: tuple[str, ...]

    def to_rebuild(self, collection: Collection) -> Mapping[str, IndexSchema]:
        """What a rebuild may put again: not what somebody else made where an index from use was."""
        indexes = collection.indexes
        return {
            name: schema
            for name, schema in self.schemas.items()
            if name not in self.auto or name not in indexes or indexes[name].schema == schema
        }


def _whole(
    document: NamespaceDocument, shared: SharedCollection | None, wanted: Desired, listed: Sequence[SystemIndex]
) -> _Whole:
    system = {name: schema for name, schema in SYSTEM_INDEXES.items() if name in listed}
    if shared is None:
        declared = {name: index.field_schema for name, index in wanted.indexes.items()}
        # What vanished is not made again once nobody wants any made.
        auto = document.auto_indexes.schemas if document.auto_create_indexes else {}
        schemas = {**auto, **declared, **system}
        made = frozenset(auto.keys() - declared.keys() - system.keys())
        return _Whole(document.vectors, schemas, made, document.bound, document.bound_vectors)
    # What tells the members apart is always indexed.
    partition = {SystemIndex.NAMESPACE_ID.value: SYSTEM_INDEXES[SystemIndex.NAMESPACE_ID]}
    schemas = {name: index.field_schema for name, index in shared.indexes_by_field.items()}
    made = frozenset(index.field_name for index in shared.indexes if index.auto) - system.keys() - partition.keys()
    return _Whole(shared.vectors_by_name, {**schemas, **system, **partition}, made, shared.bound, shared.bound_vectors)


def _confirmation(
    document: NamespaceDocument,
    observed: Observed,
    collection: Collection,
    wanted: Desired,
    whole: _Whole,
    tuning: Tuning,
    now: datetime,
) -> ReplaceShared | ReplaceDocument | None:
    """What is still to be written of what stands in Qdrant."""
    together = _confirm_shared(observed.shared, collection, observed, now) if observed.shared else None
    if together is not None:
        return ReplaceShared(together)
    confirmed = _confirm(document, observed, collection, wanted, whole, tuning, now)
    return None if confirmed is document else ReplaceDocument(confirmed)


def _confirm_shared(
    shared: SharedCollection, collection: Collection, observed: Observed, now: datetime
) -> SharedCollection | None:
    """The document of the shared collection as it reads once all of it stands in Qdrant; None if it does so already."""
    present = {name for name in shared.vectors_by_name if name in collection.vectors}
    bound = tuple(sorted(present.union(shared.bound_vectors)))
    dropping = still_there(shared, collection, observed.wanted_elsewhere)
    confirmed = shared.with_fields(now, bound=True, bound_vectors=bound, dropping=dropping)
    return None if confirmed is shared else confirmed


def _was_seen(subject: Subject, document: NamespaceDocument) -> bool:
    """The status remembers indexes of the collection: a document restored from before does not make it new.

    Of a collection that was left behind on another server it says nothing.
    """
    return (
        document.incarnation == 1
        and subject.status.namespace_id == document.namespace_id
        and bool(subject.status.payload_indexes)
    )


def _claim(
    subject: Subject, document: NamespaceDocument, collection: Collection, observed: Observed, now: datetime
) -> Plan | None:
    """Make a collection ours by its mark, where somebody with the right to do so asked for it."""
    if document.mark.surrounds(collection.mark):
        return Plan((MarkMember(collection.name, document.mark),))
    if document.sharing:
        return None
    if document.is_half_taken_over(collection.mark):
        return Plan((MarkCollection(collection.name, document.mark, expected=collection.mark),))
    if not document.bound and replace(document.mark, adopted=True).is_on(collection.mark):
        # The document is older than the adoption, which its mark still tells of.
        return Plan((ReplaceDocument(document.changed(now, adoption=collection.as_adopted)),))
    may_adopt = subject.requests.adopt is not None and observed.alias_of is None
    was_ours = document.bound and document.adoption is None
    if was_ours or is_marked(collection.metadata) or not may_adopt:
        return None
    adoption = document.adoption if document.bound else collection.as_adopted
    if document.adoption != adoption or not document.occupied:
        return Plan((ReplaceDocument(document.changed(now, adoption=adoption, occupied=True)),))
    return Plan((MarkCollection(collection.name, document.mark, expected=None),))


def _noted(
    subject: Subject,
    document: NamespaceDocument,
    observed: Observed,
    collection: Collection,
    whole: _Whole,
    now: datetime,
) -> Repairs:
    """What the document has to say of repairs before anything is done about them."""
    repairs = with_vector_repair(document.repairs, subject, document, collection, whole.bound_vectors, now)
    repairs = without_filled(repairs, collection, observed.late)
    repairs = with_rebuild(repairs, subject, document, observed, collection, whole.to_rebuild(collection), now)
    repairs = with_pruning(repairs, subject, document, collection)
    return with_recreation_noted(repairs, subject, document, lost=False)


def _compare_vectors(
    whole: _Whole, document: NamespaceDocument, shared: SharedCollection | None, collection: Collection
) -> tuple[list[CollectionAction], list[Finding]]:
    actions: list[CollectionAction] = []
    findings: list[Finding] = []
    for name, vector in whole.vectors.items():
        live = collection.vectors.get(name)
        if live is None and name in whole.bound_vectors and name not in document.repairs.missing_vectors:
            findings.append(vector_missing(vector, document, shared, collection))
        elif live is None:
            actions.append(AddVector(collection.name, vector))
        elif live.describe() != vector.describe():
            findings.append(vector_mismatch(vector, live, collection))
    return actions, findings


def _compare_indexes(
    document: NamespaceDocument, observed: Observed, collection: Collection, whole: _Whole
) -> tuple[list[CollectionAction], list[Finding], dict[str, str]]:
    """What to make and drop, what is in the way of it, and why indexes from use are not made, by field name."""
    actions: list[CollectionAction] = []
    findings: list[Finding] = []
    refused: dict[str, str] = {}
    for field_name, schema in whole.schemas.items():
        live = collection.indexes.get(field_name)
        if live is not None and live.schema == schema:
            continue
        put = PutIndex(collection.name, field_name, schema)
        finding = _in_the_way(put, document, observed, collection)
        if field_name in whole.auto:
            if finding is None and live is None:
                actions.append(put)
            elif finding is not None and finding.reason is not Reason.INDEX_MISSING:
                refused[field_name] = finding.message
        elif finding is None:
            actions.append(put)
        else:
            findings.append(finding)
    if document.sharing:
        return actions, findings, refused
    dropped = (index.field_name for index in document.payload_indexes if index.field_name not in whole.schemas)
    actions.extend(
        DropIndex(collection.name, name)
        for name in dropped
        if name in collection.indexes and not was_adopted(name, document, collection)
    )
    abandoned = still_dropping(document, collection, whole.schemas)
    actions.extend(DropIndex(collection.name, index.field_name, made=index.field_schema) for index in abandoned)
    return actions, findings, refused


def _in_the_way(
    put: PutIndex, document: NamespaceDocument, observed: Observed, collection: Collection
) -> Finding | None:
    """Why an index that is not as wanted is not made."""
    live = collection.indexes.get(put.field_name)
    if live is not None and was_adopted(put.field_name, document, collection):
        message = (
            f"The adopted collection {collection.name} has an index on {put.field_name} as {dict(live.schema)}, wanted "
            f"is {dict(put.schema)}; what was there is never changed: declare it as it is, or drop it in Qdrant"
        )
        return Finding(Reason.INDEX_CONFLICT, message)
    if put.attempt in observed.rejected_indexes:
        return Finding(Reason.INDEX_REJECTED, f"Index on {put.field_name}: {observed.rejected_indexes[put.attempt]}")
    if live is None:
        message = f"The index on {put.field_name} was made and is gone again; trying again"
        return Finding(Reason.INDEX_MISSING, message) if put.attempt in observed.tried_indexes else None
    known = _unsupported(put.field_name, put.schema, observed.server_version, live.schema)
    if put.attempt in observed.tried_indexes or known in document.unsupported_indexes:
        message = (
            f"Qdrant {observed.server_version} made {dict(live.schema)} of the index on {put.field_name}, wanted is"
        )
        return Finding(
            Reason.INDEX_PARAMETER_UNSUPPORTED, f"{message} {dict(put.schema)}; change it or upgrade the server"
        )
    return None


def _unsupported(field_name: str, schema: IndexSchema, server_version: str, made: IndexSchema) -> UnsupportedIndex:
    return UnsupportedIndex(field_name=field_name, field_schema=schema, server_version=server_version, made=made)


def _compare_status(collection: Collection) -> tuple[Finding, ...]:
    if collection.status != "red":
        return ()
    message = f"Qdrant reports collection {collection.name} red: an optimization failed; see the server's log"
    return (Finding(Reason.COLLECTION_RED, message),)


def _confirm(
    document: NamespaceDocument,
    observed: Observed,
    collection: Collection,
    wanted: Desired,
    whole: _Whole,
    tuning: Tuning,
    now: datetime,
) -> NamespaceDocument:
    """The document as it reads once everything announced stands in Qdrant, or is known not to."""
    present = {name for name in document.vectors if name in collection.vectors}
    bound = tuple(sorted(present.union(document.bound_vectors)))
    unsupported = tuple(
        _unsupported(name, schema, observed.server_version, collection.indexes[name].schema)
        for name, schema in whole.schemas.items()
        if name in collection.indexes
        and name not in whole.auto
        and collection.indexes[name].schema != schema
        and not was_adopted(name, document, collection)
        and PutIndex(collection.name, name, schema).attempt not in observed.rejected_indexes
    )
    services = document.inference_services
    # What a collection had from the beginning is in all points that were processed.
    late = present.difference(document.bound_vectors) if document.bound else ()
    return document.with_fields(
        now,
        state=State.READY,
        bound=True,
        occupied=False,
        bound_vectors=bound,
        previous_owner=None,
        payload_indexes=tuple(i for i in document.payload_indexes if i.field_name in wanted.indexes),
        auto_indexes=document.auto_indexes.changed(dropping=still_dropping(document, collection, whole.schemas)),
        unsupported_indexes=unsupported,
        unsupported_parameters=tuning.unsupported,
        vector_inference_map={name: services[name] for name in bound if name in services},
        repairs=with_late(document.repairs, late, collection, now),
    )
