"""RayClusters in memory: a cluster that has the kind or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from namespace_operator.controller.ray import KindMissing

Live = Mapping[str, Any]


@dataclass
class ModelRayClusters:
    """RayClusters by organization and name, each with the status that KubeRay would write."""

    served: bool = False
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    async def read(self, organization: str, name: str) -> Live | None:
        """One RayCluster."""
        self._look()
        return self.objects.get((organization, name))

    async def apply(self, manifest: dict[str, Any]) -> Live:
        """Make or change one, which is ready at once."""
        self._look()
        metadata = manifest["metadata"]
        place = (metadata["namespace"], metadata["name"])
        made = {**metadata, "uid": f"ray-{metadata['name']}", "resourceVersion": "1"}
        service = {"serviceName": f"{metadata['name']}-head-svc"}
        status = {"state": "ready", "head": service, "readyWorkerReplicas": 1, "desiredWorkerReplicas": 1}
        self.objects[place] = {**manifest, "metadata": made, "status": status}
        return self.objects[place]

    async def delete(self, live: Live) -> None:
        """Remove one."""
        self._look()
        del self.objects[live["metadata"]["namespace"], live["metadata"]["name"]]

    def _look(self) -> None:
        if not self.served:
            raise KindMissing("no kind RayCluster")
