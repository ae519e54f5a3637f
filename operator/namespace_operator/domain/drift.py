"""Drift: what a reconcile found different in a store although the namespace had come to rest and its spec stayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from namespace_operator.domain.actions import (
    Action,
    AddVector,
    Announced,
    CreateCollection,
    DropIndex,
    InsertDocument,
    Purpose,
    PutIndex,
    ReplaceDocument,
    UpdateCollection,
)
from namespace_operator.domain.conditions import ConditionType, Finding, Reason
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.indexes import SYSTEM_INDEXES
from namespace_operator.domain.observed import Document, Subject


class DriftKind(StrEnum):
    """What differs."""

    INDEX = "index"
    VECTOR = "vector"
    PARAMETER = "parameter"
    COLLECTION = "collection"
    MARK = "mark"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Drift:
    """What one reconcile found different, each kind once, and what of it was put back.

    What somebody had asked for by an annotation is put back too, but was found long before.
    """

    found: frozenset[DriftKind] = frozenset()
    repaired: frozenset[DriftKind] = frozenset()


_FOUND: Mapping[Reason, DriftKind] = {
    Reason.VECTOR_MISSING: DriftKind.VECTOR,
    Reason.VECTOR_MISMATCH: DriftKind.VECTOR,
    Reason.INDEX_MISSING: DriftKind.INDEX,
    Reason.IMMUTABLE_PARAMETER: DriftKind.PARAMETER,
    Reason.COLLECTION_LOST: DriftKind.COLLECTION,
    Reason.COLLECTION_NOT_OWNED: DriftKind.MARK,
    Reason.MALFORMED_DOCUMENT: DriftKind.DOCUMENT,
    Reason.IDENTITY_CONFLICT: DriftKind.DOCUMENT,
}
"""Findings that tell of a store that changed by another hand."""

_DECLARED = (
    "namespace_name",
    "description",
    "mode",
    "namespace_type",
    "scope",
    "feature_extractors",
    "vector_configs",
    "payload_indexes",
    "auto_create_indexes",
)
"""Fields of a document that follow from the spec alone."""


def drift(
    subject: Subject,
    before: Document | None,
    tried: Sequence[Action],
    done: Sequence[Action],
    findings: Sequence[Finding],
) -> Drift:
    """The drift that a reconcile met. ``subject`` has the status from before, ``before`` is the document it found.

    ``tried`` are all actions that were planned and begun, ``done`` those that were carried out.
    """
    if subject.deleting or subject.requests.dry_run:
        return Drift()
    known = before if isinstance(before, NamespaceDocument) else None
    asked = frozenset(_asked(subject, known, tried, done))
    if not has_come_to_rest(subject):
        return Drift(repaired=asked)
    found = {_FOUND[finding.reason] for finding in findings if finding.reason in _FOUND}
    return Drift(
        found=frozenset({*found, *_of_actions(known, tried, tried)}),
        repaired=frozenset({*asked, *_of_actions(known, tried, done)}),
    )


def has_come_to_rest(subject: Subject) -> bool:
    """Whether the status says of this very spec that everything is as it asks."""
    ready = next((c for c in subject.status.conditions if c.type == ConditionType.READY), None)
    return ready is not None and ready.status == "True" and ready.observed_generation == subject.generation


def _of_actions(
    before: NamespaceDocument | None, tried: Sequence[Action], actions: Sequence[Action]
) -> Iterator[DriftKind]:
    """What these actions put back. Whoever was at rest and is given a collection has moved, and all of it is new."""
    if any(isinstance(action, CreateCollection) for action in tried):
        return
    own = SYSTEM_INDEXES.keys() | (before.wanted_indexes.keys() if before is not None else set())
    rebuilt, repaired = _rebuilt(before, tried), _repaired(before, tried)
    for action in actions:
        match action:
            # What other members of a shared collection want in it may be new.
            case PutIndex(_, field_name) if field_name in own and field_name not in rebuilt:
                yield DriftKind.INDEX
            case DropIndex(announced=Announced(purpose=Purpose.PRUNE)):
                yield DriftKind.INDEX
            case AddVector(_, vector) if vector.name in repaired:
                yield DriftKind.VECTOR
            case UpdateCollection():
                yield DriftKind.PARAMETER
            case InsertDocument():
                yield DriftKind.DOCUMENT
            case ReplaceDocument(document) if before is not None and _was_edited(before, document):
                yield DriftKind.DOCUMENT


def _asked(
    subject: Subject, before: NamespaceDocument | None, tried: Sequence[Action], done: Sequence[Action]
) -> Iterator[DriftKind]:
    """What was put back because somebody said so."""
    repaired = _repaired(before, tried)
    for action in done:
        match action:
            case AddVector(_, vector) if vector.name in repaired:
                yield DriftKind.VECTOR
            case CreateCollection() if subject.requests.recreate_collection is not None:
                yield DriftKind.COLLECTION


def _documents(before: NamespaceDocument | None, tried: Sequence[Action]) -> Iterator[NamespaceDocument]:
    if before is not None:
        yield before
    yield from (action.document for action in tried if isinstance(action, ReplaceDocument))


def _rebuilt(before: NamespaceDocument | None, tried: Sequence[Action]) -> frozenset[str]:
    """Indexes that somebody asked to have put again."""
    rebuilds = (document.repairs.indexes for document in _documents(before, tried))
    return frozenset(name for rebuild in rebuilds if rebuild is not None for name in rebuild.pending)


def _repaired(before: NamespaceDocument | None, tried: Sequence[Action]) -> frozenset[str]:
    """Vectors that are announced to be added again."""
    return frozenset(name for document in _documents(before, tried) for name in document.repairs.missing_vectors)


def _was_edited(before: NamespaceDocument, after: NamespaceDocument) -> bool:
    return before.namespace_id == after.namespace_id and any(
        getattr(before, name) != getattr(after, name) for name in _DECLARED
    )
