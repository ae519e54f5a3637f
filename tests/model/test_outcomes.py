"""What a user sees at the end, named by the failure each test would catch."""

from __future__ import annotations

import pytest

from tests.model.scenarios import (
    CITY,
    EVERY_INDEX_TYPE,
    IMAGE,
    TEXT,
    TEXT_VECTOR,
    run,
    world_of,
)
from tests.model.steps import (
    alias_added,
    apply,
    collection_gone,
    collection_unloadable,
    delete,
    document_edited,
    document_lost,
    extractor,
    index,
    index_dropped,
    mark_removed,
    operator_down,
    points,
)
from tests.world.checks import SYSTEM_FIELDS, check_at_rest
from tests.world.vectors import StoredCollection
from tests.world.world import World

_SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY])
_SHOP_UNDER_DELETE = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete")


async def _shop() -> World:
    return await run((_SHOP, points("shop", 3)), World())


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
    await run((_SHOP,), world)
    assert not [name for name in world.status("shop") if name.endswith("Count")]


async def test_one_write_to_kubernetes_too_many() -> None:
    world = await world_of("create")
    assert [entry for entry in world.faults.log if entry.startswith("kubernetes")] == [
        "kubernetes: write status of acme/shop",
        "kubernetes: event Ready",
    ]


async def test_numbers_that_change_faster_than_a_minute_are_written_each_time() -> None:
    world = await _shop()
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


async def test_an_undeclared_index_is_dropped() -> None:
    world = await world_of("undeclared index")
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["unmanagedIndexes"] == ["colour"]
    assert "colour" in world.collection("shop").indexes


async def test_a_dropped_index_is_not_made_again() -> None:
    world = await world_of("indexes dropped by hand")
    assert {"city", "bucket_id"} <= world.collection("shop").indexes.keys()


async def test_a_put_every_round_for_a_parameter_the_server_does_not_know() -> None:
    world = World()
    world.vectors.server_version = "1.16.3"
    await run((apply("shop", payloadIndexes=[index("city", "keyword", enableHnsw=False)]),), world)
    assert world.condition("shop", "IndexesSynced") == ("False", "IndexParameterUnsupported")
    await check_at_rest(world)
    await run((index_dropped("shop", "city"),), world)
    assert "city" in world.collection("shop").indexes
    assert world.condition("shop", "IndexesSynced") == ("False", "IndexParameterUnsupported")
    world.vectors.server_version = "1.18.3"
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")
    assert world.collection("shop").indexes["city"] == {"type": "keyword", "enable_hnsw": False}


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
    assert len(world.metadata.documents) == len(world.vectors.collections) == 2


async def test_a_deletion_under_retain_takes_data_or_keeps_the_name() -> None:
    world = await world_of("delete under Retain")
    document = world.document("shop")
    assert document["state"] == "retained"
    assert len(world.vectors.collections[document["collection"]].points) == 3
    assert not [claim for claim in document["claims"] if claim.startswith("name/")]


async def test_a_deletion_nobody_saw_is_never_noticed() -> None:
    world = await run((operator_down, delete("shop")), await _shop())
    world.start_operator()
    await world.round()
    assert world.document("shop")["state"] == "ready", "one list is not enough to believe that an object is gone"
    await world.settle()
    assert world.document("shop")["state"] == "retained"


async def test_a_namespace_that_comes_back_gets_another_id_or_no_data() -> None:
    world = await _shop()
    namespace_id = world.status("shop")["namespaceId"]
    await run((delete("shop"), _SHOP), world)
    assert world.status("shop")["namespaceId"] == namespace_id
    assert world.status("shop")["documentCount"] == 3


async def test_a_deletion_under_delete_leaves_something_or_takes_the_neighbours() -> None:
    world = await run((_SHOP_UNDER_DELETE, apply("other", deletionPolicy="Delete"), delete("shop")), World())
    assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw()] == ["other"]
    assert list(world.vectors.collections) == [world.status("other")["collection"]]


