"""The cluster as the controller uses it, over the live objects and the client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog

from namespace_operator.api.annotations import RELEASED
from namespace_operator.api.resource import API_VERSION, FINALIZER, GROUP, KIND, PLURAL, VERSION
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.cluster import ObjectChanged, Refreshed
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Subject
from namespace_operator.kube.client import Forbidden, KubeClient, NotFound, Object
from namespace_operator.kube.events import post_event
from namespace_operator.kube.objects import Incarnation, LiveObjects, concerns, key_of, to_subject
from namespace_operator.kube.organizations import Organizations

_TAKE_BACK: Object = {"op": "remove", "path": f"/metadata/annotations/{RELEASED.replace('/', '~1')}"}


@dataclass(slots=True)
class KubeCluster:
    """Kubernetes behind the controller's protocol. What a write answers is remembered before its echo arrives."""

    client: KubeClient
    objects: LiveObjects
    organizations: Organizations
    watched: tuple[str, ...] = ()
    """Kubernetes namespaces the operator watches; empty means all."""

    async def subject(self, key: Key) -> Subject | None:
        """The object as the watch shows it, else as the API server has it right now.

        One that is being deleted is always asked for: no deletion is driven by a watch that may have fallen behind.
        """
        obj = self.objects.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            try:
                obj = await self.client.get(_path(key))
            except NotFound:
                self.objects.drop(key)
                return None
            self.objects.put(obj)
        return await self._to_subject(obj)

    async def verify(self, subject: Subject) -> None:
        """Raise ``ObjectChanged`` unless the API server has the object at the version that was read."""
        with self._forgetting(subject.key):
            metadata = (await self.client.get(_path(subject.key)))["metadata"]
            if (metadata["uid"], metadata["resourceVersion"]) != (subject.uid, subject.resource_version):
                raise ObjectChanged(f"{subject.key} changed since it was read")

    async def add_finalizer(self, subject: Subject) -> Subject:
        """Put our finalizer on the object that was read, and on no other of its name.

        One that was released, before an operator went, is taken back.
        """
        metadata = self._known(subject)["metadata"]
        finalizers = [*metadata.get("finalizers", []), FINALIZER]
        was_released = RELEASED in (metadata.get("annotations") or {})
        return await self._patch_finalizers(subject, finalizers, [_TAKE_BACK] if was_released else [])

    async def remove_finalizer(self, subject: Subject) -> Subject:
        """Take our finalizer off the object that was read."""
        obj = self._known(subject)
        finalizers = [name for name in obj["metadata"].get("finalizers", []) if name != FINALIZER]
        return await self._patch_finalizers(subject, finalizers)

    async def delete(self, subject: Subject) -> Subject:
        """Delete the object at the version that was read."""
        self._known(subject)
        with self._forgetting(subject.key):
            answer = await self.client.delete(_path(subject.key), subject.uid, subject.resource_version)
        if answer.get("kind") != KIND:
            self.objects.drop(subject.key, subject.uid)
            return replace(subject, deleting=True, finalized=False)
        self.objects.put(answer)
        return to_subject(answer, Incarnation(subject.k8s_namespace_uid, subject.labels))

    async def write_status(self, subject: Subject, status: NamespaceStatus) -> None:
        """Replace the status of the object at the version that was read."""
        metadata = {
            "name": subject.key.name,
            "namespace": subject.key.organization,
            "uid": subject.uid,
            "resourceVersion": subject.resource_version,
        }
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": status.to_kubernetes()}
        # The spec is not ours to write here, and the server takes it from the stored object.
        body["spec"] = self._known(subject).get("spec", {})
        seen = self.objects.seen
        with self._forgetting(subject.key):
            self.objects.put(await self.client.put(f"{_path(subject.key)}/status", body))
        self.organizations.confirm(subject.key.organization, subject.k8s_namespace_uid, seen)

    async def emit_event(self, subject: Subject, kind: str, reason: str, message: str) -> None:
        """Post an event; that it failed is only logged."""
        involved = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": subject.key.name,
            "namespace": subject.key.organization,
            "uid": subject.uid,
            "resourceVersion": subject.resource_version,
        }
        await post_event(self.client, involved, kind, reason, message)

    async def refresh(self) -> Refreshed:
        """List all objects, and forget those that the watch had told us wrong.

        A watched Kubernetes namespace that may not be listed holds up none of the others; where all are watched as
        one, the refusal is raised.
        """
        listed: dict[Key, tuple[object, ...]] = {}
        unlisted: set[str] = set()
        for organization in self.watched or (None,):
            try:
                listed.update(await self._list(organization))
            except (Forbidden, NotFound) as error:
                if organization is None:
                    raise
                structlog.get_logger().warning("cannot list", organization=organization, error=str(error))
                unlisted.add(organization)
        missed = {key for key in self.objects.keys() - listed.keys() if key.organization not in unlisted}
        missed.update(key for key, found in listed.items() if not self._is_current(key, found))
        for key in missed:
            self.objects.drop(key)
        self.objects.forget_deleted()
        return Refreshed(frozenset(listed), frozenset(missed), frozenset(unlisted))

    async def _list(self, organization: str | None) -> dict[Key, tuple[object, ...]]:
        """What is compared of every object, in one Kubernetes namespace or in all."""
        path = _collection_path(organization)
        return {key_of(metadata): concerns(metadata) async for metadata in self.client.list_metadata(path)}

    def _is_current(self, key: Key, listed: tuple[object, ...]) -> bool:
        mine = self.objects.metadata(key)
        return mine is not None and concerns(mine) == listed

    def _known(self, subject: Subject) -> Object:
        obj = self.objects.get(subject.key)
        if obj is None or obj["metadata"]["uid"] != subject.uid:
            raise ObjectChanged(f"{subject.key} was replaced or is gone")
        return obj

    async def _patch_finalizers(self, subject: Subject, finalizers: list[str], more: Sequence[Object] = ()) -> Subject:
        with self._forgetting(subject.key):
            path = _path(subject.key)
            obj = await self.client.set_finalizers(path, subject.uid, subject.resource_version, finalizers, more)
        if subject.deleting and not finalizers:
            self.objects.drop(subject.key, subject.uid)
        else:
            self.objects.put(obj)
        return to_subject(obj, Incarnation(subject.k8s_namespace_uid, subject.labels))

    @contextmanager
    def _forgetting(self, key: Key) -> Iterator[None]:
        """An object that turned out to be another than we know is read anew the next time."""
        try:
            yield
        except ObjectChanged:
            self.objects.drop(key)
            raise

    async def _to_subject(self, obj: Object) -> Subject:
        metadata = obj["metadata"]
        return to_subject(obj, await self.organizations.get(metadata["namespace"], self.objects.number(metadata)))


def _path(key: Key) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{key.organization}/{PLURAL}/{key.name}"


def _collection_path(organization: str | None) -> str:
    where = "" if organization is None else f"namespaces/{organization}/"
    return f"/apis/{GROUP}/{VERSION}/{where}{PLURAL}"
