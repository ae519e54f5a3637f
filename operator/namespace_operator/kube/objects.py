"""The live custom resources as the watch shows them, and which of their changes concern us."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from namespace_operator.api.annotations import ANNOTATIONS, PREFIX, parse_requests
from namespace_operator.api.base import field_errors
from namespace_operator.api.resource import FINALIZER
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.compression import compressed
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import InvalidSpec, Subject
from namespace_operator.kube.census import Standing

Object = dict[str, Any]

# All that is kept of the metadata, beside our own annotations: what is used anywhere has to be named here.
_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
)


def key_of(metadata: Object) -> Key:
    """The key of an object by its metadata."""
    return Key(metadata["namespace"], metadata["name"])


@dataclass(frozen=True, slots=True)
class _Packed:
    """An object in a tenth of its memory: of the metadata what is used, spec and status as compressed JSON.

    There may be many thousand objects, and unpacking one takes less time than validating it afterwards.
    """

    number: int
    head: Object
    body: bytes
    standing: Standing

    @classmethod
    def of(cls, number: int, obj: Object) -> Self:
        metadata = {name: obj["metadata"][name] for name in _METADATA if name in obj["metadata"]}
        annotations = {
            name: value for name, value in (obj["metadata"].get("annotations") or {}).items() if name.startswith(PREFIX)
        }
        if annotations:
            metadata["annotations"] = annotations
        body = {name: obj[name] for name in ("spec", "status") if name in obj}
        return cls(number, {"metadata": metadata}, compressed(to_json(body)), Standing.of(obj))

    def unpack(self) -> Object:
        body: Object = from_json(zlib.decompress(self.body))
        return self.head | body


@dataclass(slots=True)
class LiveObjects:
    """Every custom resource by key, at the newest version seen: what of it is used, and no more."""

    seen: int = 0
    """How many objects were seen so far; each gets a number from it when it is seen for the first time."""
    _objects: dict[Key, _Packed] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)
    """Uids that are known to be gone: a late answer to one of our requests must not bring them back."""

    def get(self, key: Key) -> Object | None:
        """Metadata, spec and status of the object, if it is known."""
        known = self._objects.get(key)
        return None if known is None else known.unpack()

    def metadata(self, key: Key) -> Object | None:
        """The metadata that ``get`` would give, without unpacking the rest."""
        known = self._objects.get(key)
        metadata: Object | None = None if known is None else known.head["metadata"]
        return metadata

    def number(self, metadata: Object) -> int:
        """The number of an object by its metadata. One that is not known any more counts as seen just now."""
        known = self._objects.get(key_of(metadata))
        return known.number if known is not None and _is_same(known.head["metadata"], metadata) else self._next()

    def keys(self) -> frozenset[Key]:
        """The keys of all known objects."""
        return frozenset(self._objects)

    def standings(self) -> Iterator[Standing]:
        """What is counted of each object, without unpacking any."""
        return (known.standing for known in self._objects.values())

    def put(self, new: Object) -> bool:
        """Remember an object unless a newer version is known. True if something changed that a reconcile acts on.

        Changes of the status alone do not count: they are the echo of our own writes.
        """
        metadata = new["metadata"]
        key = key_of(metadata)
        old = self._objects.get(key)
        if metadata["uid"] in self._deleted:
            return False
        if old is not None and _version(old.head) >= _version(new):
            return False
        is_known = old is not None and _is_same(old.head["metadata"], metadata)
        self._objects[key] = _Packed.of(old.number if old is not None and is_known else self._next(), new)
        return old is None or concerns(old.head["metadata"]) != concerns(metadata)

    def drop(self, key: Key, uid: str | None = None) -> None:
        """Forget an object; with a uid only that one, and for good, because it was deleted."""
        if uid is not None:
            self._deleted.add(uid)
        known = self._objects.get(key)
        if known is not None and uid in (None, known.head["metadata"]["uid"]):
            del self._objects[key]

    def forget_deleted(self) -> None:
        """Forget which uids are gone, once a full list has told so anyway."""
        self._deleted.clear()

    def _next(self) -> int:
        self.seen += 1
        return self.seen


def _is_same(one: Object, other: Object) -> bool:
    """Whether two metadata are of the same object, and not of two of one name."""
    return bool(one["uid"] == other["uid"])


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


def concerns(metadata: Object) -> tuple[object, ...]:
    """What of an object's metadata a reconcile acts on; the generation stands for the spec."""
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


@dataclass(frozen=True, slots=True)
class Incarnation:
    """A Kubernetes namespace: its uid, which one of the same name made later does not have, and its labels."""

    uid: str
    labels: Mapping[str, str] = field(default_factory=dict)


def to_subject(obj: Object, organization: Incarnation) -> Subject:
    """The object as the domain sees it, of a Kubernetes namespace. A status that cannot be read counts as none."""
    metadata = obj["metadata"]
    return Subject(
        key=key_of(metadata),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        k8s_namespace_uid=organization.uid,
        labels=organization.labels,
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