async def test_a_store_is_written_before_the_finalizer() -> None:
    world = await world_of("create under Delete")
    assert world.faults.log[0] == "kubernetes: add finalizer of acme/shop"


async def test_data_goes_before_the_intent_is_on_record() -> None:
    world = await world_of("delete under Delete")
    written = [entry.split(" ns_")[0] for entry in world.faults.log]
    assert written[-4:] == [
        "mongodb: replace document",
        "qdrant: delete collection",
        "mongodb: delete document",
        "kubernetes: remove finalizer of acme/shop",
    ]


async def test_a_collection_with_aliases_is_deleted() -> None:
    world = await run((_SHOP_UNDER_DELETE, alias_added("shop", "live"), delete("shop")), World())
    assert world.condition("shop") == ("False", "AliasesExist")
    assert world.collection("shop").metadata
    assert world.is_finalized("shop")


async def test_a_flip_to_retain_keeps_the_finalizer() -> None:
    world = await run((_SHOP_UNDER_DELETE, _SHOP), World())
    assert not world.is_finalized("shop")
    assert world.status("shop")["deletionPolicy"] == "Retain"


@pytest.mark.parametrize("lose", [collection_gone("shop"), collection_unloadable("shop")], ids=["gone", "not loaded"])
async def test_a_collection_that_answers_404_is_made_again_and_wiped(lose: object) -> None:
    assert callable(lose)
    world = await run((lose,), await _shop())
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionLost")
    assert world.vectors.lost_points == 0
    assert not [entry for entry in world.faults.log[13:] if entry.startswith("qdrant: create")]
    assert "qdrantStatus" not in world.status("shop")


async def test_a_missing_vector_is_made_again_without_its_values() -> None:
    world = await world_of("vector missing")
    assert world.condition("shop", "VectorsSynced") == ("False", "VectorMissing")
    assert TEXT_VECTOR not in world.collection("shop").vectors


async def test_a_vector_of_another_size_is_touched() -> None:
    world = await world_of("vector mismatch")
    assert world.condition("shop", "VectorsSynced") == ("False", "VectorMismatch")
    assert world.collection("shop").vectors[TEXT_VECTOR].size == 7


async def test_a_collection_without_our_mark_is_written_to_or_deleted() -> None:
    world = await run(
        (_SHOP_UNDER_DELETE, points("shop", 3), mark_removed("shop"), index_dropped("shop", "city")), World()
    )
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    assert "city" not in world.collection("shop").indexes
    await run((delete("shop"),), world)
    assert world.condition("shop") == ("False", "CollectionNotOwned")
    assert len(world.collection("shop").points) == 3


async def test_a_collection_of_the_minted_name_is_taken_over() -> None:
    world = World()
    foreign = StoredCollection(vectors={}, metadata={"made": "by hand"}, points={1: {}})
    world.vectors.collections.update({f"ns_{number:010x}": foreign for number in range(1, 9)})
    await run((_SHOP,), world)
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    assert foreign == StoredCollection(vectors={}, metadata={"made": "by hand"}, points={1: {}})


async def test_a_lost_document_costs_the_id_or_what_was_registered() -> None:
    world = await run((apply("shop", payloadIndexes=[CITY]),), await _shop())
    before = world.document("shop")
    await run((document_lost("shop"),), world)
    after = world.document("shop")
    same = ("_id", "collection", "feature_extractors", "payload_indexes", "bound_vectors", "created_at", "claims")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert world.condition("shop") == ("True", "Ready")


async def test_both_stores_lost_and_an_empty_collection_shown_as_ready() -> None:
    world = await run((operator_down, collection_gone("shop"), document_lost("shop")), await _shop())
    world.start_operator()
    await world.settle()
    assert world.condition("shop") == ("False", "CollectionLost")
    assert not world.vectors.collections
    assert not world.metadata.documents


