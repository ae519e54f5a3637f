"""What no plan ever does, in any world: whatever the document says, whoever marked the collection, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hypothesis import event, given, settings
from hypothesis import strategies as st

from namespace_operator.api.annotations import Adoption as AdoptionRequest
from namespace_operator.api.spec import DeletionPolicy, Mode, NamespaceSpec, NamespaceType
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    CollectionAction,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DropIndex,
    InsertDocument,
    MarkCollection,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
    UnmarkCollection,
)
from namespace_operator.domain.document import Adoption, MalformedDocument, NamespaceDocument, State
from namespace_operator.domain.forecast import Forecast, after, forecast
from namespace_operator.domain.identity import is_marked
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, Document, InvalidSpec, Observed, Subject
from namespace_operator.domain.plan import plan
from namespace_operator.domain.planning import Context
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    OTHER_ID,
    SERVER_VERSION,
    UID,
    another_document,
    claims,
    collection,
    context,
    document,
    in_collection,
    owner,
    registered,
    status_of,
    subject,
)
from tests.unit.domain.plan_case import KEYWORD, TENANT, marked
from tests.unit.domain.plan_cases_fields import PLAIN
from tests.unit.domain.strategies import specs
from tests.world.sites import answering

T = TypeVar("T")

_OWNERS = [
    owner(),
    owner(cr_uid="cr-uid-0"),
    owner(cr_name="movies"),
    owner(k8s_namespace_uid="earlier"),
    owner(instance_id="other-cluster:default"),
]
_ADOPTIONS = [None, Adoption(), Adoption.model_validate({"indexes": [{"field_name": "brand", "field_schema": TENANT}]})]


@dataclass(frozen=True)
class Situation:
    """A world as one reconcile may find it."""

    subject: Subject
    observed: Observed
    context: Context


def _mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """Mostly what is usual, so that more than one thing is seldom odd at once."""
    return st.sampled_from([usual] * 4 * max(1, len(others) - 1) + list(others))


@st.composite
def _documents(draw: st.DrawFn) -> NamespaceDocument:
    declared: list[dict[str, IndexSchema]] = [{}, {"brand": KEYWORD}, {"brand": TENANT, "old": KEYWORD}]
    own_vectors: dict[str, Any] = {"mode": Mode.STANDALONE, "vector_configs": (PLAIN,)}
    made = document(
        draw(st.sampled_from([(), (registered("text_extractor_v1"),)])),
        draw(st.sampled_from(declared)),
        state=draw(_mostly(State.READY, State.DELETING, State.DELETING, State.PROVISIONING, State.RETAINED)),
        owner=draw(_mostly(*_OWNERS)),
        previous_owner=draw(st.sampled_from([None, *_OWNERS[2:]])),
        bound=draw(st.booleans()),
        former_uids=draw(st.sampled_from([(), (), (UID,)])),
        occupied=draw(st.booleans()),
        adoption=draw(st.sampled_from(_ADOPTIONS)),
        claims=draw(_mostly(claims(), claims(None), ())),
        namespace_type=draw(_mostly(*NamespaceType)),
        requested_name=draw(_mostly(None, "movies")),
        **(own_vectors if draw(st.booleans()) else {}),
    )
    if not made.bound:
        made = made.model_copy(update={"bound_vectors": ()})
    return in_collection(made) if draw(st.booleans()) else made


@st.composite
def _collections(draw: st.DrawFn, of: NamespaceDocument) -> Collection | None:
    """The document's collection, or one that only has its name."""
    live = collection(of)
    before = of.previous_mark or of.mark
    ours = st.sampled_from([of.mark.to_metadata(), marked(of, **{"organization-uid": None}).metadata])
    unmarked: list[Mapping[str, Any]] = [{}, {"team": "search"}]
    others = [
        marked(of, instance="other-cluster:default").metadata,
        marked(of, incarnation=2).metadata,
        {"mixpeek.com/instance": "half a mark"},
    ]
    metadata = draw(ours | st.just(before.to_metadata()) | st.sampled_from(unmarked) | st.sampled_from(others))
    gone = draw(st.sets(st.sampled_from(sorted(live.indexes)), max_size=2))
    changed = draw(st.sets(st.sampled_from(sorted(live.indexes)), max_size=2))
    indexes = {
        name: replace(index, schema=TENANT) if name in changed else index
        for name, index in live.indexes.items()
        if name not in gone
    }
    found = replace(live, metadata=metadata, indexes=indexes, vectors=draw(_mostly(live.vectors, {})))
    return draw(_mostly(found, None))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any combination of what the stores may hold and the object may ask for."""
    of = draw(_documents())
    there: Document | None = draw(_mostly(of, None, None, MalformedDocument(NAMESPACE_ID, "bad")))
    known = draw(st.booleans())
    strays = (collection(of.model_copy(update={"owner": owner()})),) if there is None and not known else ()
    invalid = st.builds(InvalidSpec, st.just("bad"), st.sampled_from(DeletionPolicy))
    wanted: NamespaceSpec | InvalidSpec = draw(st.one_of(specs, specs, specs, invalid))
    seen = Observed(
        document=there,
        name_chain=draw(_mostly((), (another_document(requested_name="films"),))),
        collection_holder=draw(_mostly(None, another_document())),
        place=draw(_mostly(answering("s", "s"), answering("s", None))),
        collection=draw(_collections(of)),
        looked_at=of.collection,
        alias_of=draw(_mostly(None, OTHER_ID)),
        marked=draw(st.sampled_from([(), strays])),
        aliases=draw(_mostly((), ("live",))),
        server_version=SERVER_VERSION,
    )
    who = subject(
        wanted,
        status=status_of(of) if known else None,
        deleting=draw(st.booleans()),
        adopt=draw(st.sampled_from([None, *AdoptionRequest])),
        take_over=draw(_mostly(None, NAMESPACE_ID, OTHER_ID)),
        force_release=draw(_mostly(False, True)),
        problems=draw(_mostly((), ("bad",))),
        recreate_collection=draw(_mostly(None, NAMESPACE_ID, OTHER_ID)),
        repair_requested_at=draw(_mostly(None, "1")),
        rebuild_indexes_requested_at=draw(_mostly(None, "1", "1 force")),
    )
    wants_finalizer = who.deletion_policy is DeletionPolicy.DELETE
    finalized = draw(_mostly(wants_finalizer, not wants_finalizer))
    options = context(guarded=draw(_mostly(True, False)), dependents=draw(st.sampled_from([(), ("objects",)])))
    return Situation(replace(who, finalized=finalized), seen, options)


@settings(max_examples=1000, deadline=None)
@given(situations())
def test_no_plan_ever(situation: Situation) -> None:
    """Whichever of the checks below fails says in its name what a plan did."""
    end = forecast(situation.subject, situation.observed, situation.context)
    ends_at_rest_and_says_what_stands_in_the_way(situation, end)
    who, seen = situation.subject, situation.observed
    for action in end.actions:
        event(type(action).__name__)
        step = (action, who, seen)
        destroys_only_what_is_being_deleted(*step, situation.context)
        marks_only_what_it_was_asked_to(*step)
        writes_only_to_a_collection_of_its_own(*step)
        gives_up_a_lost_collection_only_if_it_was_asked_to(*step)
        takes_the_document_of_another_only_with_permission(*step, situation.context)
        acts_only_on_what_is_guarded(*step, situation.context)
        writes_nothing_before_the_finalizer_is_as_wanted(*step)
        who, seen = after(action, who, seen)


def ends_at_rest_and_says_what_stands_in_the_way(situation: Situation, end: Forecast) -> None:
    """Nothing is left to do, and a namespace that is not ready knows why."""
    assert plan(end.subject, end.observed, situation.context).actions == ()
    assert all(finding.message for finding in end.findings)
    released = end.subject.deleting and not end.subject.finalized
    document = end.observed.document
    settled = isinstance(document, NamespaceDocument) and document.state is State.READY and document.bound
    assert released or settled or end.findings


def destroys_only_what_is_being_deleted(action: Action, who: Subject, seen: Observed, context: Context) -> None:
    """Only for an object that is being deleted under Delete, and only what its document and the mark say is its own."""
    if not isinstance(action, DeleteCollection | UnmarkCollection | DeleteDependents):
        return
    assert who.deleting
    assert who.finalized
    assert who.deletion_policy is DeletionPolicy.DELETE
    assert not who.requests.force_release
    assert isinstance(seen.document, NamespaceDocument)
    assert seen.document.state is State.DELETING
    assert seen.document.owner == who.owner(context.instance_id)
    assert not seen.server.replaced
    if isinstance(action, DeleteDependents):
        assert seen.collection is None or not seen.document.mark.is_on(seen.collection.mark)
        return
    assert action.mark == seen.document.mark
    assert action.collection == seen.document.collection
    if seen.collection is None:
        assert action == DeleteCollection(seen.document.namespace_id, seen.document.mark, listed=False)
        return
    assert seen.alias_of is None
    assert action.mark.is_on(seen.collection.mark)
    may_go = context.guarded and who.requests.adopt is AdoptionRequest.WITH_DELETE
    keeps = seen.document.adoption is not None and not may_go
    assert isinstance(action, UnmarkCollection) is keeps


def marks_only_what_it_was_asked_to(action: Action, who: Subject, seen: Observed) -> None:
    """An unmarked collection by an adoption that is written down, a marked one by a take-over."""
    if not isinstance(action, MarkCollection):
        return
    assert isinstance(seen.document, NamespaceDocument)
    assert seen.collection is not None
    assert action.mark == seen.document.mark
    assert action.expected == seen.collection.mark
    if action.expected is not None:
        assert seen.document.previous_mark is not None
        assert seen.document.previous_mark.is_on(action.expected)
        return
    assert not who.deleting
    assert who.requests.adopt is not None
    assert seen.document.adoption is not None
    assert seen.document.occupied
    assert not is_marked(seen.collection.metadata)
    assert seen.alias_of is None


def writes_only_to_a_collection_of_its_own(action: Action, _: Subject, seen: Observed) -> None:
    """By the mark, on the server that is meant; what was adopted stays as it was."""
    if not isinstance(action, CollectionAction) or isinstance(action, MarkCollection):
        return
    assert not seen.server.replaced
    assert isinstance(seen.document, NamespaceDocument)
    if isinstance(action, CreateCollection):
        assert seen.collection is None
        assert not seen.document.bound
        assert not seen.document.occupied
    elif seen.collection is not None:
        assert seen.document.mark.is_on(seen.collection.mark)
    if isinstance(action, PutIndex | DropIndex):
        assert seen.collection is not None
        live = seen.collection.indexes.get(action.field_name)
        assert live is None or seen.document.adopted_indexes.get(action.field_name) != live.schema


def gives_up_a_lost_collection_only_if_it_was_asked_to(action: Action, who: Subject, seen: Observed) -> None:
    """By the id, where the server is the one that is meant and has no such collection."""
    before = seen.document
    if not isinstance(action, ReplaceDocument) or not isinstance(before, NamespaceDocument):
        return
    if action.document.incarnation == before.incarnation:
        return
    assert who.requests.recreate_collection == before.namespace_id
    assert seen.collection is None
    assert not seen.server.replaced
    assert not who.deleting
    assert before.bound or not before.occupied
    assert action.document.incarnation == before.incarnation + 1


def takes_the_document_of_another_only_with_permission(
    action: Action, who: Subject, seen: Observed, context: Context
) -> None:
    """Without one, the most that is written is that the former object of this name is gone."""
    mine = who.owner(context.instance_id)
    if isinstance(action, InsertDocument):
        is_dead = isinstance(seen.document, NamespaceDocument) and seen.document.state is State.DELETED
        assert seen.document is None or is_dead
        assert action.document.owner == mine
    if not isinstance(action, ReplaceDocument):
        return
    before = seen.document
    assert isinstance(before, NamespaceDocument)
    assert action.document.revision == before.revision + 1
    assert action.document.namespace_id == before.namespace_id
    if before.owner.model_copy(update={"cr_uid": mine.cr_uid}) == mine:
        assert action.document.owner == (before.owner if who.deleting else mine)
    elif action.document.owner == before.owner:
        assert (before.owner.key, before.owner.instance_id) == (mine.key, mine.instance_id)
        assert action.document.state in (State.RETAINED, State.DELETED)
    else:
        named = isinstance(who.spec, NamespaceSpec) and who.spec.namespace_id == before.namespace_id
        assert who.requests.take_over == before.namespace_id or named
        assert who.uid not in before.former_uids
        assert before.owner.cr_uid in action.document.former_uids
        assert who.status.namespace_id in (None, before.namespace_id)
        assert action.document.owner == mine
        assert action.document.previous_owner == (before.previous_owner or before.owner)


def acts_only_on_what_is_guarded(action: Action, who: Subject, _: Observed, context: Context) -> None:
    """What is not understood, or not checked by anybody, is not acted upon; Retain lets go all the same."""
    if who.deleting and who.deletion_policy is DeletionPolicy.RETAIN:
        assert isinstance(action, RemoveFinalizer)
        return
    assert not who.requests.problems
    assert context.guarded or (not who.requests.force_release if who.deleting else not who.requests.guarded)


def writes_nothing_before_the_finalizer_is_as_wanted(action: Action, who: Subject, seen: Observed) -> None:
    """So that no data is ever made, or kept, against the deletion policy."""
    if who.deleting or isinstance(action, AddFinalizer | RemoveFinalizer):
        return
    retires = isinstance(action, ReplaceDocument) and action.document.state in (State.RETAINED, State.DELETED)
    assert retires or who.finalized is (who.deletion_policy is DeletionPolicy.DELETE)
