"""A look for drift in many settled Namespaces: what the operator itself computes, over the model stores.

Each operation of a store takes a millisecond. One sweep is a check of every Namespace, through the queue, and the lists
of all objects and documents.
"""

from __future__ import annotations

import asyncio
import logging
import time

import structlog

from bench.figure import Figure, Goal, Measured, Table
from bench.model import ModelOperator
from bench.rig import SPEC
from bench.show import Show
from bench.size import Size

ROUNDS = 5
NAMESPACES = 10_000
INTERVAL_SECONDS = 300.0
"""The chart's default of both intervals."""


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """Five sweeps."""
    count = size.of(NAMESPACES, 100)
    show.rounds(ROUNDS)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    operator = ModelOperator()
    show.step(f"making {count} Namespaces")
    keys = await operator.make(SPEC, count)
    show.step("the first look at each")
    first = await operator.process(keys, check=False)
    written = operator.faults.writes
    checks, lists, requests = [], [], 0
    for _ in range(ROUNDS):
        show.step(f"a sweep of {count}")
        operations = operator.meter.operations
        checks.append(await operator.process(keys, check=True))
        started, model = time.thread_time(), operator.meter.seconds
        await operator.sweep.sweep()
        lists.append(time.thread_time() - started - (operator.meter.seconds - model))
        requests = operator.meter.operations - operations
        # What was seen of all is believed for some seconds; the next sweep is to look again.
        await asyncio.sleep(_BELIEVED_SECONDS)
        show.done()
    sums = [check + listed for check, listed in zip(checks, lists, strict=True)]
    # By what 10,000 take: a trial with fewer tells the same.
    parts = tuple(seconds / count * NAMESPACES / INTERVAL_SECONDS * 100 for seconds in sums)
    figures = (
        Figure("sweep: part of a core, 10,000 each 5 min", "%", parts, goal=Goal(10.0), tolerance=0.3),
        Figure("sweep: writes to any server", "", (float(operator.faults.writes - written),), goal=Goal(0.0)),
    )
    rows = (
        ("a check", f"{sorted(checks)[ROUNDS // 2] / count * 1e3:.3f} ms"),
        ("its part of the lists", f"{sorted(lists)[ROUNDS // 2] / count * 1e3:.3f} ms"),
        ("the first reconcile of one that is settled", f"{first / count * 1e3:.3f} ms"),
        ("requests to stores in one sweep", str(requests)),
    )
    table = Table(f"sweep: CPU of one of {count}, without stores and watch", ("", "median"), rows)
    return Measured(figures, (table,)), {"stores": "models, 1 ms an operation"}


_BELIEVED_SECONDS = 6.0
