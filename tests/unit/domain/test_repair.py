"""Repairs in the document, the status and the events; of shared collections too."""

from __future__ import annotations

from datetime import timedelta

from namespace_operator.api.status import IndexRebuildStatus, NamespaceStatus, RepairStatus
from namespace_operator.domain.actions import (
    AddVector,
    Announced,
    DropIndex,
    Purpose,
    PutIndex,
    ReplaceDocument,
    ReplaceShared,
)
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.document_indexes import AutoIndex, AutoIndexes, AutoIndexState
from namespace_operator.domain.document_repair import IndexRebuild, LateVector, Recreation, Repairs, VectorRepair
from namespace_operator.domain.events import events
from namespace_operator.domain.forecast import forecast
from namespace_operator.domain.observed import LateCounts, Observed
from namespace_operator.domain.rebuild import with_rebuild
from namespace_operator.domain.recreation import plan_following, plan_recreation
from namespace_operator.domain.repair import vector_missing, with_vector_repair
from namespace_operator.domain.report import report
from namespace_operator.domain.shared import SharedIndex
from namespace_operator.domain.sharing import plan_membership
from tests.unit.domain.builders import (
    INSTANCE,
    NAMESPACE_ID,
    NOW,
    OTHER_ID,
    T0,
    collection,
    context,
    document,
    observed,
    registered,
    shared_collection,
    spec,
    subject,
    with_indexes,
    with_vectors,
)
from tests.unit.domain.plan_case import FILM, HAS_TEXT, KEYWORD, TEXT
from tests.unit.domain.pure_world import PureWorld

MEMBER = document([TEXT], {"brand": KEYWORD}, sharing=True)
SHARED = shared_collection(MEMBER)


def test_documents_from_before_repairs_are_read() -> None:
    old = HAS_TEXT.model_dump()
    del old["repairs"]
    assert NamespaceDocument.model_validate(old) == HAS_TEXT


def test_a_new_collection_has_nothing_missing_or_late_and_remembers_what_was_asked_for() -> None:
    repairs = Repairs(
        vectors=VectorRepair(at=T0, token="1", missing=("a",), added=("b",), mismatches=("c",)),
        late=(LateVector(name="b", since=T0),),
        indexes=IndexRebuild(token="2", force=True, at=T0, total=2, pending=("x",), dropped=True),
        pruning=("y",),
    )
    assert repairs.in_a_new_collection() == Repairs(
        vectors=VectorRepair(at=T0, token="1"),
        indexes=IndexRebuild(token="2", force=True, at=T0, total=2),
    )
    assert Repairs().in_a_new_collection() == Repairs()


# Status


def test_the_status_tells_of_repairs() -> None:
    repairs = Repairs(
        vectors=VectorRepair(at=T0, token="once", missing=("frames",), added=("text",), mismatches=("words",)),
        indexes=IndexRebuild(token="2 force", force=True, at=T0, total=6, pending=("brand", "x")),
    )
    status = report(subject(), observed(HAS_TEXT.model_copy(update={"repairs": repairs})), (), NOW, INSTANCE)
    assert status.last_repair == RepairStatus(at=T0, added=("text",), mismatches=("words",))
    assert status.last_handled_repair_at == "once"
    assert status.index_rebuild == IndexRebuildStatus(requested_at="2 force", force=True, total=6, done=4, at=T0)
    # What was told is kept while the document cannot be read.
    kept = report(subject(status=status), Observed(), (), NOW, INSTANCE)
    assert (kept.last_repair, kept.last_handled_repair_at) == (status.last_repair, "once")
    assert kept.index_rebuild == status.index_rebuild


def test_the_least_of_an_extractors_late_vectors_counts() -> None:
    frames, words = LateVector(name="frames", since=T0), LateVector(name="words", since=T0)
    grown = document([TEXT, FILM], repairs=Repairs(late=(frames, words)))

    def told(counts: LateCounts | None) -> list[int | None]:
        status = report(subject(), observed(grown, late=counts), (), NOW, INSTANCE)
        return [extractor.points_with_vector for extractor in status.feature_extractors]

    assert told(LateCounts(3, {frames: 2, words: 1})) == [None, 1]
    assert told(LateCounts(3, {frames: 2})) == [None, None]
    assert told(None) == [None, None]


# Events


def test_what_was_repaired_is_told() -> None:
    adding = HAS_TEXT.model_copy(update={"repairs": Repairs(vectors=VectorRepair(at=T0, missing=("text",)))})
    add = AddVector(NAMESPACE_ID, HAS_TEXT.vectors["text"])
    (told,) = events(subject(), NamespaceStatus(), [ReplaceDocument(adding), add])
    assert (told.kind, told.reason) == ("Warning", "VectorRepaired")
    assert "text was missing" in told.message
    added = HAS_TEXT.model_copy(update={"repairs": Repairs(vectors=VectorRepair(at=T0, added=("text",)))})
    assert len(events(subject(), NamespaceStatus(), [add, ReplaceDocument(added)])) == 1
    assert events(subject(), NamespaceStatus(), [ReplaceDocument(HAS_TEXT), add]) == ()


def test_what_was_pruned_is_told_and_what_is_rebuilt_is_not() -> None:
    drops = [DropIndex("products", "extra", announced=Announced(NAMESPACE_ID, purpose)) for purpose in Purpose]
    (told,) = events(subject(), NamespaceStatus(), [*drops, DropIndex("products", "brand")])
    assert (told.kind, told.reason) == ("Normal", "IndexPruned")
    assert "The index on extra of collection products was dropped" in told.message


