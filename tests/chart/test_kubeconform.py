"""Every manifest of every set of values against the schemas of the oldest, our own and the newest Kubernetes.

Unlike the dry run on the API server this needs no server, and it tells of versions that the local stack is not.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack import kubeconform
from devstack.kubeconform import KubeconformError
from devstack.paths import CHART, EXAMPLES, REPOSITORY
from tests.chart.rendering import Chart, Manifest, Rendered
from tests.chart.value_sets import VALUE_SETS

OLDEST, NEWEST = "1.30", "1.37"
VERSIONS = (OLDEST, "1.36", NEWEST)
FINALIZER_POLICY = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
"""What the chart makes only where there is such a kind."""
SINCE = {FINALIZER_POLICY: "1.36"}


@pytest.fixture(scope="module")
def crd_schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Schemas of our kinds and of others' kinds that the chart makes objects of."""
    directory = tmp_path_factory.mktemp("schemas")
    files = [*(REPOSITORY / "crds").glob("*.yaml"), *(REPOSITORY / "tests/integration/prometheus").glob("*.yaml")]
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]
    kubeconform.write_crd_schemas(documents, directory)
    return directory


def stream(manifests: list[Manifest]) -> str:
    """A YAML stream of manifests."""
    return "\n---\n".join(map(json.dumps, manifests))


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """A version of Kubernetes."""
    return str(request.param)


@pytest.fixture(scope="module")
def manifests(chart: Chart, version: str) -> list[Manifest]:
    """All that helm makes of all sets on a cluster of this version, its test included, each manifest once."""
    kinds = [word for kind, since in SINCE.items() if version >= since for word in ("--api-versions", kind)]
    distinct: dict[str, Manifest] = {}
    for values in VALUE_SETS.values():
        rendered = chart.render(values, "--kube-version", f"{version}.0", *kinds)
        distinct |= {json.dumps(manifest): manifest for manifest in (*rendered.manifests, *rendered.hooks)}
    return list(distinct.values())


def test_every_manifest_is_what_kubernetes_expects(manifests: list[Manifest], version: str, crd_schemas: Path) -> None:
    assert kubeconform.check(stream(manifests), version, crd_schemas) == len(manifests)


def test_the_sets_are_many_and_bring_every_kind_that_there_is(manifests: list[Manifest], version: str) -> None:
    assert len(VALUE_SETS) >= 12
    files = [*(CHART / "templates").rglob("*.yaml"), *(CHART / "templates").rglob("*.tpl")]
    templates = "\n".join(path.read_text() for path in files)
    written = set(re.findall(r"^kind: (\w+)$", templates, re.MULTILINE))
    later = {f"MutatingAdmissionPolicy{end}" for end in ("", "Binding")} if version < SINCE[FINALIZER_POLICY] else set()
    assert {manifest["kind"] for manifest in manifests} == written - later


def test_the_oldest_version_is_the_one_that_the_chart_asks_for() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"] == f">={OLDEST}.0-0"


def test_the_examples_are_what_our_own_definitions_say(crd_schemas: Path) -> None:
    manifests = [
        document for path in EXAMPLES.rglob("*.yaml") for document in yaml.safe_load_all(path.read_text()) if document
    ]
    assert kubeconform.check(stream(manifests), NEWEST, crd_schemas) == len(manifests) > 2


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("Deployment", {"spec": {"replicasx": 1}}, "replicasx"),
        ("NetworkPolicy", {"spec": {"egress": [{"ports": [{"port": [53]}]}]}}, "port"),
        ("ClusterRole", {"rules": [{"verbs": "get"}]}, "verbs"),
        ("ServiceMonitor", {"spec": {"endpoints": [{"portx": "metrics"}]}}, "portx"),
        ("ServiceMonitor", {"apiVersion": "monitoring.coreos.com/v9"}, "could not find schema"),
    ],
)
def test_what_is_wrong_is_found(
    manifests: list[Manifest], version: str, crd_schemas: Path, kind: str, change: dict[str, Any], words: str
) -> None:
    wrong = next(dict(manifest) for manifest in manifests if manifest["kind"] == kind)
    for name, value in change.items():
        wrong[name] = {**wrong[name], **value} if isinstance(value, dict) else value
    with pytest.raises(KubeconformError, match=words):
        kubeconform.check(stream([wrong]), version, crd_schemas)


def test_a_key_that_stands_twice_is_found(rendered: Rendered, crd_schemas: Path) -> None:
    text = json.dumps(rendered.one("ServiceAccount"))
    twice = text.replace('"apiVersion": "v1",', '"apiVersion": "v1", "apiVersion": "v1",', 1)
    assert twice != text
    with pytest.raises(KubeconformError, match="already set"):
        kubeconform.check(twice, NEWEST, crd_schemas)


def test_what_a_definition_leaves_open_stays_open() -> None:
    closed = {"type": "object", "properties": {"a": {"type": "string", "nullable": True}}}
    assert kubeconform.strict(closed) == {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}},
        "additionalProperties": False,
    }
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {"type": "object"}}}
    assert kubeconform.strict(free) == free
    assert kubeconform.strict({"x-kubernetes-int-or-string": True}) == {"type": ["integer", "string"]}
    listed = kubeconform.strict({"type": "array", "items": closed})
    assert listed["items"]["additionalProperties"] is False
