"""The command in the model world, where every write is counted and everything can be looked at."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from namespace_operator.controller.cluster import ObjectChanged
from namespace_operator.controller.orphan_removal import Claimed
from namespace_operator.controller.retained import RetainedRemoval
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.observed import ServerRecord
from tests.model.beginnings import SHOP, SHOP_UNDER_DELETE
from tests.model.scenario import CITY, TEXT, run
from tests.model.steps import (
    Step,
    annotate,
    apply,
    backed_up,
    delete,
    document_lost,
    foreign_collection,
    index,
    index_dropped,
    operator_down,
    partition,
    points,
    qdrant_copies_restored,
    qdrant_down,
    vector_dropped,
)
from tests.world.commanding import Commands, access_to
from tests.world.faults import Crash, Fault, Kind
from tests.world.snapshot import snapshot
from tests.world.world import World

PRICE = index("price", "float")
SHARED = {"infrastructure": {"qdrantCollection": "products", "sharing": True}}


def world_of(*steps: Step) -> World:
    """A world in which this happened, its writes counted from here on."""
    world = asyncio.run(run(steps, World()))
    world.faults.start_over()
    return world


def commands(world: World, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> Commands:
    """The command in this world."""
    made = Commands(world, capture)
    made.install(patch)
    return made


def file(path: Path, name: str, spec: Any, annotations: dict[str, str] | None = None) -> str:
    """A file with one Namespace."""
    metadata = {"name": name, **({"annotations": annotations} if annotations else {})}
    manifest = {"apiVersion": "mixpeek.com/v1", "kind": "Namespace", "metadata": metadata, "spec": spec}
    target = path / f"{name}.yaml"
    target.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return str(target)


@pytest.fixture
def shop_world() -> World:
    """A shop that kubectl applied."""
    world = world_of(SHOP, points("shop", 3))
    applied = json.dumps({"metadata": {"name": "shop"}, "spec": world.object("shop")["spec"]})
    world.api.annotate(world.key("shop"), {"kubectl.kubernetes.io/last-applied-configuration": applied})
    return world


CHANGES: Sequence[tuple[str, dict[str, Any], list[str]]] = (
    ("nothing", {"featureExtractors": [TEXT], "payloadIndexes": [CITY]}, []),
    ("an index more", {"featureExtractors": [TEXT], "payloadIndexes": [CITY, PRICE]}, ["ReplaceDocument", "PutIndex"]),
    ("an index less", {"featureExtractors": [TEXT]}, ["DropIndex", "ReplaceDocument"]),
    (
        "another name",
        {"featureExtractors": [TEXT], "payloadIndexes": [CITY], "namespaceName": "goods"},
        ["ReplaceDocument"],
    ),
)


@pytest.mark.parametrize(("what", "spec", "actions"), CHANGES, ids=[what for what, *_ in CHANGES])
def test_plan_is_what_apply_does_and_writes_nothing(
    shop_world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    what: str,
    spec: dict[str, Any],
    actions: list[str],
) -> None:
    before = snapshot(shop_world)
    run_command = commands(shop_world, capsys, monkeypatch)

    code, out, err = run_command("plan", "-f", file(tmp_path, "shop", spec), "-o", "json")

    assert (code, err) == (2 if actions else 0, ""), out
    (plan,) = json.loads(out)["plans"]
    assert [step["action"] for step in plan["steps"]] == actions
    assert shop_world.faults.log == []
    assert snapshot(shop_world) == before
    # What was foreseen is what happens, but for what a write announces and confirms in steps of its own.
    asyncio.run(run((apply("shop", **spec),), shop_world))
    done = [line for line in shop_world.faults.log if not line.startswith("kubernetes")]
    assert bool(done) == bool(actions), done


def test_plan_of_a_new_one_shows_what_would_be_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = world_of(SHOP)
    run_command = commands(world, capsys, monkeypatch)

    code, out, _ = run_command("plan", "-f", file(tmp_path, "books", {"featureExtractors": [TEXT]}))

    assert code == 2
    assert "acme/books: would be created" in out
    assert "+  collection: ns_new" in out
    assert "+    text_extractor_v1_embedding: dense 1024 cosine float32" in out
    assert world.faults.log == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"mode": "sometimes"}, "refused by the API server: spec.mode"),
        ({"featureExtractors": [{"featureExtractorName": "nobodys", "version": "v1"}]}, "UnknownExtractor"),
        ({"namespaceName": "shop"}, "NameConflict"),
    ],
)
def test_plan_fails_where_it_would_not_become_ready(
    shop_world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    spec: dict[str, Any],
    said: str,
) -> None:
    code, out, _ = commands(shop_world, capsys, monkeypatch)("plan", "-f", file(tmp_path, "books", spec))

    assert code == 1
    assert said in out
    assert shop_world.faults.log == []


def test_plan_looks_past_annotations_and_says_so(
    shop_world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asks = {"mixpeek.com/paused": "true", "mixpeek.com/dry-run": "true"}

    code, out, _ = commands(shop_world, capsys, monkeypatch)("plan", "-f", file(tmp_path, "books", {}, asks))

    assert code == 2
    assert out.count("is set: nothing is done until it is removed") == 2


def test_plan_says_which_server_it_cannot_reach(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = world_of(SHOP, qdrant_down)

    code, out, _ = commands(world, capsys, monkeypatch)(
        "plan", "-f", file(tmp_path, "shop", {"payloadIndexes": [CITY]})
    )

    assert code == 1
    assert "QdrantUnavailable" in out
    assert "kubectl port-forward and --qdrant-url http://127.0.0.1:6333" in out


@pytest.mark.parametrize(
    ("steps", "left", "next_step"),
    [
        ((), [], "Nothing"),
        ((operator_down, index_dropped("shop", "city")), ["PutIndex"], "The stores differ"),
        ((vector_dropped("shop", "text_extractor_v1_embedding"),), [], "Set `repairVectors: true`"),
        ((annotate("shop", paused="true"),), [], "Remove the annotation mixpeek.com/paused"),
    ],
    ids=["well", "drift", "vector missing", "paused"],
)
def test_why_looks_at_the_stores(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    steps: Sequence[Step],
    left: list[str],
    next_step: str,
) -> None:
    world = world_of(SHOP, *steps)

    code, out, _ = commands(world, capsys, monkeypatch)("why", "shop", "-o", "json")

    found = json.loads(out)
    assert [step["action"] for step in found["live"]["steps"]] == left
    assert found["nextStep"].startswith(next_step), found["nextStep"]
    assert code == (1 if left or "vector" in next_step.lower() or "repair" in next_step else 0)
    assert world.faults.log == []


def test_why_tells_conditions_remedies_and_events_to_people(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(SHOP, apply("books", namespaceName="shop"))

    code, out, _ = commands(world, capsys, monkeypatch)("why", "books")

    assert code == 1
    assert ["MetadataSynced", "False", "NameConflict"] in [line.split()[:3] for line in out.splitlines()]
    assert "  what to do: Choose another `namespaceName`" in out
    assert out.rstrip().splitlines()[-1].startswith("next: Choose another")


def test_status_lists_them(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(SHOP, points("shop", 3), apply("books", namespaceName="shop"))
    run_command = commands(world, capsys, monkeypatch)

    code, out, _ = run_command("status", "-A")

    assert code == 0
    heading, books, shop = out.splitlines()
    assert heading.split()[:4] == ["NAMESPACE", "NAME", "TIER", "READY"]
    assert books.split()[:5] == ["acme", "books", "-", "False", "NameConflict"]
    assert shop.split()[:6] == ["acme", "shop", "shared", "True", "Ready", "3"]
    assert run_command("status", "nobody")[0] == 1
    assert run_command("status", "-n", "empty")[:2] == (0, "no Namespaces in empty; -A shows all\n")


def test_retained_data_is_listed_and_deleted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(SHOP, points("shop", 3), apply("books"), delete("shop"))
    namespace_id = world.document("shop")["_id"]
    run_command = commands(world, capsys, monkeypatch)
    (item,) = json.loads(run_command("retained", "list", "-o", "json")[1])["items"]
    assert (item["namespaceId"], item["points"], item["bytesAtMost"]) == (namespace_id, 3, 3 * 4096)
    assert item["back"]["spec"]["featureExtractors"] == [TEXT]

    code, out, err = run_command("retained", "delete", namespace_id, "--yes")

    assert code == 0, out + err
    assert namespace_id not in world.data
    assert world.document("shop")["state"] == "deleted"
    asyncio.run(world.settle())
    assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw()] == ["books"]
    assert world.condition("books") == ("True", "Ready")


@pytest.mark.parametrize(
    "claim",
    [
        apply("shop"),
        apply("other", namespaceId="ID"),
        annotate("books", take_over="ID"),
    ],
    ids=["made again", "stated", "to be taken over"],
)
def test_retained_data_that_somebody_claims_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, claim: Step
) -> None:
    world = world_of(SHOP, points("shop", 3), apply("books"), delete("shop"), operator_down)
    namespace_id = world.document("shop")["_id"]
    claim(world)
    for obj in world.api.objects.values():
        if obj["spec"].get("namespaceId") == "ID":
            obj["spec"] = {**obj["spec"], "namespaceId": namespace_id}
        annotations = obj["metadata"].get("annotations", {})
        annotations.update({name: namespace_id for name, value in annotations.items() if value == "ID"})

    code, _, err = commands(world, capsys, monkeypatch)("retained", "delete", namespace_id, "--yes")

    assert (code, "is claimed by Namespace acme/" in err) == (1, True), err
    assert len(world.data[namespace_id].points) == 3
    assert world.faults.log == []


def test_a_retained_member_takes_only_its_own_points_along(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(
        apply("one", **SHARED), apply("two", **SHARED), partition("one", 2), partition("two", 3), delete("one")
    )
    namespace_id = world.document("one")["_id"]

    code, out, err = commands(world, capsys, monkeypatch)("retained", "delete", namespace_id, "--yes")

    assert code == 0, out + err
    assert len(world.data["products"].points) == 3
    asyncio.run(world.settle())
    assert world.condition("two") == ("True", "Ready")
    assert world.orphan_partitions == 0


@pytest.mark.parametrize("answer", ["", "something else"])
def test_nothing_is_deleted_without_the_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    world = world_of(SHOP, delete("shop"))
    namespace_id = world.document("shop")["_id"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)

    code, _, err = commands(world, capsys, monkeypatch)("retained", "delete", namespace_id)

    assert (code, "nothing was deleted" in err) == (1, True), err
    assert world.faults.log == []


def test_orphans_are_listed_and_deleted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(SHOP, points("shop", 3), apply("books"), delete("shop"), operator_down)
    namespace_id = world.document("shop")["_id"]
    document_lost("shop")(world)
    run_command = commands(world, capsys, monkeypatch)
    (orphan,) = json.loads(run_command("orphans", "list", "-o", "json")[1])["items"]
    assert (orphan["id"], orphan["points"]) == (f"collection/default/{namespace_id}", 3)
    assert world.faults.log == []

    code, _, err = run_command("orphans", "delete", orphan["id"], "--yes")

    assert code == 0, err
    assert namespace_id not in world.data


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((SHOP,), "has ID as its collection"),
        ((SHOP, delete("shop")), "has ID as its collection"),
        ((SHOP, operator_down, document_lost("shop")), "claimed by Namespace acme/shop"),
    ],
    ids=["living", "retained", "its document lost, its object there"],
)
def test_what_is_accounted_for_is_no_orphan(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, steps: Sequence[Step], said: str
) -> None:
    world = world_of(*steps)
    (name,) = world.data

    code, _, err = commands(world, capsys, monkeypatch)("orphans", "delete", f"collection/default/{name}", "--yes")

    assert code == 1
    assert said.replace("ID", name) in err
    assert name in world.data
    assert world.faults.log == []


@pytest.mark.parametrize("wrong", ["MongoDB", "cluster"])
def test_nothing_is_an_orphan_for_another_mongodb_or_cluster(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """One that has nothing of all this: the retained data is accounted for where nobody looked."""
    world = world_of(SHOP, points("shop", 3), delete("shop"), operator_down)
    (name,) = world.data
    if wrong == "MongoDB":
        world.metadata.documents.clear()
        world.metadata.servers.clear()
    else:
        world.metadata.documents.clear()
        world.metadata.servers[f"{world.instance_id}/cluster"] = ServerRecord("another", confirmed=True)

    code, _, err = commands(world, capsys, monkeypatch)("orphans", "delete", f"collection/default/{name}", "--yes")

    assert name in world.data
    assert (code, f"{world.instance_id}/cluster" in err) == (1, True), err


def test_a_restored_copy_goes_and_its_original_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(SHOP, points("shop", 3), backed_up, qdrant_copies_restored)
    original = world.status("shop")["collection"]
    run_command = commands(world, capsys, monkeypatch)
    (copied,) = json.loads(run_command("orphans", "list", "-o", "json")[1])["items"]
    assert (copied["kind"], copied["bytesAtMost"]) == ("copy", 3 * 4096)

    code, _, err = run_command("orphans", "delete", copied["id"], "--yes")

    assert code == 0, err
    assert copied["collection"] not in world.data
    assert len(world.data[original].points) == 3


KINDS = (Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.LOST, Kind.FAILED)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_whatever_write_of_a_deletion_goes_wrong_the_next_one_ends_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    beginning = world_of(
        apply("one", **SHARED), apply("two", **SHARED), partition("one", 2), partition("two", 3), delete("one")
    )
    namespace_id = beginning.document("one")["_id"]
    number = 0
    while True:
        number += 1
        world = beginning.fork()
        world.faults.start_over()
        world.faults.at(number, Fault(kind))
        run_command = commands(world, capsys, monkeypatch)
        with contextlib.suppress(Crash):
            run_command("retained", "delete", namespace_id, "--yes")
        if not world.faults.fired:
            break
        # The operator takes what is half deleted for retained again, or buries it.
        asyncio.run(world.settle())
        if any(raw["_id"] == namespace_id for raw in world.metadata.all_raw()):
            code, out, err = run_command("retained", "delete", namespace_id, "--yes")
            assert code == 0, (number, out, err)
            asyncio.run(world.settle())
        assert [raw["owner"]["cr_name"] for raw in world.metadata.all_raw() if "owner" in raw] == ["two"], number
        assert len(world.data["products"].points) == 3, number
        assert world.condition("two") == ("True", "Ready"), number
    assert number > 4, "there were writes to go wrong"


def test_a_claim_that_comes_up_on_the_way_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of(SHOP, points("shop", 3), apply("books"), delete("shop"), operator_down)
    asked = 0

    async def claimant(_claimed: Claimed) -> str | None:
        nonlocal asked
        asked += 1
        return None if asked == 1 else "Namespace acme/shop"

    async def remove() -> None:
        access = access_to(world, writes=True)
        document = await access.metadata.get(world.document("shop")["_id"])
        assert isinstance(document, NamespaceDocument)
        removal = RetainedRemoval(
            access.metadata, access.fleet, access.previewer.ray, access.previewer.context, claimant
        )
        await removal.remove(document)

    with pytest.raises(ObjectChanged, match="is claimed by Namespace acme/shop; nothing more is deleted"):
        asyncio.run(remove())
    assert len(world.data[world.document("shop")["_id"]].points) == 3


def test_a_collection_of_somebody_else_is_no_orphan(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(SHOP, foreign_collection("goods"))

    code, _, err = commands(world, capsys, monkeypatch)("orphans", "delete", "collection/default/goods", "--yes")

    assert (code, "not ours to delete" in err) == (1, True), err
    assert "goods" in world.data


def test_an_exported_collection_is_adopted_without_a_change(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(SHOP, foreign_collection("goods"))
    before = world.data["goods"]
    vectors, indexes, held = dict(before.vectors), dict(before.indexes), dict(before.points)

    code, out, err = commands(world, capsys, monkeypatch)("export", "-c", "goods")

    assert code == 0, err
    assert world.faults.log == []
    made = yaml.safe_load(out)
    asyncio.run(run((apply(made["metadata"]["name"], **made["spec"]),), world))
    world.api.annotate(world.key("goods"), made["metadata"]["annotations"])
    asyncio.run(world.settle())
    assert world.condition("goods") == ("True", "Ready"), world.message("goods")
    after = world.data["goods"]
    assert dict(after.vectors) == vectors
    assert dict(after.points) == held
    assert indexes.items() <= dict(after.indexes).items()


def test_one_that_is_marked_is_not_exported(
    shop_world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = shop_world.data

    code, out, err = commands(shop_world, capsys, monkeypatch)("export", "-c", name, "-c", "none")

    assert (code, out) == (1, "")
    assert "carries the mark of acme/shop already" in err
    assert "Qdrant has no collection of this name" in err


def test_under_delete_the_plan_puts_the_finalizer_on_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = world_of(SHOP)
    asyncio.run(run((SHOP_UNDER_DELETE,), World()))
    spec = {"featureExtractors": [TEXT], "payloadIndexes": [CITY], "deletionPolicy": "Delete"}

    _, out, _ = commands(world, capsys, monkeypatch)("plan", "-f", file(tmp_path, "shop", spec), "-o", "json")

    (plan,) = json.loads(out)["plans"]
    assert plan["steps"][0] == {"action": "AddFinalizer", "target": "metadata.finalizers"}
