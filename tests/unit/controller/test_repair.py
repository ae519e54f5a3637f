"""Repairs on their way to the stores: what is checked right before an index goes, and how late vectors are counted."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from namespace_operator.controller.cluster import ObjectChanged
from namespace_operator.controller.late_counts import LateVectorCounts
from namespace_operator.controller.partition_counts import PartitionCounts
from namespace_operator.domain.actions import Announced, DropIndex, Purpose
from namespace_operator.domain.document import Adoption, NamespaceDocument
from namespace_operator.domain.document_indexes import AutoIndex, AutoIndexes, AutoIndexState
from namespace_operator.domain.document_repair import IndexRebuild, LateVector, Repairs
from namespace_operator.domain.observed import Collection, LateCounts
from namespace_operator.stores.errors import Backend, Outdated, Unavailable
from tests.unit.controller.fixed import FixedCluster, Outage, vector_store
from tests.unit.controller.test_apply import Work
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    T0,
    collection,
    document,
    owner,
    registered,
    shared_collection,
    with_indexes,
    with_vectors,
)
from tests.world.vectors import ModelVectorStore

KEYWORD = {"type": "keyword"}
BRAND = document(indexes={"brand": KEYWORD})
LIVE = with_indexes(collection(BRAND), extra=KEYWORD)
PRUNE = DropIndex(NAMESPACE_ID, "extra", announced=Announced(NAMESPACE_ID, Purpose.PRUNE))
REBUILD = DropIndex(NAMESPACE_ID, "brand", announced=Announced(NAMESPACE_ID, Purpose.REBUILD))


def rebuilding(**changes: object) -> NamespaceDocument:
    """The document of a rebuild by force in which brand is next."""
    rebuild = IndexRebuild(token="1", force=True, at=T0, total=2, pending=("brand", "bucket_id"))
    return with_repairs(indexes=rebuild.model_copy(update=changes))


def with_repairs(of: NamespaceDocument = BRAND, **parts: object) -> NamespaceDocument:
    """The document with something under way."""
    return of.model_copy(update={"repairs": Repairs.model_validate(parts)})


PRUNING = with_repairs(pruning=("extra",))
ADOPTED_EXTRA = Adoption.model_validate({"indexes": [{"field_name": "extra", "field_schema": {"type": "float"}}]})
MADE_FROM_USE = rebuilding().model_copy(
    update={
        "payload_indexes": (),
        "auto_indexes": AutoIndexes(
            indexes=(AutoIndex(field_name="brand", field_schema=KEYWORD, state=AutoIndexState.CREATED, at=T0),)
        ),
    }
)
ADOPTED_BRAND = Adoption.model_validate({"indexes": [{"field_name": "brand", "field_schema": KEYWORD}]})


@pytest.mark.parametrize(("action", "says"), [(PRUNE, PRUNING), (REBUILD, rebuilding())], ids=["prune", "rebuild"])
async def test_an_index_that_is_announced_to_go_goes(action: DropIndex, says: NamespaceDocument) -> None:
    work = Work((says,), (LIVE,))
    world = await work.apply(action)
    assert work.writes == [f"qdrant: drop index {action.field_name}"]
    assert world.observed.dropped_indexes == {action.field_name}
    assert work.done == [action]


@pytest.mark.parametrize(
    ("action", "now", "live"),
    [
        (PRUNE, None, LIVE),
        (PRUNE, BRAND, LIVE),
        (PRUNE, rebuilding(), LIVE),
        (PRUNE, with_repairs(BRAND.model_copy(update={"adoption": ADOPTED_EXTRA}), pruning=("extra",)), LIVE),
        (PRUNE, with_repairs(document(indexes={"extra": KEYWORD}), pruning=("extra",)), LIVE),
        (PRUNE, with_repairs(BRAND.model_copy(update={"owner": owner(instance_id="x")}), pruning=("extra",)), LIVE),
        (PRUNE, with_repairs(BRAND.model_copy(update={"collection": "others"}), pruning=("extra",)), LIVE),
        (PRUNE, PRUNING, None),
        (REBUILD, PRUNING, LIVE),
        (REBUILD, rebuilding(force=False), LIVE),
        (REBUILD, rebuilding(dropped=True), LIVE),
        (REBUILD, rebuilding(pending=("bucket_id", "brand")), LIVE),
        (REBUILD, rebuilding(pending=()), LIVE),
        (REBUILD, rebuilding().model_copy(update={"incarnation": 2}), LIVE),
        (REBUILD, MADE_FROM_USE, with_indexes(LIVE, brand={"type": "text"})),
    ],
)
async def test_one_that_is_not_announced_any_more_stays(
    action: DropIndex, now: NamespaceDocument | None, live: Collection | None
) -> None:
    work = Work(() if now is None else (now,), () if live is None else (live,))
    with pytest.raises(Outdated):
        await work.apply(action)
    assert work.writes == []


async def test_what_an_adopted_collection_had_is_not_rebuilt_either() -> None:
    adopted = rebuilding().model_copy(update={"adoption": ADOPTED_BRAND})
    work = Work((adopted,), (collection(adopted),))
    with pytest.raises(Outdated, match="was there before the collection was adopted"):
        await work.apply(REBUILD)
    assert work.writes == []


async def test_an_object_that_changed_meanwhile_keeps_its_indexes() -> None:
    work = Work((PRUNING,), (LIVE,), cluster=FixedCluster(denies=ObjectChanged("edited")))
    with pytest.raises(ObjectChanged):
        await work.apply(PRUNE)
    assert work.writes == []


@dataclass
class Estimates(ModelVectorStore):
    """Estimates count two points that were deleted; each count is noted."""

    asked: list[tuple[str, str | None, bool]] = field(default_factory=list)

    async def count_with_vector(
        self, collection: str, vector: str, namespace_id: str | None = None, *, exact: bool = False
    ) -> int:
        """Count."""
        self.asked.append((vector, namespace_id, exact))
        count = await super().count_with_vector(collection, vector, namespace_id, exact=exact)
        return count if exact or namespace_id is not None else count + 2


LATE = LateVector(name="text", since=T0)
GROWN = with_repairs(document([registered("text_extractor_v1")]), late=(LATE,))
GROWN_LIVE = collection(GROWN, points_count=10)


@dataclass
class Desk:
    """Counts of one server at a time of its own."""

    filled: int
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.vectors = Estimates(Outage(), collections=vector_store(GROWN_LIVE).collections)
        self.vectors.collections[NAMESPACE_ID].filled["text"] = set(range(self.filled))
        partitions = PartitionCounts(self.vectors, lambda: self.seconds)
        self.counts = LateVectorCounts(self.vectors, partitions, lambda: self.seconds, 240.0)

    async def read(self, of: NamespaceDocument = GROWN, live: Collection = GROWN_LIVE) -> LateCounts | None:
        """Count for a document and its collection."""
        return await self.counts.read(of, None, live)


async def test_a_late_vector_is_counted_once_in_a_while() -> None:
    desk = Desk(filled=3)
    for _ in range(3):
        assert await desk.read() == LateCounts(10, {LATE: 5})
    assert desk.vectors.asked == [("text", None, False)]
    desk.seconds = 240.0
    await desk.read()
    assert len(desk.vectors.asked) == 2


@pytest.mark.parametrize(("filled", "counted"), [(8, 8), (10, 10)])
async def test_an_estimate_alone_never_says_that_all_points_have_it(filled: int, counted: int) -> None:
    desk = Desk(filled=filled)
    assert await desk.read() == LateCounts(10, {LATE: counted})
    assert desk.vectors.asked == [("text", None, False), ("text", None, True)]


async def test_one_that_came_late_again_is_counted_anew() -> None:
    desk = Desk(filled=10)
    await desk.read()
    later = LateVector(name="text", since=T0.replace(hour=9))
    desk.vectors.collections[NAMESPACE_ID].filled["text"] = set()
    assert await desk.read(with_repairs(GROWN, late=(later,))) == LateCounts(10, {later: 2})


async def test_nothing_is_asked_for_what_is_not_late_or_not_there() -> None:
    desk = Desk(filled=3)
    assert await desk.read(BRAND) is None
    assert await desk.read(live=with_vectors(GROWN_LIVE, text=None)) is None
    assert desk.vectors.asked == []


async def test_unknown_is_not_zero() -> None:
    desk = Desk(filled=3)
    desk.vectors.faults.fails = Unavailable(Backend.QDRANT, "down", "count")  # type: ignore[attr-defined] # an Outage
    assert await desk.read() is None


async def test_a_member_is_counted_by_its_own_points() -> None:
    member = GROWN.model_copy(update={"sharing": True})
    desk = Desk(filled=3)
    pool = desk.vectors.collections[NAMESPACE_ID]
    pool.points = {number: {"namespace_id": NAMESPACE_ID if number < 4 else "ns_other00000"} for number in range(10)}
    counts = await desk.counts.read(member, shared_collection(member), GROWN_LIVE)
    assert counts == LateCounts(4, {LATE: 3})
    assert desk.vectors.asked == [("text", NAMESPACE_ID, False)]
