"""Values: what is refused, and in which words."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from devstack.paths import CHART, REPOSITORY
from namespace_operator.api.crd import CLUSTERS, custom_resource_definition
from tests.chart.rendering import REQUIRED, Chart, ChartRefusedError, Values, with_required
from tests.chart.value_sets import VALUE_SETS


@pytest.mark.parametrize("values", VALUE_SETS.values(), ids=VALUE_SETS.keys())
def test_lint_and_render(chart: Chart, values: Values) -> None:
    assert "0 chart(s) failed" in chart.lint(values)
    assert chart.render(values).one("Deployment")


_EXAMPLES = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "docs" / "install.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", _EXAMPLES, ids=[example.partition(":")[0] for example in _EXAMPLES])
def test_documented_values_are_values(chart: Chart, example: str) -> None:
    values = yaml.safe_load(example)
    assert chart.render(with_required(values)).manifests


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ["'/qdrant'", "'url'", "'/mongodb/uriSecretRef'", "'name'"]),
        ({"qdrant": {"url": "http://qdrant:6333"}}, ["'/mongodb/uriSecretRef'", "'name'"]),
    ],
)
def test_missing_required_values_are_named(chart: Chart, values: Values, words: list[str]) -> None:
    with pytest.raises(ChartRefusedError) as refusal:
        chart.render(values)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    "path",
    [
        "replicas",
        "image.tags",
        "qdrant.apiKey",
        "qdrant.apiKeySecretRef.secret",
        "mongodb.uri",
        "mongodb.uriSecretRef.keys",
        "operator.worker",
        "serviceAccount.created",
        "rbac.rules",
        "resources.limit",
        "rbac.aggregated",
        "selfTest.image",
        "metrics.services",
        "metrics.service.type",
        "metrics.serviceMonitor.label",
        "metrics.dashboards.label",
        "networkPolicy.egress",
        "networkPolicy.qdrant.port",
        "networkPolicy.metrics.ports",
        "networkPolicy.metrics.namespaceSelector.labels",
        "affinity.nodeAffinities",
        "affinity.podAffinity.required",
        "tiers.dedicated",
        "tiers.shared.segmentNumber",
        "tiers.shared.collection.segment_number",
        "ray.gpuTypes.A100.selector",
        "secretAccess.secret",
    ],
)
def test_unknown_keys_are_refused_by_name(chart: Chart, path: str) -> None:
    with pytest.raises(ChartRefusedError, match=rf"additional properties '{path.rpartition('.')[2]}' not allowed"):
        chart.render(with_required(_nested(path, "x")))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("qdrant.url", "qdrant:6333"),
        ("qdrant.url", "https://user:password@qdrant:6333"),
        ("qdrant.timeoutSeconds", 0),
        ("mongodb.uriSecretRef.name", ""),
        ("mongodb.database", "a.b"),
        ("mongodb.timeoutSeconds", "3s"),
        ("operator.replicas", 0),
        ("lease.durationSeconds", 1),
        ("lease.durationSeconds", 8.5),
        ("lease.retrySeconds", 0),
        ("podDisruptionBudget.maxUnavailable", 0),
        ("podDisruptionBudget.maxUnavailable", "0%"),
        ("operator.workers", 0),
        ("operator.workers", 257),
        ("operator.resyncIntervalSeconds", 0),
        ("operator.watchNamespaces", "shop"),
        ("operator.watchNamespaces", ["Shop"]),
        ("operator.watchNamespaces", ["shop", "shop"]),
        ("operator.logLevel", "INFO"),
        ("operator.instanceName", ""),
        ("image.digest", "sha256:beef"),
        ("podLabels", {"team": 7}),
        ("catalog", {"extractors": []}),
        ("allowedEndpoints", ["http://qdrant:6333"]),
        ("allowedEndpoints", ["qdrant"]),
        ("allowedEndpoints", ["qdrant:0"]),
        ("allowedEndpoints", ["*:*/path"]),
        ("tiers.shared.collection.segmentNumber", 0),
        ("tiers.shared.collection.quantization", {"alwaysRam": True}),
        ("tiers.shared.overridable", ["vectors"]),
        ("tiers.dedicated_gpu.systemIndexes", ["brand"]),
        ("secretAccess.namespaces", ["team-*"]),
        ("secretAccess.secrets", [{"namespace": "platform", "names": []}]),
        ("secretAccess.secrets", [{"namespace": "platform"}]),
        ("secretAccess.secrets", [{"namespace": "platform", "names": ["a/b"]}]),
        ("selfTest.namespace", "Shop"),
        ("selfTest.timeoutSeconds", 0),
        ("metrics.serviceMonitor.interval", "often"),
        ("metrics.dashboards.labels", {"grafana_dashboard": 1}),
        ("metrics.dashboards.folder", 7),
        ("networkPolicy.qdrant.ports", [0]),
        ("networkPolicy.qdrant.ports", ["6333"]),
        ("networkPolicy.mongodb.to", [{}]),
        ("networkPolicy.mongodb.to", [{"host": "mongodb"}]),
        ("networkPolicy.extraEgress", [{"hosts": ["mongodb"]}]),
        ("tolerations", [{"taint": "dedicated"}]),
        ("topologySpreadConstraints", [{"topologyKey": "zone"}]),
        ("operator.extraEnv", [{"name": "A", "valueFrom": {"secretRef": {"name": "more"}}}]),
        ("operator.extraEnv", [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "more"}}}]),
        ("extraVolumes", [{"name": "tmp", "emptyDir": {}}]),
        ("extraVolumes", [{"name": "none"}]),
        ("extraVolumes", [{"name": "unknown", "glusterfs": {}}]),
        ("extraVolumeMounts", [{"name": "a", "mountPath": "/etc/namespace-operator/catalog"}]),
        ("extraVolumeMounts", [{"name": "a", "mountPath": "/etc"}]),
        ("extraVolumeMounts", [{"name": "a", "mountPath": "/tmp/"}]),
        ("extraVolumeMounts", [{"name": "a", "mountPath": "/var/run/secrets/kubernetes.io"}]),
        ("extraVolumeMounts", [{"name": "a", "mountPath": "relative"}]),
    ],
)
def test_wrong_values_are_refused_at_their_path(chart: Chart, path: str, value: Any) -> None:
    with pytest.raises(ChartRefusedError, match=f"at '/{path.replace('.', '/')}"):
        chart.render(with_required(_nested(path, value)))


@pytest.mark.parametrize("name", ["POD_IP", "NAMESPACE_OPERATOR_WORKERS"])
def test_extra_environment_cannot_shadow_the_charts(chart: Chart, name: str) -> None:
    values = with_required({"operator": {"extraEnv": [{"name": name, "value": "1"}]}})
    with pytest.raises(ChartRefusedError, match=f"extraEnv must not set {name}"):
        chart.render(values)


def test_somebody_elses_service_account_must_be_named(chart: Chart) -> None:
    with pytest.raises(ChartRefusedError, match=r"serviceAccount\.name is required"):
        chart.render(with_required({"serviceAccount": {"create": False}}))


@pytest.mark.parametrize(
    "lease",
    [
        {"renewDeadlineSeconds": 8},
        {"durationSeconds": 4},
        {"retrySeconds": 5},
        {"durationSeconds": 3, "renewDeadlineSeconds": 2, "retrySeconds": 2.5},
    ],
)
def test_a_lease_that_could_not_be_held_is_refused(chart: Chart, lease: Any) -> None:
    with pytest.raises(ChartRefusedError, match="retrySeconds must be less than renewDeadlineSeconds"):
        chart.render(with_required({"lease": lease}))


def test_old_clusters_are_refused(chart: Chart) -> None:
    with pytest.raises(ChartRefusedError, match=r"kubeVersion: >=1\.30\.0-0"):
        chart.render(REQUIRED, "--kube-version", "1.29.5")


def test_every_object_of_the_values_says_what_may_be_in_it() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    # A parent chart's values, the spec of another kind, and the sources of volumes, which the API server checks.
    open_ended = {"global", "ray.template", *(f"extraVolumes[].{source}" for source in _VOLUME_SOURCES)}
    assert set(_open_objects(schema, "")) == open_ended


_VOLUME_SOURCES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "hostPath", "image", "nfs", "persistentVolumeClaim"),
    *("projected", "secret"),
}


def _open_objects(schema: dict[str, Any], path: str) -> Iterator[str]:
    """The paths of objects whose keys the schema leaves open; definitions are looked at where they stand."""
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        yield path
    if schema.get("type") == "array" and "items" not in schema:
        yield path
    below = {**schema.get("properties", {}), **schema.get("definitions", {})}
    for name, value in below.items():
        yield from _open_objects(value, f"{path}.{name}".removeprefix("."))
    if "items" in schema:
        yield from _open_objects(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _open_objects(schema["additionalProperties"], f"{path}{{}}")


def test_profiles_are_held_to_what_the_operator_reads() -> None:
    """The values' schema and the model say the same of a tier."""
    definitions = json.loads((CHART / "values.schema.json").read_text())["definitions"]
    root = custom_resource_definition(CLUSTERS)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    tier = _as_values_schema(root["properties"]["spec"]["properties"]["tiers"]["items"])
    del tier["properties"]["name"], tier["required"]
    parameters = tier["properties"]["collection"]
    # What the rule of the model says.
    tier["properties"]["overridable"]["items"] = {"enum": list(parameters["properties"])}
    for name in ("collection", "sharedCollection"):
        assert tier["properties"][name] == parameters
        tier["properties"][name] = {"$ref": "#/definitions/collectionParameters"}
    assert definitions["collectionParameters"] == parameters
    assert definitions["tierProfile"] == tier


def _as_values_schema(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {"type", "minimum", "maximum", "maxItems", "enum", "required"}
    plain = {name: value for name, value in schema.items() if name in kept}
    if "enum" in plain:
        del plain["type"]
    if "x-kubernetes-list-type" in schema:
        plain["uniqueItems"] = True
    if "items" in schema:
        plain["items"] = _as_values_schema(schema["items"])
    if "properties" in schema:
        fields = {name: _as_values_schema(field) for name, field in schema["properties"].items()}
        plain |= {"additionalProperties": False, "properties": fields}
    return plain


def _nested(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    result: dict[str, Any] = value
    return result
