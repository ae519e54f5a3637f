"""What MongoDB's driver tells of its commands and of the primary, with a mongod that is frozen and woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from devstack.stores import MongoDB
from namespace_operator.stores.errors import ClaimTaken, Unavailable
from namespace_operator.stores.mongodb import InvalidConnectionString, MongoStore, Monitor
from namespace_operator.telemetry.catalog import MONGODB
from namespace_operator.telemetry.metrics import Metrics
from tests.contract.stores.documents import document

_NOWHERE = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"


@dataclass
class Watched:
    """A store, and what its monitor tells."""

    store: MongoStore
    metrics: Metrics
    found: list[bool] = field(default_factory=list)

    def requests(self) -> dict[tuple[str, str], float]:
        """How often each command ended how."""
        text = self.metrics.exposition("")[0].decode()
        return {
            (sample.labels["operation"], sample.labels["outcome"]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "namespace_operator_requests_total" and sample.value
        }


@pytest.fixture
async def watched(own_mongodb: MongoDB) -> AsyncIterator[Watched]:
    """A store over an empty database."""
    metrics, found = Metrics("1"), list[bool]()
    monitor = Monitor(metrics.meter(MONGODB), found.append)
    store = MongoStore(own_mongodb.uri, f"monitor_{uuid4().hex[:12]}", timeout_seconds=2, monitor=monitor)
    yield Watched(store, metrics, found)
    await store.close()


async def eventually(true: Callable[[], bool]) -> None:
    """Wait until it is."""
    for _ in range(600):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


async def test_commands_are_counted_and_a_claim_that_is_taken_is_a_conflict(watched: Watched) -> None:
    await watched.store.insert(document())
    with pytest.raises(ClaimTaken):
        await watched.store.insert(document())
    assert await watched.store.get(document().namespace_id) == document()
    # The driver tells of it within a second.
    await eventually(lambda: watched.found[-1:] == [True])
    assert watched.requests() == {
        ("createIndexes", "ok"): 3.0,
        ("insert", "ok"): 1.0,
        ("insert", "conflict"): 1.0,
        ("find", "ok"): 1.0,
    }


async def test_a_server_that_does_not_answer_is_found_out_and_so_is_one_that_does_again(
    watched: Watched, own_mongodb: MongoDB
) -> None:
    assert own_mongodb.process is not None
    await watched.store.get("ns_1")
    own_mongodb.process.freeze()
    try:
        with pytest.raises(Unavailable):
            await watched.store.get("ns_1")
        assert watched.requests()["find", "timeout"] >= 1.0
    finally:
        own_mongodb.process.resume()
    own_mongodb.process.restart()
    await eventually(lambda: False in watched.found)

    async def answers() -> None:
        while True:
            with suppress(Unavailable):
                await watched.store.get("ns_1")
                return

    await asyncio.wait_for(answers(), 30)
    await eventually(lambda: watched.found[-1])


async def test_only_the_newest_client_knows_of_the_primary(watched: Watched, own_mongodb: MongoDB) -> None:
    await watched.store.get("ns_1")
    watched.store.reconnect(_NOWHERE)
    with pytest.raises(Unavailable):
        await watched.store.get("ns_1")
    await eventually(lambda: watched.found[-1:] == [False])
    watched.store.reconnect(own_mongodb.uri)
    await watched.store.get("ns_1")
    await eventually(lambda: watched.found[-1])
    # The one to nowhere goes on looking, and is not listened to.
    told = len(watched.found)
    await asyncio.sleep(2.5)
    assert set(watched.found[told:]) <= {True}


async def test_a_connection_string_that_cannot_be_used_leaves_the_client_that_goes_on_listened_to(
    watched: Watched, own_mongodb: MongoDB
) -> None:
    assert own_mongodb.process is not None
    await watched.store.get("ns_1")
    await eventually(lambda: watched.found[-1:] == [True])
    with pytest.raises(InvalidConnectionString):
        watched.store.reconnect("mongodb://user:pass:word@somewhere")
    own_mongodb.process.kill()
    try:
        await eventually(lambda: watched.found[-1:] == [False])
    finally:
        own_mongodb.process.restart()


class Described:
    """An event of a topology with these servers, each by whether it is known and whether it failed."""

    def __init__(self, *servers: tuple[bool, bool], writable: bool = False) -> None:
        self._servers, self._writable = servers, writable

    @property
    def new_description(self) -> Described:
        """The topology."""
        return self

    def has_writable_server(self) -> bool:
        """Whether one of them is a primary."""
        return self._writable

    def server_descriptions(self) -> dict[int, SimpleNamespace]:
        """Its servers."""
        return {
            number: SimpleNamespace(is_server_type_known=known, error=OSError() if failed else None)
            for number, (known, failed) in enumerate(self._servers)
        }


@pytest.mark.parametrize(
    ("described", "told"),
    [
        (Described((False, False), (False, False)), []),
        (Described((True, False), (False, False), writable=True), [True]),
        (Described((True, False), (True, False)), [False]),
        (Described((True, False), (False, True)), [False]),
        (Described((False, True)), [False]),
    ],
    ids=["nothing is known", "a primary", "secondaries alone", "a primary that is gone", "nobody answers"],
)
def test_what_a_topology_says_of_the_primary(described: Described, told: list[bool]) -> None:
    found: list[bool] = []
    _, topology = Monitor(Metrics("1").meter(MONGODB), found.append).listeners()
    cast("Any", topology).description_changed(described)
    assert found == told
