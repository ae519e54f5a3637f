"""Members that come, change and go in the same instant, under one operator and under two: nobody loses anybody."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.model.scenario import CITY, IMAGE, TEXT, run
from tests.model.steps import Step, apply, delete, index, partition
from tests.world.checks import check_at_rest
from tests.world.gate import Gate
from tests.world.world import World, settle_together

_SEEDS = 60
POOL = {"qdrantCollection": "pool", "sharing": True}
PRICE = index("price", "float")


def _member(name: str, **spec: object) -> Step:
    return apply(name, infrastructure=POOL, deletionPolicy="Delete", **spec)


_FULL = (
    _member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]),
    _member("b", payloadIndexes=[CITY, PRICE]),
    partition("a", 3),
    partition("b", 2),
)


def _beside(world: World) -> World:
    """A second process of the same operator: what it holds in memory is its own, and nothing else."""
    twin = World(faults=world.faults, api=world.api, gate=world.gate)
    twin.vectors, twin.metadata = world.vectors, world.metadata
    return twin


async def _at_once(start: World, seed: int, operators: int, *steps: Step) -> World:
    world = start.fork()
    world.stop_operator()
    world.gate = Gate(seed)
    for step in steps:
        step(world)
    processes = [world, *(_beside(world) for _ in range(operators - 1))]
    for number, process in enumerate(processes):
        # Ids that the other process could not have made up.
        process._ids = 1000 * (number + 1)
        process.start_operator()
    await settle_together(*processes)
    for process in processes:
        process.stop_operator()
    world.gate = None
    world.start_operator()
    await world.settle()
    return world


def _check_members(world: World, *names: str) -> None:
    for name in names:
        assert world.condition(name) == ("True", "Ready"), name
    shared = world.metadata.raw("shared/pool")
    assert shared is not None
    ids = {world.status(name)["namespaceId"] for name in names}
    assert set(shared["members"]) == ids
    pool = world.vectors.collections["pool"]
    assert {key.rpartition(".")[2] for key in pool.metadata if ".member." in key or "/member." in key} == ids


@pytest.mark.parametrize("operators", [1, 2])
async def test_members_that_join_at_once_lose_one_another(operators: int, tally: Counter[str]) -> None:
    start = await run((apply("other"),), World())
    steps = (
        _member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]),
        _member("b", featureExtractors=[IMAGE], payloadIndexes=[CITY, PRICE]),
        _member("c", payloadIndexes=[PRICE]),
    )
    for seed in range(_SEEDS):
        world = await _at_once(start, seed, operators, *steps)
        _check_members(world, "a", "b", "c")
        pool = world.vectors.collections["pool"]
        assert {"city", "price"} <= pool.indexes.keys(), f"seed {seed}"
        assert len(pool.vectors) == 2, f"seed {seed}"
        await check_at_rest(world)
        tally["members at once"] += 1


@pytest.mark.parametrize("operators", [1, 2])
async def test_one_joins_while_another_leaves_and_a_third_changes(operators: int, tally: Counter[str]) -> None:
    start = await run(_FULL, World())
    steps = (delete("a"), _member("c", payloadIndexes=[CITY]), _member("b", featureExtractors=[IMAGE]))
    for seed in range(_SEEDS):
        world = await _at_once(start, seed, operators, *steps)
        _check_members(world, "b", "c")
        pool = world.vectors.collections["pool"]
        assert {"city"} == pool.indexes.keys() & {"city", "price"}, f"seed {seed}"
        assert len(pool.points) == 2, f"seed {seed}"
        await check_at_rest(world)
        tally["members at once"] += 1


@pytest.mark.parametrize("operators", [1, 2])
async def test_one_takes_a_wish_back_while_another_has_it(operators: int, tally: Counter[str]) -> None:
    start = await run((_member("a", payloadIndexes=[CITY]), _member("b"), partition("a", 1)), World())
    for seed in range(_SEEDS):
        world = await _at_once(start, seed, operators, _member("a"), _member("b", payloadIndexes=[CITY]))
        _check_members(world, "a", "b")
        assert "city" in world.vectors.collections["pool"].indexes, f"seed {seed}"
        await check_at_rest(world)
        tally["members at once"] += 1


@pytest.mark.parametrize("operators", [1, 2])
async def test_the_last_leaves_while_another_joins(operators: int, tally: Counter[str]) -> None:
    start = await run((_member("a", featureExtractors=[TEXT]), partition("a", 3)), World())
    for seed in range(_SEEDS):
        world = await _at_once(start, seed, operators, delete("a"), _member("c", payloadIndexes=[CITY]))
        _check_members(world, "c")
        assert world.vectors.collections["pool"].points == {}
        await check_at_rest(world)
        tally["members at once"] += 1
