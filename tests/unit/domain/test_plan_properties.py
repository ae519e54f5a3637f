"""What holds of every plan, over random specs, drift and servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.actions import (
    CollectionAction,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DropIndex,
    ReplaceDocument,
)
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import MARK_PREFIX, collection_claim
from namespace_operator.domain.indexes import SYSTEM_INDEXES, IndexSchema, wanted_schema
from namespace_operator.domain.observed import LiveIndex
from tests.unit.domain.builders import status_of, subject
from tests.unit.domain.pure_world import PureWorld
from tests.unit.domain.strategies import histories, specs

_SETTINGS = settings(max_examples=150, deadline=None)

MAX_ROUNDS = 5
"""Finalizer, document, collection or its parts, confirmation; and a second look at an index without effect."""

FOREIGN = ("theirs", "body", "brand")


def _names(wanted: NamespaceSpec) -> set[str]:
    return {index.field_name for index in wanted.payload_indexes}


def _document(world: PureWorld) -> NamespaceDocument:
    assert isinstance(world.observed.document, NamespaceDocument)
    return world.observed.document


def _play(history: list[NamespaceSpec], **world: Any) -> PureWorld:
    played = PureWorld(subject(history[0]), **world)
    for wanted in history:
        played.want(wanted)
        assert played.settle() <= MAX_ROUNDS
    return played


@_SETTINGS
@given(histories())
def test_every_history_of_specs_ends_as_its_last_one_wants(history: list[NamespaceSpec]) -> None:
    world = _play(history)
    last, document = history[-1], _document(world)
    wanted = {index.field_name: wanted_schema(index.effective_schema) for index in last.payload_indexes}
    assert {name: live.schema for name, live in world.collection.indexes.items()} == {**wanted, **SYSTEM_INDEXES}
    assert {name: vector.describe() for name, vector in world.collection.vectors.items()} == {
        name: vector.describe() for name, vector in document.vectors.items()
    }
    assert (document.state, document.bound, document.description) == (State.READY, True, last.description)
    assert world.collection.mark == document.mark
    assert world.subject.finalized is (last.deletion_policy == "Delete")


@_SETTINGS
@given(histories())
def test_a_settled_world_is_not_written_to(history: list[NamespaceSpec]) -> None:
    world = _play(history)
    written = len(world.done)
    world.want(history[-1])
    assert world.settle() == 0
    assert world.done[written:] == []


@_SETTINGS
@given(histories())
def test_what_was_registered_stays_as_it_was(history: list[NamespaceSpec]) -> None:
    world = PureWorld(subject(history[0]))
    registered: dict[str, Any] = {}
    for wanted in history:
        world.want(wanted)
        world.settle()
        now = {extractor.feature_extractor_id: extractor for extractor in _document(world).feature_extractors}
        assert registered.items() <= now.items()
        registered = now


@_SETTINGS
@given(histories(), st.dictionaries(st.sampled_from(FOREIGN), st.just({"type": "float"})), st.data())
def test_only_declared_indexes_are_dropped(
    history: list[NamespaceSpec], foreign: dict[str, IndexSchema], data: st.DataObject
) -> None:
    world = _play(history[:1])
    declared = _names(history[0])
    for wanted in history[1:]:
        for name, schema in foreign.items():
            if name not in declared and data.draw(st.booleans()):
                world.change_collection(indexes={**world.collection.indexes, name: LiveIndex(schema, 1)})
        written = len(world.done)
        world.want(wanted)
        world.settle()
        dropped = {action.field_name for action in world.done[written:] if isinstance(action, DropIndex)}
        assert dropped <= declared - _names(wanted)
        declared = _names(wanted)
        assert not dropped & set(SYSTEM_INDEXES)


@_SETTINGS
@given(histories(), st.data())
def test_drift_is_repaired_or_told_but_nothing_is_made_twice(history: list[NamespaceSpec], data: st.DataObject) -> None:
    world = _play(history)
    live, healthy = world.collection, world.findings
    lost_vectors = data.draw(st.sets(st.sampled_from(sorted(live.vectors)))) if live.vectors else set()
    lost_indexes = data.draw(st.sets(st.sampled_from(sorted(live.indexes))))
    world.change_collection(
        vectors={name: vector for name, vector in live.vectors.items() if name not in lost_vectors},
        indexes={name: index for name, index in live.indexes.items() if name not in lost_indexes},
    )
    world.want(history[-1])
    assert world.settle() <= 1
    assert set(world.collection.indexes) == set(live.indexes)
    assert set(world.collection.vectors) == set(live.vectors) - lost_vectors
    missing = [finding for finding in world.findings if finding.reason is Reason.VECTOR_MISSING]
    assert len(missing) == len(lost_vectors)
    assert len(world.findings) == len(healthy) + len(missing)


@_SETTINGS
@given(histories(), specs)
def test_a_collection_once_bound_is_never_made_again(history: list[NamespaceSpec], wanted: NamespaceSpec) -> None:
    world = _play(history)
    world.observed = replace(world.observed, collection=None)
    written = len(world.done)
    world.want(wanted)
    world.settle()
    assert not any(isinstance(action, CollectionAction) for action in world.done[written:])
    assert Reason.COLLECTION_LOST in {finding.reason for finding in world.findings}


_mark_changes = st.dictionaries(
    st.sampled_from(["instance", "organization", "collection", "incarnation", "member.ns_0123456789"]),
    st.none() | st.sampled_from(["another", 7, True, {"x": 1}]),
    min_size=1,
)


@_SETTINGS
@given(histories(), specs, _mark_changes, st.booleans())
def test_a_collection_with_another_mark_is_never_written_to(
    history: list[NamespaceSpec], wanted: NamespaceSpec, changes: dict[str, Any], deleting: bool
) -> None:
    world = _play(history)
    metadata = dict(world.collection.metadata)
    for key, value in changes.items():
        metadata.pop(MARK_PREFIX + key, None)
        if value is not None:
            metadata[MARK_PREFIX + key] = value
    world.change_collection(metadata=metadata)
    written = len(world.done)
    world.want(wanted)
    world.subject = replace(world.subject, deleting=deleting)
    world.settle()
    assert not any(isinstance(action, CollectionAction) for action in world.done[written:])


@_SETTINGS
@given(histories(), specs)
def test_an_index_the_server_makes_otherwise_is_put_once(history: list[NamespaceSpec], wanted: NamespaceSpec) -> None:
    world = _play(history, make_index=lambda schema: {"type": schema["type"]})
    world.want(wanted)
    assert world.settle() <= MAX_ROUNDS
    written = len(world.done)
    for _ in range(2):
        world.want(wanted)
        assert world.settle() == 0
    assert world.done[written:] == []
    unsupported = {entry.field_name for entry in _document(world).unsupported_indexes}
    assert unsupported == {name for name, index in _all_wanted(wanted).items() if set(index) != {"type"}}
    told = [finding for finding in world.findings if finding.reason is Reason.INDEX_PARAMETER_UNSUPPORTED]
    assert len(told) == len(unsupported)


def _all_wanted(wanted: NamespaceSpec) -> dict[str, IndexSchema]:
    declared = {index.field_name: wanted_schema(index.effective_schema) for index in wanted.payload_indexes}
    return {**declared, **SYSTEM_INDEXES}


@_SETTINGS
@given(histories())
def test_deletion_takes_everything_or_nothing(history: list[NamespaceSpec]) -> None:
    world = _play(history)
    before = world.observed
    policy = history[-1].deletion_policy
    world.subject = replace(world.subject, deleting=True)
    written = len(world.done)
    assert world.settle() <= MAX_ROUNDS
    assert not world.subject.finalized
    if policy == "Delete":
        kinds = [type(action) for action in world.done[written + 1 : -1]]
        assert kinds == [DeleteCollection, DeleteDependents, ReplaceDocument]
        assert _document(world).state is State.DELETED
        assert _document(world).claims == (collection_claim(_document(world).collection),)
        assert world.observed.collection is None
    else:
        assert world.observed == before


@_SETTINGS
@given(histories())
def test_a_lost_document_comes_back_as_it_was(history: list[NamespaceSpec]) -> None:
    world = _play(history)
    before = _document(world)
    world.subject = replace(world.subject, status=status_of(before, world.collection))
    world.observed = replace(world.observed, document=None)
    world.want(history[-1])
    assert world.settle() <= MAX_ROUNDS
    after = _document(world)
    assert _in_order(after) == _in_order(before)
    assert sum(isinstance(action, CreateCollection) for action in world.done) == 1


def _in_order(document: NamespaceDocument) -> NamespaceDocument:
    """The order of indexes and of own vectors means nothing, and nothing but the document keeps it."""
    indexes = sorted(document.payload_indexes, key=lambda index: index.field_name)
    vectors = sorted(document.vector_configs, key=lambda vector: vector.name)
    return document.model_copy(
        update={
            "payload_indexes": tuple(indexes),
            "vector_configs": tuple(vectors),
            "revision": 1,
            "updated_at": document.created_at,
        }
    )
