"""Two replicas, and the one that leads is killed or stopped, again and again: for how long does nobody write?

Run with `make bench-failover`. The time from the blow to the next leader's first write to a store, with a Namespace
made right after the blow. Beside each time stands what the Lease alone explains: after a SIGKILL nobody may write until
it is over, whoever it is. What is left is the start of the next term: its connections, and the way to the first write.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from devstack.release import RELEASE
from devstack.replicas import Failover, Replica, Replicas, fail_over
from devstack.stack import Stack

TIMES = int(os.environ.get("TIMES", "10"))
ORGANIZATION = "bench"

_BLOWS: dict[str, Callable[[Replica], None]] = {"SIGKILL": Replica.kill, "clean stop": Replica.stop}


def show(console: Console, name: str, found: Sequence[Failover], duration: int) -> None:
    """Every value, and what is made of them."""
    table = Table("", "first write", "Lease taken", "Lease was over", "the rest", title=f"{name}, {len(found)} times")
    for number, each in enumerate(found, 1):
        over = f"{duration - each.renewed:.2f} s" if name == "SIGKILL" else "given up"
        rest = each.written - each.taken
        table.add_row(str(number), f"{each.written:.2f} s", f"{each.taken:.2f} s", over, f"{rest:.2f} s")
    console.print(table)
    written = [each.written for each in found]
    span = f"{min(written):.2f} to {max(written):.2f} s, median {statistics.median(written):.2f} s"
    console.print(f"{name}: first write after {span}")


def main() -> None:
    """Measure and print."""
    console = Console()
    with Stack() as stack:
        stack.install_operator({"operator": {"replicas": 2}})
        stack.kubectl("create", "namespace", ORGANIZATION)
        replicas = Replicas(stack)
        duration = int(replicas.lease()["leaseDurationSeconds"])
        console.print(f"a Lease of {duration} s, by the chart of {RELEASE}")
        for name, hit in _BLOWS.items():
            names = (f"{name.lower().replace(' ', '-')}-{number}" for number in range(TIMES))
            show(console, name, [fail_over(replicas, ORGANIZATION, each, hit) for each in names], duration)
        console.print(f"load average of the machine at the end: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
