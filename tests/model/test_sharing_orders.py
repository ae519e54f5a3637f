"""Every order in which three members of a shared collection come, change and go: 1,680, compared with arithmetic."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.model.scenario import run
from tests.model.sharing_orders import MEMBERS, POINTS, POLICY, SYSTEM, WISHES, Expected, spec_of
from tests.model.steps import Step, apply, delete, partition
from tests.world.checks import check_no_orphans, check_status
from tests.world.world import World

POOL = "pool"


def _steps(name: str) -> tuple[Step, Step, Step]:
    chosen = {"qdrantCollection": POOL, "sharing": True}
    first, second = (
        apply(name, infrastructure=chosen, deletionPolicy=POLICY[name], **spec_of(wish)) for wish in WISHES[name]
    )
    return first, second, delete(name)


STEPS = {name: _steps(name) for name in MEMBERS}


async def _take(world: World, expected: Expected, name: str, stage: int) -> None:
    """One step of one member, and the same by arithmetic."""
    await run((STEPS[name][stage],), world)
    expected.take(name, stage)
    if stage == 0:
        await run((partition(name, POINTS[name]),), world)


def _check(world: World, expected: Expected, order: tuple[str, ...]) -> None:
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


def _check_member(world: World, expected: Expected, name: str, order: tuple[str, ...]) -> None:
    pool = world.vectors.collections[POOL]
    wish = expected.wishes[name]
    conflicts = {field for field, kind in wish.indexes.items() if pool.indexes[field]["type"] != kind}
    reason = "IndexConflict" if conflicts else "Ready"
    assert world.condition(name)[1] == reason, (name, order)
    check_status(world, world.object(name))


@pytest.mark.parametrize("first", [pytest.param(name, id=f"{name} first") for name in MEMBERS])
async def test_every_order(first: str, tally: Counter[str]) -> None:
    done = 0

    async def walk(world: World, taken: dict[str, int], order: tuple[str, ...]) -> None:
        nonlocal done
        if all(stage == 3 for stage in taken.values()):
            done += 1
            return
        for name, stage in taken.items():
            if stage == 3:
                continue
            branch = world.fork()
            following = (*order, f"{name}{stage}")
            expected = _replay(following)
            await _take(branch, expected, name, stage)
            _check(branch, expected, following)
            await walk(branch, {**taken, name: stage + 1}, following)

    start = World()
    start.start_operator()
    await _take(start, Expected(), first, 0)
    await walk(start, {name: int(name == first) for name in MEMBERS}, (f"{first}0",))
    assert done == 560
    tally["orders of three members"] += done


def _replay(order: tuple[str, ...]) -> Expected:
    """The arithmetic of all steps but the last."""
    expected = Expected()
    for step in order[:-1]:
        expected.take(step[0], int(step[1]))
    return expected
