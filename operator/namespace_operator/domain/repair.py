"""Lost vectors: adding them again where that was asked for, and remembering which points lack them afterwards."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterable
from datetime import datetime

from namespace_operator.api.annotations import REPAIR_REQUESTED_AT
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_repair import LateVector, Repairs, VectorRepair
from namespace_operator.domain.observed import Collection, LateCounts, Subject
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.vectors import NamedVector


def with_vector_repair(
    repairs: Repairs,
    subject: Subject,
    document: NamespaceDocument,
    collection: Collection,
    bound_vectors: Names[str],
    now: datetime,
) -> Repairs:
    """What the document says of vectors: what came back of a repair, and a repair that has to be begun.

    A standing ``repairVectors`` is only written down when something is missing, one that was asked for by the
    annotation always: its text is spent then.
    """
    known = _with_what_came_back(repairs, document, collection, now)
    last, token = known.vectors, subject.requests.repair_requested_at
    own = document.vectors
    missing = tuple(sorted(name for name in own if name in bound_vectors and name not in collection.vectors))
    # The status remembers for a document that was lost and made again.
    spent = last.token if last is not None else subject.status.last_handled_repair_at
    asked = token is not None and token != spent
    standing = isinstance(subject.spec, NamespaceSpec) and subject.spec.repair_vectors is True
    if not asked and not (standing and set(missing) - known.missing_vectors):
        return known
    unfinished = last is not None and bool(repairs.missing_vectors)
    begun = VectorRepair(
        at=now,
        token=token if asked else spent,
        missing=missing,
        added=last.added if last is not None and unfinished else (),
        mismatches=tuple(
            sorted(name for name, vector in own.items() if _differs(vector, collection.vectors.get(name)))
        ),
    )
    return known.model_copy(update={"vectors": begun})


def with_late(repairs: Repairs, names: Iterable[str], collection: Collection, now: datetime) -> Repairs:
    """The same with vectors that points of the collection lack because they came later than those."""
    added = tuple(LateVector(name=name, since=now) for name in sorted(names))
    if not added or collection.points_count == 0:
        return repairs
    others = tuple(late for late in repairs.late if late.name not in {late.name for late in added})
    return repairs.model_copy(update={"late": (*others, *added)})


def without_filled(repairs: Repairs, collection: Collection, counts: LateCounts | None) -> Repairs:
    """The same without the late vectors that all points have by now."""
    empty = collection.points_count == 0 or (counts is not None and counts.points == 0)
    by_vector = counts.by_vector if counts is not None else {}
    points = counts.points if counts is not None else 0
    left = () if empty else tuple(late for late in repairs.late if late not in by_vector or by_vector[late] < points)
    return repairs if left == repairs.late else repairs.model_copy(update={"late": left})


def vector_missing(
    vector: NamedVector, document: NamespaceDocument, shared: SharedCollection | None, collection: Collection
) -> Finding:
    """What is to say of a vector that was there and is gone, with the ways out."""
    where = "on this Namespace"
    if vector.name not in document.vectors and shared is not None:
        by = shared.vectors_by_name[vector.name].by
        mark = collection.mark
        name = mark.members.get(by) if mark is not None else None
        where = f"on the Namespace that brought it ({f'{shared.organization}/{name}, ' if name else ''}{by})"
    message = (
        f"Vector {vector.name} ({vector.describe()}) of collection {collection.name} is missing although it was there; "
        f"set repairVectors: true or, for once, the annotation {REPAIR_REQUESTED_AT} to a new text {where} to have it "
        "added empty, and re-index the documents; or restore a newer snapshot"
    )
    return Finding(Reason.VECTOR_MISSING, message)


def vector_mismatch(vector: NamedVector, live: NamedVector, collection: Collection) -> Finding:
    """What is to say of a vector that is another one than registered."""
    message = (
        f"Vector {vector.name} of collection {collection.name} is {live.describe()}, registered is "
        f"{vector.describe()}; it is never changed: restore a snapshot in which it is as registered, or delete the "
        f"vector in Qdrant and have it repaired ({REPAIR_REQUESTED_AT}), which loses what it holds"
    )
    return Finding(Reason.VECTOR_MISMATCH, message)


def _with_what_came_back(
    repairs: Repairs, document: NamespaceDocument, collection: Collection, now: datetime
) -> Repairs:
    last = repairs.vectors
    own, there = document.vectors, collection.vectors
    live = {name: there[name] for name in repairs.missing_vectors if name in there and name in own}
    if last is None or not live:
        return repairs
    wrong = {name for name, vector in live.items() if _differs(own[name], vector)}
    back = live.keys() - wrong
    moved = last.model_copy(
        update={
            "missing": tuple(name for name in last.missing if name not in live),
            "added": tuple(sorted({*last.added, *back})),
            "mismatches": tuple(sorted({*last.mismatches, *wrong})),
        }
    )
    return with_late(repairs.model_copy(update={"vectors": moved}), back, collection, now)


def _differs(vector: NamedVector, live: NamedVector | None) -> bool:
    return live is not None and live.describe() != vector.describe()
