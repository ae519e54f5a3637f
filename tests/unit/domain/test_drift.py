"""What counts as drift, from the actions and findings of one reconcile; reconciles as a whole are in test_accounts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from namespace_operator.api.status import Condition, NamespaceStatus
from namespace_operator.domain.actions import (
    Action,
    AddVector,
    Announced,
    CreateCollection,
    DropIndex,
    Purpose,
    PutIndex,
    ReplaceDocument,
    UpdateCollection,
)
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_repair import IndexRebuild, Repairs, VectorRepair
from namespace_operator.domain.drift import Drift, DriftKind, drift, has_come_to_rest
from namespace_operator.domain.observed import Subject
from tests.unit.domain.builders import NAMESPACE_ID, T0, another_document, document, registered, subject

KEYWORD = {"type": "keyword"}
DOCUMENT = document([registered("text_extractor_v1")], indexes={"brand": KEYWORD})
(VECTOR,) = DOCUMENT.vectors.values()


def ready(status: str = "True", generation: int = 2) -> NamespaceStatus:
    """A status that says of a generation whether all is as declared."""
    told = Condition.model_validate(
        {
            "type": "Ready",
            "status": status,
            "reason": "Ready",
            "message": "",
            "lastTransitionTime": T0,
            "observedGeneration": generation,
        }
    )
    return NamespaceStatus(conditions=(told,))


AT_REST = subject(status=ready())


def put(field_name: str) -> PutIndex:
    """An index made."""
    return PutIndex(NAMESPACE_ID, field_name, KEYWORD)


def with_repairs(**parts: object) -> NamespaceDocument:
    """The document with something under way."""
    return DOCUMENT.model_copy(update={"repairs": Repairs.model_validate(parts)})


@pytest.mark.parametrize(
    ("who", "rests"),
    [
        (AT_REST, True),
        (subject(), False),
        (subject(status=ready("False")), False),
        (subject(status=ready("Unknown")), False),
        (subject(status=ready(generation=1)), False),
    ],
)
def test_at_rest_is_what_the_status_says_of_this_very_spec(who: Subject, rests: bool) -> None:
    assert has_come_to_rest(who) is rests


REBUILDING = with_repairs(indexes=IndexRebuild(token="1", at=T0, total=1, pending=("brand",)))
REPAIRING = with_repairs(vectors=VectorRepair(at=T0, missing=(VECTOR.name,)))

ACTIONS: dict[str, tuple[NamespaceDocument, Sequence[Action], set[DriftKind]]] = {
    "a declared index": (DOCUMENT, [put("brand")], {DriftKind.INDEX}),
    "an index of the system": (DOCUMENT, [put("bucket_id")], {DriftKind.INDEX}),
    "several of one kind": (DOCUMENT, [put("brand"), put("bucket_id")], {DriftKind.INDEX}),
    "an index that another member wants": (DOCUMENT, [put("theirs")], set()),
    "an index that is being rebuilt": (REBUILDING, [put("brand")], set()),
    "one of a rebuild that begins": (DOCUMENT, [ReplaceDocument(REBUILDING), put("brand")], set()),
    "an index that is pruned": (
        DOCUMENT,
        [DropIndex(NAMESPACE_ID, "extra", announced=Announced(NAMESPACE_ID, Purpose.PRUNE))],
        {DriftKind.INDEX},
    ),
    "an index that is not wanted any more": (DOCUMENT, [DropIndex(NAMESPACE_ID, "extra")], set()),
    "a vector that is repaired": (REPAIRING, [AddVector(NAMESPACE_ID, VECTOR)], {DriftKind.VECTOR}),
    "one whose repair begins": (
        DOCUMENT,
        [ReplaceDocument(REPAIRING), AddVector(NAMESPACE_ID, VECTOR)],
        {DriftKind.VECTOR},
    ),
    "a vector that another member brought": (DOCUMENT, [AddVector(NAMESPACE_ID, VECTOR)], set()),
    "a parameter": (DOCUMENT, [UpdateCollection(NAMESPACE_ID, {"hnsw.m": 8})], {DriftKind.PARAMETER}),
    "a declared field of the document": (
        DOCUMENT,
        [ReplaceDocument(DOCUMENT.model_copy(update={"payload_indexes": ()}))],
        {DriftKind.DOCUMENT},
    ),
    "what the document says of itself": (
        DOCUMENT,
        [ReplaceDocument(DOCUMENT.model_copy(update={"revision": 8, "bound_vectors": ()}))],
        set(),
    ),
    "another namespace's document": (DOCUMENT, [ReplaceDocument(another_document())], set()),
    "a namespace that moves": (
        DOCUMENT,
        [CreateCollection(NAMESPACE_ID, (VECTOR,), {}), put("brand"), put("bucket_id")],
        set(),
    ),
}


@pytest.mark.parametrize(("before", "actions", "kinds"), ACTIONS.values(), ids=ACTIONS)
def test_what_an_action_puts_back(before: NamespaceDocument, actions: Sequence[Action], kinds: set[DriftKind]) -> None:
    assert drift(AT_REST, before, actions, actions, ()) == Drift(frozenset(kinds), frozenset(kinds))


def test_what_was_begun_and_not_done_is_found_and_not_put_back() -> None:
    met = drift(AT_REST, DOCUMENT, [put("brand")], [], ())
    assert met == Drift(frozenset({DriftKind.INDEX}), frozenset())


@pytest.mark.parametrize(
    "who", [subject(), subject(status=ready(), deleting=True), subject(status=ready(), dry_run=True)]
)
def test_without_rest_in_a_deletion_and_in_a_dry_run_there_is_none(who: Subject) -> None:
    lost = (Finding(Reason.COLLECTION_LOST, "gone"),)
    assert drift(who, DOCUMENT, [put("brand")], [put("brand")], lost) == Drift()


FOUND = {
    Reason.COLLECTION_LOST: DriftKind.COLLECTION,
    Reason.COLLECTION_NOT_OWNED: DriftKind.MARK,
    Reason.VECTOR_MISSING: DriftKind.VECTOR,
    Reason.VECTOR_MISMATCH: DriftKind.VECTOR,
    Reason.INDEX_MISSING: DriftKind.INDEX,
    Reason.IMMUTABLE_PARAMETER: DriftKind.PARAMETER,
    Reason.MALFORMED_DOCUMENT: DriftKind.DOCUMENT,
    Reason.IDENTITY_CONFLICT: DriftKind.DOCUMENT,
}


@pytest.mark.parametrize("reason", Reason)
def test_a_finding_is_drift_where_it_tells_of_a_store_that_changed(reason: Reason) -> None:
    met = drift(AT_REST, DOCUMENT, (), (), (Finding(reason, "something"),))
    assert met.found == ({FOUND[reason]} if reason in FOUND else set())
    assert met.repaired == frozenset()
