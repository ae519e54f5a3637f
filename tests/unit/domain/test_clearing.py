"""What members that left a shared collection have left on its mark: who takes it off."""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.domain.actions import ReplaceDocument, UnmarkMembers
from namespace_operator.domain.identity import MEMBER_PREFIX
from namespace_operator.domain.plan import plan
from tests.unit.domain.builders import (
    OTHER_ID,
    claims,
    collection,
    context,
    document,
    observed,
    shared_collection,
    spec,
    subject,
)

ASKED = spec(infrastructure={"qdrantCollection": "products", "sharing": True})
# The claim on the collection is its own document's.
MEMBER = document(sharing=True).model_copy(update={"collection": "products", "claims": claims()[:-1]})
SHARED = shared_collection(MEMBER)


def test_who_was_there_clears_away_and_who_has_only_just_joined_does_not() -> None:
    (announced,) = plan(subject(ASKED), observed(MEMBER, shared=SHARED), context()).actions
    assert isinstance(announced, ReplaceDocument), "what follows from the spec alone"
    member, whole = announced.document, collection(MEMBER)
    live = replace(whole, metadata={**whole.metadata, f"{MEMBER_PREFIX}{OTHER_ID}": "who-left"})
    for joined, actions in ((False, (UnmarkMembers(live.name, SHARED.document_id, (OTHER_ID,)),)), (True, ())):
        step = plan(subject(ASKED), observed(member, live, shared=SHARED, joined=joined), context())
        assert (step.actions, step.findings) == (actions, ())
