"""An API server and a Pod for tests of the node stand-in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.kubeapi import JSON, KubeApi, KubeApiError


class FakeApi(KubeApi):
    """Answers reads from `objects`, keyed `resource/name`, and grants tokens whose text counts up."""

    def __init__(self, objects: dict[str, JSON], token_expires: str = "2999-01-01T00:00:00Z") -> None:
        self.objects = objects
        self.token_expires = token_expires
        self.requests: list[tuple[str, JSON]] = []

    def get(self, path: str, **query: str) -> JSON:
        key = "/".join(Path(path).parts[-2:])
        if key not in self.objects:
            raise KubeApiError(404, f"{key} not found")
        return self.objects[key]

    def create(self, path: str, body: Mapping[str, Any]) -> JSON:
        self.requests.append((path, dict(body)))
        return {"status": {"token": f"token-{len(self.requests)}", "expirationTimestamp": self.token_expires}}


def pod(**spec: Any) -> JSON:
    """A Pod bound to the node, with an address."""
    metadata = {"name": "web-1", "namespace": "shop", "uid": "u-1", "labels": {"team": "search", "app": "web"}}
    return {"metadata": metadata, "spec": {"serviceAccountName": "runner", **spec}, "status": {"podIP": "127.1.2.3"}}
