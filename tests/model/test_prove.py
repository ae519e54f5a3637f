"""The short form of `make prove`: of every family the same choice of cases, a test for each part."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.prove.families import FAMILIES
from tests.prove.play import Failure, play_cases

_PARTS = sorted({part for family in FAMILIES.values() for part in family.parts})


@pytest.mark.parametrize("part", _PARTS)
async def test_a_case_of_the_short_form_fails(part: str, tally: Counter[str]) -> None:
    failures: list[Failure] = []
    for family in (family for family in FAMILIES.values() if part in family.parts):
        outcome = await play_cases(family, part, short=True)
        tally[family.name] += outcome.cases
        failures += outcome.failures
    assert not failures, "\n\n".join(f"{failure.command}\n{failure.error}" for failure in failures)
