"""Whose documents and names are, named by the failure each test would catch."""

from __future__ import annotations

import copy

import pytest

from tests.model.beginnings import SHOP, shop
from tests.model.scenario import CITY, TEXT, run
from tests.model.scenarios import world_of
from tests.model.steps import (
    annotate,
    apply,
    delete,
    document_edited,
    operator_as,
    organization_recreated,
    points,
    take_over,
)
from tests.world.world import World


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
