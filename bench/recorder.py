"""What the recorder of filter usage costs the query that calls it, and what a flush costs.

Run with `make bench-recorder`. The filter has five conditions, as JSON and as a model of qdrant-client. Beside the call
stands its floor, in the same run and alternating with it: five counters of a dictionary added to under a lock, which is
what is left if nothing had to be found out of the filter. The recorder writes to a real mongod meanwhile. Times are CPU
times of the calling thread, so that neighbours on the machine count for less.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pymongo
from qdrant_client import models
from rich.console import Console
from rich.table import Table

from devstack.stores import prepare_mongodb
from namespace_operator.usage import Recorder
from namespace_operator.usage.filters import walk

ROUNDS = 60
CALLS = 2_000
GOAL_MICROSECONDS = 6.0
COUNTERS = 10_000
NAMESPACES = tuple(f"ns_{number:010x}" for number in range(50))

FILTER: dict[str, Any] = {
    "must": [
        {"key": "tenant", "match": {"value": "acme"}},
        {"key": "price", "range": {"gte": 1, "lt": 9.5}},
        {"key": "tags", "match": {"any": ["a", "b"]}},
        {"key": "created_at", "range": {"gte": "2026-01-01T00:00:00Z"}},
    ],
    "must_not": [{"key": "title", "match": {"text": "quick"}}],
}
Call = Callable[[str], object]


def main() -> None:
    """Measure and print."""
    console = Console()
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "logs").mkdir()
        server = prepare_mongodb(Path(directory))
        assert server.process is not None
        server.process.start()
        try:
            server.process.wait_ready()
            _print_calls(console, _measure_calls(server.uri))
            _print_flush(console, *_measure_flush(server.uri))
        finally:
            server.process.kill()


def _measure_calls(uri: str) -> Mapping[str, list[float]]:
    """Microseconds a call, by what was called, of each round."""
    model = models.Filter.model_validate(FILTER)
    with Recorder(uri, "bench", "bench", interval_seconds=1.0) as recorder:
        calls: dict[str, Call] = {
            "floor: five counters under a lock": _floor(),
            "record(), filter as JSON": lambda namespace_id: recorder.record(namespace_id, FILTER),
            "record(), filter as a model": lambda namespace_id: recorder.record(namespace_id, model),
            "of that, the walk over the JSON": lambda _: walk(FILTER),
            "of that, the walk over the model": lambda _: walk(model),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                times[name].append(_round(call))
        written = 2 * ROUNDS * CALLS
    collection = pymongo.MongoClient[dict[str, Any]](uri)["bench"]["filter_usage"]
    counted = sum(row["count"] for row in collection.find({"object": "filter_counter", "field": "tenant"}))
    assert counted == written, f"{counted} of {written} calls were counted"
    return times


def _round(call: Call) -> float:
    started = time.thread_time()
    for number in range(CALLS):
        call(NAMESPACES[number % len(NAMESPACES)])
    return (time.thread_time() - started) / CALLS * 1e6


def _floor() -> Call:
    lock = threading.Lock()
    counts: dict[str, dict[str, int]] = {each: dict.fromkeys("abcde", 0) for each in NAMESPACES}

    def call(namespace_id: str) -> None:
        with lock:
            of_namespace = counts[namespace_id]
            for field in "abcde":
                of_namespace[field] += 1

    return call


def _measure_flush(uri: str) -> tuple[float, float]:
    """Seconds to write so many new counters, and to write them again with other counts."""
    recorder = Recorder(uri, "bench", "flush", interval_seconds=3600.0, timeout_seconds=60.0)
    times = []
    for _ in range(2):
        for number in range(COUNTERS):
            condition = {"key": f"f{number % 100}", "match": {"value": 1}}
            recorder.record(f"ns_{number // 100}", {"must": [condition]})
        started = time.perf_counter()
        recorder._flush()
        times.append(time.perf_counter() - started)
        assert recorder.stats.pending == 0
    recorder.close()
    return times[0], times[1]


def _print_calls(console: Console, times: Mapping[str, list[float]]) -> None:
    title = f"One call, µs of CPU; {ROUNDS} rounds of {CALLS} calls; goal: {GOAL_MICROSECONDS:g}"
    table = Table("", "median", "minimum", "maximum", title=title)
    for name, values in times.items():
        table.add_row(name, *(f"{value:.2f}" for value in (statistics.median(values), min(values), max(values))))
    console.print(table)


def _print_flush(console: Console, first: float, second: float) -> None:
    console.print(f"A flush of {COUNTERS:,} new counters: {first:.2f} s; of the same again: {second:.2f} s")


if __name__ == "__main__":
    main()
