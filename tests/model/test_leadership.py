"""Two replicas and a Lease that moves: wherever it does, and whatever the former leader still had on its way, the end
is the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest

from namespace_operator.stores.fence import UNFENCED, Deposed
from tests.model.scenario import CITY, COLBERT, IMAGE, TEXT, Scenario, beginning, run
from tests.model.steps import Step, apply, delete, document_edited, index, points
from tests.world.checks import check_at_rest
from tests.world.faults import Fault, Faults, Kind
from tests.world.snapshot import snapshot
from tests.world.world import World, settle_together

_SHARED = {"infrastructure": {"sharing": True, "qdrantCollection": "together"}}

_GIVEN = (
    apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete"),
    points("shop", 3),
    apply("first", featureExtractors=[TEXT], deletionPolicy="Delete", **_SHARED),
)

_WORK: dict[str, tuple[Step, ...]] = {
    "made": (apply("new", featureExtractors=[TEXT], payloadIndexes=[CITY]),),
    "changed": (
        apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[index("city", "text")], namespaceName="other"),
    ),
    "deleted": (delete("shop"),),
    "a member more": (apply("second", featureExtractors=[COLBERT], payloadIndexes=[CITY], **_SHARED),),
    "a member less": (delete("first"),),
    "repaired": (document_edited("shop", description="by hand", collection_exists=False),),
}

_ON_ITS_WAY = (
    Fault(Kind.LOST),
    Fault(Kind.FAILED),
    # Landing while the next leader works, and after everything came to rest.
    Fault(Kind.LATE, delay=6),
    Fault(Kind.LATE, delay=25),
    Fault(Kind.LATE, delay=1_000_000),
)


@dataclass(slots=True)
class Until:
    """A term that is over once so many writes were attempted."""

    faults: Faults
    writes: int

    def check(self) -> None:
        """Raise ``Deposed`` once it is over."""
        if self.faults.writes >= self.writes:
            raise Deposed

    def remaining(self) -> float:
        """As ``check``."""
        self.check()
        return 1.0


async def _start(work: str) -> World:
    world = await beginning(Scenario(work, _WORK[work], _GIVEN))
    world.stop_operator()
    return world


async def _lead_until_deposed(world: World, writes: int) -> bool:
    """Whether it came to so many writes; what waits for time to pass it does not do."""
    world.fence = Until(world.faults, writes)
    world.start_operator()
    for _ in range(5):
        try:
            await world.round()
        except asyncio.CancelledError:
            # What several wait for together does not say by what it was ended.
            world.stop_operator()
            return True
    return False


async def _in_one_term(work: str) -> World:
    world = (await _start(work)).fork()
    world.stop_operator()
    world.fence = UNFENCED
    return await run(_WORK[work], world)


@pytest.mark.parametrize("work", _WORK)
async def test_the_lease_moves_after_any_write(work: str, tally: Counter[str]) -> None:
    start = await _start(work)
    plain = await _in_one_term(work)
    expected = snapshot(plain)
    await check_at_rest(plain)
    for number in range(1, plain.faults.writes + 1):
        for fault in _ON_ITS_WAY:
            world = start.fork()
            world.stop_operator()
            for step in _WORK[work]:
                step(world)
            world.faults.at(number, fault)
            try:
                if not await _lead_until_deposed(world, number):
                    assert number > 5
                    return
                world.fence = UNFENCED
                world.start_operator()
                await world.settle()
                assert world.faults.fired == 1
                assert snapshot(world) == expected
                await check_at_rest(world)
            except Exception as error:
                error.add_note(f"{work}: {fault} at write {number}; writes: {world.faults.log}")
                raise
            tally["moves of the Lease"] += 1


@pytest.mark.parametrize("work", _WORK)
async def test_two_lead_at_once_because_somebody_deleted_the_lease(work: str) -> None:
    expected = snapshot(await _in_one_term(work))
    first = (await _start(work)).fork()
    first.stop_operator()
    second = World(faults=first.faults, api=first.api, fence=UNFENCED, _ids=first._ids + 1000)
    second.vectors, second.metadata = first.vectors, first.metadata
    first.fence = UNFENCED
    for step in _WORK[work]:
        step(first)
    for world in (first, second):
        world.start_operator()
    await settle_together(first, second)
    second.stop_operator()
    assert snapshot(first) == expected
    await check_at_rest(first)


async def test_a_document_of_a_later_term_is_no_dead_end() -> None:
    """As after a restore of the documents without the record of the terms."""
    world = await _in_one_term("made")
    world.metadata.terms.clear()
    for raw in world.metadata.all_raw():
        world.metadata.put_raw({**raw, "epoch": 1000})
    world.stop_operator()
    await run((apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY]),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.document("shop")["epoch"] == 1001
    await check_at_rest(world)
