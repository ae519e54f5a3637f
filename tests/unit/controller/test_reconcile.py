"""The reconcile around the plan: when status is written, what is told of failures, what comes next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from namespace_operator.api.status import Condition
from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged
from namespace_operator.controller.counts import CountReader
from namespace_operator.controller.queue import Next
from namespace_operator.controller.reconcile import Clock, Reconciler
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, State
from namespace_operator.domain.identity import name_claim
from namespace_operator.domain.observed import Counts, InvalidSpec, Subject
from namespace_operator.stores.errors import Backend, BackendError, ClaimTaken, Rejected, Unauthorized, Unavailable
from tests.unit.controller.fixed import FixedCluster, FixedMetadata, FixedVectors
from tests.unit.domain.builders import (
    INSTANCE,
    KEY,
    NAMESPACE_ID,
    NOW,
    ORGANIZATION,
    catalog,
    collection,
    document,
    extractor,
    index,
    owner,
    registered,
    spec,
    subject,
)

WHOLE = document([registered("text_extractor_v1")])
WANTED = spec(featureExtractors=[extractor("text_extractor_v1")])
RESYNC = Next(after=300.0)
FAILED = Next(failed=True)
QDRANT_DOWN = Unavailable(Backend.QDRANT, "Qdrant at http://qdrant:6333 cannot be reached", "GET /")


@dataclass
class Bench:
    """A reconciler over fixed stores, and its clock. Settled by default."""

    metadata: FixedMetadata = field(default_factory=lambda: FixedMetadata([WHOLE]))
    vectors: FixedVectors = field(default_factory=lambda: FixedVectors(collection(WHOLE)))
    cluster: FixedCluster = field(default_factory=lambda: FixedCluster(subject(WANTED)))
    monotonic: float = 1000.0

    def __post_init__(self) -> None:
        self.reconciler = Reconciler(
            instance_id=INSTANCE,
            catalog=catalog(),
            cluster=self.cluster,
            metadata=self.metadata,
            vectors=self.vectors,
            counts=CountReader(self.metadata),
            clock=Clock(now=lambda: NOW, monotonic=lambda: self.monotonic),
            mint_id=lambda: NAMESPACE_ID,
            random=lambda: 0.5,
        )

    async def run(self, seconds: float = 0.0) -> Next:
        """Reconcile, so many seconds after the last time."""
        self.monotonic += seconds
        return await self.reconciler.reconcile(KEY)

    @property
    def held(self) -> Subject:
        """The object as it is now."""
        assert self.cluster.held is not None
        return self.cluster.held

    def conditions(self) -> dict[str, Condition]:
        """The conditions written last, by type."""
        return {condition.type: condition for condition in self.held.status.conditions}

    def states(self) -> dict[str, tuple[str, str]]:
        """Status and reason of the conditions written last."""
        return {name: (condition.status, condition.reason) for name, condition in self.conditions().items()}

    def points(self, number: int) -> None:
        """Let the collection have so many points."""
        assert self.vectors.collection is not None
        self.vectors.collection = replace(self.vectors.collection, points_count=number)


async def test_a_new_namespace_becomes_ready_in_one_reconcile() -> None:
    bench = Bench(FixedMetadata(), FixedVectors())
    assert await bench.run() == RESYNC
    assert bench.states()["Ready"] == ("True", "Ready")
    assert [made.state for made in bench.metadata.written] == [State.PROVISIONING, State.READY]
    assert bench.held.status.namespace_id == NAMESPACE_ID
    assert bench.cluster.events == [("Normal", "Ready")]


async def test_a_status_that_says_the_same_is_not_written() -> None:
    bench = Bench()
    await bench.run()
    for _ in range(3):
        assert await bench.run(600.0) == RESYNC
    assert len(bench.cluster.statuses) == 1
    assert len(bench.cluster.events) == 1
    assert bench.vectors.requests == []


async def test_live_numbers_are_written_once_a_minute() -> None:
    bench = Bench()
    await bench.run()
    bench.points(4)
    await bench.run(59.0)
    assert len(bench.cluster.statuses) == 1
    await bench.run(1.0)
    assert [status.document_count for status in bench.cluster.statuses] == [3, 4]
    bench.metadata.numbers[NAMESPACE_ID] = Counts(1, 1, 1)
    await bench.run(30.0)
    await bench.run(30.0)
    assert [status.object_count for status in bench.cluster.statuses] == [0, 0, 1]


async def test_what_is_not_a_number_is_written_at_once_numbers_included() -> None:
    bench = Bench()
    await bench.run()
    bench.points(4)
    bench.cluster.held = replace(bench.held, generation=3)
    await bench.run(1.0)
    assert [(status.observed_generation, status.document_count) for status in bench.cluster.statuses] == [
        (2, 3),
        (3, 4),
    ]


async def test_a_fresh_process_writes_numbers_at_once() -> None:
    bench = Bench()
    await bench.run()
    again = Bench(bench.metadata, bench.vectors, bench.cluster)
    again.points(4)
    await again.run()
    assert len(bench.cluster.statuses) == 2


class AlwaysTaken(FixedMetadata):
    """Somebody else is always faster."""

    async def insert(self, document: NamespaceDocument) -> None:
        """Refuse."""
        raise ClaimTaken(document.namespace_id)


FAILURES: list[tuple[str, BackendError, str, str]] = [
    ("vectors", QDRANT_DOWN, "QdrantUnavailable", "Unknown"),
    ("vectors", Unauthorized(Backend.QDRANT, "Qdrant refuses the API key", "GET /"), "QdrantUnauthorized", "Unknown"),
    ("vectors", Rejected(Backend.QDRANT, "Qdrant refuses", "GET /"), "QdrantRejected", "False"),
    ("metadata", Unavailable(Backend.MONGODB, "MongoDB is away", "reading"), "MongoDBUnavailable", "Unknown"),
    ("metadata", Unauthorized(Backend.MONGODB, "MongoDB refuses", "reading"), "MongoDBUnauthorized", "Unknown"),
    ("metadata", Rejected(Backend.MONGODB, "MongoDB refuses", "reading"), "MongoDBRejected", "False"),
]


@pytest.mark.parametrize(("part", "failure", "reason", "status"), FAILURES, ids=str)
async def test_a_failing_backend_is_told_and_tried_again(
    part: str, failure: BackendError, reason: str, status: str
) -> None:
    bench = Bench()
    await bench.run()
    store = bench.vectors if part == "vectors" else bench.metadata
    store.fails = failure
    assert await bench.run() == FAILED
    states = bench.states()
    assert states["Ready"] == ("False", reason)
    assert states["CollectionReady" if part == "vectors" else "MetadataSynced"] == (status, reason)
    assert states["IndexesSynced"] == ("Unknown", reason)
    assert str(failure) in bench.conditions()["Ready"].message
    assert bench.held.status.namespace_id == NAMESPACE_ID
    assert bench.held.status.document_count is None

    store.fails = None
    assert await bench.run() == RESYNC
    assert bench.states()["Ready"] == ("True", "Ready")
    assert bench.cluster.events == [("Normal", "Ready"), ("Warning", reason), ("Normal", "Ready")]


async def test_a_document_that_agrees_is_synced_while_qdrant_is_down() -> None:
    bench = Bench()
    bench.vectors.fails = QDRANT_DOWN
    await bench.run()
    assert bench.states()["MetadataSynced"] == ("True", "Synced")


@pytest.mark.parametrize(
    ("edited", "metadata"),
    [
        (
            spec(featureExtractors=[extractor("text_extractor_v1")], payloadIndexes=[index("brand")]),
            ("Unknown", "QdrantUnavailable"),
        ),
        (
            spec(featureExtractors=[extractor("text_extractor_v1")], deletionPolicy="Delete"),
            ("Unknown", "QdrantUnavailable"),
        ),
        (InvalidSpec("spec.namespaceName: bad"), ("False", "InvalidSpec")),
    ],
)
async def test_a_document_that_does_not_agree_is_not_called_synced_while_qdrant_is_down(
    edited: InvalidSpec, metadata: tuple[str, str]
) -> None:
    bench = Bench()
    bench.cluster.held = subject(edited)
    bench.vectors.fails = QDRANT_DOWN
    await bench.run()
    assert bench.states()["MetadataSynced"] == metadata
    assert bench.states()["CollectionReady"][1] in ("QdrantUnavailable", "InvalidSpec")
    assert bench.metadata.written == []


async def test_a_lost_document_is_not_called_synced_while_qdrant_is_down() -> None:
    bench = Bench()
    await bench.run()
    bench.metadata.documents.clear()
    bench.vectors.fails = QDRANT_DOWN
    await bench.run()
    assert bench.states()["MetadataSynced"] == ("Unknown", "QdrantUnavailable")


async def test_an_unknown_extractor_is_told_while_qdrant_is_down() -> None:
    bench = Bench(cluster=FixedCluster(subject(spec(featureExtractors=[extractor("nope_v1")]))))
    bench.metadata.documents[:] = [document()]
    bench.vectors.fails = QDRANT_DOWN
    await bench.run()
    assert bench.states()["Ready"] == ("False", "QdrantUnavailable")
    assert bench.states()["VectorsSynced"] == ("False", "UnknownExtractor")


async def test_a_broken_holder_of_the_wanted_name_does_not_stand_for_our_own_document() -> None:
    name = name_claim(INSTANCE, ORGANIZATION, "movies")
    broken = MalformedDocument("broken", "state: bad", (name,))
    wanted = spec(namespaceName="movies", featureExtractors=[extractor("text_extractor_v1")])
    bench = Bench(FixedMetadata([broken, WHOLE]), cluster=FixedCluster(subject(wanted)))
    await bench.run()
    assert bench.states()["MetadataSynced"] == ("False", "NameConflict")
    assert bench.states()["CollectionReady"] == ("True", "Available")


async def test_a_bug_is_told_without_its_text_and_does_not_end_the_loop() -> None:
    bench = Bench()
    bench.metadata.fails = KeyError("secret CANARY")  # type: ignore[assignment] # a bug is no store's error
    assert await bench.run() == FAILED
    assert bench.states()["Ready"] == ("False", "InternalError")
    assert "Internal error (KeyError)" in bench.conditions()["Ready"].message
    assert "CANARY" not in str(bench.held.status.to_kubernetes())


async def test_a_plan_that_never_fits_the_world_ends_in_a_condition() -> None:
    bench = Bench(AlwaysTaken(), FixedVectors())
    assert await bench.run() == FAILED
    assert bench.states()["Ready"] == ("False", "ClaimConflict")


@pytest.mark.parametrize("failure", [ObjectChanged("replaced"), ClusterUnavailable("503")])
async def test_an_object_that_cannot_be_read_is_looked_at_again(failure: Exception) -> None:
    bench = Bench()
    bench.cluster.fails = failure
    assert await bench.run() == FAILED
    assert bench.cluster.statuses == []


async def test_an_object_that_is_gone_leaves_its_data_retained() -> None:
    bench = Bench(cluster=FixedCluster(None))
    assert await bench.run() == Next()
    (retained,) = bench.metadata.written
    assert retained.state is State.RETAINED
    assert await bench.run() == Next()
    assert len(bench.metadata.written) == 1
    assert bench.vectors.requests == []


async def test_an_object_that_is_gone_is_retained_once_mongodb_is_back() -> None:
    bench = Bench(cluster=FixedCluster(None))
    bench.metadata.fails = Unavailable(Backend.MONGODB, "MongoDB is away", "reading")
    assert await bench.run() == FAILED
    bench.metadata.fails = None
    assert await bench.run() == Next()
    assert len(bench.metadata.written) == 1


async def test_a_deletion_that_is_done_writes_no_status_any_more() -> None:
    wanted = spec(featureExtractors=[extractor("text_extractor_v1")], deletionPolicy="Delete")
    bench = Bench(cluster=FixedCluster(subject(wanted, deleting=True, finalized=True)))
    assert await bench.run() == Next()
    assert not bench.held.finalized
    assert (bench.vectors.requests, bench.metadata.documents) == ([f"delete {NAMESPACE_ID}"], [])
    assert bench.cluster.statuses == []


async def test_a_document_of_another_is_not_written_to() -> None:
    other = owner(k8s_namespace_uid="earlier", cr_uid="an-earlier-object")
    bench = Bench(FixedMetadata([WHOLE.model_copy(update={"owner": other})]))
    assert await bench.run() == RESYNC
    assert bench.states()["MetadataSynced"] == ("False", "OwnedElsewhere")
    assert (bench.metadata.written, bench.vectors.requests) == ([], [])
    assert bench.held.status.namespace_id is None, "what belongs to another is not told"
