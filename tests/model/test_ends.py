"""How lives end, and what becomes of what is taken out of the spec, named by the failure each test would catch."""

from __future__ import annotations

import copy

import pytest

from tests.model.beginnings import CHOSEN, FULL_SHOP_UNDER_DELETE, SHOP, SHOP_UNDER_DELETE, reconcile, shop
from tests.model.scenario import CITY, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import world_of
from tests.model.steps import (
    Step,
    annotate,
    apply,
    belongings,
    collection_unloadable,
    configured,
    delete,
    mongodb_back,
    mongodb_down,
    operator_as,
    points,
    qdrant_back,
    qdrant_down,
)
from tests.world.faults import Fault, Kind
from tests.world.world import World

LET_GO = "set deletionPolicy: Retain, or the annotation mixpeek.com/force-release: 'true'"


async def test_a_removed_extractor_is_told_of_every_round_or_never() -> None:
    world = await run((apply("shop", payloadIndexes=[CITY]),), await shop())
    world.stop_operator()
    world.start_operator()
    await run((apply("shop", description="still without"),), world)
    (told,) = world.told("ExtractorKept")
    assert "text_extractor_v1" in told
    assert "stays registered with its vectors" in told
    (shown,) = world.status("shop")["featureExtractors"]
    assert shown["inSpec"] is False
    assert TEXT_VECTOR in world.status("shop")["vectorInferenceMap"]


async def test_the_finalizer_does_not_follow_the_policy() -> None:
    world = await shop()
    seen = [world.is_finalized("shop")]
    for step in (SHOP_UNDER_DELETE, SHOP, SHOP_UNDER_DELETE):
        await run((step,), world)
        seen.append(world.is_finalized("shop"))
        assert world.status("shop")["deletionPolicy"] == ("Delete" if step is SHOP_UNDER_DELETE else "Retain")
    assert seen == [False, True, False, True]


async def test_data_goes_after_a_flip_to_delete_and_back() -> None:
    world = await world_of("policy from Retain to Delete to Retain")
    document = world.document("shop")
    assert (document["state"], world.api.objects) == ("retained", {})
    assert len(world.data[document["collection"]].points) == 3


async def test_created_and_deleted_within_one_round_leaves_something() -> None:
    world = World()
    world.start_operator()
    SHOP_UNDER_DELETE(world)
    await reconcile(world, "shop")
    delete("shop")(world)
    await world.settle()
    assert (world.api.objects, world.metadata.documents, world.data) == ({}, {}, {})
    assert world.orphans == (0, 0)


async def _late_create() -> World:
    """The request that creates the collection is still in flight after the Namespace was deleted."""
    plain = await world_of("create under Delete")
    number = 1 + next(
        position for position, entry in enumerate(plain.faults.log) if entry.startswith("qdrant: create collection ns")
    )
    world = World()
    world.faults.at(number, Fault(Kind.LATE, delay=1_000_000))
    world.start_operator()
    SHOP_UNDER_DELETE(world)
    await reconcile(world, "shop")
    delete("shop")(world)
    for _ in range(3):
        await world.round()
    assert world.api.objects == {}
    assert [raw["state"] for raw in world.metadata.all_raw()] == ["deleted"]
    assert world.faults.in_flight
    assert world.data == {}
    return world


async def test_a_collection_created_late_stays() -> None:
    world = await _late_create()
    world.faults.land()
    (late,) = world.data
    await world.settle()
    assert (world.metadata.documents, world.data) == ({}, {})
    assert f"qdrant: delete collection {late}" in world.faults.log
    assert world.vectors.lost_points == 0


async def test_points_written_into_a_collection_created_late_are_lost() -> None:
    world = await _late_create()
    world.faults.land()
    ((late, stored),) = world.data.items()
    stored.points[1] = {"city": "written by an extractor that did not know"}
    await world.settle()
    assert world.metadata.documents == {}
    assert len(world.data[late].points) == 1
    assert world.orphans == (1, 0)
    (told,) = world.announcements
    assert late in told


