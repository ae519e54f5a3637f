"""When a figure counts as worse than before."""

from __future__ import annotations

import math

import pytest

from bench.figure import Figure
from bench.regression import Change, Verdict, compare


def _change(before: tuple[float, ...], now: tuple[float, ...], tolerance: float = 0.05) -> Change:
    (change,) = compare([Figure("f", "s", before, tolerance=tolerance)], [Figure("f", "s", now, tolerance=tolerance)])
    return change


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        ((1.0, 1.0, 1.0), (1.06, 1.06, 1.06), Verdict.WORSE),
        ((1.0, 1.0, 1.0), (1.04, 1.04, 1.04), Verdict.SAME),
        ((1.0, 1.0, 1.0), (0.9, 0.9, 0.9), Verdict.BETTER),
        # Rounds that differ by a fifth among themselves say nothing of a tenth, on whichever side they differ.
        ((0.8, 1.0, 1.2), (1.1, 1.1, 1.1), Verdict.SAME),
        ((1.0, 1.0, 1.0), (0.9, 1.1, 1.3), Verdict.SAME),
        ((0.8, 1.0, 1.2), (1.5, 1.5, 1.5), Verdict.WORSE),
        # One bad round of five is no regression.
        ((1.0, 1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0, 9.0), Verdict.SAME),
        ((0.0, 0.0), (0.0, 0.0), Verdict.SAME),
        ((0.0, 0.0), (1.0, 1.0), Verdict.WORSE),
        ((1.0, 1.0), (0.0, 0.0), Verdict.BETTER),
    ],
)
def test_a_change_counts_beyond_the_wider_spread(
    before: tuple[float, ...], now: tuple[float, ...], verdict: Verdict
) -> None:
    assert _change(before, now).verdict is verdict


def test_more_than_nothing_is_infinitely_more() -> None:
    assert _change((0.0,), (2.0,)).change == math.inf


def test_a_figure_says_itself_how_much_is_nothing() -> None:
    assert _change((1.0,), (1.2,), tolerance=0.3).verdict is Verdict.SAME
    assert _change((1.0,), (1.4,), tolerance=0.3).verdict is Verdict.WORSE


def test_a_slower_machine_is_no_regression_where_the_floor_is_as_much_slower() -> None:
    before, now = Figure("f", "s", (2.0, 2.0), (1.0, 1.0)), Figure("f", "s", (8.0, 8.0), (4.0, 4.0))
    (change,) = compare([before], [now])
    assert (change.verdict, change.before, change.now, change.change) == (Verdict.SAME, 2.0, 2.0, 0.0)


def test_new_and_missing_figures_are_told() -> None:
    changes = compare([Figure("old", "s", (1.0,))], [Figure("new", "s", (3.0,))])
    assert changes == [Change("new", Verdict.NEW, now=3.0), Change("old", Verdict.MISSING, before=1.0)]
