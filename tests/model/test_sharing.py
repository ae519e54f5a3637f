"""Namespaces that share a collection: who may, what each of them gets and leaves, and that none harms another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.scenario import CITY, IMAGE, SMALL_TEXT, TEXT, TEXT_VECTOR, beginning, run
from tests.model.sharing_scenarios import ONE_JOINS_WHILE_THE_LAST_LEAVES
from tests.model.steps import Step, apply, delete, index, operator_down, operator_up, tiers
from tests.prove.faults import FAULTS
from tests.world.checks import check_at_rest
from tests.world.faults import Fault
from tests.world.vectors import StoredCollection
from tests.world.world import World

POOL = "pool"
SYSTEM = {"internal_id", "namespace_id", "collection_id", "document_id", "bucket_id"}


def member(name: str, *, pool: str = POOL, policy: str = "Delete", **spec: Any) -> Step:
    """A namespace that shares the pool."""
    chosen = {"qdrantCollection": pool, "sharing": True}
    return apply(name, infrastructure=chosen, deletionPolicy=policy, **spec)


def pool(world: World) -> StoredCollection:
    """The shared collection."""
    return world.vectors.collections[POOL]


def shared(world: World) -> dict[str, Any]:
    """Its document."""
    raw = world.metadata.raw(f"shared/{POOL}")
    assert raw is not None
    return raw


def write(name: str, count: int) -> Step:
    """Write points of a member, as an extractor would."""

    def act(world: World) -> None:
        namespace_id = world.status(name)["namespaceId"]
        points = pool(world).points
        first = len(points) + 1000 * len({point["namespace_id"] for point in points.values()})
        points.update({first + number: {"namespace_id": namespace_id, "city": "x"} for number in range(count)})

    return act


def counts(world: World) -> dict[str, int]:
    """Points by the name of the member."""
    names = {world.status(key.name)["namespaceId"]: key.name for key in world.api.objects}
    found: dict[str, int] = {}
    for point in pool(world).points.values():
        name = names.get(point["namespace_id"], "nobody")
        found[name] = found.get(name, 0) + 1
    return found


async def test_members_share_what_all_of_them_want() -> None:
    world = await run(
        (
            member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]),
            member("b", featureExtractors=[IMAGE], payloadIndexes=[CITY, index("price", "float")]),
            member("c"),
        ),
        World(),
    )
    assert [world.condition(name) for name in "abc"] == [("True", "Ready")] * 3
    assert set(pool(world).vectors) == {TEXT_VECTOR, "image_extractor_v1_embedding"}
    assert set(pool(world).indexes) == SYSTEM | {"city", "price"}
    assert dict(pool(world).indexes["namespace_id"]) == {"type": "keyword", "is_tenant": True}
    ids = {world.status(name)["namespaceId"] for name in "abc"}
    assert set(shared(world)["members"]) == ids
    assert {key for key in pool(world).metadata if "member." in key} == {f"mixpeek.com/member.{one}" for one in ids}
    assert world.status("a")["infrastructure"]["members"] == 3
    assert world.status("a")["payloadIndexCount"] == 1
    assert world.status("a")["unmanagedIndexes"] == []
    await check_at_rest(world)


async def test_each_counts_its_own_documents() -> None:
    world = await run((member("a"), member("b"), write("a", 3), write("b", 5)), World())
    world.seconds += 100
    await world.settle()
    assert [world.status(name)["documentCount"] for name in "ab"] == [3, 5]
    await check_at_rest(world)


async def test_who_leaves_takes_its_points_and_the_indexes_nobody_else_wants() -> None:
    world = await run(
        (
            member("a", featureExtractors=[TEXT], payloadIndexes=[CITY, index("price", "float")]),
            member("b", payloadIndexes=[CITY]),
            write("a", 3),
            write("b", 5),
            delete("a"),
        ),
        World(),
    )
    assert counts(world) == {"b": 5}
    assert set(pool(world).indexes) == SYSTEM | {"city"}
    assert set(pool(world).vectors) == {TEXT_VECTOR}, "vectors are never dropped from a shared collection"
    assert shared(world)["members"] == [world.status("b")["namespaceId"]]
    assert len([key for key in pool(world).metadata if "member." in key]) == 1
    assert world.condition("b") == ("True", "Ready")
    await check_at_rest(world)


async def test_the_last_one_takes_the_collection_along() -> None:
    world = await run((member("a"), member("b"), write("a", 3), write("b", 5), delete("a"), delete("b")), World())
    assert world.data == {}
    assert world.metadata.documents == {}


async def test_points_of_nobody_keep_the_collection() -> None:
    world = await run((member("a"), write("a", 3)), World())
    pool(world).points[77] = {"namespace_id": "ns_stranger"}
    await run((delete("a"),), world)
    assert set(pool(world).points) == {77}
    assert shared(world)["members"] == []
    await run((member("b"),), world)
    assert world.condition("b") == ("True", "Ready")
    assert pool(world).points[77]


async def test_who_is_retained_keeps_points_place_and_wishes() -> None:
    world = await run(
        (
            member("a", policy="Retain", featureExtractors=[TEXT], payloadIndexes=[CITY]),
            member("b"),
            write("a", 3),
            delete("a"),
            delete("b"),
        ),
        World(),
    )
    assert len(pool(world).points) == 3
    assert "city" in pool(world).indexes
    assert len(shared(world)["members"]) == 1
    await run((member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]),), world)
    assert world.condition("a") == ("True", "Ready")
    assert counts(world) == {"a": 3}
    await check_at_rest(world)


async def test_a_vector_of_another_size_is_told_to_who_comes_later_and_names_who_was_there() -> None:
    world = await run((member("a", featureExtractors=[TEXT]), member("b", featureExtractors=[SMALL_TEXT])), World())
    assert world.condition("a") == ("True", "Ready")
    assert world.condition("b", "VectorsSynced") == ("False", "VectorMismatch")
    assert f"{world.status('a')['namespaceId']} (Namespace acme/a)" in world.message("b")
    assert world.document("b")["feature_extractors"] == []
    await check_at_rest(world)


async def test_an_index_of_another_type_is_told_to_who_comes_later_and_heals_when_the_other_lets_go() -> None:
    other = index("city", "text")
    world = await run((member("a", payloadIndexes=[CITY]), member("b", payloadIndexes=[other])), World())
    assert world.condition("b", "IndexesSynced") == ("False", "IndexConflict")
    assert "Namespace acme/a" in world.message("b")
    assert pool(world).indexes["city"]["type"] == "keyword"
    await run((member("a"),), world)
    assert world.condition("b") == ("True", "Ready")
    assert pool(world).indexes["city"]["type"] == "text"
    await check_at_rest(world)


async def test_an_index_changes_only_with_the_consent_of_all_who_want_it() -> None:
    world = await run((member("a", payloadIndexes=[CITY]), member("b", payloadIndexes=[CITY])), World())
    await run((member("a", payloadIndexes=[index("city", "text")]),), world)
    assert world.condition("a", "IndexesSynced") == ("False", "IndexConflict")
    assert pool(world).indexes["city"]["type"] == "keyword"
    await run((member("b"),), world)
    assert world.condition("a") == ("True", "Ready")
    assert pool(world).indexes["city"]["type"] == "text"
    await check_at_rest(world)


async def test_a_large_vector_is_not_blown_up() -> None:
    few = tiers("shared: {maxSharedVectorMegabytes: 1}")
    world = await run((few, member("a", featureExtractors=[TEXT]), write("a", 1)), World())
    pool(world).points.update({number: {"namespace_id": "x"} for number in range(10, 400)})
    await run((member("b", featureExtractors=[IMAGE]), member("c", featureExtractors=[TEXT])), world)
    assert world.condition("b", "VectorsSynced") == ("False", "SharedVectorCost")
    assert world.condition("c") == ("True", "Ready"), "what is there already costs nothing"
    assert set(pool(world).vectors) == {TEXT_VECTOR}


@pytest.mark.parametrize("first", [True, False], ids=["shared first", "exclusive first"])
async def test_a_collection_is_shared_or_not_from_the_first_claim_on(first: bool) -> None:
    alone = apply("alone", infrastructure={"qdrantCollection": POOL})
    steps = (member("a"), alone) if first else (alone, member("a"))
    world = await run(steps, World())
    winner, loser = ("a", "alone") if first else ("alone", "a")
    assert world.condition(winner) == ("True", "Ready")
    assert world.condition(loser) == ("False", "CollectionConflict")
    await run((delete(winner),), world)
    if first:
        assert world.condition(loser) == ("True", "Ready")


async def test_sharing_cannot_change_once_it_is_bound() -> None:
    world = await run((member("a"), apply("a", infrastructure={"qdrantCollection": POOL})), World())
    assert world.condition("a") == ("False", "ImmutableField")
    assert "sharing" in world.message("a")
    assert world.document("a")["sharing"] is True


async def test_an_adopted_collection_is_never_shared() -> None:
    world = World()
    world.vectors.collections[POOL] = StoredCollection({}, {}, points={1: {}})
    await run((member("a"),), world)
    world.api.annotate(world.key("a"), {"mixpeek.com/adopt": "true"})
    await world.settle()
    assert world.condition("a") == ("False", "CollectionNotOwned")
    assert "never shared" in world.message("a")
    assert pool(world).metadata == {}
    assert len(pool(world).points) == 1


async def test_a_lost_document_of_the_collection_comes_back_from_its_mark() -> None:
    world = await run(
        (member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]), member("b"), write("a", 3), write("b", 1)),
        World(),
    )
    del world.metadata.documents[f"shared/{POOL}"]
    await run((operator_down, operator_up), world)
    assert [world.condition(name) for name in "ab"] == [("True", "Ready")] * 2
    assert len(shared(world)["members"]) == 2
    assert counts(world) == {"a": 3, "b": 1}
    await check_at_rest(world)


async def test_a_member_that_lost_its_document_comes_back() -> None:
    world = await run(
        (member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]), member("b"), write("a", 3)), World()
    )
    namespace_id = world.status("a")["namespaceId"]
    del world.metadata.documents[namespace_id]
    await run((operator_down, operator_up), world)
    assert world.condition("a") == ("True", "Ready")
    assert world.status("a")["namespaceId"] == namespace_id
    del world.metadata.documents[namespace_id]
    world.api.forget_status(world.key("a"))
    await run((operator_down, operator_up), world)
    assert world.status("a")["namespaceId"] == namespace_id, "found again by the mark"
    await check_at_rest(world)


async def test_a_lost_collection_is_not_made_again() -> None:
    world = await run((member("a"), member("b"), write("a", 3)), World())
    pool(world).loaded = False
    await world.settle()
    assert {world.condition(name)[1] for name in "ab"} == {"CollectionLost"}
    assert len(pool(world).points) == 3
    await run((member("c"),), world)
    assert world.condition("c")[1] == "CollectionLost"
    pool(world).loaded = True
    await world.settle()
    assert [world.condition(name) for name in "abc"] == [("True", "Ready")] * 3


async def test_a_member_that_goes_while_the_collection_is_not_loaded_waits() -> None:
    world = await run((member("a"), member("b"), write("a", 3)), World())
    pool(world).loaded = False
    await run((delete("a"),), world)
    assert world.condition("a")[1] == "CollectionLost"
    pool(world).loaded = True
    await world.settle()
    assert pool(world).points == {}
    assert world.key("a") not in world.api.objects


async def test_a_shared_collection_does_not_move() -> None:
    world = await run((member("a"),), World())
    await run((apply("b", infrastructure={"qdrantCollection": POOL, "sharing": True}),), world)
    assert world.condition("b") == ("True", "Ready")


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_one_joins_while_the_last_leaves_whatever_goes_wrong(fault: Fault) -> None:
    scenario = ONE_JOINS_WHILE_THE_LAST_LEAVES
    start = await beginning(scenario)
    writes = (await run(scenario.steps, start.fork())).faults.writes
    for number in range(1, writes + 1):
        world = start.fork()
        world.faults.at(number, fault)
        await run(scenario.steps, world)
        assert world.condition("c") == ("True", "Ready"), number
        assert pool(world).points == {}
        assert shared(world)["members"] == [world.status("c")["namespaceId"]]
        assert len(world.metadata.documents) == 2
        await check_at_rest(world)
