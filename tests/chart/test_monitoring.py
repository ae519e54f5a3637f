"""Alerts and the configuration of kube-state-metrics, as files and as the chart installs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.paths import CHART, REPOSITORY
from namespace_operator.api.crd import CLUSTERS, NAMESPACES, custom_resource_definition
from namespace_operator.domain.condition_types import Who
from namespace_operator.domain.conditions import REASONS, Reason
from tests.chart.rendering import Chart, ChartRefusedError, Manifest, with_required
from tests.chart.value_sets import VALUE_SETS

ALERTS = CHART / "files" / "alerts.yaml"
STATE_METRICS = CHART / "files" / "state-metrics.yaml"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
WITH_ALERTS = with_required({"metrics": {"prometheusRule": {"enabled": True}}})
CHANGED = VALUE_SETS["with alerts and kube-state-metrics"]

_RULES: list[Manifest] = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
RULES = {rule["alert"]: rule for rule in _RULES}

_COVERED = {
    "MixpeekCollectionLost": {Reason.COLLECTION_LOST, Reason.SERVER_REPLACED},
    "MixpeekInternalErrors": {Reason.INTERNAL_ERROR},
    "MixpeekCredentialsRefused": {Reason.QDRANT_UNAUTHORIZED, Reason.MONGODB_UNAUTHORIZED},
}
"""Reasons that another alert tells of than the one of Namespaces that are stuck."""


def rules_of(manifest: Manifest) -> dict[str, Manifest]:
    """The rules of a PrometheusRule by the alert's name."""
    return {rule["alert"]: rule for group in manifest["spec"]["groups"] for rule in group["rules"]}


def test_nothing_of_it_is_installed_unless_asked_for(chart: Chart) -> None:
    rendered = chart.render(with_required({}))
    assert not rendered.all("PrometheusRule")
    assert not [each for each in rendered.all("ConfigMap") if "state-metrics" in each["metadata"]["name"]]


def test_the_rule_of_the_chart_is_the_file(chart: Chart) -> None:
    manifest = chart.render(WITH_ALERTS).one("PrometheusRule")
    assert rules_of(manifest) == RULES
    assert len(RULES) == len(_RULES), "no two alerts have one name"


def test_values_change_single_alerts_and_no_other(chart: Chart) -> None:
    manifest = chart.render(CHANGED).one("PrometheusRule")
    assert manifest["metadata"]["labels"]["release"] == "prometheus"
    found = rules_of(manifest)
    assert RULES.keys() - found.keys() == {"MixpeekOrphanedData"}
    expected = {name: yaml.safe_load(yaml.safe_dump(RULES[name])) for name in found}
    for name, rule in expected.items():
        rule["labels"]["team"] = "search"
        rule["annotations"]["runbook_url"] = f"https://runbooks.example/search/{name}/"
    expected["MixpeekNamespaceStuck"]["for"] = "30m"
    expected["MixpeekNamespaceStuck"]["labels"]["severity"] = "critical"
    expected["MixpeekQueueBacklog"]["expr"] = "max by (job, queue) (namespace_operator_queue_oldest_seconds) > 60"
    assert found == expected


def test_every_alert_may_be_changed_and_nothing_else(chart: Chart) -> None:
    def render(name: str) -> object:
        change = {"metrics": {"prometheusRule": {"enabled": True, "alerts": {name: {"for": "1h"}}}}}
        return rules_of(chart.render(with_required(change)).one("PrometheusRule"))[name]["for"]

    assert {name: render(name) for name in RULES} == dict.fromkeys(RULES, "1h")
    with pytest.raises(ChartRefusedError, match="MixpeekNothing"):
        render("MixpeekNothing")


@pytest.mark.parametrize("rule", _RULES, ids=RULES)
def test_an_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on(rule: Manifest) -> None:
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["alert"].startswith("Mixpeek")
    assert annotations["runbook_url"].endswith(f"/docs/runbooks/{rule['alert']}.md")
    # What a message quotes has to be among the labels that the expression leaves.
    quoted = set(re.findall(r"\$labels\.(\w+)", str(annotations)))
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
    assert quoted <= kept


