"""Many namespaces join and leave one shared collection at the same time, in an order that a seed decides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.scenario import CITY, TEXT, run
from tests.model.steps import Step, apply, delete, index
from tests.world.checks import check_at_rest
from tests.world.gate import Gate
from tests.world.world import World

_MEMBERS = tuple(f"member-{number}" for number in range(24))
_CHOSEN = {"qdrantCollection": "pool", "sharing": True}


def _join(name: str, **spec: Any) -> Step:
    return apply(name, featureExtractors=[TEXT], infrastructure=_CHOSEN, deletionPolicy="Delete", **spec)


async def _all_at_once(world: World, seed: int, *steps: Step) -> float:
    """One round of the operator after all the steps; the reads and writes that one member cost."""
    world.stop_operator()
    world.gate = Gate(seed)
    for step in steps:
        step(world)
    world.start_operator()
    world.faults.start_over()
    await world.round()
    return world.faults.operations / len(_MEMBERS)


@pytest.mark.parametrize("seed", range(5))
async def test_members_that_join_at_once_take_one_another_for_strangers(seed: int) -> None:
    world = await run((_join("first", payloadIndexes=[CITY]),), World())
    cost = await _all_at_once(world, seed, *(_join(name, payloadIndexes=[CITY]) for name in _MEMBERS))
    assert {world.condition(name) for name in _MEMBERS} == {("True", "Ready")}, "each of them in one reconcile"
    assert cost <= 16, "one that comes alone costs 13"
    await world.settle()
    await check_at_rest(world)


@pytest.mark.parametrize("seed", range(5))
async def test_members_that_bring_wishes_or_leave_at_once_give_way_to_one_another(seed: int) -> None:
    world = await run((_join("first", payloadIndexes=[CITY]),), World())
    own = (_join(name, payloadIndexes=[index(name, "keyword")]) for name in _MEMBERS)
    await _all_at_once(world, seed, *own)
    assert {world.condition(name) for name in _MEMBERS} == {("True", "Ready")}, "each of them in one reconcile"
    await world.settle()
    await _all_at_once(world, seed, *map(delete, _MEMBERS))
    assert [key.name for key in world.api.objects] == ["first"], "each of them in one reconcile"
    await world.settle()
    await check_at_rest(world)
