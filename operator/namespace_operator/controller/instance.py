"""One instance id, one cluster: two that share it would take each other's namespaces for their own."""

from __future__ import annotations

from dataclasses import dataclass

from namespace_operator.domain.observed import ServerRecord
from namespace_operator.stores.errors import Backend, Rejected
from namespace_operator.stores.protocols import MetadataStore


@dataclass(slots=True)
class InstanceClaim:
    """The record of which cluster uses the instance id."""

    metadata: MetadataStore
    instance_id: str
    cluster_uid: str

    async def hold(self) -> None:
        """Raise ``Rejected`` if the instance id is another cluster's, ``Outdated`` if that is being decided."""
        record = await self.metadata.server(self._name)
        if record is None:
            record = ServerRecord(self.cluster_uid, confirmed=True)
            await self.metadata.record_server(self._name, record, None)
        self._check(record)

    async def verify(self) -> None:
        """Raise ``Rejected`` unless the instance id is recorded as this cluster's: nothing is claimed."""
        record = await self.metadata.server(self._name)
        if record is None:
            message = (
                f"this MongoDB has no record {self._name}, so it is not the one that an operator with this instance id"
                " uses, or none has run yet; check its address and the name of the database"
            )
            raise Rejected(Backend.MONGODB, message, "looking for the instance id")
        self._check(record)

    @property
    def _name(self) -> str:
        return f"{self.instance_id}/cluster"

    def _check(self, record: ServerRecord) -> None:
        if record.server_id != self.cluster_uid:
            message = (
                f"Instance id {self.instance_id} is used by the operator of another cluster (kube-system uid "
                f"{record.server_id}), so nothing is written; choose another operator.instanceId, or, if that cluster "
                f"is gone for good, remove the document {self._name} from the MongoDB collection servers"
            )
            raise Rejected(Backend.MONGODB, message, "claiming the instance id")
