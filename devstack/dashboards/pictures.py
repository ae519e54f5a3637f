"""Draw recorded answers as the dashboards show them: `python -m devstack.dashboards.pictures RECORDING DIRECTORY`."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullFormatter
from PIL import Image

from devstack.dashboards.model import GRID_WIDTH, Dashboard, Panel, Row, Step, load_all, placed
from devstack.dashboards.queries import Answer, Window, recording
from devstack.dashboards.units import shown
from devstack.monitoring import Series

_COLUMN_INCHES = 0.6
_LINE_INCHES = 0.36
_DPI = 100
_WIDTH = GRID_WIDTH * _COLUMN_INCHES * _DPI
"""In pixels."""
_COLOURS = 256
"""Of the palette: a picture is lines and letters."""

_PALETTE = {
    "green": "#3f9d5a",
    "yellow": "#d9a900",
    "orange": "#e07b1a",
    "red": "#cf3a3a",
    "blue": "#4a7fc1",
    "text": "#5a6572",
}
_LINES = ("#3b7dd8", "#e07b1a", "#3f9d5a", "#a05bc4", "#cf3a3a", "#0f9b9b", "#b08900", "#7a6a5f", "#d4609c", "#5a6572")
_INK, _SOFT, _GRID, _PAPER, _CARD = "#1f2933", "#6b7682", "#e4e8ec", "#f3f5f7", "#ffffff"
_LEGEND_ENTRIES = 8
_AXIS_NAME = 26
_SMALL, _MEDIUM = 6.0, 6.2
"""How wide a letter is, in pixels, of a legend and of a table."""
_TOLD = 145
"""And how wide the numbers are in a legend."""

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def draw(dashboard: Dashboard, window: Window, found: Sequence[Answer]) -> bytes:
    """A PNG of the dashboard with these answers."""
    cells = list(placed(dashboard))
    lines = max(place.top + place.height for place, _ in cells) + 2
    figure = Figure(figsize=(GRID_WIDTH * _COLUMN_INCHES, lines * _LINE_INCHES), dpi=_DPI, facecolor=_PAPER)
    sheet = figure.add_axes((0, 0, 1, 1))
    sheet.set_xlim(0, GRID_WIDTH)
    sheet.set_ylim(lines, 0)
    sheet.axis("off")
    sheet.text(0.2, 1.0, dashboard.title, fontsize=17, color=_INK, weight="bold", va="center")
    for place, what in cells:
        top = place.top + 2
        if isinstance(what, Row):
            sheet.text(0.2, top + 0.55, what.title, fontsize=12.5, color=_INK, va="center")
            continue
        _card(sheet, place.left, top, place.width, place.height)
        sheet.text(place.left + 0.28, top + 0.62, what.title, fontsize=9.5, color=_INK, weight="bold", va="center")
        box = (place.left, lines - top - place.height, place.width, place.height)
        _panel(figure, box, lines, what, window, [answer for answer in found if answer.panel == what])
    return _png(figure)


def _card(sheet: Axes, left: float, top: float, width: float, height: float) -> None:
    style = "round,pad=0,rounding_size=0.12"
    corner, gap = (left + 0.08, top + 0.08), 0.16
    card = FancyBboxPatch(
        corner, width - gap, height - gap, boxstyle=style, facecolor=_CARD, edgecolor=_GRID, mutation_aspect=1.6
    )
    sheet.add_patch(card)


def _panel(
    figure: Figure, box: tuple[int, int, int, int], lines: int, panel: Panel, window: Window, found: Sequence[Answer]
) -> None:
    left, bottom, width, height = box
    inner = (left + 0.3, bottom + 0.3, width - 0.6, height - 1.4)
    if panel.kind == "timeseries":
        entries = min(_LEGEND_ENTRIES, sum(len(answer.series) for answer in found))
        legend = 0.56 * math.ceil(entries / _legend_columns(panel, entries)) + 0.2
        inner = (left + 1.35, bottom + 0.85 + legend, width - 1.75, height - 2.05 - legend)
    elif panel.kind in ("states", "bars"):
        inner = (left + 3.4, bottom + 0.95, width - 3.9, height - 2.2)
    x, y, w, h = inner
    axes = figure.add_axes((x / GRID_WIDTH, y / lines, w / GRID_WIDTH, h / lines))
    draw_kind = {
        "stat": _stat,
        "timeseries": _timeseries,
        "table": _table,
        "bars": _bars,
        "states": _states,
    }[panel.kind]
    draw_kind(axes, panel, window, found)


def _stat(axes: Axes, panel: Panel, window: Window, found: Sequence[Answer]) -> None:
    axes.axis("off")
    series = next((series for answer in found for series in answer.series), None)
    if series is None:
        axes.text(0.5, 0.45, "no data", fontsize=13, color=_SOFT, ha="center", va="center")
        return
    value = series.points[-1][1]
    text = _name(found[0], series) if panel.text == "name" else panel.words.get(f"{value:g}") or _shown(panel, value)
    colour = _colour(panel.steps, value)
    size = 26 if len(text) < 8 else 17 if len(text) < 14 else 12
    axes.text(0.5, 0.45, text, fontsize=size, color=colour, weight="bold", ha="center", va="center")


def _timeseries(axes: Axes, panel: Panel, window: Window, found: Sequence[Answer]) -> None:
    named = [(_name(answer, series), series) for answer in found for series in answer.series]
    # What reaches highest is what one looks for; a legend has no room for all.
    named.sort(key=lambda entry: -max(entry[1].numbers, default=-1.0))
    _time_axis(axes, window)
    _value_axis(axes, panel)
    if panel.stacked:
        _stack(axes, window, named)
    else:
        for index, (_, series) in enumerate(named):
            times, values = _gapped(window, series)
            axes.plot(times, values, color=_LINES[index % len(_LINES)], linewidth=1.4, solid_joinstyle="round")
    if not panel.logarithmic:
        highest = axes.get_ylim()[1]
        axes.set_ylim(0, panel.top or (highest if named and highest > 0 else 1))
    if panel.unit == "bytes":
        axes.yaxis.set_major_locator(MultipleLocator(2 ** math.ceil(math.log2(axes.get_ylim()[1] / 4))))
    for step in panel.steps:
        if step.at is not None and step.at < axes.get_ylim()[1]:
            axes.axhline(step.at, color=_PALETTE[step.colour], linewidth=0.9, linestyle=(0, (4, 3)))
    _legend(axes, panel, named)


def _stack(axes: Axes, window: Window, named: Sequence[tuple[str, Series]]) -> None:
    times = [float(second) for second in range(window.seconds + 1)]
    layers = []
    for _, series in named:
        by_second = {round(at - window.start): value for at, value in series.points if math.isfinite(value)}
        layers.append([by_second.get(int(second), 0.0) for second in times])
    if layers:
        axes.stackplot(times, layers, colors=_LINES, alpha=0.85, linewidth=0)


def _gapped(window: Window, series: Series) -> tuple[list[float], list[float]]:
    """The points in seconds from the start, with a gap where there is none for longer than a moment."""
    times: list[float] = []
    values: list[float] = []
    for at, value in series.points:
        second = at - window.start
        if times and second - times[-1] > 2.5:
            times.append(second)
            values.append(math.nan)
        times.append(second)
        values.append(value if math.isfinite(value) else math.nan)
    return times, values


def _legend_columns(panel: Panel, entries: int) -> int:
    return 1 if panel.width <= 8 or entries <= 3 else 2


def _legend(axes: Axes, panel: Panel, named: Sequence[tuple[str, Series]]) -> None:
    columns = _legend_columns(panel, len(named))
    box = axes.get_position()
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    line = 0.56 * _LINE_INCHES / figure.get_figheight()
    start = box.y0 - 1.05 * _LINE_INCHES / figure.get_figheight()
    fits = int(((box.width + 0.03) * _WIDTH / columns - _TOLD) / _SMALL)
    for index, (name, series) in enumerate(named[:_LEGEND_ENTRIES]):
        x = box.x0 - 0.03 + (index % columns) * (box.width + 0.03) / columns
        y = start - (index // columns) * line
        hidden = len(named) - _LEGEND_ENTRIES
        more = f"   (and {hidden} more)" if index == _LEGEND_ENTRIES - 1 and hidden > 0 else ""
        short = name if len(name) <= fits else f"{name[: fits - 1]}…"
        numbers = series.numbers
        told = f"last {_shown(panel, numbers[-1])}, max {_shown(panel, max(numbers))}" if numbers else ""
        figure.text(x, y, "■", color=_LINES[index % len(_LINES)], fontsize=8, va="center")
        figure.text(x + 0.008, y, f"{short}{more}", color=_INK, fontsize=7.6, va="center")
        right = box.x0 - 0.03 + (index % columns + 1) * (box.width + 0.03) / columns - (0.008 if columns > 1 else 0)
        figure.text(right, y, told, color=_SOFT, fontsize=7.2, va="center", ha="right")


def _bars(axes: Axes, panel: Panel, window: Window, found: Sequence[Answer]) -> None:
    values = [
        (_name(answer, series), series.numbers[-1]) for answer in found for series in answer.series if series.numbers
    ]
    values.sort(key=lambda entry: entry[1])
    names = [name for name, _ in values]
    colours = [_colour(panel.steps, value) if panel.steps else _LINES[0] for _, value in values]
    axes.barh(names, [value for _, value in values], color=colours, height=0.6)
    highest = max((value for _, value in values), default=0.0)
    for place, (_, value) in enumerate(values):
        axes.text(value + 0.02 * (highest or 1), place, _shown(panel, value), fontsize=8, color=_INK, va="center")
    axes.set_xlim(0, 1.18 * highest or 1)
    axes.tick_params(axis="y", length=0, labelsize=8, colors=_INK)
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines[:].set_visible(False)


def _states(axes: Axes, panel: Panel, window: Window, found: Sequence[Answer]) -> None:
    named = [(_name(answer, series), series) for answer in found for series in answer.series]
    _time_axis(axes, window)
    for place, (_, series) in enumerate(named):
        for at, value in series.points:
            axes.barh(place, 1.05, left=at - window.start, height=0.55, color=_colour(panel.steps, value), linewidth=0)
    axes.set_yticks(range(len(named)), [_ending(name, _AXIS_NAME) for name, _ in named])
    axes.set_ylim(-0.6, max(len(named) - 0.4, 0.6))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0, labelsize=8, colors=_INK)
    axes.grid(visible=False, axis="y")
    if panel.words:
        _key(axes, panel)


def _key(axes: Axes, panel: Panel) -> None:
    """Which colour means which word, at the right of the axis of time."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    box = axes.get_position()
    y = box.y1 + 0.45 * _LINE_INCHES / figure.get_figheight()
    for place, (value, word) in enumerate(reversed(panel.words.items())):
        x = box.x1 - 0.055 * (place + 1)
        figure.text(x, y, "■", color=_colour(panel.steps, float(value)), fontsize=8, va="center")
        figure.text(x + 0.009, y, word, color=_SOFT, fontsize=7.6, va="center")


