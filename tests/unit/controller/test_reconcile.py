"""The reconcile around the plan: when status is written, what is told of failures, what comes next."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged
from namespace_operator.controller.queue import Next
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.document import State
from namespace_operator.domain.identity import name_claim
from namespace_operator.domain.observed import InvalidSpec
from namespace_operator.domain.offer import Offer
from namespace_operator.domain.parsing import OwnDocument
from namespace_operator.stores.errors import Backend, BackendError, ClaimTaken, Rejected, Unauthorized, Unavailable
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import FixedCluster, Outage, metadata_store, vector_store
from tests.unit.domain.builders import (
    INSTANCE,
    NAMESPACE_ID,
    ORGANIZATION,
    catalog,
    claims,
    collection,
    document,
    extractor,
    index,
    owner,
    registered,
    spec,
    subject,
)
from tests.world.metadata import ModelMetadataStore

WHOLE = document([registered("text_extractor_v1")])
WANTED = spec(featureExtractors=[extractor("text_extractor_v1")])
RESYNC = Next(after=300.0)
FAILED = Next(failed=True)
QDRANT_DOWN = Unavailable(Backend.QDRANT, "Qdrant at http://qdrant:6333 cannot be reached", "GET /")


def settled(cluster: FixedCluster | None = None) -> Bench:
    """A namespace of which both stores hold what it wants."""
    return Bench(metadata_store(WHOLE), vector_store(collection(WHOLE)), cluster or FixedCluster(subject(WANTED)))


def new(metadata: ModelMetadataStore | None = None) -> Bench:
    """An object that no store knows of."""
    return Bench(metadata or metadata_store(), cluster=FixedCluster(subject(WANTED)))


def points(bench: Bench, number: int) -> None:
    """Let the collection have so many points."""
    bench.vectors.collections[NAMESPACE_ID].points = {point: {} for point in range(number)}


async def test_a_new_namespace_becomes_ready_in_one_reconcile() -> None:
    bench = new()
    assert await bench.run() == RESYNC
    assert bench.states()["Ready"] == ("True", "Ready")
    assert bench.written == [f"insert document {NAMESPACE_ID}", f"replace document {NAMESPACE_ID} (ready)"]
    assert bench.held.status.namespace_id == NAMESPACE_ID
    assert bench.cluster.events == [("Normal", "Ready")]


async def test_a_status_that_says_the_same_is_not_written() -> None:
    bench = settled()
    await bench.run()
    for _ in range(3):
        assert await bench.run(600.0) == RESYNC
    assert len(bench.cluster.statuses) == 1
    assert len(bench.cluster.events) == 1
    assert bench.qdrant.log == []


async def test_live_numbers_are_written_once_a_minute() -> None:
    bench = settled()
    await bench.run()
    points(bench, 4)
    await bench.run(59.0)
    assert len(bench.cluster.statuses) == 1
    await bench.run(1.0)
    assert [status.document_count for status in bench.cluster.statuses] == [3, 4]
    bench.metadata.belongings["objects"] = [{"namespace_id": NAMESPACE_ID}]
    await bench.run(30.0)
    await bench.run(30.0)
    assert [status.object_count for status in bench.cluster.statuses] == [0, 0, 1]


async def test_what_is_not_a_number_is_written_at_once_numbers_included() -> None:
    bench = settled()
    await bench.run()
    points(bench, 4)
    bench.edit()
    await bench.run(1.0)
    assert [(status.observed_generation, status.document_count) for status in bench.cluster.statuses] == [
        (2, 3),
        (3, 4),
    ]


async def test_a_fresh_process_writes_numbers_at_once() -> None:
    bench = settled()
    await bench.run()
    again = Bench(bench.metadata, bench.vectors, bench.cluster)
    points(again, 4)
    await again.run()
    assert len(bench.cluster.statuses) == 2


@dataclass
class AlwaysTaken(ModelMetadataStore):
    """Somebody else is always faster."""

    async def insert(self, document: OwnDocument, *, epoch: int | None = None) -> None:
        """Refuse."""
        raise ClaimTaken(document.document_id)


FAILURES: list[tuple[str, BackendError, str, str]] = [
    ("qdrant", QDRANT_DOWN, "QdrantUnavailable", "Unknown"),
    ("qdrant", Unauthorized(Backend.QDRANT, "Qdrant refuses the API key", "GET /"), "QdrantUnauthorized", "Unknown"),
    ("qdrant", Rejected(Backend.QDRANT, "Qdrant refuses", "GET /"), "QdrantRejected", "False"),
    ("mongodb", Unavailable(Backend.MONGODB, "MongoDB is away", "reading"), "MongoDBUnavailable", "Unknown"),
    ("mongodb", Unauthorized(Backend.MONGODB, "MongoDB refuses", "reading"), "MongoDBUnauthorized", "Unknown"),
    ("mongodb", Rejected(Backend.MONGODB, "MongoDB refuses", "reading"), "MongoDBRejected", "False"),
]


@pytest.mark.parametrize(("part", "failure", "reason", "status"), FAILURES, ids=str)
async def test_a_failing_backend_is_told_and_tried_again(
    part: str, failure: BackendError, reason: str, status: str
) -> None:
    bench = settled()
    await bench.run()
    server = bench.qdrant if part == "qdrant" else bench.mongodb
    server.fails = failure
    assert await bench.run() == FAILED
    states = bench.states()
    assert states["Ready"] == ("False", reason)
    assert states["CollectionReady" if part == "qdrant" else "MetadataSynced"] == (status, reason)
    assert states["IndexesSynced"] == ("Unknown", reason)
    assert str(failure) in bench.conditions()["Ready"].message
    assert bench.held.status.namespace_id == NAMESPACE_ID
    assert bench.held.status.document_count is None

    server.fails = None
    assert await bench.run() == RESYNC
    assert bench.states()["Ready"] == ("True", "Ready")
    assert bench.cluster.events == [("Normal", "Ready"), ("Warning", reason), ("Normal", "Ready")]


async def test_a_document_that_agrees_is_synced_while_qdrant_is_down() -> None:
    bench = settled()
    bench.qdrant.fails = QDRANT_DOWN
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
    bench = settled()
    bench.cluster.held = subject(edited)
    bench.qdrant.fails = QDRANT_DOWN
    await bench.run()
    assert bench.states()["MetadataSynced"] == metadata
    assert bench.states()["CollectionReady"][1] in ("QdrantUnavailable", "InvalidSpec")
    assert bench.written == []


async def test_a_lost_document_is_not_called_synced_while_qdrant_is_down() -> None:
    bench = settled()
    await bench.run()
    bench.metadata.documents.clear()
    bench.qdrant.fails = QDRANT_DOWN
    await bench.run()
    assert bench.states()["MetadataSynced"] == ("Unknown", "QdrantUnavailable")


async def test_an_unknown_extractor_is_told_while_qdrant_is_down() -> None:
    bench = settled(
        FixedCluster(subject(spec(featureExtractors=[extractor("text_extractor_v1"), extractor("nope_v1")])))
    )
    bench.qdrant.fails = QDRANT_DOWN
    await bench.run()
    assert bench.states()["Ready"] == ("False", "QdrantUnavailable")
    assert bench.states()["VectorsSynced"] == ("False", "UnknownExtractor")


async def test_a_catalog_that_learns_an_extractor_makes_who_wanted_it_ready() -> None:
    known = Offer(catalog())
    bench = settled()
    bench.offer = Offer(Catalog(extractors=()))
    bench.cluster = FixedCluster(subject(spec(featureExtractors=[extractor("film_extractor_v1")])))
    bench.__post_init__()
    await bench.run()
    assert bench.states()["VectorsSynced"] == ("False", "UnknownExtractor")
    bench.offer = known
    await bench.run(1.0)
    assert bench.states()["Ready"] == ("True", "Ready")
    # One that leaves the catalog stays registered.
    bench.offer = Offer(Catalog(extractors=()))
    written = list(bench.written)
    await bench.run(1.0)
    assert bench.states()["Ready"] == ("True", "Ready")
    assert bench.written == written


async def test_one_reconcile_goes_by_one_offer() -> None:
    asked = []
    bench = new()

    def offer() -> Offer:
        asked.append(1)
        return Offer(catalog() if len(asked) == 1 else Catalog(extractors=()))

    bench.reconciler.offer = offer
    await bench.run()
    assert bench.states()["Ready"] == ("True", "Ready")
    assert asked == [1]


async def test_a_broken_holder_of_the_wanted_name_does_not_stand_for_our_own_document() -> None:
    name = name_claim(INSTANCE, ORGANIZATION, "movies")
    wanted = spec(namespaceName="movies", featureExtractors=[extractor("text_extractor_v1")])
    bench = settled(FixedCluster(subject(wanted)))
    bench.metadata.put_raw({"_id": "broken", "state": "bad", "claims": [name]})
    await bench.run()
    assert bench.states()["MetadataSynced"] == ("False", "NameConflict")
    assert bench.states()["CollectionReady"] == ("True", "Available")


async def test_a_bug_is_told_without_its_text_and_does_not_end_the_loop() -> None:
    bench = settled()
    bench.mongodb.fails = KeyError("secret CANARY")
    assert await bench.run() == FAILED
    assert bench.states()["Ready"] == ("False", "InternalError")
    assert "Internal error (KeyError)" in bench.conditions()["Ready"].message
    assert "CANARY" not in str(bench.held.status.to_kubernetes())


async def test_a_plan_that_never_fits_the_world_ends_in_a_condition() -> None:
    bench = new(AlwaysTaken(Outage()))
    assert await bench.run() == FAILED
    assert bench.states()["Ready"] == ("False", "ClaimConflict")


@pytest.mark.parametrize("failure", [ObjectChanged("replaced"), ClusterUnavailable("503")])
async def test_an_object_that_cannot_be_read_is_looked_at_again(failure: Exception) -> None:
    bench = settled()
    bench.cluster.fails = failure
    assert await bench.run() == FAILED
    assert bench.cluster.statuses == []


async def test_an_object_that_is_gone_leaves_its_data_retained() -> None:
    bench = settled(FixedCluster(None))
    assert await bench.run() == Next()
    assert await bench.run() == Next()
    assert bench.written == [f"replace document {NAMESPACE_ID} (retained)"]
    assert bench.qdrant.operations == 0


async def test_an_object_that_is_gone_and_had_nothing_leaves_nothing() -> None:
    bench = new()
    bench.cluster.held = None
    assert await bench.run() == Next()
    assert bench.written == []


async def test_an_object_that_is_gone_is_retained_once_mongodb_is_back() -> None:
    bench = settled(FixedCluster(None))
    bench.mongodb.fails = Unavailable(Backend.MONGODB, "MongoDB is away", "reading")
    assert await bench.run() == FAILED
    bench.mongodb.fails = None
    assert await bench.run() == Next()
    assert bench.document["state"] == State.RETAINED


async def test_a_deletion_that_is_done_writes_no_status_any_more() -> None:
    wanted = spec(featureExtractors=[extractor("text_extractor_v1")], deletionPolicy="Delete")
    bench = settled(FixedCluster(subject(wanted, deleting=True, finalized=True)))
    assert await bench.run() == Next()
    assert not bench.held.finalized
    assert NAMESPACE_ID not in bench.vectors.collections
    assert bench.document["state"] == State.DELETED
    assert (bench.cluster.statuses, bench.cluster.events) == ([], [("Normal", "CollectionDeleted")])


async def test_a_document_of_another_is_not_written_to() -> None:
    other = owner(instance_id="other-cluster:default", cr_uid="an-earlier-object")
    bench = Bench(
        metadata_store(WHOLE.model_copy(update={"owner": other, "claims": claims(None)})),
        cluster=FixedCluster(subject(WANTED)),
    )
    assert await bench.run() == RESYNC
    assert bench.states()["MetadataSynced"] == ("False", "OwnedElsewhere")
    assert (bench.written, bench.qdrant.log) == ([], [])
    assert bench.held.status.namespace_id is None, "what belongs to another is not told"
