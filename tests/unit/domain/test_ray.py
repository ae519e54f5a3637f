"""What Ray serves a namespace, the RayCluster that is made for it, and how a live one is read."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from namespace_operator.api.infrastructure import Infrastructure
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.endpoints import AllowedEndpoints, Endpoint, EndpointPattern
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Subject
from namespace_operator.domain.placement import Landscape, Ray, Site
from namespace_operator.domain.ray import RayOptions, WantedRay, wanted_ray
from namespace_operator.domain.ray_manifest import (
    NAME_MAX,
    GpuType,
    InvalidTemplate,
    Manifest,
    is_former,
    is_ours,
    manifest_for,
    ray_cluster_name,
    to_apply,
)
from namespace_operator.domain.ray_status import RayAddresses, addresses, cluster_status, readiness
from tests.unit.domain.builders import KEY, NAMESPACE_ID, UID, spec

SUBJECT = Subject(KEY, UID, "1", "k8s-uid", 1, spec())
POD = {"containers": [{"name": "ray", "resources": {"limits": {"cpu": 1}}}]}
TEMPLATE: dict[str, Any] = {
    "headGroupSpec": {"template": {"spec": POD}},
    "workerGroupSpecs": [{"replicas": 9, "template": {"metadata": {"creationTimestamp": None}, "spec": POD}}],
}
TOLERATION = {"key": "gpu", "operator": "Exists"}
OPTIONS = RayOptions(TEMPLATE, {"A100": GpuType({"gpu": "a100"}, (TOLERATION,))})
CPU = {"computeTier": "dedicated_cpu"}
GPU = {"computeTier": "dedicated_gpu", "gpuType": "A100", "gpusPerWorker": 2}
OWN = {"rayHeadNodeUrl": "ray://ray.example.com:10001"}
OWN_DASHBOARD = {"rayDashboardUrl": "http://ray.example.com:8265"}
FORBIDDEN = {"rayHeadNodeUrl": "ray://169.254.169.254:10001"}
FORBIDDEN_DASHBOARD = {"rayDashboardUrl": "http://169.254.169.254:8265"}
THERE = Ray("ray://shared:10001", "http://shared:8265")
ALLOWED = AllowedEndpoints((EndpointPattern.parse("ray.example.com:*"),))


def wanted(infrastructure: dict[str, Any], ray: Ray | None = None, options: RayOptions = OPTIONS) -> WantedRay:
    """What serves a namespace with this infrastructure."""
    site = Site(Endpoint("default", "http://qdrant:6333"), {}, ray=ray or Ray())
    landscape = Landscape(site, allowed_endpoints=ALLOWED)
    return wanted_ray(SUBJECT, Infrastructure.model_validate(infrastructure), site, landscape, options, NAMESPACE_ID)


Expected = tuple[str | None, str | None, bool, list[Reason]]
OTHER_TEMPLATE = TEMPLATE | {"rayVersion": "2.46.0"}

WANTED: dict[str, tuple[dict[str, Any], Ray, RayOptions, Expected]] = {
    "nothing named, shared": ({}, Ray(), OPTIONS, (None, None, False, [])),
    "shared, where the cluster has one": ({}, THERE, OPTIONS, ("ray://shared:10001", "http://shared:8265", False, [])),
    "shared, of its own": (OWN, THERE, OPTIONS, (OWN["rayHeadNodeUrl"], None, False, [])),
    "shared, not allowed": (FORBIDDEN, Ray(), OPTIONS, (None, None, False, [])),
    "dedicated, of its own": (
        CPU | OWN | OWN_DASHBOARD,
        THERE,
        OPTIONS,
        (OWN["rayHeadNodeUrl"], OWN_DASHBOARD["rayDashboardUrl"], False, []),
    ),
    "dedicated, where the cluster has one": (
        CPU,
        THERE,
        OPTIONS,
        ("ray://shared:10001", "http://shared:8265", False, []),
    ),
    "dedicated, made": (CPU, Ray(), OPTIONS, (None, None, True, [])),
    "dedicated, made by the cluster's template": (
        CPU,
        Ray(template=OTHER_TEMPLATE),
        RayOptions(),
        (None, None, True, []),
    ),
    "dedicated, nobody says how": (CPU, Ray(), RayOptions(), (None, None, False, [Reason.RAY_ENDPOINT_MISSING])),
    "dedicated, not allowed": (CPU | FORBIDDEN, THERE, OPTIONS, (None, None, False, [Reason.ENDPOINT_NOT_ALLOWED])),
    "only the dashboard is not allowed": (
        CPU | FORBIDDEN_DASHBOARD,
        Ray(),
        OPTIONS,
        (None, None, True, [Reason.ENDPOINT_NOT_ALLOWED]),
    ),
    "both are not allowed": (
        CPU | FORBIDDEN | FORBIDDEN_DASHBOARD,
        Ray(),
        OPTIONS,
        (None, None, False, [Reason.ENDPOINT_NOT_ALLOWED] * 2),
    ),
    "with GPUs": (GPU, Ray(), OPTIONS, (None, None, True, [])),
    "with GPUs nobody has": (
        GPU | {"gpuType": "H100"},
        Ray(),
        OPTIONS,
        (None, None, False, [Reason.RAY_CLUSTER_REJECTED]),
    ),
    "a template that is none": (
        CPU,
        Ray(template={"workerGroupSpecs": []}),
        OPTIONS,
        (None, None, False, [Reason.RAY_CLUSTER_REJECTED]),
    ),
}


@pytest.mark.parametrize(("infrastructure", "ray", "options", "expected"), WANTED.values(), ids=WANTED)
def test_wanted(infrastructure: dict[str, Any], ray: Ray, options: RayOptions, expected: Expected) -> None:
    found = wanted(infrastructure, ray, options)
    told = (found.addresses.head_node_url, found.addresses.dashboard_url)
    assert (*told, found.manifest is not None, [finding.reason for finding in found.findings]) == expected
    assert found.needs_none == (found.manifest is None and not found.findings)


@pytest.mark.parametrize(
    ("infrastructure", "message"),
    [
        ({}, None),
        ({"autoscalingEnabled": False, "gpusPerWorker": 0}, None),
        ({"autoscalingEnabled": True}, "infrastructure.autoscalingEnabled is ignored on computeTier shared"),
        (
            {"autoscalingEnabled": True, "maxWorkers": 3},
            "infrastructure.autoscalingEnabled, infrastructure.maxWorkers are ignored on computeTier shared",
        ),
        (CPU | {"autoscalingEnabled": True, "maxWorkers": 3}, None),
        (CPU | {"gpuType": "A100"}, "infrastructure.gpuType is ignored on computeTier dedicated_cpu"),
        (GPU, None),
    ],
)
def test_what_does_nothing_is_noted(infrastructure: dict[str, Any], message: str | None) -> None:
    assert [note.message for note in wanted(infrastructure).notes] == ([] if message is None else [message])


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("films", "ray-films"),
        ("1-films", "ray-1-films"),
        ("a" * 37, f"ray-{'a' * 37}"),
        ("a" * 38, f"ray-{'a' * 28}-"),
        ("films.v1", "ray-films-v1-"),
    ],
)
def test_names(name: str, made: str) -> None:
    assert ray_cluster_name(name).startswith(made)
    assert len(ray_cluster_name(name)) <= NAME_MAX
    assert (ray_cluster_name(name) == made) == (not made.endswith("-"))


def test_shortened_names_differ() -> None:
    names = ["a" * 60, "a" * 61, "films.v1", "films-v1", "films..v1"]
    assert len({ray_cluster_name(name) for name in names}) == len(names)


def made(infrastructure: dict[str, Any], template: dict[str, Any] = TEMPLATE, subject: Subject = SUBJECT) -> Manifest:
    """A manifest."""
    asked = Infrastructure.model_validate(infrastructure)
    return manifest_for(subject, asked, template, OPTIONS.gpu_types.get(asked.gpu_type or ""), NAMESPACE_ID)


def live_of(manifest: Manifest, **status: Any) -> dict[str, Any]:
    """The object that an apply makes."""
    live = deepcopy(manifest)
    live["metadata"] |= {"uid": "ray-uid", "resourceVersion": "5", "creationTimestamp": "2026-11-23T12:00:00Z"}
    live["spec"]["workerGroupSpecs"][0].setdefault("replicas", 0)
    return live | ({"status": status} if status else {})


def group_of(manifest: Manifest) -> dict[str, Any]:
    """Its workers."""
    groups: list[dict[str, Any]] = manifest["spec"]["workerGroupSpecs"]
    return groups[0]


def test_a_manifest_holds_our_fields() -> None:
    manifest = made(CPU)
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayCluster")
    assert manifest["metadata"]["ownerReferences"][0] | {"blockOwnerDeletion": False} == {
        "apiVersion": "mixpeek.com/v1",
        "kind": "Namespace",
        "name": "films",
        "uid": UID,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    group = group_of(manifest)
    assert {name: value for name, value in group.items() if name != "template"} == {
        "groupName": "workers",
        "minReplicas": 1,
        "maxReplicas": 10,
        "rayStartParams": {},
    }
    assert group["template"] == {"metadata": {}, "spec": POD}
    assert manifest["spec"]["headGroupSpec"]["rayStartParams"] == {}
    assert TEMPLATE["workerGroupSpecs"][0]["replicas"] == 9, "the template stays as it was"


@pytest.mark.parametrize(
    ("infrastructure", "expected"),
    [
        (CPU | {"minWorkers": 0, "maxWorkers": 4}, (True, 0, 4, None)),
        (CPU | {"autoscalingEnabled": True}, (True, 1, 10, None)),
        (CPU | {"autoscalingEnabled": False, "minWorkers": 3}, (False, 3, 10, 3)),
    ],
)
def test_workers(infrastructure: dict[str, Any], expected: tuple[object, ...]) -> None:
    manifest = made(infrastructure)
    group = group_of(manifest)
    scaling = manifest["spec"]["enableInTreeAutoscaling"]
    assert (scaling, group["minReplicas"], group["maxReplicas"], group.get("replicas")) == expected


def test_gpus() -> None:
    pod = group_of(made(GPU))["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": 1, "nvidia.com/gpu": "2"}
    assert pod["nodeSelector"] == {"gpu": "a100"}
    assert pod["tolerations"] == [TOLERATION]
    head = made(GPU)["spec"]["headGroupSpec"]["template"]["spec"]
    assert head == POD


def test_gpus_beside_what_the_template_has() -> None:
    pod = {
        "nodeSelector": {"pool": "ray"},
        "tolerations": [{"key": "ray"}],
        "containers": [{"name": "ray", "resources": {"requests": {"nvidia.com/gpu": "1"}}}],
    }
    template = TEMPLATE | {"workerGroupSpecs": [{"groupName": "g", "template": {"spec": pod}}]}
    found = group_of(made(GPU, template))["template"]["spec"]
    assert found["nodeSelector"] == {"pool": "ray", "gpu": "a100"}
    assert found["tolerations"] == [{"key": "ray"}, TOLERATION]
    assert found["containers"][0]["resources"]["requests"] == {"nvidia.com/gpu": "2"}


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"headGroupSpec": []},
        {"headGroupSpec": {"template": {"spec": POD}}},
        {"headGroupSpec": {"template": {"spec": {"containers": []}}}},
        {"headGroupSpec": {"template": "none"}},
        TEMPLATE | {"workerGroupSpecs": []},
        TEMPLATE | {"workerGroupSpecs": TEMPLATE["workerGroupSpecs"] * 2},
        TEMPLATE | {"workerGroupSpecs": ["none"]},
        TEMPLATE | {"workerGroupSpecs": [{"template": {"spec": POD | {"tolerations": "all"}}}]},
    ],
)
def test_templates_that_are_none(template: dict[str, Any]) -> None:
    with pytest.raises(InvalidTemplate):
        made(GPU, template)


def test_nothing_is_applied_that_changes_nothing() -> None:
    manifest = made(CPU)
    live = live_of(manifest)
    group_of(live).update({"replicas": 7, "scaleStrategy": {"workersToDelete": ["a"]}, "numOfHosts": 1})
    live["spec"]["suspend"] = True
    live["metadata"]["labels"]["team"] = "films"
    assert to_apply(manifest, live) is None


def test_a_change_takes_over_what_the_autoscaler_wrote() -> None:
    live = live_of(made(CPU))
    group_of(live).update({"replicas": 7, "scaleStrategy": {"workersToDelete": ["a"]}})
    change = to_apply(made(CPU | {"minWorkers": 2}), live)
    assert change is not None
    group = group_of(change)
    assert (group["minReplicas"], group["replicas"]) == (2, 7)
    assert group["scaleStrategy"] == {"workersToDelete": ["a"]}
    assert (change["metadata"]["uid"], change["metadata"]["resourceVersion"]) == ("ray-uid", "5")


@pytest.mark.parametrize(("replicas", "limited"), [(0, 2), (3, 3), (50, 4)])
def test_what_is_taken_over_keeps_to_the_limits(replicas: int, limited: int) -> None:
    live = live_of(made(CPU))
    group_of(live)["replicas"] = replicas
    change = to_apply(made(CPU | {"minWorkers": 2, "maxWorkers": 4}), live)
    assert change is not None
    assert group_of(change)["replicas"] == limited


def test_without_autoscaling_nothing_is_taken_over() -> None:
    live = live_of(made(CPU))
    group_of(live).update({"replicas": 7, "scaleStrategy": {"workersToDelete": ["a"]}})
    change = to_apply(made(CPU | {"autoscalingEnabled": False}), live)
    assert change is not None
    assert group_of(change)["replicas"] == 1
    assert "scaleStrategy" not in group_of(change)


def _without_owner(live: dict[str, Any]) -> None:
    live["metadata"]["ownerReferences"][0]["controller"] = False


def _more_workers(live: dict[str, Any]) -> None:
    group_of(live)["maxReplicas"] = 99


def _other_digest(live: dict[str, Any]) -> None:
    live["metadata"]["annotations"]["mixpeek.com/applied"] = "other"


def _no_labels(live: dict[str, Any]) -> None:
    del live["metadata"]["labels"]


@pytest.mark.parametrize("drift", [_without_owner, _more_workers, _other_digest, _no_labels])
def test_drift_is_set_back(drift: Any) -> None:
    live = live_of(made(CPU))
    drift(live)
    assert to_apply(made(CPU), live) is not None


def test_a_shorter_list_is_a_change() -> None:
    assert to_apply(made(CPU), live_of(made(GPU))) is not None


def test_whose_it_is() -> None:
    live = live_of(made(CPU))
    assert is_ours(live, UID)
    assert not is_ours(live, "another")
    assert not is_ours({"metadata": {}}, UID)
    again = Subject(KEY, "cr-uid-2", "1", "k8s-uid", 1, spec())
    assert is_former(live, again)
    assert not is_former(live, SUBJECT)
    assert not is_former(live, Subject(Key("acme", "books"), "u", "1", "k8s-uid", 1, spec()))
    _without_owner(live)
    assert not is_ours(live, UID)


def condition(kind: str, status: str, reason: str = "Because") -> dict[str, str]:
    """One of KubeRay's."""
    return {"type": kind, "status": status, "reason": reason, "message": ""}