def test_that_a_collection_is_made_again_is_told_once() -> None:
    again = Repairs(recreation=Recreation(at=NOW))
    announced = HAS_TEXT.model_copy(update={"bound": False, "repairs": again, "updated_at": NOW})
    confirmed = announced.model_copy(update={"bound": True, "updated_at": NOW + timedelta(seconds=1)})
    told = events(subject(), NamespaceStatus(), [ReplaceDocument(announced), ReplaceDocument(confirmed)])
    assert [event.reason for event in told] == ["CollectionRecreated"]
    later = announced.model_copy(update={"updated_at": NOW + timedelta(seconds=1)})
    assert events(subject(), NamespaceStatus(), [ReplaceDocument(later)]) == ()


# Shared collections


def test_a_member_repairs_what_it_registered_itself() -> None:
    whole = shared_collection(MEMBER.model_copy(update={"feature_extractors": (TEXT, FILM)}))
    live = with_vectors(collection(MEMBER), text=None)
    asks = subject(spec(repairVectors=True))
    repairs = with_vector_repair(Repairs(), asks, MEMBER, live, whole.bound_vectors, NOW)
    assert repairs.missing_vectors == {"text"}


def test_who_brought_a_missing_vector_is_named() -> None:
    theirs = registered("film_extractor_v1").vectors[0]
    whole = shared_collection(document([FILM], namespace_id=OTHER_ID, sharing=True))
    finding = vector_missing(theirs, MEMBER, whole, collection(MEMBER))
    assert finding.reason is Reason.VECTOR_MISSING
    assert f"on the Namespace that brought it ({OTHER_ID}) to have it added" in finding.message


def test_a_member_rebuilds_the_indexes_that_it_answers_for() -> None:
    others = SHARED.indexes[0].model_copy(update={"field_name": "theirs", "by": OTHER_ID})
    whole = SHARED.model_copy(update={"indexes": (*SHARED.indexes, others)})
    schemas = {"brand": KEYWORD, "theirs": KEYWORD, "namespace_id": KEYWORD}
    asks = subject(rebuild_indexes_requested_at="force")
    seen = observed(MEMBER, shared=whole)
    rebuild = with_rebuild(Repairs(), asks, MEMBER, seen, collection(MEMBER), schemas, NOW).indexes
    assert rebuild is not None
    assert rebuild.pending == ("brand",)


def test_the_document_of_a_shared_collection_comes_first_and_its_members_follow() -> None:
    asks = subject(recreate_collection=NAMESPACE_ID)
    step = plan_recreation(asks, MEMBER, observed(MEMBER, shared=SHARED, collection=None), NOW)
    assert step is not None
    (action,) = step.actions
    assert isinstance(action, ReplaceShared)
    assert (action.shared.incarnation, action.shared.bound, action.shared.bound_vectors) == (2, False, ())
    assert action.shared.members == SHARED.members

    for who, spent in ((asks, Recreation(at=NOW)), (subject(), None)):
        following = plan_following(MEMBER, action.shared, NOW, who)
        assert following is not None
        (follow,) = following.actions
        assert isinstance(follow, ReplaceDocument)
        member = follow.document
        assert (member.incarnation, member.bound, member.bound_vectors) == (2, False, ())
        assert (member.state, member.repairs.recreation) == (State.PROVISIONING, spent)
        assert plan_following(member, action.shared, NOW, who) is None


def test_one_that_is_being_deleted_follows_as_such() -> None:
    leaving = MEMBER.model_copy(update={"state": State.DELETING})
    following = plan_following(leaving, SHARED.model_copy(update={"incarnation": 2}), NOW)
    assert following is not None
    (follow,) = following.actions
    assert isinstance(follow, ReplaceDocument)
    assert (follow.document.state, follow.document.incarnation) == (State.DELETING, 2)
    assert plan_following(MEMBER, SHARED, NOW) is None
    assert plan_following(MEMBER, None, NOW) is None


def test_what_replaced_an_index_from_use_in_a_shared_collection_is_not_cleared_away() -> None:
    member = document([TEXT], sharing=True)
    mine = SharedIndex(field_name="brand", field_schema=KEYWORD, by=NAMESPACE_ID, auto=True)
    shared = shared_collection(member, indexes=(mine,))
    theirs = with_indexes(collection(member), brand={"type": "text"})
    for live, dropping in ((theirs, ()), (with_indexes(theirs, brand=KEYWORD), ("brand",))):
        step = plan_membership(member, observed(member, live, shared=shared), NOW)
        assert step is not None
        (write,) = step.actions
        assert isinstance(write, ReplaceShared)
        assert (write.shared.indexes, write.shared.dropping) == ((), dropping)


def test_a_rebuild_leaves_alone_what_replaced_an_index_from_use() -> None:
    made = AutoIndex(field_name="brand", field_schema=KEYWORD, state=AutoIndexState.CREATED, at=T0)
    member = document(auto_create_indexes=True, auto_indexes=AutoIndexes(indexes=(made,)))
    live = with_indexes(collection(member), brand={"type": "text"})
    for token in ("1", "force 1"):
        asked = subject(spec(autoCreateIndexes=True), rebuild_indexes_requested_at=token)
        foreseen = forecast(asked, observed(member, live), context())
        touched = {action.field_name for action in foreseen.actions if isinstance(action, DropIndex | PutIndex)}
        assert touched
        assert "brand" not in touched


def test_a_rebuild_by_force_does_not_drop_what_the_same_reconcile_made() -> None:
    world = PureWorld(subject(spec(), rebuild_indexes_requested_at="force 1"))
    world.settle()
    assert world.findings == ()
    assert not any(isinstance(action, DropIndex) for action in world.done)
