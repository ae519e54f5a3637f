"""What the recorder of filter usage costs the query that calls it, and what a flush costs.

The filter has five conditions, as JSON and as a model of qdrant-client. Beside the call stands its floor, alternating
with it: five counters of a dictionary added to under a lock, which is what is left if nothing had to be found out of
the filter. The recorder writes to a real mongod meanwhile. Times are CPU times of the calling thread.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymongo
from qdrant_client import models

from bench.figure import Figure, Goal, Measured, Table, spread
from bench.show import Show
from bench.size import Size
from devstack.stores import prepare_mongodb
from namespace_operator.usage import Recorder
from namespace_operator.usage.filters import walk

ROUNDS = 5
TURNS = 12
"""Of each call in one round, alternating."""
CALLS = 2_000
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

_FLOOR, _JSON, _MODEL = "five counters under a lock", "record(), JSON", "record(), a model"


async def measure(size: Size, show: Show) -> tuple[Measured, dict[str, str]]:
    """Calls, then flushes, with a mongod of its own."""
    return await asyncio.to_thread(_measure, size, show), {"mongodb": "mongod of the local stack"}


def _measure(size: Size, show: Show) -> Measured:
    show.rounds(ROUNDS + 1)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "logs").mkdir()
        server = prepare_mongodb(Path(directory))
        assert server.process is not None
        server.process.start()
        try:
            server.process.wait_ready()
            times = _measure_calls(server.uri, size.of(CALLS, 200), show)
            show.step("flushes")
            flushes = _measure_flush(server.uri, size.of(COUNTERS, 500))
            show.done()
        finally:
            server.process.kill()
    figures = tuple(
        Figure(f"recorder: {name}", "µs", tuple(times[name]), tuple(times[_FLOOR]), goal=Goal(6.0))
        for name in (_JSON, _MODEL)
    )
    rows = [(name, f"{statistics.median(values):.2f} µs ±{spread(values):.0%}") for name, values in times.items()]
    rows.append(("a flush of new counters, each", f"{flushes[0] * 1e6:.1f} µs"))
    rows.append(("a flush of the same again, each", f"{flushes[1] * 1e6:.1f} µs"))
    return Measured(figures, (Table("recorder: one call", ("", "median"), tuple(rows)),))


def _measure_calls(uri: str, calls: int, show: Show) -> dict[str, list[float]]:
    """Microseconds of a call, by what was called: the median of the turns of each round."""
    model = models.Filter.model_validate(FILTER)
    with Recorder(uri, "bench", "bench", interval_seconds=1.0) as recorder:
        measured: dict[str, Call] = {
            _FLOOR: _floor(),
            _JSON: lambda namespace_id: recorder.record(namespace_id, FILTER),
            _MODEL: lambda namespace_id: recorder.record(namespace_id, model),
            "of that, the walk over the JSON": lambda _: walk(FILTER),
            "of that, the walk over the model": lambda _: walk(model),
        }
        times: dict[str, list[float]] = {name: [] for name in measured}
        for number in range(ROUNDS):
            show.step(f"calls, round {number + 1}")
            turns: dict[str, list[float]] = {name: [] for name in measured}
            for _ in range(TURNS):
                for name, call in measured.items():
                    turns[name].append(_turn(call, calls))
            for name, found in turns.items():
                times[name].append(statistics.median(found))
            show.done()
    collection = pymongo.MongoClient[dict[str, Any]](uri)["bench"]["filter_usage"]
    counted = sum(row["count"] for row in collection.find({"object": "filter_counter", "field": "tenant"}))
    assert counted == 2 * ROUNDS * TURNS * calls, f"{counted} of {2 * ROUNDS * TURNS * calls} calls were counted"
    return times


def _turn(call: Call, calls: int) -> float:
    started = time.thread_time()
    for number in range(calls):
        call(NAMESPACES[number % len(NAMESPACES)])
    return (time.thread_time() - started) / calls * 1e6


def _floor() -> Call:
    lock = threading.Lock()
    counts: dict[str, dict[str, int]] = {each: dict.fromkeys("abcde", 0) for each in NAMESPACES}

    def call(namespace_id: str) -> None:
        with lock:
            of_namespace = counts[namespace_id]
            for field in "abcde":
                of_namespace[field] += 1

    return call


def _measure_flush(uri: str, counters: int) -> tuple[float, float]:
    """Seconds to write one of so many new counters, and to write it again with another count."""
    recorder = Recorder(uri, "bench", "flush", interval_seconds=3600.0, timeout_seconds=60.0)
    times = []
    for _ in range(2):
        for number in range(counters):
            condition = {"key": f"f{number % 100}", "match": {"value": 1}}
            recorder.record(f"ns_{number // 100}", {"must": [condition]})
        started = time.perf_counter()
        recorder._flush()
        times.append((time.perf_counter() - started) / counters)
        assert recorder.stats.pending == 0
    recorder.close()
    return times[0], times[1]
