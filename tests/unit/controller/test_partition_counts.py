"""Points of a shared collection's members, counted for all who ask by one request, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from namespace_operator.controller.partition_counts import PartitionCounts
from namespace_operator.stores.errors import Backend, Rejected, Unauthorized, Unavailable
from tests.unit.controller.fixed import Outage
from tests.world.vectors import ModelVectorStore, StoredCollection
from tests.world.virtual_time import now, run

MAX_AGE = 10.0
TENANT = {"type": "keyword", "is_tenant": True}


@dataclass
class CountedFacets(ModelVectorStore):
    """A facet takes a second, and the limit of each is noted."""

    faults: Outage = field(default_factory=Outage)
    limits: list[tuple[str, int]] = field(default_factory=list)

    async def points_by_namespace(self, collection: str, limit: int) -> Mapping[str, int]:
        """Count."""
        self.limits.append((collection, limit))
        await asyncio.sleep(1.0)
        return await super().points_by_namespace(collection, limit)


def server(**collections: Mapping[str, int]) -> CountedFacets:
    """A server with so many points of each namespace in each collection."""
    vectors = CountedFacets()
    for name, counts in collections.items():
        payloads = [{"namespace_id": namespace_id} for namespace_id, count in counts.items() for _ in range(count)]
        points: dict[int, dict[str, Any]] = dict(enumerate(payloads))
        vectors.collections[name] = StoredCollection({}, {}, {"namespace_id": TENANT}, points)
    return vectors


def counting(vectors: CountedFacets) -> PartitionCounts:
    """A reader of that server."""
    return PartitionCounts(vectors, now, MAX_AGE)


def test_who_asks_at_the_same_time_is_answered_by_one_facet() -> None:
    vectors = server(products={"ns_1": 3, "ns_2": 1})

    async def main() -> tuple[list[int | None], float]:
        counts = counting(vectors)
        asking = [counts.read("products", f"ns_{number}", 3) for number in (1, 2, 3, 1)]
        return list(await asyncio.gather(*asking)), now()

    assert run(main()) == ([3, 1, 0, 3], 1.0)
    assert len(vectors.limits) == 1


def test_each_collection_is_asked_for_itself() -> None:
    vectors = server(products={"ns_1": 3}, books={"ns_1": 5})

    async def main() -> list[int | None]:
        counts = counting(vectors)
        return list(await asyncio.gather(*(counts.read(name, "ns_1", 1) for name in ("products", "books") * 2)))

    assert run(main()) == [3, 5, 3, 5]
    assert sorted(name for name, _ in vectors.limits) == ["books", "products"]


def test_an_answer_is_believed_until_it_is_too_old() -> None:
    vectors = server(products={"ns_1": 3})

    async def main() -> list[int | None]:
        counts = counting(vectors)
        first = await counts.read("products", "ns_1", 1)
        vectors.collections["products"].points.clear()
        await asyncio.sleep(MAX_AGE - 0.1)
        believed = await counts.read("products", "ns_1", 1)
        await asyncio.sleep(0.1)
        return [first, believed, await counts.read("products", "ns_1", 1)]

    assert run(main()) == [3, 3, 0]
    assert len(vectors.limits) == 2


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable(Backend.QDRANT, "Qdrant cannot be reached", "POST"),
        Unauthorized(Backend.QDRANT, "Qdrant refuses the key", "POST"),
        Rejected(Backend.QDRANT, "Qdrant refuses", "POST"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_points_that_cannot_be_counted_are_unknown_told_of_once_and_asked_for_again(failure: Exception) -> None:
    vectors = server(products={"ns_1": 3})
    vectors.faults.fails = failure

    async def main() -> tuple[list[int | None], float, int | None]:
        counts = counting(vectors)
        unknown = list(await asyncio.gather(*(counts.read("products", "ns_1", 1) for _ in range(50))))
        took = now()
        vectors.faults.fails = None
        return unknown, took, await counts.read("products", "ns_1", 1)

    with capture_logs() as logs:
        assert run(main()) == ([None] * 50, 1.0, 3)
    assert [(line["event"], line["collection"]) for line in logs] == [("points unknown", "products")]


def test_without_its_index_a_collections_points_are_unknown() -> None:
    vectors = server(products={"ns_1": 3})
    vectors.collections["products"].indexes.clear()
    with capture_logs() as logs:
        assert run(counting(vectors).read("products", "ns_1", 1)) is None
    assert len(logs) == 1


def test_a_defect_is_not_taken_for_an_outage() -> None:
    vectors = server(products={"ns_1": 3})
    vectors.faults.fails = AttributeError("a defect")
    with pytest.raises(AttributeError):
        run(counting(vectors).read("products", "ns_1", 1))


def test_there_is_room_for_every_member_and_some_more() -> None:
    members = {f"ns_{number:04}": 1 for number in range(2000)}
    vectors = server(products=members)
    assert run(counting(vectors).read("products", "ns_1999", 2000)) == 1
    ((_, limit),) = vectors.limits
    assert limit > 2000


def test_points_of_many_others_hide_no_members() -> None:
    others = {f"a_{number:04}": 2 for number in range(1500)}
    vectors = server(products={**others, "ns_1": 1})
    assert run(counting(vectors).read("products", "ns_1", 1)) == 1
    assert len(vectors.limits) == 3


@dataclass
class Endless(CountedFacets):
    """There are always as many namespace ids as asked for."""

    async def points_by_namespace(self, collection: str, limit: int) -> Mapping[str, int]:
        """Count."""
        self.limits.append((collection, limit))
        return dict.fromkeys(map(str, range(limit)), 1)


def test_the_search_for_members_among_others_ends() -> None:
    vectors = Endless()
    with capture_logs() as logs:
        assert run(counting(vectors).read("products", "ns_1", 1)) is None
    assert len(vectors.limits) == 4
    assert "far more namespace ids than members" in logs[0]["error"]


def test_a_collection_that_nobody_asks_for_any_more_is_forgotten() -> None:
    vectors = server(gone={"ns_1": 1}, kept={"ns_1": 1}, new={"ns_1": 1})

    async def main() -> set[str]:
        counts = counting(vectors)
        await counts.read("gone", "ns_1", 1)
        await asyncio.sleep(3000)
        await counts.read("kept", "ns_1", 1)
        await asyncio.sleep(1000)
        await counts.read("new", "ns_1", 1)
        return set(counts._partitions)

    assert run(main()) == {"kept", "new"}


def test_who_gives_up_does_not_take_the_others_along() -> None:
    vectors = server(products={"ns_1": 3})

    async def main() -> int | None:
        counts = counting(vectors)
        impatient = asyncio.create_task(counts.read("products", "ns_1", 1))
        patient = asyncio.create_task(counts.read("products", "ns_1", 1))
        await asyncio.sleep(0.5)
        impatient.cancel()
        return await patient

    assert run(main()) == 3
