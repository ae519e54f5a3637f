"""What becomes of changes made by other hands, and of stores that fail, named by the failure each test would catch."""

from __future__ import annotations

import pytest

from tests.model.beginnings import SHOP, SHOP_UNDER_DELETE, shop
from tests.model.scenario import CITY, IMAGE, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import world_of
from tests.model.steps import (
    apply,
    collection_gone,
    collection_unloadable,
    delete,
    document_edited,
    document_lost,
    index,
    index_dropped,
    mark_removed,
    operator_down,
    points,
)
from tests.world.checks import check_at_rest
from tests.world.vectors import StoredCollection
from tests.world.world import World


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
    world.vectors.lacks = frozenset({"enable_hnsw"})
    await run((apply("shop", payloadIndexes=[index("city", "keyword", enableHnsw=False)]),), world)
    assert world.condition("shop", "IndexesSynced") == ("False", "IndexParameterUnsupported")
    await check_at_rest(world)
    await run((index_dropped("shop", "city"),), world)
    assert "city" in world.collection("shop").indexes
    assert world.condition("shop", "IndexesSynced") == ("False", "IndexParameterUnsupported")
    world.vectors.server_version, world.vectors.lacks = "1.19.0", frozenset()
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")
    assert world.collection("shop").indexes["city"] == {"type": "keyword", "enable_hnsw": False}


@pytest.mark.parametrize("lose", [collection_gone("shop"), collection_unloadable("shop")], ids=["gone", "not loaded"])
async def test_a_collection_that_answers_404_is_made_again_and_wiped(lose: object) -> None:
    assert callable(lose)
    world = await run((lose,), await shop())
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
        (SHOP_UNDER_DELETE, points("shop", 3), mark_removed("shop"), index_dropped("shop", "city")), World()
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
    await run((SHOP,), world)
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    assert foreign == StoredCollection(vectors={}, metadata={"made": "by hand"}, points={1: {}})


async def test_a_lost_document_costs_the_id_or_what_was_registered() -> None:
    world = await run((apply("shop", payloadIndexes=[CITY]),), await shop())
    before = world.document("shop")
    await run((document_lost("shop"),), world)
    after = world.document("shop")
    same = ("_id", "collection", "feature_extractors", "payload_indexes", "bound_vectors", "created_at", "claims")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert world.condition("shop") == ("True", "Ready")


async def test_both_stores_lost_and_an_empty_collection_shown_as_ready() -> None:
    world = await run((operator_down, collection_gone("shop"), document_lost("shop")), await shop())
    world.start_operator()
    await world.settle()
    assert world.condition("shop") == ("False", "CollectionLost")
    assert not world.data
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
    world = await shop()
    world.metadata.put_raw({"_id": "ns_odd", "claims": ["name/cluster-1:main/acme/store"]})
    spec = {"featureExtractors": [TEXT, IMAGE], "payloadIndexes": [CITY], "namespaceName": "store"}
    await run((apply("shop", **spec),), world)
    assert world.condition("shop") == ("False", "NameConflict")
    assert "image_extractor_v1_embedding" in world.collection("shop").vectors
    assert world.status("shop")["namespaceName"] == "shop"


async def test_refused_credentials_are_told_as_a_failure_of_something_else() -> None:
    world = await shop()
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
    world = await shop()
    world.collection("shop").status = "red"
    await world.settle()
    assert world.condition("shop") == ("False", "CollectionRed")
    assert world.status("shop")["qdrantStatus"]["status"] == "red"


async def test_a_document_edited_to_another_owner_is_won_back() -> None:
    world = await shop()
    owner = {**world.document("shop")["owner"], "k8s_namespace_uid": "another"}
    await run((document_edited("shop", owner=owner), apply("shop", description="changed")), world)
    assert world.condition("shop") == ("False", "OwnedElsewhere")
    assert world.document("shop")["description"] is None
