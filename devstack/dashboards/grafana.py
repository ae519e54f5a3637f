"""Grafana's JSON of a dashboard, as Grafana itself would export it for a provisioner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from string import ascii_uppercase
from typing import Any

from devstack.dashboards.model import Column, Dashboard, Panel, Row, Step, Target, Variable, placed

TAG = "namespace-operator"
RUNBOOKS = "https://github.com/mixpeek/namespace-operator/blob/main/docs/runbooks"
"""Where the runbooks are, unless the chart's ``metrics.runbookUrl`` says otherwise."""

_SCHEMA_VERSION = 42
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_PLUGINS = {
    "stat": "stat",
    "timeseries": "timeseries",
    "table": "table",
    "bars": "bargauge",
    "states": "state-timeline",
}

Json = dict[str, Any]


def rendered(dashboard: Dashboard) -> str:
    """The file of a dashboard."""
    return json.dumps(grafana_json(dashboard), indent=1, ensure_ascii=False) + "\n"


def grafana_json(dashboard: Dashboard) -> Json:
    """What the file says. Ids and places of panels follow from their order."""
    return {
        "annotations": {"list": [_annotations()]},
        "description": dashboard.about,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,  # one crosshair in all panels
        "id": None,
        "links": [_siblings()],
        "panels": list(_panels(dashboard)),
        "refresh": dashboard.refresh,
        "schemaVersion": _SCHEMA_VERSION,
        "tags": [TAG],
        "templating": {"list": [_data_source(), *(_variable(variable) for variable in dashboard.variables)]},
        "time": {"from": f"now-{dashboard.period}", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": dashboard.title,
        "uid": dashboard.uid,
        "version": 1,
    }


def _annotations() -> Json:
    """Grafana's own, which every dashboard has: what people noted down."""
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }


def _siblings() -> Json:
    return {
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "Namespace operator",
        "tooltip": "The other dashboards of the operator",
        "type": "dashboards",
        "url": "",
    }


def _data_source() -> Json:
    return {
        "current": {},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "type": "datasource",
    }


def _variable(variable: Variable) -> Json:
    everything = {"text": ["All"], "value": ["$__all"]}
    return {
        **({"allValue": ".*"} if variable.every else {}),
        "current": everything if variable.every else {},
        "datasource": _SOURCE,
        "definition": variable.query,
        "hide": 0,
        "includeAll": variable.every,
        "label": variable.label,
        "multi": variable.every,
        "name": variable.name,
        "options": [],
        "query": {"qryType": 1, "query": variable.query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,  # when the time range changes, too
        "regex": "",
        "sort": 1,
        "type": "query",
    }


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    for number, (place, shown) in enumerate(placed(dashboard), start=1):
        cells = {"h": place.height, "w": place.width, "x": place.left, "y": place.top}
        if isinstance(shown, Row):
            heading = {"collapsed": False, "panels": [], "title": shown.title, "type": "row"}
            yield {"id": number, "gridPos": cells, **heading}
        else:
            yield {"id": number, "gridPos": cells, **_panel(shown)}


def _panel(panel: Panel) -> Json:
    return {
        "datasource": _SOURCE,
        "description": panel.why,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": [_override(column) for column in panel.columns]},
        "links": _links(panel),
        "options": _options(panel),
        "targets": [_target(panel, *each) for each in zip(ascii_uppercase, panel.targets, strict=False)],
        "title": panel.title,
        "transformations": _transformations(panel),
        "type": _PLUGINS[panel.kind],
    }


def _options(panel: Panel) -> Json:
    return _OPTIONS[panel.kind] | ({"textMode": panel.text} if panel.kind == "stat" else {})


def _links(panel: Panel) -> list[Json]:
    if panel.runbook is None:
        return []
    return [{"targetBlank": True, "title": "Runbook", "url": f"{RUNBOOKS}/{panel.runbook}.md"}]


def _target(panel: Panel, letter: str, target: Target) -> Json:
    return {
        "datasource": _SOURCE,
        "editorMode": "code",
        "expr": target.expr.strip(),
        "format": "table" if panel.kind == "table" else "time_series",
        "instant": panel.instant,
        "legendFormat": target.legend or "__auto",
        "range": not panel.instant,
        "refId": letter,
    }


def _defaults(panel: Panel) -> Json:
    coloured = panel.kind in ("stat", "bars", "states") and bool(panel.steps)
    return {
        "color": {"mode": "thresholds" if coloured else "palette-classic"},
        "custom": _custom(panel),
        **({} if panel.decimals is None else {"decimals": panel.decimals}),
        "mappings": _mappings(panel.words),
        **({} if panel.top is None else {"max": panel.top}),
        **({"min": 0} if panel.kind in ("timeseries", "bars") and not panel.logarithmic else {}),
        "noValue": "no data",
        "thresholds": _thresholds(panel.steps),
        "unit": panel.unit,
    }


def _custom(panel: Panel) -> Json:
    if panel.kind == "timeseries":
        return {
            "drawStyle": "line",
            "fillOpacity": 30 if panel.stacked else 8,
            "lineWidth": 1,
            "scaleDistribution": {"log": 10, "type": "log"} if panel.logarithmic else {"type": "linear"},
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if panel.stacked else "none"},
            "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
        }
    if panel.kind == "states":
        return {"fillOpacity": 80, "lineWidth": 0}
    if panel.kind == "table":
        return {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True}
    return {}


def _thresholds(steps: tuple[Step, ...]) -> Json:
    shown = [{"color": step.colour, "value": step.at} for step in steps] or [{"color": "text", "value": None}]
    return {"mode": "absolute", "steps": shown}


def _mappings(words: dict[str, str]) -> list[Json]:
    if not words:
        return []
    options = {value: {"index": index, "text": text} for index, (value, text) in enumerate(words.items())}
    return [{"options": options, "type": "value"}]


def _override(column: Column) -> Json:
    properties: list[Json] = [{"id": "unit", "value": column.unit}]
    if column.words:
        properties.append({"id": "mappings", "value": _mappings(column.words)})
    if column.link:
        link = {"targetBlank": False, "title": "Open", "url": column.link}
        properties.append({"id": "links", "value": [link]})
    return {"matcher": {"id": "byName", "options": column.title}, "properties": properties}


def _transformations(panel: Panel) -> list[Json]:
    """A table shows its columns in their order and under their titles, and nothing else."""
    if not panel.columns:
        return []
    fields = [column.field for column in panel.columns]
    return [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": fields}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": {field: index for index, field in enumerate(fields)},
                "renameByName": {column.field: column.title for column in panel.columns},
            },
        },
    ]


_LATEST = {"calcs": ["lastNotNull"], "fields": "", "values": False}

_OPTIONS: dict[str, Json] = {
    "stat": {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": _LATEST,
        "wideLayout": True,
    },
    "timeseries": {
        "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"cellHeight": "sm", "footer": {"show": False}, "showHeader": True},
    "bars": {
        "displayMode": "basic",
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": _LATEST,
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "color",
    },
    "states": {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    },
}
