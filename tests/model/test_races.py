"""Somebody does something while the operator is at work, right before any one of its operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from namespace_operator.domain.observed import ServerRecord
from tests.model.beginnings import CHOSEN, STANDALONE
from tests.model.scenario import CITY, COLBERT, IMAGE, TEXT, run
from tests.model.scenarios import EVERY_INDEX_TYPE
from tests.model.steps import (
    Step,
    annotate,
    apply,
    delete,
    document_edited,
    foreign_collection,
    index,
    mark_removed,
    organization_recreated,
    points,
    take_over,
)
from tests.world.checks import check_at_rest
from tests.world.faults import Fault, Kind
from tests.world.snapshot import snapshot
from tests.world.world import INSTANCE, World

_SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY])
_SHOP_UNDER_DELETE = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete")
_FULL_SHOP = (_SHOP, points("shop", 3))


@dataclass(frozen=True, slots=True)
class Race:
    """While the operator acts on ``work``, ``interference`` happens; both find the world that ``given`` makes."""

    name: str
    work: Step
    interference: Step
    given: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


# The end is the same whenever the second change comes.
RACES = (
    Race("create and edit", _SHOP, apply("shop", featureExtractors=[TEXT], payloadIndexes=[index("city", "text")])),
    Race(
        "create and rename", _SHOP, apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], namespaceName="x12")
    ),
    Race("create and add extractors", _SHOP, apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY])),
    Race("create and flip the policy", _SHOP, _SHOP_UNDER_DELETE),
    Race("create and flip the policy back", _SHOP_UNDER_DELETE, _SHOP),
    Race(
        "add indexes and remove them",
        apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY, *EVERY_INDEX_TYPE]),
        apply("shop", featureExtractors=[TEXT], payloadIndexes=EVERY_INDEX_TYPE[2:4]),
        _FULL_SHOP,
    ),
    Race(
        "rename and rename",
        apply("shop", featureExtractors=[TEXT], namespaceName="store"),
        apply("shop", featureExtractors=[TEXT], namespaceName="depot"),
        _FULL_SHOP,
    ),
    Race(
        "add an extractor and edit the document",
        apply("shop", featureExtractors=[TEXT, COLBERT], payloadIndexes=[CITY]),
        document_edited("shop", description="edited"),
        _FULL_SHOP,
    ),
    Race(
        "swap names",
        apply("a", namespaceName="name-b"),
        apply("b", namespaceName="name-a"),
        (apply("a", namespaceName="name-a"), apply("b", namespaceName="name-b")),
    ),
    Race(
        "close a ring of names",
        apply("a", namespaceName="name-b"),
        apply("c", namespaceName="name-a"),
        (
            apply("a", namespaceName="name-a"),
            apply("b", namespaceName="name-b"),
            apply("c", namespaceName="name-c"),
            apply("b", namespaceName="name-c"),
        ),
    ),
)

_CHOOSES = apply("shop", **STANDALONE, **CHOSEN)


def _marked_by_a_stranger(world: World) -> None:
    world.data["products"].metadata["mixpeek.com/instance"] = "other"


def _marks_removed(world: World) -> None:
    for stored in world.data.values():
        stored.metadata.clear()


_ADOPT = Race(
    "adopt and be marked by a stranger",
    annotate("shop", adopt="with-delete"),
    _marked_by_a_stranger,
    (foreign_collection("products"), _CHOOSES),
)
_MAKE_CHOSEN = Race("choose what a stranger makes first", _CHOOSES, foreign_collection("products"))
_TAKE_OVER = Race(
    "take over what loses its mark",
    take_over("shop", of="shop"),
    _marks_removed,
    (*_FULL_SHOP, delete("shop"), organization_recreated, _SHOP),
)
_TAKE_OVER_AND_THINK_AGAIN = Race(
    "take over and think again", _TAKE_OVER.work, annotate("shop", take_over=None), _TAKE_OVER.given
)
_DELETE_AND_FORCE = Race(
    "delete and let go by force",
    delete("shop"),
    annotate("shop", force_release="true"),
    (_SHOP_UNDER_DELETE, points("shop", 3)),
)
_CREATE_AND_DELETE = Race("create and delete under Delete", _SHOP_UNDER_DELETE, delete("shop"))
_CREATE_AND_LET_GO = Race("create and delete under Retain", _SHOP, delete("shop"))
_DELETE_WITHOUT_MARK = Race(
    "delete and remove the mark", delete("shop"), mark_removed("shop"), (_SHOP_UNDER_DELETE, points("shop", 3))
)


@pytest.mark.parametrize("race", RACES, ids=str)
async def test_a_change_during_a_reconcile_ends_as_one_after_it(race: Race, tally: Counter[str]) -> None:
    start = await _beginning(race)
    expected = snapshot(await run((race.work, race.interference), start.fork()))
    for number in range(1, await _operations(race, start) + 1):
        world = await _interfere(race, start, number)
        assert snapshot(world) == expected, f"before operation {number}: {world.faults.log}"
        await check_at_rest(world)
        tally["races"] += 1


async def test_a_namespace_deleted_while_it_is_made_leaves_nothing(tally: Counter[str]) -> None:
    start = await _beginning(_CREATE_AND_DELETE)
    for number in range(1, await _operations(_CREATE_AND_DELETE, start) + 1):
        world = await _interfere(_CREATE_AND_DELETE, start, number)
        left = (world.api.objects, world.metadata.documents, world.data)
        assert left == ({}, {}, {}), f"before operation {number}: {world.faults.log}"
        tally["races"] += 1


async def test_a_namespace_let_go_while_it_is_made_is_retained_or_was_never_there(tally: Counter[str]) -> None:
    start = await _beginning(_CREATE_AND_LET_GO)
    for number in range(1, await _operations(_CREATE_AND_LET_GO, start) + 1):
        world = await _interfere(_CREATE_AND_LET_GO, start, number)
        assert world.api.objects == {}
        assert {raw["state"] for raw in world.metadata.all_raw()} <= {"retained"}, f"before operation {number}"
        await check_at_rest(world)
        tally["races"] += 1


async def test_a_mark_removed_before_the_request_saves_the_points(tally: Counter[str]) -> None:
    start = await _beginning(_DELETE_WITHOUT_MARK)
    plain = await run((_DELETE_WITHOUT_MARK.work,), start.fork())
    for number in range(1, plain.faults.operation_of("qdrant: delete")):
        world = await _interfere(_DELETE_WITHOUT_MARK, start, number)
        assert world.vectors.lost_points == 0, f"before operation {number}: {world.faults.log}"
        assert world.condition("shop") == ("False", "CollectionNotOwned")
        tally["races"] += 1


async def test_the_mark_of_a_stranger_is_overwritten_by_an_adoption(tally: Counter[str]) -> None:
    start = await _beginning(_ADOPT)
    plain = await run((_ADOPT.work,), start.fork())
    for number in range(1, plain.faults.operation_of("qdrant: set metadata")):
        world = await _interfere(_ADOPT, start, number)
        assert world.condition("shop") == ("False", "CollectionNotOwned"), f"before operation {number}"
        assert world.data["products"].metadata == {"made": "by hand", "mixpeek.com/instance": "other"}
        assert world.data["products"].indexes.keys() == {"city"}
        tally["races"] += 1


async def test_a_collection_somebody_made_a_moment_before_is_taken(tally: Counter[str]) -> None:
    start = await _beginning(_MAKE_CHOSEN)
    plain = await run((_MAKE_CHOSEN.work,), start.fork())
    for number in range(1, plain.faults.operation_of("qdrant: create collection products") + 1):
        world = await _interfere(_MAKE_CHOSEN, start, number)
        assert world.condition("shop") == ("False", "CollectionNotOwned"), f"before operation {number}"
        assert world.data["products"].metadata == {"made": "by hand"}
        assert len(world.data["products"].points) == 3
        tally["races"] += 1


async def test_a_take_over_marks_what_is_no_longer_the_old_owners(tally: Counter[str]) -> None:
    start = await _beginning(_TAKE_OVER)
    plain = await run((_TAKE_OVER.work,), start.fork())
    for number in range(1, plain.faults.operation_of("qdrant: set metadata")):
        world = await _interfere(_TAKE_OVER, start, number)
        assert world.condition("shop") == ("False", "CollectionNotOwned"), f"before operation {number}"
        assert [stored.metadata for stored in world.data.values()] == [{}]
        tally["races"] += 1


async def test_a_take_over_called_off_too_late_leaves_half_an_owner(tally: Counter[str]) -> None:
    start = await _beginning(_TAKE_OVER_AND_THINK_AGAIN)
    for number in range(1, await _operations(_TAKE_OVER_AND_THINK_AGAIN, start) + 1):
        world = await _interfere(_TAKE_OVER_AND_THINK_AGAIN, start, number)
        document = world.document("shop")
        assert world.condition("shop") == ("True", "Ready"), f"before operation {number}"
        assert document["owner"]["cr_uid"] == world.object("shop")["metadata"]["uid"]
        assert document["previous_owner"] is None
        await check_at_rest(world)
        tally["races"] += 1


async def test_a_deletion_during_a_take_over_leaves_half_of_it(tally: Counter[str]) -> None:
    race = Race(
        "take over and delete",
        _TAKE_OVER.work,
        delete("shop"),
        (*_FULL_SHOP, delete("shop"), organization_recreated, _SHOP_UNDER_DELETE),
    )
    start = await _beginning(race)
    for number in range(1, await _operations(race, start) + 1):
        world = await _interfere(race, start, number)
        assert world.api.objects == {}, f"before operation {number}: {world.faults.log}"
        states = [raw["state"] for raw in world.metadata.all_raw()]
        assert (states, len(world.data)) in (([], 0), (["retained"], 1)), f"before operation {number}"
        assert world.vectors.lost_points == (0 if states else 3)
        tally["races"] += 1


async def test_a_deletion_after_half_a_take_over_hangs(tally: Counter[str]) -> None:
    given = (*_FULL_SHOP, delete("shop"), organization_recreated, _SHOP_UNDER_DELETE)
    start = await _beginning(Race("take over", _TAKE_OVER.work, delete("shop"), given))
    writes = (await run((_TAKE_OVER.work,), start.fork())).faults.writes
    for number in range(1, writes + 1):
        world = start.fork()
        world.faults.at(number, Fault(Kind.CRASH_BEFORE))
        _TAKE_OVER.work(world)
        while not world.restarts:
            await world.round()
        await run((delete("shop"),), world)
        assert world.api.objects == {}, f"before write {number}: {world.faults.log}"
        assert {raw["state"] for raw in world.metadata.all_raw()} <= {"retained"}
        assert bool(world.metadata.documents) == bool(world.data) == (world.vectors.lost_points == 0)
        tally["races"] += 1


async def test_a_deletion_broken_off_by_force_leaves_something_half_gone(tally: Counter[str]) -> None:
    start = await _beginning(_DELETE_AND_FORCE)
    plain = await run((_DELETE_AND_FORCE.work,), start.fork())
    for number in range(1, plain.faults.operation_of("kubernetes: remove finalizer") + 1):
        world = await _interfere(_DELETE_AND_FORCE, start, number)
        assert world.api.objects == {}
        states = {raw["state"] for raw in world.metadata.all_raw()}
        assert states <= {"retained"}, f"before operation {number}"
        assert bool(world.data) == (world.vectors.lost_points == 0)
        assert states or not world.data, "the data is there and nobody knows whose it is"
        tally["races"] += 1


@pytest.mark.parametrize("switch", ["paused", "dry_run"])
async def test_a_change_interrupted_by_a_switch_is_never_finished(switch: str, tally: Counter[str]) -> None:
    work = apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=EVERY_INDEX_TYPE[:2], namespaceName="store")
    race = Race(switch, work, annotate("shop", **{switch: "true"}), _FULL_SHOP)
    start = await _beginning(race)
    expected = snapshot(await run((work,), start.fork()))
    for number in range(1, await _operations(race, start) + 1):
        world = await run((annotate("shop", **{switch: None}),), await _interfere(race, start, number))
        assert snapshot(world) == expected, f"before operation {number}: {world.faults.log}"
        await check_at_rest(world)
        tally["races"] += 1


async def test_another_replica_that_records_the_server_first_is_told_as_a_defect(tally: Counter[str]) -> None:
    def record(world: World) -> None:
        world.metadata.servers.setdefault(f"{INSTANCE}/default", ServerRecord("server-2", confirmed=False))

    race = Race("create and have a replica record the server", _SHOP, record)
    start = await _beginning(race)
    for number in range(1, await _operations(race, start) + 1):
        world = await _interfere(race, start, number)
        assert world.condition("shop") == ("True", "Ready"), f"before operation {number}"
        assert world.metadata.servers[f"{INSTANCE}/default"].confirmed
        await check_at_rest(world)
        tally["races"] += 1


def _act(step: Step, world: World) -> Callable[[], None]:
    return lambda: step(world)


async def _beginning(race: Race) -> World:
    world = await run(race.given, World())
    world.faults.start_over()
    return world


async def _operations(race: Race, start: World) -> int:
    """How many operations the work takes until the world is at rest."""
    world = await run((race.work,), start.fork())
    return world.faults.operations


async def _interfere(race: Race, start: World, number: int) -> World:
    world = start.fork()
    world.faults.before(number, _act(race.interference, world))
    await run((race.work,), world)
    assert world.faults.fired == 1, "nobody interfered: the case proves nothing"
    return world
