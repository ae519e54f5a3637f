"""The identity of a Qdrant server: a marker on it and a record in MongoDB, whatever becomes of either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.controller.server import ServerCheck
from namespace_operator.domain.observed import ServerIdentity, ServerRecord
from namespace_operator.stores.errors import Outdated, Rejected, Unauthorized, Unavailable
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import FixedCluster
from tests.unit.domain.builders import subject
from tests.world.faults import Crash, Fault, Faults, Kind
from tests.world.metadata import ModelMetadataStore
from tests.world.vectors import SERVER_DEFAULTS, ModelVectorStore, StoredCollection

NAME = "cluster-uid:default/default"
MARKER = {"mixpeek.com/server": "server-1"}


@dataclass
class Servers:
    """Both servers, whose requests are numbered together, and one check after the other as operators are started."""

    faults: Faults = field(default_factory=Faults)
    seconds: float = 0.0
    started: int = 0

    def __post_init__(self) -> None:
        self.metadata = ModelMetadataStore(self.faults)
        self.vectors = ModelVectorStore(self.faults)

    def start(self) -> ServerCheck:
        """The check of an operator that is started now; each would give the server an id of its own."""
        self.started += 1
        number = self.started
        return ServerCheck(NAME, self.metadata, self.vectors, lambda: f"server-{number}", lambda: self.seconds)

    @property
    def record(self) -> ServerRecord | None:
        """What MongoDB remembers."""
        return self.metadata.servers.get(NAME)

    @property
    def marker(self) -> str | None:
        """What Qdrant says."""
        stored = self.vectors.collections.get(MARKER_COLLECTION)
        return None if stored is None else stored.metadata["mixpeek.com/server"]

    def mark(self, server_id: str) -> None:
        """Let the Qdrant server have a marker."""
        self.vectors.collections[MARKER_COLLECTION] = StoredCollection({}, {"mixpeek.com/server": server_id})


async def known() -> Servers:
    """A server that was met before."""
    servers = Servers()
    await servers.start().identity()
    servers.faults.start_over()
    return servers


async def test_a_first_start_records_the_server_marks_it_and_confirms_that() -> None:
    servers = Servers()
    assert await servers.start().identity() == ServerIdentity("server-1", "server-1")
    assert servers.faults.log == [
        "mongodb: record server server-1 (confirmed: False)",
        f"qdrant: create collection {MARKER_COLLECTION}",
        "mongodb: record server server-1 (confirmed: True)",
    ]
    one_segment = {**SERVER_DEFAULTS, "segment_number": 1}
    assert servers.vectors.collections[MARKER_COLLECTION] == StoredCollection({}, MARKER, config=one_segment)


async def test_a_later_start_only_reads() -> None:
    servers = await known()
    assert await servers.start().identity() == ServerIdentity("server-1", "server-1")
    assert (servers.faults.writes, servers.faults.operations) == (0, 2)


@pytest.mark.parametrize("kind", [Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.LOST, Kind.FAILED])
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_crash_between_record_and_marker_is_no_replaced_server(number: int, kind: Kind) -> None:
    servers = Servers()
    servers.faults.at(number, Fault(kind))
    with pytest.raises((Crash, Unavailable)):
        await servers.start().identity()
    identity = await servers.start().identity()
    assert not identity.replaced
    assert servers.record == ServerRecord(str(identity.found), confirmed=True)
    assert servers.marker == identity.found


@pytest.mark.parametrize("delay", [1, 2, 3])
async def test_a_marker_that_is_made_late_is_the_one_that_counts(delay: int) -> None:
    servers = Servers()
    servers.faults.at(2, Fault(Kind.LATE, delay))
    with pytest.raises(Unavailable):
        await servers.start().identity()
    assert await servers.start().identity() == ServerIdentity("server-1", "server-1")
    servers.faults.land()
    assert servers.marker == "server-1"


@pytest.mark.parametrize("operation", [1, 2, 3, 4, 5])
async def test_of_two_that_start_at_once_one_marker_counts_for_both(operation: int) -> None:
    """The other operator does all of its own between two requests of the first."""
    servers = Servers()
    first = servers.start()

    def overtake() -> None:
        servers.metadata.servers[NAME] = ServerRecord("server-2", confirmed=True)
        servers.mark("server-2")

    servers.faults.before(operation, overtake)
    try:
        identity = await first.identity()
    except Outdated:
        identity = await servers.start().identity()
    assert identity == ServerIdentity("server-2", "server-2")
    assert servers.record == ServerRecord("server-2", confirmed=True)


REPLACEMENTS: dict[str, tuple[Callable[[Servers], None], str | None]] = {
    "an empty server": (lambda servers: servers.vectors.collections.clear(), None),
    "a server with another marker": (lambda servers: servers.mark("server-9"), "server-9"),
}


@pytest.mark.parametrize(("replace", "found"), REPLACEMENTS.values(), ids=REPLACEMENTS)
async def test_another_server_is_told_and_not_marked(replace: Callable[[Servers], None], found: str | None) -> None:
    servers = await known()
    replace(servers)
    identity = await servers.start().identity()
    assert identity == ServerIdentity("server-1", found)
    assert identity.replaced
    assert servers.faults.writes == 0


async def test_a_lost_record_is_made_again_from_the_marker() -> None:
    servers = await known()
    servers.metadata.servers.clear()
    assert await servers.start().identity() == ServerIdentity("server-1", "server-1")
    assert servers.record == ServerRecord("server-1", confirmed=True)
    assert servers.faults.log == ["mongodb: record server server-1 (confirmed: True)"]


async def test_an_unconfirmed_record_does_not_outweigh_a_marker() -> None:
    servers = Servers()
    servers.metadata.servers[NAME] = ServerRecord("announced", confirmed=False)
    servers.mark("server-7")
    assert await servers.start().identity() == ServerIdentity("server-7", "server-7")
    assert servers.record == ServerRecord("server-7", confirmed=True)


async def test_a_collection_of_somebody_else_under_the_markers_name_is_refused() -> None:
    servers = Servers()
    servers.vectors.collections[MARKER_COLLECTION] = StoredCollection({}, {"team": "search"})
    with pytest.raises(
        Rejected, match=f"Collection {MARKER_COLLECTION} is reserved for the operator .* rename or remove"
    ):
        await servers.start().identity()
    assert servers.faults.writes == 0


async def test_it_is_asked_for_once_in_ten_seconds() -> None:
    servers = await known()
    check = servers.start()
    await check.identity()
    servers.vectors.collections.clear()
    servers.seconds = 9.9
    assert not (await check.identity()).replaced
    assert servers.faults.operations == 2
    servers.seconds = 10.0
    assert (await check.identity()).replaced


async def test_a_failure_is_not_believed_any_longer_than_it_lasts() -> None:
    servers = await known()
    check = servers.start()
    servers.faults.at_read(1)
    with pytest.raises(Unavailable):
        await check.identity()
    assert not (await check.identity()).replaced


async def test_an_old_answer_does_not_stand_for_one_that_cannot_be_had() -> None:
    servers = await known()
    check = servers.start()
    await check.identity()
    servers.seconds = 60.0
    servers.vectors.refuses = True
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await check.identity()


async def test_who_loses_the_race_of_the_first_start_looks_again() -> None:
    bench = Bench(cluster=FixedCluster(subject()))
    del bench.vectors.collections[MARKER_COLLECTION]
    bench.metadata.servers.clear()

    def overtake() -> None:
        bench.metadata.servers[NAME] = ServerRecord("server-2", confirmed=False)

    # The documents, the claim on the instance id read and written, then the record that is not there.
    bench.mongodb.before(5, overtake)
    assert (await bench.run()).failed
    assert bench.states()["Ready"] == ("False", "ClaimConflict")
    await bench.run()
    assert bench.states()["Ready"] == ("True", "Ready")
    assert bench.metadata.servers[NAME] == ServerRecord("server-2", confirmed=True)


@pytest.mark.parametrize(
    ("record", "marker", "identity"),
    [
        (None, None, ServerIdentity(None, None)),
        (ServerRecord("server-1", confirmed=False), None, ServerIdentity(None, None)),
        (None, "server-1", ServerIdentity("server-1", "server-1")),
        (ServerRecord("server-1", confirmed=True), "server-1", ServerIdentity("server-1", "server-1")),
        (ServerRecord("server-1", confirmed=True), None, ServerIdentity("server-1", None)),
        (ServerRecord("server-1", confirmed=True), "server-2", ServerIdentity("server-1", "server-2")),
    ],
)
async def test_a_peek_tells_the_same_and_writes_nothing(
    record: ServerRecord | None, marker: str | None, identity: ServerIdentity
) -> None:
    servers = Servers()
    if record is not None:
        servers.metadata.servers[NAME] = record
    if marker is not None:
        servers.mark(marker)
    assert await servers.start().peek() == identity
    assert servers.faults.writes == 0
