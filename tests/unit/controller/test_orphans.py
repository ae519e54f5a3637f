"""What is left behind: late creates are undone, everything else without a document is only told of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import collection_claim
from namespace_operator.domain.observed import Collection
from namespace_operator.stores.errors import Backend, Unavailable
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import Outage, metadata_store, stored, vector_store
from tests.unit.domain.builders import (
    KEY,
    NAMESPACE_ID,
    NOW,
    OTHER_ID,
    another_document,
    collection,
    document,
    in_collection,
)
from tests.unit.domain.plan_case import marked
from tests.world.vectors import ModelVectorStore

AGE = 120.0
CLAIM = collection_claim(NAMESPACE_ID)
DEAD = document(state=State.DELETED, claims=(CLAIM,), updated_at=NOW - timedelta(seconds=AGE))
LATE = collection(DEAD, points_count=0)


def burying(*dead: NamespaceDocument, live: tuple[Collection, ...] = ()) -> Bench:
    """A sweep over these tombstones and collections."""
    return Bench(metadata_store(*dead), vector_store(*live), options={"tombstone_age": AGE})


async def test_a_tombstone_goes_when_its_time_has_come() -> None:
    bench = burying(DEAD)
    await bench.sweep.sweep()
    assert bench.written == [f"delete document {NAMESPACE_ID}"]
    assert bench.qdrant.log == []


async def test_it_keeps_its_collections_name_until_then() -> None:
    bench = burying(DEAD.model_copy(update={"updated_at": NOW - timedelta(seconds=AGE - 1)}), live=(LATE,))
    await bench.sweep.sweep()
    assert (bench.written, bench.qdrant.log) == ([], [])


@pytest.mark.parametrize("state", [state for state in State if state is not State.DELETED])
async def test_nothing_else_is_ever_buried(state: State) -> None:
    bench = burying(DEAD.model_copy(update={"state": state}), live=(LATE,))
    await bench.sweep.sweep()
    assert (bench.written, bench.qdrant.log) == ([], [])


async def test_what_came_back_to_life_since_it_was_listed_is_not_buried() -> None:
    bench = burying(DEAD, live=(LATE,))
    alive = DEAD.model_copy(update={"state": State.PROVISIONING})
    # The list, then the document.
    bench.mongodb.before(2, lambda: bench.metadata.put_raw({"_id": NAMESPACE_ID, **alive.model_dump(mode="python")}))
    await bench.sweep.sweep()
    assert (bench.written, bench.qdrant.log) == ([], [])


@pytest.mark.parametrize("live", [LATE, marked(DEAD, **{"organization-uid": None})], ids=["whole", "first version"])
async def test_an_empty_collection_that_came_late_goes_first(live: Collection) -> None:
    bench = burying(DEAD, live=(replace(live, points_count=0),))
    with capture_logs() as logs:
        await bench.sweep.sweep()
    assert bench.qdrant.log == [f"qdrant: delete collection {NAMESPACE_ID}"]
    assert bench.written == [f"delete document {NAMESPACE_ID}"]
    assert [(line["event"], line["collection"]) for line in logs] == [("a late create was undone", NAMESPACE_ID)]


@pytest.mark.parametrize(
    "live",
    [
        replace(LATE, points_count=1),
        marked(DEAD, instance="another"),
        marked(DEAD, incarnation=2),
        replace(LATE, metadata={}),
    ],
    ids=["not empty", "of another instance", "of another incarnation", "unmarked"],
)
async def test_any_other_collection_of_its_name_stays(live: Collection) -> None:
    bench = burying(DEAD, live=(live,))
    await bench.sweep.sweep()
    assert bench.qdrant.log == []
    assert bench.written == [f"delete document {NAMESPACE_ID}"]


async def test_one_that_came_late_and_is_not_empty_is_told_of_once_its_tombstone_is_gone() -> None:
    bench = burying(DEAD, live=(replace(LATE, points_count=1),))
    for _ in range(2):
        await bench.sweep.sweep()
    assert bench.orphans == [(0, 0), (1, 0)]
    assert bench.announced == [
        "OrphanCollections: Collections in Qdrant carry this operator's mark, but MongoDB has no document for them: "
        f"{NAMESPACE_ID} (of {NAMESPACE_ID})"
    ]


@dataclass
class Approximate(ModelVectorStore):
    """Descriptions know of no point yet."""

    async def read(self, collection: str) -> Collection | None:
        """The collection."""
        found = await super().read(collection)
        return None if found is None else replace(found, points_count=0)


async def test_the_count_is_exact_and_not_the_one_of_the_description() -> None:
    there = vector_store(replace(LATE, points_count=1)).collections
    bench = Bench(metadata_store(DEAD), Approximate(Outage(), collections=there), options={"tombstone_age": AGE})
    await bench.sweep.sweep()
    assert bench.qdrant.log == []


async def test_whoever_waits_for_the_collection_is_woken() -> None:
    bench = burying(DEAD)
    bench.reconciler.waiting.wait(KEY, [CLAIM])
    await bench.sweep.sweep()
    assert bench.woken == [KEY]


async def test_a_tombstone_that_cannot_be_buried_does_not_keep_the_others() -> None:
    other = another_document(state=State.DELETED, claims=(collection_claim(OTHER_ID),), updated_at=DEAD.updated_at)
    bench = burying(DEAD, other, live=(LATE,))
    bench.qdrant.at_read(1)
    with capture_logs() as logs:
        await bench.sweep.sweep()
    assert [(line["event"], line["of"]) for line in logs] == [("cannot settle a deletion", NAMESPACE_ID)]
    assert bench.written == [f"delete document {OTHER_ID}"]


STRAY = collection(document())
COPY = replace(STRAY, name=f"{NAMESPACE_ID}-restored")


def straying(*live: Collection) -> Bench:
    """A sweep over collections without documents."""
    return Bench(vectors=vector_store(*live))


async def test_an_orphan_is_told_of_in_the_second_look() -> None:
    bench = straying(STRAY)
    await bench.sweep.sweep()
    assert (bench.orphans, bench.announced) == ([(0, 0)], [])
    await bench.sweep.sweep()
    assert bench.orphans[-1] == (1, 0)
    assert len(bench.announced) == 1


async def test_it_is_announced_once_and_counted_each_time() -> None:
    bench = straying(STRAY)
    for _ in range(4):
        await bench.sweep.sweep()
    assert bench.orphans[1:] == [(1, 0)] * 3
    assert len(bench.announced) == 1


async def test_one_more_is_announced_with_those_of_before() -> None:
    bench = straying(STRAY)
    for _ in range(2):
        await bench.sweep.sweep()
    another = collection(in_collection(another_document(), "products"))
    bench.vectors.collections["products"] = stored(another)
    for _ in range(3):
        await bench.sweep.sweep()
    assert bench.orphans[-1] == (2, 0)
    assert [NAMESPACE_ID in said for said in bench.announced] == [True, True]
    assert [f"products (of {OTHER_ID})" in said for said in bench.announced] == [False, True]


async def test_one_that_comes_back_is_announced_again() -> None:
    bench = straying(STRAY)
    kept = bench.vectors.collections[NAMESPACE_ID]
    for present in (True, True, False, True, True):
        bench.vectors.collections.pop(NAMESPACE_ID, None)
        if present:
            bench.vectors.collections[NAMESPACE_ID] = kept
        await bench.sweep.sweep()
    assert bench.orphans == [(0, 0), (1, 0), (0, 0), (0, 0), (1, 0)]
    assert len(bench.announced) == 2


async def test_a_look_that_failed_counts_for_nothing() -> None:
    bench = straying(STRAY)
    await bench.sweep.sweep()
    bench.qdrant.fails = Unavailable(Backend.QDRANT, "Qdrant cannot be reached", "GET")
    with capture_logs():
        await bench.sweep.sweep()
    bench.qdrant.fails = None
    assert bench.orphans == [(0, 0)]
    await bench.sweep.sweep()
    assert bench.orphans == [(0, 0), (1, 0)]


async def test_copies_are_counted_apart_and_named_by_their_original() -> None:
    bench = straying(STRAY, COPY)
    for _ in range(2):
        await bench.sweep.sweep()
    assert bench.orphans[-1] == (1, 1)
    assert f"{COPY.name} (of {NAMESPACE_ID}, a copy of {NAMESPACE_ID})" in bench.announced[0]


async def test_one_of_nobody_is_told_of_too() -> None:
    bench = straying(marked(document(), **{f"member.{NAMESPACE_ID}": None}))
    for _ in range(2):
        await bench.sweep.sweep()
    assert bench.announced[0].endswith(f"{NAMESPACE_ID} (of nobody)")


async def test_no_more_than_ten_are_named() -> None:
    bench = straying(*(collection(document(namespace_id=f"ns_{n:010}", collection=f"ns_{n:010}")) for n in range(12)))
    for _ in range(2):
        await bench.sweep.sweep()
    (said,) = bench.announced
    assert said.count("(of ") == 10
    assert said.endswith(" and 2 more")


async def test_nothing_is_removed() -> None:
    bench = straying(STRAY, COPY)
    for _ in range(3):
        await bench.sweep.sweep()
    assert bench.qdrant.log == []
