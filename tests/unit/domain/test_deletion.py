"""The end of a namespace, branch by branch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from namespace_operator.domain.actions import InsertDocument
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.deletion import LET_GO, plan_retained
from namespace_operator.domain.document import MalformedDocument, State
from namespace_operator.domain.observed import InvalidSpec, Observed, Subject
from namespace_operator.domain.plan import plan
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    NOW,
    claims,
    collection,
    context,
    document,
    observed,
    owner,
    registered,
    spec,
    status_of,
    subject,
)
from tests.unit.domain.wording import words

READY = document([registered("text_extractor_v1")])
DELETING = READY.model_copy(update={"state": State.DELETING})
RETAINED = READY.model_copy(update={"state": State.RETAINED, "claims": claims(None)})

DELETE = subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True)
RETAIN = subject(deleting=True, finalized=True)
KNOWN = replace(DELETE, status=status_of(READY))
FOREIGN = replace(collection(READY), metadata={})


@dataclass(frozen=True)
class Case:
    """``actions`` in words, ``reasons`` of the findings."""

    id: str
    subject: Subject
    observed: Observed
    actions: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


CASES = (
    Case("nothing to do without our finalizer", subject(deleting=True), observed(READY)),
    Case("Retain lets go", RETAIN, observed(READY), ("RemoveFinalizer",)),
    Case("Retain lets go without a document", RETAIN, Observed(), ("RemoveFinalizer",)),
    Case(
        "Retain lets go beside a malformed document",
        RETAIN,
        Observed(document=MalformedDocument("x", "bad")),
        ("RemoveFinalizer",),
    ),
    Case("Retain calls off what Delete began", RETAIN, observed(DELETING), ("RemoveFinalizer",)),
    Case(
        "an invalid spec still has its policy",
        replace(DELETE, spec=InvalidSpec("bad", DELETE.deletion_policy)),
        observed(READY),
        ("ReplaceDocument deleting r8",),
    ),
    Case(
        "an invalid spec without policy retains",
        replace(DELETE, spec=InvalidSpec("bad")),
        observed(READY),
        ("RemoveFinalizer",),
    ),
    Case("Delete writes its intent first", DELETE, observed(READY), ("ReplaceDocument deleting r8",)),
    Case("then the collection", DELETE, observed(DELETING), (f"DeleteCollection {NAMESPACE_ID}",)),
    Case(
        "then the document",
        DELETE,
        observed(DELETING, collection=None, delete_sent=True),
        ("ReplaceDocument deleted r8",),
    ),
    Case("then the finalizer", KNOWN, Observed(), ("RemoveFinalizer",)),
    Case("never had a document", DELETE, Observed(), ("RemoveFinalizer",)),
    Case(
        "provisioning is deleted too",
        DELETE,
        observed(READY.model_copy(update={"state": State.PROVISIONING, "bound": False}), collection=None),
        ("ReplaceDocument deleting r8",),
    ),
    Case("collection not ours", DELETE, observed(DELETING, FOREIGN), reasons=(Reason.COLLECTION_NOT_OWNED,)),
    Case("collection with aliases", DELETE, observed(DELETING, aliases=("live",)), reasons=(Reason.ALIASES_EXIST,)),
    Case(
        "malformed document",
        DELETE,
        Observed(document=MalformedDocument("x", "bad")),
        reasons=(Reason.MALFORMED_DOCUMENT,),
    ),
    *(
        Case(
            f"document of another: {what}",
            DELETE,
            observed(READY.model_copy(update={"owner": owner(**{what: "another"})})),
            ("RemoveFinalizer",),
        )
        for what in ("cr_uid", "k8s_namespace_uid", "instance_id")
    ),
    Case(
        "another object's deletion is not carried on",
        DELETE,
        observed(DELETING.model_copy(update={"owner": owner(cr_uid="an-earlier-object")})),
        ("RemoveFinalizer",),
    ),
    Case(
        "document lost, collection ours", KNOWN, Observed(collection=collection(READY)), ("InsertDocument deleting r1",)
    ),
    Case("document lost, collection not ours", KNOWN, Observed(collection=FOREIGN), ("RemoveFinalizer",)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_plan(case: Case) -> None:
    step = plan(case.subject, case.observed, context())
    assert words(step.actions) == case.actions
    assert tuple(finding.reason for finding in step.findings) == case.reasons


@pytest.mark.parametrize("case", [case for case in CASES if case.reasons], ids=lambda case: case.id)
def test_what_blocks_a_deletion_says_how_to_let_go(case: Case) -> None:
    (finding,) = plan(case.subject, case.observed, context()).findings
    assert finding.message.endswith(LET_GO)


def test_a_recovered_document_is_deleted_without_its_name() -> None:
    (insert,) = plan(KNOWN, Observed(collection=collection(READY)), context()).actions
    assert isinstance(insert, InsertDocument)
    assert insert.document.claims == claims(None)
    assert insert.document.mark == READY.mark


@pytest.mark.parametrize("state", [State.READY, State.PROVISIONING, State.DELETING])
def test_retained_keeps_id_and_data_and_frees_the_name(state: State) -> None:
    (retained,) = plan_retained(READY.model_copy(update={"state": state}), NOW)
    expected = {"state": State.RETAINED, "claims": claims(None), "revision": 8, "updated_at": NOW}
    assert retained == READY.model_copy(update=expected)


def test_an_object_that_is_gone_changes_nothing_more() -> None:
    assert plan_retained(RETAINED, NOW) == ()
