"""Long walks of one Namespace, compared after every edit: the stores are as if its life had begun there."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from namespace_operator.api.spec import NamespaceSpec
from tests.model.scenario import run
from tests.model.steps import apply, points
from tests.prove.family import Family
from tests.world.checks import check_at_rest, check_steady
from tests.world.faults import Fault, Kind
from tests.world.walk import Edit, essence, walk
from tests.world.world import World

_SHORT, _LONG = "40", {"managed": "300", "standalone": "100"}
_FAULTS = tuple(Fault(kind, delay) for kind, delay in ((Kind.CRASH_AFTER, 0), (Kind.LOST, 0), (Kind.LATE, 6)))


@dataclass(frozen=True, slots=True)
class _LongWalk:
    """The walk of one seed: the case is the number of its edits."""

    seed: int
    mode: str
    faulty: bool
    cases: Sequence[str]

    async def play(self, case: str) -> None:
        length = int(case)
        edits = list(walk(self.seed, length, self.mode))
        traveller = _Traveller(random.Random(self.seed) if self.faulty else None)
        for number, edit in enumerate(edits):
            try:
                await traveller.go(edit)
            except Exception as error:
                steps = "\n".join(f"{at}: {done}" for at, done in enumerate(edits[: number + 1]))
                error.add_note(f"edit {number}; the walk:\n{steps}")
                raise
        assert edits[-1].in_force
        assert self.mode == "standalone" or edits[-1].spec == edits[0].spec
        assert traveller.world.condition("walk") == ("True", "Ready")
        assert traveller.compared > length / 3, "hardly any edit was in force: the walk proves little"
        assert not self.faulty or traveller.world.faults.fired > length / 4, "hardly any fault fired"


class _Traveller:
    """Carries out the edits of a walk in one world, and compares after each."""

    def __init__(self, faults: random.Random | None) -> None:
        self.world = World()
        self.world.start_operator()
        self.compared = 0
        self._faults = faults
        self._fresh: dict[str, Any] = {}

    async def go(self, edit: Edit) -> None:
        """One edit, and what must be the case afterwards."""
        NamespaceSpec.model_validate(edit.spec)
        world, before = self.world, self._stores()
        if self._faults is not None and edit.in_force:
            world.faults.at(world.faults.writes + self._faults.randint(1, 8), self._faults.choice(_FAULTS))
        world.api.apply(world.key("walk"), edit.spec)
        world.api.annotate(world.key("walk"), edit.annotations)
        await world.settle()
        if edit.what == "begin":
            points("walk", 3)(world)
            await world.settle()
        elif not edit.in_force:
            assert self._stores() == before, "paused or only rehearsed, and written to"
        await self._compare(edit)
        assert len(world.collection("walk").points) == 3
        assert world.lost_points == 0
        assert len(world.metadata.documents) == len(world.data) == 1

    async def _compare(self, edit: Edit) -> None:
        world = self.world
        if edit.paused:
            assert world.condition("walk", "Paused") == ("True", "Paused")
            await check_steady(world)
            return
        await check_at_rest(world)
        if edit.dry_run and world.status("walk")["plan"]:
            assert world.condition("walk") == ("False", "DryRun")
            assert differences(self._essence(), await self._fresh_of(edit)), "there was nothing to plan"
            return
        assert world.condition("walk") == ("True", "Ready")
        assert differences(self._essence(), await self._fresh_of(edit)) == {}
        self.compared += edit.in_force

    def _stores(self) -> Any:
        return copy.deepcopy((self.world.metadata.documents, self.world.vectors.collections))

    def _essence(self) -> dict[str, Any]:
        return essence_of(self.world)

    async def _fresh_of(self, edit: Edit) -> dict[str, Any]:
        """What a Namespace makes that has had this spec from the beginning on."""
        key = json.dumps(edit.spec, sort_keys=True)
        if key not in self._fresh:
            self._fresh[key] = essence_of(await run((apply("walk", **edit.spec),), World()))
        made: dict[str, Any] = self._fresh[key]
        return made


def essence_of(world: World) -> dict[str, Any]:
    """What a fresh namespace of the same spec has too."""
    stored = world.collection("walk")
    collection = {
        "vectors": {name: vector.describe() for name, vector in stored.vectors.items()},
        "indexes": stored.indexes,
        "metadata": stored.metadata,
    }
    found = essence(world.document("walk"), collection, world.status("walk"))
    return {**found, "finalizers": world.object("walk")["metadata"].get("finalizers", [])}


def differences(walked: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
    """What differs; what a rehearsal adds to the status does not count."""
    walked = {**walked, "status": {name: value for name, value in walked["status"].items() if name != "plan"}}
    return {part: (walked[part], fresh[part]) for part in fresh if walked[part] != fresh[part]}


_WALKS = {
    **{f"managed-{seed}": (seed, "managed", False) for seed in (1, 2, 3)},
    **{f"standalone-{seed}": (seed, "standalone", False) for seed in (4, 5, 6)},
    "with-faults-7": (7, "managed", True),
}


async def _stage(part: str) -> _LongWalk:
    seed, mode, faulty = _WALKS[part]
    return _LongWalk(seed, mode, faulty, (_SHORT, _LONG[mode]))


def _shorter(case: str) -> Iterator[str]:
    length = int(case)
    return (str(shorter) for shorter in (length // 4, length // 2, length * 3 // 4, length - 1) if shorter > 0)


LONG_WALKS = Family(
    "long-walk",
    "one namespace is edited on and on; after each edit all is as in a fresh one",
    tuple(_WALKS),
    _stage,
    lambda _, case: case == 0,
    _shorter,
)