async def test_the_name_of_a_deleted_collection_is_used_while_a_request_may_arrive() -> None:
    first = apply("first", deletionPolicy="Delete", **CHOSEN)
    world = await run((first,), World())
    delete("first")(world)
    apply("second", **CHOSEN)(world)
    for _ in range(3):
        await world.round()
    assert world.condition("second") == ("False", "CollectionConflict")
    assert "deleted moments ago" in world.message("second")
    assert "it becomes free by itself within minutes" in world.message("second")
    assert "products" not in world.data
    await world.settle()
    assert world.condition("second") == ("True", "Ready")


async def test_a_collection_that_failed_to_load_comes_back_after_its_deletion() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, collection_unloadable("shop"), delete("shop")), World())
    assert (world.api.objects, world.metadata.documents, world.data) == ({}, {}, {})
    assert world.vectors.lost_points == 3


async def test_a_chosen_name_that_may_be_anothers_by_now_is_deleted_unseen() -> None:
    spec = apply("shop", featureExtractors=[TEXT], deletionPolicy="Delete", **CHOSEN)
    world = await run((spec, points("shop", 3), collection_unloadable("shop"), delete("shop")), World())
    assert (world.api.objects, world.metadata.documents) == ({}, {})
    assert len(world.data["products"].points) == 3
    assert world.vectors.lost_points == 0


async def test_events_that_nobody_takes_hold_up_the_end_of_a_kubernetes_namespace() -> None:
    steps = (SHOP_UNDER_DELETE, points("shop", 3), apply("kept", featureExtractors=[TEXT]), points("kept", 2))
    world = await run(steps, World())
    for number in range(world.faults.writes, world.faults.writes + 40):
        world.faults.at(number, Fault(Kind.FAILED))
    refused = world.faults.writes
    for name in ("shop", "kept"):
        delete(name)(world)
    await world.settle()
    assert world.api.objects == {}
    assert refused < world.faults.writes
    assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw()] == ["kept"]
    assert len(world.data) == 1


async def test_a_resource_takes_the_data_of_another_owner_along() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, operator_as("cluster-2:main")), World())
    assert world.condition("shop") == ("False", "OwnedElsewhere")
    before = copy.deepcopy((world.metadata.documents, world.data))
    await run((delete("shop"),), world)
    assert world.api.objects == {}, "and it does not hang either"
    assert (world.metadata.documents, world.data) == before


# Dependent documents


async def test_dependents_stay_behind_or_the_neighbours_go_too() -> None:
    world = await world_of("delete what belongs to it")
    rows = world.metadata.belongings
    assert world.api.objects.keys() == {world.key("other")}
    other = world.status("other")["namespaceId"]
    assert [row["namespace_id"] for row in rows["buckets"]] == [other, other, other]
    assert [row["namespace_id"] for row in rows["objects"]] == [other]
    assert len(rows["collections"]) == 4, "only what the chart names is deleted"


async def test_a_crash_between_two_chunks_leaves_the_rest() -> None:
    world = await run((configured(dependents=("objects",)), *FULL_SHOP_UNDER_DELETE), World())
    belongings("shop", objects=7)(world)
    await world.settle()
    world.faults.start_over()
    twin = await run((delete("shop"),), world.fork())
    chunks = [n for n, entry in enumerate(twin.faults.log, 1) if entry.startswith("mongodb: delete objects")]
    assert len(chunks) == 4
    for number in chunks:
        for kind in (Kind.CRASH_BEFORE, Kind.CRASH_AFTER):
            twin = world.fork()
            twin.faults.at(number, Fault(kind))
            await run((delete("shop"),), twin)
            assert twin.restarts == 1
            assert (twin.metadata.belongings["objects"], twin.metadata.documents) == ([], {})
            assert twin.api.objects == {}


