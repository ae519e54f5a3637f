"""Whose documents, names and collections are, named by the failure each test would catch."""

from __future__ import annotations

import copy

import pytest

from tests.model.beginnings import SHOP, shop
from tests.model.scenario import CITY, IMAGE, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import world_of
from tests.model.steps import (
    Step,
    annotate,
    apply,
    delete,
    document_edited,
    foreign_collection,
    index,
    operator_as,
    organization_recreated,
    points,
    take_over,
)
from tests.world.checks import SYSTEM_FIELDS, check_at_rest
from tests.world.world import World

CHOSEN = {"infrastructure": {"qdrantCollection": "products"}}
STANDALONE = {"mode": "standalone", "vectorConfigs": [{"name": "own", "dimension": 4, "metric": "dot"}]}


def writes_to_stores(world: World) -> list[str]:
    """Every write to one of the stores since the operations were numbered from 1."""
    return [entry for entry in world.faults.log if not entry.startswith("kubernetes")]


async def test_a_resource_made_again_by_its_owner_is_taken_for_a_stranger() -> None:
    world = await shop()
    before = world.document("shop")
    await run((delete("shop"), SHOP), world)
    after = world.document("shop")
    assert world.condition("shop") == ("True", "Ready")
    assert (after["_id"], after["collection"]) == (before["_id"], before["collection"])
    assert after["owner"]["cr_uid"] == world.object("shop")["metadata"]["uid"] != before["owner"]["cr_uid"]
    assert world.told("OwnedElsewhere") == []


