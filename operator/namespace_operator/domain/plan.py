"""The planner: from what is wanted and what is there to the next writes.

``plan`` is called again after each batch of writes, with what they made of the world, until it has nothing more to
do. So a crash between any two writes leaves a state that the next call continues from, and "done" is never a
prediction: it is a plan without actions over what the stores confirmed.

The order between the stores: the document announces what will be in Qdrant before it is made there, and confirms it
afterwards. What stands in Qdrant without announcement is never ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    AddVector,
    CollectionAction,
    CreateCollection,
    DropIndex,
    InsertDocument,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
)
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.deletion import plan_deletion
from namespace_operator.domain.desired import Desired, desired
from namespace_operator.domain.document import (
    MalformedDocument,
    NamespaceDocument,
    Owner,
    State,
    UnsupportedIndex,
)
from namespace_operator.domain.identity import collection_claim, name_claim, resource_claim
from namespace_operator.domain.indexes import SYSTEM_INDEXES, IndexSchema
from namespace_operator.domain.observed import Collection, InvalidSpec, Observed, Subject
from namespace_operator.domain.recovery import recover_document


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan needs to know besides the namespace itself.

    ``candidate_id`` is a fresh namespace id, used if one is to be minted.
    """

    instance_id: str
    catalog: Catalog
    now: datetime
    candidate_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The next writes, in order, and what keeps the namespace from being ready as far as it is known now."""

    actions: tuple[Action, ...] = ()
    findings: tuple[Finding, ...] = ()


def plan(subject: Subject, observed: Observed, context: Context) -> Plan:
    """The next step from ``observed`` towards what ``subject`` wants; no actions when there is none."""
    if subject.deleting:
        return Plan(*plan_deletion(subject, observed, context.instance_id, context.now))
    if isinstance(subject.spec, InvalidSpec):
        return _stop(Reason.INVALID_SPEC, f"{subject.spec.problem}; correct the spec")
    document = observed.document
    if isinstance(document, MalformedDocument):
        return _stop(Reason.MALFORMED_DOCUMENT, _malformed(document))
    owner = subject.owner(context.instance_id)
    if document is not None and not _same_namespace(document.owner, owner):
        return _stop(Reason.OWNED_ELSEWHERE, _owned_elsewhere(document, subject))

    wanted = desired(subject.spec, subject.key.name, document, context.catalog)
    conflict = _name_conflict(observed, wanted)
    if conflict is not None and (document is None or document.state is State.RETAINED):
        return _stop(conflict.reason, conflict.message)
    finalizer = _finalizer(subject)
    if finalizer is not None:
        return Plan((finalizer,))
    if document is None:
        return _plan_document(subject, subject.spec, observed, wanted, owner, context)

    announced = _announce(document, wanted, owner, context, name_is_free=conflict is None)
    if not announced.holds(document):
        return Plan((ReplaceDocument(announced),))
    findings = (*((conflict,) if conflict else ()), *wanted.findings)
    return _plan_collection(document, observed, wanted, findings, context.now)


def _stop(reason: Reason, message: str, *before: Finding) -> Plan:
    return Plan((), (*before, Finding(reason, message, halts=True)))


def _same_namespace(owner: Owner, wanted: Owner) -> bool:
    return owner.model_copy(update={"cr_uid": wanted.cr_uid}) == wanted


def _name_conflict(observed: Observed, wanted: Desired) -> Finding | None:
    holder = observed.name_holder
    if holder is None:
        return None
    if isinstance(holder, MalformedDocument):
        message = f"namespaceName {wanted.namespace_name} is claimed by the malformed document {holder.document_id}"
        return Finding(
            Reason.NAME_CONFLICT, f"{message} ({holder.problem}); repair that document or choose another name"
        )
    if isinstance(observed.document, NamespaceDocument) and holder.namespace_id == observed.document.namespace_id:
        return None
    message = (
        f"namespaceName {wanted.namespace_name} is held by {holder.namespace_id} (Namespace {holder.owner.key}); "
        "choose another namespaceName, or rename or delete that one"
    )
    return Finding(Reason.NAME_CONFLICT, message)


def _finalizer(subject: Subject) -> Action | None:
    wants_one = subject.deletion_policy is DeletionPolicy.DELETE
    if wants_one == subject.finalized:
        return None
    return AddFinalizer() if wants_one else RemoveFinalizer()


def _plan_document(
    subject: Subject, spec: NamespaceSpec, observed: Observed, wanted: Desired, owner: Owner, context: Context
) -> Plan:
    if subject.status.namespace_id is None:
        return Plan((InsertDocument(_new_document(wanted, owner, context)),))
    recovered = recover_document(subject, observed.collection, owner, context.now)
    if isinstance(recovered, Finding):
        return Plan((), (recovered,))
    # Without its document the wanted state knows only the spec, not what was registered or locked before.
    wanted = desired(spec, subject.key.name, recovered, context.catalog)
    return Plan((InsertDocument(_announce(recovered, wanted, owner, context, name_is_free=True)),))


def _new_document(wanted: Desired, owner: Owner, context: Context) -> NamespaceDocument:
    namespace_id = context.candidate_id
    return NamespaceDocument(
        namespace_id=namespace_id,
        namespace_name=wanted.namespace_name,
        description=wanted.description,
        state=State.PROVISIONING,
        owner=owner,
        claims=_claims(owner, wanted.namespace_name, namespace_id),
        revision=1,
        collection=namespace_id,
        feature_extractors=wanted.extractors,
        payload_indexes=tuple(wanted.indexes.values()),
        created_at=context.now,
        updated_at=context.now,
    )


def _claims(owner: Owner, namespace_name: str, collection: str) -> tuple[str, ...]:
    return (
        resource_claim(owner.instance_id, owner.key),
        name_claim(owner.instance_id, owner.organization, namespace_name),
        collection_claim(collection),
    )


def _announce(
    document: NamespaceDocument, wanted: Desired, owner: Owner, context: Context, *, name_is_free: bool
) -> NamespaceDocument:
    """The document with everything added that is wanted and nothing taken away that may still stand in Qdrant."""
    declared = {index.field_name: index for index in document.payload_indexes} | dict(wanted.indexes)
    changes: dict[str, object] = {
        "description": wanted.description,
        "state": document.state if document.state is State.READY else State.PROVISIONING,
        "owner": owner,
        "feature_extractors": wanted.extractors,
        "payload_indexes": tuple(declared.values()),
        "revision": document.revision + 1,
        "updated_at": context.now,
    }
    if name_is_free:
        changes["namespace_name"] = wanted.namespace_name
        changes["claims"] = _claims(owner, wanted.namespace_name, document.collection)
    return document.model_copy(update=changes)


def _plan_collection(
    document: NamespaceDocument, observed: Observed, wanted: Desired, findings: tuple[Finding, ...], now: datetime
) -> Plan:
    schemas = _index_schemas(wanted)
    collection = observed.collection
    if collection is None:
        if document.bound:
            return _stop(Reason.COLLECTION_LOST, _collection_lost(document), *findings)
        vectors = tuple(document.vectors.values())
        create = CreateCollection(document.collection, vectors, document.mark.to_metadata())
        return Plan((create, *(PutIndex(document.collection, name, schema) for name, schema in schemas.items())))
    if collection.mark != document.mark:
        return _stop(Reason.COLLECTION_NOT_OWNED, _not_owned(document), *findings)

    vector_actions, vector_findings = _compare_vectors(document, collection)
    index_actions, index_findings = _compare_indexes(document, observed, collection, schemas)
    actions = (*vector_actions, *index_actions)
    if actions:
        return Plan(actions)
    confirmed = _confirm(document, observed, collection, wanted, schemas, now)
    if not confirmed.holds(document):
        return Plan((ReplaceDocument(confirmed),))
    return Plan((), (*_compare_status(collection), *findings, *vector_findings, *index_findings))


def _index_schemas(wanted: Desired) -> Mapping[str, IndexSchema]:
    declared = {name: index.field_schema for name, index in wanted.indexes.items()}
    return {**declared, **SYSTEM_INDEXES}


def _compare_vectors(
    document: NamespaceDocument, collection: Collection
) -> tuple[list[CollectionAction], list[Finding]]:
    actions: list[CollectionAction] = []
    findings: list[Finding] = []
    for name, vector in document.vectors.items():
        live = collection.vectors.get(name)
        if live is None and name in document.bound_vectors:
            message = f"Vector {name} of collection {collection.name} is missing although it was there; add it again"
            findings.append(
                Finding(Reason.VECTOR_MISSING, f"{message} ({vector.describe()}) and re-index the documents")
            )
        elif live is None:
            actions.append(AddVector(collection.name, vector))
        elif live.describe() != vector.describe():
            message = f"Vector {name} of collection {collection.name} is {live.describe()}, registered is"
            findings.append(Finding(Reason.VECTOR_MISMATCH, f"{message} {vector.describe()}; it is never changed"))
    return actions, findings


def _compare_indexes(
    document: NamespaceDocument, observed: Observed, collection: Collection, schemas: Mapping[str, IndexSchema]
) -> tuple[list[CollectionAction], list[Finding]]:
    actions: list[CollectionAction] = []
    findings: list[Finding] = []
    for field_name, schema in schemas.items():
        live = collection.indexes.get(field_name)
        if live is not None and live.schema == schema:
            continue
        put = PutIndex(collection.name, field_name, schema)
        if put.attempt in observed.rejected_indexes:
            message = f"Index on {field_name}: {observed.rejected_indexes[put.attempt]}"
            findings.append(Finding(Reason.INDEX_REJECTED, message))
        elif _had_no_effect(put, document, observed, collection):
            made = dict(live.schema) if live is not None else "nothing"
            message = (
                f"Qdrant {observed.server_version} made {made} of the index on {field_name}, wanted is {dict(schema)}"
            )
            findings.append(Finding(Reason.INDEX_PARAMETER_UNSUPPORTED, f"{message}; change it or upgrade the server"))
        else:
            actions.append(put)
    dropped = (index.field_name for index in document.payload_indexes if index.field_name not in schemas)
    actions.extend(DropIndex(collection.name, name) for name in dropped if name in collection.indexes)
    return actions, findings


def _had_no_effect(put: PutIndex, document: NamespaceDocument, observed: Observed, collection: Collection) -> bool:
    known = _unsupported(put.field_name, put.schema, observed.server_version, collection)
    return put.attempt in observed.tried_indexes or known in document.unsupported_indexes


def _unsupported(field_name: str, schema: IndexSchema, server_version: str, collection: Collection) -> UnsupportedIndex:
    live = collection.indexes.get(field_name)
    return UnsupportedIndex(
        field_name=field_name,
        field_schema=schema,
        server_version=server_version,
        made=live.schema if live is not None else None,
    )


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
    schemas: Mapping[str, IndexSchema],
    now: datetime,
) -> NamespaceDocument:
    """The document as it reads once everything announced stands in Qdrant, or is known not to."""
    present = {name for name, v in document.vectors.items() if name in collection.vectors}
    bound = tuple(sorted(present.union(document.bound_vectors)))
    unsupported = tuple(
        _unsupported(name, schema, observed.server_version, collection)
        for name, schema in schemas.items()
        if (name not in collection.indexes or collection.indexes[name].schema != schema)
        and PutIndex(collection.name, name, schema).attempt not in observed.rejected_indexes
    )
    return document.model_copy(
        update={
            "state": State.READY,
            "bound": True,
            "bound_vectors": bound,
            "payload_indexes": tuple(i for i in document.payload_indexes if i.field_name in wanted.indexes),
            "unsupported_indexes": unsupported,
            "vector_inference_map": {
                name: document.vectors[name].inference_service for name in bound if name in document.vectors
            },
            "revision": document.revision + 1,
            "updated_at": now,
        }
    )


def _malformed(document: MalformedDocument) -> str:
    return (
        f"Document {document.document_id} in MongoDB is not a namespace document ({document.problem}); "
        "repair or remove it, nothing is written meanwhile"
    )


def _owned_elsewhere(document: NamespaceDocument, subject: Subject) -> str:
    return (
        f"{document.namespace_id} belongs to Namespace {document.owner.key} of an earlier Kubernetes namespace "
        f"{subject.key.organization} (uid {document.owner.k8s_namespace_uid}); use another metadata.name"
    )


def _collection_lost(document: NamespaceDocument) -> str:
    return (
        f"Collection {document.collection} was there and Qdrant no longer has it; it is not made again, because that "
        "would wipe data the server only failed to load: look at the server's log, restore it from a snapshot"
    )


def _not_owned(document: NamespaceDocument) -> str:
    return (
        f"Collection {document.collection} does not carry the mark of {document.namespace_id} in its metadata "
        f"(wanted: {document.mark.to_metadata()}); nothing is written to it until the mark is back"
    )
