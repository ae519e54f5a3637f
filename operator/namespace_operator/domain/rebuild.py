"""Payload indexes that are put again or dropped because somebody said so: a rebuild, and what nobody declared.

A rebuild goes on in small portions, so that a namespace with many indexes does not keep a worker from the others. With
``force`` it drops one index and lets the comparison with what is wanted make it again, as it would after any loss; the
next one is dropped only while none is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from namespace_operator.api.annotations import REBUILD_INDEXES_REQUESTED_AT
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.actions import Announced, CollectionAction, DropIndex, Purpose, PutIndex
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_repair import IndexRebuild, Repairs
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, Observed, Subject
from namespace_operator.domain.unmanaged import prunable_fields

PUTS_AT_A_TIME = 16
"""Indexes that one reconcile puts again."""

DROPS_AT_A_TIME = 2
"""Indexes that one reconcile drops and makes again; each takes four of its rounds."""

FORCE = "force"


def with_rebuild(
    repairs: Repairs,
    subject: Subject,
    document: NamespaceDocument,
    observed: Observed,
    collection: Collection,
    schemas: Mapping[str, IndexSchema],
    now: datetime,
) -> Repairs:
    """What the document says of a rebuild: that it begins, how far it is, or that nobody wants it any more."""
    known, token = repairs.indexes, subject.requests.rebuild_indexes_requested_at
    if token is None:
        rebuild = known and known.model_copy(update={"pending": (), "dropped": False})
        return repairs if rebuild == known else repairs.model_copy(update={"indexes": rebuild})
    told = subject.status.index_rebuild
    if known is None and told is not None and told.requested_at == token:
        # The document was lost and made again.
        return repairs
    fields = _rebuilt_fields(document, observed, collection, schemas)
    if known is None or known.token != token:
        force = FORCE in re.findall(r"[a-z]+", token.lower())
        rebuild = IndexRebuild(token=token, force=force, at=now, total=len(fields), pending=fields)
    else:
        rebuild = _advanced(known, fields, collection, schemas, observed)
    return repairs if rebuild == known else repairs.model_copy(update={"indexes": rebuild})


def _rebuilt_fields(
    document: NamespaceDocument, observed: Observed, collection: Collection, schemas: Mapping[str, IndexSchema]
) -> tuple[str, ...]:
    """What a rebuild is about: all that is declared, of a shared collection what this member is answerable for.

    Not what stood in an adopted collection, which stays as it is.
    """
    if observed.shared is not None and document.sharing:
        mine = {name for name, index in observed.shared.indexes_by_field.items() if index.by == document.namespace_id}
        return tuple(sorted(mine & schemas.keys()))
    return tuple(sorted(name for name in schemas if not was_adopted(name, document, collection)))


def _advanced(
    known: IndexRebuild,
    fields: tuple[str, ...],
    collection: Collection,
    schemas: Mapping[str, IndexSchema],
    observed: Observed,
) -> IndexRebuild:
    pending = tuple(name for name in known.pending if name in fields)
    dropped = known.dropped and pending[:1] == known.pending[:1]
    if not known.force:
        puts = {name: PutIndex(collection.name, name, schemas[name]) for name in pending}
        pending = tuple(name for name in pending if puts[name].attempt not in observed.tried_indexes)
    elif pending:
        is_there = pending[0] in collection.indexes
        if dropped and is_there:
            pending, dropped = pending[1:], False
        elif not is_there:
            dropped = True
    return known.model_copy(update={"pending": pending, "dropped": dropped and bool(pending)})


def plan_rebuild(
    document: NamespaceDocument, observed: Observed, collection: Collection, schemas: Mapping[str, IndexSchema]
) -> tuple[CollectionAction, ...]:
    """The next portion of a rebuild, where everything that is wanted is as wanted."""
    known = document.repairs.indexes
    if known is None or not known.pending:
        return ()
    if not known.force:
        if len(observed.tried_indexes) >= PUTS_AT_A_TIME:
            return ()
        puts = (PutIndex(collection.name, name, schemas[name]) for name in known.pending if name in schemas)
        done = observed.tried_indexes | observed.rejected_indexes.keys()
        return tuple(put for put in puts if put.attempt not in done)[:PUTS_AT_A_TIME]
    head, dropped = known.pending[0], observed.dropped_indexes
    if known.dropped or head in dropped or len(dropped) >= DROPS_AT_A_TIME or schemas.keys() - collection.indexes:
        return ()
    # What this reconcile has just made is not made a second time by it, and would stay away until the next one.
    if PutIndex(collection.name, head, schemas[head]).attempt in observed.tried_indexes:
        return ()
    return (DropIndex(collection.name, head, announced=Announced(document.namespace_id, Purpose.REBUILD)),)


def rebuild_findings(
    document: NamespaceDocument, observed: Observed, collection: Collection, schemas: Mapping[str, IndexSchema]
) -> tuple[Finding, ...]:
    """Why a rebuild does not go on, where what is missing does not say so itself."""
    known = document.repairs.indexes
    if known is None or known.force:
        return ()
    puts = (PutIndex(collection.name, name, schemas[name]) for name in known.pending if name in schemas)
    refusals = ((put.field_name, observed.rejected_indexes.get(put.attempt)) for put in puts)
    return tuple(
        Finding(
            Reason.INDEX_REJECTED,
            f"Index on {name}, which is there and was to be put again: {refusal}; remove the annotation "
            f"{REBUILD_INDEXES_REQUESTED_AT} to leave it as it is",
        )
        for name, refusal in refusals
        if refusal is not None
    )


def is_rebuilding(document: NamespaceDocument) -> bool:
    """Whether a rebuild is under way."""
    return document.repairs.indexes is not None and bool(document.repairs.indexes.pending)


def with_pruning(repairs: Repairs, subject: Subject, document: NamespaceDocument, collection: Collection) -> Repairs:
    """What the document says of indexes that nobody declared: which ones are to go, if the spec says so."""
    prunes = isinstance(subject.spec, NamespaceSpec) and subject.spec.prune_unmanaged_indexes is True
    fields = prunable_fields(document, collection) if prunes else ()
    return repairs if fields == repairs.pruning else repairs.model_copy(update={"pruning": fields})


def plan_pruning(
    document: NamespaceDocument, observed: Observed, collection: Collection
) -> tuple[CollectionAction, ...]:
    """Drop what is announced; once each in a reconcile, whatever the server makes of it."""
    announced = Announced(document.namespace_id, Purpose.PRUNE)
    return tuple(
        DropIndex(collection.name, name, announced=announced)
        for name in document.repairs.pruning
        if name in collection.indexes and name not in observed.dropped_indexes
    )


def was_adopted(field_name: str, document: NamespaceDocument, collection: Collection) -> bool:
    """Whether the live index is the one that stood in the collection when it was adopted."""
    live = collection.indexes.get(field_name)
    return live is not None and document.adopted_indexes.get(field_name) == live.schema
