"""Lives of a namespace: valid edits, ends and new beginnings, hands in the stores, outages, with faults at random.

The operator gets no rest between two events, or a round or two. In the end all is as in a namespace that was made with
the last spec, and no point is lost that nobody asked to be deleted. The case is the seed of the life; after a slash the
events that happen all the same, those with a ``!`` without their fault.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from tests.model.scenario import run
from tests.model.steps import apply
from tests.prove.family import Family, one_of
from tests.prove.faults import FAULTS
from tests.prove.long_walks import differences, essence_of
from tests.prove.shrink import fewer
from tests.world.checks import check_at_rest
from tests.world.faults import Fault
from tests.world.walk import Edit, walk
from tests.world.world import World

LIVES = 2000
_EDITS = 30
_OF_ONE_PART = 25

_FAULT_CHANCE = 0.4
_READ_CHANCE = 0.15
_HAND_CHANCE = 0.35
_REACH = 8
"""A fault strikes one of the next so many writes."""

_MOST_ROUNDS = 12
"""Rounds within which an object that is deleted is gone, whatever goes wrong."""

NAME = "walk"


@dataclass(slots=True)
class _Life:
    """A world with one namespace, and what is known of its points without asking the operator."""

    world: World = field(default_factory=World)
    lost: int = 0
    numbered: int = 0

    @property
    def is_there(self) -> bool:
        return self.world.key(NAME) in self.world.api.objects

    def collections(self) -> list[Any]:
        return [stored for stored in self.world.data.values() if stored.loaded]


Act = Callable[[_Life, random.Random], None]


def _points(life: _Life, _chance: random.Random) -> None:
    """Three points more, as an extractor writes them."""
    for stored in life.collections():
        stored.points.update({life.numbered + number: {"city": "here"} for number in range(3)})
        life.numbered += 3


def _index_dropped(life: _Life, chance: random.Random) -> None:
    for stored in life.collections():
        if stored.indexes:
            del stored.indexes[chance.choice(sorted(stored.indexes))]


def _document_edited(life: _Life, _chance: random.Random) -> None:
    for raw in life.world.metadata.namespaces():
        if raw["state"] not in ("deleting", "deleted"):
            life.world.metadata.put_raw({**raw, "description": "by hand", "vector_inference_map": {}})


def _unloadable(life: _Life, _chance: random.Random) -> None:
    for stored in life.world.data.values():
        stored.loaded = False


def _loaded(life: _Life, _chance: random.Random) -> None:
    for stored in life.world.data.values():
        stored.loaded = True


def _qdrant_down(life: _Life, _chance: random.Random) -> None:
    life.world.vectors.down = True


def _mongodb_down(life: _Life, _chance: random.Random) -> None:
    life.world.metadata.down = True


def _back(life: _Life, _chance: random.Random) -> None:
    life.world.vectors.down = life.world.metadata.down = False


def _restarted(life: _Life, _chance: random.Random) -> None:
    life.world.stop_operator()
    life.world.start_operator()


def _marker_lost(life: _Life, _chance: random.Random) -> None:
    life.world.vectors.collections.pop("_mixpeek_operator", None)


_HANDS: dict[str, tuple[Act, ...]] = {
    "points are written": (_points,),
    "an index is dropped by hand": (_index_dropped,),
    "the document is edited by hand": (_document_edited,),
    "Qdrant cannot load the collection": (_unloadable, _loaded),
    "Qdrant is down": (_qdrant_down, _back),
    "MongoDB is down": (_mongodb_down, _back),
    "the operator is started again": (_restarted,),
}
"""What somebody or something does, and what puts an end to it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens, the rounds that the operator gets afterwards, and what goes wrong in them."""

    what: str
    edit: Edit | None = None
    acts: tuple[Act, ...] = ()
    rounds: int = 0
    fault: tuple[int, Fault] | None = None
    read: int | None = None
    """The fault's and the unanswered read's number from here on."""
    seed: int = 0

    def __str__(self) -> str:
        wrong = f"; {self.fault[1]} at write +{self.fault[0]}" if self.fault else ""
        silent = f"; no answer to read +{self.read}" if self.read else ""
        spec = f" {json.dumps(self.edit.spec, ensure_ascii=False)}" if self.edit else ""
        return f"{self.what} ({self.rounds} rounds){wrong}{silent}{spec}"


@lru_cache(maxsize=4)
def life_of(seed: int) -> tuple[Event, ...]:
    """The events of a life; the last two lead back to the beginning, and are always in force."""
    chance = random.Random(seed)
    mode = "standalone" if seed % 4 == 3 else "managed"
    edits = list(walk(seed, _EDITS, mode))
    events = [Event("begin", edits[0], rounds=chance.choice((1, 2)))]
    for edit in edits[1:-2]:
        if chance.random() < _HAND_CHANCE:
            what = chance.choice(sorted(_HANDS))
            events.append(_event(chance, what, acts=_HANDS[what]))
        if edit.in_force and chance.random() < 0.05:
            events.append(_event(chance, "deleted, then applied again"))
        events.append(_event(chance, str(edit.what), edit))
    return (*events, *(_event(chance, edit.what, edit) for edit in edits[-2:]))


def _event(chance: random.Random, what: str, edit: Edit | None = None, acts: tuple[Act, ...] = ()) -> Event:
    fault = (chance.randint(1, _REACH), chance.choice(FAULTS)) if chance.random() < _FAULT_CHANCE else None
    read = chance.randint(1, 20) if chance.random() < _READ_CHANCE else None
    return Event(what, edit, acts, chance.choice((0, 1, 1, 2)), fault, read, chance.getrandbits(32))


async def play(events: Sequence[Event]) -> None:
    """Live through the events, come to rest, and compare with a namespace that was made with the last spec."""
    life = _Life()
    world = life.world
    world.start_operator()
    for event in events:
        await _happen(life, event)
    _back(life, random.Random())
    _loaded(life, random.Random())
    await world.settle()
    last = events[-1].edit
    assert last is not None
    await _prune_what_landed(world, last.spec)
    assert world.condition(NAME) == ("True", "Ready"), world.message(NAME)
    fresh = await run((apply(NAME, **last.spec),), World())
    different = differences(essence_of(world), essence_of(fresh))
    assert not different, f"walked and fresh differ: {different}"
    assert world.lost_points == life.lost, "points are lost that nobody deleted"
    assert sum(len(stored.points) for stored in world.data.values()) == life.numbered - life.lost
    assert len(world.metadata.documents) == len(world.data) == 1
    await check_at_rest(world)


async def _prune_what_landed(world: World, spec: Mapping[str, Any]) -> None:
    """An index that was put, given up and dropped, and whose put landed after that, is told of and can be pruned."""
    landed = {what.split()[3] for what in world.faults.landed if what.startswith("qdrant: put index")}
    left = {name for name in world.status(NAME).get("unmanagedIndexes", ()) if name.split()[0] in landed}
    if left:
        await run((apply(NAME, **spec, pruneUnmanagedIndexes=True), apply(NAME, **spec)), world)


async def _happen(life: _Life, event: Event) -> None:
    world, chance = life.world, random.Random(event.seed)
    if event.fault is not None:
        world.faults.at(world.faults.writes + event.fault[0], event.fault[1])
    if event.read is not None:
        world.faults.at_read(world.faults.reads + event.read)
    if event.edit is not None:
        world.api.apply(world.key(NAME), event.edit.spec)
        world.api.annotate(world.key(NAME), event.edit.annotations)
    elif not event.acts:
        await _delete_and_apply(life)
    for act in event.acts:
        act(life, chance)
        for _ in range(event.rounds if act is event.acts[-1] else 1):
            await world.round()
    if not event.acts:
        for _ in range(event.rounds):
            await world.round()


async def _delete_and_apply(life: _Life) -> None:
    """The object goes, with what the policy in force takes along, and comes back from the same manifest."""
    world, key = life.world, life.world.key(NAME)
    obj = world.api.objects[key]
    if obj["metadata"].get("annotations"):
        return
    deletes = obj["spec"].get("deletionPolicy") == "Delete" and world.is_finalized(NAME)
    kept = sum(len(stored.points) for stored in world.data.values())
    world.api.delete(key)
    for _ in range(_MOST_ROUNDS):
        if key not in world.api.objects:
            break
        await world.round()
    assert key not in world.api.objects, "the object is not let go"
    life.lost += kept if deletes else 0
    world.api.apply(key, obj["spec"])


@dataclass(frozen=True, slots=True)
class _Lives:
    cases: Sequence[str]

    async def play(self, case: str) -> None:
        events = _chosen(case)
        try:
            await play(events)
        except Exception as error:
            error.add_note("the life:\n" + "\n".join(map(str, events)))
            raise


async def _stage(part: str) -> _Lives:
    first = int(part)
    return _Lives([str(seed) for seed in range(first, first + _OF_ONE_PART)])


def _chosen(case: str) -> tuple[Event, ...]:
    seed, _, _ = case.partition("/")
    events = life_of(int(seed))
    return tuple(
        replace(events[number], fault=None, read=None) if calm else events[number] for number, calm in _kept(case)
    )


def _kept(case: str) -> list[tuple[int, bool]]:
    """The numbers of the events that happen, and whether without their fault."""
    seed, slash, kept = case.partition("/")
    if not slash:
        return [(number, False) for number in range(len(life_of(int(seed))))]
    return [(int(each.rstrip("!")), each.endswith("!")) for each in kept.split(",")]


def _smaller(case: str) -> Iterator[str]:
    """Without some of the events, then without some of the faults; the last event stays."""
    seed, _, _ = case.partition("/")
    kept = _kept(case)
    for some in fewer(kept[:-1]):
        yield _told(seed, [*some, kept[-1]])
    faulty = [entry for entry in kept if not entry[1]]
    for some in fewer(faulty):
        yield _told(seed, [(number, calm or (number, calm) not in some) for number, calm in kept])


def _told(seed: str, kept: Sequence[tuple[int, bool]]) -> str:
    return f"{seed}/{','.join(f'{number}!' if calm else str(number) for number, calm in kept)}"


RANDOM_LIVES = Family(
    "life",
    "a namespace's life of 30 edits, with faults, hands and outages at random",
    tuple(f"{first:04}" for first in range(0, LIVES, _OF_ONE_PART)),
    _stage,
    one_of(_OF_ONE_PART),
    _smaller,
)
