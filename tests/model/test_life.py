"""What a user sees of a namespace's life, named by the failure each test would catch."""

from __future__ import annotations

from namespace_operator.api.names import MARKER_COLLECTION
from tests.model.beginnings import SHOP, SHOP_UNDER_DELETE, shop
from tests.model.scenario import CITY, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import EVERY_INDEX_TYPE, world_of
from tests.model.steps import (
    alias_added,
    apply,
    delete,
    extractor,
    operator_down,
    points,
)
from tests.world.checks import SYSTEM_FIELDS
from tests.world.world import World


async def test_ready_with_parts_missing() -> None:
    world = await world_of("create with three extractors and all index types")
    assert world.condition("shop") == ("True", "Ready")
    collection, status = world.collection("shop"), world.status("shop")
    assert {name: vector.describe() for name, vector in collection.vectors.items()} == {
        TEXT_VECTOR: "dense 384 cosine float32",
        "image_extractor_v1_embedding": "dense 768 cosine float32",
        "colbert_extractor_v1_embedding": "multi_dense 128 cosine float32",
    }
    assert collection.indexes.keys() == SYSTEM_FIELDS | {entry["fieldName"] for entry in EVERY_INDEX_TYPE}
    assert status["vectorInferenceMap"][TEXT_VECTOR] == "all_minilm_l6_v2_v1"
    assert status["payloadIndexCount"] == 8
    assert status["deletionPolicy"] == "Retain"
    assert world.document("shop")["state"] == "ready"


async def test_a_count_that_is_made_up_or_missing() -> None:
    world = await world_of("live numbers")
    status = world.status("shop")
    counts = [status[f"{kind}Count"] for kind in ("document", "bucket", "collection", "object")]
    assert counts == [3, 2, 1, 5]
    assert next(entry for entry in status["payloadIndexes"] if entry["fieldName"] == "city")["points"] == 3


async def test_a_zero_where_the_count_is_unknown() -> None:
    world = World()
    world.metadata.refuses = True
    await run((SHOP,), world)
    assert not [name for name in world.status("shop") if name.endswith("Count")]


async def test_one_write_to_kubernetes_too_many() -> None:
    world = await world_of("create")
    assert [entry for entry in world.faults.log if entry.startswith("kubernetes")] == [
        "kubernetes: write status of acme/shop",
        "kubernetes: event Ready",
    ]


async def test_numbers_that_change_faster_than_a_minute_are_written_each_time() -> None:
    world = await shop()
    written = world.faults.writes
    assert world.operator is not None
    for count in range(4, 9):
        points("shop", count)(world)
        world.seconds += 5
        await world.operator.round()
    assert world.faults.writes == written + 1
    assert world.status("shop")["documentCount"] == 4
    world.seconds += 60
    await world.operator.round()
    assert world.status("shop")["documentCount"] == 8


async def test_points_lost_when_an_extractor_comes() -> None:
    world = await world_of("add extractors to a collection with points")
    assert len(world.collection("shop").points) == 3
    assert "colbert_extractor_v1_embedding" in world.collection("shop").vectors
    assert world.condition("shop", "VectorsSynced") == ("True", "Synced")


async def test_a_removed_extractor_takes_its_vector_along() -> None:
    world = await world_of("remove an extractor")
    assert TEXT_VECTOR in world.collection("shop").vectors
    (shown,) = world.status("shop")["featureExtractors"]
    assert (shown["featureExtractorId"], shown["inSpec"]) == ("text_extractor_v1", False)


async def test_locked_params_change_a_vector() -> None:
    world = await world_of("change params of an extractor")
    assert world.condition("shop") == ("False", "ParamsLocked")
    assert world.collection("shop").vectors[TEXT_VECTOR].size == 1024


async def test_one_unknown_extractor_holds_up_the_rest() -> None:
    world = await world_of("unknown extractor")
    assert world.condition("shop", "VectorsSynced") == ("False", "UnknownExtractor")
    assert "image_extractor_v1_embedding" in world.collection("shop").vectors
    assert world.collection("shop").indexes.keys() == SYSTEM_FIELDS
    message = world.status("shop")["conditions"][0]["message"]
    assert "no_extractor_v1" in message
    assert "text_extractor_v1" in message


async def test_an_index_deleted_and_made_again_instead_of_replaced() -> None:
    world = await world_of("change the type of an index")
    assert world.collection("shop").indexes["city"] == {"type": "text", "min_token_len": 4, "max_token_len": 15}
    assert not [entry for entry in world.faults.log if entry.startswith("qdrant: drop")]


async def test_a_removed_index_stays() -> None:
    world = await world_of("add and remove indexes")
    assert world.collection("shop").indexes.keys() == SYSTEM_FIELDS
    assert len(world.collection("shop").points) == 3


async def test_a_rename_leaves_the_old_name_taken() -> None:
    world = await world_of("rename and describe")
    await run((apply("heir", namespaceName="store"),), world)
    assert world.condition("heir") == ("True", "Ready")
    assert world.status("shop")["namespaceName"] == "shop2"


async def test_two_namespaces_of_one_name() -> None:
    first, second = apply("first", namespaceName="store"), apply("second", namespaceName="store")
    world = await run((first, second), World())
    assert world.condition("first") == ("True", "Ready")
    assert world.condition("second") == ("False", "NameConflict")
    assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw()] == ["first"]
    await run((delete("first"),), world)
    assert world.condition("second") == ("True", "Ready")


