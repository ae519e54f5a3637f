"""Carrying out plans: the order of requests, what is read back, and what a deletion checks first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from namespace_operator.controller.apply import Applier, World
from namespace_operator.domain.actions import AddVector, CreateCollection, DeleteCollection, DropIndex, PutIndex
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, State
from namespace_operator.domain.observed import Collection, Observed
from namespace_operator.stores.errors import Outdated
from tests.unit.controller.fixed import FixedCluster, FixedMetadata, FixedVectors
from tests.unit.domain.builders import NAMESPACE_ID, SERVER_VERSION, collection, document, registered, subject

WHOLE = document([registered("text_extractor_v1")])
DELETING = WHOLE.model_copy(update={"state": State.DELETING})
KEYWORD = {"type": "keyword"}
VECTOR = WHOLE.vectors["text"]


def applier(metadata: FixedMetadata, vectors: FixedVectors) -> Applier:
    """Over fixed stores."""
    return Applier(FixedCluster(), metadata, vectors)


async def test_only_the_last_index_is_waited_for_and_the_result_is_read_back() -> None:
    vectors = FixedVectors()
    actions = (
        CreateCollection(NAMESPACE_ID, (VECTOR,), WHOLE.mark.to_metadata()),
        PutIndex(NAMESPACE_ID, "a", KEYWORD),
        PutIndex(NAMESPACE_ID, "b", KEYWORD),
    )
    world = await applier(FixedMetadata(), vectors).apply(actions, World(subject(), Observed()))
    assert vectors.requests == [f"create {NAMESPACE_ID}", "put a", "put b and wait"]
    assert world.observed.collection == vectors.collection
    assert world.observed.tried_indexes == {action.attempt for action in actions[1:] if isinstance(action, PutIndex)}
    assert world.observed.server_version == SERVER_VERSION, "a new namespace has never read it"


async def test_a_drop_at_the_end_is_waited_for_too() -> None:
    vectors = FixedVectors(collection(WHOLE))
    actions = (
        AddVector(NAMESPACE_ID, VECTOR),
        PutIndex(NAMESPACE_ID, "a", KEYWORD),
        DropIndex(NAMESPACE_ID, "b"),
    )
    await applier(FixedMetadata(), vectors).apply(actions, World(subject(), Observed()))
    assert vectors.requests == [f"vector {NAMESPACE_ID} text", "put a", "drop b and wait"]


async def test_tries_add_up() -> None:
    vectors = FixedVectors(collection(WHOLE))
    work = applier(FixedMetadata(), vectors)
    world = World(subject(), Observed(tried_indexes=frozenset({"earlier"})))
    world = await work.apply((PutIndex(NAMESPACE_ID, "a", KEYWORD),), world)
    assert world.observed.tried_indexes == {"earlier", PutIndex(NAMESPACE_ID, "a", KEYWORD).attempt}


@pytest.mark.parametrize(("rejects", "tried"), [("a", {"b"}), ("b", set())])
async def test_a_rejected_index_does_not_hold_up_the_others(rejects: str, tried: set[str]) -> None:
    vectors = FixedVectors(collection(WHOLE), rejects=frozenset({rejects}))
    puts = {name: PutIndex(NAMESPACE_ID, name, KEYWORD) for name in ("a", "b")}
    world = await applier(FixedMetadata(), vectors).apply(tuple(puts.values()), World(subject(), Observed()))
    assert vectors.requests == ["put a", "put b and wait"]
    assert world.observed.rejected_indexes == {puts[rejects].attempt: f"no index on {rejects}"}
    # Nobody has waited for an index that came before a rejected last one: it may only not be visible yet.
    assert world.observed.tried_indexes == {puts[name].attempt for name in tried}


DELETE = DeleteCollection(NAMESPACE_ID, DELETING.mark)
LIVE = collection(DELETING)


@pytest.mark.parametrize(
    ("now", "live"),
    [
        (None, LIVE),
        (MalformedDocument(NAMESPACE_ID, "bad"), LIVE),
        (WHOLE, LIVE),
        (DELETING.model_copy(update={"collection": "ns_another000"}), LIVE),
        (DELETING.model_copy(update={"incarnation": 2}), LIVE),
        (DELETING, replace(LIVE, metadata={})),
    ],
    ids=["no document", "malformed", "no longer deleting", "another collection", "another incarnation", "no mark"],
)
async def test_a_collection_is_not_deleted_without_a_live_intent_and_our_mark(
    now: NamespaceDocument | MalformedDocument | None, live: Collection
) -> None:
    metadata = FixedMetadata([] if now is None else [now])
    vectors = FixedVectors(live)
    with pytest.raises(Outdated):
        await applier(metadata, vectors).apply((DELETE,), World(subject(), Observed()))
    assert vectors.requests == []


async def test_a_collection_is_deleted_with_both() -> None:
    vectors = FixedVectors(LIVE)
    world = await applier(FixedMetadata([DELETING]), vectors).apply((DELETE,), World(subject(), Observed()))
    assert vectors.requests == [f"delete {NAMESPACE_ID}"]
    assert world.observed.collection is None


async def test_a_collection_that_is_gone_already_is_not_asked_to_go() -> None:
    vectors = FixedVectors(None)
    await applier(FixedMetadata([DELETING]), vectors).apply((DELETE,), World(subject(), Observed()))
    assert vectors.requests == []
