"""The state of Namespaces in short, from the objects alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from namespace_operator.api.resource import GROUP, PLURAL, VERSION
from namespace_operator.domain.conditions import PIPELINE, ConditionType
from namespace_operator.domain.identity import Key

Object = Mapping[str, Any]

WAITING = "Waiting"
"""Stands for a reason where the operator has not looked at the object yet."""


@dataclass(frozen=True, slots=True)
class NamespaceState:
    """One Namespace. ``drift_since`` is since when something is not as it should be."""

    namespace: str
    name: str
    tier: str | None
    ready: str
    reason: str
    message: str | None
    documents: int | None
    objects: int | None
    namespace_id: str | None
    collection: str | None
    created_at: datetime
    drift_since: datetime | None = None
    deleting: bool = False

    @property
    def key(self) -> Key:
        """Its key."""
        return Key(self.namespace, self.name)


def collection_path(namespace: str | None) -> str:
    """Where Namespaces are listed: those of a Kubernetes namespace, or all."""
    where = f"namespaces/{namespace}/" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}/{where}{PLURAL}"


def object_path(key: Key) -> str:
    """Where one is."""
    return f"{collection_path(key.organization)}/{key.name}"


def state_of(obj: Object) -> NamespaceState:
    """What an object says of itself."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    ready = conditions.get(ConditionType.READY)
    is_current = status.get("observedGeneration") == metadata.get("generation")
    qdrant = status.get("infrastructure") or {}
    return NamespaceState(
        namespace=metadata["namespace"],
        name=metadata["name"],
        tier=qdrant.get("computeTier"),
        ready=ready["status"] if ready else "Unknown",
        reason=ready["reason"] if ready else WAITING,
        message=_message(ready, is_current=is_current),
        documents=status.get("documentCount"),
        objects=status.get("objectCount"),
        namespace_id=status.get("namespaceId"),
        collection=status.get("collection"),
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        drift_since=_drift_since(conditions),
        deleting="deletionTimestamp" in metadata,
    )


def states_of(objects: Iterable[Object]) -> tuple[NamespaceState, ...]:
    """All of them, in the order of their names."""
    return tuple(sorted(map(state_of, objects), key=lambda state: state.key))


def _message(ready: Mapping[str, str] | None, *, is_current: bool) -> str | None:
    if ready is None:
        return "the operator has not looked at it yet"
    if not is_current:
        return f"its last change is not done yet; before it: {ready['message']}"
    return None if ready["status"] == "True" else ready["message"]


def _drift_since(conditions: Mapping[str, Mapping[str, str]]) -> datetime | None:
    unmet = [
        datetime.fromisoformat(conditions[kind]["lastTransitionTime"])
        for kind in PIPELINE
        if kind in conditions and conditions[kind]["status"] != "True"
    ]
    return min(unmet, default=None)
