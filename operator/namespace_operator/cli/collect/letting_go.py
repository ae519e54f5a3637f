"""Letting objects go: our finalizer comes off, the data stays, and nothing hangs once no operator runs any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from namespace_operator.api.annotations import RELEASED
from namespace_operator.api.cluster import CLUSTER_FINALIZER, CLUSTER_KIND, CLUSTER_PLURAL
from namespace_operator.api.resource import FINALIZER, GROUP, KIND, VERSION
from namespace_operator.api.spec import DeletionPolicy
from namespace_operator.cli.collect.doctor_cluster import holder_of
from namespace_operator.cli.collect.status import object_path
from namespace_operator.cli.release import PREFIX, Release
from namespace_operator.controller.cluster import ClusterError, ObjectChanged
from namespace_operator.kube.client import Forbidden, KubeClient, NotFound
from namespace_operator.kube.objects import key_of

_TRIES = 3

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Let:
    """What became of one object; ``problem`` says why it was not let go."""

    kind: str
    namespace: str | None
    name: str
    result: str
    problem: str | None = None


async def is_running(client: KubeClient, release: Release, now: datetime) -> str | None:
    """What shows that an operator of the release runs, None if nothing does."""
    if release.replicas:
        return f"Deployment {release.namespace}/{release.name} is scaled to {release.replicas}"
    name = release.environment.get(f"{PREFIX}LEASE_NAME", release.name)
    path = f"/apis/coordination.k8s.io/v1/namespaces/{release.namespace}/leases/{name}"
    try:
        holder = holder_of((await client.get(path)).get("spec") or {}, now)
    except NotFound:
        return None
    except Forbidden:
        return f"Lease {release.namespace}/{name} may not be read by you, so that nobody knows whether it is held"
    return None if holder is None else f"{holder} holds Lease {release.namespace}/{name}"


def path_of(obj: Object) -> str:
    """Where an object is."""
    if obj["kind"] == CLUSTER_KIND:
        return f"/apis/{GROUP}/{VERSION}/{CLUSTER_PLURAL}/{obj['metadata']['name']}"
    return object_path(key_of(obj["metadata"]))


def patch_for(obj: Object) -> list[Object] | None:
    """The operations that let an object go, None where nothing of ours holds it.

    One under Delete gets the annotation that keeps the admission policy from putting the finalizer back.
    """
    metadata = obj["metadata"]
    ours = CLUSTER_FINALIZER if obj["kind"] == CLUSTER_KIND else FINALIZER
    finalizers = metadata.get("finalizers") or []
    goes_with_data = (obj.get("spec") or {}).get("deletionPolicy") == DeletionPolicy.DELETE
    annotations = metadata.get("annotations") or {}
    marks = obj["kind"] == KIND and goes_with_data and "deletionTimestamp" not in metadata
    if ours not in finalizers and (not marks or annotations.get(RELEASED) == "true"):
        return None
    operations: list[Object] = [
        {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
    ]
    if marks:
        value = {**annotations, RELEASED: "true"}
        operations.append({"op": "add", "path": "/metadata/annotations", "value": value})
    if ours in finalizers:
        left = [name for name in finalizers if name != ours]
        operations.append({"op": "add", "path": "/metadata/finalizers", "value": left})
    return operations


async def let_go(client: KubeClient, obj: Object, *, pretend: bool = False) -> Let:
    """Let one object go; what fails is told and keeps no other."""
    metadata, path = obj["metadata"], path_of(obj)
    outcome = (obj["kind"], metadata.get("namespace"), metadata["name"])
    query = "?dryRun=All" if pretend else ""
    for _ in range(_TRIES):
        operations = patch_for(obj)
        if operations is None:
            return Let(*outcome, "nothing to do")
        try:
            made = await client.json_patch(path + query, operations)
        except NotFound:
            return Let(*outcome, "gone")
        except ObjectChanged:
            obj = {**await client.get(path), "kind": obj["kind"]}
            continue
        except ClusterError as error:
            return Let(*outcome, "failed", str(error))
        if _held(made):
            problem = "the finalizer was put back at once: by the policy of an older chart; helm uninstall it first"
            return Let(*outcome, "failed", problem)
        return Let(*outcome, "would be released" if pretend else "released")
    return Let(*outcome, "failed", "somebody else keeps changing it; run this again")


def _held(obj: Object) -> bool:
    return bool({FINALIZER, CLUSTER_FINALIZER} & set(obj.get("metadata", {}).get("finalizers") or ()))


def chosen(objects: Sequence[Object], names: Sequence[str]) -> tuple[list[Object], list[str]]:
    """The objects of these names, or all; and the names of which there is none."""
    if not names:
        return list(objects), []
    known = {obj["metadata"]["name"] for obj in objects}
    return [obj for obj in objects if obj["metadata"]["name"] in names], [name for name in names if name not in known]
