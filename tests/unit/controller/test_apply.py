"""Carrying out plans: the order of requests, what is read back, and what is checked right before a write."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from namespace_operator.controller.apply import Applier, World
from namespace_operator.controller.cluster import ObjectChanged
from namespace_operator.controller.observe import Observer
from namespace_operator.domain.actions import (
    Action,
    AddVector,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DropIndex,
    InsertDocument,
    MarkCollection,
    PutIndex,
    ReplaceDocument,
    UnmarkCollection,
    UpdateCollection,
)
from namespace_operator.domain.document import Adoption, NamespaceDocument, State
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, Observed
from namespace_operator.stores.errors import Backend, Outdated, Rejected
from tests.unit.controller.fixed import FixedCluster, Outage, metadata_store, vector_store
from tests.unit.domain.builders import (
    INSTANCE,
    NAMESPACE_ID,
    OTHER_ID,
    SERVER_VERSION,
    another_document,
    collection,
    document,
    owner,
    registered,
    subject,
)
from tests.world.sites import fleet
from tests.world.vectors import ModelVectorStore

WHOLE = document([registered("text_extractor_v1")])
DELETING = WHOLE.model_copy(update={"state": State.DELETING})
LIVE = collection(WHOLE)
KEYWORD = {"type": "keyword"}
VECTOR = WHOLE.vectors["text"]
NOTHING = World(subject(), Observed())
SEEN = World(subject(), Observed(document=WHOLE, collection=LIVE, looked_at=NAMESPACE_ID))


@dataclass
class Waits(ModelVectorStore):
    """Notes which index requests were waited for, and refuses those on ``rejects``."""

    rejects: frozenset[str] = frozenset()
    waits: list[tuple[str, bool]] = field(default_factory=list)

    async def put_index(self, collection: str, field_name: str, schema: IndexSchema, *, wait: bool) -> None:
        """Put an index."""
        self.waits.append((field_name, wait))
        if field_name in self.rejects:
            raise Rejected(Backend.QDRANT, f"no index on {field_name}", "PUT index")
        await super().put_index(collection, field_name, schema, wait=wait)

    async def drop_index(self, collection: str, field_name: str, *, wait: bool) -> None:
        """Drop an index."""
        self.waits.append((field_name, wait))
        await super().drop_index(collection, field_name, wait=wait)


@dataclass
class Work:
    """An applier over a document and a collection, and what it did."""

    documents: tuple[NamespaceDocument, ...] = ()
    live: tuple[Collection, ...] = ()
    cluster: FixedCluster = field(default_factory=FixedCluster)
    done: list[Action] = field(default_factory=list)
    rejects: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.metadata = metadata_store(*self.documents)
        self.vectors = Waits(Outage(), collections=vector_store(*self.live).collections, rejects=self.rejects)
        observer = Observer(INSTANCE, self.metadata, fleet(INSTANCE, self.metadata, self.vectors, lambda: 0.0))
        self.applier = Applier(self.cluster, self.metadata, observer, self.done.append)

    async def apply(self, *actions: Action, world: World = NOTHING) -> World:
        """Carry these out."""
        return await self.applier.apply(actions, world)

    @property
    def writes(self) -> list[str]:
        """Every write to a store."""
        return [*self.metadata.faults.log, *self.vectors.faults.log]


async def test_only_the_last_index_is_waited_for_and_the_result_is_read_back() -> None:
    work = Work()
    actions = (
        CreateCollection(NAMESPACE_ID, (VECTOR,), WHOLE.mark.to_metadata()),
        PutIndex(NAMESPACE_ID, "a", KEYWORD),
        PutIndex(NAMESPACE_ID, "b", KEYWORD),
    )
    world = await work.apply(*actions)
    assert work.vectors.waits == [("a", False), ("b", True)]
    assert world.observed.collection is not None
    assert set(world.observed.collection.indexes) == {"a", "b"}
    assert world.observed.tried_indexes == {action.attempt for action in actions[1:] if isinstance(action, PutIndex)}
    assert world.observed.server_version == SERVER_VERSION, "a new namespace has never read it"
    assert work.done == list(actions)


async def test_changed_parameters_are_read_back_and_not_taken_for_granted() -> None:
    work = Work(live=(LIVE,))
    work.vectors.drops = frozenset({"hnsw.m"})
    update = UpdateCollection(NAMESPACE_ID, {"hnsw.m": 8, "segment_number": 2})
    seen = (await work.apply(update, world=SEEN)).observed
    assert seen.collection is not None
    assert seen.collection.config is not None
    assert (seen.collection.config["hnsw.m"], seen.collection.config["segment_number"]) == (16, 2)
    assert seen.tried_parameters == {"hnsw.m=8", "segment_number=2"}
    assert not seen.rejected_parameters
    assert work.done == [update]


async def test_refused_parameters_are_no_failure_of_the_whole() -> None:
    work = Work(live=(LIVE,))
    work.vectors.rejects = frozenset({"hnsw.m"})
    update = UpdateCollection(NAMESPACE_ID, {"hnsw.m": 8, "segment_number": 2})
    seen = (await work.apply(update, world=SEEN)).observed
    assert seen.rejected_parameters.keys() == {"hnsw.m=8", "segment_number=2"}
    assert (seen.tried_parameters, work.done) == (frozenset(), [])


async def test_a_drop_at_the_end_is_waited_for_too() -> None:
    work = Work(live=(LIVE,))
    extra = VECTOR.model_copy(update={"name": "extra"})
    put, drop = PutIndex(NAMESPACE_ID, "a", KEYWORD), DropIndex(NAMESPACE_ID, "bucket_id")
    world = await work.apply(AddVector(NAMESPACE_ID, extra), put, drop)
    assert work.vectors.waits == [("a", False), ("bucket_id", True)]
    assert world.observed.collection is not None
    assert "bucket_id" not in world.observed.collection.indexes


async def test_tries_add_up() -> None:
    world = World(subject(), Observed(tried_indexes=frozenset({"earlier"})))
    world = await Work(live=(LIVE,)).apply(PutIndex(NAMESPACE_ID, "a", KEYWORD), world=world)
    assert world.observed.tried_indexes == {"earlier", PutIndex(NAMESPACE_ID, "a", KEYWORD).attempt}


@pytest.mark.parametrize(("rejects", "tried"), [("a", {"b"}), ("b", set())])
async def test_a_rejected_index_does_not_hold_up_the_others(rejects: str, tried: set[str]) -> None:
    work = Work(live=(LIVE,), rejects=frozenset({rejects}))
    puts = {name: PutIndex(NAMESPACE_ID, name, KEYWORD) for name in ("a", "b")}
    world = await work.apply(*puts.values())
    assert work.vectors.waits == [("a", False), ("b", True)]
    assert world.observed.rejected_indexes == {puts[rejects].attempt: f"no index on {rejects}"}
    # Nobody has waited for an index that came before a rejected last one: it may only not be visible yet.
    assert world.observed.tried_indexes == {puts[name].attempt for name in tried}
    assert work.done == [put for name, put in puts.items() if name != rejects], "only what was done is told of"


async def test_what_fails_is_not_told_as_done_and_ends_the_batch() -> None:
    work = Work(live=(LIVE,))
    drops = [DropIndex(NAMESPACE_ID, "a"), DropIndex("ns_absent0000", "b"), DropIndex(NAMESPACE_ID, "c")]
    with pytest.raises(Rejected):
        await work.apply(*drops)
    assert work.done == drops[:1]


async def test_the_collection_of_an_id_just_made_up_is_not_asked_for() -> None:
    work = Work()
    world = await work.apply(InsertDocument(WHOLE.model_copy(update={"revision": 1, "bound": False})))
    assert (world.observed.collection, world.observed.looked_at) == (None, NAMESPACE_ID)
    assert work.vectors.faults.operations == 0


async def test_a_chosen_collection_is_looked_at_once_a_document_names_it() -> None:
    chosen = WHOLE.model_copy(update={"collection": "products", "revision": 1})
    foreign = replace(LIVE, name="products", metadata={}, points_count=0, indexes={})
    work = Work(live=(foreign,))
    world = await work.apply(InsertDocument(chosen))
    assert world.observed.collection is not None
    seen = replace(world.observed.collection, config=None)
    assert (world.observed.looked_at, seen) == ("products", foreign)
    moved = chosen.model_copy(update={"collection": "others", "revision": 2})
    world = await work.apply(ReplaceDocument(moved), world=world)
    assert (world.observed.looked_at, world.observed.collection) == ("others", None)


async def test_a_document_that_names_the_same_collection_costs_no_request_to_qdrant() -> None:
    work = Work((WHOLE,), (LIVE,))
    await work.apply(ReplaceDocument(WHOLE.model_copy(update={"revision": 8})), world=SEEN)
    assert work.vectors.faults.operations == 0


DELETE = DeleteCollection(NAMESPACE_ID, DELETING.mark)


@pytest.mark.parametrize(
    ("now", "live"),
    [
        (None, LIVE),
        (WHOLE, LIVE),
        (DELETING.model_copy(update={"collection": "ns_another000"}), LIVE),
        (DELETING.model_copy(update={"incarnation": 2}), LIVE),
        (DELETING.model_copy(update={"owner": owner(k8s_namespace_uid="another")}), LIVE),
        (DELETING, replace(LIVE, metadata={})),
        (DELETING, collection(WHOLE.model_copy(update={"incarnation": 2}))),
        (DELETING, collection(WHOLE.model_copy(update={"adoption": Adoption()}))),
    ],
    ids=[
        "no document",
        "no longer deleting",
        "another collection",
        "another incarnation",
        "another owner",
        "no mark",
        "another mark",
        "adopted meanwhile",
    ],
)
async def test_a_collection_is_not_deleted_without_a_live_intent_and_our_mark(
    now: NamespaceDocument | None, live: Collection
) -> None:
    work = Work(() if now is None else (now,), (live,))
    with pytest.raises(Outdated):
        await work.apply(DELETE)
    assert (work.writes, work.done) == ([], [])


async def test_a_collection_is_not_deleted_on_a_malformed_document() -> None:
    work = Work((DELETING,), (LIVE,))
    work.metadata.put_raw({**DELETING.model_dump(mode="python"), "_id": NAMESPACE_ID, "owner": None})
    with pytest.raises(Outdated):
        await work.apply(DELETE)
    assert work.writes == []


async def test_a_collection_is_deleted_with_both() -> None:
    work = Work((DELETING,), (LIVE,))
    world = await work.apply(DELETE)
    assert work.writes == [f"qdrant: delete collection {NAMESPACE_ID}"]
    assert (world.observed.collection, world.observed.delete_sent) == (None, True)


async def test_a_collection_of_its_id_that_is_not_listed_is_deleted_all_the_same() -> None:
    """It may only have failed to load, and would come back."""
    work = Work((DELETING,), (LIVE,))
    work.vectors.collections[NAMESPACE_ID].loaded = False
    await work.apply(DELETE)
    assert work.writes == [f"qdrant: delete collection {NAMESPACE_ID}"]
    assert NAMESPACE_ID not in work.vectors.collections


async def test_a_chosen_collection_that_is_not_listed_may_be_anothers_by_now() -> None:
    chosen = DELETING.model_copy(update={"collection": "products"})
    work = Work((chosen,))
    world = await work.apply(DeleteCollection("products", chosen.mark))
    assert work.writes == []
    assert world.observed.delete_sent


ADOPTED = DELETING.model_copy(update={"adoption": Adoption()})
DESTRUCTIVE: dict[str, tuple[NamespaceDocument, Action]] = {
    "the collection": (DELETING, DELETE),
    "the mark": (ADOPTED, UnmarkCollection(NAMESPACE_ID, ADOPTED.mark)),
    "dependents": (DELETING, DeleteDependents(NAMESPACE_ID, ("objects",))),
}


@pytest.mark.parametrize(("now", "action"), DESTRUCTIVE.values(), ids=DESTRUCTIVE)
async def test_nothing_is_destroyed_for_an_object_that_changed(now: NamespaceDocument, action: Action) -> None:
    work = Work((now,), (collection(now),), FixedCluster(subject(uid="another")))
    work.metadata.belongings["objects"] = [{"namespace_id": NAMESPACE_ID}]
    with pytest.raises(ObjectChanged):
        await work.apply(action)
    assert work.writes == []


@pytest.mark.parametrize(("now", "action"), DESTRUCTIVE.values(), ids=DESTRUCTIVE)
@pytest.mark.parametrize("state", [State.PROVISIONING, State.READY, State.RETAINED, State.DELETED])
async def test_nothing_is_destroyed_unless_the_document_says_so(
    now: NamespaceDocument, action: Action, state: State
) -> None:
    work = Work((now.model_copy(update={"state": state}),), (collection(now),))
    work.metadata.belongings["objects"] = [{"namespace_id": NAMESPACE_ID}]
    with pytest.raises(Outdated):
        await work.apply(action)
    assert work.writes == []


async def test_dependents_of_the_namespace_go_in_chunks_and_those_of_others_stay() -> None:
    work = Work((DELETING,))
    theirs = {"namespace_id": OTHER_ID}
    work.metadata.belongings = {
        name: [{"namespace_id": NAMESPACE_ID}] * 5 + [theirs] for name in ("buckets", "objects")
    }
    world = await work.apply(DeleteDependents(NAMESPACE_ID, ("buckets", "objects")))
    assert work.metadata.belongings == {"buckets": [theirs], "objects": [theirs]}
    assert world.observed.dependents_deleted
    assert len(work.writes) > 2, "in chunks"


async def test_dependents_stay_as_soon_as_the_user_thinks_better_of_it() -> None:
    work = Work((DELETING,), cluster=FixedCluster(subject()))
    work.metadata.belongings["objects"] = [{"namespace_id": NAMESPACE_ID} for _ in range(9)]

    def edit() -> None:
        work.cluster.held = replace(subject(), resource_version="101")

    # The document and a chunk, twice; then the object is changed.
    work.metadata.faults.before(5, edit)
    with pytest.raises(ObjectChanged):
        await work.apply(DeleteDependents(NAMESPACE_ID, ("objects",)))
    assert len(work.metadata.belongings["objects"]) == 5


async def test_that_a_deletion_was_sent_is_remembered_over_other_steps() -> None:
    work = Work((ADOPTED,), (collection(ADOPTED),))
    sent = World(subject(), Observed(delete_sent=True))
    assert (await work.apply(UnmarkCollection(NAMESPACE_ID, ADOPTED.mark), world=sent)).observed.delete_sent


UNMARKED = replace(LIVE, metadata={"team": "search"})
OF_ANOTHER = collection(another_document(collection=NAMESPACE_ID))
ADOPT = MarkCollection(NAMESPACE_ID, ADOPTED.mark, expected=None)
TAKE_OVER = MarkCollection(NAMESPACE_ID, WHOLE.mark, expected=OF_ANOTHER.mark)


@pytest.mark.parametrize(("action", "live"), [(ADOPT, UNMARKED), (TAKE_OVER, OF_ANOTHER)], ids=["adopt", "take over"])
async def test_a_mark_is_written_beside_what_others_wrote(action: MarkCollection, live: Collection) -> None:
    work = Work(live=(live,))
    world = await work.apply(action)
    assert work.writes == [f"qdrant: set metadata of {NAMESPACE_ID}"]
    assert work.vectors.collections[NAMESPACE_ID].metadata == {**live.metadata, **action.mark.to_metadata()}
    assert world.observed.collection is not None
    assert world.observed.collection.mark is not None
    assert world.observed.collection.mark.members[NAMESPACE_ID] == "films"


@pytest.mark.parametrize(
    ("action", "live"),
    [
        (ADOPT, None),
        (ADOPT, OF_ANOTHER),
        (ADOPT, replace(LIVE, metadata={"mixpeek.com/instance": "half a mark"})),
        (TAKE_OVER, None),
        (TAKE_OVER, UNMARKED),
        (TAKE_OVER, collection(another_document(collection=NAMESPACE_ID, incarnation=2))),
    ],
)
async def test_a_collection_that_changed_is_not_marked(action: MarkCollection, live: Collection | None) -> None:
    work = Work(live=() if live is None else (live,))
    with pytest.raises(Outdated):
        await work.apply(action)
    assert work.writes == []


async def test_taking_the_mark_off_leaves_what_others_wrote() -> None:
    live = collection(ADOPTED)
    work = Work((ADOPTED,), (replace(live, metadata={**live.metadata, "team": "search"}),))
    world = await work.apply(UnmarkCollection(NAMESPACE_ID, ADOPTED.mark))
    assert work.vectors.collections[NAMESPACE_ID].metadata == {"team": "search"}
    assert world.observed.collection is not None
    assert world.observed.collection.mark is None


@pytest.mark.parametrize("live", [None, UNMARKED, OF_ANOTHER])
async def test_a_mark_that_is_not_ours_is_not_taken_off(live: Collection | None) -> None:
    work = Work((ADOPTED,), () if live is None else (live,))
    with pytest.raises(Outdated):
        await work.apply(UnmarkCollection(NAMESPACE_ID, ADOPTED.mark))
    assert work.writes == []