def _table(axes: Axes, panel: Panel, window: Window, found: Sequence[Answer]) -> None:
    axes.axis("off")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    head = [column.title for column in panel.columns]
    rows = [_cells(panel, series) for answer in found for series in answer.series]
    line = 0.62 / (panel.height - 1.4)
    fits = int(1 / line) - 1
    # Each column is as wide as what is in it. Where there is no room for all, the longest gives way.
    widths = [max(map(len, column)) + 2 for column in zip(head, *rows, strict=True)]
    while sum(widths) > axes.get_position().width * _WIDTH / _MEDIUM:
        widths[widths.index(max(widths))] -= 1
    starts = [sum(widths[:place]) / sum(widths) for place in range(len(widths))]
    for x, title in zip(starts, head, strict=True):
        axes.text(x, 1 - line / 2, title, fontsize=8, color=_SOFT, va="center")
    for number, row in enumerate(rows[:fits], start=1):
        for x, width, text in zip(starts, widths, row, strict=True):
            axes.text(x, 1 - line * (number + 0.5), _ending(text, width - 2), fontsize=8.2, color=_INK, va="center")
    for number in range(min(len(rows), fits) + 1):
        axes.axhline(1 - line * (number + 1), color=_GRID, linewidth=0.8)


def _cells(panel: Panel, series: Series) -> list[str]:
    cells = []
    for column in panel.columns:
        if column.field.startswith("Value"):
            value = series.points[-1][1]
            cells.append(column.words.get(f"{value:g}") or shown(column.unit, value))
        else:
            text = series.labels.get(column.field, "")
            cells.append(column.words.get(text, text))
    return cells


