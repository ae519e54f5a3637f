"""Results as files: what is kept comes back, and nothing in it names the machine."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from pathlib import Path

import pytest

from bench import results
from bench.figure import Figure, Goal, Measured, Table
from bench.results import machine_facts, new_result, parse
from bench.size import Size

_MEASURED = Measured(
    (
        Figure("with a floor", "s", (2.0, 2.5), (1.0, 1.25), Goal(1.3, of_ratio=True), tolerance=0.2),
        Figure("without", "MB", (3.0,)),
    ),
    (Table("details", ("", "median"), (("one", "1 ms"),)),),
)


def test_a_result_that_is_kept_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "DIRECTORY", tmp_path)
    made = new_result("create", "small", _MEASURED, {"kubernetes": "v1"}, 0.5)
    made.save()
    assert made.path == tmp_path / "small" / "create.json"
    assert parse(made.path.read_text()) == made


def test_numbers_are_kept_with_the_digits_that_mean_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "DIRECTORY", tmp_path)
    made = new_result("create", "full", Measured((Figure("f", "s", (1.23456789,)),)), {}, 0.0)
    made.save()
    assert parse(made.path.read_text()).measured.figures[0].values == (1.235,)


def test_the_facts_of_the_machine_do_not_name_it() -> None:
    facts = json.dumps(machine_facts())
    assert platform.node() not in facts
    assert {"cores", "cpu", "memory_gib", "kernel", "python"} <= machine_facts().keys()


def test_a_result_says_when_and_of_which_state_of_the_code() -> None:
    made = asdict(new_result("create", "full", _MEASURED, {}, 1.239))
    assert made["commit"]
    assert made["taken"].endswith("+00:00")
    assert made["machine"]["load_before"] == 1.24


@pytest.mark.parametrize(
    ("text", "name", "part"),
    [("full", "full", 1.0), ("small", "small", 0.1), ("0.1", "small", 0.1), ("0.02", "0.02", 0.02)],
)
def test_a_size_is_a_name_or_a_part(text: str, name: str, part: float) -> None:
    assert Size.parse(text) == Size(name, part)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "huge", ""])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"SCALE|could not convert"):
        Size.parse(text)


def test_a_part_of_much_is_no_less_than_what_still_says_something() -> None:
    assert Size.parse("small").of(1000) == 100
    assert Size.parse("small").of(100, 40) == 40
    assert Size.parse("full").of(0, 0) == 0
