"""A stand-in for KubeRay's controller: it writes the status of RayClusters, and makes no Pods.

What it writes is what KubeRay 1.3 and newer write of a RayCluster whose Pods are, or are not, ready.
"""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from devstack.kubeapi import JSON, KubeApi, KubeApiError

_GROUP = "/apis/ray.io/v1"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"


class RayController:
    """Looks at all RayClusters of an API server, once or all the time."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self.pods_ready = True
        """Whether the Pods that are wanted are ready."""

    def look(self) -> None:
        """Report on every RayCluster. One that is gone meanwhile, or a kind that is missing, is no failure."""
        with contextlib.suppress(KubeApiError):
            for ray_cluster in self._api.get(f"{_GROUP}/rayclusters")["items"]:
                self._report(ray_cluster)

    @contextlib.contextmanager
    def looking(self, every_seconds: float = 0.2) -> Iterator[None]:
        """Look again and again in a thread of its own."""
        stop = threading.Event()

        def loop() -> None:
            while not stop.wait(every_seconds):
                self.look()

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def autoscale(self, organization: str, name: str, replicas: int, remove: tuple[str, ...] = ()) -> None:
        """Set the number of workers and which of them go, by the patch that Ray's autoscaler sends."""
        group = "/spec/workerGroupSpecs/0"
        patch = [
            {"op": "add", "path": f"{group}/replicas", "value": replicas},
            {"op": "add", "path": f"{group}/scaleStrategy", "value": {"workersToDelete": list(remove)}},
        ]
        # The client of the stack types bodies as objects; a JSON patch is a list.
        self._api.patch(_path(organization, name), patch, _JSON_PATCH)  # type: ignore[arg-type]

    def _report(self, ray_cluster: JSON) -> None:
        metadata = ray_cluster["metadata"]
        status = self._status(ray_cluster)
        if {**ray_cluster.get("status", {}), **status} != ray_cluster.get("status"):
            path = _path(metadata["namespace"], metadata["name"])
            self._api.patch(f"{path}/status", {"status": status}, _MERGE)

    def _status(self, ray_cluster: JSON) -> JSON:
        wanted = sum(_workers(group) for group in ray_cluster["spec"].get("workerGroupSpecs", ()))
        status: JSON = {
            "desiredWorkerReplicas": wanted,
            "head": {"serviceName": f"{ray_cluster['metadata']['name']}-head-svc"},
            "conditions": [
                _condition(
                    ray_cluster, "HeadPodReady", self.pods_ready, ("HeadPodRunningAndReady", "ContainersNotReady")
                ),
                _condition(
                    ray_cluster,
                    "RayClusterProvisioned",
                    self.pods_ready,
                    ("AllPodRunningAndReadyFirstTime", "RayClusterPodsProvisioning"),
                ),
            ],
        }
        # Go leaves out what is 0 or empty.
        if self.pods_ready:
            status["state"] = "ready"
            if wanted:
                status["readyWorkerReplicas"] = wanted
        return status


def _workers(group: JSON) -> int:
    replicas: int = min(max(group["replicas"], group["minReplicas"]), group["maxReplicas"])
    return replicas


def _condition(ray_cluster: JSON, kind: str, true: bool, reasons: tuple[str, str]) -> JSON:
    value = "True" if true else "False"
    before = ray_cluster.get("status", {}).get("conditions", ())
    since = next((old["lastTransitionTime"] for old in before if (old["type"], old["status"]) == (kind, value)), None)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = reasons[0] if true else reasons[1]
    return {"type": kind, "status": value, "reason": reason, "message": "", "lastTransitionTime": since or now}


def _path(organization: str, name: str) -> str:
    return f"{_GROUP}/namespaces/{organization}/rayclusters/{name}"
