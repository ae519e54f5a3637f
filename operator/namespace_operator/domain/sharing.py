"""Sharing a collection: who may join, what a member adds to what all of them want, and what it takes back.

A member's own document comes first, as everywhere; then it joins the document of the shared collection, which says
what there is to be in Qdrant. Vectors are only ever added to it. An index belongs to one member that wants it, which is
answerable for it: when that one no longer does, it finds another that does or has the index dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from namespace_operator.api.annotations import ADOPT
from namespace_operator.domain.actions import InsertShared, JoinCollection, ReplaceShared
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.desired import Desired
from namespace_operator.domain.document import (
    DeclaredIndex,
    NamespaceDocument,
    Owner,
    RegisteredExtractor,
)
from namespace_operator.domain.observed import Collection, Observed
from namespace_operator.domain.planning import Plan
from namespace_operator.domain.shared import SharedCollection, SharedIndex, SharedState, SharedVector
from namespace_operator.domain.vectors import NamedVector, VectorKind

_BYTES = {"float32": 4, "float16": 2, "uint8": 1}
_MEGABYTE = 1024 * 1024


def shared_document_id(collection: str, scope: str) -> str:
    """The ``_id`` of a shared collection's document; ``scope`` is that of its server."""
    return f"shared/{scope}/{collection}" if scope else f"shared/{collection}"


def joining_obstacle(shared: SharedCollection, owner: Owner, *, is_member: bool) -> Finding | None:
    """Why a namespace cannot be a member of this collection. Another organization is told nothing of it."""
    if not shared.is_of(owner):
        message = (
            f"Collection {shared.collection} is not this organization's; choose another one in "
            "infrastructure.qdrantCollection"
        )
        return Finding(Reason.COLLECTION_NOT_OWNED, message, halts=True)
    if shared.state is SharedState.ACTIVE or is_member:
        return None
    message = f"Shared collection {shared.collection} was left by its last member and is being deleted"
    return Finding(Reason.COLLECTION_CONFLICT, f"{message}; it becomes free by itself within minutes", halts=True)


def is_joinable(observed: Observed, owner: Owner) -> bool:
    """Whether the collection that is there is a shared one of this organization, by its mark."""
    live = observed.collection.mark if observed.collection is not None and observed.alias_of is None else None
    if live is None or not live.shared or live.collection != observed.looked_at:
        return False
    place = (live.instance_id, live.organization, live.k8s_namespace_uid)
    return place == (owner.instance_id, owner.organization, owner.k8s_namespace_uid)


def contested_fields(
    namespace_id: str, wanted: Mapping[str, DeclaredIndex], shared: SharedCollection, *, leaves: bool = False
) -> frozenset[str]:
    """Fields of which this member must know whether another one wants their index."""
    mine = {name: index for name, index in shared.indexes_by_field.items() if index.by == namespace_id}
    changed = {name for name, index in mine.items() if leaves or not _is_wanted(index, wanted)}
    return frozenset(changed.union(name for name in shared.dropping if leaves or name not in wanted))


def _is_wanted(index: SharedIndex, wanted: Mapping[str, DeclaredIndex]) -> bool:
    return index.field_name in wanted and wanted[index.field_name].field_schema == index.field_schema


