"""What is printed: the figures with their goals, and the details."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table as RichTable

from bench.figure import Figure, Table, spread
from bench.regression import Change, Verdict
from bench.results import Result

_HOLDS = {True: "[green]holds[/]", False: "[red]missed[/]", None: ""}
_COLOURS = {Verdict.WORSE: "red", Verdict.BETTER: "green"}


def print_results(console: Console, results: Sequence[Result]) -> None:
    """The details of each, then one table of all figures."""
    for result in results:
        for table in result.measured.tables:
            console.print(_detail(table))
    console.print(_figures([figure for result in results for figure in result.measured.figures]))
    if results:
        machine = results[-1].machine
        console.print(
            f"{machine['cores']} cores, {machine['cpu']}, {machine['memory_gib']} GiB; load average before the first:"
            f" {results[0].machine['load_before']}"
        )


def print_changes(console: Console, changes: Iterable[Change]) -> None:
    """What became of each figure."""
    table = RichTable(title="Compared with what is committed: ratios to the floor, else values")
    for column in ("figure", "committed", "now", "change", "noise", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for one in changes:
        numbers = (_number(one.before), _number(one.now), f"{one.change:+.0%}", f"±{one.noise:.0%}")
        colour = _COLOURS.get(one.verdict)
        table.add_row(one.name, *numbers, f"[{colour}]{one.verdict}[/]" if colour else one.verdict)
    console.print(table)


def _figures(figures: Iterable[Figure]) -> RichTable:
    table = RichTable(title="Median of the rounds ± half of their range")
    for column in ("figure", "operator", "floor", "ratio", "goal", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for one in figures:
        goal = (
            ""
            if one.goal is None
            else f"≤ {one.goal.most:g}{' times the floor' if one.goal.of_ratio else f' {one.unit}'}"
        )
        cells = (_shown(one.values, one.unit), _shown(one.floors, one.unit), _shown(one.ratios, ""))
        table.add_row(one.name, *cells, goal, _HOLDS[one.holds])
    return table


def _detail(table: Table) -> RichTable:
    shown = RichTable(title=table.title)
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _shown(values: Sequence[float], unit: str) -> str:
    if not values:
        return ""
    middle = f"{_number(statistics.median(values))} {unit}".strip()
    return f"{middle} ±{spread(values):.0%}" if len(values) > 1 else middle


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
