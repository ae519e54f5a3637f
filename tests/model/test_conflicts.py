"""Where stores, status and requests contradict each other, named by the failure each test would catch."""

from __future__ import annotations

import copy

import pytest

from namespace_operator.domain.identity import Key
from tests.model.beginnings import CHOSEN, FULL_SHOP_UNDER_DELETE, SHOP, SHOP_UNDER_DELETE, STANDALONE, shop
from tests.model.pair import restored_cluster
from tests.model.scenario import TEXT, run
from tests.model.steps import (
    Step,
    alias_of,
    annotate,
    apply,
    backed_up,
    configured,
    delete,
    foreign_collection,
    mongodb_restored,
    operator_down,
    operator_up,
    organization_recreated,
    points,
)
from tests.world.checks import check_at_rest
from tests.world.world import World

_CHOOSES = apply("shop", **STANDALONE, **CHOSEN)
_OCCUPIED = (foreign_collection("products"), _CHOOSES)


def loaded(name: str, *, now: bool) -> Step:
    """The server loads a collection of this name, or fails to."""

    def act(world: World) -> None:
        world.vectors.collections[name].loaded = now

    return act


async def test_two_operators_take_a_namespace_from_each_other_for_ever() -> None:
    pair = await restored_cluster(with_status=True, same_uid=False)
    namespace_id = pair.first.status("shop")["namespaceId"]
    pair.second.start_operator()
    for world in (pair.first, pair.second):
        annotate("shop", take_over=namespace_id)(world)
    await pair.settle()
    assert pair.second.condition("shop") == ("True", "Ready")
    assert pair.first.condition("shop") == ("False", "OwnedElsewhere")
    assert "it was taken over from this object since" in pair.first.message("shop")
    assert "delete and apply this Namespace again to take it back" in pair.first.message("shop")
    delete("shop")(pair.first)
    await pair.settle()
    SHOP_UNDER_DELETE(pair.first)
    annotate("shop", take_over=namespace_id)(pair.first)
    await pair.settle()
    assert pair.first.condition("shop") == ("True", "Ready")
    assert pair.first.status("shop")["documentCount"] == 3
    assert pair.second.condition("shop") == ("False", "OwnedElsewhere")


async def test_a_foreign_collection_that_fails_to_load_is_wiped() -> None:
    world = await run((*_OCCUPIED, loaded("products", now=False)), World())
    assert world.condition("shop") == ("False", "CollectionLost")
    assert "would wipe data the server only failed to load" in world.message("shop")
    assert "choose another collection, or delete this Namespace and apply it again" in world.message("shop")
    assert world.vectors.lost_points == 0
    assert len(world.data["products"].points) == 3
    await run((loaded("products", now=True),), world)
    assert world.condition("shop") == ("False", "CollectionNotOwned")
    await run((loaded("products", now=False), apply("shop", **STANDALONE)), world)
    assert world.condition("shop") == ("True", "Ready"), "another choice is free while nothing was made"
    assert len(world.data["products"].points) == 3


async def test_a_collection_that_was_never_had_is_kept_from_others() -> None:
    world = await run((*_OCCUPIED, delete("shop")), World())
    assert world.metadata.documents == {}
    await run((apply("other", **STANDALONE, **CHOSEN), annotate("other", adopt="true")), world)
    assert world.condition("other") == ("True", "Ready")
    assert world.status("other")["documentCount"] == 3


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_dependents_of_a_namespace_that_was_never_had_are_deleted(policy: str) -> None:
    """The id was given by hand, and there is data of that id which is somebody else's."""
    spec = {**STANDALONE, "namespaceId": "ns_of_others", "deletionPolicy": policy}
    world = await run((configured(dependents=("objects",)), foreign_collection("ns_of_others")), World())
    world.metadata.belongings["objects"] = [{"namespace_id": "ns_of_others"}]
    await run((apply("shop", **spec),), world)
    assert world.condition("shop") == ("False", "CollectionNotOwned")
    await run((delete("shop"),), world)
    assert world.api.objects == {}
    assert world.metadata.belongings["objects"] == [{"namespace_id": "ns_of_others"}]
    assert len(world.data["ns_of_others"].points) == 3


