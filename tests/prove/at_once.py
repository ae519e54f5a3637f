"""What happens in the same instant, to one operator that does its work all at once or to two: nobody loses anybody.

The case is the seed of a gate, which decides whose operation comes next; each process makes up ids of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.model.beginnings import CHOSEN, SHOP, STANDALONE
from tests.model.pair import Pair, restored_cluster
from tests.model.scenario import CITY, IMAGE, TEXT, run
from tests.model.scenarios import EVERY_INDEX_TYPE
from tests.model.steps import (
    Step,
    annotate,
    apply,
    delete,
    documents_lost,
    foreign_collection,
    index,
    partition,
    points,
)
from tests.prove.family import Family, one_of
from tests.world.checks import check_at_rest
from tests.world.gate import Gate
from tests.world.snapshot import differing, snapshot
from tests.world.world import World, beside, settle_together

SEEDS = 50

_POOL = {"qdrantCollection": "pool", "sharing": True}
_PRICE = index("price", "float")
Check = Callable[[World], None]


async def at_once(start: World, seed: int, steps: Sequence[Step], operators: int = 1) -> World:
    """The world after these steps came all at once, and were worked on all at once."""
    world = start.fork()
    world.stop_operator()
    world.gate = Gate(seed)
    for step in steps:
        step(world)
    processes = [world, *(beside(world, number) for number in range(1, operators))]
    for process in processes:
        process.start_operator()
    await settle_together(*processes)
    for process in processes:
        process.stop_operator()
    world.gate = None
    world.start_operator()
    await world.settle()
    return world


@dataclass(frozen=True, slots=True)
class Situation:
    """Where it begins, what comes at once, and what there has to be in the end; without a check, what there is when
    one thing comes after the other.
    """

    given: Sequence[Step]
    steps: Sequence[Step]
    check: Check | None = None
    operators: int = 1


def _member(name: str, **spec: object) -> Step:
    return apply(name, infrastructure=_POOL, deletionPolicy="Delete", **spec)


def _members(*names: str, indexes: frozenset[str] = frozenset(), vectors: int = 0, points: int = 0) -> Check:
    """These are members and Ready, and nobody else; of ``city`` and ``price`` these are indexed."""

    def check(world: World) -> None:
        for name in names:
            assert world.condition(name) == ("True", "Ready"), name
        shared = world.metadata.raw("shared/pool")
        assert shared is not None
        ids = {world.status(name)["namespaceId"] for name in names}
        assert set(shared["members"]) == ids
        pool = world.vectors.collections["pool"]
        assert {key.rpartition(".")[2] for key in pool.metadata if ".member." in key or "/member." in key} == ids
        assert pool.indexes.keys() & {"city", "price"} == indexes
        assert len(pool.points) == points
        assert len(pool.vectors) >= vectors

    return check


def _one_wins(reason: str) -> Check:
    def check(world: World) -> None:
        conditions = {name: world.condition(name) for name in ("first", "second")}
        assert sorted(conditions.values()) == [("False", reason), ("True", "Ready")]
        (winner,) = (name for name, (status, _) in conditions.items() if status == "True")
        assert {raw["owner"]["cr_name"] for raw in world.metadata.all_raw()} == {"other", winner}

    return check


def _one_adopts(world: World) -> None:
    members = [key for key in world.data["products"].metadata if "member." in key]
    assert len(members) == 1, members
    assert len(world.data["products"].points) == 3


def _one_recovers(world: World) -> None:
    kept = world.status("shop")["namespaceId"]
    assert kept == _ID
    assert world.condition("heir") == ("False", "OwnedElsewhere")
    assert len(world.data[kept].points) == 3
    assert world.metadata.documents.keys() == {kept}


_ID = "ns_0123456789"
_FULL = (
    _member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]),
    _member("b", payloadIndexes=[CITY, _PRICE]),
    partition("a", 3),
    partition("b", 2),
)
_BOTH = frozenset({"city", "price"})
_THREE = (
    _member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]),
    _member("b", featureExtractors=[IMAGE], payloadIndexes=[CITY, _PRICE]),
    _member("c", payloadIndexes=[_PRICE]),
)
_SHARING = {
    "members join": Situation((apply("other"),), _THREE, _members("a", "b", "c", indexes=_BOTH, vectors=2)),
    "one joins, one leaves, one changes": Situation(
        _FULL,
        (delete("a"), _member("c", payloadIndexes=[CITY]), _member("b", featureExtractors=[IMAGE])),
        _members("b", "c", indexes=frozenset({"city"}), points=2),
    ),
    "a wish is taken back while another has it": Situation(
        (_member("a", payloadIndexes=[CITY]), _member("b"), partition("a", 1)),
        (_member("a"), _member("b", payloadIndexes=[CITY])),
        _members("a", "b", indexes=frozenset({"city"}), points=1),
    ),
    "the last leaves while another joins": Situation(
        (_member("a", featureExtractors=[TEXT]), partition("a", 3)),
        (delete("a"), _member("c", payloadIndexes=[CITY])),
        _members("c", indexes=frozenset({"city"})),
    ),
}

_NAMES = {
    "two names are swapped": {"a": "name-b", "b": "name-a"},
    "three names go round": {"a": "name-b", "b": "name-c", "c": "name-a"},
    "four names go round": {"a": "name-b", "b": "name-c", "c": "name-d", "d": "name-a"},
    "a chain of names": {"a": "name-b", "b": "name-c", "c": "name-x"},
}
_SHOPS = ("a-shop", "b-shop", "c-shop")

CONTENDERS: dict[str, tuple[dict[str, Any], str]] = {
    "two want a name": ({"namespaceName": "store"}, "NameConflict"),
    "two want a collection": (CHOSEN, "CollectionConflict"),
}

SITUATIONS: dict[str, Situation] = {
    **_SHARING,
    **{
        f"{name} (two operators)": Situation(each.given, each.steps, each.check, operators=2)
        for name, each in _SHARING.items()
    },
    **{
        name: Situation(
            [apply(each, namespaceName=f"name-{each}") for each in wanted],
            [apply(each, namespaceName=to) for each, to in wanted.items()],
        )
        for name, wanted in _NAMES.items()
    },
    "many are edited": Situation(
        [apply(name, featureExtractors=[TEXT], payloadIndexes=[CITY]) for name in _SHOPS],
        (
            apply("a-shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=EVERY_INDEX_TYPE),
            apply("b-shop", deletionPolicy="Delete", description="edited"),
            delete("c-shop"),
            apply("d-shop", featureExtractors=[IMAGE]),
        ),
    ),
    **{
        name: Situation((apply("other"),), (apply("first", **spec), apply("second", **spec)), _one_wins(reason))
        for name, (spec, reason) in CONTENDERS.items()
    },
    "two adopt a collection": Situation(
        (foreign_collection("products"), apply("other")),
        (
            *(apply(name, **STANDALONE, **CHOSEN) for name in ("first", "second")),
            *(annotate(name, adopt="with-delete") for name in ("first", "second")),
        ),
        _one_adopts,
    ),
    "two recover a lost document": Situation(
        (apply("shop", namespaceId=_ID, featureExtractors=[TEXT]), points("shop", 3), delete("shop"), documents_lost),
        (SHOP, apply("heir", namespaceId=_ID)),
        _one_recovers,
    ),
}


@dataclass(frozen=True, slots=True)
class _AtOnce:
    situation: Situation
    start: World
    end: object
    cases: Sequence[str] = tuple(map(str, range(SEEDS)))

    async def play(self, case: str) -> None:
        world = await at_once(self.start, int(case), self.situation.steps, self.situation.operators)
        try:
            if self.situation.check is None:
                different = differing(snapshot(world), self.end)
                assert not different, f"the end is another one than in turn: {different}"
            else:
                self.situation.check(world)
            await check_at_rest(world)
        except Exception as error:
            error.add_note("writes:\n" + "\n".join(world.faults.log))
            raise


async def _stage(part: str) -> _AtOnce:
    situation = SITUATIONS[part.replace("-", " ")]
    start = await run(situation.given, World())
    start.faults.start_over()
    end = None if situation.check else snapshot(await run(situation.steps, start.fork()))
    return _AtOnce(situation, start, end)


OLD_OWNER: dict[str, Step] = {
    "reconciles": apply("other", description="keeps the first operator busy"),
    "edits": apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY], deletionPolicy="Delete"),
    "renames": apply("shop", featureExtractors=[TEXT], namespaceName="store", deletionPolicy="Delete"),
}


async def taken_over(start: Pair, seed: int, meanwhile: Step) -> Pair:
    """The pair after the second operator's take-over of the shop, while the first one does something with it."""
    pair = start.fork()
    for world in (pair.first, pair.second):
        world.stop_operator()
        world.gate = Gate(seed)
        world.start_operator()
    meanwhile(pair.first)
    annotate("shop", take_over=str(start.second.status("shop")["namespaceId"]))(pair.second)
    await pair.settle()
    return pair


