"""The dashboards as ConfigMaps that Grafana's sidecar finds."""

import json
from typing import Any

import pytest

from devstack.dashboards.grafana import grafana_json
from devstack.dashboards.model import NAMES, load
from tests.chart.rendering import FULLNAME, NAMESPACE, Chart, Rendered, Values, with_required

_LIMIT = 1_048_576
"""What a ConfigMap may hold, in bytes."""


def _with(**dashboards: Any) -> Values:
    return with_required({"metrics": {"dashboards": {"enabled": True, **dashboards}}})


def _maps(rendered: Rendered) -> dict[str, dict[str, Any]]:
    prefix = f"{FULLNAME}-dashboard-"
    maps = [each for each in rendered.all("ConfigMap") if each["metadata"]["name"].startswith(prefix)]
    return {each["metadata"]["name"].removeprefix(prefix): each for each in maps}


def test_there_are_none_unless_somebody_wants_them(rendered: Rendered) -> None:
    assert _maps(rendered) == {}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_what_its_description_says(chart: Chart, name: str) -> None:
    found = _maps(chart.render(_with()))
    assert found.keys() == set(NAMES)
    config_map = found[name]
    assert config_map["metadata"]["namespace"] == NAMESPACE
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config_map["metadata"]["labels"]["app.kubernetes.io/instance"] == "release"
    assert "annotations" not in config_map["metadata"]
    ((file, text),) = config_map["data"].items()
    assert file == f"{FULLNAME}-{name}.json"
    assert len(text.encode()) < _LIMIT / 4
    assert json.loads(text) == grafana_json(load(name))


def test_they_are_found_by_other_labels_and_put_into_a_folder(chart: Chart) -> None:
    values = _with(labels={"grafana_dashboard": "yes", "team": "search"}, annotations={"a": "b"}, folder="Mixpeek")
    for config_map in _maps(chart.render(values)).values():
        assert {"grafana_dashboard": "yes", "team": "search"}.items() <= config_map["metadata"]["labels"].items()
        assert config_map["metadata"]["annotations"] == {"a": "b", "grafana_folder": "Mixpeek"}


def test_links_lead_to_where_the_runbooks_are(chart: Chart) -> None:
    values = with_required(
        {"metrics": {"runbookUrl": "https://wiki.example.com/$1/{alert}", "dashboards": {"enabled": True}}}
    )
    text = json.dumps([each["data"] for each in _maps(chart.render(values)).values()])
    assert "github.com" not in text
    assert "https://wiki.example.com/$1/MixpeekQdrantDown" in text
    assert "https://wiki.example.com/$1/${__value.raw}" in text
