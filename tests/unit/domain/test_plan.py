"""The planner, branch by branch: a custom resource, what the stores hold, and the next writes or findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from namespace_operator.api.annotations import Adoption
from namespace_operator.api.spec import Mode
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.actions import InsertDocument, MarkCollection, ReplaceDocument
from namespace_operator.domain.conditions import ConditionType, Reason
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.plan import plan
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    OTHER_ID,
    another_document,
    chosen,
    claims,
    collection,
    context,
    document,
    extractor,
    in_collection,
    index,
    observed,
    owner,
    registered,
    spec,
    status_of,
    subject,
    with_indexes,
    with_vectors,
)
from tests.unit.domain.plan_case import (
    FILM,
    HAS_TEXT,
    KEYWORD,
    NEW,
    STATUS_OF_TEXT,
    TEXT,
    WANTS_TEXT,
    Case,
    lost,
)
from tests.unit.domain.plan_cases_adoption import ADOPTION
from tests.unit.domain.plan_cases_collections import CHOICES, OWNERSHIP, SERVERS
from tests.unit.domain.plan_cases_expiry import AFTERWARDS, ENDINGS, HELD_UP, WARNINGS
from tests.unit.domain.plan_cases_fields import IMMUTABLE, PLAIN, STANDALONE, TOKENS, WORDS, has, standalone
from tests.unit.domain.plan_cases_names import CONFLICTS, RINGS, WANTS_BBB, member, ring
from tests.unit.domain.plan_cases_owned import DOCUMENTS, GUARDS, IDS, TAKE_OVER
from tests.unit.domain.plan_cases_parameters import PARAMETERS
from tests.unit.domain.plan_cases_recovery import FINALIZERS, RECOVERY
from tests.unit.domain.plan_cases_repair import PRUNING, REBUILDS, RECREATION, VECTOR_REPAIR
from tests.unit.domain.plan_cases_wanted import BEGINNINGS, EXTRACTORS, INDEXES
from tests.unit.domain.wording import words

TABLES = {
    "beginning": BEGINNINGS,
    "extractor": EXTRACTORS,
    "index": INDEXES,
    "parameter": PARAMETERS,
    "standalone": STANDALONE,
    "immutable": IMMUTABLE,
    "collection": OWNERSHIP,
    "chosen collection": CHOICES,
    "adoption": ADOPTION,
    "server": SERVERS,
    "document": DOCUMENTS,
    "id": IDS,
    "take-over": TAKE_OVER,
    "guard": GUARDS,
    "name": CONFLICTS,
    "ring": RINGS,
    "finalizer": FINALIZERS,
    "recovery": RECOVERY,
    "vector repair": VECTOR_REPAIR,
    "rebuild": REBUILDS,
    "pruning": PRUNING,
    "recreation": RECREATION,
    "warning of the end": WARNINGS,
    "expiry": ENDINGS,
    "held up expiry": HELD_UP,
    "after an expiry": AFTERWARDS,
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{table}: {case.id}") for table, cases in TABLES.items() for case in cases]
)
def test_plan(case: Case) -> None:
    step = plan(case.subject, case.observed, case.context)
    assert words(step.actions) == case.actions
    assert tuple(finding.reason for finding in step.findings) == case.reasons
    assert case.says in " ".join(finding.message for finding in step.findings)


def test_nothing_is_made_under_a_choice_that_was_taken_back_while_the_new_one_is_held() -> None:
    unbound = in_collection(document(state=State.PROVISIONING, bound=False))
    holder = in_collection(another_document(), "others")
    step = plan(subject(chosen("others")), observed(unbound, collection=None, collection_holder=holder), context())
    assert words(step.actions) == ()
    assert [finding.reason for finding in step.findings] == [Reason.COLLECTION_CONFLICT]


HALTING = {
    Reason.INVALID_SPEC,
    Reason.INVALID_ANNOTATION,
    Reason.NOT_GUARDED,
    Reason.OWNED_ELSEWHERE,
    Reason.IDENTITY_CONFLICT,
    Reason.MALFORMED_DOCUMENT,
    Reason.SERVER_REPLACED,
    Reason.COLLECTION_NOT_OWNED,
    Reason.COLLECTION_IS_ALIAS,
    Reason.COLLECTION_LOST,
    Reason.EXPIRED,
}
"""Reasons behind which nothing has been looked at, so that the conditions behind them are Unknown."""


@pytest.mark.parametrize(
    "case", [case for cases in TABLES.values() for case in cases if case.reasons], ids=lambda c: c.id
)
def test_what_was_not_looked_at_is_not_called_fine(case: Case) -> None:
    for finding in plan(case.subject, case.observed, case.context).findings:
        if finding.reason in HALTING:
            assert finding.halts
        if finding.reason in (Reason.NAME_CONFLICT, Reason.COLLECTION_CONFLICT):
            assert finding.halts or case.observed.document is not None
        unseen = finding.reason is Reason.SERVER_REPLACED and case.observed.document is None
        assert finding.unexamined == ((ConditionType.METADATA,) if unseen else ())


def test_an_id_of_the_spec_is_the_one_that_is_used() -> None:
    made = _only_document(subject(spec(namespaceId=OTHER_ID)), Observed())
    assert (made.namespace_id, made.collection) == (OTHER_ID, OTHER_ID)


def _only_document(step_of: Subject, seen: Observed) -> NamespaceDocument:
    (action,) = plan(step_of, seen, context()).actions
    assert isinstance(action, InsertDocument | ReplaceDocument)
    return action.document


def test_a_new_document_claims_resource_name_and_collection_before_anything_stands_in_qdrant() -> None:
    made = _only_document(subject(spec(namespaceName="movies", payloadIndexes=[index("brand")])), Observed())
    assert made.claims == claims("movies")
    assert (made.namespace_id, made.collection, made.owner) == (NAMESPACE_ID, NAMESPACE_ID, owner())
    assert [entry.field_name for entry in made.payload_indexes] == ["brand"]
    assert not made.bound


def test_the_collection_is_created_with_its_mark() -> None:
    create = plan(subject(WANTS_TEXT), observed(NEW, collection=None), context()).actions[0]
    assert create.metadata == {  # type: ignore[union-attr] # the table says what it is
        "mixpeek.com/instance": "cluster-uid:default",
        "mixpeek.com/organization": "acme",
        "mixpeek.com/organization-uid": "k8s-namespace-uid-1",
        "mixpeek.com/collection": NAMESPACE_ID,
        "mixpeek.com/incarnation": 1,
        f"mixpeek.com/member.{NAMESPACE_ID}": "films",
    }


def test_an_announcement_takes_nothing_away_that_may_still_stand() -> None:
    both = document([TEXT], {"brand": KEYWORD})
    wanted = subject(spec(payloadIndexes=[index("price", "float")], featureExtractors=[extractor("film_extractor_v1")]))
    announced = _only_document(wanted, observed(both))
    assert [entry.field_name for entry in announced.payload_indexes] == ["brand", "price"]
    assert [e.feature_extractor_id for e in announced.feature_extractors] == ["text_extractor_v1", "film_extractor_v1"]
    assert announced.bound_vectors == both.bound_vectors


def test_a_confirmation_binds_what_is_there() -> None:
    confirmed = _only_document(subject(WANTS_TEXT), observed(NEW))
    assert (confirmed.bound, confirmed.bound_vectors) == (True, ("text",))
    assert confirmed.vector_inference_map == {"text": "e5"}


def test_renaming_moves_the_claim_and_keeps_the_id() -> None:
    renamed = _only_document(subject(spec(namespaceName="movies")), observed(document()))
    assert (renamed.namespace_name, renamed.claims) == ("movies", claims("movies"))
    assert renamed.namespace_id == NAMESPACE_ID


def test_a_rename_in_conflict_announces_the_rest_under_the_old_name() -> None:
    wanted = subject(spec(namespaceName="series", description="Films"))
    announced = _only_document(wanted, observed(document(), name_chain=(another_document(),)))
    assert (announced.description, announced.namespace_name, announced.claims) == ("Films", "films", claims())


@pytest.mark.parametrize(
    ("field", "edited"),
    [
        ("description", "edited"),
        ("namespace_name", "edited"),
        ("claims", ()),
        ("vector_inference_map", {}),
        ("owner", owner(cr_uid="an-earlier-object")),
        ("state", State.DELETING),
    ],
)
def test_an_edit_of_our_fields_is_set_back(field: str, edited: object) -> None:
    seen = observed(HAS_TEXT.model_copy(update={field: edited}))
    for _ in range(2):
        step = plan(subject(WANTS_TEXT), seen, context())
        for action in step.actions:
            assert isinstance(action, ReplaceDocument)
            seen = replace(seen, document=action.document)
    assert isinstance(seen.document, NamespaceDocument)
    same = {"revision": HAS_TEXT.revision, "updated_at": HAS_TEXT.updated_at}
    assert seen.document.model_copy(update=same) == HAS_TEXT


def test_recovery_brings_back_what_was_registered_not_what_the_spec_says_today() -> None:
    old = {"type": "integer", "range": False}
    before = document([registered("text_extractor_v1", model="minilm"), FILM], {"brand": KEYWORD, "old": old})
    live = with_indexes(collection(before), mine=KEYWORD)
    today = spec(featureExtractors=[extractor("text_extractor_v1")], payloadIndexes=[index("brand")])
    recovered = _only_document(subject(today, status=status_of(before, live)), lost(live))

    assert recovered.feature_extractors == before.feature_extractors
    assert recovered.mark == before.mark
    assert recovered.bound
    assert recovered.bound_vectors == ("frames", "patches", "text", "words")
    assert recovered.created_at == before.created_at
    # "old" is still ours to drop, "mine" never was.
    assert {entry.field_name: entry.field_schema for entry in recovered.payload_indexes} == {
        "brand": KEYWORD,
        "old": old,
    }

    seen = observed(recovered, live)
    (drop,) = plan(subject(today), seen, context()).actions
    assert words((drop,)) == ("DropIndex old",)


def test_a_status_of_an_older_version_tells_of_an_index_by_its_type_alone() -> None:
    told = status_of(document(indexes={"old": KEYWORD}))
    bare = tuple(entry.model_copy(update={"field_schema": None}) for entry in told.payload_indexes)
    known = told.model_copy(update={"payload_indexes": bare})
    recovered = _only_document(subject(status=known), lost(collection(document(indexes={"old": KEYWORD}))))
    assert [(entry.field_name, entry.field_schema) for entry in recovered.payload_indexes] == [("old", KEYWORD)]


def test_an_extractor_whose_inference_service_nobody_remembers_is_not_made_up() -> None:
    known = STATUS_OF_TEXT.model_copy(update={"vector_inference_map": {}})
    recovered = _only_document(subject(status=known), lost(collection(HAS_TEXT)))
    assert recovered.feature_extractors == ()


def test_recovery_keeps_params_locked() -> None:
    before = document([registered("text_extractor_v1", model="minilm")])
    wanted = subject(WANTS_TEXT, status=status_of(before))
    recovered = _only_document(wanted, lost(collection(before)))
    confirmed = _only_document(wanted, observed(recovered, collection(before)))
    reasons = [finding.reason for finding in plan(wanted, observed(confirmed, collection(before)), context()).findings]
    assert reasons == [Reason.PARAMS_LOCKED]


def test_a_status_without_id_is_no_namespace_to_recover() -> None:
    step = plan(subject(status=NamespaceStatus(namespace_name="films")), Observed(), context())
    assert words(step.actions) == ("InsertDocument provisioning r1",)


def test_an_extractor_whose_vector_was_lost_with_the_document_is_not_called_bound() -> None:
    live = with_vectors(collection(HAS_TEXT), text=None)
    recovered = _only_document(subject(status=STATUS_OF_TEXT), lost(live))
    assert recovered.feature_extractors == ()
    assert recovered.bound_vectors == ()


def test_taking_over_makes_owner_claims_and_mark_ours_and_keeps_what_is_registered() -> None:
    foreign = HAS_TEXT.model_copy(
        update={"owner": owner(instance_id="other", cr_name="elsewhere"), "claims": ("theirs",)}
    )
    taken = _only_document(subject(take_over=NAMESPACE_ID), observed(foreign))
    assert (taken.owner, taken.claims, taken.mark) == (owner(), claims(), HAS_TEXT.mark)
    assert taken.previous_mark == foreign.mark
    assert taken.feature_extractors == foreign.feature_extractors


def test_an_adopted_collection_says_so_in_its_mark_and_keeps_it_when_recovered() -> None:
    adopted = in_collection(document(bound=False, state=State.PROVISIONING))
    there = replace(collection(adopted), metadata={}, indexes={})
    recorded = _only_document(subject(chosen(), adopt=Adoption.KEEP), observed(adopted, there))
    (mark,) = plan(subject(chosen(), adopt=Adoption.KEEP), observed(recorded, there), context()).actions
    assert isinstance(mark, MarkCollection)
    assert mark.mark == recorded.mark
    assert mark.mark.to_metadata()["mixpeek.com/adopted"] is True


def test_who_steps_aside_is_called_by_his_id_and_asks_on() -> None:
    aside = _only_document(WANTS_BBB, ring(member(1, "bbb", "films")))
    assert (aside.namespace_name, aside.requested_name, aside.claims) == (NAMESPACE_ID, "bbb", claims(NAMESPACE_ID))


def test_recovery_of_a_standalone_namespace_takes_its_vectors_from_what_lives() -> None:
    before = has(PLAIN, WORDS, TOKENS)
    wanted = subject(standalone("plain", "words", plain={"dimension": 8}), status=status_of(before))
    live = with_vectors(collection(before), words=None)
    recovered = _only_document(wanted, lost(live))
    # "plain" stays as it lives, "words" is wanted anew, and "tokens", which nobody speaks of any more, is left alone.
    assert recovered.vector_configs == (PLAIN, WORDS)
    assert recovered.bound_vectors == ("plain",)
    assert recovered.mode is Mode.STANDALONE


def test_recovery_by_the_mark_alone_takes_the_id_from_it() -> None:
    recovered = _only_document(subject(WANTS_TEXT), lost(None, marked=(collection(HAS_TEXT),)))
    assert (recovered.namespace_id, recovered.collection, recovered.bound) == (NAMESPACE_ID, NAMESPACE_ID, True)
    assert recovered.mark == HAS_TEXT.mark


def test_a_marked_collection_of_a_chosen_name_is_recovered_under_its_own_id() -> None:
    live = collection(in_collection(HAS_TEXT))
    recovered = _only_document(subject(chosen()), replace(lost(None, marked=(live,)), looked_at="products"))
    assert (recovered.namespace_id, recovered.collection) == (NAMESPACE_ID, "products")


def test_those_a_namespace_was_taken_from_are_remembered_the_latest_thousand() -> None:
    former = tuple(f"uid-{number}" for number in range(1000))
    theirs = HAS_TEXT.model_copy(update={"owner": owner(instance_id="x", cr_uid="latest"), "former_uids": former})
    taken = _only_document(subject(take_over=NAMESPACE_ID), observed(theirs))
    assert taken.former_uids == (*former[1:], "latest")


def test_an_object_that_is_made_again_takes_from_nobody() -> None:
    attached = _only_document(subject(uid="cr-uid-new"), observed(document(former_uids=("a",))))
    assert (attached.owner.cr_uid, attached.former_uids, attached.previous_owner) == ("cr-uid-new", ("a",), None)
