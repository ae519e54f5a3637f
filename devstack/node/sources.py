"""ConfigMaps, Secrets and service account tokens as the API server has them."""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devstack.kubeapi import JSON, KubeApi, KubeApiError
from devstack.node.errors import ContainerConfigError

# A token is renewed after this share of its life, as kubelets do.
_RENEW_AFTER = 0.8

_DEFAULT_TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class _Token:
    value: str
    renew_at: float  # seconds of the monotonic clock


class Sources:
    """What the Pods of one K8s namespace may refer to, read with the node's rights."""

    def __init__(self, api: KubeApi, pod: JSON) -> None:
        self._api = api
        self._metadata = pod["metadata"]
        self._service_account = pod["spec"].get("serviceAccountName", "default")
        self._tokens: dict[tuple[str, int], _Token] = {}

    def config_map(self, name: str, optional: bool) -> dict[str, bytes]:
        """Keys and values of a ConfigMap. Raises ContainerConfigError if it is missing and not optional."""
        document = self._read("configmaps", name, optional)
        texts = {key: value.encode() for key, value in (document.get("data") or {}).items()}
        return texts | _decoded(document.get("binaryData"))

    def secret(self, name: str, optional: bool) -> dict[str, bytes]:
        """Keys and decoded values of a Secret. Raises ContainerConfigError if it is missing and not optional."""
        return _decoded(self._read("secrets", name, optional).get("data"))

    def token(self, audience: str, seconds: int | None) -> bytes:
        """A token of the Pod's service account, bound to the Pod; a new one when the last nears its end."""
        lifetime = seconds or _DEFAULT_TOKEN_SECONDS
        known = self._tokens.get((audience, lifetime))
        if known is None or known.renew_at <= time.monotonic():
            known = self._request_token(audience, lifetime)
            self._tokens[audience, lifetime] = known
        return known.value.encode()

    def _request_token(self, audience: str, seconds: int) -> _Token:
        spec: dict[str, Any] = {
            "expirationSeconds": seconds,
            "boundObjectRef": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": self._metadata["name"],
                "uid": self._metadata["uid"],
            },
        }
        if audience:
            spec["audiences"] = [audience]
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{self._metadata['namespace']}/serviceaccounts/{self._service_account}/token"
        status = self._api.create(path, request)["status"]
        remaining = datetime.fromisoformat(status["expirationTimestamp"]).timestamp() - time.time()
        return _Token(status["token"], time.monotonic() + _RENEW_AFTER * remaining)

    def _read(self, resource: str, name: str, optional: bool) -> JSON:
        try:
            return self._api.get(f"/api/v1/namespaces/{self._metadata['namespace']}/{resource}/{name}")
        except KubeApiError as error:
            if not error.not_found:
                raise
            if optional:
                return {}
            raise ContainerConfigError(f'{resource[:-1]} "{name}" not found') from error


def _decoded(data: Mapping[str, str] | None) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (data or {}).items()}
