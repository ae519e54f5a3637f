"""RayClusters over the client. The kind need not be there, and may come and go while the operator runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from namespace_operator.controller.ray import KindMissing, Live
from namespace_operator.domain.ray_manifest import RAY_API_VERSION, Manifest
from namespace_operator.kube.client import KubeClient, NotFound, NotServed, Object

_PLURAL = "rayclusters"


@dataclass(frozen=True, slots=True)
class KubeRayClusters:
    """RayClusters behind the controller's protocol."""

    client: KubeClient

    async def read(self, organization: str, name: str) -> Live | None:
        """One RayCluster as it is now."""
        async with self._kind():
            try:
                return await self.client.get(_path(organization, name))
            except NotFound:
                return None

    async def apply(self, manifest: Manifest) -> Live:
        """Apply our fields: over an object of ours at its version, or as a new object that nobody else's may become."""
        metadata = manifest["metadata"]
        async with self._kind():
            return await self.client.server_side_apply(
                _path(metadata["namespace"], metadata["name"]), manifest, force="uid" in metadata
            )

    async def delete(self, live: Live) -> None:
        """Delete the object that was read, at the version that was read."""
        metadata = live["metadata"]
        async with self._kind():
            try:
                await self.client.delete(
                    _path(metadata["namespace"], metadata["name"]), metadata["uid"], metadata["resourceVersion"]
                )
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


def _path(organization: str, name: str) -> str:
    return f"/apis/{RAY_API_VERSION}/namespaces/{organization}/{_PLURAL}/{name}"
