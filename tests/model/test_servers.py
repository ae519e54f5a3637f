"""Many Qdrant servers: which one a namespace lives on, and that nothing on one server harms what is on another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from namespace_operator.api.profile import ComputeTier, TierProfile
from namespace_operator.domain.placement import Allowed, Landscape, Site
from tests.model.scenario import CITY, IMAGE, TEXT, run
from tests.model.steps import Step, apply, delete, operator_down, operator_up
from tests.world.checks import check_at_rest
from tests.world.sites import OPERATOR, cluster
from tests.world.vectors import ModelVectorStore
from tests.world.world import World

EAST, WEST = cluster("iclstr_east"), cluster("iclstr_west")


def world_of(*clusters: Site) -> World:
    """A world with the operator's own server and these."""
    world = World(landscape=Landscape(OPERATOR, {site.name: site for site in clusters}))
    for site in clusters:
        world.servers[site.endpoint.url] = ModelVectorStore(world.faults)
    return world


def on(world: World, site: Site) -> ModelVectorStore:
    """The server behind a site."""
    return world.servers.get(site.endpoint.url, world.vectors)


def data(store: ModelVectorStore) -> set[str]:
    """Its collections but for the marker."""
    return set(store.collections) - {"mixpeek-namespace-operator"}


def put_points(store: ModelVectorStore, name: str, count: int = 3) -> None:
    """Write points into a collection."""
    store.collections[name].points.update({number: {} for number in range(count)})


def shop(**spec: Any) -> Step:
    """A namespace with a vector and an index."""
    return apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], **spec)


async def test_a_cluster_that_is_named_is_lived_on() -> None:
    world = await run((shop(clusterId="iclstr_east"), apply("other")), world_of(EAST, WEST))
    assert world.condition("shop") == ("True", "Ready")
    assert data(on(world, EAST)) == {world.status("shop")["collection"]}
    assert data(on(world, OPERATOR)) == {world.status("other")["collection"]}
    assert data(on(world, WEST)) == set()
    assert world.document("shop")["binding"]["connection"] == "iclstr_east"
    assert world.document("other")["binding"] is None
    assert world.status("shop")["clusterId"] == "iclstr_east"
    await check_at_rest(world)


async def test_the_default_of_the_organization_comes_before_that_of_everybody_and_that_before_the_operators() -> None:
    everybody = cluster("iclstr_all", is_default=True)
    ours = cluster("iclstr_ours", is_default=True, allowed=Allowed(frozenset({"acme"})))
    theirs = cluster("iclstr_theirs", is_default=True, allowed=Allowed(frozenset({"umbrella"})))
    for known, home in (((theirs,), OPERATOR), ((theirs, everybody), everybody), ((everybody, ours, theirs), ours)):
        world = await run((shop(),), world_of(*known))
        assert data(on(world, home)) == {world.status("shop")["collection"]}, home.name


async def test_an_organization_by_label() -> None:
    labelled = cluster("iclstr_gold", allowed=Allowed(labels={"plan": "gold"}))
    world = await run((shop(clusterId="iclstr_gold"),), world_of(labelled))
    assert world.condition("shop", "InfrastructureReady") == ("False", "ClusterNotAllowed")
    world.api.label_organization("acme", {"plan": "gold", "team": "search"})
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")


async def test_what_is_not_there_not_allowed_or_not_served_is_told_and_nothing_is_made() -> None:
    closed = cluster("iclstr_closed", allowed=Allowed(frozenset({"umbrella"})))
    small = replace(cluster("iclstr_small"), tiers={ComputeTier.DEDICATED_CPU: TierProfile()})
    for cluster_id, reason in (
        ("iclstr_none", "ClusterNotFound"),
        ("iclstr_closed", "ClusterNotAllowed"),
        ("iclstr_small", "TierNotServed"),
    ):
        world = await run((shop(clusterId=cluster_id),), world_of(closed, small))
        assert world.condition("shop") == ("False", reason)
        assert world.condition("shop", "MetadataSynced") == ("Unknown", reason)
        assert world.condition("shop", "CollectionReady") == ("Unknown", reason)
        assert world.metadata.documents == {}
        assert data(on(world, closed)) | data(on(world, small)) | data(on(world, OPERATOR)) == set()


async def test_a_server_that_is_too_old() -> None:
    world = world_of(EAST)
    on(world, EAST).server_version = "1.17.4"
    await run((shop(clusterId="iclstr_east"), apply("other")), world)
    assert world.condition("shop") == ("False", "VersionUnsupported")
    assert world.condition("other") == ("True", "Ready")
    assert data(on(world, EAST)) == set()


async def test_a_server_that_is_full() -> None:
    full = replace(EAST, tiers={ComputeTier.SHARED: TierProfile(maxNamespaces=2)})
    names = ("a", "b", "c")
    world = await run(tuple(apply(name, clusterId="iclstr_east") for name in names), world_of(full))
    assert [world.condition(name)[1] for name in names] == ["Ready", "Ready", "ClusterFull"]
    await run((delete("a"),), world)
    assert world.condition("c") == ("False", "ClusterFull"), "what is retained is still there"
    await run((apply("b", clusterId="iclstr_east", deletionPolicy="Delete"), delete("b")), world)
    assert world.condition("c") == ("True", "Ready")


async def test_two_namespaces_may_have_a_collection_of_one_name_on_two_servers() -> None:
    chosen = {"qdrantCollection": "films"}
    world = await run(
        (
            apply("a", clusterId="iclstr_east", infrastructure=chosen),
            apply("b", clusterId="iclstr_west", infrastructure=chosen),
            apply("c", infrastructure=chosen),
            apply("d", clusterId="iclstr_west", infrastructure=chosen),
        ),
        world_of(EAST, WEST),
    )
    assert [world.condition(name)[1] for name in "abcd"] == ["Ready", "Ready", "Ready", "CollectionConflict"]


