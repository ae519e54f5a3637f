"""All benchmarks by name."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bench.benchmarks import create, edit, expiry, failover, recorder, shared, start, sweep
from bench.figure import Measured
from bench.show import Show
from bench.size import Size


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What ``measure`` finds out, besides what the servers are."""

    title: str
    measure: Callable[[Size, Show], Coroutine[Any, Any, tuple[Measured, dict[str, str]]]]


BENCHMARKS = {
    "recorder": Benchmark("what the recorder of filter usage costs a query", recorder.measure),
    "sweep": Benchmark("a look for drift in 10,000 Namespaces, over the model stores", sweep.measure),
    "create": Benchmark("1,000 Namespaces applied at once, five times", create.measure),
    "shared": Benchmark("2,000 members of 20 shared collections applied at once, five times", shared.measure),
    "edit": Benchmark("500 edits, one at a time", edit.measure),
    "failover": Benchmark("ten SIGKILLs and ten clean stops of the leader", failover.measure),
    "start": Benchmark("a start with 10,000 Namespaces, memory, and rest", start.measure),
    "expiry": Benchmark("500 Namespaces that end in the same second", expiry.measure),
}
"""From the short ones to the long ones."""
