"""The live custom resources as the watch shows them, and which of their changes concern us."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from namespace_operator.api.annotations import ANNOTATIONS, parse_requests
from namespace_operator.api.base import field_errors
from namespace_operator.api.resource import FINALIZER
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import InvalidSpec, Subject

Object = dict[str, Any]


def key_of(metadata: Object) -> Key:
    """The key of an object by its metadata."""
    return Key(metadata["namespace"], metadata["name"])


@dataclass(slots=True)
class LiveObjects:
    """Every custom resource by key, at the newest version seen."""

    _objects: dict[Key, Object] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)
    """Uids that are known to be gone: a late answer to one of our requests must not bring them back."""

    def get(self, key: Key) -> Object | None:
        """The object, if it is known."""
        return self._objects.get(key)

    def keys(self) -> frozenset[Key]:
        """The keys of all known objects."""
        return frozenset(self._objects)

    def put(self, new: Object) -> bool:
        """Remember an object unless a newer version is known. True if something changed that a reconcile acts on.

        Changes of the status alone do not count: they are the echo of our own writes.
        """
        new["metadata"].pop("managedFields", None)
        key = key_of(new["metadata"])
        old = self._objects.get(key)
        if new["metadata"]["uid"] in self._deleted:
            return False
        if old is not None and _version(old) >= _version(new):
            return False
        self._objects[key] = new
        return old is None or _concerns(old) != _concerns(new)

    def drop(self, key: Key, uid: str | None = None) -> None:
        """Forget an object; with a uid only that one, and for good, because it was deleted."""
        if uid is not None:
            self._deleted.add(uid)
        known = self._objects.get(key)
        if known is not None and uid in (None, known["metadata"]["uid"]):
            del self._objects[key]

    def forget_deleted(self) -> None:
        """Forget which uids are gone, once a full list has told so anyway."""
        self._deleted.clear()


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _concerns(obj: Object) -> tuple[object, ...]:
    metadata = obj["metadata"]
    return (
        metadata["uid"],
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        tuple(metadata.get("finalizers", ())),
        _asked(metadata),
    )


def _asked(metadata: Object) -> tuple[tuple[str, str], ...]:
    annotations = metadata.get("annotations") or {}
    return tuple((name, annotations[name]) for name in ANNOTATIONS if name in annotations)


def to_subject(obj: Object, k8s_namespace_uid: str) -> Subject:
    """The object as the domain sees it. A status that cannot be read counts as none."""
    metadata = obj["metadata"]
    return Subject(
        key=key_of(metadata),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        k8s_namespace_uid=k8s_namespace_uid,
        generation=metadata.get("generation", 0),
        spec=_spec(obj.get("spec") or {}),
        status=_status(obj.get("status") or {}),
        deleting="deletionTimestamp" in metadata,
        finalized=FINALIZER in metadata.get("finalizers", ()),
        requests=parse_requests(metadata.get("annotations") or {}),
    )


def _spec(raw: Object) -> NamespaceSpec | InvalidSpec:
    try:
        return NamespaceSpec.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(f"spec.{problem}" for problem in field_errors(error))
        policies = {policy.value: policy for policy in DeletionPolicy}
        return InvalidSpec(problems, policies.get(str(raw.get("deletionPolicy"))))


def _status(raw: Object) -> NamespaceStatus:
    try:
        return NamespaceStatus.model_validate(raw)
    except ValidationError:
        return NamespaceStatus()