async def test_one_name_in_two_organizations_conflicts() -> None:
    world = World()
    world.api.apply(world.key("shop"), {})
    other = world.key("shop").__class__("globex", "shop")
    world.api.apply(other, {})
    world.start_operator()
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")
    assert world.api.objects[other]["status"]["conditions"][0]["status"] == "True"
    assert len(world.metadata.documents) == len(world.data) == 2


async def test_a_deletion_under_retain_takes_data_or_keeps_the_name() -> None:
    world = await world_of("delete under Retain")
    document = world.document("shop")
    assert document["state"] == "retained"
    assert len(world.vectors.collections[document["collection"]].points) == 3
    assert not [claim for claim in document["claims"] if claim.startswith("name/")]


async def test_a_deletion_nobody_saw_is_never_noticed() -> None:
    world = await run((operator_down, delete("shop")), await shop())
    world.start_operator()
    await world.round()
    assert world.document("shop")["state"] == "ready", "one list is not enough to believe that an object is gone"
    await world.settle()
    assert world.document("shop")["state"] == "retained"


async def test_a_namespace_that_comes_back_gets_another_id_or_no_data() -> None:
    world = await shop()
    namespace_id = world.status("shop")["namespaceId"]
    await run((delete("shop"), SHOP), world)
    assert world.status("shop")["namespaceId"] == namespace_id
    assert world.status("shop")["documentCount"] == 3


async def test_a_deletion_under_delete_leaves_something_or_takes_the_neighbours() -> None:
    world = await run((SHOP_UNDER_DELETE, apply("other", deletionPolicy="Delete"), delete("shop")), World())
    assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw()] == ["other"]
    assert list(world.data) == [world.status("other")["collection"]]


async def test_a_store_is_written_before_the_finalizer() -> None:
    world = await world_of("create under Delete")
    of_the_shop = [write for write in world.faults.log if "server" not in write and MARKER_COLLECTION not in write]
    assert of_the_shop[0] == "kubernetes: add finalizer of acme/shop"


async def test_data_goes_before_the_intent_is_on_record() -> None:
    world = await world_of("delete under Delete")
    written = [entry.split(" ns_")[0] for entry in world.faults.log if "event" not in entry]
    assert written[-6:] == [
        "mongodb: replace document",
        "qdrant: delete collection",
        "mongodb: delete filter_usage of",
        "mongodb: replace document",
        "kubernetes: remove finalizer of acme/shop",
        "mongodb: delete document",
    ], "intent, data, tombstone, object, and the tombstone once nothing can arrive late"


async def test_a_collection_with_aliases_is_deleted() -> None:
    world = await run((SHOP_UNDER_DELETE, alias_added("shop", "live"), delete("shop")), World())
    assert world.condition("shop") == ("False", "AliasesExist")
    assert world.collection("shop").metadata
    assert world.is_finalized("shop")


async def test_a_deletion_goes_on_although_the_watch_has_not_told_of_retain() -> None:
    begun = (SHOP_UNDER_DELETE, points("shop", 3), alias_added("shop", "live"), delete("shop"))
    world = await run(begun, World())
    collection = world.collection("shop")
    SHOP(world)
    world.vectors.alias_targets.clear()
    assert world.operator is not None
    await world.operator.reconciler.reconcile(world.key("shop"))
    assert collection in world.data.values()
    await world.settle()
    assert world.document("shop")["state"] == "retained"
    assert len(collection.points) == 3


async def test_retain_waits_for_a_qdrant_that_never_comes_back() -> None:
    world = await shop()
    SHOP_UNDER_DELETE(world)
    await world.settle()
    world.vectors.refuses = True
    await run((delete("shop"),), world)
    assert world.is_finalized("shop")
    await run((SHOP,), world)
    assert world.key("shop") not in world.api.objects
    assert world.document("shop")["state"] == "retained"


async def test_a_flip_to_retain_keeps_the_finalizer() -> None:
    world = await run((SHOP_UNDER_DELETE, SHOP), World())
    assert not world.is_finalized("shop")
    assert world.status("shop")["deletionPolicy"] == "Retain"


async def test_a_stranger_inherits_from_a_kubernetes_namespace_of_the_same_name() -> None:
    world = await world_of("Kubernetes namespace made again")
    assert world.condition("shop") == ("False", "OwnedElsewhere")
    assert "namespaceId" not in world.status("shop")
    assert world.document("shop")["state"] == "retained"
    collection = world.vectors.collections[world.document("shop")["collection"]]
    assert len(collection.points) == 3


async def test_an_invalid_spec_crashes_or_changes_something() -> None:
    world = await shop()
    before = world.document("shop")
    await run((apply("shop", payloadIndexes=[{"fieldName": "city", "fieldSchema": {"type": "nope"}}]),), world)
    assert world.condition("shop") == ("False", "InvalidSpec")
    assert world.document("shop") == before
    assert "city" in world.collection("shop").indexes


async def test_an_event_for_every_round_or_for_none() -> None:
    world = await shop()
    await run((apply("shop", featureExtractors=[TEXT, extractor("no_extractor")], payloadIndexes=[CITY]), SHOP), world)
    told = [(event.kind, event.reason) for event in world.api.events]
    assert told == [("Normal", "Ready"), ("Warning", "UnknownExtractor"), ("Normal", "Ready")]
