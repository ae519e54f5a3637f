"""What people ask for by annotations, named by the failure each test would catch."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.model.beginnings import CHOSEN, FULL_SHOP_UNDER_DELETE, SHOP, SHOP_UNDER_DELETE, STANDALONE, reconcile, shop
from tests.model.scenario import IMAGE, TEXT, TEXT_VECTOR, run
from tests.model.steps import (
    Step,
    annotate,
    apply,
    configured,
    delete,
    foreign_collection,
    index,
    index_dropped,
    operator_down,
    operator_up,
)
from tests.world.checks import check_at_rest, check_steady
from tests.world.world import World

WITH_IMAGES = {"featureExtractors": [TEXT, IMAGE], "payloadIndexes": [index("brand", "keyword")]}


def stores(world: World) -> Any:
    """Both stores as they are, down to the revisions."""
    return copy.deepcopy(
        (world.metadata.documents, world.metadata.belongings, world.vectors.collections, world.vectors.alias_targets)
    )


# Paused


async def test_a_paused_resource_costs_a_read_or_a_write_of_a_store() -> None:
    world = await run((annotate("shop", paused="true"), apply("shop", **WITH_IMAGES)), await shop())
    before = stores(world)
    assert await reconcile(world, "shop") == 0
    world.faults.start_over()
    await run((apply("shop", **WITH_IMAGES, description="and more"),), world)
    assert [entry for entry in world.faults.log if not entry.startswith("kubernetes")] == []
    assert stores(world) == before
    assert world.condition("shop", "Paused") == ("True", "Paused")
    assert "mixpeek.com/paused" in world.message("shop", "Paused")
    await run((annotate("shop", paused=None),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert [c["type"] for c in world.status("shop")["conditions"] if c["type"] == "Paused"] == []
    assert "image_extractor_v1_embedding" in world.collection("shop").vectors


async def test_a_paused_resource_says_that_it_is_ready_for_what_nobody_looked_at() -> None:
    world = await run((annotate("shop", paused="true"), apply("shop", **WITH_IMAGES)), await shop())
    ready = next(c for c in world.status("shop")["conditions"] if c["type"] == "Ready")
    assert ready["observedGeneration"] == 1
    assert world.object("shop")["metadata"]["generation"] == 2


async def test_a_resource_paused_from_the_beginning_is_made() -> None:
    world = World()
    SHOP_UNDER_DELETE(world)
    await run((annotate("shop", paused="true"),), world)
    assert world.metadata.documents == {}
    assert world.data == {}
    assert not world.is_finalized("shop")
    assert [c["type"] for c in world.status("shop")["conditions"]] == ["Paused"]


async def test_a_paused_resource_under_delete_takes_its_data_along() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, annotate("shop", paused="true"), delete("shop")), World())
    assert world.is_finalized("shop")
    assert world.condition("shop", "Paused") == ("True", "Paused")
    assert len(world.collection("shop").points) == 3
    assert world.document("shop")["state"] == "ready"
    await run((annotate("shop", paused=None),), world)
    assert (world.api.objects, world.metadata.documents, world.data) == ({}, {}, {})


async def test_a_paused_resource_under_retain_never_goes() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, annotate("shop", paused="true"), SHOP), World())
    assert world.is_finalized("shop"), "nothing is done while paused, the finalizer included"
    await run((delete("shop"),), world)
    assert world.api.objects == {}
    assert world.document("shop")["state"] == "retained"
    assert len(world.data) == 1


# Dry run


def plan_of(world: World, name: str = "shop") -> list[tuple[str, str]]:
    """The planned steps in short."""
    return [(step["action"], step["target"]) for step in world.status(name)["plan"]]


async def test_a_dry_run_of_a_creation_writes() -> None:
    world = await run((apply("other"),), World())
    before = stores(world)
    world.faults.start_over()
    SHOP_UNDER_DELETE(world)
    await run((annotate("shop", dry_run="true"),), world)
    assert stores(world) == before
    assert not world.is_finalized("shop")
    assert {entry.split(" of ")[0] for entry in world.faults.log} == {
        "kubernetes: write status",
        "kubernetes: event DryRun",
    }
    plan = plan_of(world)
    assert plan[:3] == [
        ("AddFinalizer", "metadata.finalizers"),
        ("InsertDocument", "ns_new"),
        ("CreateCollection", "ns_new"),
    ]
    assert ("PutIndex", "ns_new/city") in plan
    details = {step["action"]: step["detail"] for step in world.status("shop")["plan"] if "detail" in step}
    assert details["CreateCollection"] == f"{TEXT_VECTOR}: dense 1024 cosine float32"
    for condition in ("MetadataSynced", "CollectionReady", "IndexesSynced"):
        assert world.condition("shop", condition) == ("False", "DryRun")
    assert "remove the annotation mixpeek.com/dry-run" in world.message("shop")


async def test_a_dry_run_of_an_edit_writes_or_forgets_a_step() -> None:
    world = await run((annotate("shop", dry_run="true"),), await shop())
    assert world.condition("shop") == ("True", "Ready")
    assert world.status("shop")["plan"] == []
    before = stores(world)
    world.faults.start_over()
    await run((apply("shop", **WITH_IMAGES, namespaceName="store"),), world)
    assert stores(world) == before
    collection = world.status("shop")["collection"]
    plan = plan_of(world)
    assert ("AddVector", f"{collection}/image_extractor_v1_embedding") in plan
    assert ("PutIndex", f"{collection}/brand") in plan
    assert ("DropIndex", f"{collection}/city") in plan
    renamed = next(step for step in world.status("shop")["plan"] if step["action"] == "ReplaceDocument")
    assert "namespace_name" in renamed["detail"]
    assert world.status("shop")["namespaceName"] == "shop"
    await run((annotate("shop", dry_run=None),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert "plan" not in world.status("shop")
    assert world.collection("shop").indexes.keys() >= {"brand"}
    assert "city" not in world.collection("shop").indexes


async def test_a_dry_run_says_something_else_than_what_is_done_then() -> None:
    world = await run((annotate("shop", dry_run="true"), apply("shop", **WITH_IMAGES)), await shop())
    planned = [step["action"] for step in world.status("shop")["plan"]]
    world.faults.start_over()
    await run((annotate("shop", dry_run=None),), world)
    words = {
        "replace document": "ReplaceDocument",
        "add vector": "AddVector",
        "put index": "PutIndex",
        "drop index": "DropIndex",
    }
    writes = [entry.split(": ", 1)[1] for entry in world.faults.log if not entry.startswith("kubernetes")]
    done = [next(action for word, action in words.items() if write.startswith(word)) for write in writes]
    assert done == planned


async def test_a_dry_run_of_a_deletion_deletes() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, annotate("shop", dry_run="true")), World())
    before = stores(world)
    world.faults.start_over()
    await run((delete("shop"),), world)
    assert stores(world) == before
    assert world.is_finalized("shop")
    collection = world.status("shop")["collection"]
    assert plan_of(world) == [
        ("ReplaceDocument", collection),
        ("DeleteCollection", collection),
        ("DeleteDependents", collection),
        ("ReplaceDocument", collection),
        ("RemoveFinalizer", "metadata.finalizers"),
    ]
    await run((annotate("shop", dry_run=None),), world)
    assert (world.api.objects, world.metadata.documents, world.data) == ({}, {}, {})


async def test_a_dry_run_hides_what_stands_in_the_way() -> None:
    world = await run((apply("first", namespaceName="store"),), World())
    apply("second", namespaceName="store")(world)
    await run((annotate("second", dry_run="true"),), world)
    assert world.condition("second") == ("False", "NameConflict")
    assert plan_of(world, "second") == []


# Reconcile now


async def test_a_requested_reconcile_comes_with_the_next_resync() -> None:
    world = await run((index_dropped("shop", "city"),), await shop())
    world.collection("shop").indexes.pop("city")
    annotate("shop", reconcile_requested_at="2026-01-01T10:00:00Z")(world)
    assert world.operator is not None
    world.operator.cluster.deliver()
    assert world.key("shop") in world.operator.pending
    await world.operator.reconciler.reconcile(world.key("shop"))
    assert "city" in world.collection("shop").indexes
    assert world.status("shop")["lastHandledReconcileAt"] == "2026-01-01T10:00:00Z"
    await check_steady(world)


async def test_the_last_request_is_forgotten_with_its_annotation() -> None:
    world = await run((annotate("shop", reconcile_requested_at="now"),), await shop())
    await run((annotate("shop", reconcile_requested_at=None),), world)
    assert world.status("shop")["lastHandledReconcileAt"] == "now"


async def test_a_request_that_was_not_carried_out_counts_as_handled() -> None:
    world = await run((annotate("shop", paused="true", reconcile_requested_at="now"),), await shop())
    assert "lastHandledReconcileAt" not in world.status("shop")


# Annotations that are not understood, or that nothing guards

_UNGUARDED: dict[str, tuple[tuple[Step, ...], str]] = {
    "adopt": (
        (foreign_collection("products"), apply("new", **STANDALONE, **CHOSEN), annotate("new", adopt="true")),
        "the annotation mixpeek.com/adopt",
    ),
    "take-over": ((apply("new"), annotate("new", take_over="ns_nobody")), "the annotation mixpeek.com/take-over"),
    "namespaceId": ((apply("new", namespaceId="ns_of_old"),), "spec.namespaceId (verb set-id)"),
    "scope": ((apply("new", scope="system"),), "spec.scope: system (verb manage-system)"),
}


@pytest.mark.parametrize("what", _UNGUARDED)
async def test_what_nothing_guards_is_acted_upon(what: str) -> None:
    steps, named = _UNGUARDED[what]
    world = await run((configured(guarded=False), apply("other")), World())
    world.stop_operator()
    for step in steps:
        step(world)
    before = stores(world)
    await run((operator_up,), world)
    assert world.condition("new", "MetadataSynced") == ("False", "NotGuarded")
    assert named in world.message("new")
    assert "install them (admissionPolicies.enabled) or remove it" in world.message("new")
    assert stores(world) == before
    await run((configured(guarded=True),), world)
    assert world.condition("new")[1] != "NotGuarded"


async def test_a_force_release_that_nothing_guards_lets_go() -> None:
    steps = (configured(guarded=False), *FULL_SHOP_UNDER_DELETE, delete("shop"))
    world = await run((*steps[:-1], operator_down, delete("shop")), World())
    await run((annotate("shop", force_release="true"), operator_up), world)
    assert world.is_finalized("shop")
    assert world.condition("shop") == ("False", "NotGuarded")
    assert "the annotation mixpeek.com/force-release" in world.message("shop")
    assert len(world.collection("shop").points) == 3
    await run((configured(guarded=True),), world)
    assert world.api.objects == {}
    assert world.document("shop")["state"] == "retained"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [("paused", "yes"), ("dry_run", "1"), ("adopt", "all"), ("force_release", "please")],
)
async def test_an_annotation_that_is_not_understood_is_guessed_at(annotation: str, value: str) -> None:
    world = await run((annotate("shop", **{annotation: value}),), await shop())
    before = stores(world)
    await run((apply("shop", **WITH_IMAGES),), world)
    assert world.condition("shop", "MetadataSynced") == ("False", "InvalidAnnotation")
    name = annotation.replace("_", "-")
    assert f"metadata.annotations[mixpeek.com/{name}] is '{value}'; set 'true' or '" in world.message("shop")
    assert stores(world) == before
    await run((annotate("shop", **{annotation: None}),), world)
    assert world.condition("shop") == ("True", "Ready")
    assert "image_extractor_v1_embedding" in world.collection("shop").vectors


async def test_an_annotation_that_is_not_understood_deletes_or_keeps_from_letting_go() -> None:
    world = await run((*FULL_SHOP_UNDER_DELETE, annotate("shop", dry_run="perhaps"), delete("shop")), World())
    assert world.condition("shop") == ("False", "InvalidAnnotation")
    assert len(world.collection("shop").points) == 3
    await run((SHOP,), world)
    assert world.api.objects == {}
    assert world.document("shop")["state"] == "retained"


async def test_an_empty_annotation_asks_for_something() -> None:
    world = await run((annotate("shop", paused="", adopt="", take_over=""), apply("shop", **WITH_IMAGES)), await shop())
    assert world.condition("shop") == ("True", "Ready")
    await check_at_rest(world)
