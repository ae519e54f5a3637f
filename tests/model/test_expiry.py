"""Ends of namespaces in the model world, where days pass in no time."""

from __future__ import annotations

import pytest

from namespace_operator.api.resource import FINALIZER
from tests.model.expiry_scenarios import TTL
from tests.model.scenario import TEXT, run
from tests.model.sharing_scenarios import member
from tests.model.steps import (
    Step,
    annotate,
    apply,
    delete,
    document_edited,
    operator_down,
    operator_up,
    partition,
    points,
    qdrant_replaced,
    qdrant_restored,
    status_lost,
    time_passes,
)
from tests.world.world import EXPIRY_MEMORY_SECONDS, World

SHOP = apply("shop", featureExtractors=[TEXT], ttlSeconds=TTL)
KEPT = apply("shop", featureExtractors=[TEXT], ttlSeconds=TTL, deletionPolicy="Retain")
DELETED = apply("shop", featureExtractors=[TEXT], ttlSeconds=TTL, deletionPolicy="Delete")
MUCH_LATER = time_passes(TTL)
FULL = points("shop", 3)


async def lived(*steps: Step) -> World:
    """The world after these steps, the first of which happens to an empty one."""
    return await run(steps, World())


def is_there(world: World) -> bool:
    """Whether the object exists."""
    return world.key("shop") in world.api.objects


def kinds(world: World) -> set[str]:
    """The types of the object's conditions."""
    return {condition["type"] for condition in world.status("shop")["conditions"]}


async def test_the_warning_stands_beside_ready_and_is_told_once() -> None:
    world = await lived(SHOP, FULL, time_passes(TTL - 3000))
    assert world.condition("shop") == ("True", "Ready")
    assert world.condition("shop", "ExpiringSoon") == ("True", "ExpiringSoon")
    assert len(world.told("ExpiringSoon")) == 1
    assert world.status("shop")["expiresAt"] in world.message("shop", "ExpiringSoon")
    assert world.document("shop")["expires_at"] > world.document("shop")["life"]["warned_at"]


@pytest.mark.parametrize(("made", "lost"), [(SHOP, 3), (DELETED, 3), (KEPT, 0)])
async def test_the_end(made: Step, lost: int) -> None:
    world = await lived(made, FULL, time_passes(TTL - 3000), time_passes(3000))
    assert not is_there(world)
    assert world.vectors.lost_points == lost
    assert len(world.told("Expired")) == 1
    assert world.document("shop")["state"] == ("deleted" if lost else "retained")
    assert world.document("shop")["life"]["expired_at"]


@pytest.mark.parametrize("made", [SHOP, DELETED, KEPT])
async def test_one_that_is_applied_again_is_told_of_the_end_until_it_is_renewed(made: Step) -> None:
    world = await lived(made, FULL, MUCH_LATER, made)
    first, written = world.document("shop")["_id"], len(world.told("Expired"))
    assert world.condition("shop") == ("False", "Expired")
    assert "namespaceId" not in world.status("shop")
    await run((MUCH_LATER,), world)
    assert is_there(world), "the operator and whoever applies the object would fight for ever"
    assert len(world.told("Expired")) == written
    await run((annotate("shop", renew="1"),), world)
    assert world.condition("shop") == ("True", "Ready")
    again = world.status("shop")["namespaceId"]
    assert (again == first) == (made is KEPT)
    assert world.status("shop")["documentCount"] == (3 if made is KEPT else 0)
    await run((MUCH_LATER, made, annotate("shop", renew="1")), world)
    assert world.condition("shop") == ("False", "Expired"), "a text works once"
    await run((annotate("shop", renew="2"),), world)
    assert world.condition("shop") == ("True", "Ready")


@pytest.mark.parametrize("made", [SHOP, DELETED, KEPT])
async def test_one_that_was_applied_again_can_go(made: Step) -> None:
    world = await lived(made, FULL, MUCH_LATER, made, delete("shop"))
    assert not is_there(world)
    assert world.document("shop")["life"]["expired_at"]


async def test_retained_data_goes_with_an_object_under_delete() -> None:
    world = await lived(KEPT, FULL, MUCH_LATER, DELETED)
    assert world.condition("shop") == ("False", "Expired")
    await run((delete("shop"),), world)
    assert world.vectors.lost_points == 3
    assert not is_there(world)


async def test_an_end_is_remembered_for_long_and_as_long_as_there_is_an_object() -> None:
    world = await lived(SHOP, MUCH_LATER, SHOP, time_passes(EXPIRY_MEMORY_SECONDS))
    assert world.condition("shop") == ("False", "Expired")
    await run((delete("shop"),), world)
    assert world.metadata.namespaces() == []
    await run((SHOP,), world)
    assert world.condition("shop") == ("True", "Ready")


async def test_a_retained_namespace_without_an_object_never_ends() -> None:
    world = await lived(SHOP, FULL, delete("shop"), MUCH_LATER, MUCH_LATER)
    document = world.document("shop")
    assert (document["state"], document["expires_at"], document["life"]["expired_at"]) == ("retained", None, None)
    await run((SHOP,), world)
    assert world.condition("shop", "ExpiringSoon")[0] == "True", "it is warned of an end that is past"
    await run((time_passes(3600),), world)
    assert world.vectors.lost_points == 3


