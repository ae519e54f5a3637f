"""Every expression of every dashboard and alert, asked of a real Prometheus that scrapes the real operator at work."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack import build
from devstack.dashboards.model import load_all
from devstack.dashboards.queries import Answer, Window, answers, chosen, keep
from devstack.kubeapi import KubeApi
from devstack.monitoring import PodTargets, Prometheus
from devstack.paths import REPOSITORY
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.state_metrics import Configuration, StateMetrics
from tests.chart.rendering import Chart, Rendered, with_required
from tests.integration.busy_minute import SHOWN, BusyMinute
from tests.integration.clusters import Clusters
from tests.integration.support import Organization, Platform, eventually

RECORDING = "DASHBOARDS_RECORDING"
"""Environment variable: the file to keep the answers in, from which `make pictures` draws."""

_JOB = f"{RELEASE}-metrics"
_STATE_METRICS = "kube-state-metrics"
RIGHTLY_ABSENT = {
    'namespace_operator_namespaces{reason="InternalError"}': "no reconcile ends in a defect of the operator",
}
"""Series of alerts that a healthy operator does not have, and why; those of the same name with other labels it has."""

_SELECTOR = re.compile(r"\b(?:namespace_operator|kube_customresource|process)_\w+(?:\{[^}]*\})?|\bup\{[^}]*\}")


@dataclass(frozen=True)
class Watched:
    """The minute as Prometheus saw it; ``wishes`` are the values of the dashboards' variables."""

    prometheus: Prometheus
    window: Window
    wishes: dict[str, str]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """What the chart brings for a monitoring stack."""
    chart = Chart(build.ensure(["helm"]).helm, tmp_path_factory.mktemp("helm"))
    parts = ("dashboards", "prometheusRule", "stateMetrics")
    return chart.render(with_required({"metrics": {part: {"enabled": True} for part in parts}}))


@pytest.fixture(scope="module")
def prometheus(platform: Platform, shipped: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, with the chart's alerts, over the operator's Pods and the series of kube-state-metrics."""
    directory = tmp_path_factory.mktemp("prometheus")
    rules, pods = directory / "alerts.yml", directory / "pods.json"
    rules.write_text(yaml.safe_dump(shipped.one("PrometheusRule")["spec"]))
    api = KubeApi.from_kubeconfig(platform.stack.kubeconfig)
    selector = f"app.kubernetes.io/name={RELEASE},app.kubernetes.io/instance={RELEASE}"
    with (
        PodTargets(api, pods, namespace=RELEASE_NAMESPACE, selector=selector, service=_JOB),
        StateMetrics(api, Configuration.model_validate(_state_metrics(shipped))) as state_metrics,
        Prometheus(
            directory, files={_JOB: pods}, addresses={_STATE_METRICS: state_metrics.address}, rule_files=[rules]
        ) as running,
    ):
        expected = {_JOB: "up", _STATE_METRICS: "up"}
        eventually(
            lambda: {job: "".join({*found}) for job, found in running.up().items()} == expected, "all targets up"
        )
        yield running


@pytest.fixture(scope="module")
def watched(platform: Platform, clusters: Clusters, prometheus: Prometheus) -> Iterator[Watched]:
    """A busy minute."""
    began = time.time()
    organization: Organization = platform.create_organization("busy")
    BusyMinute(platform, organization, clusters, prometheus).run()
    window = Window(began, time.time())
    print(f"the busy minute took {window.seconds} s")
    yield Watched(prometheus, window, {"job": _JOB, "organization": organization.name, "name": SHOWN})
    organization.delete()


def _state_metrics(shipped: Rendered) -> Any:
    """The configuration of kube-state-metrics that the chart brings."""
    found = [each for each in shipped.all("ConfigMap") if "state-metrics" in each["metadata"]["name"]]
    ((text,),) = [each["data"].values() for each in found]
    return yaml.safe_load(text)


def _expressions(shipped: Rendered) -> set[str]:
    """All expressions of the dashboards as the chart brings them."""
    texts = [
        text
        for each in shipped.all("ConfigMap")
        if "-dashboard-" in each["metadata"]["name"]
        for text in each["data"].values()
    ]
    panels = [panel for text in texts for panel in json.loads(text)["panels"]]
    return {target["expr"] for panel in panels for target in panel.get("targets", ())}


def _fired_by_promtool() -> set[str]:
    """The alerts that the unit tests of the rules make fire."""
    tests = yaml.safe_load((REPOSITORY / "tests" / "chart" / "alerts.test.yaml").read_text())["tests"]
    return {
        test["name"].partition(":")[0]
        for test in tests
        if any(case["exp_samples"] for case in test["promql_expr_test"])
    }


def test_every_expression_of_every_panel_has_data(shipped: Rendered, watched: Watched) -> None:
    dashboards = load_all()
    recorded: dict[str, list[Answer]] = {}
    for name, dashboard in dashboards.items():
        values = chosen(dashboard, watched.prometheus, watched.wishes)
        recorded[name] = answers(dashboard, watched.prometheus, values, watched.window)
    asked = [answer for found in recorded.values() for answer in found]
    assert {answer.target.expr.strip() for answer in asked} == _expressions(shipped)
    empty = [f"{answer.panel.title}: {answer.expr}" for answer in asked if not answer.numbers]
    print(f"{len(asked)} expressions of {len(dashboards)} dashboards, {sum(len(a.series) for a in asked)} series")
    if os.environ.get(RECORDING):
        keep(Path(os.environ[RECORDING]), watched.window, recorded)
    assert empty == []


def test_every_alert_has_data_or_is_made_of_what_has(watched: Watched) -> None:
    prometheus, window = watched.prometheus, watched.window
    rules, fired = prometheus.alerts(), _fired_by_promtool()
    assert RIGHTLY_ABSENT.keys() <= {selector for rule in rules for selector in _SELECTOR.findall(rule["query"])}
    firing, silent = [], []
    for rule in rules:
        assert rule["health"] == "ok", rule
        if prometheus.over(rule["query"], window.start, window.end, 1):
            firing.append(rule["name"])
            continue
        # Nothing is wrong. That it would be told: promtool's tests let it fire, and all that it looks at is there.
        silent.append(rule["name"])
        assert rule["name"] in fired, f"no test of promtool's lets {rule['name']} fire"
        selectors = _SELECTOR.findall(rule["query"])
        assert selectors, rule["query"]
        for selector in (each.partition("{")[0] if each in RIGHTLY_ABSENT else each for each in selectors):
            assert prometheus.over(selector, window.start, window.end, 1), f"{rule['name']}: no series of {selector}"
    print(f"{len(rules)} alerts: {len(firing)} true in that minute ({', '.join(firing)}), {len(silent)} rightly silent")
