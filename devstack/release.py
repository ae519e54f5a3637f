"""The operator as a Helm release: its namespace, its Secrets, its values."""

import json
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

import yaml

from devstack.commands import CommandError
from devstack.paths import CHART
from namespace_operator.api.resource import API_VERSION, KIND

RELEASE = "namespace-operator"
RELEASE_NAMESPACE = "namespace-operator-system"
MONGODB_DATABASE = "mixpeek"

_SECRET = "devstack-stores"  # the name of a Secret, not its content
_INSTALL_TIMEOUT = "120s"
_ADMISSION_SECONDS = 60.0

Values = Mapping[str, Any]


class Cluster(Protocol):
    """What an installation needs of the stack."""

    @property
    def mongodb_uri(self) -> str:
        """Connection string of MongoDB."""

    @property
    def qdrant_url(self) -> str:
        """Base URL of Qdrant."""

    @property
    def qdrant_api_key(self) -> str | None:
        """Key with all rights, or None where none is asked for."""

    @property
    def image(self) -> str | None:
        """`repository:tag` of the operator's image, or None for the chart's own."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl."""

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        """Run helm."""


def install(cluster: Cluster, values: Values | None = None, chart: Path = CHART) -> None:
    """Install or upgrade the operator and wait until its Deployment is available; `values` override the stack's."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RELEASE_NAMESPACE}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(_secret(cluster)))
    cluster.helm(
        *("upgrade", "--install", RELEASE, str(chart)),
        *("--namespace", RELEASE_NAMESPACE, "--wait", "--timeout", _INSTALL_TIMEOUT, "--values", "-"),
        stdin=yaml.safe_dump(merged(_values(cluster), values or {})),
    )
    await_admission(cluster)


def await_admission(cluster: Cluster) -> None:
    """Wait until a Namespace is let in: for some seconds the API server's policies do not know a kind that is new."""
    sample = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "sample", "namespace": RELEASE_NAMESPACE},
        "spec": {"deletionPolicy": "Delete"},
    }
    deadline = monotonic() + _ADMISSION_SECONDS
    while True:
        try:
            cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(sample))
        except CommandError as error:
            if "There can be a delay" not in str(error) or monotonic() > deadline:
                raise
            sleep(0.2)
        else:
            return


def merged(base: Values, override: Values) -> dict[str, Any]:
    """`base` with `override` laid over it, mapping by mapping as Helm does with values files."""
    result = dict(base)
    for name, value in override.items():
        below = result.get(name)
        both_mappings = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[name] = merged(below, value) if both_mappings and below is not None else value
    return result


def _secret(cluster: Cluster) -> dict[str, Any]:
    data = {"mongodb-uri": cluster.mongodb_uri}
    if cluster.qdrant_api_key:
        data["qdrant-api-key"] = cluster.qdrant_api_key
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _SECRET, "namespace": RELEASE_NAMESPACE},
        "stringData": data,
    }


def _values(cluster: Cluster) -> dict[str, Any]:
    qdrant: dict[str, Any] = {"url": cluster.qdrant_url}
    if cluster.qdrant_api_key:
        qdrant["apiKeySecretRef"] = {"name": _SECRET, "key": "qdrant-api-key"}
    values: dict[str, Any] = {
        "qdrant": qdrant,
        "mongodb": {"uriSecretRef": {"name": _SECRET, "key": "mongodb-uri"}, "database": MONGODB_DATABASE},
    }
    if cluster.image:
        repository, _, tag = cluster.image.rpartition(":")
        values["image"] = {"repository": repository, "tag": tag}
    return values
