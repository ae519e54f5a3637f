"""InfrastructureClusters for the tests, and the operator's own site beside them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from namespace_operator.api.cluster import InfrastructureClusterSpec, InfrastructureClusterStatus
from namespace_operator.domain.landscape import ClusterObject
from tests.unit.domain.builders import T0

EAST = "iclstr_east"


def cluster(
    name: str = "east",
    cluster_id: str = EAST,
    *,
    age: int = 0,
    status: InfrastructureClusterStatus | None = None,
    deleting: bool = False,
    finalized: bool = True,
    qdrant: dict[str, Any] | None = None,
    **spec: Any,
) -> ClusterObject:
    """An InfrastructureCluster, ``age`` days older than T0; the further fields are those of the spec."""
    server = {"url": f"http://{name}:6333"} | (qdrant or {})
    return ClusterObject(
        name=name,
        uid=f"uid-of-{name}",
        resource_version="7",
        generation=2,
        created=T0 - timedelta(days=age),
        spec=InfrastructureClusterSpec.model_validate({"clusterId": cluster_id, "qdrant": server, **spec}),
        status=status or InfrastructureClusterStatus(),
        deleting=deleting,
        finalized=finalized,
    )
