"""Who claims what, as the API server has it right now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from namespace_operator.api.annotations import TAKE_OVER
from namespace_operator.cli.collect.status import collection_path, object_path
from namespace_operator.controller.orphan_removal import Claimed
from namespace_operator.domain.identity import Key
from namespace_operator.kube.client import KubeClient, NotFound

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claims:
    """Asks anew each time. ``progress`` is told of each question."""

    client: KubeClient
    progress: Callable[[], None] = lambda: None

    async def __call__(self, claimed: Claimed) -> str | None:
        """The first object that claims any of it. Raises ``ClusterError``: what cannot be asked may be claimed."""
        self.progress()
        for key in claimed.ids.values():
            if key is not None and await self._exists(key):
                return f"Namespace {key}"
        return claimant(await self.client.list_objects(collection_path(None)), claimed)

    async def _exists(self, key: Key) -> bool:
        try:
            await self.client.get(object_path(key))
        except NotFound:
            return False
        return True


def claimant(objects: Iterable[Object], claimed: Claimed) -> str | None:
    """Which of these objects claims any of it: by its name, an id or a collection that it states or was given."""
    keys = {key for key in claimed.ids.values() if key is not None}
    for obj in objects:
        metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
        key = Key(metadata["namespace"], metadata["name"])
        take_over = (metadata.get("annotations") or {}).get(TAKE_OVER)
        ids = {status.get("namespaceId"), spec.get("namespaceId"), take_over}
        collections = {status.get("collection"), (spec.get("infrastructure") or {}).get("qdrantCollection")}
        if key in keys or ids & claimed.ids.keys() or (claimed.collection and claimed.collection in collections):
            return f"Namespace {key}"
    return None


def accounted_ids(objects: Iterable[Object]) -> frozenset[str]:
    """The ids of all namespaces that an object was given or states."""
    ids = ((obj.get("status") or {}).get("namespaceId") for obj in objects)
    return frozenset(each for each in ids if each)