def _time_axis(axes: Axes, window: Window) -> None:
    axes.set_xlim(0, window.seconds)
    labels = max(2, int(axes.get_position().width * _WIDTH / 60))
    axes.xaxis.set_major_locator(MaxNLocator(min(labels, 7), integer=True, steps=[1, 2, 3, 5, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda second, _: f"{int(second) // 60}:{int(second) % 60:02d}"))
    axes.tick_params(axis="x", length=0, labelsize=7.2, colors=_SOFT, pad=5)
    axes.grid(color=_GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _value_axis(axes: Axes, panel: Panel) -> None:
    axes.tick_params(axis="y", length=0, labelsize=7.2, colors=_SOFT, pad=2)
    if panel.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=8))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="y", which="minor", length=0)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=panel.decimals == 0))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(panel.unit, value)))


def _ending(name: str, fits: int) -> str:
    """As much as fits: of names of Pods the end is what tells them apart."""
    return name if len(name) <= fits else f"…{name[1 - fits :]}"


def _colour(steps: Sequence[Step], value: float) -> str:
    reached = [step for step in steps if step.at is None or value >= step.at]
    return _PALETTE[reached[-1].colour] if reached else _PALETTE["text"]


def _shown(panel: Panel, value: float) -> str:
    return shown(panel.unit, value, panel.decimals)


