"""What comes back from a backup, by its id or by its mark, named by the failure each test would catch."""

from __future__ import annotations

import copy

import pytest

from namespace_operator.api.names import MARKER_COLLECTION
from tests.model.beginnings import CHOSEN, FULL_SHOP_UNDER_DELETE, SHOP, STANDALONE, shop
from tests.model.scenario import CITY, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import world_of
from tests.model.steps import (
    Step,
    annotate,
    apply,
    backed_up,
    collection_gone,
    delete,
    document_lost,
    foreign_collection,
    marker_lost,
    mongodb_restored,
    objects_restored,
    operator_down,
    operator_up,
    organization_recreated,
    points,
    qdrant_copies_restored,
    qdrant_replaced,
    qdrant_restored,
    server_record_lost,
    status_lost,
)
from tests.world.checks import check_at_rest
from tests.world.world import World

_ID = "ns_0123456789"


def _named() -> tuple[Step, ...]:
    """A spec that brings an id along."""
    return (apply("shop", namespaceId=_ID, featureExtractors=[TEXT], payloadIndexes=[CITY]),)


# spec.namespaceId


async def test_a_named_id_is_ignored_in_empty_stores() -> None:
    world = await run((apply("shop", namespaceId=_ID, featureExtractors=[TEXT]),), World())
    assert world.condition("shop") == ("True", "Ready")
    assert (world.status("shop")["namespaceId"], world.status("shop")["collection"]) == (_ID, _ID)
    assert world.metadata.documents.keys() == {_ID}


async def test_retained_data_cannot_be_had_under_another_name() -> None:
    world = await run((delete("shop"),), await shop())
    kept = world.document("shop")["_id"]
    await run((apply("heir", namespaceId=kept, featureExtractors=[TEXT], payloadIndexes=[CITY]),), world)
    assert world.condition("heir") == ("True", "Ready")
    assert world.status("heir")["namespaceId"] == kept
    assert world.status("heir")["documentCount"] == 3
    assert world.document("heir")["namespace_name"] == "heir"
    members = {key: name for key, name in world.collection("heir").metadata.items() if "member." in key}
    assert members == {f"mixpeek.com/member.{kept}": "heir"}
    assert world.metadata.documents.keys() == {kept}
    await run((SHOP,), world)
    assert world.status("shop")["namespaceId"] != kept, "the former name stands for something new"
    assert world.condition("shop") == ("True", "Ready")


async def test_the_id_of_a_living_namespace_is_had_by_naming_it() -> None:
    world = await shop()
    kept, document = world.status("shop")["namespaceId"], world.document("shop")
    await run((apply("thief", namespaceId=kept),), world)
    assert world.condition("thief", "MetadataSynced") == ("False", "OwnedElsewhere")
    assert f"{kept} belongs to Namespace acme/shop" in world.message("thief")
    assert world.document("shop") == document
    assert world.metadata.documents.keys() == {kept}
    assert world.condition("shop") == ("True", "Ready")


async def test_the_id_of_another_organization_is_had_by_naming_it() -> None:
    world = await run((delete("shop"),), await shop())
    kept, before = world.document("shop")["_id"], dict(world.metadata.documents)
    thief = world.key("shop").__class__("globex", "shop")
    world.api.apply(thief, {"namespaceId": kept})
    await world.settle()
    conditions = {c["type"]: c for c in world.api.objects[thief]["status"]["conditions"]}
    assert conditions["MetadataSynced"]["reason"] == "OwnedElsewhere"
    assert "a Namespace of another organization" in conditions["MetadataSynced"]["message"]
    assert world.metadata.documents == before


async def test_a_collection_of_ours_without_a_document_is_not_found_by_its_id() -> None:
    lost = (operator_down, document_lost("shop"), status_lost("shop"), operator_up)
    world = await run((*_named(), points("shop", 3), *lost), World())
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceId"] == _ID
    assert world.status("shop")["documentCount"] == 3
    assert world.vectors.lost_points == 0