async def test_one_of_two_ids_is_forgotten() -> None:
    world = await shop()
    document = world.document("shop")
    found = world.api.objects[world.key("shop")]
    found["status"] = {**found["status"], "namespaceId": "ns_before", "collection": "ns_before"}
    world.stop_operator()
    world.start_operator()
    before = copy.deepcopy((world.metadata.documents, world.vectors.collections))
    await world.settle()
    assert world.condition("shop") == ("False", "IdentityConflict")
    for part in ("ns_before", document["_id"], "restored from before", "remove namespaceId from status"):
        assert part in world.message("shop")
    assert (world.metadata.documents, world.vectors.collections) == before
    assert world.status("shop")["namespaceId"] == "ns_before", "the only memory of it"
    found = world.api.objects[world.key("shop")]
    found["status"] = {name: v for name, v in found["status"].items() if name not in ("namespaceId", "collection")}
    world.stop_operator()
    world.start_operator()
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceId"] == document["_id"]


async def test_a_deletion_follows_an_alias() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, foreign_collection("goods")), World())
    name = world.status("shop")["collection"]
    stored = world.vectors.collections.pop(name)
    world.data["goods"].metadata.update(stored.metadata)
    await run((alias_of("goods", name), delete("shop")), world)
    assert world.condition("shop") == ("False", "CollectionIsAlias")
    assert f"{name} is an alias of goods, which a deletion does not follow" in world.message("shop")
    assert "force-release" in world.message("shop")
    assert len(world.data["goods"].points) == 3


async def test_an_organization_is_told_of_another() -> None:
    world = await run((apply("secret", **CHOSEN),), World())
    kept = world.status("secret")["namespaceId"]
    other = world.key("shop").__class__("globex", "shop")
    for spec in (dict(CHOSEN), {"namespaceId": kept}):
        world.api.apply(other, spec)
        await world.settle()
        told = " ".join(c["message"] for c in world.api.objects[other]["status"]["conditions"])
        assert "nother organization" in told
        assert "acme" not in told
        assert "secret" not in told
        world.api.delete(other)
        await world.settle()


async def test_an_adoption_is_forgotten_with_a_mongodb_from_before() -> None:
    world = await run((*_OCCUPIED, backed_up, annotate("shop", adopt="true")), World())
    assert world.condition("shop") == ("True", "Ready")
    await run((annotate("shop", adopt=None), mongodb_restored), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.document("shop")["adoption"] is not None
    await check_at_rest(world)
    await run((apply("shop", **STANDALONE, **CHOSEN, deletionPolicy="Delete"), delete("shop")), world)
    assert len(world.data["products"].points) == 3


async def test_a_dry_run_marks_a_server_nobody_used_before() -> None:
    world = World()
    SHOP(world)
    await run((annotate("shop", dry_run="true"),), world)
    assert world.vectors.collections == {}
    assert (world.metadata.documents, world.metadata.servers) == ({}, {})
    await run((annotate("shop", dry_run=None),), world)
    assert world.condition("shop") == ("True", "Ready")


@pytest.mark.parametrize("switch", ["paused", "dry_run"])
async def test_a_switch_keeps_from_letting_go_by_force(switch: str) -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, annotate("shop", **{switch: "true"}), delete("shop")), World())
    assert world.is_finalized("shop")
    await run((annotate("shop", force_release="true"),), world)
    assert world.api.objects == {}
    assert world.document("shop")["state"] == "retained"
    assert world.vectors.lost_points == 0


async def test_a_collection_somebody_replaced_during_an_adoption_is_taken_for_the_adopted_one() -> None:
    world = await run((*_OCCUPIED, annotate("shop", adopt="true"), delete("shop")), World())
    world = await run((_CHOOSES,), world)
    document = world.document("shop")
    assert (document["bound"], document["adoption"] is not None) == (True, True)
    del world.vectors.collections["products"]
    foreign_collection("products", metadata={"made": "by another hand"})(world)
    await world.settle()
    assert world.condition("shop") == ("False", "CollectionNotOwned")
    assert world.data["products"].metadata == {"made": "by another hand"}


