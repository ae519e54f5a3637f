"""What people and programs get to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest

from namespace_operator.api.status import PlannedStep
from namespace_operator.cli.output import Table, ago, columns, one_line, plain

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class _Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class _Part:
    long_name: str
    colour: _Colour
    at: datetime
    by_name: dict[str, int]
    missing: str | None = None


def test_fields_are_camel_case_and_names_of_things_stay() -> None:
    part = _Part("x", _Colour.RED, NOW, {"a_b": 1})

    assert plain((part,)) == [{"longName": "x", "colour": "red", "at": "2026-01-01T00:00:00Z", "byName": {"a_b": 1}}]


def test_models_are_as_kubernetes_has_them() -> None:
    assert plain(PlannedStep(action="A", target="t")) == {"action": "A", "target": "t"}


def test_columns_are_aligned_and_the_last_is_not_padded() -> None:
    table = Table(("NAME", "WHY"), (("a", "b c"), ("longer", "d")))

    assert list(columns(table)) == ["NAME    WHY", "a       b c", "longer  d"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (119, "1m"), (7199, "119m"), (7200, "2h"), (172_800, "2d"), (-5, "0s")],
)
def test_times_are_said_as_kubectl_says_them(seconds: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_a_text_of_several_lines_is_one_cell() -> None:
    assert one_line("a\n  b") == "a b"
    assert one_line(None) == "-"
    assert one_line("a\x1b[2Jb") == "a?[2Jb"
