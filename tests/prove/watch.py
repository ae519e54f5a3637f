"""The watch shows the past, or does not show at all what happened: what the operator does must not rest on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.model.scenario import run
from tests.model.steps import Step, operator_down, operator_up
from tests.prove.family import Family, one_of
from tests.prove.scenarios import BY_NAME, Plain, plain
from tests.world.checks import check_at_rest, check_no_orphans, check_steady
from tests.world.faults import Fault, Kind
from tests.world.snapshot import differing, snapshot
from tests.world.world import World

_RESTARTED = "+restart"


@dataclass(frozen=True, slots=True)
class _Past:
    """From a write on the watch tells nothing for some rounds, and lists are as old: the case is the write's number.

    Or the operator dies before the write, and the next one is shown the objects as they were before the last step.
    """

    plain: Plain
    cases: Sequence[str]

    async def play(self, case: str) -> None:
        number, restarted, _ = case.partition(_RESTARTED)
        world = self.plain.start.fork()
        if restarted:
            world.faults.at(int(number), Fault(Kind.CRASH_BEFORE))
        else:
            world.faults.before_write(int(number), lambda: _held(world))
        steps = self.plain.scenario.steps
        await _play(world, [_remembering(step) for step in steps] if restarted else steps)
        # Whoever is shown an object without its renewal makes a namespace, and renews it when it sees the annotation.
        found, end = (_without(each, "renewed_at") for each in (snapshot(world), self.plain.end))
        _compare(world, self.plain, found, (end,))
        await check_at_rest(world)


def _held(world: World) -> None:
    assert world.operator is not None
    world.operator.cluster.hold()


def _remembering(step: Step) -> Step:
    """The step, before which it is noted what a cache that is behind will show."""

    def act(world: World) -> None:
        world.shown_after_a_crash = dict(world.api.objects)
        step(world)

    return act


async def _play(world: World, steps: Sequence[Step]) -> None:
    try:
        await run(steps, world)
    except Exception as error:
        error.add_note(_writes(world))
        raise


def _compare(world: World, played: Plain, found: Any, ends: Sequence[Any]) -> None:
    assert world.faults.fired > 0, "nothing went wrong: the case proves nothing"
    lost = world.lost_points
    assert lost == played.scenario.lost_points, f"{lost} points are lost; {_writes(world)}"
    if found not in ends:
        different = differing(found, ends[-1])
        raise AssertionError(f"the end is another one than with a watch: {different}; {_writes(world)}")


def _writes(world: World) -> str:
    return "writes:\n" + "\n".join(f"{at}: {what}" for at, what in enumerate(world.faults.log, 1))


async def _past(part: str) -> _Past:
    played = await plain(part)
    numbers = range(1, played.writes + 1)
    return _Past(played, [f"{number}{how}" for number in numbers for how in ("", _RESTARTED)])


@dataclass(frozen=True, slots=True)
class _Unobserved:
    """Right before a write every object that can go is deleted and made again from its manifest, and no watch tells.

    The case is the write's number. The end has to be one that could be if that came between two of the steps.
    """

    plain: Plain
    ends: Sequence[Any]
    rests: bool
    """Whether each of the ends is at rest; where the operator must not write, a document keeps its former owner."""

    @property
    def cases(self) -> Sequence[str]:
        return [str(number) for number in range(1, self.plain.writes + 1)]

    async def play(self, case: str) -> None:
        world = self.plain.start.fork()
        world.faults.before_write(int(case), lambda: _made_again(world))
        await _play(world, self.plain.scenario.steps)
        _compare(world, self.plain, _without(snapshot(world), *_GENERATIONS), self.ends)
        await (check_at_rest(world) if self.rests else check_steady(world))


_GENERATIONS = ("generation", "observedGeneration")
"""They begin anew with the object, whenever that was."""


def _made_again(world: World) -> None:
    if world.operator is not None:
        world.operator.cluster.cut()
    for key, obj in list(world.api.objects.items()):
        if obj["metadata"].get("finalizers"):
            continue
        world.api.delete(key)
        world.api.apply(key, obj["spec"])
        world.api.annotate(key, obj["metadata"].get("annotations", {}))


async def _unobserved(part: str) -> _Unobserved:
    played = await plain(part)
    steps = played.scenario.steps
    ends, rests = [], True
    for at in range(len(steps) + 1):
        world = await run((*steps[:at], _made_again, *steps[at:]), played.start.fork())
        ends.append(_without(snapshot(world), *_GENERATIONS))
        try:
            check_no_orphans(world)
        except AssertionError:
            rests = False
    return _Unobserved(played, ends, rests)


def _without(value: Any, *names: str) -> Any:
    """A snapshot without what is called so."""
    if isinstance(value, dict):
        return {name: _without(part, *names) for name, part in value.items() if name not in names}
    return [_without(part, *names) for part in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class _Missed:
    """Steps of which no watch tells: the case are the first of them and the one after the last."""

    plain: Plain

    @property
    def cases(self) -> Sequence[str]:
        count = len(self.plain.scenario.steps)
        return [f"{begin}-{end}" for begin in range(count) for end in range(begin + 1, count + 1)]

    async def play(self, case: str) -> None:
        begin, end = map(int, case.split("-"))
        steps = self.plain.scenario.steps
        missed = _all_of(steps[begin:end])
        asleep = await run((*steps[:begin], operator_down, missed, operator_up, *steps[end:]), self.plain.start.fork())
        world = await run(steps[:begin], self.plain.start.fork())
        if world.operator is not None:
            world.operator.cluster.cut()
        await run((missed, *steps[end:]), world)
        assert snapshot(world) == snapshot(asleep), "the end is another one than if the operator had not been running"
        await check_at_rest(world)


def _all_of(steps: Sequence[Step]) -> Step:
    def act(world: World) -> None:
        for step in steps:
            step(world)

    return act


async def _missed(part: str) -> _Missed:
    return _Missed(await plain(part))


# Made again at the moment of its end, the object is one that was applied again after it: neither of the two orders.
_WITHOUT_END = tuple(name for name in BY_NAME if name != "expired-under-Retain")
_ALWAYS_UP = tuple(name for name, scenario in BY_NAME.items() if operator_down not in scenario.steps)


WATCH = (
    Family(
        "watch-in-the-past",
        "from a write on, or after a restart, the watch shows what was, and not what is",
        tuple(BY_NAME),
        _past,
        one_of(8, forms=2),
    ),
    Family(
        "unobserved",
        "at a write the objects are deleted and made again, and no watch tells",
        _WITHOUT_END,
        _unobserved,
        one_of(8),
    ),
    Family("watch-cut", "no watch tells of some of the steps", _ALWAYS_UP, _missed, one_of(9)),
)
