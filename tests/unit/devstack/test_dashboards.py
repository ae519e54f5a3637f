"""Dashboards hold together: places, variables, names of metrics and labels, runbooks; and pictures of them."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from PIL import Image
from pydantic import ValidationError

from devstack.dashboards.grafana import grafana_json
from devstack.dashboards.model import GRID_WIDTH, NAMES, Dashboard, Panel, Place, Target, load, load_all, placed
from devstack.dashboards.pictures import draw
from devstack.dashboards.queries import Answer, Window, keep, recording, substituted
from devstack.dashboards.units import shown
from devstack.monitoring import Series
from devstack.paths import CHART, REPOSITORY
from devstack.state_metrics import Configuration
from namespace_operator.telemetry.catalog import METRICS

WINDOW = Window(1_000.0, 1_010.0)
LIMIT = 150_000
"""Bytes of a picture in the docs."""

_METRIC = re.compile(r"\b(?:namespace_operator|kube_customresource)_\w+")
_GROUPED = re.compile(r"(?:by|on|group_left) \(([^)]*)\)")
_SELECTED = re.compile(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)")
_LEGEND = re.compile(r"\{\{(\w+)\}\}")
_SCRAPED = {"job", "instance", "pod", "namespace", "le"}
"""Labels that come from the scrape, and that of a histogram."""
_ALERT = {"alertname", "alertstate", "severity"}
_OURS = {name for info in METRICS for name in info.series_names}


def _targets() -> Iterator[tuple[str, Panel, Target]]:
    for name, dashboard in load_all().items():
        for panel in dashboard.panels:
            for target in panel.targets:
                yield name, panel, target


EXPRESSIONS = list(_targets())
IDS = [f"{name}: {panel.title}" for name, panel, _ in EXPRESSIONS]


def _state_metrics() -> dict[str, set[str]]:
    """The labels of each series that the chart asks kube-state-metrics for."""
    content = yaml.safe_load((CHART / "files" / "state-metrics.yaml").read_text())
    return {
        f"{resource.metric_name_prefix}_{metric.name}": {*resource.labels_from_path, *metric.each.of.labels_from_path}
        for resource in Configuration.model_validate(content).spec.resources
        for metric in resource.metrics
    }


@pytest.mark.parametrize("name", NAMES)
def test_panels_lie_beside_each_other(name: str) -> None:
    dashboard = load(name)
    places = [place for place, _ in placed(dashboard)]
    assert all(place.left + place.width <= GRID_WIDTH for place in places)
    assert not any(_overlap(one, other) for one, other in combinations(places, 2))
    panels = grafana_json(dashboard)["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(places) + 1))
    assert [panel["title"] for panel in panels if panel["type"] != "row"] == [panel.title for panel in dashboard.panels]


def _overlap(one: Place, other: Place) -> bool:
    beside = one.left + one.width <= other.left or other.left + other.width <= one.left
    return not (beside or one.top + one.height <= other.top or other.top + other.height <= one.top)


@pytest.mark.parametrize(("name", "panel", "target"), EXPRESSIONS, ids=IDS)
def test_an_expression_asks_for_what_there_is(name: str, panel: Panel, target: Target) -> None:
    told = _state_metrics()
    labels = {f"{info.full_name}{part}": set(info.labels) for info in METRICS for part in _PARTS}
    asked = set(_METRIC.findall(target.expr))
    assert asked <= _OURS | told.keys()
    assert panel.state_metrics == bool(asked & told.keys())
    known = set().union(
        _ALERT if "ALERTS" in target.expr else _SCRAPED, *(told.get(metric) or labels[metric] for metric in asked)
    )
    assert set(_SELECTED.findall(target.expr)) <= known
    grouped = [label.strip() for found in _GROUPED.findall(target.expr) for label in found.split(",") if label.strip()]
    assert set(grouped) <= known
    assert set(_LEGEND.findall(target.legend)) <= known
    assert {column.field for column in panel.columns if not column.field.startswith("Value")} <= known


_PARTS = ("", "_total", "_bucket", "_sum", "_count", "_info")


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_there_and_is_used(name: str) -> None:
    dashboard = load(name)
    names = {variable.name for variable in dashboard.variables}
    own = {"__rate_interval", "__range"}
    asked = [target.expr for panel in dashboard.panels for target in panel.targets]
    asked += [variable.metric for variable in dashboard.variables]
    used = {variable for expr in asked for variable in re.findall(r"\$(\w+)", expr)}
    assert used - own == names


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_why_and_its_runbook_is_there(name: str) -> None:
    runbooks = {path.stem for path in (REPOSITORY / "docs" / "runbooks").glob("*.md")}
    for panel in load(name).panels:
        assert panel.why.endswith(".")
        assert panel.runbook is None or panel.runbook in runbooks


def test_every_link_to_a_dashboard_leads_to_one() -> None:
    dashboards = load_all().values()
    uids = {dashboard.uid: {variable.name for variable in dashboard.variables} for dashboard in dashboards}
    found = [column.link or "" for d in dashboards for panel in d.panels for column in panel.columns]
    links = [link for link in found if link.startswith("/d/")]
    assert links
    for link in links:
        uid = link.removeprefix("/d/").partition("?")[0]
        assert set(re.findall(r"var-(\w+)=", link)) <= uids[uid]


def test_a_table_has_columns_and_nothing_else_has() -> None:
    with pytest.raises(ValidationError, match="a table has columns"):
        Panel(title="T", why="Why.", kind="table", targets=(Target(expr="up"),))


def test_a_variable_without_a_value_is_no_expression() -> None:
    assert substituted('up{job="$job", pod="${pod}"}', {"job": "a", "pod": "b"}) == 'up{job="a", pod="b"}'
    with pytest.raises(KeyError, match="job"):
        substituted("up{job=~'$job'}", {})


def _answered(dashboard: Dashboard) -> list[Answer]:
    """Two series for each expression, one with gaps and what is no number."""
    moments = [WINDOW.start + second for second in range(WINDOW.seconds + 1)]
    steady = tuple((at, 1.0) for at in moments)
    torn = tuple((at, math.nan if at % 3 == 0 else math.inf if at % 5 == 0 else at % 7) for at in moments[::2])
    labels = {"reason": "NameConflict", "connection": "default", "pod": "namespace-operator-0", "name": "films"}
    series = [Series(labels, steady), Series({**labels, "reason": "Lost"}, torn)]
    return [Answer(panel, target, target.expr, series) for panel in dashboard.panels for target in panel.targets]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_drawn_of_what_was_recorded(name: str, tmp_path: Path) -> None:
    dashboard = load(name)
    keep(tmp_path / "recording.json", WINDOW, {name: _answered(dashboard)})
    window, found = recording(tmp_path / "recording.json", {name: dashboard})
    assert window == WINDOW
    assert str(found[name]) == str(_answered(dashboard))  # as words: what is no number equals nothing
    picture = draw(dashboard, window, found[name])
    assert len(picture) < LIMIT
    with Image.open(io.BytesIO(picture)) as image:
        assert image.width == 1440
        # Paper and cards alone would be a few colours.
        assert len(image.convert("RGB").getcolors(1 << 24) or []) > 20


def test_a_panel_that_got_no_answer_is_drawn_all_the_same(tmp_path: Path) -> None:
    dashboards = load_all()
    (tmp_path / "recording.json").write_text(json.dumps({"window": {"start": 0, "end": 9}, "dashboards": {}}))
    window, found = recording(tmp_path / "recording.json", dashboards)
    for name, dashboard in dashboards.items():
        assert draw(dashboard, window, found[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_pictures_in_the_docs_are_small(name: str) -> None:
    picture = REPOSITORY / "docs" / "pictures" / f"dashboard-{name}.png"
    assert picture.stat().st_size < LIMIT


@pytest.mark.parametrize(
    ("unit", "value", "decimals", "text"),
    [
        ("short", 0.0, None, "0"),
        ("short", 22.0, None, "22"),
        ("short", 1234.5, None, "1.23 k"),
        ("short", 1.05, 0, "1"),
        ("s", 0.0, None, "0 s"),
        ("s", 0.0412, None, "41.2 ms"),
        ("s", 90.0, None, "1.5 min"),
        ("s", 86_400.0, None, "1 d"),
        ("bytes", 159_543_296.0, None, "152 MiB"),
        ("bytes", 12.0, None, "12 B"),
        ("reqps", 0.5, None, "0.5/s"),
        ("percentunit", 0.8, None, "80 %"),
        ("bool", 1.0, None, "yes"),
        ("s", math.nan, None, "-"),
        ("short", 100.0, None, "100"),
    ],
)
def test_values_are_shown_as_people_read_them(unit: str, value: float, decimals: int | None, text: str) -> None:
    assert shown(unit, value, decimals) == text
