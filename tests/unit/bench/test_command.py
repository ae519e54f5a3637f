"""`python -m bench`: what is compared with what, and what the exit code says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench import __main__ as command
from bench import results
from bench.figure import Figure, Goal, Measured
from bench.results import new_result

Keep = Callable[[float], None]


def _git(directory: Path, *arguments: str) -> None:
    names = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
    subprocess.run(["git", *names, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Keeps a result of this ratio, in a repository in which one of 2.0 is committed."""
    monkeypatch.setattr(results, "DIRECTORY", tmp_path / "bench" / "results")
    monkeypatch.setattr(command, "REPOSITORY", tmp_path)

    def keep(ratio: float) -> None:
        figure = Figure("create: CPU of one", "ms", (ratio * 5.0,) * 5, (5.0,) * 5, Goal(1.5, of_ratio=True))
        result = new_result("create", "full", Measured((figure,)), {}, 0.0)
        replace(result, taken=f"with {ratio}").save()

    _git(tmp_path, "init", "--quiet")
    keep(2.0)
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "-m", "results")
    return keep


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(command.app, list(arguments))


def test_what_became_worse_is_named_and_is_an_error(keep: Keep) -> None:
    keep(2.4)
    result = _run("check", "--figure", "create")
    assert result.exit_code == 1
    assert "worse than in HEAD, beyond noise: create: CPU of one" in result.output
    assert "+20%" in result.output


@pytest.mark.parametrize("ratio", [2.05, 1.5])
def test_what_became_no_worse_is_none(keep: Keep, ratio: float) -> None:
    keep(ratio)
    result = _run("check", "--figure", "create")
    assert (result.exit_code, "nothing is worse beyond noise" in result.output) == (0, True)


def test_results_that_are_the_committed_ones_are_told_so(keep: Keep) -> None:
    result = _run("check", "--figure", "create")
    assert (result.exit_code, "create: not measured since HEAD" in result.output) == (0, True)


def test_what_is_not_there_on_either_side_is_told(keep: Keep) -> None:
    assert "create: nothing to compare: none in no-such-commit" in _run("check", "--base", "no-such-commit").output
    assert "shared: nothing to compare: none in HEAD" in _run("check", "--figure", "shared").output


def test_kept_results_are_shown_with_their_goals(keep: Keep) -> None:
    shown = _run("show", "--figure", "create").output
    assert "10 ms ±0%" in shown
    assert "≤ 1.5" in shown
    assert "missed" in shown


@pytest.mark.parametrize(
    "arguments", [("run", "--figure", "nothing"), ("run", "--scale", "2"), ("check", "--scale", "x")]
)
def test_what_does_not_exist_is_refused_before_anything_is_measured(arguments: tuple[str, ...]) -> None:
    assert _run(*arguments).exit_code == 2
