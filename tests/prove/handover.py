"""The lease moves: a leader is frozen right before a write, another one leads, and the write arrives after all.

The case is the number of the operation, and after how many of the new leader's it arrives. What the former leader
would send after that is kept back by its fence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.model.scenario import run
from tests.model.steps import Step
from tests.prove.family import Family, one_of
from tests.prove.scenarios import BY_NAME, Plain, plain
from tests.world.checks import check_at_rest
from tests.world.gate import Frozen, Numbered, Polite
from tests.world.snapshot import differing, snapshot
from tests.world.world import World, beside

DELAYS = {"8": 8, "16": 16, "later": 1_000_000}


@dataclass(frozen=True, slots=True)
class _HandOvers:
    plain: Plain
    cases: Sequence[str]

    async def play(self, case: str) -> None:
        number, _, delay = case.partition("+")
        frozen = Frozen(int(number))
        former = _with_turns(self.plain.start, frozen)
        try:
            leader = await _hand_over(former, frozen, self.plain.scenario.steps, DELAYS[delay])
            different = differing(snapshot(leader), self.plain.end)
            assert not different, f"the end is another one than without a change of leaders: {different}"
            await check_at_rest(leader)
        except Exception as error:
            error.add_note("writes:\n" + "\n".join(former.faults.log))
            raise


def _with_turns(start: World, turns: Frozen | Numbered) -> World:
    world = start.fork()
    world.stop_operator()
    world.gate = turns
    world.start_operator()
    return world


async def _hand_over(former: World, frozen: Frozen, steps: Sequence[Step], delay: int) -> World:
    """Play the steps, and have the leader replaced when it freezes; the result is the world as the next leader has it.

    Steps that stop and start the operator stop the leader and start one that is never frozen.
    """
    for at, step in enumerate(steps):
        step(former)
        if former.operator is None:
            continue
        work = asyncio.ensure_future(former.settle())
        freezing = asyncio.ensure_future(frozen.frozen.wait())
        await asyncio.wait({work, freezing}, return_when=asyncio.FIRST_COMPLETED)
        if not freezing.done():
            freezing.cancel()
            await work
            continue
        leader = beside(former)
        leader.gate = Polite()
        leader.start_operator()
        former.faults.later("the frozen leader's write", frozen.awake.set, delay)
        await leader.settle()
        await work
        assert former.operator is None, "the former leader goes on"
        leader.stop_operator()
        leader.gate = None
        leader.start_operator()
        return await run(steps[at + 1 :], leader)
    raise AssertionError("nobody was frozen: the case proves nothing")


async def _stage(part: str) -> _HandOvers:
    played = await plain(part)
    numbered = Numbered(lambda: world.faults.writes)
    world = _with_turns(played.start, numbered)
    await run(played.scenario.steps, world)
    assert snapshot(world) == played.end
    return _HandOvers(played, [f"{number}+{delay}" for number in numbered.writes() for delay in DELAYS])


HAND_OVERS = Family(
    "lease-moves",
    "a frozen leader's write arrives after another one took its place",
    tuple(BY_NAME),
    _stage,
    one_of(12, forms=len(DELAYS)),
)