async def test_a_document_alone_ends_nothing() -> None:
    world = await lived(SHOP, FULL, operator_down, delete("shop"), MUCH_LATER, operator_up, MUCH_LATER)
    assert world.document("shop")["state"] == "retained"
    assert world.vectors.lost_points == 0


async def test_the_document_says_when_a_restored_object_was_made() -> None:
    world = await lived(SHOP, FULL, time_passes(TTL / 2))
    before = world.status("shop")["expiresAt"]
    await run((operator_down, status_lost("shop"), operator_up), world)
    assert world.status("shop")["expiresAt"] == before


async def test_an_object_restored_after_its_end_is_warned_of_it_first() -> None:
    world = await lived(SHOP, FULL, operator_down, status_lost("shop"), MUCH_LATER, operator_up)
    assert world.condition("shop", "ExpiringSoon")[0] == "True"
    assert world.vectors.lost_points == 0


async def test_an_edit_during_an_outage_waits_for_its_warning() -> None:
    shorter = apply("shop", featureExtractors=[TEXT], ttlSeconds=60)
    world = await lived(SHOP, FULL, operator_down, shorter, time_passes(TTL / 2), operator_up)
    assert world.condition("shop", "ExpiringSoon")[0] == "True"
    await run((time_passes(3600),), world)
    assert not is_there(world)


async def test_the_end_can_be_taken_back_while_the_warning_stands() -> None:
    longer = apply("shop", featureExtractors=[TEXT], ttlSeconds=2 * TTL)
    world = await lived(SHOP, FULL, time_passes(TTL - 3000), longer)
    assert "ExpiringSoon" not in kinds(world)
    await run((time_passes(3000), apply("shop", featureExtractors=[TEXT])), world)
    assert "expiresAt" not in world.status("shop")
    await run((MUCH_LATER, MUCH_LATER), world)
    assert world.vectors.lost_points == 0


async def test_a_paused_one_waits_and_is_warned_of_again() -> None:
    world = await lived(SHOP, FULL, annotate("shop", paused="true"), MUCH_LATER)
    assert is_there(world)
    await run((annotate("shop", paused=None),), world)
    assert world.condition("shop", "ExpiringSoon")[0] == "True"
    await run((time_passes(3600),), world)
    assert not is_there(world)


async def test_a_dry_run_shows_the_end_and_waits() -> None:
    world = await lived(SHOP, FULL, annotate("shop", dry_run="true"), MUCH_LATER)
    steps = [step["action"] for step in world.status("shop")["plan"]]
    assert steps[:3] == ["ReplaceDocument", "AddFinalizer", "DeleteResource"]
    assert "DeleteCollection" in steps
    assert world.vectors.lost_points == 0
    await run((annotate("shop", dry_run=None),), world)
    assert not is_there(world)


async def test_a_member_of_a_shared_collection_takes_its_points_along() -> None:
    steps = (member("a", ttlSeconds=TTL), member("b"), partition("a", 3), partition("b", 2), MUCH_LATER)
    world = await lived(*steps)
    assert world.key("a") not in world.api.objects
    assert world.vectors.lost_points == 3
    assert world.status("b")["documentCount"] == 2


async def test_a_kubernetes_namespace_made_again_inherits_no_end() -> None:
    world = await lived(SHOP, MUCH_LATER)
    world.api.recreate_organization("acme")
    await run((SHOP,), world)
    assert world.condition("shop") == ("True", "Ready")


async def test_a_document_restored_from_before_a_renewal_is_warned_of_first() -> None:
    world = await lived(SHOP, FULL)
    first = world.document("shop")["expires_at"]
    await run((time_passes(TTL / 2), annotate("shop", renew="1"), annotate("shop", renew=None)), world)
    restored = document_edited("shop", expires_at=first, life={})
    await run((operator_down, restored, time_passes(TTL / 2), operator_up), world)
    assert world.condition("shop", "ExpiringSoon")[0] == "True"
    assert world.vectors.lost_points == 0


async def test_one_that_was_called_off_and_is_deleted_by_hand_keeps_its_data() -> None:
    forever = apply("shop", featureExtractors=[TEXT])
    world = await lived(SHOP, FULL, time_passes(TTL - 3000))
    announced = {**world.document("shop")["life"], "expired_at": world.document("shop")["expires_at"]}
    uid = world.object("shop")["metadata"]["uid"]
    await run((operator_down, document_edited("shop", life=announced), time_passes(3000)), world)
    world.api.set_finalizers(world.key("shop"), uid, None, [FINALIZER])
    for step in (forever, delete("shop"), operator_up):
        step(world)
    await world.settle()
    assert not is_there(world)
    assert world.vectors.lost_points == 0
    assert world.document("shop")["state"] == "retained"
    await run((forever,), world)
    assert world.condition("shop") == ("True", "Ready"), "nothing expired"


async def test_an_end_from_a_backup_is_warned_of_even_if_it_was_read_before_it_could_be_corrected() -> None:
    world = await lived(SHOP, FULL)
    first, later = world.document("shop")["expires_at"], time_passes(TTL / 2)
    await run((later, annotate("shop", renew="1"), annotate("shop", renew=None)), world)
    restored = document_edited("shop", expires_at=first, life={})
    await run((operator_down, restored, later, qdrant_replaced, operator_up), world)
    assert world.condition("shop") == ("False", "ServerReplaced")
    await run((qdrant_restored,), world)
    assert world.condition("shop", "ExpiringSoon")[0] == "True"
    assert world.vectors.lost_points == 0