def _name(answer: Answer, series: Series) -> str:
    if not answer.target.legend:
        return ", ".join(series.labels.values())
    return _LABEL.sub(lambda found: series.labels.get(found[1], ""), answer.target.legend).strip()


def _png(figure: Figure) -> bytes:
    """The figure in few colours: a picture of lines needs no more, and the docs are to stay small."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=_DPI, facecolor=_PAPER)
    reduced = BytesIO()
    with Image.open(drawn) as image:
        colours = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        colours.save(reduced, format="png", optimize=True)
    return reduced.getvalue()


def write(file: Path, directory: Path) -> list[Path]:
    """Draw every dashboard of a recording into the directory; returns the pictures."""
    dashboards = load_all()
    window, found = recording(file, dashboards)
    directory.mkdir(parents=True, exist_ok=True)
    pictures = []
    for name, dashboard in dashboards.items():
        picture = directory / f"dashboard-{name}.png"
        picture.write_bytes(draw(dashboard, window, found[name]))
        pictures.append(picture)
    return pictures


def main() -> None:
    """Draw what a recording holds."""
    parser = argparse.ArgumentParser(prog="python -m devstack.dashboards.pictures", description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    mpl.rcParams["font.family"] = "DejaVu Sans"
    for picture in write(arguments.recording, arguments.directory):
        print(f"written: {picture} ({picture.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    main()
