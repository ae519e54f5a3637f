"""The Deployment: hardened, available, and what users may add to it."""

from typing import Any

import pytest
import yaml

from devstack.paths import CHART
from namespace_operator import __version__
from tests.chart.rendering import FULLNAME, Chart, Rendered, Values, with_required


def test_the_pod_has_no_more_power_than_it_needs(rendered: Rendered) -> None:
    assert rendered.pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert rendered.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & rendered.pod.keys()
    assert rendered.pod["enableServiceLinks"] is False


def test_only_tmp_can_be_written(rendered: Rendered) -> None:
    volumes = {volume["name"]: volume for volume in rendered.pod["volumes"]}
    writable = [mount for mount in rendered.container["volumeMounts"] if not mount.get("readOnly")]
    assert [mount["mountPath"] for mount in writable] == ["/tmp"]
    assert volumes[writable[0]["name"]] == {"name": writable[0]["name"], "emptyDir": {}}


def test_a_new_pod_is_ready_before_an_old_one_goes(rendered: Rendered) -> None:
    spec = rendered.one("Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_a_node_is_drained_one_replica_at_a_time(chart: Chart, rendered: Rendered) -> None:
    deployment, budget = rendered.one("Deployment"), rendered.one("PodDisruptionBudget")
    assert budget["spec"] == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": deployment["spec"]["selector"],
    }
    for values in ({"operator": {"replicas": 1}}, {"podDisruptionBudget": {"enabled": False}}):
        assert not chart.render(with_required(values)).all("PodDisruptionBudget")
    many = chart.render(with_required({"operator": {"replicas": 3}, "podDisruptionBudget": {"maxUnavailable": "34%"}}))
    assert many.one("Deployment")["spec"]["replicas"] == 3
    assert many.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == "34%"


def test_replicas_avoid_a_common_node(rendered: Rendered) -> None:
    (constraint,) = rendered.pod["topologySpreadConstraints"]
    assert constraint == {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "matchLabelKeys": ["pod-template-hash"],
        "labelSelector": rendered.one("Deployment")["spec"]["selector"],
    }


def test_the_command_needs_no_image_to_be_read(rendered: Rendered) -> None:
    assert rendered.container["command"] == ["namespace-operator", "run"]
    assert "args" not in rendered.container


def test_probes_ask_the_health_server(rendered: Rendered) -> None:
    (port,) = rendered.container["ports"]
    environment = {variable["name"]: variable.get("value") for variable in rendered.container["env"]}
    assert str(port["containerPort"]) == environment["NAMESPACE_OPERATOR_HEALTH_PORT"]
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert rendered.container[probe]["httpGet"] == {"path": path, "port": port["name"]}