async def test_fields_of_others_vanish_from_the_document() -> None:
    world = await world_of("document with fields of others")
    assert world.document("shop")["billing"] == {"plan": "pro"}
    world = await run((apply("shop", description="sells"),), world)
    assert world.document("shop")["billing"] == {"plan": "pro"}


async def test_an_edited_document_stays_edited() -> None:
    world = await world_of("document edited")
    document = world.document("shop")
    assert (document["state"], document["namespace_name"], document["description"]) == ("ready", "shop", None)
    assert [entry["field_name"] for entry in document["payload_indexes"]] == ["city"]
    assert document["vector_inference_map"] == {TEXT_VECTOR: "multilingual_e5_large_instruct_v1"}
    assert len(document["claims"]) == 3


async def test_a_malformed_document_is_overwritten() -> None:
    world = await world_of("malformed document")
    assert world.condition("shop", "MetadataSynced") == ("False", "MalformedDocument")
    assert world.document("shop")["state"] == "odd"
    assert world.condition("shop", "CollectionReady") == ("Unknown", "MalformedDocument")


async def test_a_malformed_document_on_a_name_stops_more_than_the_name() -> None:
    world = await _shop()
    world.metadata.put_raw({"_id": "ns_odd", "claims": ["name/cluster-1:main/acme/store"]})
    spec = {"featureExtractors": [TEXT, IMAGE], "payloadIndexes": [CITY], "namespaceName": "store"}
    await run((apply("shop", **spec),), world)
    assert world.condition("shop") == ("False", "NameConflict")
    assert "image_extractor_v1_embedding" in world.collection("shop").vectors
    assert world.status("shop")["namespaceName"] == "shop"


async def test_a_stranger_inherits_from_a_kubernetes_namespace_of_the_same_name() -> None:
    world = await world_of("Kubernetes namespace made again")
    assert world.condition("shop") == ("False", "OwnedElsewhere")
    assert "namespaceId" not in world.status("shop")
    assert world.document("shop")["state"] == "retained"
    collection = world.vectors.collections[world.document("shop")["collection"]]
    assert len(collection.points) == 3


async def test_an_invalid_spec_crashes_or_changes_something() -> None:
    world = await _shop()
    before = world.document("shop")
    await run((apply("shop", payloadIndexes=[{"fieldName": "city", "fieldSchema": {"type": "nope"}}]),), world)
    assert world.condition("shop") == ("False", "InvalidSpec")
    assert world.document("shop") == before
    assert "city" in world.collection("shop").indexes


async def test_refused_credentials_are_told_as_a_failure_of_something_else() -> None:
    world = await _shop()
    world.vectors.refuses = True
    await world.settle()
    assert world.condition("shop", "CollectionReady") == ("Unknown", "QdrantUnauthorized")
    world.metadata.refuses = True
    await world.settle()
    assert world.condition("shop") == ("False", "MongoDBUnauthorized")
    world.vectors.refuses = world.metadata.refuses = False
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")


async def test_a_red_collection_is_ready() -> None:
    world = await _shop()
    world.collection("shop").status = "red"
    await world.settle()
    assert world.condition("shop") == ("False", "CollectionRed")
    assert world.status("shop")["qdrantStatus"]["status"] == "red"


async def test_an_event_for_every_round_or_for_none() -> None:
    world = await _shop()
    await run((apply("shop", featureExtractors=[TEXT, extractor("no_extractor")], payloadIndexes=[CITY]), _SHOP), world)
    told = [(event.kind, event.reason) for event in world.api.events]
    assert told == [("Normal", "Ready"), ("Warning", "UnknownExtractor"), ("Normal", "Ready")]


async def test_a_document_edited_to_another_owner_is_won_back() -> None:
    world = await _shop()
    owner = {**world.document("shop")["owner"], "k8s_namespace_uid": "another"}
    await run((document_edited("shop", owner=owner), apply("shop", description="changed")), world)
    assert world.condition("shop") == ("False", "OwnedElsewhere")
    assert world.document("shop")["description"] is None
