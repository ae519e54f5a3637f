"""Profiles in the model world: what becomes of a collection, and whose turn it is, named by the failure to catch."""

from __future__ import annotations

from tests.model.profile_scenarios import EVERYTHING
from tests.model.scenario import TEXT, TEXT_VECTOR, run
from tests.model.scenarios import world_of
from tests.model.steps import annotate, apply, delete, foreign_collection, points, server_takes_no, tiers
from tests.world.checks import check_at_rest
from tests.world.gate import Gate
from tests.world.vectors import SERVER_DEFAULTS
from tests.world.world import World

_FIVE = tuple(f"shop-{number}" for number in range(5))

_WANTED = {
    "segment_number": 2,
    "replication_factor": 2,
    "write_consistency_factor": 2,
    "on_disk_payload": False,
    "indexing_threshold": 5000,
    "hnsw.m": 8,
    "hnsw.payload_m": 4,
    "hnsw.ef_construct": 64,
    "hnsw.on_disk": True,
    "quantization.type": "scalar",
    "quantization.always_ram": True,
    "strict_mode.enabled": True,
    "strict_mode.max_query_limit": 100,
    f"vectors.{TEXT_VECTOR}.on_disk": True,
}


async def five() -> World:
    """Five namespaces with points, each with a collection of its own."""
    world = await run(tuple(apply(name, featureExtractors=[TEXT]) for name in _FIVE), World())
    return await run(tuple(points(name, 2) for name in _FIVE), world)


def updates(world: World, name: str) -> list[str]:
    """The changes of parameters sent for a namespace's collection."""
    collection = world.status(name)["collection"]
    return [what for what in world.faults.log if what.startswith(f"qdrant: update collection {collection} ")]


def rebuilt(world: World, name: str) -> list[str]:
    """Those of them for which the server rebuilds the collection."""
    return [what for what in updates(world, name) if "segment_number" in what]


async def test_a_changed_tier_reaches_every_collection_and_never_two_at_once() -> None:
    world = await five()
    await run((tiers(EVERYTHING),), world)
    assert world.vectors.most_rebuilding == 1
    for name in _FIVE:
        assert world.collection(name).config == {**SERVER_DEFAULTS, **_WANTED}
        assert world.condition(name) == ("True", "Ready")
        assert len(rebuilt(world, name)) == 1
    await check_at_rest(world)


async def test_reconciles_at_the_same_time_take_turns_too() -> None:
    world = await five()
    world.stop_operator()
    world.gate = Gate(seed=7)
    await run((tiers(EVERYTHING),), world)
    assert world.vectors.most_rebuilding == 1
    assert [len(rebuilt(world, name)) for name in _FIVE] == [1] * 5


async def test_who_waits_for_a_turn_is_ready_and_comes_back_soon() -> None:
    world = await five()
    tiers(EVERYTHING)(world)
    assert world.operator is not None
    world.operator.cluster.deliver()
    first, second = [await world.operator.reconciler.reconcile(world.key(name)) for name in _FIVE[:2]]
    assert first.after is not None
    assert second.after is not None
    assert first.after <= 5
    assert second.after <= 60
    assert world.condition("shop-1") == ("True", "Ready")
    assert rebuilt(world, "shop-0")
    assert rebuilt(world, "shop-1") == [], "the parameters must wait for the first collection"


async def test_a_namespace_that_is_deleted_gives_its_turn_to_the_next() -> None:
    world = await five()
    tiers(EVERYTHING)(world)
    operator = world.operator
    assert operator is not None
    operator.cluster.deliver()
    operator.pending.clear()
    for name in _FIVE[:2]:
        await operator.reconciler.reconcile(world.key(name))
    delete("shop-0")(world)
    operator.cluster.deliver()
    operator.pending.clear()
    await operator.reconciler.reconcile(world.key("shop-0"))
    assert list(operator.pending) == [world.key("shop-1")]


async def test_what_needs_no_rebuilding_waits_for_nobody() -> None:
    world = await five()
    await run((tiers("shared: {collection: {strictMode: {maxQueryLimit: 7}, replicationFactor: 2}}"),), world)
    assert world.vectors.most_rebuilding == 0
    assert {world.collection(name).config["strict_mode.max_query_limit"] for name in _FIVE} == {7}


