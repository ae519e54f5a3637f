"""One edit at a time on an idle stack: how long until Qdrant has what it asks for, and until the status says so.

Each edit declares one more index. The script and the operator have their turns one after the other.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field

from bench.bare.servers import MERGE_PATCH, Object, events, namespaces_path
from bench.figure import Figure, Goal, Measured, percentile
from bench.rig import FLOOR, OPERATOR, SIDES, SPEC, Rig, Side, facts, is_ready, rig
from bench.show import Show
from bench.size import Size

ROUNDS = 5
EDITS = 500
_IN_ONE = 10
"""Edits of one Namespace, so that none gets more indexes than people give it."""
_POLL_SECONDS = 0.004
_TIMEOUT_SECONDS = 30.0


@dataclass(slots=True)
class Times:
    """Seconds from sending an edit on, of each of a round."""

    effect: list[float] = field(default_factory=list)
    status: list[float] = field(default_factory=list)


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """Five rounds of edits on one stack."""
    edits = size.of(EDITS // ROUNDS, 10)
    show.rounds(ROUNDS)
    rounds: dict[Side, list[Times]] = {side: [] for side in SIDES}
    async with rig(show.step) as stack:
        await stack.begin(SPEC)
        for side in SIDES:
            count = ROUNDS * -(-edits // _IN_ONE)
            await stack.applied(side, [f"edited-{number}" for number in range(count)], lambda _: SPEC)
        for number in range(ROUNDS):
            show.step(f"{edits} edits, one after the other")
            for side in SIDES:
                rounds[side].append(Times())
            for one in range(edits):
                name = f"edited-{number * -(-edits // _IN_ONE) + one // _IN_ONE}"
                for side in SIDES if one % 2 == 0 else SIDES[::-1]:
                    await edit(stack, side, name, one % _IN_ONE, rounds[side][-1])
            show.done()
        return _measured(rounds), facts(stack)


async def edit(stack: Rig, side: Side, name: str, before: int, times: Times) -> None:
    """Declare one more index than ``before`` and note how long it took."""
    path = f"{namespaces_path(side.organization)}/{name}"
    obj = await stack.servers.send("GET", path)
    fields = [f"edit_{number}" for number in range(before + 1)]
    declared = [*SPEC["payloadIndexes"], *({"fieldName": each, "type": "integer"} for each in fields)]
    collection = obj["status"]["collection"]
    generation = obj["metadata"]["generation"] + 1
    started = time.perf_counter()
    async with asyncio.timeout(_TIMEOUT_SECONDS), asyncio.TaskGroup() as group:
        effect = group.create_task(_seen_in_qdrant(stack, collection, fields[-1], started))
        status = group.create_task(
            _told(
                stack, namespaces_path(side.organization), name, obj["metadata"]["resourceVersion"], generation, started
            )
        )
        await stack.servers.send("PATCH", path, {"spec": {"payloadIndexes": declared}}, MERGE_PATCH)
    times.effect.append(effect.result())
    times.status.append(status.result())


async def _seen_in_qdrant(stack: Rig, collection: str, field_name: str, started: float) -> float:
    while True:
        answer = await stack.servers.ask("GET", f"/collections/{collection}")
        if field_name in answer["result"]["payload_schema"]:
            return time.perf_counter() - started
        await asyncio.sleep(_POLL_SECONDS)


async def _told(stack: Rig, path: str, name: str, version: str, generation: int, started: float) -> float:
    async for event in events(stack.servers, f"{path}?fieldSelector=metadata.name%3D{name}", version):
        obj: Object = event["object"]
        if obj["metadata"]["generation"] == generation and is_ready(obj):
            return time.perf_counter() - started
    raise AssertionError("a watch has no end")


def _measured(rounds: dict[Side, list[Times]]) -> Measured:
    figures = []
    for what in ("effect", "status"):
        title = {"effect": "edit: until Qdrant has it", "status": "edit: until the status says so"}[what]
        of_sides = {side: [getattr(times, what) for times in rounds[side]] for side in SIDES}
        operator, floor = (
            tuple(statistics.median(each) * 1e3 for each in of_sides[side]) for side in (OPERATOR, FLOOR)
        )
        figures.append(Figure(f"{title}, p50", "ms", operator, floor, goal=Goal(3.0, of_ratio=True)))
        # All together: a hundredth of a round would be its slowest alone.
        slowest = percentile([seconds for each in of_sides[OPERATOR] for seconds in each], 99) * 1e3
        bare = percentile([seconds for each in of_sides[FLOOR] for seconds in each], 99) * 1e3
        figures.append(Figure(f"{title}, p99", "ms", (slowest,), (bare,), goal=Goal(1000.0), tolerance=0.5))
    return Measured(tuple(figures))
