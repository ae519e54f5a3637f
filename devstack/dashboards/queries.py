"""What Grafana would ask Prometheus for a dashboard, and the answers, kept for pictures of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from devstack.dashboards.model import Dashboard, Panel, Target
from devstack.monitoring import SCRAPE_SECONDS, Prometheus, Series

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_EVERYTHING = ".*"
_RATE_SCRAPES = 15
"""Over how many scrapes a rate is taken. Grafana takes at least four; the servers here are busy for seconds only."""


@dataclass(frozen=True)
class Window:
    """What is looked at: Unix times."""

    start: float
    end: float

    @property
    def seconds(self) -> int:
        """Its length."""
        return int(self.end - self.start)


@dataclass(frozen=True)
class Answer:
    """What one expression of a panel says, its variables being replaced."""

    panel: Panel
    target: Target
    expr: str
    series: Sequence[Series]

    @property
    def numbers(self) -> list[float]:
        """All values that are numbers: what a panel without any shows is nothing."""
        return [number for series in self.series for number in series.numbers]


def chosen(dashboard: Dashboard, prometheus: Prometheus, wishes: Mapping[str, str]) -> dict[str, str]:
    """A value for each variable: the one wished for, which must be offered, or the first. Raises LookupError."""
    values: dict[str, str] = {}
    for variable in dashboard.variables:
        offered = prometheus.values_of(substituted(variable.metric, values), variable.of)
        wish = wishes.get(variable.name)
        if not offered or (wish is not None and wish not in offered):
            raise LookupError(f"{dashboard.title}: {variable.query} offers {offered}, not {wish or 'anything'}")
        values[variable.name] = _EVERYTHING if variable.every else wish or offered[0]
    return values


def substituted(expr: str, values: Mapping[str, str]) -> str:
    """The expression with its variables replaced. Raises KeyError for one that has no value."""
    return _VARIABLE.sub(lambda found: values[found[1]], expr)


def answers(dashboard: Dashboard, prometheus: Prometheus, values: Mapping[str, str], window: Window) -> list[Answer]:
    """Every expression of the dashboard, asked as its panel does: over the window, or at its end."""
    own = {"__rate_interval": f"{_RATE_SCRAPES * SCRAPE_SECONDS}s", "__range": f"{window.seconds}s"}
    found = []
    for panel in dashboard.panels:
        for target in panel.targets:
            expr = substituted(target.expr, {**values, **own})
            if panel.instant:
                series = prometheus.latest(expr, window.end)
            else:
                series = prometheus.over(expr, window.start, window.end, SCRAPE_SECONDS)
            found.append(Answer(panel, target, expr, series))
    return found


class _Kept(BaseModel):
    """The file of a recording: the series of each expression, by dashboard and by panel and place."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    window: Window
    dashboards: dict[str, dict[str, list[Series]]]


def keep(file: Path, window: Window, recorded: Mapping[str, Sequence[Answer]]) -> None:
    """Write the answers of dashboards, by their names, for `recording`."""
    dashboards = {
        name: {_key(answer.panel, answer.target): list(answer.series) for answer in found}
        for name, found in recorded.items()
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_Kept(window=window, dashboards=dashboards).model_dump_json())


def recording(file: Path, dashboards: Mapping[str, Dashboard]) -> tuple[Window, dict[str, list[Answer]]]:
    """What `keep` wrote, for the dashboards as they are now; an expression that was not asked then has no series."""
    kept = _Kept.model_validate_json(file.read_text())
    found = {
        name: [
            Answer(panel, target, target.expr, kept.dashboards.get(name, {}).get(_key(panel, target), []))
            for panel in dashboard.panels
            for target in panel.targets
        ]
        for name, dashboard in dashboards.items()
    }
    return kept.window, found


def _key(panel: Panel, target: Target) -> str:
    return f"{panel.title}/{panel.targets.index(target)}"