def test_the_pods_address_is_known_before_it_is_used(rendered: Rendered) -> None:
    names = [variable["name"] for variable in rendered.container["env"]]
    assert rendered.container["env"][names.index("POD_IP")]["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    assert names.index("POD_IP") < names.index("NAMESPACE_OPERATOR_HEALTH_HOST")


def test_the_selector_finds_the_pods_and_survives_an_upgrade(rendered: Rendered) -> None:
    spec = rendered.one("Deployment")["spec"]
    selector = spec["selector"]["matchLabels"]
    assert selector.items() <= spec["template"]["metadata"]["labels"].items()
    # A Deployment's selector cannot be changed, so nothing in it may change with the version.
    assert selector == {"app.kubernetes.io/name": "namespace-operator", "app.kubernetes.io/instance": "release"}


def test_everything_namespaced_is_in_the_releases_namespace(rendered: Rendered) -> None:
    everywhere = ("Cluster", "CustomResource", "ValidatingAdmission", "MutatingAdmission")
    namespaced = [m for m in rendered.manifests if not m["kind"].startswith(everywhere)]
    assert {m["metadata"].get("namespace") for m in namespaced} == {"operator-system"}


def test_the_image_is_the_charts_version_unless_said_otherwise(chart: Chart, rendered: Rendered) -> None:
    assert rendered.container["image"] == f"mixpeek/namespace-operator:{__version__}"
    digest = "sha256:" + "a" * 64
    for image, reference in (
        ({"tag": "1.2.3"}, "mixpeek/namespace-operator:1.2.3"),
        ({"repository": "registry.example:5000/op", "digest": digest}, f"registry.example:5000/op:0.1.0@{digest}"),
    ):
        assert chart.render(with_required({"image": image})).container["image"] == reference


def test_one_version_everywhere() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


def test_what_users_add_is_there(chart: Chart) -> None:
    toleration = {"key": "dedicated", "operator": "Exists"}
    affinity: dict[str, Any] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    }
    rendered = chart.render(
        with_required(
            {
                "podLabels": {"team": "search"},
                "podAnnotations": {"example.com/scrape": "yes"},
                "nodeSelector": {"kubernetes.io/arch": "arm64"},
                "tolerations": [toleration],
                "affinity": affinity,
                "imagePullSecrets": [{"name": "registry"}],
                "serviceAccount": {"annotations": {"example.com/role": "operator"}},
                "operator": {"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]},
            }
        )
    )
    metadata = rendered.one("Deployment")["spec"]["template"]["metadata"]
    assert metadata["labels"]["team"] == "search"
    assert metadata["annotations"]["example.com/scrape"] == "yes"
    assert rendered.pod["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    assert rendered.pod["tolerations"] == [toleration]
    assert rendered.pod["affinity"] == affinity
    assert rendered.pod["imagePullSecrets"] == [{"name": "registry"}]
    assert rendered.one("ServiceAccount")["metadata"]["annotations"] == {"example.com/role": "operator"}
    assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in rendered.container["env"]


def test_the_pod_has_its_place_and_its_rank(chart: Chart) -> None:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    other = {"matchLabels": {"app": "other"}}
    values = {
        "priorityClassName": "platform",
        "topologySpreadConstraints": [constraint, {**constraint, "labelSelector": other}],
    }
    rendered = chart.render(with_required(values))
    selector = rendered.one("Deployment")["spec"]["selector"]
    assert rendered.pod["priorityClassName"] == "platform"
    assert rendered.pod["topologySpreadConstraints"] == [
        {**constraint, "labelSelector": selector},
        {**constraint, "labelSelector": other},
    ]


def test_what_is_not_set_is_left_to_the_cluster(chart: Chart, rendered: Rendered) -> None:
    assert not {"priorityClassName", "nodeSelector", "affinity"} & rendered.pod.keys()
    assert "topologySpreadConstraints" not in chart.render(with_required({"topologySpreadConstraints": []})).pod


def test_volumes_of_the_user_come_after_the_charts(chart: Chart, rendered: Rendered) -> None:
    volume = {"name": "authority", "configMap": {"name": "authority"}}
    mount = {"name": "authority", "mountPath": "/etc/ssl/private-authority", "readOnly": True}
    more = chart.render(with_required({"extraVolumes": [volume], "extraVolumeMounts": [mount]}))
    assert more.pod["volumes"] == [*rendered.pod["volumes"], volume]
    assert more.container["volumeMounts"] == [*rendered.container["volumeMounts"], mount]


def test_notes_lead_to_this_release(chart: Chart) -> None:
    notes = chart.notes(with_required({"operator": {"watchNamespaces": ["shop"]}}))
    assert f"--namespace operator-system logs deployment/{FULLNAME}" in notes
    sample = notes.partition("<<EOF\n")[2].partition("\nEOF\n")[0]
    assert yaml.safe_load(sample)["kind"] == "Namespace"
    assert "kubectl apply --namespace shop" in notes
    assert "No API key" in notes
    assert "No API key" not in chart.notes(with_required({"qdrant": {"apiKeySecretRef": {"name": "qdrant"}}}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "helm test release --namespace operator-system"),
        ({}, "the role edit or admin"),
        ({"networkPolicy": {"enabled": True}}, "The Pod's network is closed"),
        ({"networkPolicy": {"enabled": True}}, "Nobody can\nread its metrics"),
        ({"admissionPolicies": {"enabled": False}}, "Nobody checks who may adopt"),
        ({"rbac": {"create": False}}, f"helm test needs those of {FULLNAME}-test"),
    ],
)
def test_notes_say_what_these_values_mean(chart: Chart, values: Values, words: str) -> None:
    assert words in chart.notes(with_required(values))


def test_notes_are_silent_of_what_is_not_so(chart: Chart) -> None:
    monitoring = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    values = {
        "networkPolicy": {"enabled": True, "metrics": {"namespaceSelector": monitoring}},
        "admissionPolicies": {"enabled": False, "enforcedElsewhere": True},
        "rbac": {"aggregate": False},
        "selfTest": {"enabled": False},
    }
    notes = chart.notes(with_required(values))
    for words in ("read its metrics", "Nobody checks", "the role edit", "helm test", "rbac.create is false"):
        assert words not in notes
