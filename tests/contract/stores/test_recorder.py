"""Recorders and the operator over one real MongoDB: what is recorded is what is read."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from pymongo.errors import AutoReconnect

from devstack.stores import MongoDB
from namespace_operator.domain.usage import MAX_SILENCE, FilterUsage, MatchKind
from namespace_operator.stores.mongodb import MongoStore
from namespace_operator.usage import Recorder
from namespace_operator.usage import recorder as recorder_module
from namespace_operator.usage.contract import Write, heartbeat
from namespace_operator.usage.sink import Sink

SERVICES = ("search", "chat", "export")
CITY = {"must": [{"key": "city", "match": {"value": "Berlin"}}]}
BOTH = {"must": [*CITY["must"], {"key": "price", "range": {"lt": 5}}]}


class Place:
    """A database of its own: for recorders, for the operator, and for a look at the documents."""

    def __init__(self, uri: str) -> None:
        self.uri, self.name = uri, f"recorder_{uuid4().hex[:12]}"
        self.store = MongoStore(uri, self.name, timeout_seconds=30)
        self.client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri, tz_aware=True)
        self.usage = self.client[self.name]["filter_usage"]

    def recorder(self, service: str = "search", **options: Any) -> Recorder:
        """A recorder of a service."""
        return Recorder(self.uri, self.name, service, **{"interval_seconds": 0.05, **options})

    async def read(self, namespace_id: str = "ns_1") -> FilterUsage:
        """What the operator reads."""
        return (await self.store.filter_usage([namespace_id], datetime.now(UTC)))[namespace_id]

    async def counted(self, namespace_id: str = "ns_1") -> dict[str, int]:
        """The uses of the last day by field."""
        found = await self.read(namespace_id)
        return {name: sum(use.last_day.values()) for name, use in found.fields.items()}


@pytest.fixture
async def place(own_mongodb: MongoDB) -> AsyncIterator[Place]:
    there = Place(own_mongodb.uri)
    yield there
    there.client.drop_database(there.name)
    there.client.close()
    await there.store.close()


def _eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.02)


class LossySink(Sink):
    """Every second answer is lost, and some requests are, as long as ``lossy``."""

    lossy = True
    lost = 0

    def write(self, writes: Sequence[Write]) -> tuple[set[int], int]:
        """Write, and forget to say so."""
        fate = random.random() if self.lossy else 1.0
        if fate < 0.2:
            raise AutoReconnect("the request was lost")
        done = super().write(writes)
        if fate < 0.5:
            LossySink.lost += 1
            raise AutoReconnect("the answer was lost")
        return done


async def test_three_services_at_once_count_exactly_although_answers_are_lost(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.store.prepare()
    monkeypatch.setattr(recorder_module, "Sink", LossySink)
    expected: Counter[str] = Counter()

    def queries(recorder: Recorder, seed: int) -> Counter[str]:
        chosen = random.Random(seed)
        counted: Counter[str] = Counter()
        for _ in range(2_000):
            namespace_id = f"ns_{chosen.randint(1, 5)}"
            recorder.record(namespace_id, BOTH)
            counted[namespace_id] += 1
            if chosen.random() < 0.01:
                time.sleep(0.005)
        return counted

    def thread(recorder: Recorder, seed: int) -> None:
        counted = queries(recorder, seed)
        with lock:
            expected.update(counted)

    lock = threading.Lock()
    recorders = [place.recorder(service) for service in SERVICES for _ in range(2)]
    threads = [
        threading.Thread(target=thread, args=(each, 7 * n + m)) for n, each in enumerate(recorders) for m in (1, 2)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    monkeypatch.setattr(LossySink, "lossy", False)
    assert LossySink.lost > 0
    for recorder in recorders:
        recorder.close()
    assert sum(expected.values()) == 24_000
    found = await place.store.filter_usage(list(expected), datetime.now(UTC))
    for namespace_id, count in expected.items():
        use = found[namespace_id].fields
        assert (use["city"].last_day, use["price"].last_day) == (
            {MatchKind.EXACT: count},
            {MatchKind.RANGE: count},
        )
    assert place.usage.count_documents({"object": "filter_service"}) == 3


async def test_processes_that_come_and_go_within_an_hour_count_exactly(place: Place) -> None:
    fork = multiprocessing.get_context("fork")
    with place.recorder() as parent:
        parent.record("ns_1", CITY)

        def child() -> None:
            for _ in range(100):
                parent.record("ns_1", CITY)
            parent.close()

        for _ in range(2):
            children = [fork.Process(target=child) for _ in range(2)]
            for each in children:
                each.start()
            for each in children:
                each.join()
                assert each.exitcode == 0
        parent.record("ns_1", CITY)
    for _ in range(2):
        with place.recorder() as again:
            again.record("ns_1", CITY)
    assert await place.counted() == {"city": 404}
    recorders = place.usage.distinct("recorder")
    assert len(recorders) == 7


async def test_a_mongodb_that_stops_costs_nothing_but_time(
    place: Place, own_mongodb: MongoDB, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "namespace_operator.usage")
    assert own_mongodb.process is not None
    with place.recorder(timeout_seconds=0.3) as recorder:
        recorder.record("ns_1", CITY)
        _eventually(lambda: place.usage.count_documents({"field": "city"}) == 2)
        own_mongodb.process.kill()
        try:
            waited = 0.0
            for _ in range(50):
                started = time.perf_counter()
                recorder.record("ns_1", CITY)
                waited += time.perf_counter() - started
                await asyncio.sleep(0.02)
            assert waited < 1, "nobody waits for MongoDB"
            _eventually(lambda: recorder.stats.pending == 1)
        finally:
            own_mongodb.process.restart()
        _eventually(lambda: recorder.stats.pending == 0)
    assert await place.counted() == {"city": 51}
    assert recorder.stats.dropped == 0
    assert len(caplog.records) == 2, "it failed, and it works again"


async def test_while_mongodb_is_frozen_the_process_ends_in_time(place: Place, own_mongodb: MongoDB) -> None:
    assert own_mongodb.process is not None
    recorder = place.recorder(timeout_seconds=0.3, interval_seconds=60)
    _eventually(lambda: place.usage.count_documents({}) == 1)
    own_mongodb.process.freeze()
    try:
        recorder.record("ns_1", CITY)
        started = time.monotonic()
        recorder.close()
        assert time.monotonic() - started < 2
    finally:
        own_mongodb.process.resume()


async def test_the_callers_own_client_is_used_and_stays_open(place: Place) -> None:
    with Recorder(place.client, place.name, "search", interval_seconds=0.05) as recorder:
        recorder.record("ns_1", CITY)
    assert await place.counted() == {"city": 1}


async def test_a_field_is_known_as_used_by_the_time(place: Place) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    with place.recorder() as recorder:
        recorder.record("ns_1", CITY)
    last_used = (await place.read()).last_used["city"]
    assert before <= last_used <= datetime.now(UTC)


async def test_a_run_begins_anew_after_a_silence_or_a_loss(place: Place) -> None:
    def beat(*, gap: bool = False, **changes: Any) -> tuple[datetime, datetime]:
        if changes:
            place.usage.update_one({"_id": "service/search"}, {"$set": changes})
        place.usage.bulk_write([heartbeat("search", gap=gap)])
        row = place.usage.find_one({"_id": "service/search"})
        assert row is not None
        return row["since"], row["at"]

    since, at = beat()
    assert since == at
    old = at - timedelta(days=20)
    assert beat(since=old, at=at - MAX_SILENCE + timedelta(minutes=1))[0] == old, "it was heard of in time"
    assert (await place.read()).watched_since == old
    since, at = beat(since=old, at=at - MAX_SILENCE - timedelta(minutes=1))
    assert since == at, "it was silent"
    since, at = beat(gap=True, since=old)
    assert since == at, "it lost something"
    assert beat(since=old)[0] == old
    assert (await place.read()).watched_since == old
