"""One instance id, one cluster: two that share it would take each other's namespaces for their own."""

from __future__ import annotations

from namespace_operator.domain.observed import ServerRecord
from namespace_operator.stores.protocols import MetadataStore


class InstanceTaken(Exception):
    """The instance id belongs to another cluster. The message says what to do."""


async def claim_instance(metadata: MetadataStore, instance_id: str, cluster_uid: str) -> None:
    """Record that this cluster uses the instance id. Raises ``InstanceTaken`` if another one does.

    Raises ``Outdated`` or ``BackendError`` where it is not known yet.
    """
    name = f"{instance_id}/cluster"
    record = await metadata.server(name)
    if record is None:
        await metadata.record_server(name, ServerRecord(cluster_uid, confirmed=True), None)
    elif record.server_id != cluster_uid:
        raise InstanceTaken(
            f"instance id {instance_id} is used by the operator of another cluster (kube-system uid "
            f"{record.server_id}); choose another operator.instanceId, or, if that cluster is gone for good, remove "
            f"the document {name} from the MongoDB collection servers"
        )