HEAD, PROVISIONED = condition("HeadPodReady", "True"), condition("RayClusterProvisioned", "True")

READINESS: dict[str, tuple[dict[str, Any], str | None]] = {
    "nothing reported": ({}, "has not reported"),
    "KubeRay 1.2, ready": ({"state": "ready"}, None),
    "KubeRay 1.2, failed": ({"state": "failed", "reason": "no such image"}, "no such image"),
    "KubeRay 1.2, starting": ({"observedGeneration": 1}, "not known"),
    "ready": ({"state": "ready", "conditions": [HEAD, PROVISIONED]}, None),
    "head gone": (
        {"state": "ready", "conditions": [condition("HeadPodReady", "False", "HeadPodNotFound"), PROVISIONED]},
        "HeadPodNotFound",
    ),
    "not yet provisioned": (
        {"conditions": [HEAD, condition("RayClusterProvisioned", "False", "RayClusterPodsProvisioning")]},
        "RayClusterPodsProvisioning",
    ),
    "provisioned not told": ({"conditions": [HEAD]}, "RayClusterProvisioned"),
    "a Pod cannot be made": (
        {
            "state": "ready",
            "conditions": [HEAD, PROVISIONED, condition("ReplicaFailure", "True", "FailedCreateWorkerPod")],
        },
        "FailedCreateWorkerPod",
    ),
    "a failure that is over": (
        {"state": "ready", "conditions": [HEAD, PROVISIONED, condition("ReplicaFailure", "False")]},
        None,
    ),
    "suspended": ({"state": "suspended", "conditions": [HEAD, PROVISIONED]}, "suspended"),
}


