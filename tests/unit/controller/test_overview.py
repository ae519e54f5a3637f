"""One look at all namespaces of a server: when it is taken, how long it is believed, and what it never leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Collection as Names
from dataclasses import dataclass, field, replace

import pytest

from namespace_operator.api.status import InfrastructureStatus, RayClusterStatus
from namespace_operator.controller.overview import FEWEST, Overview, Seen, SeenCollections, SeenDocuments
from namespace_operator.controller.queue import Next
from namespace_operator.controller.shared import Shared
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Counts
from namespace_operator.stores.errors import Backend, Unauthorized, Unavailable
from namespace_operator.stores.protocols import ReadAtOnce
from tests.unit.controller.bench import Bench, later
from tests.unit.controller.fixed import FixedCluster, Outage, metadata_store, vector_store
from tests.unit.domain.builders import (
    INSTANCE,
    KEY,
    NAMESPACE_ID,
    another_document,
    claims,
    collection,
    document,
    extractor,
    index,
    registered,
    spec,
    subject,
)
from tests.world.vectors import ModelVectorStore

WHOLE = document([registered("text_extractor_v1")], {"brand": {"type": "keyword"}})
WANTED = spec(featureExtractors=[extractor("text_extractor_v1")], payloadIndexes=[index("brand")])
INTERVAL = 300.0


def settled(vectors: ModelVectorStore | None = None) -> Bench:
    """A namespace of which both stores hold what it wants, compared by overview from the second look on."""
    return Bench(
        metadata_store(WHOLE),
        vectors or vector_store(collection(WHOLE)),
        FixedCluster(subject(WANTED)),
        {"overview_from": 1},
    )


@dataclass
class Clock:
    """A clock that is moved by hand."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds


def overview(connection: str | None = None, *, settled: int = FEWEST, clock: Clock | None = None) -> Overview:
    """An overview of so many namespaces, of which the stores know two."""
    made = Overview(
        INSTANCE,
        connection,
        metadata_store(WHOLE, another_document()),
        vector_store(collection(WHOLE), collection(another_document())),
        clock or Clock(),
    )
    for number in range(settled):
        made.join(Key("acme", f"shop-{number}"))
    return made


async def compared(bench: Bench) -> tuple[Next, int, int]:
    """What a check says of the next, and how often it asked Qdrant and MongoDB."""
    before = bench.qdrant.operations, bench.mongodb.operations
    following = await bench.run(INTERVAL, check=True)
    return following, bench.qdrant.operations - before[0], bench.mongodb.operations - before[1]


async def test_a_check_writes_nothing_and_asks_little() -> None:
    bench = settled()
    first = await bench.run()
    assert first == Next(after=200.0, check=True)
    bench.seconds += 200.0 - INTERVAL
    statuses = len(bench.cluster.statuses)
    for _ in range(3):
        following, of_qdrant, of_mongodb = await compared(bench)
        assert following == Next(after=INTERVAL, check=True)
        # Version, marker and all collections; whose the instance is, the server's record, all documents, all counts.
        assert (of_qdrant, of_mongodb) == (3, 4)
    assert len(bench.cluster.statuses) == statuses
    assert (bench.qdrant.log, bench.written) == ([], [])
    assert bench.results == ["ready"] * 4


async def test_without_telemetry_a_check_reads_the_collection() -> None:
    bench = settled()
    await bench.run()
    bench.vectors.tells_at_once = False
    _, of_qdrant, of_mongodb = await compared(bench)
    assert (of_qdrant, of_mongodb) == (4, 4)
    del bench.vectors.collections[NAMESPACE_ID]
    await compared(bench)
    assert bench.states()["CollectionReady"] == ("False", "CollectionLost")


async def test_numbers_change_at_most_once_a_minute_whoever_looks() -> None:
    bench = settled()
    await bench.run()
    bench.vectors.collections[NAMESPACE_ID].points = {}
    await bench.run(59.0, check=True)
    assert len(bench.cluster.statuses) == 1
    await bench.run(1.0, check=True)
    assert [status.document_count for status in bench.cluster.statuses] == [3, 0]
    bench.metadata.belongings["objects"] = [{"namespace_id": NAMESPACE_ID}]
    for _ in range(4):
        await bench.run(14.0, check=True)
    assert len(bench.cluster.statuses) == 2
    await bench.run(14.0, check=True)
    assert [status.object_count for status in bench.cluster.statuses] == [0, 0, 1]
    assert len(bench.cluster.events) == 1


