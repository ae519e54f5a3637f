"""The RayCluster of a namespace as it is applied: made from the platform's template, and compared with a live one.

Two things of KubeRay shape this. ``workerGroupSpecs`` is an atomic list to the API server, so that who applies it owns
all of it; and Ray's autoscaler writes ``replicas`` and ``scaleStrategy`` of a group. So what the autoscaler wrote is
taken over from the live object into whatever is applied, and nothing is applied that would change nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from namespace_operator.api.infrastructure import Infrastructure
from namespace_operator.api.infrastructure_rules import MAX_WORKERS, MIN_WORKERS
from namespace_operator.api.profile import ComputeTier
from namespace_operator.api.resource import API_VERSION, KIND
from namespace_operator.domain.observed import Subject

RAY_API_VERSION = "ray.io/v1"
RAY_KIND = "RayCluster"
NAME_MAX = 41
"""KubeRay takes 53 characters, but up to 1.2 it cuts names of Services at 50, the suffix ``-head-svc`` included."""

APPLIED = "mixpeek.com/applied"
"""Annotation: a digest of what was applied last, the autoscaler's fields aside."""

NAMESPACE_ID = "mixpeek.com/namespace-id"
DEFAULT_GPU_RESOURCE = "nvidia.com/gpu"

_PREFIX = "ray-"
_HASH_LENGTH = 8
_DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_AUTOSCALERS = ("replicas", "scaleStrategy")

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GpuType:
    """Where Pods with a kind of GPU run, and the name of the resource they ask for."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()
    resource: str = DEFAULT_GPU_RESOURCE


class InvalidTemplate(ValueError):
    """The platform's template is no spec of a RayCluster with a head and one group of workers."""


def ray_cluster_name(name: str) -> str:
    """The name of the RayCluster of a custom resource: one that is a DNS label, and short enough for KubeRay."""
    readable = f"{_PREFIX}{name}"
    if len(readable) <= NAME_MAX and _DNS_LABEL.fullmatch(readable):
        return readable
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]
    stem = re.sub(r"[^a-z0-9-]", "-", readable)[: NAME_MAX - _HASH_LENGTH - 1].rstrip("-")
    return f"{stem}-{digest}"


def manifest_for(
    subject: Subject,
    infrastructure: Infrastructure,
    template: Mapping[str, Any],
    gpu: GpuType | None,
    namespace_id: str,
) -> Manifest:
    """The RayCluster of a dedicated namespace. Raises ``InvalidTemplate``.

    Workers that are not scaled by Ray are as many as ``minWorkers``.
    """
    spec: Manifest = _without_nulls(template)
    head, group = _head(spec), _only_group(spec)
    autoscaling = infrastructure.autoscaling_enabled is not False
    spec["enableInTreeAutoscaling"] = autoscaling
    group["minReplicas"] = MIN_WORKERS if infrastructure.min_workers is None else infrastructure.min_workers
    group["maxReplicas"] = infrastructure.max_workers or MAX_WORKERS
    for name in _AUTOSCALERS:
        group.pop(name, None)
    if not autoscaling:
        group["replicas"] = group["minReplicas"]
    for part in (head, group):
        _object(part, "rayStartParams")
    if gpu is not None and infrastructure.tier is ComputeTier.DEDICATED_GPU:
        _put_on_gpus(_pod(group), gpu, infrastructure.gpus_per_worker or 1)
    return {
        "apiVersion": RAY_API_VERSION,
        "kind": RAY_KIND,
        "metadata": {
            "name": ray_cluster_name(subject.key.name),
            "namespace": subject.key.organization,
            "labels": {"app.kubernetes.io/managed-by": "namespace-operator"},
            "annotations": {NAMESPACE_ID: namespace_id, APPLIED: _digest(spec)},
            "ownerReferences": [_owner_reference(subject)],
        },
        "spec": spec,
    }