_PARTS = ("## What it means", "## Impact", "## Find out", "## What to do", "## Silence it")


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("*.md")}
    assert pages - {"README"} == RULES.keys()
    assert all(f"({name}.md)" in (RUNBOOKS / "README.md").read_text() for name in RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_page_tells_all_that_is_needed_at_night(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(_PARTS)
    assert f"severity: {RULES[name]['labels']['severity']}" in text.lower()
    find_out = text.partition("## Find out")[2].partition("## What to do")[0]
    assert re.search(r"```(sh\nkubectl |promql\n)", find_out), "commands to begin with"


def _excluded(name: str) -> set[str]:
    return {reason for words in re.findall(r'reason!~"([^"]*)"', RULES[name]["expr"]) for reason in words.split("|")}


def test_what_the_user_must_act_on_wakes_nobody_else() -> None:
    users = {reason for reason, info in REASONS.items() if info.who is Who.USER}
    covered = set[Reason]().union(*_COVERED.values())
    assert _excluded("MixpeekNamespaceStuck") == users | covered
    assert _excluded("MixpeekExpiryLate") == users


def test_the_alerts_that_cover_a_reason_are_there() -> None:
    assert _COVERED.keys() <= RULES.keys()
    told = re.findall(r'reason=~?"([^"]*)"', RULES["MixpeekCollectionLost"]["expr"])[0].split("|")
    assert set(told) == _COVERED["MixpeekCollectionLost"]


def _state_metrics() -> list[Manifest]:
    content = yaml.safe_load(STATE_METRICS.read_text())
    assert content["kind"] == "CustomResourceStateMetrics"
    resources: list[Manifest] = content["spec"]["resources"]
    return resources


_SCHEMAS = {
    definition["spec"]["names"]["kind"]: definition
    for definition in map(custom_resource_definition, (NAMESPACES, CLUSTERS))
}
_METADATA = {
    "name": {"type": "string"},
    "namespace": {"type": "string"},
    "generation": {"type": "integer"},
    "creationTimestamp": {"type": "string", "format": "date-time"},
    "deletionTimestamp": {"type": "string", "format": "date-time"},
}
_STATUS_OF_A_CONDITION = ("True", "False", "Unknown")


def _schema(kind: str) -> Manifest:
    (version,) = _SCHEMAS[kind]["spec"]["versions"]
    schema: Manifest = version["schema"]["openAPIV3Schema"]
    return {**schema, "properties": {**schema["properties"], "metadata": {"properties": _METADATA}}}


def _at(schema: Manifest, path: list[str]) -> Manifest:
    """The schema of what a path leads to; a list's is that of its items."""
    for name in path:
        schema = schema.get("items", schema)["properties"][name]
    result: Manifest = schema.get("items", schema)
    return result


def _is_number(schema: Manifest) -> bool:
    """Whether kube-state-metrics can read it as one: a number, a time, or a condition's word."""
    is_word = tuple(schema.get("enum", ())) == _STATUS_OF_A_CONDITION
    return schema["type"] in ("integer", "number", "boolean") or schema.get("format") == "date-time" or is_word


_ENTRIES = [
    pytest.param(resource, metric, id=metric["name"]) for resource in _state_metrics() for metric in resource["metrics"]
]


@pytest.mark.parametrize(("resource", "metric"), _ENTRIES)
def test_kube_state_metrics_is_told_of_fields_that_exist(resource: Manifest, metric: Manifest) -> None:
    schema = _schema(resource["groupVersionKind"]["kind"])
    each = metric["each"]
    (shape,) = [each[name] for name in each if name != "type"]
    target = _at(schema, shape["path"]) if shape["path"] else schema
    for path in shape.get("labelsFromPath", {}).values():
        assert _at(target, path)["type"] == "string"
    for path in resource["labelsFromPath"].values():
        assert _at(schema, path)["type"] == "string"
    if each["type"] == "Gauge":
        assert _is_number(_at(target, shape.get("valueFrom", [])))
    else:
        assert each["type"] == "Info"
        assert shape["labelsFromPath"]


def test_kube_state_metrics_finds_our_kinds_by_their_plurals() -> None:
    """It would make namespaces of the kind Namespace, which are Kubernetes' own."""
    for resource in _state_metrics():
        definition = _SCHEMAS[resource["groupVersionKind"]["kind"]]["spec"]
        assert resource["resourcePlural"] == definition["names"]["plural"]
        assert resource["groupVersionKind"]["group"] == definition["group"]
        assert resource["groupVersionKind"]["version"] == definition["versions"][0]["name"]
        is_namespaced = "namespace" in resource["labelsFromPath"]
        assert is_namespaced == (definition["scope"] == "Namespaced")
    names = [metric["name"] for resource in _state_metrics() for metric in resource["metrics"]]
    assert len(names) == len(set(names))


def test_the_configmap_of_the_chart_is_the_file(chart: Chart) -> None:
    (manifest,) = [
        each for each in chart.render(CHANGED).all("ConfigMap") if each["metadata"]["name"].endswith("-state-metrics")
    ]
    assert manifest["metadata"]["labels"]["team"] == "search"
    assert yaml.safe_load(manifest["data"]["config.yaml"]) == yaml.safe_load(STATE_METRICS.read_text())


def test_the_monitoring_page_lists_every_alert() -> None:
    text = Path(REPOSITORY / "docs" / "monitoring.md").read_text()
    rows: dict[str, Any] = dict(re.findall(r"\| \[(\w+)\]\(runbooks/\w+\.md\) \| (\w+) \|", text))
    assert rows == {name: rule["labels"]["severity"] for name, rule in RULES.items()}
