"""Each write and each read of each scenario goes wrong in each way; many of them go wrong at once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.model.scenario import Scenario, without_faults
from tests.prove.family import Family, one_of
from tests.prove.scenarios import BY_NAME, Plain, end_as, plain
from tests.prove.shrink import fewer
from tests.world.faults import Fault, Kind
from tests.world.past import Past
from tests.world.snapshot import snapshot
from tests.world.world import World

_AFTER_ALL = 1_000_000
_DELAYS = (1, 8, _AFTER_ALL)
"""A late write lands while the same reconcile goes on, while the next one does, and after all came to rest."""

KINDS: dict[str, tuple[str, tuple[Fault, ...]]] = {
    "crash-before": ("the operator dies before a write", (Fault(Kind.CRASH_BEFORE),)),
    "crash-after": ("the operator dies after a write", (Fault(Kind.CRASH_AFTER),)),
    "answer-lost": ("a write happens and its answer is lost", (Fault(Kind.LOST),)),
    "error-500": ("a write is answered by an error and does not happen", (Fault(Kind.FAILED),)),
    "timeout-happened": (
        "a write times out, and happens all the same, at once or later",
        tuple(Fault(Kind.LATE, delay) for delay in _DELAYS),
    ),
    "timeout-did-not": ("a write times out and does not happen", (Fault(Kind.TIMEOUT),)),
}

FAULTS = tuple(fault for _, faults in KINDS.values() for fault in faults)

_STORMS = 8
_STORM_CHANCE = 0.25
_STORM_LENGTH = 100


@dataclass(frozen=True, slots=True)
class _Writes:
    """One fault at each write: the case is its number, and the delay of one that lands late."""

    plain: Plain
    faults: tuple[Fault, ...]
    cases: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        numbers = range(1, self.plain.writes + 1)
        cases = [f"{number}{_suffix(fault)}" for number in numbers for fault in self.faults]
        object.__setattr__(self, "cases", cases)

    async def play(self, case: str) -> None:
        number, _, _ = case.partition("+")
        (fault,) = (fault for fault in self.faults if case == f"{number}{_suffix(fault)}")
        await self.plain.check(lambda faults: faults.at(int(number), fault))


def _suffix(fault: Fault) -> str:
    if fault.kind is not Kind.LATE:
        return ""
    return "+later" if fault.delay == _AFTER_ALL else f"+{fault.delay}"


def _of_writes(place: int, name: str) -> Family:
    claim, faults = KINDS[name]

    async def stage(part: str) -> _Writes:
        return _Writes(await plain(part), faults)

    # Together the kinds of the short form leave out no write: each write goes wrong in one way.
    return Family(name, claim, tuple(BY_NAME), stage, one_of(len(KINDS), place, forms=len(faults)))


@dataclass(frozen=True, slots=True)
class _Stale:
    """The last read before a write shows the stores as they were before their last change: the case is its number."""

    plain: Plain

    @property
    def cases(self) -> Sequence[str]:
        return [str(number) for number in sorted(set(self.plain.reads_before)) if number]

    async def play(self, case: str) -> None:
        world = self.plain.start.fork()
        past = Past(world)
        world.faults.past = past
        world.faults.at_stale_read(int(case))
        scenario = self.plain.scenario
        await end_as(self.plain.end, replace(scenario, steps=tuple(map(past.changing, scenario.steps))), world)


async def _stale(part: str) -> _Stale:
    return _Stale(await plain(part))


@dataclass(frozen=True, slots=True)
class _Reads:
    """One read without an answer: the case is its number."""

    plain: Plain

    @property
    def cases(self) -> Sequence[str]:
        return [str(number) for number in range(1, self.plain.reads + 1)]

    async def play(self, case: str) -> None:
        await self.plain.check(lambda faults: faults.at_read(int(case)))


async def _reads(part: str) -> _Reads:
    return _Reads(await plain(part))


@dataclass(frozen=True, slots=True)
class _Storms:
    """Many faults from an empty world on: the case is the seed, after a slash the writes that still go wrong."""

    scenario: Scenario
    end: object
    cases: Sequence[str] = tuple(str(seed) for seed in range(_STORMS))

    async def play(self, case: str) -> None:
        world = World()
        for number, fault in _storm(case).items():
            world.faults.at(number, fault)
        await end_as(self.end, self.scenario, world)


async def _storms(part: str) -> _Storms:
    scenario = BY_NAME[part]
    whole = Scenario(scenario.name, (*scenario.given, *scenario.steps), lost_points=scenario.lost_points)
    return _Storms(whole, snapshot(await without_faults(whole)))


def _storm(case: str) -> dict[int, Fault]:
    """The faults by the number of the write; after the first writes the weather clears."""
    seed, slash, kept = case.partition("/")
    chance = random.Random(int(seed))
    planned = {chance.randint(1, 9): chance.choice(FAULTS)}
    planned |= {n: chance.choice(FAULTS) for n in range(1, _STORM_LENGTH) if chance.random() < _STORM_CHANCE}
    wanted = kept.split(",") if slash else list(map(str, planned))
    return {number: fault for number, fault in planned.items() if str(number) in wanted}


def _calmer(case: str) -> Iterator[str]:
    seed, _, _ = case.partition("/")
    for kept in fewer(sorted(_storm(case))):
        if kept:
            yield f"{seed}/{','.join(map(str, kept))}"


WRITES = tuple(_of_writes(place, name) for place, name in enumerate(KINDS))
STALE = Family(
    "stale-read",
    "the read before a write shows the stores as they were before their last change",
    tuple(BY_NAME),
    _stale,
    one_of(len(KINDS)),
)
READS = Family("read-unanswered", "a read gets no answer", tuple(BY_NAME), _reads, one_of(40))
STORMS = Family(
    "storm", "many writes go wrong from the beginning on", tuple(BY_NAME), _storms, one_of(_STORMS), smaller=_calmer
)