async def test_a_finding_that_stays_is_not_looked_at_twice() -> None:
    bench = settled()
    bench.vectors.collections[NAMESPACE_ID].vectors.clear()
    await bench.run()
    assert bench.states()["VectorsSynced"] == ("False", "VectorMissing")
    _, of_qdrant, _ = await compared(bench)
    assert of_qdrant == 3
    assert bench.results == ["not_ready"] * 2


@dataclass(slots=True)
class Behind(ModelVectorStore):
    """A server that changes right after it told of all."""

    then: Callable[[], object] = field(default=lambda: None)

    async def read_at_once(self, collections: object) -> ReadAtOnce | None:
        """Tell, and change."""
        seen = await ModelVectorStore.read_at_once(self, collections)  # type: ignore[arg-type]
        self.then()
        return seen


async def test_what_was_seen_is_never_a_reason_to_write() -> None:
    server = Behind(Outage(), collections=vector_store(collection(WHOLE)).collections)
    bench = settled(server)
    await bench.run()
    stored = bench.vectors.collections[NAMESPACE_ID]
    brand = stored.indexes.pop("brand")
    server.then = lambda: stored.indexes.update(brand=brand)
    statuses = len(bench.cluster.statuses)
    await bench.run(INTERVAL, check=True)
    assert (bench.qdrant.log, bench.written, len(bench.cluster.statuses)) == ([], [], statuses)
    assert "brand" in stored.indexes


