"""InfrastructureClusters by kubectl, and what the documents show of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from devstack.paths import EXAMPLES, REPOSITORY
from namespace_operator.api.cluster import CLUSTER_KIND
from namespace_operator.api.crd import CLUSTERS, NAMESPACES
from tests.integration.api_server import Server, manifest, objects_path
from tests.integration.support import Platform
from tests.unit.api.cases_clusters import CLUSTER_EXAMPLE

KINDS = {kind.kind: kind for kind in (NAMESPACES, CLUSTERS)}
PAGE = REPOSITORY / "docs" / "infrastructure.md"


def _documented() -> list[Any]:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [block for block in map(yaml.safe_load, blocks) if "kind" in block]


@pytest.mark.parametrize("shown", _documented(), ids=lambda shown: shown["kind"])
def test_the_documented_objects_are_accepted(policed: Server, shown: Any) -> None:
    path = objects_path(kind=KINDS[shown["kind"]])
    shown["metadata"].pop("namespace", None)
    answer = policed.send("POST", path, shown, dryRun="All")
    assert answer.accepted()["spec"] == shown["spec"]
    assert answer.warnings == ""


def test_both_kinds_are_documented() -> None:
    assert {shown["kind"] for shown in _documented()} == set(KINDS)


def test_the_example_is_accepted(platform: Platform) -> None:
    example = EXAMPLES / "platform" / "infrastructure-cluster.yaml"
    applied = platform.stack.kubectl("--warnings-as-errors", "apply", "--dry-run=server", "-f", str(example))
    assert applied == "infrastructurecluster.mixpeek.com/qdrant-b created (server dry run)\n"


def test_kubectl_shows_what_matters(platform: Platform) -> None:
    kubectl = platform.stack.kubectl
    secret = CLUSTER_EXAMPLE["qdrant"]["apiKeySecretRef"]
    unread = "nobody let the operator read the example's Secret"
    platform.intend_denials(("list", "watch"), "secrets", secret["namespace"], because=unread)
    kubectl("apply", "-f", "-", stdin=json.dumps(manifest("shown", CLUSTER_EXAMPLE, kind=CLUSTERS)))
    try:
        heading, row = kubectl("get", "iclstr", "shown").splitlines()
        columns = ["NAME", "ID", "READY", "REASON", "VERSION", "COLLECTIONS", "NAMESPACES", "DEFAULT", "AGE"]
        assert heading.split() == columns
        assert row.split()[:2] == ["shown", "iclstr_abc123xyz"]
        wide = kubectl("get", "iclstr", "shown", "-o", "wide")
        assert wide.splitlines()[0].split() == [*columns, "URL"]
        assert CLUSTER_EXAMPLE["qdrant"]["url"] in wide
        assert "infrastructurecluster.mixpeek.com/shown" in kubectl("get", "mixpeek", "-A", "-o", "name")
        assert f"KIND:       {CLUSTER_KIND}" in kubectl("explain", "iclstr.spec.tiers")
    finally:
        kubectl("delete", "iclstr", "shown")


def test_a_spec_is_as_it_was_written(policed: Server) -> None:
    """A stored default would make every `kubectl apply` of the same file a change."""
    path = objects_path(kind=CLUSTERS)
    created = policed.send("POST", path, manifest("written", CLUSTER_EXAMPLE, kind=CLUSTERS), dryRun="All")
    assert created.accepted()["spec"] == CLUSTER_EXAMPLE
