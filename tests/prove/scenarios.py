"""The scenarios without faults: where each begins, how it ends, and how many operations it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.model.scenario import Scenario, beginning, run
from tests.model.scenarios import SCENARIOS
from tests.world.checks import check_at_rest
from tests.world.faults import Faults
from tests.world.snapshot import differing, snapshot
from tests.world.world import World

BY_NAME = {str(scenario): scenario for scenario in SCENARIOS}


@dataclass(frozen=True, slots=True)
class Plain:
    """A scenario, the world it begins in, and what became of it where nothing went wrong."""

    scenario: Scenario
    start: World
    end: Any
    writes: int
    reads: int
    reads_before: Sequence[int]

    async def check(self, arm: Callable[[Faults], None]) -> None:
        """The scenario with faults ends as it does without."""
        world = self.start.fork()
        arm(world.faults)
        await end_as(self.end, self.scenario, world)


async def end_as(end: Any, scenario: Scenario, world: World) -> None:
    """Play the steps in a world with faults, and compare."""
    try:
        await run(scenario.steps, world)
        assert world.faults.fired > 0, "no fault fired: the case proves nothing"
        found = snapshot(world)
        assert found == end, f"the end is another one than without faults: {differing(found, end)}"
        assert world.lost_points == scenario.lost_points
        await check_at_rest(world)
    except Exception as error:
        error.add_note("writes:\n" + "\n".join(f"{at}: {what}" for at, what in enumerate(world.faults.log, 1)))
        raise


_PLAYED: dict[str, Plain] = {}


async def plain(name: str) -> Plain:
    """The scenario of this name, played without faults once in each process."""
    if name not in _PLAYED:
        scenario = BY_NAME[name]
        start = await beginning(scenario)
        world = await run(scenario.steps, start.fork())
        writes, reads, end = world.faults.writes, world.faults.reads, snapshot(world)
        reads_before = tuple(world.faults.reads_before)
        await check_at_rest(world)
        assert world.lost_points == scenario.lost_points
        _PLAYED[name] = Plain(scenario, start, end, writes, reads, reads_before)
    return _PLAYED[name]
