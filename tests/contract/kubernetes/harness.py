"""A cluster as the operator sees it and a user's hand in it, alike for the model and for the real API server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from namespace_operator.api.crd import NAMESPACES
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, VERSION
from namespace_operator.controller.cluster import Cluster
from namespace_operator.domain.identity import Key
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.cluster import KubeCluster
from namespace_operator.kube.objects import LiveObjects, key_of
from namespace_operator.kube.organizations import Organizations
from tests.integration.api_server import MERGE_PATCH, Server
from tests.world.cluster import ModelApiServer, ModelCluster
from tests.world.faults import Faults

Object = dict[str, Any]

_CATCH_UP_SECONDS = 10.0


class Kubernetes(Protocol):
    """An API server with one operator that watches it."""

    organization: str
    news: list[Key]
    """The keys that the watch had news of which concern the operator, since ``listen`` was called last."""

    @property
    def cluster(self) -> Cluster:
        """The cluster under test."""

    async def apply(self, key: Key, spec: Object) -> None:
        """Create the object or replace its spec, as a user does."""

    async def annotate(self, key: Key, annotations: Mapping[str, str | None]) -> None:
        """Set annotations; None takes one away."""

    async def delete(self, key: Key) -> None:
        """Delete the object, as a user does."""

    async def look(self, key: Key) -> Object | None:
        """The object as the server has it."""

    async def listen(self) -> None:
        """Let the watch catch up."""

    async def cut(self) -> None:
        """Let the watch miss whatever happens until ``listen`` is called."""


class ModelKubernetes:
    """The model."""

    def __init__(self, organization: str) -> None:
        self.organization = organization
        self.news: list[Key] = []
        self._server = ModelApiServer()
        self._cluster = ModelCluster(self._server, Faults(), self.news.append)
        self._cluster.connect()

    @property
    def cluster(self) -> Cluster:
        return self._cluster

    async def apply(self, key: Key, spec: Object) -> None:
        self._server.apply(key, spec)

    async def annotate(self, key: Key, annotations: Mapping[str, str | None]) -> None:
        self._server.annotate(key, annotations)

    async def delete(self, key: Key) -> None:
        self._server.delete(key)

    async def look(self, key: Key) -> Object | None:
        return self._server.objects.get(key)

    async def listen(self) -> None:
        self.news.clear()
        self._cluster.deliver()

    async def cut(self) -> None:
        self._cluster.cut()


class RealKubernetes:
    """The API server, watched as the operator's shell does, but for kopf."""

    def __init__(self, server: Server, organization: str) -> None:
        self.organization = organization
        self.news: list[Key] = []
        self._server = server
        self._client = KubeClient()
        self._objects = LiveObjects()
        self._cluster = KubeCluster(
            self._client, self._objects, Organizations(self._client, self._objects), (organization,)
        )
        self._path = f"/apis/{GROUP}/{VERSION}/namespaces/{organization}/{NAMESPACES.plural}"
        self._watching: asyncio.Task[None] | None = None
        self._version = 0

    @property
    def cluster(self) -> Cluster:
        return self._cluster

    async def apply(self, key: Key, spec: Object) -> None:
        found = await self.look(key)
        kept = () if found is None else ("resourceVersion", "finalizers", "annotations")
        metadata = {"name": key.name} | {name: found["metadata"].get(name) for name in kept if found is not None}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        if found is None:
            self._server.send("POST", self._path, body).accepted()
        else:
            self._server.send("PUT", f"{self._path}/{key.name}", body).accepted()

    async def annotate(self, key: Key, annotations: Mapping[str, str | None]) -> None:
        patch = {"metadata": {"annotations": dict(annotations)}}
        self._server.send("PATCH", f"{self._path}/{key.name}", patch, MERGE_PATCH).accepted()

    async def delete(self, key: Key) -> None:
        self._server.send("DELETE", f"{self._path}/{key.name}").accepted()

    async def look(self, key: Key) -> Object | None:
        answer = self._server.send("GET", f"{self._path}/{key.name}")
        return None if answer.status == 404 else answer.accepted()

    async def listen(self) -> None:
        """The watch has caught up when it has shown what is written last, which is for nobody else."""
        self.news.clear()
        if self._watching is None:
            listed = self._server.send("GET", self._path).accepted()
            for obj in listed["items"]:
                self._on_event("ADDED", {"apiVersion": API_VERSION, "kind": KIND, **obj})
            self._watching = asyncio.create_task(self._watch(listed["metadata"]["resourceVersion"]))
            return
        await self.apply(Key(self.organization, "last"), {"description": f"{self._version}"})
        written = await self.look(Key(self.organization, "last"))
        assert written is not None
        async with asyncio.timeout(_CATCH_UP_SECONDS):
            while self._version < int(written["metadata"]["resourceVersion"]):  # noqa: ASYNC110 - no event of ours
                await asyncio.sleep(0.02)

    async def cut(self) -> None:
        await self._end_of_watch()

    async def close(self) -> None:
        """Give everything back."""
        await self._end_of_watch()
        await self._client.close()

    async def _end_of_watch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None

    async def _watch(self, version: str) -> None:
        async for event in self._events(version):
            self._on_event(event["type"], event["object"])

    def _events(self, version: str) -> AsyncIterator[Object]:
        return self._client.watch(self._path, version)

    def _on_event(self, kind: str, obj: Object) -> None:
        self._version = int(obj["metadata"]["resourceVersion"])
        if kind == "BOOKMARK" or (key := key_of(obj["metadata"])).name == "last":
            return
        if kind == "DELETED":
            self._objects.drop(key, obj["metadata"]["uid"])
            self.news.append(key)
        elif self._objects.put(obj):
            self.news.append(key)
