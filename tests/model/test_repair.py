"""Repairs in the model world: what is added, rebuilt, dropped and made again, and what is left alone."""

from __future__ import annotations

import pytest

from tests.model.beginnings import shop
from tests.model.scenario import CITY, IMAGE, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import world_of
from tests.model.steps import (
    annotate,
    apply,
    collection_gone,
    delete,
    foreign_collection,
    index,
    index_put,
    partition,
    points,
    recreate,
    vector_dropped,
    vector_processed,
    vector_resized,
)
from tests.world.checks import check_at_rest
from tests.world.world import World

IMAGE_VECTOR = "image_extractor_v1_embedding"
_POOL = {"infrastructure": {"qdrantCollection": "pool", "sharing": True}}
SYSTEM = {"internal_id", "namespace_id", "collection_id", "document_id", "bucket_id"}


def points_with_vector(world: World, name: str, extractor: str = "text_extractor_v1") -> int | None:
    """What the status says of an extractor."""
    found = next(e for e in world.status(name)["featureExtractors"] if e["featureExtractorId"] == extractor)
    count: int | None = found.get("pointsWithVector")
    return count


async def test_an_older_snapshot_lacks_a_vector_or_an_index() -> None:
    world = await world_of("older snapshot restored in place")
    assert world.condition("shop") == ("True", "Ready")
    assert set(world.collection("shop").vectors) == {IMAGE_VECTOR}
    assert "city" in world.collection("shop").indexes
    assert world.status("shop")["lastRepair"]["added"] == [IMAGE_VECTOR]
    assert len(world.told("VectorRepaired")) == 1


async def test_a_vector_is_repaired_twice_by_one_annotation() -> None:
    world = await run((vector_dropped("shop", TEXT_VECTOR), annotate("shop", repair_requested_at="1")), await shop())
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["lastHandledRepairAt"] == "1"
    await run((vector_dropped("shop", TEXT_VECTOR),), world)
    assert world.condition("shop", "VectorsSynced") == ("False", "VectorMissing")
    await run((annotate("shop", repair_requested_at="2"),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["lastHandledRepairAt"] == "2"
    await check_at_rest(world)


async def test_a_vector_of_another_size_is_changed() -> None:
    repairs = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], repairVectors=True)
    steps = (repairs, vector_resized("shop", TEXT_VECTOR, 7), annotate("shop", repair_requested_at="1"))
    world = await run(steps, await shop())
    assert world.condition("shop", "VectorsSynced") == ("False", "VectorMismatch")
    assert world.collection("shop").vectors[TEXT_VECTOR].size == 7
    assert world.status("shop")["lastRepair"]["mismatches"] == [TEXT_VECTOR]
    assert world.status("shop")["lastRepair"]["added"] == []
    await check_at_rest(world)


async def test_nobody_knows_which_documents_lack_a_vector_that_came_late() -> None:
    world = await run((apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY]),), await shop())
    assert points_with_vector(world, "shop", "image_extractor_v1") == 0
    assert points_with_vector(world, "shop") is None
    world.collection("shop").filled[IMAGE_VECTOR] = {0, 1}
    await world.settle()
    assert points_with_vector(world, "shop", "image_extractor_v1") == 2
    await check_at_rest(world)
    await run((vector_processed("shop", IMAGE_VECTOR),), world)
    assert points_with_vector(world, "shop", "image_extractor_v1") is None
    assert world.document("shop")["repairs"]["late"] == []
    await check_at_rest(world)


async def test_a_member_repairs_the_vectors_of_another() -> None:
    world = await run(
        (
            apply("a", featureExtractors=[TEXT], **_POOL),
            apply("b", featureExtractors=[IMAGE], repairVectors=True, **_POOL),
            partition("b", 2),
            vector_dropped("a", TEXT_VECTOR),
            vector_dropped("a", IMAGE_VECTOR),
        ),
        World(),
    )
    assert set(world.collection("a").vectors) == {IMAGE_VECTOR}
    assert world.condition("b", "VectorsSynced") == ("False", "VectorMissing")
    assert f"the Namespace that brought it (acme/a, {world.status('a')['namespaceId']})" in world.message("b")
    assert points_with_vector(world, "b", "image_extractor_v1") == 0
    await run((annotate("a", repair_requested_at="1"),), world)
    assert [world.condition(name) for name in "ab"] == [("True", "Ready")] * 2
    await check_at_rest(world)


@pytest.mark.parametrize("text", ["2026-11-26", "2026-11-26 force"])
async def test_a_rebuild_of_many_indexes_does_not_come_to_rest(text: str) -> None:
    many = [index(f"field_{number:02}", "keyword") for number in range(40)]
    world = await run((apply("shop", payloadIndexes=many),), World())
    before = len(world.faults.log)
    await run((annotate("shop", rebuild_indexes_requested_at=text),), world)
    rebuild = world.status("shop")["indexRebuild"]
    assert (rebuild["total"], rebuild["done"], rebuild["force"]) == (45, 45, "force" in text)
    requests = [entry for entry in world.faults.log[before:] if "put index" in entry or "drop index" in entry]
    assert sum("put index" in entry for entry in requests) == 45
    assert sum("drop index" in entry for entry in requests) == (45 if "force" in text else 0)
    # After each drop the same index is made again, and only then the next one goes.
    kinds = ["drop" if "drop index" in entry else "put" for entry in requests]
    assert kinds == (["drop", "put"] * 45 if "force" in text else ["put"] * 45)
    assert world.condition("shop") == ("True", "Ready")
    await check_at_rest(world)


