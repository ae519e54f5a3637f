"""The form of a dashboard: questions, each with the expressions that answer it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

_HERE = Path(__file__).parent
NAMES = ("fleet", "namespace", "operator")
GRID_WIDTH = 24

Colour = Literal["green", "yellow", "orange", "red", "blue", "text"]
Kind = Literal["stat", "timeseries", "table", "bars", "states"]
Unit = Literal[
    "short", "none", "percentunit", "s", "bytes", "ops", "reqps", "cores", "dateTimeFromNow", "dateTimeAsIso", "bool"
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(_Model):
    """One expression. ``legend`` is Grafana's template of a series' name, such as ``{{queue}}``; empty: all labels."""

    expr: str
    legend: str = ""


class Step(_Model):
    """From ``at`` on a value has this colour; ``at`` None is where the scale begins."""

    at: float | None
    colour: Colour


class Column(_Model):
    """A column of a table: a label, or the value of a target (``Value``, in order ``Value #A``, ``Value #B``)."""

    field: str
    title: str
    unit: Unit = "none"
    link: str | None = None
    words: dict[str, str] = Field(default_factory=dict)


class Panel(_Model):
    """One question. ``why`` is what Grafana shows behind the title's (i): the question and what to do about the answer.

    ``runbook`` names a page of docs/runbooks, an alert's. ``width`` and ``height`` are cells of Grafana's grid of 24
    columns. ``text`` is what a stat shows: its number, or the name of its series. ``words`` stand for values, ``top``
    is where the scale ends, ``state_metrics`` says that it needs kube-state-metrics.
    """

    title: str
    why: str
    kind: Kind = "timeseries"
    unit: Unit = "short"
    targets: tuple[Target, ...]
    width: int = 8
    height: int = 8
    steps: tuple[Step, ...] = ()
    columns: tuple[Column, ...] = ()
    words: dict[str, str] = Field(default_factory=dict)
    text: Literal["value", "name"] = "value"
    stacked: bool = False
    decimals: int | None = None
    top: float | None = None
    logarithmic: bool = False
    runbook: str | None = None
    state_metrics: bool = False

    @property
    def instant(self) -> bool:
        """Whether the panel asks for the latest values only."""
        return self.kind in ("stat", "table", "bars")

    @model_validator(mode="after")
    def _columns_belong_to_tables(self) -> Panel:
        if bool(self.columns) != (self.kind == "table"):
            raise ValueError(f"{self.title}: a table has columns, and nothing else has")
        return self


class Row(_Model):
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


class Variable(_Model):
    """A choice at the top of the dashboard: the values of ``label`` of ``metric``."""

    name: str
    label: str
    metric: str
    of: str
    every: bool = False
    """Whether all at once may be chosen, which is then the beginning."""

    @property
    def query(self) -> str:
        """As Grafana asks for the values."""
        return f"label_values({self.metric}, {self.of})"


class Dashboard(_Model):
    """One dashboard. ``period`` is what it shows at first, in Prometheus' way to write a duration."""

    uid: str
    title: str
    about: str
    period: str = "6h"
    refresh: str = "30s"
    variables: tuple[Variable, ...]
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels in their order."""
        return tuple(panel for row in self.rows for panel in row.panels)

    @model_validator(mode="after")
    def _titles_are_unique(self) -> Dashboard:
        titles = [panel.title for panel in self.panels]
        if len(set(titles)) != len(titles):
            raise ValueError(f"{self.title}: two panels have one title")
        return self


@dataclass(frozen=True)
class Place:
    """Cells of the grid, from its left and its top."""

    left: int
    top: int
    width: int
    height: int


def placed(dashboard: Dashboard) -> Iterator[tuple[Place, Row | Panel]]:
    """Every heading and panel with its place: panels stand in lines, as many in one as fit."""
    top = 0
    for row in dashboard.rows:
        yield Place(0, top, GRID_WIDTH, 1), row
        top, left, lowest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > GRID_WIDTH:
                top, left, lowest = top + lowest, 0, 0
            yield Place(left, top, panel.width, panel.height), panel
            left, lowest = left + panel.width, max(lowest, panel.height)
        top += lowest


def load(name: str) -> Dashboard:
    """The dashboard of a name in NAMES. Raises pydantic's ValidationError for a file that is not of the form."""
    return Dashboard.model_validate(yaml.safe_load((_HERE / f"{name}.yaml").read_text(encoding="utf-8")))


def load_all() -> dict[str, Dashboard]:
    """All dashboards by name."""
    return {name: load(name) for name in NAMES}
