"""Events of the operator itself, on its own Pod: what concerns no single custom resource."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from namespace_operator.controller.cluster import ClusterError
from namespace_operator.kube.client import KubeClient

_COMPONENT = "namespace-operator"
_MESSAGE_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Announcer:
    """Makes Warning events on a Pod; without one (outside a cluster) it only logs."""

    client: KubeClient
    pod_namespace: str | None = None
    pod_name: str | None = None

    async def __call__(self, reason: str, message: str) -> None:
        """Log the message and make an event of it. Best effort: never raises."""
        structlog.get_logger().warning(message, reason=reason)
        if self.pod_namespace is None or self.pod_name is None:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{self.pod_name}.", "namespace": self.pod_namespace},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": self.pod_name,
                "namespace": self.pod_namespace,
            },
            "type": "Warning",
            "reason": reason,
            "message": message[:_MESSAGE_LIMIT],
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self.client.post(f"/api/v1/namespaces/{self.pod_namespace}/events", event)
        except ClusterError as error:
            structlog.get_logger().debug("event not recorded", error=str(error))
