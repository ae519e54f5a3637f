"""One picture of the results: how the cost of one Namespace grows with their number, and the ratios to the floors."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.benchmarks.create import GROWTH
from bench.figure import Figure
from bench.results import Result
from devstack.paths import REPOSITORY

PICTURE = REPOSITORY / "docs" / "pictures" / "benchmarks.svg"

_OPERATOR, _FLOOR, _GOAL = "#1f5fa8", "#8a8f98", "#c0392b"


def draw(results: Sequence[Result]) -> None:
    """Write the picture. The same results make the same file."""
    mpl.rcParams.update(
        {"svg.hashsalt": "benchmarks", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    canvas = Canvas(figsize=(10, 4), layout="constrained")
    left, right = canvas.subplots(1, 2)
    _draw_growth(left, [row for result in results for row in growth_rows(result)])
    _draw_ratios(right, [figure for result in results for figure in result.measured.figures if figure.floors])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(PICTURE, metadata={"Date": None})


def growth_rows(result: Result) -> list[tuple[float, float, float]]:
    """Namespaces, and milliseconds of CPU of one: of the operator, and of the floor."""
    tables = (table for table in result.measured.tables if table.title == GROWTH)
    return [(float(there), float(cpu), float(floor)) for table in tables for there, cpu, floor, *_ in table.rows]


def _draw_growth(axes: Axes, rows: Sequence[tuple[float, float, float]]) -> None:
    axes.set_title("CPU to make one Namespace, by how many there are")
    axes.set_xlabel("Namespaces")
    axes.set_ylabel("milliseconds of CPU")
    if rows:
        there, operator, floor = zip(*rows, strict=True)
        axes.plot(there, operator, "o-", color=_OPERATOR, label="operator")
        axes.plot(there, floor, "o-", color=_FLOOR, label="floor: a bare script, the same calls")
        axes.legend(frameon=False)
    axes.set_ylim(bottom=0)


def _draw_ratios(axes: Axes, figures: Sequence[Figure]) -> None:
    axes.set_title("Ratio to the floor, range, goal")
    for number, figure in enumerate(reversed(figures)):
        ratios = figure.ratios
        axes.plot((min(ratios), max(ratios)), (number, number), color=_OPERATOR, linewidth=2)
        axes.plot(statistics.median(ratios), number, "o", color=_OPERATOR)
        if figure.goal is not None and figure.goal.of_ratio:
            axes.plot(figure.goal.most, number, "|", color=_GOAL, markersize=12, markeredgewidth=2)
    axes.set_yticks(range(len(figures)), [figure.name for figure in reversed(figures)])
    axes.axvline(1.0, color=_FLOOR, linewidth=1)
    axes.set_xlim(left=0)
