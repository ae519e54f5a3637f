"""RayClusters over the client. The kind need not be there, and may come and go while the operator runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from namespace_operator.controller.ray import KindMissing, Live
from namespace_operator.domain.ray_manifest import RAY_API_VERSION, Manifest
from namespace_operator.kube.client import FIELD_MANAGER, KubeClient, NotFound, NotServed, Object

_PLURAL = "rayclusters"


@dataclass(frozen=True, slots=True)
class KubeRayClusters:
    """RayClusters behind the controller's protocol."""

    client: KubeClient

    async def read(self, organization: str, name: str) -> Live | None:
        """One RayCluster as it is now."""
        async with self._kind():
            try:
                return await self.client.get(f"{_path(organization)}/{name}")
            except NotFound:
                return None

    async def apply(self, manifest: Manifest) -> Live:
        """Apply our fields over an object of ours at its version, or make the object."""
        async with self._kind():
            if "uid" not in manifest["metadata"]:
                return await self._create(manifest)
            return await self.client.server_side_apply(_path_of(manifest), manifest, force=True)

    async def _create(self, manifest: Manifest) -> Live:
        """Make it as if it had been applied.

        An apply would also do for a new object, but it would go into one that somebody else made in this moment. What
        is posted is recorded as an update, whose fields a later apply could not remove: so the record is corrected.
        """
        path = _path(manifest["metadata"]["namespace"])
        made = await self.client.post(f"{path}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict", manifest)
        patch: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": made["metadata"]["uid"]},
            {"op": "test", "path": "/metadata/managedFields/0/manager", "value": FIELD_MANAGER},
            {"op": "replace", "path": "/metadata/managedFields/0/operation", "value": "Apply"},
        ]
        return await self.client.json_patch(_path_of(made), patch)

    async def delete(self, live: Live) -> None:
        """Delete the object that was read, at the version that was read."""
        metadata = live["metadata"]
        async with self._kind():
            try:
                await self.client.delete(_path_of(live), metadata["uid"], metadata["resourceVersion"])
            except NotFound:
                return

    @asynccontextmanager
    async def _kind(self) -> AsyncIterator[None]:
        """Tell a kind that is missing from an API server that cannot say."""
        try:
            yield
        except NotServed as error:
            if await self._is_served():
                raise
            raise KindMissing(str(error)) from error

    async def _is_served(self) -> bool:
        try:
            resources: Object = await self.client.get(f"/apis/{RAY_API_VERSION}")
        except (NotFound, NotServed):
            return False
        return any(resource["name"] == _PLURAL for resource in resources["resources"])


def _path(organization: str) -> str:
    return f"/apis/{RAY_API_VERSION}/namespaces/{organization}/{_PLURAL}"


def _path_of(ray_cluster: Live) -> str:
    metadata = ray_cluster["metadata"]
    return f"{_path(metadata['namespace'])}/{metadata['name']}"
