"""A defect that is planted is found by its family, told with its seed, and shrunk to what it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from namespace_operator.controller.removal import Removal
from namespace_operator.domain.actions import DropIndex
from tests.prove.families import FAMILIES
from tests.prove.family import Seed
from tests.prove.lives import life_of
from tests.prove.play import play_again, play_cases, smallest
from tests.prove.shrink import fewer, shrink
from tests.world.virtual_time import run


async def test_what_fails_only_together_is_kept_together() -> None:
    tried = []

    async def fails(case: str) -> bool:
        tried.append(case)
        return {"3", "7"} <= set(case.split(","))

    def smaller(case: str) -> Any:
        return (",".join(some) for some in fewer(case.split(",")))

    whole = ",".join(map(str, range(12)))
    assert await shrink(whole, smaller, fails) == "3,7"
    assert len(tried) < 60
    assert await shrink(whole, smaller, fails, tries=1) == whole, "nobody waits for ever"


@pytest.fixture
def an_index_is_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that takes the index of one name for dropped, and has not dropped it."""
    remove: Callable[..., Any] = Removal.remove

    async def forget(self: Removal, action: Any, *rest: Any, **how: Any) -> None:
        if not (isinstance(action, DropIndex) and action.field_name == "brand"):
            await remove(self, action, *rest, **how)

    monkeypatch.setattr(Removal, "remove", forget)


@pytest.mark.usefixtures("an_index_is_not_dropped")
def test_a_planted_defect_is_found_and_shrunk() -> None:
    lives = FAMILIES["life"]
    few = replace(lives, chosen=lambda _, at: at < 8)
    outcome = run(play_cases(few, lives.parts[0], short=True))
    assert 0 < len(outcome.failures) < outcome.cases, "the defect needs an index of one name that is dropped"
    failure = outcome.failures[0]
    assert failure.command == f"make prove FAMILY=life SEED='{failure.seed}'"
    small = smallest(failure)
    kept = re.findall(r"\d+!?", small.seed.case.partition("/")[2])
    assert len(kept) <= 3, "an index is declared, and then it is not"
    assert all(number.endswith("!") for number in kept), "no fault has a part in it"
    again = play_again("life", small.seed)
    assert again is not None, "what is printed fails when it is played again"
    assert "brand" in again.error


def test_a_seed_is_read_as_it_is_printed() -> None:
    seed = Seed("0025", "43/38!,44")
    assert Seed.parse(str(seed)) == seed
    with pytest.raises(ValueError, match="part:case"):
        Seed.parse("43")


def test_a_life_is_decided_by_its_seed() -> None:
    assert [str(event) for event in life_of(5)] == [str(event) for event in life_of(5)]
    assert [str(event) for event in life_of(5)] != [str(event) for event in life_of(6)]


@pytest.mark.parametrize("name", FAMILIES)
async def test_the_short_form_has_cases_of_each_family(name: str) -> None:
    family = FAMILIES[name]
    chosen = 0
    for part in family.parts[:12]:
        stage = await family.stage(part)
        chosen += sum(family.chosen(part, at) for at in range(len(stage.cases)))
    assert chosen > 0