async def test_a_collection_of_that_id_that_nobody_marked_is_taken() -> None:
    world = await run((foreign_collection(_ID),), World())
    before = copy.deepcopy(world.data)
    await run((apply("shop", namespaceId=_ID, **STANDALONE),), world)
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    assert f"Collection {_ID} exists and was not made by this operator" in world.message("shop")
    assert "mixpeek.com/adopt" in world.message("shop")
    assert world.data == before
    await run((annotate("shop", adopt="true"),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["documentCount"] == 3
    await check_at_rest(world)


async def test_the_id_of_anothers_collection_is_had_by_naming_it() -> None:
    """MongoDB lost the document of a living namespace; a second resource names its id before the first comes back."""
    world = await run((operator_down, document_lost("shop")), await shop())
    kept, before = world.status("shop")["namespaceId"], copy.deepcopy(world.data)
    apply("a-thief", namespaceId=kept)(world)
    await run((operator_up,), world)
    assert world.condition("a-thief") == ("False", "OwnedElsewhere")
    assert "belongs to Namespace acme/shop" in world.message("a-thief")
    assert world.condition("shop") == ("True", "Ready")
    assert world.document("shop")["_id"] == kept
    assert world.data == before


# Backups


async def test_mongodb_from_before_costs_points_or_namespaces() -> None:
    world = await world_of("MongoDB from before")
    assert world.vectors.lost_points == 0
    for name, count in (("shop", 3), ("late", 2)):
        assert world.condition(name) == ("True", "Ready")
        assert world.status(name)["documentCount"] == count
    assert "image_extractor_v1_embedding" in world.collection("shop").vectors
    assert world.status("shop")["vectorInferenceMap"].keys() == world.collection("shop").vectors.keys()


async def test_mongodb_and_objects_from_before_cost_an_id() -> None:
    steps = (SHOP, backed_up, points("shop", 3), apply("late", featureExtractors=[TEXT]), points("late", 2))
    world = await run(steps, World())
    ids = {name: world.status(name)["namespaceId"] for name in ("shop", "late")}
    await run((operator_down, mongodb_restored, objects_restored, operator_up), world)
    for name, count in (("shop", 3), ("late", 2)):
        assert world.condition(name) == ("True", "Ready")
        assert world.status(name)["namespaceId"] == ids[name]
        assert world.status(name)["documentCount"] == count
    assert len(world.data) == 2
    assert world.orphans == (0, 0)


async def test_a_deletion_in_a_backup_of_mongodb_goes_on() -> None:
    """The backup was made in the middle of a deletion that was called off afterwards."""
    world = await run((*FULL_SHOP_UNDER_DELETE, points("shop", 3)), World())
    world.vectors.alias_targets["live"] = world.status("shop")["collection"]
    await run((delete("shop"), backed_up), world)
    assert world.document("shop")["state"] == "deleting"
    await run((SHOP, SHOP), world)
    assert world.document("shop")["state"] == "ready"
    world.vectors.alias_targets.clear()
    await run((mongodb_restored,), world)
    assert world.document("shop")["state"] == "ready"
    assert world.condition("shop") == ("True", "Ready")
    world = await run((delete("shop"), mongodb_restored), world)
    assert world.document("shop")["state"] == "retained", "and without a resource it is no intent either"
    assert world.vectors.lost_points == 0


async def test_qdrant_from_before_is_filled_up_in_silence() -> None:
    world = await world_of("Qdrant from before")
    assert world.condition("shop", "VectorsSynced") == ("False", "VectorMissing")
    message = world.message("shop", "VectorsSynced")
    assert "image_extractor_v1_embedding" in message
    assert "re-index the documents" in message
    assert "image_extractor_v1_embedding" not in world.collection("shop").vectors
    assert world.condition("shop", "IndexesSynced") == ("True", "Synced"), "an index costs no data to make again"
    assert {"city", "brand"} <= world.collection("shop").indexes.keys()
    assert world.status("shop")["documentCount"] == 3
    assert world.condition("late", "CollectionReady") == ("False", "CollectionLost")
    assert world.status("late")["collection"] in world.message("late")
    assert len(world.data) == 1


async def test_restored_copies_are_taken_for_the_originals() -> None:
    world = await world_of("Qdrant as copies under other names")
    collection = world.status("shop")["collection"]
    copied = world.data[f"{collection}-restored"]
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["collection"] == collection
    assert len(copied.points) == 3
    assert world.orphans == (0, 1)
    (told,) = [line for line in world.announcements if collection in line]
    assert f"a copy of {collection}" in told


async def test_copies_alone_are_taken_for_the_originals() -> None:
    world = await run((backed_up, operator_down, document_lost("shop"), qdrant_copies_restored), await shop())
    original = world.status("shop")["collection"]
    collection_gone("shop")(world)
    status_lost("shop")(world)
    await run((operator_up,), world)
    copied = world.data[f"{original}-restored"]
    assert len(copied.points) == 3
    assert world.status("shop")["namespaceId"] != original
    assert world.orphans == (0, 1)


async def test_both_stores_from_before_cost_points_or_hide_what_is_missing() -> None:
    world = await world_of("both from before")
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["documentCount"] == 3
    assert world.condition("late") == ("False", "CollectionLost")
    message = world.message("late")
    for part in (world.status("late")["namespaceId"], "both stores lost it", "delete and apply this Namespace again"):
        assert part in message
    assert len(world.data) == 1


async def test_objects_alone_from_before_start_empty() -> None:
    before = await shop()
    namespace_id = before.status("shop")["namespaceId"]
    world = await run((operator_down, objects_restored, operator_up), before)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceId"] == namespace_id
    assert world.status("shop")["documentCount"] == 3


async def test_a_namespace_without_document_and_status_forgets_what_it_registered() -> None:
    """Only the mark is left: what the spec asks for is there, the id and every point are, and the rest is unmanaged."""
    world = await run((operator_down, document_lost("shop"), status_lost("shop"), operator_up), await shop())
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["documentCount"] == 3
    assert TEXT_VECTOR in world.status("shop")["vectorInferenceMap"]
    assert len(world.data) == 1


async def test_a_stranger_inherits_from_a_mongodb_from_before() -> None:
    world = await run((backed_up, SHOP, points("shop", 3)), World())
    kept = world.status("shop")["collection"]
    await run((delete("shop"), organization_recreated, operator_down, mongodb_restored), world)
    SHOP(world)
    await run((operator_up,), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceId"] != kept
    assert world.status("shop")["documentCount"] == 0
    assert len(world.data[kept].points) == 3
    assert world.orphans == (1, 0)


async def test_one_of_two_collections_of_a_resource_is_picked_by_chance() -> None:
    world = await run((operator_down, document_lost("shop"), status_lost("shop")), await shop())
    (first,) = world.data
    twin = copy.deepcopy(world.data[first])
    second = "ns_twin"
    marks = {key: value for key, value in twin.metadata.items() if "member" not in key}
    twin.metadata = {**marks, "mixpeek.com/collection": second, f"mixpeek.com/member.{second}": "shop"}
    world.vectors.collections[second] = twin
    await run((operator_up,), world)
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionNotOwned")
    message = world.message("shop")
    assert f"({first}, {second})" in message
    assert "apply it again with spec.namespaceId to say which one it is" in message
    assert world.metadata.documents == {}
    world.api.delete(world.key("shop"))
    await run((apply("shop", namespaceId=second, featureExtractors=[TEXT], payloadIndexes=[CITY]),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["collection"] == second
    assert len(world.data[first].points) == 3


async def test_a_chosen_collection_is_not_found_again() -> None:
    world = await run((apply("shop", featureExtractors=[TEXT], **CHOSEN), points("shop", 3)), World())
    namespace_id = world.status("shop")["namespaceId"]
    await run((operator_down, document_lost("shop"), status_lost("shop"), operator_up), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceId"] == namespace_id
    assert world.status("shop")["collection"] == "products"
    assert world.status("shop")["documentCount"] == 3


# The server


async def test_an_empty_server_is_filled_in_place_of_the_one_that_was_lost() -> None:
    world = await run((qdrant_replaced,), await shop())
    world.faults.start_over()
    await run((apply("late", featureExtractors=[TEXT]),), world)
    assert [entry for entry in world.faults.log if entry.startswith("qdrant:")] == []
    assert world.vectors.collections == {}
    for name in ("shop", "late"):
        assert world.condition(name, "CollectionReady") == ("False", "ServerReplaced")
        message = world.message(name)
        assert "has no marker of this operator" in message
        assert "the namespaces live on server server-1" in message
        assert "nothing is made or deleted on it; restore it" in message
    assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw()] == ["shop"]


async def test_another_server_is_written_to() -> None:
    world = await shop()
    await run((qdrant_replaced,), world)
    marker = copy.deepcopy(world.backups["qdrant"][MARKER_COLLECTION])
    marker.metadata = {"mixpeek.com/server": "server-2"}
    world.vectors.collections[MARKER_COLLECTION] = marker
    await run((apply("shop", featureExtractors=[TEXT], description="edited"),), world)
    assert world.condition("shop", "CollectionReady") == ("False", "ServerReplaced")
    assert "carries the marker of server server-2" in world.message("shop")
    assert world.data == {}


async def test_a_deletion_is_done_on_another_server() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, qdrant_replaced, delete("shop")), World())
    assert world.condition("shop") == ("False", "ServerReplaced")
    assert "force-release" in world.message("shop")
    assert world.is_finalized("shop")
    await run((qdrant_restored,), world)
    assert (world.api.objects, world.metadata.documents, world.data) == ({}, {}, {})


async def test_a_server_that_came_back_stays_refused() -> None:
    world = await world_of("Qdrant server replaced and brought back")
    for name, count in (("shop", 3), ("late", 0)):
        assert world.condition(name) == ("True", "Ready")
        assert world.status(name)["documentCount"] == count


async def test_a_lost_marker_is_made_again_as_if_nothing_had_happened() -> None:
    world = await run((marker_lost,), await shop())
    before = copy.deepcopy(world.vectors.collections)
    world.faults.start_over()
    await run((apply("shop", featureExtractors=[TEXT], description="edited"),), world)
    assert world.condition("shop", "CollectionReady") == ("False", "ServerReplaced")
    assert world.vectors.collections == before
    assert [entry for entry in world.faults.log if entry.startswith("qdrant:")] == []


async def test_a_lost_record_of_the_server_makes_it_another_one() -> None:
    world = await run((server_record_lost,), await shop())
    assert world.condition("shop") == ("True", "Ready")
    record = world.metadata.servers["cluster-1:main/default"]
    assert (record.server_id, record.confirmed) == ("server-1", True)
    assert world.vectors.collections[MARKER_COLLECTION].metadata == {"mixpeek.com/server": "server-1"}


# Orphans


async def test_an_orphan_is_told_of_every_round_or_deleted() -> None:
    world = await run((delete("shop"),), await shop())
    (orphan,) = world.data
    world.metadata.documents.clear()
    before = copy.deepcopy(world.vectors.collections)
    world.faults.start_over()
    for _ in range(6):
        await world.round()
    assert world.orphans == (1, 0)
    (told,) = world.announcements
    assert told.startswith("OrphanCollections: ")
    assert f"{orphan} (of {orphan})" in told
    assert world.vectors.collections == before
    assert world.faults.log == []


async def test_a_collection_that_is_just_being_made_counts_as_an_orphan() -> None:
    world = await run((delete("shop"),), await shop())
    world.metadata.documents.clear()
    await world.round()
    assert world.orphans == (0, 0), "one look is not enough"
    await world.round()
    assert world.orphans == (1, 0)


@pytest.mark.parametrize("metadata", [{}, {"made": "by hand"}, {"mixpeek.com/instance": "other"}])
async def test_what_is_not_ours_counts_as_an_orphan(metadata: dict[str, str]) -> None:
    world = await run((foreign_collection("products", metadata=metadata), SHOP), World())
    assert world.orphans == (0, 0)
    assert world.announcements == []
