"""Indexes from use in the model world: one namespace, members of a shared collection, stores that do not answer."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from namespace_operator.domain.usage import FieldUse, FilterUsage, MatchKind
from namespace_operator.stores.errors import Backend, Unavailable
from tests.model.scenario import run
from tests.model.steps import Step, annotate, apply, delete, document_lost, index, index_put, passed, points, queried
from tests.world.checks import check_at_rest
from tests.world.metadata import ModelMetadataStore
from tests.world.vectors import ModelVectorStore
from tests.world.world import World

ON = {"autoCreateIndexes": True}
CHOSEN = {"qdrantCollection": "pool", "sharing": True}
KEYWORD = {"type": "keyword"}


def states(world: World, name: str = "shop") -> dict[str, str]:
    """What the status tells of each field."""
    return {one["fieldName"]: one["state"] for one in world.status(name).get("autoIndexes", ())}


def indexes(world: World, name: str = "shop") -> dict[str, object]:
    """The live indexes but for the system's."""
    found = world.collection(name).indexes.items()
    return {field: dict(schema) for field, schema in found if not field.endswith("_id")}


async def test_use_makes_an_index_within_six_hours_and_disuse_drops_it() -> None:
    world = await run((apply("shop", **ON), points("shop", 3), queried("shop", city="exact")), World())
    assert states(world) == {}
    await run((passed(hours=6),), world)
    assert (states(world), indexes(world)) == ({"city": "created"}, {"city": KEYWORD})
    assert world.status("shop")["payloadIndexCount"] == 0
    assert world.condition("shop") == ("True", "Ready")
    assert len(world.told("AutoIndexCreated")) == 1
    await check_at_rest(world)
    await run((queried("shop"), passed(days=14), passed(hours=6)), world)
    assert (states(world), indexes(world)) == ({}, {})
    assert len(world.told("AutoIndexDropped")) == 1
    await check_at_rest(world)


async def test_a_request_brings_it_at_once() -> None:
    world = await run((apply("shop", **ON), points("shop", 3), queried("shop", city="exact")), World())
    await run((annotate("shop", reconcile_requested_at="2026-01-01"),), world)
    assert states(world) == {"city": "created"}
    assert world.status("shop")["lastHandledReconcileAt"] == "2026-01-01"


async def test_a_dry_run_says_what_would_be_made() -> None:
    world = await run((apply("shop"), points("shop", 3), queried("shop", city="exact")), World())
    await run((annotate("shop", dry_run="true"), apply("shop", **ON)), world)
    assert indexes(world) == {}
    plan = [(step["action"], step["target"].rpartition("/")[2]) for step in world.status("shop")["plan"]]
    assert ("PutIndex", "city") in plan
    await run((annotate("shop", dry_run=None),), world)
    assert indexes(world) == {"city": KEYWORD}


async def test_slow_requests_are_evidence_and_count_nothing() -> None:
    world = await run((apply("shop", **ON), points("shop", 3), queried("shop", city="exact")), World())
    collection = world.status("shop")["collection"]
    world.vectors.slow = {collection: frozenset({"city", "size"})}
    await run((passed(hours=6),), world)
    assert states(world) == {"city": "created"}
    assert world.status("shop")["autoIndexes"][0]["slowQueries"] is True


@pytest.mark.parametrize("method", ["filter_usage", "sample", "count_having"])
async def test_what_cannot_be_read_is_read_later_and_nothing_else_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable(Backend.QDRANT, "not now", "any")

    world = await run((apply("shop", **ON), points("shop", 3), queried("shop", city="exact")), World())
    with monkeypatch.context() as patch:
        patch.setattr(ModelMetadataStore if method == "filter_usage" else ModelVectorStore, method, fail)
        await run((passed(hours=7),), world)
        assert states(world) == {}
        assert world.condition("shop") == ("True", "Ready")
    await run((passed(seconds=1),), world)
    assert states(world) == {"city": "created"}


async def test_one_that_was_made_survives_the_loss_of_its_document() -> None:
    world = await run((apply("shop", **ON), points("shop", 3), queried("shop", city="exact"), passed(hours=6)), World())
    await run((document_lost("shop"), passed(seconds=1)), world)
    assert (states(world), indexes(world)) == ({"city": "created"}, {"city": KEYWORD})
    await check_at_rest(world)


