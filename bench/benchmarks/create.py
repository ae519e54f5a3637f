"""Namespaces with collections of their own, applied at once: time, CPU and requests of each, and how these grow.

There are five rounds of 1,000, so that the first finds an empty server and the last one that holds 4,000; a hundred
come before, whose costs are only looked at for growth. In each round the script and the operator have their turns, now
the one first and now the other.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figure import Figure, Goal, Measured, Table, spread
from bench.requests import EVENTS, FINALIZERS, READS, STATUS, api_server_kinds, of_server
from bench.rig import FLOOR, OPERATOR, SIDES, SPEC, Cost, Rig, Side, Work, facts, rig
from bench.show import Show
from bench.size import Size

ROUNDS = 5
A_ROUND = 1_000
FIRST = 100
GROWTH = "create: growth"
"""The title of the table that the picture is drawn from."""

_ROUNDING = 0.05
"""Requests that many share make up a small part of one."""


@dataclass(slots=True)
class Run:
    """What was measured so far; the first of ``costs`` are those of the hundred."""

    rig: Rig
    show: Show
    counts: list[int] = field(default_factory=list)
    costs: dict[Side, list[Cost]] = field(default_factory=lambda: {side: [] for side in SIDES})
    resident: list[float] = field(default_factory=list)

    async def round(self, count: int) -> None:
        """Let both sides bring so many about."""
        number = len(self.counts)
        for side in SIDES if number % 2 == 0 else SIDES[::-1]:
            self.show.step(f"{side.name}: {count} Namespaces at once, {sum(self.counts)} are there")
            names = [f"round-{number}-{one:05}" for one in range(count)]
            self.costs[side].append(await self.rig.measured(side, self._applying(side, names)))
            await self.rig.cleared()
            self.show.done()
        self.counts.append(count)
        self.resident.append(self.rig.resident(OPERATOR))

    def _applying(self, side: Side, names: list[str]) -> Work:
        return lambda: self.rig.applied(side, names, lambda _: SPEC)

    def cpu(self, side: Side, name: str | None = None) -> list[float]:
        """Milliseconds of CPU of one Namespace in each round: of the side itself, or of a server meanwhile."""
        costs = zip(self.costs[side], self.counts, strict=True)
        return [cost.cpu[name or side.name] / count * 1e3 for cost, count in costs]

    def requests(self, side: Side) -> list[dict[str, float]]:
        """Requests of one Namespace in each round, by what they are for."""
        return [by_purpose(cost.requests, count) for cost, count in zip(self.costs[side], self.counts, strict=True)]


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """All rounds on one stack."""
    show.rounds(2 * (ROUNDS + 1))
    async with rig(show.step) as stack:
        await stack.begin(SPEC)
        for side in SIDES:
            # Nobody measures the first of anything.
            await stack.applied(side, [f"warm-up-{number}" for number in range(20)], lambda _: SPEC)
        await stack.cleared()
        run = Run(stack, show)
        for count in (size.of(FIRST, 40), *[size.of(A_ROUND, 40)] * ROUNDS):
            await run.round(count)
        return _measured(run), facts(stack)


def _measured(run: Run) -> Measured:
    wall, bare_wall = (tuple(cost.wall for cost in run.costs[side][1:]) for side in (OPERATOR, FLOOR))
    cpu, bare_cpu = (tuple(run.cpu(side)[1:]) for side in (OPERATOR, FLOOR))
    figures = (
        Figure("create: until all are Ready", "s", wall, bare_wall, goal=Goal(1.3, of_ratio=True)),
        Figure("create: CPU of one", "ms", cpu, bare_cpu, goal=Goal(1.5, of_ratio=True)),
        *_request_figures(run),
        growth(run.cpu(OPERATOR)),
    )
    return Measured(figures, (_requests_table(run), _cpu_table(run), _growth_table(run)))


def growth(cpu: Sequence[float]) -> Figure:
    """The dearest by the cheapest of three: one of the first hundred, one of the first round, one of the last."""
    points = (cpu[0], cpu[1], cpu[-1])
    flat = (max(points) / min(points),)
    return Figure("create: growth of CPU of one", "", flat, goal=Goal(1.15), tolerance=0.1)


def by_purpose(requests: Counter[str], count: int) -> dict[str, float]:
    """Requests of one Namespace, by what they are for."""
    none = dict.fromkeys((STATUS, READS, EVENTS, FINALIZERS), 0)
    stores = {server: of_server(requests, server) for server in ("Qdrant", "MongoDB")}
    return {name: n / count for name, n in {**none, **api_server_kinds(requests), **stores}.items()}


def _request_figures(run: Run) -> list[Figure]:
    of_floor = statistics.median(each["Qdrant"] for each in run.requests(FLOOR)[1:])
    goals = {STATUS: 1.0, READS: 0.0, FINALIZERS: 0.0, "Qdrant": of_floor, "MongoDB": 4.0}
    titles = {name: f"API server, {name}" for name in (STATUS, READS, FINALIZERS)}
    requests = run.requests(OPERATOR)[1:]
    return [
        Figure(
            f"create: requests of one, {titles.get(name, name)}",
            "",
            tuple(each[name] for each in requests),
            goal=Goal(most + _ROUNDING),
        )
        for name, most in goals.items()
    ]


def _requests_table(run: Run) -> Table:
    total = sum(run.counts)
    sums = {side: sum((cost.requests for cost in run.costs[side]), Counter[str]()) for side in SIDES}
    names = sorted({name for requests in sums.values() for name in requests})
    rows = [(name, *(f"{sums[side][name] / total:.3f}" for side in (OPERATOR, FLOOR))) for name in names]
    return Table("create: requests of one", ("server and request", "operator", "floor"), tuple(rows))


def _cpu_table(run: Run) -> Table:
    servers = [name for name in run.costs[OPERATOR][0].cpu if name != OPERATOR.name]
    rows = [
        (name or "itself", *(_cpu_cell(run, side, name) for side in (OPERATOR, FLOOR))) for name in (None, *servers)
    ]
    return Table(
        "create: CPU of one by process, and how much of a core that is meanwhile",
        ("process", "operator", "floor"),
        tuple(rows),
    )


def _cpu_cell(run: Run, side: Side, name: str | None) -> str:
    each = run.cpu(side, name)[1:]
    part = statistics.median(cost.cpu[name or side.name] / cost.wall for cost in run.costs[side][1:])
    return f"{statistics.median(each):.2f} ms ±{spread(each):.0%}, {part:.0%}"


def _growth_table(run: Run) -> Table:
    rows, there = [], 0
    for number, count in enumerate(run.counts):
        there += count
        walls = [f"{run.costs[side][number].wall / count * 1e3:.2f}" for side in (OPERATOR, FLOOR)]
        cpus = [f"{run.cpu(side)[number]:.2f}" for side in (OPERATOR, FLOOR)]
        rows.append((str(there), *cpus, *walls, f"{run.resident[number]:.0f}"))
    columns = ("Namespaces", "CPU of one, ms", "floor", "wall of one, ms", "floor", "memory, MB")
    return Table(GROWTH, columns, tuple(rows))
