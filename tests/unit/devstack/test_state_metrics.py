"""The stand-in for kube-state-metrics makes of an object what the documentation of the real one shows."""

from __future__ import annotations

import time
from typing import Any

import pytest
import urllib3
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from devstack.kubeapi import KubeApi, KubeApiError
from devstack.state_metrics import Configuration, StateMetrics, exposition

FOO = yaml.safe_load("""
kind: Foo
apiVersion: myteam.io/v1
metadata:
  annotations: {bar: baz, qux: quxx}
  labels: {foo: bar}
  name: foo
  creationTimestamp: "1970-01-01T00:01:00Z"
spec:
  version: v1.2.3
  replicas: 1
  paused: false
  refs: [my_other_foo, foo_2]
status:
  phase: Pending
  conditions:
    - {type: Ready, status: "True", reason: Fine}
    - {type: Synced, status: Unknown, reason: Busy}
  sub:
    type-a: {active: 1, ready: 2}
    type-b: {active: 3, ready: 4}
  uptime: 43.21
""")

KIND = {"customresource_group": "myteam.io", "customresource_kind": "Foo", "customresource_version": "v1"}

Series = tuple[dict[str, str], float]


def _series(metric: dict[str, Any], resource: dict[str, Any] | None = None) -> list[Series]:
    """The series of one metric, without the labels that all have."""
    about = {"group": "myteam.io", "version": "v1", "kind": "Foo"}
    entry = {"groupVersionKind": about, **(resource or {}), "metrics": [{"name": "it", "help": "Helps.", **metric}]}
    content = {"kind": "CustomResourceStateMetrics", "spec": {"resources": [entry]}}
    (configured,) = Configuration.model_validate(content).spec.resources
    (family,) = text_string_to_metric_families(exposition(configured, [FOO]))
    assert family.documentation == "Helps."
    for sample in family.samples:
        assert sample.name == "kube_customresource_it"
        assert KIND.items() <= sample.labels.items()
    told = [({k: v for k, v in each.labels.items() if k not in KIND}, each.value) for each in family.samples]
    return sorted(told, key=str)


def _gauge(**gauge: Any) -> dict[str, Any]:
    return {"each": {"type": "Gauge", "gauge": gauge}}


def _info(**info: Any) -> dict[str, Any]:
    return {"each": {"type": "Info", "info": info}}


def test_a_number_at_a_path() -> None:
    assert _series(_gauge(path=["status", "uptime"])) == [({}, 43.21)]


def test_what_is_not_there_has_no_series_unless_it_stands_for_zero() -> None:
    assert _series(_gauge(path=["status", "none"])) == []
    assert _series(_gauge(path=["status", "none"], nilIsZero=True)) == [({}, 0.0)]


def test_the_entries_of_a_map_with_their_keys() -> None:
    metric = _gauge(
        path=["status", "sub"], labelFromKey="type", labelsFromPath={"active": ["active"]}, valueFrom=["ready"]
    )
    assert _series(metric) == [({"active": "1", "type": "type-a"}, 2.0), ({"active": "3", "type": "type-b"}, 4.0)]


def test_one_entry_of_a_map() -> None:
    assert _series(_gauge(path=["status", "sub", "type-a"], valueFrom=["ready"])) == [({}, 2.0)]


def test_labels_of_the_metric_and_of_the_kind() -> None:
    metric = {
        **_gauge(path=["status", "uptime"]),
        "commonLabels": {"custom_metric": "yes"},
        "labelsFromPath": {"*": ["metadata", "labels"], "lorem_*": ["metadata", "annotations"]},
    }
    resource = {"labelsFromPath": {"name": ["metadata", "name"]}, "commonLabels": {"crd_type": "foo"}}
    own = {"custom_metric": "yes", "foo": "bar", "lorem_bar": "baz", "lorem_qux": "quxx"}
    assert _series(metric, resource) == [({"name": "foo", "crd_type": "foo", **own}, 43.21)]


def test_conditions_are_1_or_0_and_unknown_is_0() -> None:
    metric = _gauge(
        path=["status", "conditions"], labelsFromPath={"type": ["type"], "reason": ["reason"]}, valueFrom=["status"]
    )
    assert _series(metric) == [({"reason": "Busy", "type": "Synced"}, 0.0), ({"reason": "Fine", "type": "Ready"}, 1.0)]


def test_one_element_of_a_list() -> None:
    assert _series(_gauge(path=["status", "conditions", "[type=Ready]", "status"])) == [({}, 1.0)]
    assert _series(_gauge(path=["status", "conditions", "[type=None]", "status"])) == []
    assert _series(_info(path=["spec", "refs"], labelsFromPath={"ref": []})) == [
        ({"ref": "foo_2"}, 1.0),
        ({"ref": "my_other_foo"}, 1.0),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [(["metadata", "creationTimestamp"], 60.0), (["spec", "paused"], 0.0), (["spec", "replicas"], 1.0)],
)
def test_times_and_truth_are_numbers(path: list[str], value: float) -> None:
    assert _series(_gauge(path=path)) == [({}, value)]


def test_a_word_is_no_number() -> None:
    assert _series(_gauge(path=["status", "phase"])) == []


def test_what_there_is_to_know_is_labels_of_a_1() -> None:
    assert _series(_info(labelsFromPath={"version": ["spec", "version"]})) == [({"version": "v1.2.3"}, 1.0)]
    assert _series(_info(labelsFromPath={"version": ["spec", "none"]})) == []


def test_a_state_is_one_of_a_set() -> None:
    state_set = {"labelName": "phase", "path": ["status", "phase"], "list": ["Pending", "Bar"]}
    assert _series({"each": {"type": "StateSet", "stateSet": state_set}}) == [
        ({"phase": "Bar"}, 0.0),
        ({"phase": "Pending"}, 1.0),
    ]


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ({"each": {"type": "Gauge", "info": {}}}, "a metric of type Gauge has that"),
        (_gauge(paths=["status"]), "Extra inputs are not permitted"),
        ({"each": {"type": "Counter"}}, "Input should be 'Gauge', 'Info' or 'StateSet'"),
    ],
)
def test_what_the_real_one_does_not_know_is_refused(metric: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        _series(metric)


class Objects(KubeApi):
    """An API server with one object, which is away after the first list."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, path: str, **query: str) -> dict[str, Any]:
        self.asked.append(path)
        if len(self.asked) > 1:
            raise KubeApiError(0, "away")
        return {"items": [FOO]}


def test_it_answers_with_what_it_last_read() -> None:
    about = {"group": "myteam.io", "version": "v1", "kind": "Foo"}
    metric = {"name": "uptime", "help": "Helps.", **_gauge(path=["status", "uptime"])}
    entry = {"groupVersionKind": about, "resourcePlural": "foos", "metrics": [metric]}
    configuration = {"kind": "CustomResourceStateMetrics", "spec": {"resources": [entry]}}
    api = Objects()
    with StateMetrics(api, Configuration.model_validate(configuration)) as server:
        deadline = time.monotonic() + 10
        while len(api.asked) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        answer = urllib3.request("GET", f"http://{server.address}/metrics").data.decode()
    assert set(api.asked) == {"/apis/myteam.io/v1/foos"}
    assert "kube_customresource_uptime{" in answer
