"""Every order in which three members of a shared collection come, change and go: 1,680, compared with arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.model.scenario import run
from tests.model.sharing_orders import MEMBERS, POINTS, POLICY, SYSTEM, WISHES, Expected, spec_of
from tests.model.steps import Step, apply, delete, partition
from tests.prove.family import Family, one_of
from tests.world.checks import check_no_orphans, check_status
from tests.world.world import World

POOL = "pool"
_STAGES = 3
_SHARED_STEPS = 3
"""Steps that all orders of one part have in common."""


def _steps(name: str) -> tuple[Step, Step, Step]:
    chosen = {"qdrantCollection": POOL, "sharing": True}
    first, second = (
        apply(name, infrastructure=chosen, deletionPolicy=POLICY[name], **spec_of(wish)) for wish in WISHES[name]
    )
    return first, second, delete(name)


_STEPS = {name: _steps(name) for name in MEMBERS}


def _orders(taken: str = "") -> Iterator[str]:
    """Every order that begins so: one letter a step, whose it is."""
    if len(taken) == _STAGES * len(MEMBERS):
        yield taken
    for name in MEMBERS:
        if taken.count(name) < _STAGES:
            yield from _orders(taken + name)


@dataclass(slots=True)
class _Orders:
    """The orders of a common beginning. One after the other takes up where the last one went another way."""

    cases: Sequence[str]
    _worlds: list[tuple[str, World]] = field(default_factory=list)
    """The worlds along the last order, none of them with an operator."""

    async def play(self, case: str) -> None:
        while self._worlds and not case.startswith(self._worlds[-1][0]):
            self._worlds.pop()
        world = self._worlds[-1][1].fork() if self._worlds else World()
        begun = len(self._worlds[-1][0]) if self._worlds else 0
        for at in range(begun, len(case)):
            taken = case[: at + 1]
            await _take(world, case[:at], case[at])
            _check(world, _expected(taken), taken)
            world.stop_operator()
            self._worlds.append((taken, world))
            world = world.fork()


async def _take(world: World, before: str, name: str) -> None:
    """One step of one member."""
    stage = before.count(name)
    await run((_STEPS[name][stage],), world)
    if stage == 0:
        await run((partition(name, POINTS[name]),), world)


def _expected(taken: str) -> Expected:
    """The same by arithmetic."""
    expected = Expected()
    for at, name in enumerate(taken):
        expected.take(name, taken[:at].count(name))
    return expected


def _check(world: World, expected: Expected, order: str) -> None:
    check_no_orphans(world)
    if not expected.wishes:
        assert world.data == {}, order
        assert world.metadata.documents == {}, order
        return
    pool = world.vectors.collections[POOL]
    ids = {raw["owner"]["cr_name"]: raw["_id"] for raw in world.metadata.namespaces()}
    assert ids.keys() == expected.wishes.keys(), order
    raw = world.metadata.raw(f"shared/{POOL}")
    assert raw is not None
    assert set(raw["members"]) == set(ids.values()), order
    assert set(pool.vectors) == expected.vectors, order
    types = expected.wanted_types()
    assert set(pool.indexes) - SYSTEM == set(types), order
    for name, kinds in types.items():
        assert pool.indexes[name]["type"] in kinds, (name, order)
    points = Counter(point["namespace_id"] for point in pool.points.values())
    assert points == {ids[name]: count for name, count in expected.points.items()}, order
    for name in expected.living:
        _check_member(world, expected, name, order)


def _check_member(world: World, expected: Expected, name: str, order: str) -> None:
    pool = world.vectors.collections[POOL]
    wish = expected.wishes[name]
    conflicts = {field for field, kind in wish.indexes.items() if pool.indexes[field]["type"] != kind}
    reason = "IndexConflict" if conflicts else "Ready"
    assert world.condition(name)[1] == reason, (name, order)
    check_status(world, world.object(name))


async def _stage(part: str) -> _Orders:
    return _Orders([order for order in _orders() if order.startswith(part)])


_PARTS = tuple(sorted({order[:_SHARED_STEPS] for order in _orders()}))

ORDERS = Family(
    "sharing-order", "three members of a shared collection come, change and go in any order", _PARTS, _stage, one_of(60)
)