async def test_all_dependents_go_although_the_user_thought_better_of_it() -> None:
    world = await run((configured(dependents=("objects",)), *FULL_SHOP_UNDER_DELETE), World())
    belongings("shop", objects=7)(world)
    await world.settle()
    world.faults.start_over()
    plain = await run((delete("shop"),), world.fork())
    twin = world.fork()
    twin.faults.before(plain.faults.operation_of("mongodb: delete objects") + 1, lambda: SHOP(twin))
    await run((delete("shop"),), twin)
    assert twin.faults.fired == 1
    assert twin.api.objects == {}
    assert twin.document("shop")["state"] == "retained"
    assert len(twin.metadata.belongings["objects"]) == 5, "one chunk went before"


async def test_dependents_go_although_the_data_stays() -> None:
    world = await run((configured(dependents=("objects",)), *FULL_SHOP_UNDER_DELETE), World())
    belongings("shop", objects=3)(world)
    world.vectors.alias_targets["live"] = world.status("shop")["collection"]
    await run((delete("shop"),), world)
    assert world.condition("shop") == ("False", "AliasesExist")
    assert len(world.metadata.belongings["objects"]) == 3
    await run((SHOP,), world)
    assert world.api.objects == {}
    assert len(world.metadata.belongings["objects"]) == 3


@pytest.mark.parametrize(("policy", "left"), [("Delete", ["ns_other", None]), ("Retain", ["shop", "ns_other", None])])
async def test_how_filters_were_used_stays_behind_or_goes_too_early(policy: str, left: list[str | None]) -> None:
    world = await run((apply("shop", deletionPolicy=policy),), World())
    shop = world.status("shop")["namespaceId"]
    rows = [{"namespace_id": each, "field": "city"} for each in (shop, "ns_other", shop, shop)]
    world.metadata.belongings["filter_usage"] = [*rows, {"service": "search"}]
    await run((delete("shop"),), world)
    assert world.api.objects == {}
    found = [row.get("namespace_id") for row in world.metadata.belongings["filter_usage"]]
    assert list(dict.fromkeys("shop" if each == shop else each for each in found)) == left


# Qdrant or MongoDB down while deleting


@pytest.mark.parametrize(
    ("down", "back", "reason"),
    [(qdrant_down, qdrant_back, "QdrantUnavailable"), (mongodb_down, mongodb_back, "MongoDBUnavailable")],
    ids=["Qdrant", "MongoDB"],
)
async def test_a_deletion_hangs_without_saying_how_out(down: Step, back: Step, reason: str) -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, down, delete("shop")), World())
    assert world.condition("shop") == ("False", reason)
    assert "the deletion goes on once that is over" in world.message("shop")
    assert LET_GO in world.message("shop")
    assert world.is_finalized("shop")
    back(world)
    await world.settle()
    assert (world.api.objects, world.metadata.documents, world.data) == ({}, {}, {})


@pytest.mark.parametrize("downs", [(qdrant_down,), (mongodb_down,), (qdrant_down, mongodb_down)])
async def test_force_release_needs_the_store_that_is_down_or_takes_the_data(downs: tuple[Step, ...]) -> None:
    steps = (*FULL_SHOP_UNDER_DELETE, *downs, delete("shop"), annotate("shop", force_release="true"))
    world = await run(steps, World())
    assert world.api.objects == {}
    (event,) = [event for event in world.api.events if event.reason == "ForceReleased"]
    assert event.kind == "Warning"
    document = world.document("shop")
    assert f"the data of {document['_id']} stays in Qdrant and MongoDB" in event.message
    await run((qdrant_back, mongodb_back), world)
    assert world.document("shop")["state"] == "retained"
    assert "name/cluster-1:main/acme/shop" not in world.document("shop")["claims"]
    assert len(world.data[document["collection"]].points) == 3


async def test_force_release_of_a_living_resource_does_something() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, annotate("shop", force_release="true")), World())
    assert world.condition("shop") == ("True", "Ready")
    assert world.is_finalized("shop")
    assert world.told("ForceReleased") == []
