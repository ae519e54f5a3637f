"""What the counts of a shared collection's members cost Qdrant."""

from __future__ import annotations

import asyncio

from namespace_operator.controller.partition_counts import PartitionCounts
from tests.world.vectors import StoredCollection
from tests.world.world import World

MEMBERS = [f"ns_{number:010x}" for number in range(100)]
TENANT = {"type": "keyword", "is_tenant": True}


def _shared_collection() -> StoredCollection:
    """One in which the first member has one point, the second two, and so on."""
    owners = [member for number, member in enumerate(MEMBERS, start=1) for _ in range(number)]
    points = {number: {"namespace_id": owner} for number, owner in enumerate(owners)}
    return StoredCollection({}, {}, {"namespace_id": TENANT}, points)


async def test_a_hundred_members_cost_one_request() -> None:
    world = World()
    world.vectors.collections["products"] = _shared_collection()
    counts = PartitionCounts(world.vectors, lambda: world.seconds)
    asking = (counts.read("products", member, len(MEMBERS)) for member in MEMBERS)
    assert await asyncio.gather(*asking) == list(range(1, 101))
    assert (world.faults.reads, world.faults.writes) == (1, 0)
    assert await counts.read("products", MEMBERS[0], len(MEMBERS)) == 1
    assert world.faults.reads == 1
    world.seconds += counts.max_age
    assert await counts.read("products", MEMBERS[1], len(MEMBERS)) == 2
    assert world.faults.reads == 2


async def test_a_request_without_an_answer_leaves_the_counts_unknown_once() -> None:
    world = World()
    world.vectors.collections["products"] = _shared_collection()
    counts = PartitionCounts(world.vectors, lambda: world.seconds)
    world.faults.at_read(1)
    asking = (counts.read("products", member, len(MEMBERS)) for member in MEMBERS)
    assert set(await asyncio.gather(*asking)) == {None}
    assert await counts.read("products", MEMBERS[2], len(MEMBERS)) == 3
    assert world.faults.reads == 2


async def test_counts_follow_a_deletion_of_a_members_points() -> None:
    world = World()
    world.vectors.collections["products"] = _shared_collection()
    counts = PartitionCounts(world.vectors, lambda: world.seconds)
    await counts.read("products", MEMBERS[9], len(MEMBERS))
    await world.vectors.delete_points("products", MEMBERS[9])
    world.seconds += counts.max_age
    assert await counts.read("products", MEMBERS[9], len(MEMBERS)) == 0
    assert await counts.read("products", MEMBERS[10], len(MEMBERS)) == 11
    assert (world.faults.log, world.vectors.lost_points) == ([f"qdrant: delete points of {MEMBERS[9]} in products"], 10)
