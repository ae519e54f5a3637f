"""Events: of a custom resource, and of the operator itself for what concerns no single one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from namespace_operator.controller.cluster import ClusterError
from namespace_operator.kube.client import KubeClient, Object

_COMPONENT = "namespace-operator"
_MESSAGE_LIMIT = 1024


async def post_event(client: KubeClient, involved: Object, kind: str, reason: str, message: str) -> None:
    """Post an event of the involved object, in its Kubernetes namespace. Best effort: that it failed is only logged."""
    namespace = involved["namespace"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{involved['name']}.", "namespace": namespace},
        "involvedObject": involved,
        "type": kind,
        "reason": reason,
        "message": message[:_MESSAGE_LIMIT],
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        await client.post(f"/api/v1/namespaces/{namespace}/events", event)
    except ClusterError as error:
        structlog.get_logger().debug("event not recorded", of=f"{namespace}/{involved['name']}", error=str(error))


@dataclass(frozen=True, slots=True)
class Announcer:
    """Makes Warning events on the operator's own Pod; without one (outside a cluster) it only logs."""

    client: KubeClient
    pod_namespace: str | None = None
    pod_name: str | None = None

    async def __call__(self, reason: str, message: str) -> None:
        """Log the message and make an event of it. Never raises."""
        structlog.get_logger().warning(message, reason=reason)
        if self.pod_namespace is None or self.pod_name is None:
            return
        pod = {"apiVersion": "v1", "kind": "Pod", "name": self.pod_name, "namespace": self.pod_namespace}
        await post_event(self.client, pod, "Warning", reason, message)