async def test_an_extractor_of_a_name_conflict_is_forgotten() -> None:
    """What does not depend on the name is done meanwhile, and the name follows when it is free."""
    world = await run((apply("first", namespaceName="store"), SHOP, points("shop", 3)), World())
    await run((apply("shop", namespaceName="store", featureExtractors=[TEXT]),), world)
    assert world.condition("shop") == ("False", "NameConflict")
    assert "city" not in world.collection("shop").indexes
    await run((delete("first"),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["namespaceName"] == "store"


async def test_a_namespace_taken_over_to_another_organization_is_stuck_between_two_names() -> None:
    world = await shop()
    taken = world.document("shop")["_id"]
    heir, first, second = (Key("globex", name) for name in ("heir", "first", "second"))
    world.api.apply(first, {"namespaceName": "wanted"})
    world.api.apply(second, {"namespaceName": "shop"})
    await world.settle()
    world.api.apply(heir, {"namespaceName": "wanted", "featureExtractors": [TEXT]})
    world.api.annotate(heir, {"mixpeek.com/take-over": taken})
    await world.settle()
    status = world.api.objects[heir]["status"]
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert (status["namespaceId"], status["namespaceName"], ready["reason"]) == (taken, taken, "NameConflict")
    world.api.apply(first, {"namespaceName": "other"})
    await world.settle()
    assert world.api.objects[heir]["status"]["namespaceName"] == "wanted"


async def test_what_was_recorded_for_an_adoption_goes_along_to_another_collection() -> None:
    world = await run((foreign_collection("products"), _CHOOSES), World())
    world.vectors.down = True
    annotate("shop", adopt="true")(world)
    await world.settle()
    world.vectors.down = False
    annotate("shop", adopt=None)(world)
    others = {"infrastructure": {"qdrantCollection": "others"}}
    await run((apply("shop", deletionPolicy="Delete", **STANDALONE, **others), points("shop", 3)), world)
    assert world.document("shop")["adoption"] is None
    assert "mixpeek.com/adopted" not in world.data["others"].metadata
    await run((delete("shop"),), world)
    assert "others" not in world.data
    assert len(world.data["products"].points) == 3


async def test_a_deletion_takes_the_data_of_the_older_one_of_two_ids() -> None:
    world = await run((SHOP_UNDER_DELETE, points("shop", 2), backed_up), World())
    older = world.status("shop")["namespaceId"]
    world.object("shop")["status"]["namespaceId"] = "ns_ffffffffff"
    world.stop_operator()
    world.start_operator()
    await world.settle()
    assert world.condition("shop") == ("False", "IdentityConflict")
    await run((delete("shop"),), world)
    assert world.condition("shop") == ("False", "IdentityConflict")
    assert "mixpeek.com/force-release" in world.message("shop")
    assert len(world.data[older].points) == 2
    await run((annotate("shop", force_release="true"),), world)
    assert not world.api.objects
    assert len(world.data[older].points) == 2


async def test_a_collection_whose_document_is_lost_is_claimed_by_the_first_who_chooses_it() -> None:
    world = await run((SHOP_UNDER_DELETE, *(apply("goods", **STANDALONE, **CHOSEN), points("goods", 3))), World())
    world.stop_operator()
    del world.metadata.documents[world.document("goods")["_id"]]
    thief = Key("aaa-earlier", "thief")
    world.api.apply(thief, {**CHOSEN})
    world.start_operator()
    await world.settle()
    status = world.api.objects[thief]["status"]
    ready = next(c for c in status["conditions"] if c["type"] == "Ready")
    assert (ready["reason"], "namespaceId" in status) == ("CollectionConflict", False)
    assert [e.reason for e in world.api.events if e.key == thief] == ["CollectionNotOwned", "CollectionConflict"]
    assert world.condition("goods") == ("True", "Ready")
    assert world.status("goods")["documentCount"] == 3


async def test_two_clusters_of_one_instance_id_retain_each_others_namespaces() -> None:
    first = await shop()
    second = World(faults=first.faults, cluster_uid="another", _ids=1_000)
    second.vectors, second.metadata = first.vectors, first.metadata
    first.stop_operator()
    before = first.document("shop")
    second.api.apply(second.key("other"), {"featureExtractors": [TEXT]})
    await run((), second)
    await second.settle()
    assert second.condition("other", "MetadataSynced") == ("False", "MongoDBRejected")
    assert "is used by the operator of another cluster" in second.message("other")
    assert first.document("shop") == before
    assert list(first.data) == [before["collection"]]


async def test_an_object_of_a_former_kubernetes_namespace_is_refused_for_a_tombstone() -> None:
    chosen = (foreign_collection("products"), apply("shop", **CHOSEN))
    world = await run((*chosen, operator_down, delete("shop"), organization_recreated, chosen[1], operator_up), World())
    assert world.condition("shop") == ("False", "CollectionConflict") or world.status("shop")["namespaceId"]
    await world.settle()
    assert world.condition("shop") == ("False", "CollectionNotOwned")
