"""The recorder without a MongoDB: it never fails, never waits, and imports little."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from devstack.paths import REPOSITORY
from namespace_operator.usage import Recorder
from namespace_operator.usage import recorder as module
from namespace_operator.usage.contract import Write

BERLIN = {"must": [{"key": "city", "match": {"value": "Berlin"}}]}
CANARY = "password-CANARY"


class ModelSink:
    """A MongoDB that does what a test says."""

    written: list[Write]
    fails: Exception | None
    refuses: tuple[set[int], int] | None

    def __init__(self, *_: object) -> None:
        self.written, self.fails, self.refuses = [], None, None

    def write(self, writes: Sequence[Write]) -> tuple[set[int], int]:
        """Take the writes."""
        if self.fails is not None:
            raise self.fails
        self.written += writes
        return self.refuses or (set(), 0)

    def close(self) -> None:
        """Nothing is open."""

    @property
    def counts(self) -> dict[str, int]:
        """The counters by field."""
        updates: list[Any] = [write._doc for write in self.written]
        counters = [update for update in updates if isinstance(update, dict) and "count" in update["$max"]]
        return {update["$setOnInsert"]["field"]: update["$max"]["count"] for update in counters}

    @property
    def beats(self) -> list[bool]:
        """Of each heartbeat, whether the run goes on."""
        updates: list[Any] = [write._doc for write in self.written]
        return [update[0]["$set"]["since"] != "$$NOW" for update in updates if isinstance(update, list)]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """One that is flushed by the test."""
    monkeypatch.setattr(module, "Sink", ModelSink)
    monkeypatch.setattr(Recorder, "_run", lambda _: None)
    recorder = Recorder(f"mongodb://user:{CANARY}@nowhere/", "mixpeek", "search")
    yield recorder
    recorder.close()


def sink(recorder: Recorder) -> ModelSink:
    """Its database."""
    model: Any = recorder._sink
    assert isinstance(model, ModelSink)
    return model


def test_a_query_is_written_with_the_next_flush(recorder: Recorder) -> None:
    recorder.record("ns_1", BERLIN)
    recorder.record("ns_1", BERLIN)
    recorder.record("ns_1", None)
    recorder._flush()
    assert sink(recorder).counts == {"city": 2}
    assert sink(recorder).beats == [True]


def test_a_quiet_service_beats_once_a_minute_and_writes_nothing_else(recorder: Recorder) -> None:
    for _ in range(5):
        recorder._flush()
    assert len(sink(recorder).written) == 1
    recorder._beat_at -= 61
    recorder._flush()
    assert sink(recorder).beats == [True, True]


def test_what_cannot_be_written_is_kept_and_the_password_is_not_told(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "namespace_operator.usage")
    sink(recorder).fails = AutoReconnect(f"nowhere:27017 {CANARY}")
    for _ in range(3):
        recorder.record("ns_1", BERLIN)
        recorder._flush()
    assert (recorder.stats.pending, recorder.stats.dropped) == (1, 0)
    sink(recorder).fails = None
    recorder._flush()
    assert (recorder.stats.pending, sink(recorder).counts) == (0, {"city": 3})
    assert [record.message for record in caplog.records] == [
        "the use of filters cannot be written to MongoDB (AutoReconnect)",
        "the use of filters is written to MongoDB again",
    ]


def test_after_a_loss_the_run_of_the_service_begins_anew_and_the_log_tells_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder._flush()
    for number in range(300):
        recorder.record("ns_1", {"must": {"key": f"f{number}", "match": {"value": 1}}})
    sink(recorder).fails = AutoReconnect("down")
    recorder._flush()
    sink(recorder).fails = None
    recorder._flush()
    recorder._flush()
    assert sink(recorder).beats == [True, False]
    assert recorder.stats.dropped == 300 - 256
    assert [record.message for record in caplog.records].count("44 uses of filters were dropped so far") == 1


def test_what_mongodb_refuses_is_dropped_and_what_collided_is_written_again(recorder: Recorder) -> None:
    recorder.record("ns_1", BERLIN)
    sink(recorder).refuses = ({0}, 1)
    recorder._flush()
    assert (recorder.stats.pending, recorder.stats.dropped) == (1, 1)
    sink(recorder).refuses = None
    recorder._flush()
    assert recorder.stats.pending == 0


def test_what_cannot_be_encoded_is_dropped(recorder: Recorder) -> None:
    recorder.record("ns_1", BERLIN)
    sink(recorder).fails = OverflowError("too large")
    recorder._flush()
    assert recorder.stats.pending == 0
    assert recorder.stats.dropped > 0


def test_nothing_that_a_caller_gives_raises(recorder: Recorder) -> None:
    arguments: list[tuple[Any, Any]] = [
        (None, BERLIN),
        ("n" * 5_000, BERLIN),
        ("ns_1", {"must": {"key": ["a"], "match": {"value": 1}}}),
        ("ns_1", {"must": {"key": "a" * 70_000, "match": {"value": 1}}}),
        ("ns_1", object()),
    ]
    for namespace_id, query_filter in arguments:
        recorder.record(namespace_id, query_filter)
    recorder._flush()
    assert sink(recorder).counts == {}
    assert recorder.stats.refused == 4


@pytest.mark.parametrize("name", ["", "a b", "search/1", "-", "n" * 64, "a\n"])
def test_a_service_has_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a service"):
        Recorder("mongodb://nowhere/", "mixpeek", name)


def test_what_cannot_be_encoded_is_no_outage_that_ends(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    recorder.record("ns_1", BERLIN)
    sink(recorder).fails = OverflowError(CANARY)
    recorder._flush()
    told = [record.message for record in caplog.records]
    assert told[0] == "uses of filters cannot be encoded for MongoDB and are dropped (OverflowError)"
    assert "again" not in " ".join(told)
    assert CANARY not in " ".join(told)


def test_a_connection_string_that_is_none_costs_no_counts(caplog: pytest.LogCaptureFixture) -> None:
    uri = f"mongodb://user:{CANARY}@nowhere:99999/"
    with Recorder(uri, "mixpeek", "search", interval_seconds=0.05, timeout_seconds=0.2) as recorder:
        recorder.record("ns_1", BERLIN)
        time.sleep(0.2)
    assert (recorder.stats.pending, recorder.stats.dropped) == (1, 0)
    assert len(caplog.records) == 1, "told once"
    assert CANARY not in caplog.text


@pytest.mark.parametrize("uri", ["nonsense", "mongodb://%%%", "mongodb://127.0.0.1:1/", "mongodb://user:p@ss@h/"])
def test_a_service_answers_whatever_its_connection_string_is(uri: str) -> None:
    started = time.monotonic()
    with Recorder(uri, "mixpeek", "search", interval_seconds=0.01, timeout_seconds=0.2) as recorder:
        for _ in range(100):
            recorder.record("ns_1", BERLIN)
        assert time.monotonic() - started < 2
    recorder.record("ns_1", BERLIN)
    assert time.monotonic() - started < 5


def test_a_child_counts_for_itself_what_the_parent_does_not(recorder: Recorder) -> None:
    recorder.record("ns_1", BERLIN)
    before = recorder._counts._recorder
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        recorder.record("ns_1", {"must": {"key": "price", "range": {"gt": 1}}})
        recorder._flush()
        same = recorder._counts._recorder == before
        os.write(writer, f"{sink(recorder).counts} {same}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1_000) == b"{'price': 1} False"
    os.close(reader)
    os.close(writer)
    recorder._flush()
    assert sink(recorder).counts == {"city": 1}


def test_the_recorder_needs_nothing_of_the_operators() -> None:
    script = (
        "import sys, namespace_operator.usage\n"
        "heavy = {'kopf', 'kubernetes', 'aiohttp', 'pydantic', 'qdrant_client', 'structlog'}\n"
        "ours = {m for m in sys.modules if m.startswith('namespace_operator.')}\n"
        "print(sorted(heavy & set(sys.modules)), sorted(m for m in ours if '.usage' not in m))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['namespace_operator.domain']"