def to_apply(manifest: Manifest, live: Mapping[str, Any]) -> Manifest | None:
    """What to apply over a live RayCluster of ours, at the version that was read; None if nothing has to change."""
    metadata = live["metadata"]
    annotations = metadata.get("annotations") or {}
    wanted = {name: manifest["metadata"][name] for name in ("labels", "annotations", "ownerReferences")}
    if (
        annotations.get(APPLIED) == manifest["metadata"]["annotations"][APPLIED]
        and _holds(metadata, wanted)
        and _holds(live.get("spec"), manifest["spec"])
    ):
        return None
    made = deepcopy(manifest)
    made["metadata"] |= {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    if made["spec"]["enableInTreeAutoscaling"]:
        _take_over(made["spec"]["workerGroupSpecs"][0], live.get("spec") or {})
    return made


def is_ours(live: Mapping[str, Any], uid: str) -> bool:
    """Whether the custom resource with this uid controls the RayCluster."""
    return any(owner.get("controller") and owner.get("uid") == uid for owner in _owners(live))


def is_former(live: Mapping[str, Any], subject: Subject) -> bool:
    """Whether an object of the same kind and name that is gone controls it: it goes after that by itself."""
    return any(
        (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) == (API_VERSION, KIND, subject.key.name)
        and owner.get("controller")
        and owner.get("uid") != subject.uid
        for owner in _owners(live)
    )


def _owners(live: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    owners: Sequence[Mapping[str, Any]] = live["metadata"].get("ownerReferences") or ()
    return owners


def _owner_reference(subject: Subject) -> Manifest:
    # Blocking the owner's deletion takes a right on its finalizers, and would win nothing: nobody waits for Ray.
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": subject.key.name,
        "uid": subject.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _head(spec: Manifest) -> Manifest:
    if "headGroupSpec" not in spec:
        raise InvalidTemplate("it has no headGroupSpec")
    head = _object(spec, "headGroupSpec")
    _ray_container(_pod(head), "headGroupSpec")
    return head


def _only_group(spec: Manifest) -> Manifest:
    groups = spec.get("workerGroupSpecs")
    if not isinstance(groups, list) or len(groups) != 1 or not isinstance(groups[0], dict):
        raise InvalidTemplate("workerGroupSpecs must have exactly one entry")
    group: Manifest = groups[0]
    group.setdefault("groupName", "workers")
    _ray_container(_pod(group), "workerGroupSpecs[0]")
    return group


def _pod(group: Manifest) -> Manifest:
    return _object(_object(group, "template"), "spec")


def _ray_container(pod: Manifest, where: str) -> Manifest:
    """The first container, which is Ray's by KubeRay's rule."""
    containers = pod.get("containers")
    if not isinstance(containers, list) or not containers or not isinstance(containers[0], dict):
        raise InvalidTemplate(f"{where}.template.spec has no containers")
    container: Manifest = containers[0]
    return container


def _put_on_gpus(pod: Manifest, gpu: GpuType, count: int) -> None:
    resources = _object(_ray_container(pod, "workerGroupSpecs[0]"), "resources")
    _object(resources, "limits")[gpu.resource] = str(count)
    if gpu.resource in _object(resources, "requests"):
        resources["requests"][gpu.resource] = str(count)
    if gpu.node_selector:
        _object(pod, "nodeSelector").update(gpu.node_selector)
    tolerations = pod.setdefault("tolerations", [])
    if not isinstance(tolerations, list):
        raise InvalidTemplate("tolerations must be a list")
    tolerations.extend(dict(toleration) for toleration in gpu.tolerations)


def _object(parent: Manifest, name: str) -> Manifest:
    """An object within another one, made where there is none."""
    found = parent.setdefault(name, {})
    if not isinstance(found, dict):
        raise InvalidTemplate(f"{name} must be an object")
    return found


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A copy without nulls, which the API server does not store."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list | tuple) else value


def _take_over(group: Manifest, live_spec: Mapping[str, Any]) -> None:
    """What the autoscaler wrote into the group; its number of workers within the limits."""
    groups: Sequence[Mapping[str, Any]] = live_spec.get("workerGroupSpecs") or ()
    live = next((other for other in groups if other.get("groupName") == group["groupName"]), None)
    if live is None:
        return
    group.update({name: deepcopy(live[name]) for name in _AUTOSCALERS if name in live})
    if "replicas" in group:
        group["replicas"] = min(max(group["replicas"], group["minReplicas"]), group["maxReplicas"])


def _digest(spec: Manifest) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def _holds(live: object, wanted: object) -> bool:
    """Whether a live value has everything that is wanted; what others added to objects does not count."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            name in live and _holds(live[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        if not isinstance(live, list) or len(live) != len(wanted):
            return False
        return all(_holds(there, value) for there, value in zip(live, wanted, strict=True))
    return live == wanted
