"""Every manifest of every set of values, before the real API server: it knows each field and would take each object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack import build
from devstack.commands import CommandError
from devstack.stack import Stack
from tests.chart.rendering import Chart
from tests.chart.value_sets import VALUE_SETS

PROMETHEUS_KINDS = (Path(__file__).parent / "prometheus" / "crd.yaml").read_text()
ALL_KINDS = ("--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy")

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """What the sets render, each manifest once."""
    chart = Chart(build.ensure(["helm"]).helm, tmp_path_factory.mktemp("helm"))
    distinct: dict[str, Manifest] = {}
    for values in VALUE_SETS.values():
        rendered = chart.render(values, *ALL_KINDS)
        for manifest in (*rendered.manifests, *rendered.hooks):
            distinct[json.dumps(manifest, sort_keys=True)] = manifest
    return list(distinct.values())


@pytest.fixture
def surroundings(stack: Stack, manifests: list[Manifest]) -> Iterator[None]:
    """What they take for granted: Kubernetes namespaces, a Pod's service account, a kind of somebody else's."""
    names = {manifest["metadata"].get("namespace") for manifest in manifests} - {None}
    wanted = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(names)]
    documents = [PROMETHEUS_KINDS, *map(json.dumps, wanted)]
    accounts = [json.dumps(manifest) for manifest in manifests if manifest["kind"] == "ServiceAccount"]
    stack.kubectl("apply", "-f", "-", stdin="\n---\n".join([*documents, *accounts]))
    crds = [f"crd/{name}.monitoring.coreos.com" for name in ("servicemonitors", "prometheusrules")]
    stack.kubectl("wait", "--for=condition=Established", *crds, "--timeout=30s")
    yield
    stack.kubectl("delete", "--wait=false", "-f", "-", stdin="\n---\n".join(documents))


def show(stack: Stack, documents: list[Manifest]) -> list[str]:
    """What the API server says of each, having stored none."""
    stdin = "\n---\n".join(map(json.dumps, documents))
    return stack.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=stdin).splitlines()


def test_the_api_server_takes_every_manifest_of_every_set(
    stack: Stack, manifests: list[Manifest], surroundings: None
) -> None:
    assert len(VALUE_SETS) >= 12
    said = show(stack, manifests)
    assert len(said) == len(manifests)
    assert {line.rpartition(" ")[2] for line in said} == {"run)"}
    # The same way finds what is wrong, also in a kind that is not Kubernetes' own.
    for kind, field in (
        ("Deployment", "replicas"),
        ("ServiceMonitor", "endpoints"),
        ("PrometheusRule", "groups"),
        ("NetworkPolicy", "egress"),
    ):
        wrong = next(manifest for manifest in manifests if manifest["kind"] == kind)
        with pytest.raises(CommandError, match=rf'unknown field "spec\.{field}x"'):
            show(stack, [{**wrong, "spec": {**wrong["spec"], f"{field}x": 1}}])