ASKED: list[dict[str, object]] = [
    {"dry_run": True},
    {"adopt": "true"},
    {"take_over": "ns_0000000009"},
    {"repair_requested_at": "now"},
    {"rebuild_indexes_requested_at": "now"},
    {"recreate_collection": NAMESPACE_ID},
    {"renew": "again"},
    {"reconcile_requested_at": "now"},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
async def test_what_somebody_asked_for_is_looked_at_in_the_stores(asked: dict[str, object]) -> None:
    bench = settled()
    await bench.run()
    bench.cluster.held = replace(bench.held, requests=replace(bench.held.requests, **asked))  # type: ignore[arg-type]
    reads = bench.mongodb.reads
    live = settled()
    await live.run()
    live.cluster.held = replace(live.held, requests=bench.held.requests)
    await bench.run(INTERVAL, check=True)
    before = live.mongodb.reads
    await live.run(INTERVAL)
    more = 2 if "reconcile_requested_at" in asked else 0
    assert bench.mongodb.reads - reads == live.mongodb.reads - before + more
    assert bench.held.status.conditions == live.held.status.conditions


async def test_an_object_being_deleted_is_looked_at_in_the_stores() -> None:
    wanted = spec(featureExtractors=[extractor("text_extractor_v1")], deletionPolicy="Delete")
    bench = settled()
    bench.cluster.held = subject(wanted, finalized=True)
    await bench.run()
    bench.edit(deleting=True)
    assert await bench.run(INTERVAL, check=True) == Next()
    assert NAMESPACE_ID not in bench.vectors.collections


async def test_a_ray_cluster_that_was_made_is_looked_at() -> None:
    bench = settled()
    await bench.run()
    infrastructure = bench.held.status.infrastructure or InfrastructureStatus()
    told = infrastructure.model_copy(update={"ray_cluster": RayClusterStatus(name="gone", ready=True)})
    bench.cluster.held = replace(bench.held, status=bench.held.status.model_copy(update={"infrastructure": told}))
    await bench.run(INTERVAL, check=True)
    assert bench.held.status.infrastructure is not None
    assert bench.held.status.infrastructure.ray_cluster is None


@pytest.mark.parametrize("part", ["qdrant", "mongodb"])
async def test_a_server_that_fails_is_told_and_no_overview_is_tried_for_a_while(part: str) -> None:
    bench = settled()
    await bench.run()
    server, backend = (bench.qdrant, Backend.QDRANT) if part == "qdrant" else (bench.mongodb, Backend.MONGODB)
    server.fails = Unavailable(backend, "away", "any")
    assert await bench.run(INTERVAL, check=True) == Next(failed=True)
    assert "Unavailable" in bench.states()["Ready"][1]
    server.fails = None
    await bench.run(1.0, check=True)
    assert bench.states()["Ready"] == ("True", "Ready")
    _, _, of_mongodb = await compared(bench)
    assert of_mongodb == 4


async def test_an_overview_that_fails_is_given_a_rest() -> None:
    clock = Clock()
    seen = overview(clock=clock)
    assert isinstance(seen.vectors, ModelVectorStore)
    seen.vectors.refuses = True
    assert await seen.seen() is None
    seen.vectors.refuses = False
    clock.seconds = 29.0
    assert await seen.seen() is None
    clock.seconds = 31.0
    assert await seen.seen() is not None


async def test_many_who_ask_share_one_look_that_is_believed_for_seconds() -> None:
    clock = Clock()
    seen = overview(clock=clock)
    answers = await asyncio.gather(*(seen.seen() for _ in range(20)))
    assert all(answer is answers[0] for answer in answers)
    clock.seconds = 4.9
    assert await seen.seen() is answers[0]
    clock.seconds = 5.0
    assert await seen.seen() is not answers[0]


async def test_many_that_wait_for_nothing_let_others_go_first() -> None:
    bench = settled()
    await bench.run()
    await bench.run(INTERVAL, check=True)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    running = asyncio.create_task(others())
    await asyncio.gather(*(bench.run(check=True) for _ in range(16)))
    running.cancel()
    assert turns >= 16
    assert bench.results == ["ready"] * 18


@dataclass(slots=True)
class Hung(ModelVectorStore):
    """A server that does not tell of all until it is let go."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def read_at_once(self, collections: object) -> ReadAtOnce | None:
        """Wait, and tell."""
        self.asked.set()
        await self.gate.wait()
        return await ModelVectorStore.read_at_once(self, collections)  # type: ignore[arg-type]


async def test_nobody_waits_for_a_look_that_another_one_takes() -> None:
    server = Hung(Outage(), collections=vector_store(collection(WHOLE)).collections)
    bench = settled(server)
    await bench.run()
    first = asyncio.create_task(bench.run(INTERVAL, check=True))
    await asyncio.wait_for(server.asked.wait(), 5.0)
    bench.cluster.fails = AssertionError("thousands come back again and again, and their objects are not even read")
    assert await bench.run(check=True) == Next(after=0.1, check=True)
    bench.cluster.fails = None
    assert not first.done()
    server.gate.set()
    assert (await first).check
    assert (await bench.run(check=True)).after == pytest.approx(200.0)


async def test_an_end_does_not_wait_for_a_look_that_another_one_takes() -> None:
    server = Hung(Outage(), collections=vector_store(collection(WHOLE)).collections)
    bench = settled(server)
    await bench.run()
    first = asyncio.create_task(bench.run(INTERVAL, check=True))
    await asyncio.wait_for(server.asked.wait(), 5.0)
    bench.reconciler.agenda._awaited[KEY] = later(0)
    assert await bench.run(check=True) == Next(after=200.0, check=True), "it was looked at by itself"
    server.gate.set()
    await first


async def test_an_answer_that_is_believed_no_longer_is_forgotten() -> None:
    clock, asked = Clock(), 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        return asked

    shared = Shared(ask, clock, 5.0)
    await shared.get()
    shared.forget()
    assert await shared.get() == 1
    clock.seconds = 5.0
    shared.forget()
    assert shared._answer is None
    assert await shared.get() == 2


async def test_a_look_holds_documents_collections_and_counts() -> None:
    seen = await overview().seen()
    assert seen is not None
    other = another_document()
    assert seen.holders == dict.fromkeys(WHOLE.claims, WHOLE) | dict.fromkeys(other.claims, other)
    assert seen.collections.keys() == {WHOLE.collection, other.collection}
    assert seen.counts == dict.fromkeys((WHOLE.namespace_id, other.namespace_id), Counts(0, 0, 0))


def test_few_namespaces_are_looked_at_one_by_one() -> None:
    assert not overview(settled=FEWEST - 1).is_worthwhile
    of_many = overview(settled=FEWEST)
    assert of_many.is_worthwhile
    of_many.leave(Key("acme", "shop-0"))
    assert not of_many.is_worthwhile


async def test_few_among_many_collections_of_others_are_looked_at_one_by_one() -> None:
    clock = Clock()
    seen = overview(settled=10, clock=clock)
    assert isinstance(seen.vectors, ModelVectorStore)
    others = {f"other-{n}": replace(seen.vectors.collections[NAMESPACE_ID]) for n in range(30)}
    seen.vectors.collections |= others
    assert await seen.seen()
    assert not seen.is_worthwhile
    clock.seconds = 3601.0
    assert seen.is_worthwhile, "the others may have gone"
    for number in range(16):
        seen.join(Key("acme", f"more-{number}"))
    clock.seconds = 3602.0
    assert await seen.seen()
    assert seen.is_worthwhile


@pytest.mark.parametrize("now", [0.0, 1.0, 17.5, 299.0, 299.99, 300.0, 12345.6])
@pytest.mark.parametrize("connection", [None, "iclstr_east", "iclstr_west"])
def test_each_server_has_its_moment_in_every_interval(connection: str | None, now: float) -> None:
    clock = Clock(now)
    seen = overview(connection, clock=clock)
    seconds = seen.due_in(INTERVAL)
    assert 0.1 * INTERVAL <= seconds <= 1.1 * INTERVAL
    clock.seconds += seconds
    assert seen.due_in(INTERVAL) == pytest.approx(INTERVAL)
    assert clock.seconds % INTERVAL == pytest.approx(overview(connection, clock=Clock(0.0)).due_in(INTERVAL) % INTERVAL)


def test_servers_have_different_moments() -> None:
    assert len({overview(name).due_in(INTERVAL) for name in (None, "iclstr_east", "iclstr_west", "iclstr_eu")}) == 4


ODD = MalformedDocument("ns_odd", "state: odd", ("name/odd",))
SEEN = Seen({**dict.fromkeys(WHOLE.claims, WHOLE), "name/odd": ODD}, {NAMESPACE_ID: collection(WHOLE)})


async def test_a_claim_that_nobody_was_seen_to_hold_is_asked_for() -> None:
    live = metadata_store(WHOLE, another_document())
    documents = SeenDocuments(SEEN, live)
    assert await documents.find([*WHOLE.claims, "name/odd"]) == [WHOLE, ODD]
    assert live.faults.reads == 0
    found = await documents.find([WHOLE.claims[0], another_document().claims[0]])
    assert {one.document_id for one in found} == {WHOLE.namespace_id, another_document().namespace_id}
    assert live.faults.reads == 1
    assert await documents.find([*claims(), "name/nobody"]) == [WHOLE]
    assert isinstance(await documents.get(NAMESPACE_ID), NamespaceDocument)
    assert await documents.shared("shared/none") is None
    assert await documents.wanted_by([NAMESPACE_ID], ["brand"]) == {"brand": NAMESPACE_ID}
    assert await documents.count_bound(INSTANCE, None) == 2
    assert live.faults.reads == 6


async def test_only_the_server_can_say_that_there_is_no_collection() -> None:
    live = vector_store(collection(WHOLE))
    collections = SeenCollections(SEEN, live)
    assert await collections.read(NAMESPACE_ID) == collection(WHOLE)
    assert live.faults.reads == 0
    assert await collections.read("none") is None
    assert await collections.aliases(NAMESPACE_ID) == ()
    assert await collections.alias_target(NAMESPACE_ID) is None
    assert await collections.count_points(NAMESPACE_ID) == 3
    assert live.faults.reads == 4
    live.refuses = True
    with pytest.raises(Unauthorized):
        await collections.read("none")


async def test_a_namespace_is_settled_on_one_server_only() -> None:
    bench = settled()
    await bench.run()
    fleet = bench.reconciler.observer.fleet
    assert fleet.home(KEY) is fleet.connected()[0]
    fleet.settle(KEY, "iclstr_east")
    assert fleet.home(KEY) is None
    await bench.run()
    bench.cluster.held = None
    await bench.run()
    assert fleet.home(KEY) is None


async def test_a_look_that_takes_long_is_asked_for_less_often_and_believed_longer() -> None:
    clock, waited = Clock(1000.0), list[float]()

    class Slow(ModelVectorStore):
        async def read_at_once(self, collections: Names[str]) -> ReadAtOnce | None:
            clock.seconds += 20.0
            waited.append(looking.soon)
            return await ModelVectorStore.read_at_once(self, collections)

    looking = Overview(INSTANCE, None, metadata_store(WHOLE), Slow(Outage()), clock)
    first = await looking.seen()
    assert waited == [10.0]
    clock.seconds += 39.0
    assert await looking.seen() is first
    clock.seconds += 1.0
    assert await looking.seen() is not first
