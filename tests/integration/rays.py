"""The kind RayCluster on the API server, and what one is made from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.integration.api_server import DEFINITIONS, Server, wait_until

RAY_DEFINITION = yaml.safe_load((Path(__file__).parent / "ray" / "crd.yaml").read_text())
POD = {"containers": [{"name": "ray", "image": "rayproject/ray:2.46.0", "resources": {"limits": {"cpu": "1"}}}]}
TEMPLATE: dict[str, Any] = {
    "rayVersion": "2.46.0",
    "headGroupSpec": {"rayStartParams": {}, "template": {"spec": POD}},
    "workerGroupSpecs": [{"groupName": "workers", "rayStartParams": {}, "template": {"spec": POD}}],
}
RAY_PATH = "/apis/ray.io/v1/namespaces/{}/rayclusters"


@contextmanager
def kuberay_installed(server: Server) -> Iterator[None]:
    """The kind, until the end and gone afterwards."""
    name, spec = RAY_DEFINITION["metadata"]["name"], RAY_DEFINITION["spec"]
    server.send("POST", DEFINITIONS, RAY_DEFINITION).accepted()
    served_at = f"/apis/{spec['group']}/v1/namespaces/default/{spec['names']['plural']}"
    wait_until(lambda: server.send("GET", served_at).status == 200)
    try:
        yield
    finally:
        server.send("DELETE", f"{DEFINITIONS}/{name}").accepted()
        wait_until(lambda: server.send("GET", f"{DEFINITIONS}/{name}").status == 404)
        wait_until(lambda: server.send("GET", served_at).status == 404)
