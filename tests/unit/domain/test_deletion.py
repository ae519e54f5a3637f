"""The end of a namespace, branch by branch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from namespace_operator.domain.actions import InsertDocument, ReplaceDocument
from namespace_operator.domain.deletion import LET_GO, plan_retained
from namespace_operator.domain.document import Adoption, NamespaceDocument, State
from namespace_operator.domain.identity import collection_claim
from namespace_operator.domain.observed import Observed
from namespace_operator.domain.plan import plan
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    NOW,
    claims,
    collection,
    context,
    in_collection,
    observed,
    status_of,
)
from tests.unit.domain.plan_case import Case
from tests.unit.domain.plan_cases_deletion import (
    ADOPTIONS,
    ALL_GONE,
    BLOCKED,
    COLLECTIONS,
    DELETE,
    DELETED,
    DELETING,
    DELETIONS,
    KNOWN,
    LETTING_GO,
    READY,
    RETAINED,
    UNCLEAR,
)
from tests.unit.domain.wording import words

TABLES = {
    "letting go": LETTING_GO,
    "deletion": DELETIONS,
    "collection": COLLECTIONS,
    "adopted": ADOPTIONS,
    "blocked": BLOCKED,
    "unclear": UNCLEAR,
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{table}: {case.id}") for table, cases in TABLES.items() for case in cases]
)
def test_plan(case: Case) -> None:
    step = plan(case.subject, case.observed, case.context)
    assert words(step.actions) == case.actions
    assert tuple(finding.reason for finding in step.findings) == case.reasons
    assert case.says in " ".join(finding.message for finding in step.findings)


@pytest.mark.parametrize("case", [*BLOCKED, *UNCLEAR], ids=lambda case: case.id)
def test_what_blocks_a_deletion_says_how_to_let_go(case: Case) -> None:
    (finding,) = plan(case.subject, case.observed, case.context).findings
    assert finding.halts
    assert finding.message.endswith(LET_GO)


def test_a_recovered_document_is_deleted_without_its_name() -> None:
    renamed = replace(KNOWN, status=status_of(READY, namespace_name="movies"))
    (insert,) = plan(renamed, Observed(collection=collection(READY)), context()).actions
    assert isinstance(insert, InsertDocument)
    assert (insert.document.claims, insert.document.namespace_name) == (claims(None), "movies")
    assert insert.document.mark == READY.mark


def test_a_tombstone_holds_nothing_but_its_collection() -> None:
    requested = DELETING.model_copy(update={"requested_name": "movies"})
    (replaced,) = plan(DELETE, observed(requested, collection=None, **ALL_GONE), context()).actions
    assert isinstance(replaced, ReplaceDocument)
    assert replaced.document.claims == (collection_claim(NAMESPACE_ID),)
    assert replaced.document.mark == READY.mark, "a late create is known by it"
    assert replaced.document.updated_at == NOW, "its age counts from now"


def test_a_chosen_collection_that_never_became_ours_is_not_kept_from_others() -> None:
    never = in_collection(READY).model_copy(update={"bound": False, "requested_name": "movies"})
    (dead,) = plan_retained(never, NOW)
    assert dead.state is State.DELETED
    assert (dead.claims, dead.requested_name) == ((collection_claim("products"),), None)


@pytest.mark.parametrize(
    "kept",
    [
        in_collection(READY),
        in_collection(READY).model_copy(update={"bound": False, "adoption": Adoption()}),
        READY.model_copy(update={"bound": False}),
    ],
    ids=["bound", "adopted", "named by its id"],
)
def test_any_other_is(kept: NamespaceDocument) -> None:
    (retained,) = plan_retained(kept, NOW)
    assert retained.state is State.RETAINED
    assert collection_claim(kept.collection) in retained.claims


@pytest.mark.parametrize("state", [State.READY, State.PROVISIONING, State.DELETING])
def test_retained_keeps_id_and_data_and_frees_the_name(state: State) -> None:
    (retained,) = plan_retained(READY.model_copy(update={"state": state, "requested_name": "movies"}), NOW)
    expected = {"state": State.RETAINED, "claims": claims(None), "revision": 8, "updated_at": NOW}
    assert retained == READY.model_copy(update=expected)


@pytest.mark.parametrize("done", [RETAINED, DELETED])
def test_an_object_that_is_gone_changes_nothing_more(done: NamespaceDocument) -> None:
    assert plan_retained(done, NOW) == ()