@pytest.mark.parametrize(("status", "words"), READINESS.values(), ids=READINESS)
def test_readiness(status: dict[str, Any], words: str | None) -> None:
    finding = readiness(live_of(made(CPU), **status))
    if words is None:
        assert finding is None
        return
    assert finding is not None
    assert finding.reason is Reason.RAY_CLUSTER_NOT_READY
    assert words in finding.message
    assert "ray-films" in finding.message


def test_one_that_is_being_deleted_is_not_ready() -> None:
    live = live_of(made(CPU), state="ready")
    live["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    finding = readiness(live)
    assert finding is not None
    assert "deleted" in finding.message


def test_status() -> None:
    waiting = cluster_status(live_of(made(CPU)))
    assert (waiting.name, waiting.ready_workers, waiting.desired_workers) == ("ray-films", None, None)
    told = cluster_status(live_of(made(CPU), state="ready", desiredWorkerReplicas=3, head={"serviceName": "svc"}))
    assert (told.state, told.ready_workers, told.desired_workers, told.head_service) == ("ready", 0, 3, "svc")


def test_addresses() -> None:
    assert addresses(live_of(made(CPU))) == RayAddresses()
    live = live_of(made(CPU), head={"serviceName": "svc"})
    assert addresses(live) == RayAddresses("ray://svc.acme.svc:10001", "http://svc.acme.svc:8265")
    ports = [{"containerPort": 6379}, {"name": "client", "containerPort": 20001}]
    live["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"] = ports
    assert addresses(live) == RayAddresses("ray://svc.acme.svc:20001", "http://svc.acme.svc:8265")


def test_on_the_shared_tier_an_address_that_is_not_allowed_is_only_said() -> None:
    (note,) = wanted(FORBIDDEN).notes
    assert "rayHeadNodeUrl" in note.message
    assert "allowedEndpoints" in note.message