async def test_what_a_hand_made_is_never_taken_for_one() -> None:
    world = await run((apply("shop", **ON), points("shop", 3), queried("shop", city="exact")), World())
    await run(
        (index_put("shop", "city", "keyword"), passed(hours=6), apply("shop", dropAutoIndexesOnDisable=True)), world
    )
    assert indexes(world) == {"city": KEYWORD}
    assert world.status("shop")["unmanagedIndexes"] == ["city"]


def _pool(name: str, **spec: Any) -> Step:
    return apply(name, infrastructure=CHOSEN, **spec)


async def _pool_in_use() -> World:
    steps = (
        _pool("a", **ON),
        _pool("b"),
        points("a", 3),
        queried("a", 60, city="exact"),
        queried("b", 60, city="exact"),
    )
    world = await run(steps, World())
    return await run((passed(hours=6),), world)


async def test_the_use_of_all_members_counts_together() -> None:
    world = await _pool_in_use()
    assert indexes(world, "a") == {"city": KEYWORD}
    assert (states(world, "a"), states(world, "b")) == ({"city": "created"}, {})
    assert world.status("a")["autoIndexes"][0]["queriesLastDay"] == 120
    assert world.status("b")["unmanagedIndexes"] == []
    await check_at_rest(world)


async def test_values_of_every_member_have_to_agree() -> None:
    world = await run((_pool("a", **ON), _pool("b"), queried("a", city="exact")), World())
    ids = {name: world.status(name)["namespaceId"] for name in ("a", "b")}
    stored = world.collection("a")
    stored.points.update({n: {"namespace_id": ids["a"], "city": "x"} for n in range(400)})
    stored.points[1000] = {"namespace_id": ids["b"], "city": 5}
    await run((passed(hours=6),), world)
    assert states(world, "a") == {"city": "suggested"}
    assert indexes(world, "a") == {}


async def test_what_a_member_declares_comes_before_what_use_made() -> None:
    world = await _pool_in_use()
    await run((_pool("b", payloadIndexes=[index("city", "integer")]),), world)
    assert indexes(world, "a") == {"city": {"type": "integer"}}
    assert states(world, "a") == {}
    assert world.condition("b") == ("True", "Ready")
    await run((_pool("a", dropAutoIndexesOnDisable=True),), world)
    assert indexes(world, "a") == {"city": {"type": "integer"}}
    await check_at_rest(world)


async def test_one_that_a_member_declares_stays_when_use_no_longer_wants_it() -> None:
    world = await _pool_in_use()
    await run((_pool("b", payloadIndexes=[index("city", "keyword")]),), world)
    await run((_pool("a", dropAutoIndexesOnDisable=True),), world)
    assert indexes(world, "a") == {"city": KEYWORD}
    await check_at_rest(world)


async def test_it_goes_with_the_member_that_had_it_made() -> None:
    world = await _pool_in_use()
    await run((_pool("a", **ON, deletionPolicy="Delete"), delete("a")), world)
    assert indexes(world, "b") == {}
    await check_at_rest(world)


async def test_an_index_without_use_in_one_member_but_in_another_stays() -> None:
    world = await _pool_in_use()
    ids = {name: world.status(name)["namespaceId"] for name in ("a", "b")}
    long_ago = world.metadata.usage[ids["a"]].watched_since
    world.metadata.usage[ids["a"]] = FilterUsage({}, {}, long_ago)
    for month in range(2, 6):
        seen = datetime(2027, month, 1, tzinfo=UTC)
        use = FieldUse({MatchKind.EXACT: 1}, 1, seen, seen, frozenset({MatchKind.EXACT}))
        world.metadata.usage[ids["b"]] = FilterUsage({"city": use}, {"city": seen}, long_ago)
        await run((passed(days=20),), world)
    assert indexes(world, "a") == {"city": KEYWORD}


async def test_what_a_hand_put_in_its_place_right_before_is_not_dropped() -> None:
    start = await run((apply("shop", **ON), points("shop", 3), queried("shop", city="exact"), passed(hours=6)), World())
    twin = start.fork()
    first = twin.faults.operations
    await run((apply("shop", dropAutoIndexesOnDisable=True),), twin)
    drop = twin.faults.operation_of("qdrant: drop index city") - first
    for number in range(1, drop):
        world = start.fork()
        world.faults.before(first + number, partial(index_put("shop", "city", "text"), world))
        await run((apply("shop", dropAutoIndexesOnDisable=True),), world)
        assert indexes(world) == {"city": {"type": "text"}}, number
        assert world.status("shop")["unmanagedIndexes"] == ["city"]
