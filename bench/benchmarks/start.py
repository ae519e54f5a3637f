"""A start with many settled Namespaces: time and CPU until all are compared, memory, and what rest costs afterwards."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.bare.template import Template
from bench.figure import Figure, Goal, Measured, Table
from bench.processes import cpu_seconds, resident_megabytes
from bench.rig import OPERATOR, SAMPLE, SPEC, Rig, facts, rig
from bench.seeds import seed
from bench.show import Show
from bench.size import Size
from devstack.paths import REPOSITORY

ROUNDS = 5
STEPS = (0, 1_000, 10_000)
MEMORY_GOALS = (120.0, 150.0, 250.0)
IDLE_SECONDS = 12.0

_RECONCILES = "namespace_operator_reconciles_total"
_RESTS_SECONDS = 15.0
"""After a start, until what was read of all at once is given back."""
_TIMEOUT_SECONDS = 600.0
_POLL_SECONDS = 0.5
"""Between two looks at the metrics, which the operator has to count together for each."""


@dataclass(slots=True)
class Starts:
    """Wall and CPU in seconds of each round, and memory in megabytes at each step."""

    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    bare_walls: list[float] = field(default_factory=list)
    bare_cpus: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """More and more Namespaces; the rounds are those with the most."""
    steps = tuple(size.of(step, 0) for step in STEPS)
    show.rounds(len(steps) - 1 + ROUNDS)
    starts = Starts()
    async with rig(show.step) as stack:
        template = await _sample(stack)
        there = 0
        for step in steps:
            show.step(f"making {step - there} Namespaces")
            await stack.stop_operator()
            await seed(stack, template, range(there, step))
            there = step
            for number in range(ROUNDS if step == steps[-1] else 1):
                show.step(f"a start with {there} Namespaces")
                if number:
                    await stack.stop_operator()
                await _start(stack, there, starts if step == steps[-1] else Starts())
                show.done()
            await asyncio.sleep(_RESTS_SECONDS)
            starts.memory.append(stack.resident(OPERATOR))
            starts.peaks.append(resident_megabytes(stack.pids(OPERATOR), peak=True))
        show.step(f"idle with {there} Namespaces")
        for _ in range(ROUNDS):
            starts.idle.append(await _idle(stack))
        return _measured(starts, steps), facts(stack)


async def _sample(stack: Rig) -> Template:
    await stack.applied(OPERATOR, [SAMPLE], lambda _: SPEC)
    return await Template.of(stack.servers, OPERATOR.organization, SAMPLE)


async def _start(stack: Rig, count: int, starts: Starts) -> None:
    """The script first, then the operator: there is nothing that one would leave for the other."""
    if count:
        wall, cpu = await _bare(stack, count)
        starts.bare_walls.append(wall)
        starts.bare_cpus.append(cpu)
    begun = await stack.start_operator()
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        # The sample is one more.
        while await stack.metric(_RECONCILES) < count + 1:  # noqa: ASYNC110 - another process tells only if asked
            await asyncio.sleep(_POLL_SECONDS)
    starts.walls.append(time.perf_counter() - begun)
    starts.cpus.append(cpu_seconds(stack.pids(OPERATOR)))


async def _bare(stack: Rig, count: int) -> tuple[float, float]:
    access = Path(stack.stack.run_dir) / "compare.json"
    stack.access.save(access)
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.bare", "compare"),
        *("--access", str(access), "--organization", OPERATOR.organization),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    wall = time.perf_counter() - begun
    found = json.loads(output)
    if found["agreeing"] != count + 1:
        raise RuntimeError(f"the script finds that {found['agreeing']} of {count + 1} agree")
    return wall, float(found["cpu"])


async def _idle(stack: Rig) -> float:
    """The part of a core that the operator takes, in percent."""
    pids = stack.pids(OPERATOR)
    before, begun = cpu_seconds(pids), time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    return (cpu_seconds(pids) - before) / (time.perf_counter() - begun) * 100


def _measured(starts: Starts, steps: tuple[int, ...]) -> Measured:
    figures = [
        Figure(
            "start: until all are compared",
            "s",
            tuple(starts.walls),
            tuple(starts.bare_walls),
            Goal(2.0, of_ratio=True),
        ),
        Figure("start: CPU", "s", tuple(starts.cpus), tuple(starts.bare_cpus), Goal(2.0, of_ratio=True)),
        Figure("idle: part of a core", "%", tuple(starts.idle), goal=Goal(1.0), tolerance=0.3),
    ]
    for step, most, resident in zip(steps, MEMORY_GOALS, starts.memory, strict=True):
        figures.append(Figure(f"memory: with {step:,}", "MB", (resident,), goal=Goal(most)))
    rows = tuple(
        (str(step), f"{now:.0f} MB", f"{peak:.0f} MB")
        for step, now, peak in zip(steps, starts.memory, starts.peaks, strict=True)
    )
    return Measured(tuple(figures), (Table("memory", ("Namespaces", "at rest", "at the most"), rows),))
