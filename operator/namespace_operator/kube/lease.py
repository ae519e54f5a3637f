"""The Lease by which operators agree on who of them leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from namespace_operator.controller.elector import StoredLease
from namespace_operator.domain.lease import LeaseRecord
from namespace_operator.kube.client import KubeClient, NotFound

_API_VERSION = "coordination.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class KubeLease:
    """One Lease by its name. The client should have no other use, so that nothing makes a renewal wait."""

    client: KubeClient
    namespace: str
    name: str

    async def read(self) -> StoredLease | None:
        """The Lease, None if there is none."""
        try:
            return _stored(await self.client.get(self._path))
        except NotFound:
            return None

    async def create(self, record: LeaseRecord) -> StoredLease:
        """Make the Lease. Raises ``ObjectChanged`` if there is one."""
        metadata = {"name": self.name, "namespace": self.namespace}
        return _stored(await self.client.post(self._collection, _body(metadata, record.to_spec())))

    async def replace(self, stored: StoredLease, record: LeaseRecord) -> StoredLease:
        """Write another record at the version that was read; what else the Lease says stays."""
        spec = {**(stored.manifest.get("spec") or {}), **record.to_spec()}
        return _stored(await self.client.put(self._path, _body(stored.manifest["metadata"], spec)))

    @property
    def _collection(self) -> str:
        return f"/apis/{_API_VERSION}/namespaces/{quote(self.namespace, safe='')}/leases"

    @property
    def _path(self) -> str:
        return f"{self._collection}/{quote(self.name, safe='')}"


def _body(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API_VERSION, "kind": "Lease", "metadata": dict(metadata), "spec": dict(spec)}


def _stored(manifest: Mapping[str, Any]) -> StoredLease:
    return StoredLease(LeaseRecord.from_spec(manifest.get("spec") or {}), manifest)