@dataclass(frozen=True, slots=True)
class _Fitting:
    """What a member may want beside what there is already."""

    document: NamespaceDocument | None
    shared: SharedCollection
    live: Collection | None
    wanted_elsewhere: Mapping[str, str]
    megabytes: int

    def vector(self, vector: NamedVector) -> Finding | None:
        """Why a vector cannot be had."""
        if self.document is not None and vector.name in self.document.bound_vectors:
            return None
        there = self.shared.vectors_by_name.get(vector.name)
        if there is None:
            return self._cost(vector)
        if there.describe() == vector.describe():
            return None
        message = (
            f"Vector {vector.name} is to be {vector.describe()}, but {self._member(there.by)} has it in the shared "
            f"collection {self.shared.collection} as {there.describe()}; choose params that agree, or a collection of "
            "its own"
        )
        return Finding(Reason.VECTOR_MISMATCH, message)

    def index(self, index: DeclaredIndex, namespace_id: str | None) -> Finding | None:
        """Why an index cannot be had."""
        there = self.shared.indexes_by_field.get(index.field_name)
        if there is None or there.field_schema == index.field_schema:
            return None
        by = there.by if there.by != namespace_id else self.wanted_elsewhere.get(index.field_name)
        if by is None or there.auto:
            return None
        message = (
            f"Index on {index.field_name} is to be {dict(index.field_schema)}, but {self._member(by)} has it in the "
            f"shared collection {self.shared.collection} as {dict(there.field_schema)}; declare it like that, or "
            "choose a collection of its own"
        )
        return Finding(Reason.INDEX_CONFLICT, message)

    def _cost(self, vector: NamedVector) -> Finding | None:
        points = self.live.points_count if self.live is not None else 0
        if not points or vector.kind is not VectorKind.DENSE or vector.size is None:
            return None
        megabytes = points * vector.size * _BYTES.get(vector.datatype, 4) / _MEGABYTE
        if megabytes <= self.megabytes:
            return None
        message = (
            f"Vector {vector.name} ({vector.describe()}) would take {megabytes:.0f} MB in the shared collection "
            f"{self.shared.collection} with {points} points, even while it is empty, and the tier allows "
            f"{self.megabytes}; choose a collection of its own, or have maxSharedVectorMegabytes raised"
        )
        return Finding(Reason.SHARED_VECTOR_COST, message)

    def _member(self, namespace_id: str) -> str:
        mark = self.live.mark if self.live is not None else None
        name = mark.members.get(namespace_id) if mark is not None else None
        if namespace_id not in self.shared.members:
            return f"{namespace_id}, which has left,"
        return f"{namespace_id} (Namespace {self.shared.organization}/{name})" if name else namespace_id


def fitted(wanted: Desired, document: NamespaceDocument | None, observed: Observed, megabytes: int) -> Desired:
    """What is left of the wanted state beside what other members have; the rest becomes findings."""
    shared = observed.shared
    if not wanted.sharing or shared is None:
        return wanted
    fitting = _Fitting(document, shared, observed.collection, observed.wanted_elsewhere, megabytes)
    namespace_id = document.namespace_id if document is not None else None
    findings: list[Finding] = []
    extractors: list[RegisteredExtractor] = []
    for extractor in wanted.extractors:
        refused = [finding for vector in extractor.vectors if (finding := fitting.vector(vector))]
        if refused:
            findings += refused
        else:
            extractors.append(extractor)
    refusals = {config.name: fitting.vector(config) for config in wanted.vector_configs}
    conflicts = {name: fitting.index(index, namespace_id) for name, index in wanted.indexes.items()}
    findings += [finding for finding in (*refusals.values(), *conflicts.values()) if finding is not None]
    return replace(
        wanted,
        extractors=tuple(extractors),
        vector_configs=tuple(config for config in wanted.vector_configs if refusals[config.name] is None),
        indexes={name: index for name, index in wanted.indexes.items() if conflicts[name] is None},
        findings=(*wanted.findings, *findings),
    )


def plan_membership(document: NamespaceDocument, observed: Observed, now: datetime) -> Plan | None:
    """The next step until the shared collection's document knows this member and all it wants; None when it does."""
    shared = observed.shared
    if shared is None:
        return _plan_founding(document, observed, now)
    if document.namespace_id not in shared.members:
        return Plan((JoinCollection(shared.document_id, document.namespace_id),))
    changed = _with_wishes_of(document, observed, shared, now)
    return None if changed is shared else Plan((ReplaceShared(changed),))


def _plan_founding(document: NamespaceDocument, observed: Observed, now: datetime) -> Plan | None:
    """Make the collection's document: of a new one, or of one whose document was lost and whose mark tells of it."""
    live = observed.collection
    if live is None:
        # Whether it was there before is for the planning of the collection to say.
        is_new = not document.bound and not document.occupied
        return Plan((InsertShared(founded(document, (document.namespace_id,), now)),)) if is_new else None
    if not document.mark.surrounds(live.mark) or observed.alias_of is not None:
        return None
    return Plan((InsertShared(recovered(document, live, now)),))


def founded(document: NamespaceDocument, members: Iterable[str], now: datetime) -> SharedCollection:
    """The document of a collection that its first member asks for."""
    owner = document.owner
    return SharedCollection(
        document_id=shared_document_id(document.collection, document.binding.scope if document.binding else ""),
        instance_id=owner.instance_id,
        organization=owner.organization,
        k8s_namespace_uid=owner.k8s_namespace_uid,
        collection=document.collection,
        binding=document.binding,
        claims=(document.collection_claim,),
        state=SharedState.ACTIVE,
        members=tuple(sorted(members)),
        incarnation=document.incarnation,
        vectors=_vectors_of(document),
        indexes=tuple(_wishes_of(document).values()),
        revision=1,
        created_at=now,
        updated_at=now,
    )


