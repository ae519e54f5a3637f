"""Two operators reconcile the same key at once, and neither knows of the other: every order with two changes of turn.

The case says how many operations the first and then the second one does before the first one goes to its end, and then
the second. All of them are played.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.model.beginnings import CHOSEN, FULL_SHOP_UNDER_DELETE, SHOP, SHOP_UNDER_DELETE, STANDALONE
from tests.model.scenario import CITY, IMAGE, TEXT, TEXT_VECTOR, run
from tests.model.scenarios import EVERY_INDEX_TYPE
from tests.model.steps import (
    Step,
    annotate,
    apply,
    collection_gone,
    delete,
    document_lost,
    foreign_collection,
    index,
    index_dropped,
    partition,
    points,
    recreate,
    vector_dropped,
)
from tests.prove.family import Family, one_of
from tests.world.checks import check_at_rest
from tests.world.gate import Schedule
from tests.world.snapshot import differing, snapshot
from tests.world.world import World, beside

_POOL = {"infrastructure": {"qdrantCollection": "pool", "sharing": True}, "deletionPolicy": "Delete"}
_FULL_SHOP = (SHOP, points("shop", 3))
_FULL_POOL = (
    apply("shop", **_POOL, featureExtractors=[TEXT], payloadIndexes=[CITY]),
    apply("other", **_POOL, payloadIndexes=[CITY]),
    partition("shop", 3),
    partition("other", 2),
)


_ALL = 500
"""More operations than a reconcile has."""


@dataclass(frozen=True, slots=True)
class Work:
    """What both operators find that they have to do about the shop."""

    given: Sequence[Step]
    step: Step
    lost_points: int = 0


WORK: dict[str, Work] = {
    "create": Work((), SHOP),
    "create under Delete": Work((), SHOP_UNDER_DELETE),
    "add an extractor and indexes": Work(
        _FULL_SHOP, apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=EVERY_INDEX_TYPE[:2])
    ),
    "drop an index": Work(_FULL_SHOP, apply("shop", featureExtractors=[TEXT])),
    "change an index": Work(
        _FULL_SHOP, apply("shop", featureExtractors=[TEXT], payloadIndexes=[index("city", "text")])
    ),
    "rename": Work(_FULL_SHOP, apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], namespaceName="store")),
    "delete under Retain": Work(_FULL_SHOP, delete("shop")),
    "delete under Delete": Work(FULL_SHOP_UNDER_DELETE, delete("shop"), lost_points=3),
    "create again": Work((*_FULL_SHOP, delete("shop")), SHOP),
    "adopt": Work(
        (foreign_collection("products"), apply("shop", **STANDALONE, **CHOSEN)), annotate("shop", adopt="true")
    ),
    "found a shared collection": Work((apply("other"),), apply("shop", **_POOL, payloadIndexes=[CITY])),
    "join": Work((apply("other", **_POOL, payloadIndexes=[CITY]),), apply("shop", **_POOL, featureExtractors=[TEXT])),
    "leave": Work(_FULL_POOL, delete("shop"), lost_points=3),
    "recover a lost document": Work(_FULL_SHOP, document_lost("shop")),
    "repair a vector": Work(
        (apply("shop", featureExtractors=[TEXT], repairVectors=True), points("shop", 3)),
        vector_dropped("shop", TEXT_VECTOR),
    ),
    "repair an index": Work(_FULL_SHOP, index_dropped("shop", "city")),
    "make a lost collection again": Work((*_FULL_SHOP, collection_gone("shop")), recreate("shop")),
}


@dataclass(slots=True)
class _Pair:
    """Two processes of the operator that know of the work, and the world that they share."""

    schedule: Schedule
    world: World
    second: World

    @classmethod
    def of(cls, start: World, work: Work, plan: Sequence[tuple[int, int]]) -> _Pair:
        world = start.fork()
        world.stop_operator()
        schedule = Schedule(plan)
        world.gate = schedule.of(0)
        second = beside(world)
        second.gate = schedule.of(1)
        work.step(world)
        for process in (world, second):
            process.start_operator()
        return cls(schedule, world, second)

    async def reconcile(self) -> None:
        """Both do what is to be done for the shop, once each."""
        await self.schedule.run(*(_reconcile(process) for process in (self.world, self.second)))
        for process in (self.world, self.second):
            process.stop_operator()
            process.gate = None


async def _reconcile(process: World) -> None:
    assert process.operator is not None
    process.operator.cluster.deliver()
    await process.operator.reconciler.reconcile(process.key("shop"))


@dataclass(frozen=True, slots=True)
class _Interleavings:
    work: Work
    start: World
    end: object
    cases: Sequence[str]

    async def play(self, case: str) -> None:
        first, second = map(int, case.split("+"))
        pair = _Pair.of(self.start, self.work, ((0, first), (1, second), (0, 1)))
        try:
            await pair.reconcile()
            pair.world.start_operator()
            await pair.world.settle()
            different = differing(snapshot(pair.world), self.end)
            assert not different, f"the end is another one than with one operator: {different}"
            assert pair.world.lost_points == self.work.lost_points
            await check_at_rest(pair.world)
        except Exception as error:
            error.add_note("writes:\n" + "\n".join(pair.world.faults.log))
            raise


async def _stage(part: str) -> _Interleavings:
    work = WORK[part.replace("-", " ")]
    start = await run(work.given, World())
    start.faults.start_over()
    plain = start.fork()
    end = snapshot(await run((work.step,), plain))
    alone = (await _taken(start, work, ()))[0]
    cases = []
    for first in range(alone + 1):
        # What the second one has left to do then; more turns would change nothing.
        second = (await _taken(start, work, ((0, first), (1, _ALL))))[1]
        cases += [f"{first}+{count}" for count in range(1, second + 1)]
    return _Interleavings(work, start, end, cases)


async def _taken(start: World, work: Work, plan: Sequence[tuple[int, int]]) -> list[int]:
    """How many operations each of the two had."""
    pair = _Pair.of(start, work, plan)
    await pair.reconcile()
    return pair.schedule.taken


INTERLEAVINGS = Family(
    "two-reconciles",
    "two operators reconcile one key at once, in every order with two changes of turn",
    tuple(name.replace(" ", "-") for name in WORK),
    _stage,
    one_of(60),
)
