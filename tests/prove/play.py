"""Plays the cases of one part of a family, and finds the smallest one that fails as another one did."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.prove.families import FAMILIES
from tests.prove.family import Family, Seed
from tests.prove.shrink import shrink
from tests.world.faults import Crash
from tests.world.logs import be_quiet
from tests.world.virtual_time import run

FAULT_FREE = "fault-free"
"""Stands for the case of a part whose beginning, or whose end without faults, is already wrong."""


_WRONG = (Exception, asyncio.CancelledError, Crash)
"""What a case may end with, if it does not hold."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that failed, and how."""

    family: str
    seed: Seed
    error: str

    @property
    def command(self) -> str:
        """What plays it again."""
        return f"make prove FAMILY={self.family} SEED='{self.seed}'"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one part; ``seconds`` of processor time."""

    family: str
    part: str
    cases: int = 0
    seconds: float = 0.0
    failures: Sequence[Failure] = field(default=())


def play_part(name: str, part: str, *, short: bool) -> Outcome:
    """Play all cases of a part, or those of the short form, in virtual time."""
    be_quiet()
    return run(play_cases(FAMILIES[name], part, short=short))


async def play_cases(family: Family, part: str, *, short: bool) -> Outcome:
    """Play all cases of a part, or those of the short form."""
    begun = time.process_time()
    try:
        stage = await family.stage(part)
    except _WRONG as error:
        failure = Failure(family.name, Seed(part, FAULT_FREE), _told(error))
        return Outcome(family.name, part, 1, time.process_time() - begun, (failure,))
    cases = [case for at, case in enumerate(stage.cases) if not short or family.chosen(part, at)]
    failures = []
    for case in cases:
        try:
            await stage.play(case)
        except _WRONG as error:
            failures.append(Failure(family.name, Seed(part, case), _told(error)))
    return Outcome(family.name, part, len(cases), time.process_time() - begun, failures)


def play_again(name: str, seed: Seed) -> Failure | None:
    """Play one case; the result is how it failed."""
    be_quiet()

    async def play() -> None:
        stage = await FAMILIES[name].stage(seed.part)
        if seed.case != FAULT_FREE:
            await stage.play(seed.case)

    try:
        run(play())
    except _WRONG as error:
        return Failure(name, seed, _told(error))
    return None


def smallest(failure: Failure) -> Failure:
    """The smallest case that was found in the place of one that failed, and how that one fails."""
    found = failure

    async def fails(case: str) -> bool:
        nonlocal found
        stage = await FAMILIES[failure.family].stage(failure.seed.part)
        try:
            await stage.play(case)
        except _WRONG as error:
            found = Failure(failure.family, Seed(failure.seed.part, case), _told(error))
            return True
        return False

    be_quiet()
    run(shrink(failure.seed.case, FAMILIES[failure.family].smaller, fails))
    return found


def _told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error, limit=-4)).rstrip()
