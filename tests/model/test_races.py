"""Somebody does something while the operator is at work, right before any one of its operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.model.scenario import CITY, COLBERT, IMAGE, TEXT, run
from tests.model.scenarios import EVERY_INDEX_TYPE
from tests.model.steps import Step, apply, delete, document_edited, index, mark_removed, points
from tests.world.checks import check_at_rest
from tests.world.snapshot import snapshot
from tests.world.world import World

_SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY])
_SHOP_UNDER_DELETE = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete")
_FULL_SHOP = (_SHOP, points("shop", 3))


@dataclass(frozen=True, slots=True)
class Race:
    """While the operator acts on ``work``, ``interference`` happens; both find the world that ``given`` makes."""

    name: str
    work: Step
    interference: Step
    given: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


# The end is the same whenever the second change comes.
RACES = (
    Race("create and edit", _SHOP, apply("shop", featureExtractors=[TEXT], payloadIndexes=[index("city", "text")])),
    Race(
        "create and rename", _SHOP, apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], namespaceName="x12")
    ),
    Race("create and add extractors", _SHOP, apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY])),
    Race("create and flip the policy", _SHOP, _SHOP_UNDER_DELETE),
    Race("create and flip the policy back", _SHOP_UNDER_DELETE, _SHOP),
    Race(
        "add indexes and remove them",
        apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY, *EVERY_INDEX_TYPE]),
        apply("shop", featureExtractors=[TEXT], payloadIndexes=EVERY_INDEX_TYPE[2:4]),
        _FULL_SHOP,
    ),
    Race(
        "rename and rename",
        apply("shop", featureExtractors=[TEXT], namespaceName="store"),
        apply("shop", featureExtractors=[TEXT], namespaceName="depot"),
        _FULL_SHOP,
    ),
    Race(
        "add an extractor and edit the document",
        apply("shop", featureExtractors=[TEXT, COLBERT], payloadIndexes=[CITY]),
        document_edited("shop", description="edited"),
        _FULL_SHOP,
    ),
)


_CREATE_AND_DELETE = Race("create and delete under Delete", _SHOP_UNDER_DELETE, delete("shop"))
_CREATE_AND_LET_GO = Race("create and delete under Retain", _SHOP, delete("shop"))
_DELETE_WITHOUT_MARK = Race(
    "delete and remove the mark", delete("shop"), mark_removed("shop"), (_SHOP_UNDER_DELETE, points("shop", 3))
)


@pytest.mark.parametrize("race", RACES, ids=str)
async def test_a_change_during_a_reconcile_ends_as_one_after_it(race: Race, tally: Counter[str]) -> None:
    start = await _beginning(race)
    expected = snapshot(await run((race.work, race.interference), start.fork()))
    for number in range(1, await _operations(race, start) + 1):
        world = await _interfere(race, start, number)
        assert snapshot(world) == expected, f"before operation {number}: {world.faults.log}"
        await check_at_rest(world)
        tally["races"] += 1


async def test_a_namespace_deleted_while_it_is_made_leaves_nothing(tally: Counter[str]) -> None:
    start = await _beginning(_CREATE_AND_DELETE)
    for number in range(1, await _operations(_CREATE_AND_DELETE, start) + 1):
        world = await _interfere(_CREATE_AND_DELETE, start, number)
        left = (world.api.objects, world.metadata.documents, world.data)
        assert left == ({}, {}, {}), f"before operation {number}: {world.faults.log}"
        tally["races"] += 1


async def test_a_namespace_let_go_while_it_is_made_is_retained_or_was_never_there(tally: Counter[str]) -> None:
    start = await _beginning(_CREATE_AND_LET_GO)
    for number in range(1, await _operations(_CREATE_AND_LET_GO, start) + 1):
        world = await _interfere(_CREATE_AND_LET_GO, start, number)
        assert world.api.objects == {}
        assert {raw["state"] for raw in world.metadata.all_raw()} <= {"retained"}, f"before operation {number}"
        await check_at_rest(world)
        tally["races"] += 1


async def test_a_mark_removed_before_the_request_saves_the_points(tally: Counter[str]) -> None:
    start = await _beginning(_DELETE_WITHOUT_MARK)
    plain = await run((_DELETE_WITHOUT_MARK.work,), start.fork())
    for number in range(1, plain.faults.operation_of("qdrant: delete")):
        world = await _interfere(_DELETE_WITHOUT_MARK, start, number)
        assert world.vectors.lost_points == 0, f"before operation {number}: {world.faults.log}"
        assert world.condition("shop") == ("False", "CollectionNotOwned")
        tally["races"] += 1


def _act(step: Step, world: World) -> Callable[[], None]:
    return lambda: step(world)


async def _beginning(race: Race) -> World:
    world = await run(race.given, World())
    world.faults.start_over()
    return world


async def _operations(race: Race, start: World) -> int:
    """How many operations the work takes until the world is at rest."""
    world = await run((race.work,), start.fork())
    return world.faults.operations


async def _interfere(race: Race, start: World, number: int) -> World:
    world = start.fork()
    world.faults.before(number, _act(race.interference, world))
    await run((race.work,), world)
    assert world.faults.fired == 1, "nobody interfered: the case proves nothing"
    return world
