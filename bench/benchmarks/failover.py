"""Two replicas, and the one that leads is killed or stopped, again and again: for how long does nobody write?

The time from the blow to the next leader's first write to a store, with a Namespace made right after the blow. The
floor of a SIGKILL is what the Lease alone explains: until it is over nobody may write, whoever it is. What is left is
the start of the next term: its connections, and the way to the first write. A clean stop gives the Lease up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bench.figure import Figure, Goal, Measured, Table
from bench.show import Show
from bench.size import Size
from devstack.replicas import Failover, Replica, Replicas, fail_over
from devstack.stack import Stack

TIMES = 10
ORGANIZATION = "bench"
KILLED, STOPPED = "SIGKILL", "clean stop"

_BLOWS: dict[str, Callable[[Replica], None]] = {KILLED: Replica.kill, STOPPED: Replica.stop}


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """Both blows, on one stack."""
    return await asyncio.to_thread(_measure, size.of(TIMES, 2), show), {"operator": "two replicas"}


def _measure(times: int, show: Show) -> Measured:
    show.rounds(len(_BLOWS) * times)
    with Stack(report=show.step) as stack:
        stack.install_operator({"operator": {"replicas": 2}})
        stack.kubectl("create", "namespace", ORGANIZATION)
        replicas = Replicas(stack)
        duration = float(replicas.lease()["leaseDurationSeconds"])
        found: dict[str, list[Failover]] = {name: [] for name in _BLOWS}
        for name, blow in _BLOWS.items():
            for number in range(times):
                show.step(f"{name}, time {number + 1}")
                made = f"{name.lower().replace(' ', '-')}-{number}"
                found[name].append(fail_over(replicas, ORGANIZATION, made, blow))
                show.done()
    return summary(found[KILLED], found[STOPPED], duration)


def summary(killed: Sequence[Failover], stopped: Sequence[Failover], duration: float) -> Measured:
    """The figures of so many fail-overs, with a Lease of so many seconds."""
    # The floor of a SIGKILL is when the Lease was over.
    after_kill, over = tuple(one.written for one in killed), tuple(duration - one.renewed for one in killed)
    after_stop = tuple(one.written for one in stopped)
    rows = tuple(
        (name, f"{one.written:.2f} s", f"{one.taken:.2f} s", f"{one.written - one.taken:.2f} s")
        for name, blows in ((KILLED, killed), (STOPPED, stopped))
        for one in blows
    )
    figures = (
        Figure("failover: first write after SIGKILL", "s", after_kill, over, goal=Goal(12.0), tolerance=0.1),
        Figure("failover: first write after a clean stop", "s", after_stop, goal=Goal(2.0), tolerance=0.3),
    )
    title = f"failover: a Lease of {duration:.0f} s"
    return Measured(figures, (Table(title, ("", "first write", "Lease taken", "the rest"), rows),))
