"""The alerts, by promtool: each fires when it has to and not otherwise, over series that the operator really has."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from devstack.paths import REPOSITORY
from devstack.prometheus import find_programs
from namespace_operator.telemetry.catalog import METRICS, MetricInfo
from tests.chart.rendering import Chart, Manifest
from tests.chart.test_monitoring import ALERTS, CHANGED, RULES, RUNBOOKS
from tests.documents import blocks
from tests.unit.telemetry.specimen import series_names, specimen

CASES = Path(__file__).parent / "alerts.test.yaml"

_TESTS: list[Manifest] = yaml.safe_load(CASES.read_text())["tests"]
_SERIES = re.compile(r"(\w+)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_OF_THE_SCRAPE = {"job", "instance"}
_BY_SERIES = {name: info for info in METRICS for name in info.series_names}


@cache
def _names() -> dict[str, frozenset[str]]:
    return series_names(specimen())


def _promtool(*arguments: str, directory: Path | None = None) -> str:
    command = [str(find_programs().promtool), *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_alert_fires_when_it_has_to_and_not_otherwise(tmp_path: Path) -> None:
    for file in (ALERTS, CASES):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert "SUCCESS" in _promtool("test", "rules", CASES.name, directory=tmp_path)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_that_says_the_opposite_fails_its_tests(name: str, tmp_path: Path) -> None:
    rules, cases = yaml.safe_load(ALERTS.read_text()), yaml.safe_load(CASES.read_text())
    (rule,) = [rule for group in rules["groups"] for rule in group["rules"] if rule["alert"] == name]
    rule["expr"] = f"absent({rule['expr']})"
    cases["tests"] = [test for test in cases["tests"] if test["name"].startswith(f"{name}: ")]
    for file, content in ((ALERTS, rules), (CASES, cases)):
        (tmp_path / file.name).write_text(yaml.safe_dump(content))
    with pytest.raises(AssertionError, match="FAILED"):
        _promtool("test", "rules", CASES.name, directory=tmp_path)


@pytest.mark.parametrize("name", RULES)
def test_each_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    mine = [test for test in _TESTS if test["name"].startswith(f"{name}: ")]
    asked = [asked for test in mine for asked in test["promql_expr_test"]]
    assert all(f'alertname="{name}"' in each["expr"] for each in asked)
    firing = [test for test in mine if any(each["exp_samples"] for each in test["promql_expr_test"])]
    silent = [test for test in mine if not any(each["exp_samples"] for each in test["promql_expr_test"])]
    assert firing
    assert silent
    severity = RULES[name]["labels"]["severity"]
    told = [sample["labels"] for each in asked for sample in each["exp_samples"]]
    assert all(f'severity="{severity}"' in labels for labels in told)


def _selected(text: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each metric of the operator's in an expression, with its matchers: label, operator, value."""
    for match in re.finditer(r"\b(namespace_operator_\w+)(\{[^}]*\})?", text):
        yield match[1], _LABEL.findall(match[2] or "")


def _check(name: str, labels: list[tuple[str, str, str]], names: dict[str, frozenset[str]]) -> None:
    assert name in names, f"the operator exposes no {name}"
    for label, operator, value in labels:
        assert label in names[name] | _OF_THE_SCRAPE, f"{name} has no label {label}"
        closed = _closed(_BY_SERIES[name], label)
        words = value.split("|") if "~" in operator else [value]
        assert not closed or set(words) <= closed, f"{name}: {label} is never {value}"


def _closed(info: MetricInfo, label: str) -> set[str]:
    return set(info.labels[label].values) if label in info.labels else set()


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_series_that_the_operator_has(name: str) -> None:
    selected = list(_selected(RULES[name]["expr"]))
    assert selected
    for metric, labels in selected:
        _check(metric, labels, _names())


@pytest.mark.parametrize("test", _TESTS, ids=[test["name"] for test in _TESTS])
def test_a_test_plays_series_that_the_operator_has(test: Manifest) -> None:
    names = _names()
    for played in test["input_series"]:
        match = _SERIES.fullmatch(played["series"])
        assert match is not None
        labels = _LABEL.findall(match[2])
        _check(match[1], labels, names)
        assert {label for label, _, _ in labels} == names[match[1]] | _OF_THE_SCRAPE


def test_the_rules_of_the_chart_are_rules(chart: Chart, tmp_path: Path) -> None:
    assert f"{len(RULES)} rules found" in _promtool("check", "rules", str(ALERTS))
    changed = chart.render(CHANGED).one("PrometheusRule")
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(changed["spec"]))
    assert f"{len(RULES) - 1} rules found" in _promtool("check", "rules", str(tmp_path / "changed.yaml"))


def _documented() -> dict[str, str]:
    """Every query that a page gives, by the page and its place there; several in a block are a line apart."""
    found: dict[str, str] = {}
    for block in blocks("promql"):
        found |= {f"{block} {number}": query for number, query in enumerate(block.text.strip().split("\n\n"))}
    for page in sorted(RUNBOOKS.glob("*.md")):
        inline = re.findall(r"`([^`\n]*namespace_operator_[^`\n]*\[[^`\n]*)`", page.read_text())
        found |= {f"{page.name} {number}": query for number, query in enumerate(inline)}
    return found


@pytest.mark.parametrize("query", _documented().values(), ids=_documented())
def test_a_query_of_the_documentation_is_one(query: str, tmp_path: Path) -> None:
    rules = {"groups": [{"name": "documented", "rules": [{"record": "documented", "expr": query}]}]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    _promtool("check", "rules", str(tmp_path / "rules.yaml"))
    for name, labels in _selected(query):
        _check(name, labels, _names())


def test_the_pages_name_no_metric_that_there_is_not() -> None:
    names = {*_names(), *(info.full_name for info in METRICS)}
    parts = {name.rpartition("_")[0] for name in names} | {"namespace_operator_queue"}
    for page in (REPOSITORY / "docs").rglob("*.md"):
        for name in re.findall(r"\bnamespace_operator_[a-z_]+\b", page.read_text()):
            assert name in names | parts, f"{page.name} names {name}"


def test_the_scrape_of_the_documentation_is_one(tmp_path: Path) -> None:
    (config,) = [block.text for block in blocks("yaml") if "scrape_configs" in block.text]
    (tmp_path / "alerts.yaml").write_bytes(ALERTS.read_bytes())
    parsed = yaml.safe_load(config)
    (scrape,) = parsed["scrape_configs"]
    # Debian's Prometheus is built without Kubernetes.
    (discovery,) = scrape.pop("kubernetes_sd_configs")
    assert discovery["role"] == "endpoints"
    scrape["static_configs"] = [{"targets": ["127.0.0.1:8080"]}]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(parsed))
    _promtool("check", "config", "prometheus.yaml", directory=tmp_path)