def recovered(document: NamespaceDocument, live: Collection, now: datetime) -> SharedCollection:
    """The document of a collection that was lost: its members by the mark, its vectors by what is there.

    Indexes are not taken from what is there, because somebody else may have made some: each member adds its own again.
    """
    assert live.mark is not None
    anew = founded(document, {document.namespace_id, *live.mark.members}, now)
    vectors = tuple(SharedVector(**vector.model_dump(), by=document.namespace_id) for vector in live.vectors.values())
    return anew.model_copy(update={"vectors": vectors, "bound": True, "bound_vectors": tuple(sorted(live.vectors))})


def _with_wishes_of(
    document: NamespaceDocument, observed: Observed, shared: SharedCollection, now: datetime
) -> SharedCollection:
    wanted = _wishes_of(document)
    vectors = {vector.name: vector for vector in _vectors_of(document)} | dict(shared.vectors_by_name)
    return shared.with_fields(
        now,
        vectors=tuple(vectors[name] for name in sorted(vectors)),
        **_indexes_with(document.namespace_id, wanted, shared, observed.wanted_elsewhere, observed.collection),
    )


def without_member(
    namespace_id: str,
    shared: SharedCollection,
    wanted_elsewhere: Mapping[str, str],
    live: Collection | None,
    now: datetime,
) -> SharedCollection:
    """The shared collection's document without this member and without the indexes that it alone wanted."""
    return shared.changed(
        now,
        members=tuple(member for member in shared.members if member != namespace_id),
        **_indexes_with(namespace_id, {}, shared, wanted_elsewhere, live),
    )


def _indexes_with(
    namespace_id: str,
    wanted: Mapping[str, SharedIndex],
    shared: SharedCollection,
    wanted_elsewhere: Mapping[str, str],
    live: Collection | None,
) -> dict[str, Any]:
    """The fields ``indexes`` and ``dropping``, once this member wants these indexes and no others."""
    kept: dict[str, SharedIndex] = {}
    dropped = set(shared.dropping)
    for name, index in shared.indexes_by_field.items():
        if index.by != namespace_id:
            if not _gives_way(index, wanted.get(name)):
                kept[name] = index
        elif _is_wanted(index, wanted):
            kept[name] = wanted[name]
        elif name in wanted_elsewhere:
            kept[name] = index.model_copy(update={"by": wanted_elsewhere[name]})
        elif name not in wanted and not _was_replaced(index, live):
            dropped.add(name)
    indexes = {**wanted, **kept}
    return {
        "indexes": tuple(indexes[name] for name in sorted(indexes)),
        "dropping": tuple(sorted(dropped - indexes.keys())),
    }


def _vectors_of(document: NamespaceDocument) -> tuple[SharedVector, ...]:
    plain = (NamedVector(**vector.model_dump()) for vector in document.vectors.values())
    return tuple(SharedVector(**vector.model_dump(), by=document.namespace_id) for vector in plain)


def _wishes_of(document: NamespaceDocument) -> Mapping[str, SharedIndex]:
    """The indexes that a member wants, by field name: those that it declares and those made from use."""
    declared = {index.field_name for index in document.payload_indexes}
    return {
        name: SharedIndex(
            field_name=name, field_schema=index.field_schema, by=document.namespace_id, auto=name not in declared
        )
        for name, index in document.wanted_indexes.items()
    }


def _was_replaced(index: SharedIndex, live: Collection | None) -> bool:
    """Whether somebody made another index where one from use was."""
    found = live.indexes.get(index.field_name) if live is not None else None
    return index.auto and found is not None and found.schema != index.field_schema


def _gives_way(index: SharedIndex, wish: SharedIndex | None) -> bool:
    """Whether one that was made from use makes place for one that another member declares."""
    return index.auto and wish is not None and not wish.auto


def settled_elsewhere(document: NamespaceDocument, shared: SharedCollection | None) -> frozenset[str]:
    """Fields whose index is another member's to answer for."""
    if shared is None or not document.sharing:
        return frozenset()
    return frozenset(index.field_name for index in shared.indexes if index.by != document.namespace_id)


def never_shared(document: NamespaceDocument, live: Collection) -> Finding | None:
    """Why a collection that somebody else made is not shared."""
    if live.mark is not None:
        return None
    message = (
        f"Collection {live.name} exists and was not made by this operator; one that is adopted ({ADOPT}) is never "
        f"shared: set infrastructure.sharing: false to adopt it for {document.namespace_id}, or choose another name"
    )
    return Finding(Reason.COLLECTION_NOT_OWNED, message, halts=True)
