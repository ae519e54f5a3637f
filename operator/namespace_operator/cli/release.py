"""The running operator, found by the Deployment of its release."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from namespace_operator.cli.ending import CommandError
from namespace_operator.cli.options import ReleaseOptions
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.kube.client import Forbidden, KubeClient, NotFound

PREFIX = "NAMESPACE_OPERATOR_"
_NAME = "namespace-operator"
_LABEL = "app.kubernetes.io/name"
_RELEASE_LABEL = "app.kubernetes.io/instance"
_MARK = f"{PREFIX}QDRANT_URL"
"""A container with this variable is the operator, whatever it is called."""

Object = dict[str, Any]


class NoRelease(CommandError):
    """There is no operator."""


@dataclass(frozen=True, slots=True)
class Release:
    """An installed operator. ``environment`` has its settings by the names of their variables."""

    name: str
    namespace: str
    release: str
    version: str | None
    service_account: str
    replicas: int
    available: int
    environment: Mapping[str, str]
    config_maps: Mapping[str, str] = field(default_factory=dict)
    """The ConfigMap of each mounted directory."""

    @property
    def scale_down(self) -> str:
        """The command that stops it."""
        return f"kubectl scale deployment {self.name} -n {self.namespace} --replicas=0"

    def config_map_of(self, path: str) -> tuple[str, str] | None:
        """The ConfigMap and the key in it behind a file of the container."""
        directory, _, key = path.rpartition("/")
        name = self.config_maps.get(directory)
        return None if name is None else (name, key)


async def find_release(client: KubeClient, options: ReleaseOptions) -> Release:
    """The one operator there is, or that is meant.

    Raises ``NoRelease``, or ``CommandError`` where it cannot be told.
    """
    found = [to_release(obj) for obj in await _deployments(client, options.operator_namespace)]
    meant = [each for each in found if options.release in (None, each.release)]
    if len(meant) == 1:
        return meant[0]
    where = f"Kubernetes namespace {options.operator_namespace}" if options.operator_namespace else "the cluster"
    if not meant:
        named = f" of release {options.release}" if options.release else ""
        raise NoRelease(f"there is no operator's Deployment{named} in {where}; name it: --operator-namespace")
    names = ", ".join(f"{each.release} in {each.namespace}" for each in meant)
    raise CommandError(f"there are several operators ({names}); choose with --operator-namespace or --release")


async def _deployments(client: KubeClient, namespace: str | None) -> Sequence[Object]:
    where = f"namespaces/{namespace}/" if namespace else ""
    path = f"/apis/apps/v1/{where}deployments"
    try:
        named = await client.list_objects(path, f"labelSelector={quote(f'{_LABEL}={_NAME}')}")
        return [obj for obj in named if is_operator(obj)] or [
            obj for obj in await client.list_objects(path) if is_operator(obj)
        ]
    except Forbidden as error:
        place = "Deployments there" if namespace else "Deployments of the whole cluster; name --operator-namespace"
        raise CommandError(f"the operator cannot be looked for: you may not list {place}") from error


def is_operator(deployment: Object) -> bool:
    """Whether a Deployment runs the operator."""
    return _container(deployment) is not None


def to_release(deployment: Object) -> Release:
    """The release that a Deployment of the operator belongs to."""
    metadata, template = deployment["metadata"], deployment["spec"]["template"]["spec"]
    container = _container(deployment)
    assert container is not None, "it is an operator's"
    environment = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    environment[f"{PREFIX}POD_NAMESPACE"] = metadata["namespace"]
    volumes = {v["name"]: v["configMap"]["name"] for v in template.get("volumes") or () if "configMap" in v}
    mounts = container.get("volumeMounts") or ()
    labels = metadata.get("labels") or {}
    return Release(
        name=metadata["name"],
        namespace=metadata["namespace"],
        release=labels.get(_RELEASE_LABEL, metadata["name"]),
        version=labels.get("app.kubernetes.io/version"),
        service_account=template.get("serviceAccountName", "default"),
        replicas=deployment["spec"].get("replicas", 1),
        available=(deployment.get("status") or {}).get("availableReplicas", 0),
        environment=environment,
        config_maps={m["mountPath"].rstrip("/"): volumes[m["name"]] for m in mounts if m["name"] in volumes},
    )


def _container(deployment: Object) -> Object | None:
    containers: list[Object] = deployment["spec"]["template"]["spec"].get("containers") or []
    for container in containers:
        if any(each["name"] == _MARK for each in container.get("env") or ()):
            return container
    return None


@dataclass(frozen=True, slots=True)
class UserSecrets:
    """Secrets, read with the user's own rights."""

    client: KubeClient

    async def value(self, key: SecretKey) -> SecretStr:
        """The value. Raises ``SecretUnavailable``."""
        try:
            secret = await self.client.get(f"/api/v1/namespaces/{key.namespace}/secrets/{key.name}")
        except NotFound as error:
            raise SecretUnavailable(f"Secret {key.namespace}/{key.name} does not exist") from error
        except Forbidden as error:
            raise SecretUnavailable(f"you may not read Secret {key.namespace}/{key.name}") from error
        except ClusterError as error:
            raise SecretUnavailable(f"Secret {key.namespace}/{key.name} cannot be read") from error
        try:
            return SecretStr(base64.b64decode((secret.get("data") or {})[key.key]).decode())
        except (KeyError, UnicodeDecodeError, binascii.Error) as error:
            raise SecretUnavailable(f"Secret {key.namespace}/{key.name} has no text under {key.key}") from error
