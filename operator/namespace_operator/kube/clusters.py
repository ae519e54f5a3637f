"""The InfrastructureClusters as the watch shows them, and what is written to them."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from namespace_operator.api.base import field_errors
from namespace_operator.api.cluster import (
    CLUSTER_FINALIZER,
    CLUSTER_KIND,
    CLUSTER_PLURAL,
    InfrastructureClusterSpec,
    InfrastructureClusterStatus,
)
from namespace_operator.api.resource import API_VERSION, GROUP, VERSION
from namespace_operator.controller.cluster import ObjectChanged
from namespace_operator.domain.landscape import ClusterObject, InvalidCluster
from namespace_operator.kube.client import KubeClient, NotFound

_PATH = f"/apis/{GROUP}/{VERSION}/{CLUSTER_PLURAL}"

Object = dict[str, Any]


@dataclass(slots=True)
class KubeClusters:
    """Every InfrastructureCluster by its name, at the newest version seen. There are few.

    What is known outlives a term of leadership; ``client`` is that of the term, or the process's own between terms.
    """

    client: KubeClient
    _objects: dict[str, Object] = field(default_factory=dict)
    _parsed: tuple[ClusterObject, ...] | None = None
    _deleted: set[str] = field(default_factory=set)
    """Uids that are known to be gone: a late answer to one of our requests must not bring them back."""

    def all(self) -> tuple[ClusterObject, ...]:
        """All of them; the same tuple as long as nothing changed."""
        if self._parsed is None:
            self._parsed = tuple(to_cluster(obj) for obj in self._objects.values())
        return self._parsed

    def get(self, name: str) -> ClusterObject | None:
        """One by the name of its object."""
        return next((cluster for cluster in self.all() if cluster.name == name), None)

    def put(self, new: Object) -> bool:
        """Remember an object unless a newer version is known. True if more than its status changed."""
        name, uid = new["metadata"]["name"], new["metadata"]["uid"]
        old = self._objects.get(name)
        if uid in self._deleted or (old is not None and _version(old) >= _version(new)):
            return False
        self._objects[name], self._parsed = new, None
        return old is None or _concerns(old["metadata"]) != _concerns(new["metadata"])

    def drop(self, name: str, uid: str | None = None) -> None:
        """Forget an object; with a uid only that one, and for good, because it was deleted."""
        if uid is not None:
            self._deleted.add(uid)
        known = self._objects.get(name)
        if known is not None and uid in (None, known["metadata"]["uid"]):
            del self._objects[name]
            self._parsed = None

    async def refresh(self) -> frozenset[str]:
        """Compare with a list of all, and read those anew that differ."""
        # The same to the end, although a term may begin or end meanwhile.
        client = self.client
        listed = {metadata["name"]: metadata async for metadata in client.list_metadata(_PATH)}
        gone = self._objects.keys() - listed.keys()
        changed = {name for name, metadata in listed.items() if not self._is_current(name, metadata)}
        for name in gone:
            self.drop(name)
        for name in changed:
            self.drop(name)
            await self._read(name, client)
        self._deleted.clear()
        return frozenset(gone | changed)

    async def add_finalizer(self, cluster: ClusterObject) -> ClusterObject:
        """Put our finalizer on the object that was read, and on no other of its name."""
        finalizers = [*self._finalizers(cluster), CLUSTER_FINALIZER]
        return to_cluster(await self._patch_finalizers(cluster, finalizers))

    async def remove_finalizer(self, cluster: ClusterObject) -> None:
        """Take our finalizer off the object that was read."""
        finalizers = [name for name in self._finalizers(cluster) if name != CLUSTER_FINALIZER]
        await self._patch_finalizers(cluster, finalizers)
        if not finalizers:
            self.drop(cluster.name, cluster.uid)

    async def write_status(self, cluster: ClusterObject, status: InfrastructureClusterStatus) -> None:
        """Replace the status of the object at the version that was read."""
        body = {
            "apiVersion": API_VERSION,
            "kind": CLUSTER_KIND,
            "metadata": {"name": cluster.name, "uid": cluster.uid, "resourceVersion": cluster.resource_version},
            # The spec is not ours to write here, and the server takes it from the stored object.
            "spec": self._known(cluster).get("spec", {}),
            "status": status.to_kubernetes(),
        }
        self.put(await self._answered(cluster.name, self.client.put(f"{_PATH}/{cluster.name}/status", body)))

    async def _patch_finalizers(self, cluster: ClusterObject, finalizers: list[str]) -> Object:
        path = f"{_PATH}/{cluster.name}"
        request = self.client.set_finalizers(path, cluster.uid, cluster.resource_version, finalizers)
        obj = await self._answered(cluster.name, request)
        self.put(obj)
        return obj

    def _finalizers(self, cluster: ClusterObject) -> list[str]:
        return list(self._known(cluster)["metadata"].get("finalizers", []))

    def _known(self, cluster: ClusterObject) -> Object:
        obj = self._objects.get(cluster.name)
        if obj is None or obj["metadata"]["resourceVersion"] != cluster.resource_version:
            raise ObjectChanged(f"InfrastructureCluster {cluster.name} changed or is gone")
        return obj

    def _is_current(self, name: str, listed: Object) -> bool:
        mine = self._objects.get(name)
        return mine is not None and _concerns(mine["metadata"]) == _concerns(listed)

    async def _read(self, name: str, client: KubeClient) -> None:
        try:
            self.put(await client.get(f"{_PATH}/{name}"))
        except NotFound:
            self.drop(name)

    async def _answered(self, name: str, request: Awaitable[Object]) -> Object:
        """An object that turned out to be another than we know is read anew."""
        try:
            return await request
        except ObjectChanged:
            await self._read(name, self.client)
            raise


def to_cluster(obj: Object) -> ClusterObject:
    """The object as the domain sees it. A status that cannot be read counts as none."""
    metadata = obj["metadata"]
    return ClusterObject(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 0),
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        spec=_spec(obj.get("spec") or {}),
        status=_status(obj.get("status") or {}),
        deleting="deletionTimestamp" in metadata,
        finalized=CLUSTER_FINALIZER in metadata.get("finalizers", ()),
    )


def _spec(raw: Object) -> InfrastructureClusterSpec | InvalidCluster:
    try:
        return InfrastructureClusterSpec.model_validate(raw)
    except ValidationError as error:
        cluster_id = raw.get("clusterId")
        problems = "; ".join(f"spec.{problem}" for problem in field_errors(error))
        return InvalidCluster(problems, cluster_id if isinstance(cluster_id, str) else None)


def _status(raw: Object) -> InfrastructureClusterStatus:
    try:
        return InfrastructureClusterStatus.model_validate(raw)
    except ValidationError:
        return InfrastructureClusterStatus()


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _concerns(metadata: Object) -> tuple[object, ...]:
    return (
        metadata["uid"],
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        tuple(metadata.get("finalizers", ())),
    )
