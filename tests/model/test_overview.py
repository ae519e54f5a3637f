"""Drift that is looked for in all namespaces of a server together, named by the failure each test would catch."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from tests.model.beginnings import SHOP
from tests.model.scenario import CITY, IMAGE, TEXT, TEXT_VECTOR, Scenario, beginning, run, without_faults
from tests.model.scenarios import SCENARIOS
from tests.model.steps import (
    Step,
    apply,
    belongings,
    collection_gone,
    document_edited,
    document_lost,
    further_servers,
    index_dropped,
    index_put,
    mark_removed,
    partition,
    points,
    vector_dropped,
    vector_resized,
)
from tests.world.checks import check_at_rest
from tests.world.gate import Gate
from tests.world.snapshot import snapshot
from tests.world.world import World

MANY = 500
SHARED = {"infrastructure": {"qdrantCollection": "products", "sharing": True}}


class Counting(World):
    """A world in which everything happens at once, and the operator's requests are counted by their names."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        super().__init__(gate=Gate(0))

    def _gated(self, target: Any) -> Any:
        return _Counted(target, self.requests)


@dataclass
class _Counted:
    _target: Any
    _requests: Counter[str]

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if not (inspect.iscoroutinefunction(attribute) or inspect.isasyncgenfunction(attribute)):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            self._requests[name] += 1
            return attribute(*args, **kwargs)

        return call


async def by_overview(*steps: Step) -> World:
    """A world in which every look for drift is one at all namespaces."""
    return await run(steps, World(overview_from=1))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_a_look_at_all_ends_otherwise_than_one_at_each(scenario: Scenario) -> None:
    plain = await without_faults(scenario)
    start = await beginning(scenario)
    start.overview_from = 1
    together = await run(scenario.steps, start.fork())
    assert snapshot(together) == snapshot(plain)
    assert [event.reason for event in together.api.events] == [event.reason for event in plain.api.events]
    await check_at_rest(together)


DRIFT: dict[str, tuple[Step, ...]] = {
    "an index is missing": (index_dropped("shop", "city"),),
    "a system index is missing": (index_dropped("shop", "bucket_id"),),
    "an index has another type": (index_put("shop", "city", "integer"),),
    "an index nobody declared": (index_put("shop", "colour", "keyword"),),
    "a vector is missing": (vector_dropped("shop", TEXT_VECTOR),),
    "a vector has another size": (vector_resized("shop", TEXT_VECTOR, 7),),
    "the mark is gone": (mark_removed("shop"),),
    "the collection is gone": (collection_gone("shop"),),
    "the document is edited": (document_edited("shop", description="edited", payload_indexes=[]),),
    "the document is gone": (document_lost("shop"),),
    "the document has another shape": (document_edited("shop", state="odd"),),
    "more points": (points("shop", 9),),
    "more objects": (belongings("shop", objects=4),),
}


def parameter_changed(world: World) -> None:
    """Somebody changes a parameter of the collection."""
    world.collection("shop").config["segment_number"] = 4


CASES = {**DRIFT, "a parameter is changed": (parameter_changed,)}
WITHOUT_TELEMETRY = ("an index is missing", "the collection is gone", "more points")


@pytest.mark.parametrize(
    ("drift", "tells"),
    [*((drift, True) for drift in CASES.values()), *((CASES[name], False) for name in WITHOUT_TELEMETRY)],
    ids=[*CASES, *(f"{name} (without telemetry)" for name in WITHOUT_TELEMETRY)],
)
async def test_drift_among_many_is_not_seen(drift: tuple[Step, ...], *, tells: bool) -> None:
    spec = {"featureExtractors": [TEXT], "payloadIndexes": [CITY]}
    given = (*(apply(name, **spec) for name in ("shop", "other", "third")), points("shop", 3))
    worlds = []
    for overview_from in (1, 100):
        world = World(overview_from=overview_from)
        world.vectors.tells_at_once = tells
        await run(given, world)
        world.faults.start_over()
        await run(drift, world)
        worlds.append(world)
    together, apart = worlds
    assert snapshot(together) == snapshot(apart)
    assert together.faults.log == apart.faults.log
    assert together.faults.reads < apart.faults.reads


async def test_a_member_of_a_shared_collection_is_not_compared() -> None:
    members = [apply(f"member-{number}", featureExtractors=[TEXT], **SHARED) for number in range(5)]
    world = await by_overview(*members, partition("member-1", 3), partition("member-2", 4))
    assert [world.status(f"member-{number}")["documentCount"] for number in range(5)] == [0, 3, 4, 0, 0]
    await run((index_dropped("member-0", "namespace_id"),), world)
    assert "namespace_id" in world.collection("member-0").indexes
    await run((vector_dropped("member-3", TEXT_VECTOR),), world)
    assert {world.condition(f"member-{n}", "VectorsSynced") for n in range(5)} == {("False", "VectorMissing")}
    await check_at_rest(world)


async def test_a_namespace_on_another_server_is_compared_with_the_wrong_one() -> None:
    away = apply("away", featureExtractors=[TEXT], clusterId="iclstr_east")
    world = await by_overview(further_servers("east"), SHOP, away)
    there = world.servers[next(iter(world.servers))]
    name = world.status("away")["collection"]
    world.vectors.collections[name] = there.collections[name]
    await run((vector_dropped("away", TEXT_VECTOR),), world)
    assert world.condition("away", "VectorsSynced") == ("False", "VectorMissing")


async def test_an_edit_waits_for_the_next_look_at_all() -> None:
    world = await by_overview(SHOP)
    await run((apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY]),), world)
    assert "image_extractor_v1_embedding" in world.collection("shop").vectors
    assert world.condition("shop") == ("True", "Ready")


async def test_a_sweep_over_many_costs_reads_for_each_or_writes_anything() -> None:
    world = Counting()
    for number in range(MANY):
        apply(f"shop-{number}", featureExtractors=[TEXT], payloadIndexes=[CITY])(world)
    world.start_operator()
    for _ in range(2):
        await world.round()
    assert {world.condition(f"shop-{number}") for number in range(MANY)} == {("True", "Ready")}
    written = world.faults.writes
    world.requests.clear()
    await world.round()
    assert world.faults.log[written:] == []
    of_checks = {name: world.requests[name] for name in ("find", "read", "read_at_once", "documents_on", "counts")}
    # The one read of a collection is that of the server's marker.
    assert of_checks == {"find": 0, "read": 1, "read_at_once": 1, "documents_on": 1, "counts": 1}
    assert world.requests["subject"] >= MANY
    assert world.requests["write_status"] == 0


async def test_numbers_that_changed_are_not_told() -> None:
    world = await by_overview(SHOP)
    written = world.faults.writes
    points("shop", 5)(world)
    await world.round()
    assert world.faults.log[written:] == ["kubernetes: write status of acme/shop"]
    assert world.status("shop")["documentCount"] == 5
