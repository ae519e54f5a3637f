"""Chosen and adopted collections, and what cannot change, named by the failure each test would catch."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.model.beginnings import CHOSEN, SHOP, STANDALONE, shop
from tests.model.scenario import CITY, IMAGE, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import world_of
from tests.model.steps import (
    Step,
    annotate,
    apply,
    delete,
    foreign_collection,
    index,
    points,
)
from tests.world.checks import SYSTEM_FIELDS, check_at_rest
from tests.world.world import World


async def test_a_chosen_collection_is_shared_by_two() -> None:
    world = await run((apply("first", **CHOSEN), points("first", 2), apply("second", **CHOSEN)), World())
    holder = world.status("first")["namespaceId"]
    assert world.condition("second", "MetadataSynced") == ("False", "CollectionConflict")
    message = world.message("second")
    assert f"Collection products is held by {holder} (Namespace acme/first)" in message
    assert "choose another one in infrastructure.qdrantCollection, or delete that namespace" in message
    assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw()] == ["first"]
    await run((delete("second"),), world)
    assert len(world.data["products"].points) == 2


async def test_a_chosen_collection_of_retained_data_is_taken() -> None:
    world = await run(
        (apply("first", **CHOSEN), points("first", 2), delete("first"), apply("second", **CHOSEN)), World()
    )
    retained = world.document("first")
    assert world.condition("second") == ("False", "CollectionConflict")
    assert f"{retained['_id']} (Namespace acme/first, retained: its Namespace is gone)" in world.message("second")
    assert len(world.data["products"].points) == 2


async def test_a_chosen_collection_is_never_free_again() -> None:
    first = apply("first", deletionPolicy="Delete", **CHOSEN)
    world = await run((first, points("first", 2), apply("second", **CHOSEN), delete("first")), World())
    assert world.condition("second") == ("True", "Ready")
    assert world.status("second")["collection"] == "products"
    assert world.status("second")["documentCount"] == 0


async def test_an_organization_takes_the_chosen_collection_of_another() -> None:
    world = await run((apply("shop", **CHOSEN), points("shop", 2)), World())
    other = world.key("shop").__class__("globex", "shop")
    world.api.apply(other, CHOSEN)
    await world.settle()
    ready = world.api.objects[other]["status"]["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "CollectionConflict")
    assert len(world.data["products"].points) == 2


@pytest.mark.parametrize("adopt", [None, "true", "with-delete"])
async def test_a_namespace_lives_behind_an_alias(adopt: str | None) -> None:
    world = await run((foreign_collection("goods"),), World())
    world.vectors.alias_targets["products"] = "goods"
    before = copy.deepcopy(world.data["goods"])
    await run((apply("shop", **STANDALONE, **CHOSEN), annotate("shop", adopt=adopt)), world)
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionIsAlias")
    assert "infrastructure.qdrantCollection products is an alias; choose" in world.message("shop")
    assert "choose the name of a collection" in world.message("shop")
    assert world.data == {"goods": before}


async def test_a_collection_somebody_made_is_written_to_before_it_is_adopted() -> None:
    world = await run((foreign_collection("products"),), World())
    before = copy.deepcopy(world.data["products"])
    await run((apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], **CHOSEN),), world)
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    message = world.message("shop")
    assert "Collection products exists and was not made by this operator" in message
    assert "mixpeek.com/adopt: 'true' (it then outlives the Namespace) or 'with-delete'" in message
    assert world.data["products"] == before


async def test_adoption_changes_or_drops_what_was_there() -> None:
    world = await world_of("adopt")
    collection = world.data["products"]
    assert world.condition("shop") == ("True", "Ready")
    assert collection.metadata["made"] == "by hand"
    assert collection.metadata["mixpeek.com/adopted"] is True
    assert collection.indexes["city"] == {"type": "keyword", "is_tenant": True}
    assert collection.indexes.keys() == {"city", *SYSTEM_FIELDS}
    assert collection.vectors.keys() == {"own"}
    assert len(collection.points) == 3
    assert len(world.told("Adopted")) == 1


async def test_adoption_replaces_an_index_of_other_parameters() -> None:
    world = await world_of("adopt an index of other parameters")
    assert world.condition("shop", "IndexesSynced") == ("False", "IndexConflict")
    message = world.message("shop")
    for part in ("products", "city", "'is_tenant': True", "declare it as it is, or drop it in Qdrant"):
        assert part in message
    assert world.data["products"].indexes["city"] == {"type": "keyword", "is_tenant": True}
    assert world.document("shop")["unsupported_indexes"] == [], "the server would have made it"


async def test_an_adopted_index_goes_with_its_declaration() -> None:
    world = await world_of("adopt, then declare less")
    assert world.condition("shop") == ("True", "Ready")
    assert world.data["products"].indexes["city"] == {"type": "keyword", "is_tenant": True}
    assert world.status("shop")["unmanagedIndexes"] == ["city"]


async def test_an_adopted_vector_of_another_size_is_made_again() -> None:
    spec = {**STANDALONE, "vectorConfigs": [{"name": "own", "dimension": 8, "metric": "dot"}]}
    world = await run((foreign_collection("products"), apply("shop", **spec, **CHOSEN)), World())
    await run((annotate("shop", adopt="true"),), world)
    assert world.condition("shop", "VectorsSynced") == ("False", "VectorMismatch")
    assert world.data["products"].vectors["own"].size == 4
    assert len(world.data["products"].points) == 3


async def test_an_adopted_collection_goes_with_its_namespace() -> None:
    world = await world_of("adopt, then delete")
    collection = world.data["products"]
    assert world.api.objects == {}
    assert world.metadata.documents == {}
    assert collection.metadata == {"made": "by hand"}
    assert len(collection.points) == 3
    (told,) = world.told("CollectionReleased")
    assert "products" in told


async def test_a_collection_adopted_with_delete_outlives_its_namespace() -> None:
    world = await world_of("adopt with delete, then delete")
    assert (world.api.objects, world.metadata.documents, world.data) == ({}, {}, {})
    assert len(world.told("CollectionDeleted")) == 1


async def test_a_collection_adopted_to_be_kept_is_deleted_after_its_document_was_lost() -> None:
    world = await world_of("adopt, lose the document")
    assert world.condition("shop") == ("True", "Ready")
    spec = {**STANDALONE, **CHOSEN, "deletionPolicy": "Delete"}
    await run((apply("shop", **spec), delete("shop")), world)
    assert len(world.data["products"].points) == 3
    assert world.data["products"].indexes["city"] == {"type": "keyword", "is_tenant": True}


@pytest.mark.parametrize("adopt", ["true", "with-delete"])
async def test_what_another_operator_marked_is_adopted(adopt: str) -> None:
    marked = foreign_collection("products", metadata={"mixpeek.com/instance": "other"})
    world = await run((marked, apply("shop", **STANDALONE, **CHOSEN), annotate("shop", adopt=adopt)), World())
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    assert world.data["products"].metadata == {"mixpeek.com/instance": "other"}
    assert world.data["products"].indexes.keys() == {"city"}


async def test_another_choice_is_refused_while_nothing_was_made() -> None:
    world = await world_of("a foreign collection, then another choice")
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["collection"] == "others"
    assert world.data["products"].metadata == {"made": "by hand"}


_MADE_AS: dict[str, tuple[Step, dict[str, Any], str, str]] = {
    "mode": (SHOP, STANDALONE, "spec.mode is standalone", "made with managed"),
    "namespaceType": (
        SHOP,
        {"featureExtractors": [TEXT], "payloadIndexes": [CITY], "namespaceType": "marketplace"},
        "spec.namespaceType is marketplace",
        "made with standard",
    ),
    "scope": (
        SHOP,
        {"featureExtractors": [TEXT], "payloadIndexes": [CITY], "scope": "system"},
        "spec.scope is system",
        "made with org",
    ),
    "namespaceId": (
        SHOP,
        {"featureExtractors": [TEXT], "payloadIndexes": [CITY], "namespaceId": "ns_another"},
        "spec.namespaceId is ns_another",
        "made with ns_",
    ),
    "qdrantCollection": (
        apply("shop", featureExtractors=[TEXT], **CHOSEN),
        {"featureExtractors": [TEXT], "infrastructure": {"qdrantCollection": "others"}},
        "spec.infrastructure.qdrantCollection is others",
        "made with products",
    ),
}


@pytest.mark.parametrize("field", _MADE_AS)
async def test_a_resource_made_again_changes_what_cannot_change(field: str) -> None:
    first, again, asked, made = _MADE_AS[field]
    world = await run((first, points("shop", 3), delete("shop")), World())
    document = world.document("shop")
    collection = copy.deepcopy(world.data[document["collection"]])
    await run((apply("shop", **again),), world)
    assert world.condition("shop", "MetadataSynced") == ("False", "ImmutableField")
    message = world.message("shop", "MetadataSynced")
    for part in (asked, made, document["_id"], "restore it, or create another Namespace"):
        assert part in message
    assert [raw["_id"] for raw in world.metadata.all_raw()] == [document["_id"]]
    for name in ("mode", "namespace_type", "scope", "collection", "feature_extractors", "vector_configs"):
        assert world.document("shop")[name] == document[name], name
    after = world.data[document["collection"]]
    assert (after.vectors, after.points, after.metadata) == (collection.vectors, collection.points, collection.metadata)
    await run((first,), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["documentCount"] == 3


async def test_a_vector_of_a_resource_made_again_is_changed() -> None:
    first = apply("shop", **STANDALONE)
    world = await run((first, points("shop", 3), delete("shop")), World())
    configs = [{"name": "own", "dimension": 8, "metric": "dot"}, {"name": "more", "kind": "sparse"}]
    await run((apply("shop", mode="standalone", vectorConfigs=configs),), world)
    assert world.condition("shop", "MetadataSynced") == ("False", "ImmutableField")
    message = world.message("shop")
    assert "spec.vectorConfigs: vector own is dense 8 dot float32" in message
    assert "registered as dense 4 dot float32; restore it and add another one under a new name" in message
    assert world.collection("shop").vectors["own"].size == 4
    assert "more" in world.collection("shop").vectors, "the rest is done meanwhile"


async def test_version_two_of_an_extractor_replaces_version_one() -> None:
    v1 = {"featureExtractorName": "multimodal_extractor", "version": "v1"}
    v2 = {**v1, "version": "v2"}
    world = await run((apply("shop", featureExtractors=[v1]), points("shop", 3)), World())
    await run((apply("shop", featureExtractors=[v1, v2]),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.collection("shop").vectors.keys() == {
        f"multimodal_extractor_{version}_{kind}_embedding"
        for version in ("v1", "v2")
        for kind in ("multimodal", "transcription")
    }
    await run((apply("shop", featureExtractors=[v2]),), world)
    assert {e["featureExtractorId"]: e["inSpec"] for e in world.status("shop")["featureExtractors"]} == {
        "multimodal_extractor_v1": False,
        "multimodal_extractor_v2": True,
    }
    assert len(world.collection("shop").vectors) == 4


async def test_a_resource_made_again_with_less_loses_what_was_registered() -> None:
    world = await run((delete("shop"), apply("shop", featureExtractors=[IMAGE])), await shop())
    assert world.condition("shop") == ("True", "Ready")
    assert {TEXT_VECTOR, "image_extractor_v1_embedding"} == world.collection("shop").vectors.keys()
    assert "city" not in world.collection("shop").indexes, "it was declared, so it is dropped as by any other edit"
    await check_at_rest(world)


async def test_an_index_somebody_else_made_is_dropped_with_a_declaration_taken_back() -> None:
    world = await run((apply("shop", payloadIndexes=[index("city", "keyword", isTenant=True)], **STANDALONE),), World())
    world.collection("shop").indexes["brand"] = {"type": "keyword"}
    await run((apply("shop", **STANDALONE),), world)
    assert "city" not in world.collection("shop").indexes
    assert world.collection("shop").indexes["brand"] == {"type": "keyword"}
