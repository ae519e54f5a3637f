"""Medians, spreads, percentiles, and what a goal is judged by."""

from __future__ import annotations

import pytest

from bench.figure import Figure, Goal, percentile, spread


def test_ratios_are_those_of_the_same_round() -> None:
    figure = Figure("f", "s", (2.0, 9.0), (1.0, 3.0))
    assert figure.ratios == (2.0, 3.0)
    assert figure.compared == figure.ratios


def test_without_a_floor_the_values_are_compared() -> None:
    figure = Figure("f", "MB", (2.0, 3.0))
    assert figure.ratios == ()
    assert figure.compared == (2.0, 3.0)


@pytest.mark.parametrize(
    ("goal", "holds"),
    [
        (None, None),
        (Goal(2.0), True),
        (Goal(1.9), False),
        (Goal(1.5, of_ratio=True), False),
        (Goal(2.0, of_ratio=True), True),
    ],
)
def test_a_goal_is_judged_by_the_median_of_the_ratios_or_of_the_values(goal: Goal | None, holds: bool | None) -> None:
    assert Figure("f", "s", (1.0, 2.0, 9.0), (1.0, 1.0, 1.0), goal).holds is holds


@pytest.mark.parametrize(("values", "floors"), [((), ()), ((1.0, 2.0), (1.0,)), ((1.0,), (1.0, 2.0))])
def test_a_figure_without_rounds_or_with_other_rounds_of_the_floor_is_none(
    values: tuple[float, ...], floors: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="f: "):
        Figure("f", "s", values, floors)


@pytest.mark.parametrize(
    ("values", "expected"), [((5.0,), 0.0), ((9.0, 10.0, 12.0), 0.15), ((0.0, 0.0), 0.0), ((0.0, 0.0, 3.0), 0.0)]
)
def test_the_spread_is_half_of_the_range_by_the_median(values: tuple[float, ...], expected: float) -> None:
    assert spread(values) == pytest.approx(expected)


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 50.0), (99, 99.0), (99.5, 100.0), (100, 100.0)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], percent) == expected


def test_the_highest_percentile_of_few_values_is_the_last_one() -> None:
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