async def test_a_rebuild_cannot_be_stopped() -> None:
    many = [index(f"field_{number:02}", "keyword") for number in range(40)]
    world = await run((apply("shop", payloadIndexes=many),), World())
    annotate("shop", rebuild_indexes_requested_at="force")(world)
    await world.round()
    assert 0 < world.status("shop")["indexRebuild"]["done"] < 45
    await run((annotate("shop", rebuild_indexes_requested_at=None),), world)
    assert len(world.collection("shop").indexes) == 45
    assert sum("drop index" in entry for entry in world.faults.log) < 5
    await check_at_rest(world)


async def test_an_index_that_another_member_answers_for_is_rebuilt() -> None:
    steps = (
        apply("a", payloadIndexes=[CITY], **_POOL),
        apply("b", payloadIndexes=[CITY, index("to", "keyword")], **_POOL),
        annotate("b", rebuild_indexes_requested_at="force"),
    )
    world = await run(steps, World())
    dropped = [entry.split()[-1] for entry in world.faults.log if "drop index" in entry]
    assert dropped == ["to"]
    assert world.condition("b") == ("True", "Ready")
    await check_at_rest(world)


async def test_what_an_adopted_collection_had_is_dropped() -> None:
    adopted = {"infrastructure": {"qdrantCollection": "products"}, "payloadIndexes": [index("to", "keyword")]}
    steps = (
        foreign_collection("products"),
        apply("shop", **adopted),
        annotate("shop", adopt="true"),
        index_put("shop", "later", "integer"),
        apply("shop", pruneUnmanagedIndexes=True, **adopted),
        annotate("shop", rebuild_indexes_requested_at="force"),
    )
    world = await run(steps, World())
    assert set(world.collection("shop").indexes) == SYSTEM | {"city", "to"}
    dropped = {entry.split()[-1] for entry in world.faults.log if "drop index" in entry}
    assert dropped == SYSTEM | {"to", "later"}
    assert [message.split()[3] for message in world.told("IndexPruned")] == ["later"]
    await check_at_rest(world)


async def test_a_collection_is_made_again_twice_by_one_annotation() -> None:
    world = await run((collection_gone("shop"), recreate("shop")), await shop())
    assert world.condition("shop") == ("True", "Ready")
    assert world.collection("shop").metadata["mixpeek.com/incarnation"] == 2
    assert world.status("shop")["documentCount"] == 0
    assert len(world.told("CollectionRecreated")) == 1
    await run((collection_gone("shop"),), world)
    assert world.condition("shop", "CollectionReady") == ("False", "CollectionLost")
    await check_at_rest(world)
    await run((annotate("shop", recreate_collection=None), recreate("shop")), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.collection("shop").metadata["mixpeek.com/incarnation"] == 3
    await check_at_rest(world)


async def test_members_do_not_follow_into_the_collection_that_is_made_again() -> None:
    steps = (
        apply("a", featureExtractors=[TEXT], deletionPolicy="Delete", **_POOL),
        apply("b", featureExtractors=[IMAGE], payloadIndexes=[CITY], **_POOL),
        apply("c", **_POOL),
        delete("c"),
        partition("a", 3),
        collection_gone("a"),
        recreate("a"),
    )
    world = await run(steps, World())
    assert [world.condition(name) for name in "ab"] == [("True", "Ready")] * 2
    assert set(world.collection("a").vectors) == {TEXT_VECTOR, IMAGE_VECTOR}
    assert world.collection("b").metadata["mixpeek.com/incarnation"] == 2
    await check_at_rest(world)
    await run((apply("d", **_POOL), apply("c", payloadIndexes=[index("to", "keyword")], **_POOL), delete("a")), world)
    assert [world.condition(name) for name in "bcd"] == [("True", "Ready")] * 3
    assert world.key("a") not in world.api.objects
    await check_at_rest(world)


async def test_a_member_that_is_being_deleted_waits_for_a_collection_that_was_made_again() -> None:
    members = (apply("a", deletionPolicy="Delete", **_POOL), apply("b", deletionPolicy="Delete", **_POOL))
    world = await run((*members, collection_gone("a"), delete("a"), recreate("b")), World())
    assert world.key("a") not in world.api.objects
    assert world.condition("b") == ("True", "Ready")
    await check_at_rest(world)


async def test_nothing_is_written_for_a_namespace_that_asks_for_all_of_it_and_lacks_nothing() -> None:
    everything = {"repairVectors": True, "pruneUnmanagedIndexes": True}
    world = await run(
        (
            apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], **everything),
            points("shop", 3),
            annotate("shop", repair_requested_at="1", rebuild_indexes_requested_at="1"),
        ),
        World(),
    )
    assert world.status("shop")["lastRepair"]["added"] == []
    assert world.status("shop")["indexRebuild"]["done"] == 6
    await check_at_rest(world)
