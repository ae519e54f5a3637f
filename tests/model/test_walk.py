"""Random valid edits of one Namespace: wherever the walk has led, the stores are as if it had begun there."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from namespace_operator.api.spec import NamespaceSpec
from tests.model.scenario import run
from tests.model.steps import apply, points
from tests.world.checks import check_at_rest, check_steady
from tests.world.faults import Fault, Kind
from tests.world.walk import Edit, essence, walk
from tests.world.world import World

_EDITS = 300
_STANDALONE_EDITS = 100
_FAULTS = tuple(Fault(kind, delay) for kind, delay in ((Kind.CRASH_AFTER, 0), (Kind.LOST, 0), (Kind.LATE, 6)))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_history_shows(seed: int, tally: Counter[str]) -> None:
    await _walk(seed, _EDITS, "managed", tally)


@pytest.mark.parametrize("seed", [4, 5, 6])
async def test_the_history_of_a_standalone_namespace_shows(seed: int, tally: Counter[str]) -> None:
    await _walk(seed, _STANDALONE_EDITS, "standalone", tally)


async def test_a_history_full_of_faults_shows(tally: Counter[str]) -> None:
    await _walk(7, _EDITS, "managed", tally, faults=random.Random(7))


async def _walk(seed: int, length: int, mode: str, tally: Counter[str], faults: random.Random | None = None) -> None:
    edits = list(walk(seed, length, mode))
    traveller = _Traveller(faults)
    for number, edit in enumerate(edits):
        try:
            await traveller.go(edit)
        except Exception as error:
            steps = "\n".join(f"{at}: {done}" for at, done in enumerate(edits[: number + 1]))
            error.add_note(f"seed {seed}, {mode}, edit {number}; the walk:\n{steps}")
            raise
        tally["edits of walks"] += 1
    assert edits[-1].in_force
    assert mode == "standalone" or edits[-1].spec == edits[0].spec
    assert traveller.world.condition("walk") == ("True", "Ready")
    assert traveller.compared > length / 3, "hardly any edit was in force: the walk proves little"
    assert faults is None or traveller.world.faults.fired > length / 4, "hardly any fault fired"


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
        assert world.vectors.lost_points == 0
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
            assert _differences(self._essence(), await self._fresh_of(edit)), "there was nothing to plan"
            return
        assert world.condition("walk") == ("True", "Ready")
        assert _differences(self._essence(), await self._fresh_of(edit)) == {}
        self.compared += edit.in_force

    def _stores(self) -> Any:
        return copy.deepcopy((self.world.metadata.documents, self.world.vectors.collections))

    def _essence(self) -> dict[str, Any]:
        return _essence(self.world)

    async def _fresh_of(self, edit: Edit) -> dict[str, Any]:
        """What a Namespace makes that has had this spec from the beginning on."""
        key = json.dumps(edit.spec, sort_keys=True)
        if key not in self._fresh:
            self._fresh[key] = _essence(await run((apply("walk", **edit.spec),), World()))
        made: dict[str, Any] = self._fresh[key]
        return made


def _essence(world: World) -> dict[str, Any]:
    stored = world.collection("walk")
    collection = {
        "vectors": {name: vector.describe() for name, vector in stored.vectors.items()},
        "indexes": stored.indexes,
        "metadata": stored.metadata,
    }
    found = essence(world.document("walk"), collection, world.status("walk"))
    return {**found, "finalizers": world.object("walk")["metadata"].get("finalizers", [])}


def _differences(walked: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
    """What differs; what a rehearsal adds to the status does not count."""
    walked = {**walked, "status": {name: value for name, value in walked["status"].items() if name != "plan"}}
    return {part: (walked[part], fresh[part]) for part in fresh if walked[part] != fresh[part]}