async def test_two_names_of_one_server_are_one_place() -> None:
    world = world_of(EAST, WEST)
    world.servers[WEST.endpoint.url] = on(world, EAST)
    chosen = {"qdrantCollection": "films"}
    await run((apply("a", clusterId="iclstr_east", infrastructure=chosen),), world)
    await run((apply("b", clusterId="iclstr_west", infrastructure=chosen),), world)
    assert world.condition("b") == ("False", "CollectionConflict")
    put_points(on(world, EAST), "films")
    await run((apply("a", clusterId="iclstr_west", infrastructure=chosen),), world)
    assert world.condition("a") == ("True", "Ready")
    assert world.document("a")["binding"]["connection"] == "iclstr_west"
    assert world.vectors.lost_points == on(world, EAST).lost_points == 0
    await check_at_rest(world)


async def test_with_documents_it_does_not_move() -> None:
    world = await run((shop(clusterId="iclstr_east"),), world_of(EAST, WEST))
    name = world.status("shop")["collection"]
    put_points(on(world, EAST), name)
    await run((shop(clusterId="iclstr_west"),), world)
    assert world.condition("shop", "InfrastructureReady") == ("False", "ClusterChangeRefused")
    assert "3 documents" in world.message("shop")
    assert (data(on(world, EAST)), data(on(world, WEST))) == ({name}, set())
    await run((apply("shop", featureExtractors=[TEXT, IMAGE], clusterId="iclstr_west"),), world)
    assert len(on(world, EAST).collections[name].vectors) == 2, "the rest goes on where it lives"
    await run((apply("shop", featureExtractors=[TEXT, IMAGE], clusterId="iclstr_east"),), world)
    assert world.condition("shop") == ("True", "Ready")
    await check_at_rest(world)


async def test_without_documents_it_moves() -> None:
    world = await run((shop(clusterId="iclstr_east"), shop(clusterId="iclstr_west")), world_of(EAST, WEST))
    name = world.status("shop")["collection"]
    assert world.condition("shop") == ("True", "Ready")
    assert (data(on(world, EAST)), data(on(world, WEST))) == (set(), {name})
    assert world.told("Moved")
    await check_at_rest(world)


async def test_it_returns_only_when_no_late_request_can_hit_it() -> None:
    world = await run((shop(clusterId="iclstr_east"),), world_of(EAST, WEST))
    for cluster_id in ("iclstr_west", "iclstr_east"):
        shop(clusterId=cluster_id)(world)
        await world.round()
    assert world.condition("shop") == ("False", "ClusterChangeRefused")
    assert "by itself" in world.message("shop")
    assert data(on(world, EAST)) == data(on(world, WEST)) == set()
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")
    assert data(on(world, EAST)) == {world.status("shop")["collection"]}
    assert world.document("shop")["departures"] == []


async def test_a_cluster_that_leads_to_another_server_now_is_not_filled_anew() -> None:
    world = await run((shop(clusterId="iclstr_east"),), world_of(EAST, WEST))
    put_points(on(world, EAST), world.status("shop")["collection"])
    world.servers[EAST.endpoint.url] = on(world, WEST)
    await run((operator_down, operator_up), world)
    assert world.condition("shop") == ("False", "ServerReplaced")
    assert data(on(world, WEST)) == set()


async def test_a_deletion_finds_its_server_whatever_the_spec_says_by_now() -> None:
    world = await run((shop(clusterId="iclstr_east", deletionPolicy="Delete"),), world_of(EAST, WEST))
    put_points(on(world, EAST), world.status("shop")["collection"])
    await run((shop(clusterId="iclstr_west", deletionPolicy="Delete"), delete("shop")), world)
    assert data(on(world, EAST)) == data(on(world, WEST)) == set()
    assert world.metadata.documents == {}


async def test_a_lost_document_comes_back_with_its_server() -> None:
    world = await run((shop(clusterId="iclstr_east"),), world_of(EAST))
    before = world.document("shop")
    world.metadata.documents.clear()
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")
    assert world.document("shop")["binding"] == before["binding"]
    assert world.document("shop")["claims"] == before["claims"]


async def test_one_server_down_leaves_the_others_alone() -> None:
    world = await run((shop(clusterId="iclstr_east"), apply("other", clusterId="iclstr_west")), world_of(EAST, WEST))
    on(world, EAST).down = True
    await run((apply("other", clusterId="iclstr_west", payloadIndexes=[CITY]), apply("third")), world)
    assert world.condition("other") == world.condition("third") == ("True", "Ready")
    assert world.condition("shop")[1] == "QdrantUnavailable"
    on(world, EAST).down = False
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")


async def test_a_cluster_that_is_being_deleted_takes_nobody_new() -> None:
    world = await run((shop(clusterId="iclstr_east"),), world_of(EAST, WEST))
    put_points(on(world, EAST), world.status("shop")["collection"])
    closing = replace(world.landscape.clusters["iclstr_east"], closing=True)
    world.landscape = replace(world.landscape, clusters={**world.landscape.clusters, "iclstr_east": closing})
    await run((apply("late", clusterId="iclstr_east"), apply("far", clusterId="iclstr_west")), world)
    await run((apply("far", clusterId="iclstr_east"),), world)
    assert world.condition("late") == ("False", "ClusterNotFound")
    assert world.condition("far") == ("False", "ClusterChangeRefused")
    assert world.condition("shop") == ("True", "Ready")
    assert len(data(on(world, EAST))) == 1