async def test_a_new_collection_is_made_as_the_tier_says() -> None:
    world = await run((tiers(EVERYTHING), apply("shop", featureExtractors=[TEXT])), World())
    assert world.collection("shop").config == {**SERVER_DEFAULTS, **_WANTED}
    assert updates(world, "shop") == []


async def test_a_namespace_overrides_one_value_and_the_others_stay() -> None:
    own = {"collection": {"hnsw": {"m": 24}}}
    world = await run((tiers(EVERYTHING), apply("shop", featureExtractors=[TEXT], infrastructure=own)), World())
    assert world.collection("shop").config == {**SERVER_DEFAULTS, **_WANTED, "hnsw.m": 24}


async def test_a_parameter_set_by_hand_is_set_back() -> None:
    world = await world_of("parameters changed by hand")
    config = world.collection("shop").config
    assert (config["segment_number"], config["hnsw.m"]) == (1, 32), "hnsw.m is nothing the tier asks for"


async def test_what_cannot_change_is_told_and_the_rest_is_changed() -> None:
    world = await run((apply("shop"), tiers("shared: {collection: {shardNumber: 3, hnsw: {m: 8}}}")), World())
    assert world.condition("shop", "InfrastructureReady") == ("False", "ImmutableParameter")
    assert "shardNumber of collection" in world.message("shop")
    assert "is 1, the tier or infrastructure.collection asks for 3" in world.message("shop")
    assert world.condition("shop", "CollectionReady") == ("True", "Available")
    assert (world.collection("shop").config["hnsw.m"], world.collection("shop").config["shard_number"]) == (8, 1)
    await check_at_rest(world)


async def test_a_change_that_the_server_drops_is_sent_once() -> None:
    world = await run((apply("shop"), server_takes_no("hnsw.m"), tiers(EVERYTHING)), World())
    assert world.condition("shop", "InfrastructureReady") == ("False", "ParameterRejected")
    assert "Qdrant 1.18.3 took hnsw.m: 8" in world.message("shop")
    assert "left it at 16" in world.message("shop")
    assert len(updates(world, "shop")) == 1
    assert world.collection("shop").config["hnsw.ef_construct"] == 64, "the others were taken"
    await check_at_rest(world)


async def test_a_change_that_the_server_refuses_is_sent_once_and_its_words_stay() -> None:
    world = await run((apply("shop"), server_takes_no("hnsw.m", refuses=True), tiers(EVERYTHING)), World())
    await check_at_rest(world)
    assert len(updates(world, "shop")) == 1
    assert world.condition("shop", "InfrastructureReady") == ("False", "ParameterRejected")
    assert "hnsw.m: 8 was refused" in world.message("shop")
    assert "Wrong input" in world.message("shop")


async def test_another_server_version_is_worth_another_try() -> None:
    world = await world_of("a parameter that the server drops, until it is upgraded")
    assert world.collection("shop").config["hnsw.m"] == 8
    assert world.condition("shop") == ("True", "Ready")
    assert world.document("shop")["unsupported_parameters"] == []


async def test_an_override_that_is_not_allowed_does_not_count() -> None:
    world = await world_of("an override that the tier does not allow")
    assert world.condition("shop", "InfrastructureReady") == ("False", "ParameterNotAllowed")
    assert "infrastructure.collection.shardNumber is set" in world.message("shop")
    assert world.collection("shop").config["shard_number"] == 1


async def test_an_index_that_the_tier_no_longer_lists_stays_and_is_still_the_systems() -> None:
    world = await world_of("fewer system indexes")
    assert {"internal_id", "namespace_id"} <= world.collection("shop").indexes.keys()
    assert world.status("shop")["unmanagedIndexes"] == []
    assert world.collection("lean").indexes.keys() == {"namespace_id"}


async def test_an_adopted_collection_keeps_its_parameters_but_for_overrides() -> None:
    own = {"qdrantCollection": "products", "collection": {"hnsw": {"m": 24}}}
    standalone = {"mode": "standalone", "vectorConfigs": [{"name": "own", "dimension": 4, "metric": "dot"}]}
    steps = (
        tiers(EVERYTHING),
        foreign_collection("products", indexes={}),
        apply("shop", infrastructure=own, **standalone),
        annotate("shop", adopt="true"),
    )
    world = await run(steps, World())
    assert world.condition("shop") == ("True", "Ready")
    assert world.vectors.collections["products"].config == {**SERVER_DEFAULTS, "hnsw.m": 24}
