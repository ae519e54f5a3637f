"""Many namespaces join one shared collection at the same time, in an order that a seed decides."""

from __future__ import annotations

import pytest

from tests.model.scenario import CITY, TEXT, run
from tests.model.steps import apply
from tests.world.checks import check_at_rest
from tests.world.gate import Gate
from tests.world.world import World

_MEMBERS = 24
_CHOSEN = {"qdrantCollection": "pool", "sharing": True}
_OPERATIONS = 16
"""What a member may cost, reads and writes, once the collection is there; one that comes alone costs 13."""


@pytest.mark.parametrize("seed", range(5))
async def test_members_that_join_at_once_do_not_take_one_another_for_strangers(seed: int) -> None:
    world = await run(
        (apply("first", featureExtractors=[TEXT], payloadIndexes=[CITY], infrastructure=_CHOSEN),), World()
    )
    world.stop_operator()
    world.gate = Gate(seed)
    names = [f"member-{number}" for number in range(_MEMBERS)]
    for name in names:
        world.api.apply(
            world.key(name), {"featureExtractors": [TEXT], "payloadIndexes": [CITY], "infrastructure": _CHOSEN}
        )
    world.start_operator()
    assert world.operator is not None
    world.faults.start_over()
    await world.operator.round()
    assert {world.condition(name) for name in names} == {("True", "Ready")}, "each of them in one reconcile"
    assert world.faults.operations <= _OPERATIONS * _MEMBERS
    await world.settle()
    await check_at_rest(world)
