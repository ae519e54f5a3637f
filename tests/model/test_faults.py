"""Every write of every scenario goes wrong in every way: the world ends up as if nothing had happened."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.model.scenario import Scenario, beginning, run, without_faults
from tests.model.scenarios import SCENARIOS
from tests.world.checks import check_at_rest
from tests.world.faults import Fault, Faults, Kind
from tests.world.snapshot import snapshot
from tests.world.world import World

_AFTER_ALL = Fault(Kind.LATE, delay=1_000_000)

FAULTS = (
    Fault(Kind.CRASH_BEFORE),
    Fault(Kind.CRASH_AFTER),
    Fault(Kind.LOST),
    Fault(Kind.FAILED),
    # Landing while the same reconcile goes on, while the next one does, and after everything came to rest.
    Fault(Kind.LATE, delay=1),
    Fault(Kind.LATE, delay=8),
    _AFTER_ALL,
)

_STORMS = 8
_STORM_CHANCE = 0.25
_STORM_LENGTH = 100


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_one_write_goes_wrong(scenario: Scenario, tally: Counter[str]) -> None:
    start = await beginning(scenario)
    plain = await run(scenario.steps, start.fork())
    writes, expected = list(plain.faults.log), snapshot(plain)
    await check_at_rest(plain)
    assert plain.vectors.lost_points == scenario.lost_points
    for number in range(1, len(writes) + 1):
        for fault in FAULTS:
            await _check(scenario, start.fork(), expected, f"{fault} at write {number}", _at(number, fault))
            tally["single faults of writes"] += 1
    tally["scenarios"] += 1
    tally["writes"] += len(writes)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_one_read_goes_unanswered(scenario: Scenario, tally: Counter[str]) -> None:
    start = await beginning(scenario)
    plain = await run(scenario.steps, start.fork())
    reads, expected = plain.faults.reads, snapshot(plain)
    for number in range(1, reads + 1):
        await _check(scenario, start.fork(), expected, f"no answer to read {number}", _unanswered(number))
    tally["unanswered reads"] += reads


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_many_writes_go_wrong_from_the_beginning_on(scenario: Scenario, tally: Counter[str]) -> None:
    whole = Scenario(scenario.name, (*scenario.given, *scenario.steps))
    expected = snapshot(await without_faults(whole))
    for seed in range(_STORMS):
        await _check(whole, World(), expected, f"storm {seed}", _storm(seed))
    tally["storms of faults"] += _STORMS


def _at(number: int, fault: Fault) -> Callable[[Faults], None]:
    return lambda faults: faults.at(number, fault)


def _unanswered(number: int) -> Callable[[Faults], None]:
    return lambda faults: faults.at_read(number)


def _storm(seed: int) -> Callable[[Faults], None]:
    """Many faults, the same ones for a seed; after the first writes the weather clears."""

    def arm(faults: Faults) -> None:
        chance = random.Random(seed)
        faults.at(chance.randint(1, 9), chance.choice(FAULTS))
        for number in range(1, _STORM_LENGTH):
            if chance.random() < _STORM_CHANCE:
                faults.at(number, chance.choice(FAULTS))

    return arm


async def _check(scenario: Scenario, world: World, expected: Any, case: str, arm: Callable[[Faults], None]) -> None:
    arm(world.faults)
    try:
        await run(scenario.steps, world)
        assert world.faults.fired > 0, "no fault fired: the case proves nothing"
        assert snapshot(world) == expected
        await check_at_rest(world)
    except Exception as error:
        error.add_note(f"{scenario.name}: {case}; writes: {world.faults.log}")
        raise