async def test_a_resource_made_again_after_retain_writes_to_qdrant() -> None:
    world = await run((delete("shop"),), await shop())
    world.faults.start_over()
    await run((SHOP,), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["documentCount"] == 3
    assert [entry for entry in world.faults.log if entry.startswith("qdrant:")] == []


async def test_somebody_else_in_a_kubernetes_namespace_of_the_same_name_inherits_data() -> None:
    world = await shop()
    kept = world.status("shop")["namespaceId"]
    await run((delete("shop"), organization_recreated), world)
    world.faults.start_over()
    await run((SHOP,), world)
    assert world.condition("shop", "MetadataSynced") == ("False", "OwnedElsewhere")
    message = world.message("shop")
    for part in (kept, "acme/shop", "earlier Kubernetes namespace", f"mixpeek.com/take-over: {kept}"):
        assert part in message
    assert writes_to_stores(world) == []
    assert "documentCount" not in world.status("shop")
    assert "collection" not in world.status("shop")


async def test_the_name_of_a_former_kubernetes_namespace_stays_taken() -> None:
    world = await run((delete("shop"), organization_recreated), await shop())
    await run((apply("other", namespaceName="shop"),), world)
    assert world.condition("other") == ("True", "Ready")
    assert world.status("other")["documentCount"] == 0


async def test_a_stranger_inherits_the_collection_because_mongodb_forgot_whose_it_was() -> None:
    world = await shop()
    kept = world.status("shop")["collection"]
    await run((delete("shop"), organization_recreated), world)
    world.metadata.documents.clear()
    before = copy.deepcopy(world.vectors.collections[kept])
    await run((SHOP,), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceId"] != kept
    assert world.status("shop")["documentCount"] == 0
    assert world.vectors.collections[kept] == before
    assert world.orphans == (1, 0)


async def test_a_mark_that_does_not_say_which_kubernetes_namespace_hands_its_data_over() -> None:
    world = await shop()
    kept = world.collection("shop")
    old = world.status("shop")["namespaceId"]
    await run((delete("shop"), organization_recreated), world)
    world.metadata.documents.clear()
    del kept.metadata["mixpeek.com/organization-uid"]
    await run((SHOP,), world)
    assert world.status("shop")["namespaceId"] != old
    assert len(kept.points) == 3


async def test_an_operator_of_another_identity_writes_without_permission() -> None:
    world = await shop()
    document, collection = world.document("shop"), copy.deepcopy(world.collection("shop"))
    world.faults.start_over()
    await run((operator_as("cluster-2:main"),), world)
    assert world.condition("shop") == ("False", "OwnedElsewhere")
    message = world.message("shop")
    assert "another operator (instance cluster-1:main)" in message
    assert f"mixpeek.com/take-over: {document['_id']}" in message
    assert world.document("shop") == document
    assert world.collection("shop") == collection
    assert [entry for entry in writes_to_stores(world) if "record server" not in entry] == []


async def test_a_take_over_leaves_the_old_owner_in_mark_claims_or_document() -> None:
    world = await world_of("take over by an operator of another identity")
    document, namespace_id = world.document("shop"), world.status("shop")["namespaceId"]
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["documentCount"] == 3
    assert document["owner"]["instance_id"] == "cluster-2:main"
    assert document["previous_owner"] is None
    assert sorted(document["claims"]) == [
        f"collection/{namespace_id}",
        "name/cluster-2:main/acme/shop",
        "resource/cluster-2:main/acme/shop",
    ]
    assert world.collection("shop").metadata["mixpeek.com/instance"] == "cluster-2:main"
    (told,) = world.told("TakenOver")
    assert namespace_id in told


async def test_a_take_over_under_another_name_leaves_two_members_in_the_mark() -> None:
    world = await world_of("take over under another name")
    namespace_id = world.status("heir")["namespaceId"]
    members = {key: value for key, value in world.collection("heir").metadata.items() if "member" in key}
    assert members == {f"mixpeek.com/member.{namespace_id}": "heir"}
    assert world.document("heir")["namespace_name"] == "heir"
    assert world.status("heir")["documentCount"] == 3
    assert [raw["_id"] for raw in world.metadata.all_raw()] == [namespace_id]
    await run((SHOP,), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceId"] != namespace_id


async def test_a_take_over_of_nothing_makes_a_namespace() -> None:
    world = World()
    apply("heir", featureExtractors=[TEXT])(world)
    await run((annotate("heir", take_over="ns_nobody"),), world)
    assert world.metadata.documents == {}
    assert world.condition("heir", "MetadataSynced") == ("False", "TakeOverRefused")
    assert "mixpeek.com/take-over names ns_nobody" in world.message("heir")
    assert "correct or remove it" in world.message("heir")
    await run((annotate("heir", take_over=None),), world)
    assert world.condition("heir") == ("True", "Ready")


async def test_a_take_over_loses_the_data_the_resource_already_has() -> None:
    world = await run((apply("heir", featureExtractors=[TEXT]), points("heir", 2), delete("shop")), await shop())
    own, documents = world.status("heir")["namespaceId"], dict(world.metadata.documents)
    await run((take_over("heir", of="shop"),), world)
    assert world.condition("heir", "MetadataSynced") == ("False", "TakeOverRefused")
    assert f"this Namespace already has {own}" in world.message("heir")
    assert world.status("heir")["namespaceId"] == own
    assert world.status("heir")["documentCount"] == 2
    assert world.metadata.documents == documents


async def test_the_older_resource_evicts_the_holder_of_a_name_by_renaming_itself() -> None:
    first, second = apply("first", namespaceName="first"), apply("second", namespaceName="second")
    world = await run((first, second, apply("first", namespaceName="second")), World())
    holder = world.status("second")["namespaceId"]
    assert world.condition("second") == ("True", "Ready")
    assert world.condition("first", "MetadataSynced") == ("False", "NameConflict")
    assert f"namespaceName second is held by {holder} (Namespace acme/second)" in world.message("first")
    assert "choose another namespaceName, or rename or delete that one" in world.message("first")
    assert world.status("first")["namespaceName"] == "first"
    await run((apply("second", namespaceName="third"),), world)
    assert world.condition("first") == ("True", "Ready")
    assert world.document("first")["namespace_name"] == "second"


async def test_the_loser_of_a_name_writes_or_deletes_something() -> None:
    world = await run((apply("first", namespaceName="store"),), World())
    before = copy.deepcopy((world.metadata.documents, world.vectors.collections))
    await run((apply("second", namespaceName="store", featureExtractors=[TEXT]),), world)
    assert world.condition("second") == ("False", "NameConflict")
    assert (world.metadata.documents, world.vectors.collections) == before
    await run((delete("second"),), world)
    assert (world.metadata.documents, world.vectors.collections) == before


async def test_a_holder_whose_resource_is_gone_is_not_named() -> None:
    """Retained data gives its name up; a document that an older version or a hand left with one still holds it."""
    world = await run((delete("shop"),), await shop())
    retained = world.document("shop")
    claim = "name/cluster-1:main/acme/shop"
    await run((document_edited("shop", claims=[*retained["claims"], claim]),), world)
    await run((apply("other", namespaceName="shop"),), world)
    assert world.condition("other") == ("False", "NameConflict")
    assert f"{retained['_id']} (Namespace acme/shop, retained: its Namespace is gone)" in world.message("other")


async def test_a_rename_moves_the_collection() -> None:
    world = await shop()
    collection, before = world.status("shop")["collection"], copy.deepcopy(world.collection("shop"))
    world.faults.start_over()
    await run((apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], namespaceName="store"),), world)
    document = world.document("shop")
    assert (document["namespace_name"], world.status("shop")["namespaceName"]) == ("store", "store")
    assert "name/cluster-1:main/acme/store" in document["claims"]
    assert "name/cluster-1:main/acme/shop" not in document["claims"]
    assert world.status("shop")["collection"] == collection
    assert world.collection("shop") == before
    assert [entry for entry in world.faults.log if entry.startswith("qdrant:")] == []


@pytest.mark.parametrize(
    ("scenario", "names"),
    [
        ("swap two names", {"a": "name-b", "b": "name-a"}),
        ("swap two names while the operator is down", {"a": "name-b", "b": "name-a"}),
        ("three names go round", {"a": "name-b", "b": "name-c", "c": "name-a"}),
        ("a chain of names", {"a": "name-b", "b": "name-c", "c": "name-d"}),
    ],
)
async def test_namespaces_that_swap_names_wait_for_each_other_for_ever(scenario: str, names: dict[str, str]) -> None:
    world = await world_of(scenario)
    for resource, name in names.items():
        assert world.condition(resource) == ("True", "Ready")
        document = world.document(resource)
        assert (document["namespace_name"], document["requested_name"]) == (name, None)
        assert [claim for claim in document["claims"] if claim.startswith("name/")] == [
            f"name/cluster-1:main/acme/{name}"
        ]


async def test_a_swap_of_names_goes_through_a_name_somebody_may_hold() -> None:
    world = await world_of("swap two names while the operator is down")
    ids = {raw["_id"] for raw in world.metadata.all_raw()}
    log: list[str] = []
    for resource in ("a", "b"):
        apply(resource, namespaceName=f"name-{resource}")(world)
    while not all(world.status(name)["namespaceName"] == f"name-{name}" for name in ("a", "b")):
        await world.round()
        log += [raw["namespace_name"] for raw in world.metadata.all_raw()]
        assert len(log) < 40
    assert set(log) <= {"name-a", "name-b", *ids}, "the third name inside is the namespace's own id"


async def test_a_chosen_collection_is_shared_by_two() -> None:
    world = await run((apply("first", **CHOSEN), points("first", 2), apply("second", **CHOSEN)), World())
    holder = world.status("first")["namespaceId"]
    assert world.condition("second", "MetadataSynced") == ("False", "CollectionConflict")
    message = world.message("second")
    assert f"infrastructure.qdrantCollection products is held by {holder} (Namespace acme/first)" in message
    assert "choose another collection, or delete that namespace" in message
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
    assert "infrastructure.qdrantCollection products is an alias of goods" in world.message("shop")
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


_MADE_AS: dict[str, tuple[Step, dict[str, object], str, str]] = {
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
