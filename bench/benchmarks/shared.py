"""Small Namespaces applied at once as members of shared collections, until all are Ready."""

from __future__ import annotations

from collections import Counter
from functools import partial

from bench.benchmarks.create import by_purpose
from bench.figure import Figure, Goal, Measured, Table
from bench.requests import STATUS
from bench.rig import FLOOR, OPERATOR, SIDES, SPEC, Cost, Side, facts, rig
from bench.show import Show
from bench.size import Size

ROUNDS = 5
MEMBERS = 2_000
IN_ONE = 100


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """Five rounds on one stack, each with collections of its own."""
    members = size.of(MEMBERS, 40)
    in_one = min(IN_ONE, members // 2)
    show.rounds(2 * ROUNDS)
    costs: dict[Side, list[Cost]] = {side: [] for side in SIDES}
    async with rig(show.step) as stack:
        await stack.begin(spec_of("sample", 1, 0))
        for side in SIDES:
            names = [f"warm-up-{number}" for number in range(10)]
            await stack.applied(side, names, partial(spec_of, "warm-up", in_one))
        for number in range(ROUNDS):
            for side in SIDES if number % 2 == 0 else SIDES[::-1]:
                show.step(f"{side.name}: {members} members at once, {in_one} in each collection")
                names = [f"round-{number}-{one:05}" for one in range(members)]
                apply = partial(stack.applied, side, names, partial(spec_of, f"{side.name}-{number}", in_one))
                costs[side].append(await stack.measured(side, apply))
                await stack.cleared()
                show.done()
        return _measured(costs, members), facts(stack)


def spec_of(prefix: str, in_one: int, number: int) -> dict[str, object]:
    """The spec of a member. Those of one collection come one after the other, so that they meet in it."""
    return {**SPEC, "infrastructure": {"qdrantCollection": f"{prefix}-{number // in_one}", "sharing": True}}


def _measured(costs: dict[Side, list[Cost]], members: int) -> Measured:
    operator, floor = costs[OPERATOR], costs[FLOOR]
    walls = tuple(cost.wall for cost in operator), tuple(cost.wall for cost in floor)
    cpus = [tuple(cost.cpu[side.name] / members * 1e3 for cost in costs[side]) for side in (OPERATOR, FLOOR)]
    requests = [by_purpose(cost.requests, members) for cost in operator]
    of_floor = [by_purpose(cost.requests, members) for cost in floor]
    figures = [
        Figure("shared: until all are Ready", "s", walls[0], walls[1], goal=Goal(1.3, of_ratio=True)),
        Figure("shared: CPU of one", "ms", cpus[0], cpus[1], goal=Goal(1.5, of_ratio=True)),
    ]
    for name in (STATUS, "Qdrant", "MongoDB"):
        values, floors = (tuple(each[name] for each in side) for side in (requests, of_floor))
        figures.append(Figure(f"shared: requests of one, {name}", "", values, floors))
    sums = {side: sum((cost.requests for cost in costs[side]), Counter[str]()) for side in SIDES}
    rows = [
        (name, *(f"{sums[side][name] / members / ROUNDS:.3f}" for side in (OPERATOR, FLOOR)))
        for name in sorted({name for each in sums.values() for name in each})
    ]
    table = Table("shared: requests of one member", ("server and request", "operator", "floor"), tuple(rows))
    return Measured(tuple(figures), (table,))
