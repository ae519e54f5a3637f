"""One reconcile's way to rest: what is known in spite of failures, refusals, dry runs, pauses, releases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namespace_operator.api.annotations import Adoption as AdoptionRequest
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.controller.apply import World
from namespace_operator.controller.cluster import ClusterUnavailable, Refused
from namespace_operator.controller.queue import Next
from namespace_operator.controller.settle import Settling
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.forecast import forecast
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.planning import Context
from namespace_operator.stores.errors import Backend, Rejected, Unauthorized, Unavailable
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import FixedCluster, metadata_store, vector_store
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    another_document,
    chosen,
    collection,
    context,
    document,
    extractor,
    in_collection,
    index,
    owner,
    registered,
    spec,
    subject,
)
from tests.unit.domain.strategies import histories

WHOLE = document([registered("text_extractor_v1")])
TEXT = {"featureExtractors": [extractor("text_extractor_v1")]}
QDRANT_DOWN = Unavailable(Backend.QDRANT, "Qdrant cannot be reached", "GET /")
MONGODB_DOWN = Unavailable(Backend.MONGODB, "MongoDB cannot be reached", "reading")
FAILED = Next(failed=True)
UNBOUND = WHOLE.model_copy(update={"state": State.PROVISIONING, "bound": False, "bound_vectors": ()})


def bench(who: Subject, *documents: NamespaceDocument, **options: Any) -> Bench:
    """A reconciler over these documents, the first of which has its collection."""
    live = [collection(documents[0])] if documents and documents[0].bound else []
    return Bench(metadata_store(*documents), vector_store(*live), FixedCluster(who), options)


OWN: dict[str, tuple[Subject, tuple[NamespaceDocument, ...], str]] = {
    "a name in conflict": (
        subject(spec(namespaceName="series", **TEXT)),
        (WHOLE.model_copy(update={"requested_name": "series"}), another_document()),
        "NameConflict",
    ),
    "another mode": (subject(spec(mode="standalone")), (WHOLE,), "ImmutableField"),
    "another choice": (subject(chosen("products", **TEXT)), (WHOLE,), "ImmutableField"),
    "a take-over that cannot be": (subject(spec(**TEXT), take_over="ns_another000"), (WHOLE,), "TakeOverRefused"),
    "a document of another": (
        subject(spec(**TEXT)),
        (WHOLE.model_copy(update={"owner": owner(instance_id="x")}),),
        "OwnedElsewhere",
    ),
}


@pytest.mark.parametrize(("who", "documents", "reason"), OWN.values(), ids=OWN)
@pytest.mark.parametrize(
    "failure", [QDRANT_DOWN, Unauthorized(Backend.QDRANT, "refused", "GET"), Rejected(Backend.QDRANT, "odd", "GET")]
)
async def test_what_is_known_of_the_document_is_told_while_qdrant_fails(
    who: Subject, documents: tuple[NamespaceDocument, ...], reason: str, failure: Exception
) -> None:
    desk = bench(who, *documents)
    desk.qdrant.fails = failure
    assert await desk.run() == FAILED
    states = desk.states()
    assert states["MetadataSynced"] == ("False", reason)
    assert states["CollectionReady"][1].startswith("Qdrant") or reason == "OwnedElsewhere"
    assert desk.written == []


async def test_a_conflict_is_told_while_qdrant_fails_though_the_collection_is_still_to_be_made() -> None:
    wanted = subject(spec(namespaceName="series", **TEXT))
    desk = bench(wanted, UNBOUND.model_copy(update={"requested_name": "series"}), another_document())
    desk.qdrant.fails = QDRANT_DOWN
    await desk.run()
    assert desk.states()["MetadataSynced"] == ("False", "NameConflict")


async def test_what_the_collection_lacks_is_not_told_of_a_collection_that_cannot_be_read() -> None:
    desk = bench(subject(spec(**TEXT)), WHOLE)
    desk.qdrant.fails = QDRANT_DOWN
    await desk.run()
    assert "CollectionLost" not in {reason for _, reason in desk.states().values()}
    assert desk.states()["CollectionReady"] == ("Unknown", "QdrantUnavailable")


async def test_while_mongodb_fails_nothing_else_is_told() -> None:
    desk = bench(subject(spec(mode="standalone")), WHOLE)
    desk.mongodb.fails = MONGODB_DOWN
    assert await desk.run() == FAILED
    assert {reason for _, reason in desk.states().values()} == {"MongoDBUnavailable"}


async def test_what_fails_in_a_deletion_says_how_to_let_go() -> None:
    desk = bench(subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True), WHOLE)
    desk.qdrant.fails = QDRANT_DOWN
    assert await desk.run() == FAILED
    assert desk.held.finalized
    assert (
        "set deletionPolicy: Retain, or the annotation mixpeek.com/force-release" in desk.conditions()["Ready"].message
    )


@pytest.mark.parametrize(
    ("who", "documents"),
    [
        (subject(spec(deletionPolicy="Delete", **TEXT)), ()),
        (subject(spec(**TEXT), finalized=True), (WHOLE,)),
        (
            subject(spec(deletionPolicy="Delete", **TEXT), deleting=True, finalized=True),
            (WHOLE.model_copy(update={"state": State.DELETED}),),
        ),
    ],
    ids=["to be added", "to be removed", "to be removed in the end"],
)
async def test_a_finalizer_that_may_not_be_changed_is_told_with_the_refusals_words(
    who: Subject, documents: tuple[NamespaceDocument, ...]
) -> None:
    desk = bench(who, *documents)
    desk.cluster.refuses = Refused('PATCH films: 403: policy "no-finalizers" denied it')
    assert await desk.run() == FAILED
    assert desk.states()["Ready"] == ("False", "FinalizerRefused")
    assert 'policy "no-finalizers" denied it' in desk.conditions()["Ready"].message
    assert (desk.written, desk.qdrant.log) == ([], []), "nothing is made before it"
    desk.cluster.refuses = None
    await desk.run()
    assert desk.held.finalized is (who.deletion_policy == "Delete" and not who.deleting)


async def test_a_finalizer_that_cannot_be_changed_right_now_is_tried_again() -> None:
    desk = bench(subject(spec(deletionPolicy="Delete")))
    desk.cluster.refuses = ClusterUnavailable("PATCH films: 503")
    assert await desk.run() == FAILED
    assert desk.cluster.statuses == []


async def test_a_request_that_is_refused_elsewhere_is_no_matter_of_the_finalizer() -> None:
    desk = bench(subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True), WHOLE)

    desk.cluster.denies = Refused("GET films: 403")
    assert await desk.run() == FAILED
    assert desk.qdrant.log == []
    assert desk.cluster.statuses == []


LETS_GO = {
    "Retain": subject(deleting=True, finalized=True),
    "force-release": subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True, force_release=True),
}


@pytest.mark.parametrize("who", LETS_GO.values(), ids=LETS_GO)
async def test_an_object_is_let_go_without_any_store(who: Subject) -> None:
    desk = bench(who, WHOLE)
    desk.mongodb.fails, desk.qdrant.fails = MONGODB_DOWN, QDRANT_DOWN
    assert await desk.run() == Next()
    assert not desk.held.finalized
    forced = who.requests.force_release
    assert desk.cluster.events == ([("Warning", "ForceReleased")] if forced else [])


async def test_what_is_let_go_is_retained_once_the_object_is_gone() -> None:
    desk = bench(LETS_GO["force-release"], WHOLE)
    await desk.run()
    desk.cluster.held = None
    await desk.run()
    assert desk.document["state"] == State.RETAINED
    assert NAMESPACE_ID in desk.vectors.collections


async def test_a_paused_object_is_left_alone_and_says_so() -> None:
    desk = bench(subject(spec(payloadIndexes=[index("brand")], **TEXT), paused=True), WHOLE)
    desk.mongodb.fails, desk.qdrant.fails = MONGODB_DOWN, QDRANT_DOWN
    for _ in range(2):
        assert await desk.run() == Next()
    assert desk.states() == {"Paused": ("True", "Paused")}
    assert len(desk.cluster.statuses) == 1


async def test_a_paused_object_under_delete_waits() -> None:
    desk = bench(subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True, paused=True), WHOLE)
    await desk.run()
    assert desk.held.finalized
    assert (desk.written, desk.qdrant.log) == ([], [])


@pytest.mark.parametrize("who", LETS_GO.values(), ids=LETS_GO)
@pytest.mark.parametrize("asked", [{"paused": True}, {"dry_run": True}], ids=["paused", "dry run"])
async def test_neither_a_pause_nor_a_dry_run_keeps_an_object_that_is_let_go(
    who: Subject, asked: dict[str, Any]
) -> None:
    desk = bench(replace(who, requests=replace(who.requests, **asked)), WHOLE)
    await desk.run()
    assert not desk.held.finalized


async def test_a_dry_run_writes_nothing_but_its_plan() -> None:
    desk = bench(subject(spec(deletionPolicy="Delete", payloadIndexes=[index("brand")], **TEXT), dry_run=True), WHOLE)
    await desk.run()
    assert (desk.written, desk.qdrant.log, desk.held.finalized) == ([], [], False)
    planned = desk.held.status.plan
    assert planned is not None
    assert [step.action for step in planned] == ["AddFinalizer", "ReplaceDocument", "PutIndex"]
    assert desk.states()["IndexesSynced"] == ("False", "DryRun")
    assert desk.states()["CollectionReady"] == ("True", "Available")
    desk.edit(requests=replace(desk.held.requests, dry_run=False))
    await desk.run()
    assert desk.states()["Ready"] == ("True", "Ready")
    assert desk.held.status.plan is None


async def test_a_dry_run_of_something_new_reads_the_same_each_time() -> None:
    desk = bench(subject(spec(**TEXT), dry_run=True))
    await desk.run()
    first = desk.held.status.plan
    await desk.run(60.0)
    assert desk.held.status.plan == first
    assert len(desk.cluster.statuses) == 1
    assert first is not None
    assert first[0].target == "ns_new"


async def test_a_dry_run_of_a_deletion_keeps_the_object() -> None:
    desk = bench(subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True, dry_run=True), WHOLE)
    await desk.run()
    assert desk.held.finalized
    assert (desk.written, desk.qdrant.log) == ([], [])
    assert desk.held.status.plan is not None
    assert [step.action for step in desk.held.status.plan][-1] == "RemoveFinalizer"


async def test_dependents_go_with_the_namespace() -> None:
    who = subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True)
    desk = bench(who, WHOLE, dependents=("objects",))
    kept = {"namespace_id": "ns_another000"}
    desk.metadata.belongings["objects"] = [*[{"namespace_id": NAMESPACE_ID}] * 5, kept]
    desk.metadata.belongings["buckets"] = [{"namespace_id": NAMESPACE_ID}]
    await desk.run()
    assert desk.metadata.belongings["objects"] == [kept]
    assert desk.metadata.belongings["buckets"] == [{"namespace_id": NAMESPACE_ID}], "only what the settings name"
    assert desk.document["state"] == State.DELETED


async def test_what_is_not_guarded_is_told_without_a_write() -> None:
    desk = bench(subject(chosen(), adopt=AdoptionRequest.WITH_DELETE), guarded=False)
    await desk.run()
    assert desk.states()["Ready"] == ("False", "NotGuarded")
    assert (desk.written, desk.qdrant.log) == ([], [])


async def _comes_true(desk: Bench, make: Context) -> None:
    """What a forecast says is what a reconcile then does."""
    observer = desk.reconciler.observer
    who = desk.held
    seen = await observer.collection(who, await observer.documents(who, Observed()))
    foreseen = forecast(who, seen, make)
    run = Settling(desk.cluster, desk.metadata, observer, lambda: make, desk.reconciler.ray, World(who, Observed()))
    await run.run()
    assert run.done == list(foreseen.actions)
    assert tuple(run.findings) == foreseen.findings


@settings(max_examples=60, deadline=None)
@given(histories(), st.booleans(), st.booleans())
async def test_a_forecast_comes_true(history: list[NamespaceSpec], foreign: bool, adopt: bool) -> None:
    desk = Bench()
    if foreign:
        there = replace(collection(in_collection(document())), metadata={"team": "search"})
        desk.vectors.collections.update(vector_store(there).collections)
    for wanted in history:
        held = desk.cluster.held or subject()
        asks = replace(held.requests, adopt=AdoptionRequest.KEEP if adopt else None)
        desk.cluster.held = replace(held, spec=wanted, requests=asks)
        await _comes_true(desk, context())
    desk.edit(deleting=True)
    await _comes_true(desk, context())


async def test_a_forecast_of_another_choice_knows_what_stands_there() -> None:
    desk = bench(subject(chosen("others")), in_collection(UNBOUND))
    foreign = replace(collection(in_collection(document(), "others")), metadata={"team": "search"})
    desk.vectors.collections.update(vector_store(foreign).collections)
    await _comes_true(desk, context())
