"""Every write of every scenario goes wrong in every way: the world ends up as if nothing had happened."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.model.scenarios import SCENARIOS, Scenario, run, without_faults
from tests.world.checks import check_at_rest
from tests.world.faults import Fault, Faults, Kind
from tests.world.snapshot import snapshot
from tests.world.world import World

FAULTS = (
    Fault(Kind.CRASH_BEFORE),
    Fault(Kind.CRASH_AFTER),
    Fault(Kind.LOST),
    Fault(Kind.FAILED),
    # Landing while the same reconcile goes on, while the next one does, and after everything came to rest.
    Fault(Kind.LATE, delay=1),
    Fault(Kind.LATE, delay=8),
    Fault(Kind.LATE, delay=1_000_000),
)

_STORMS = 12
_STORM_CHANCE = 0.25
_STORM_LENGTH = 100


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """Counts the cases of this module and prints them once at its end."""
    tally: Counter[str] = Counter()
    yield tally
    counts = ", ".join(f"{count} {what}" for what, count in tally.items())
    print(f"\nmodel world: {counts}; {tally.total() - tally['scenarios']} cases")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_one_write_goes_wrong(scenario: Scenario, tally: Counter[str]) -> None:
    plain = await without_faults(scenario)
    writes, expected = plain.faults.writes, snapshot(plain)
    await check_at_rest(plain)
    for number in range(1, writes + 1):
        for fault in FAULTS:
            await _check(scenario, expected, f"{fault} at write {number}", _at(number, fault))
    tally["scenarios"] += 1
    tally["single faults of writes"] += writes * len(FAULTS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_one_read_goes_unanswered(scenario: Scenario, tally: Counter[str]) -> None:
    plain = await without_faults(scenario)
    reads, expected = plain.faults.reads, snapshot(plain)
    for number in range(1, reads + 1):
        await _check(scenario, expected, f"no answer to read {number}", _unanswered(number))
    tally["unanswered reads"] += reads


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_many_writes_go_wrong(scenario: Scenario, tally: Counter[str]) -> None:
    expected = snapshot(await without_faults(scenario))
    for seed in range(_STORMS):
        await _check(scenario, expected, f"storm {seed}", _storm(seed))
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


async def _check(scenario: Scenario, expected: Any, case: str, arm: Callable[[Faults], None]) -> None:
    world = World()
    arm(world.faults)
    try:
        await run(scenario, world)
        assert world.faults.fired > 0, "no fault fired: the case proves nothing"
        assert snapshot(world) == expected
        await check_at_rest(world)
    except Exception as error:
        error.add_note(f"{scenario.name}: {case}; writes: {world.faults.log}")
        raise