@dataclass(frozen=True, slots=True)
class _TakeOvers:
    start: Pair
    meanwhile: Step
    cases: Sequence[str] = tuple(map(str, range(SEEDS)))

    async def play(self, case: str) -> None:
        pair = await taken_over(self.start, int(case), self.meanwhile)
        document = pair.second.document("shop")
        assert pair.second.condition("shop") == ("True", "Ready"), pair.first.faults.log
        assert pair.second.status("shop")["documentCount"] == 3
        assert pair.first.condition("shop") == ("False", "OwnedElsewhere")
        assert (document["owner"]["instance_id"], document["previous_owner"]) == ("cluster-2:main", None)
        assert pair.first.data[document["_id"]].metadata["mixpeek.com/instance"] == "cluster-2:main"
        assert pair.first.vectors.lost_points == 0


async def _take_overs(part: str) -> _TakeOvers:
    return _TakeOvers(await restored_cluster(with_status=True, same_uid=True), OLD_OWNER[part])


AT_ONCE = (
    Family(
        "at-once",
        "many reconciles take turns in any order, in one operator or in two",
        tuple(name.replace(" ", "-") for name in SITUATIONS),
        _stage,
        one_of(10),
    ),
    Family(
        "take-over-at-once",
        "an operator of another identity takes over while the old owner is at work",
        tuple(OLD_OWNER),
        _take_overs,
        one_of(10),
    ),
)
