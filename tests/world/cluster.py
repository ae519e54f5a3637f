"""A Kubernetes API server in memory with one resource, and the operator's view of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from namespace_operator.api.resource import FINALIZER
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged, Refreshed
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Subject
from namespace_operator.kube.objects import Incarnation, LiveObjects, to_subject
from tests.world.faults import Faults

T = TypeVar("T")
Object = dict[str, Any]

_BEHIND = 3
"""Rounds after which a watch that shows the past has caught up."""

_DELETED_AT = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Event:
    """An event that was recorded for an object."""

    key: Key
    kind: str
    reason: str
    message: str


@dataclass(slots=True)
class ModelApiServer:
    """Custom resources as the API server keeps them, whoever writes them.

    Every change gets a new resourceVersion and is told to the watches in order. A spec and a status that were handed
    over once are never changed in place, so they need no copies.
    """

    objects: dict[Key, Object] = field(default_factory=dict)
    organizations: dict[str, str] = field(default_factory=dict)
    """Uid of each Kubernetes namespace."""
    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Labels of each Kubernetes namespace."""
    events: list[Event] = field(default_factory=list)
    watches: list[Callable[[str, Object], None]] = field(default_factory=list)
    _version: int = 0
    _uids: int = 0

    def __deepcopy__(self, _memo: object) -> ModelApiServer:
        """Another server with the same objects, which are replaced and never changed, and without watches."""
        events, labels = list(self.events), dict(self.labels)
        known = (dict(self.objects), dict(self.organizations), labels, events)
        return ModelApiServer(*known, _version=self._version, _uids=self._uids)

    def apply(self, key: Key, spec: Object) -> None:
        """Create the object, or replace its spec, as a user does."""
        self.organizations.setdefault(key.organization, self._uid("namespace"))
        known = self.objects.get(key)
        if known is None:
            metadata = {"namespace": key.organization, "name": key.name, "uid": self._uid("object"), "generation": 1}
            self._store(key, {"metadata": metadata, "spec": spec})
        elif known["spec"] != spec:
            changed = _copy(known)
            changed["spec"] = spec
            changed["metadata"]["generation"] += 1
            self._store(key, changed)

    def label_organization(self, organization: str, labels: Mapping[str, str]) -> None:
        """Label a Kubernetes namespace."""
        self.labels[organization] = labels

    def annotate(self, key: Key, annotations: Mapping[str, str | None]) -> None:
        """Set annotations, None takes one away, as a user does."""
        changed = _copy(self.objects[key])
        known = {**changed["metadata"].get("annotations", {}), **annotations}
        changed["metadata"]["annotations"] = {name: value for name, value in known.items() if value is not None}
        self._store(key, changed)

    def forget_status(self, key: Key) -> None:
        """The object as a backup without status subresources restores it: a new one with the same spec."""
        known = self.objects[key]
        self._remove(key)
        self.apply(key, known["spec"])

    def delete(self, key: Key) -> None:
        """Delete the object: at once, or with a timestamp while it has finalizers."""
        known = self.objects[key]
        if not known["metadata"].get("finalizers"):
            self._remove(key)
        elif "deletionTimestamp" not in known["metadata"]:
            changed = _copy(known)
            changed["metadata"]["deletionTimestamp"] = _DELETED_AT
            changed["metadata"]["generation"] += 1
            self._store(key, changed)

    def delete_at(self, key: Key, uid: str, version: str) -> Object | None:
        """Delete the object at this version; the result is what is left of it."""
        self._current(key, uid, version)
        self.delete(key)
        left = self.objects.get(key)
        return None if left is None else _copy(left)

    def recreate_organization(self, name: str) -> None:
        """Give the Kubernetes namespace another incarnation; everything in the former one must be gone."""
        assert not [key for key in self.objects if key.organization == name], f"{name} is still terminating"
        self.organizations[name] = self._uid("namespace")

    def set_finalizers(self, key: Key, uid: str, version: str | None, finalizers: list[str]) -> Object:
        """Replace the finalizers; the last one of an object being deleted takes the object with it."""
        changed = _copy(self._current(key, uid, version))
        changed["metadata"]["finalizers"] = list(finalizers)
        if not finalizers and "deletionTimestamp" in changed["metadata"]:
            self._remove(key)
            return changed
        return self._store(key, changed)

    def put_status(self, key: Key, uid: str, version: str, status: Object) -> Object:
        """Replace the status of the object at this version."""
        changed = _copy(self._current(key, uid, version))
        changed["status"] = status
        return self._store(key, changed)

    def _current(self, key: Key, uid: str, version: str | None) -> Object:
        known = self.objects.get(key)
        if known is None or known["metadata"]["uid"] != uid:
            raise ObjectChanged(f"{key} was replaced or is gone")
        if version not in (None, known["metadata"]["resourceVersion"]):
            raise ObjectChanged(f"{key} changed")
        return known

    def _store(self, key: Key, obj: Object) -> Object:
        self._stamp(obj)
        self.objects[key] = obj
        self._tell("MODIFIED", obj)
        return _copy(obj)

    def _remove(self, key: Key) -> None:
        gone = _copy(self.objects.pop(key))
        self._stamp(gone)
        self._tell("DELETED", gone)

    def _tell(self, kind: str, obj: Object) -> None:
        for watch in self.watches:
            watch(kind, _copy(obj))

    def _stamp(self, obj: Object) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)

    def _uid(self, what: str) -> str:
        self._uids += 1
        return f"uid-of-{what}-{self._uids}"


@dataclass(slots=True)
class ModelCluster:
    """The cluster as one run of the operator sees it: a watch whose news arrive late, and writes that can fail.

    ``enqueue`` gets the key of every object that changed in a way that concerns the operator.
    """

    server: ModelApiServer
    faults: Faults
    enqueue: Callable[[Key], object]
    _live: LiveObjects = field(default_factory=LiveObjects)
    _news: list[tuple[str, Object]] = field(default_factory=list)
    _later: list[tuple[str, Object]] = field(default_factory=list)
    held: int = 0
    """Rounds during which the watch, and the cache that lists are served from, show the past."""
    is_cut: bool = False
    _shown: Mapping[Key, Object] = field(default_factory=dict)

    def connect(self, shown: Mapping[Key, Object] | None = None) -> None:
        """Begin to watch: every object is news.

        If others are ``shown``, a cache of the API server is behind: what came since is told some rounds later.
        """
        current = self.server.objects
        if shown is not None:
            self.held, self._shown = _BEHIND, dict(shown)
            changed = [(key, obj) for key, obj in current.items() if shown.get(key) is not obj]
            self._later += [("MODIFIED" if key in shown else "ADDED", _copy(obj)) for key, obj in changed]
            self._later += [("DELETED", _copy(obj)) for key, obj in shown.items() if key not in current]
        for obj in (current if shown is None else shown).values():
            self._news.append(("ADDED", _copy(obj)))
        self.server.watches.append(self._hear)

    def disconnect(self) -> None:
        """End the watch."""
        self.server.watches.remove(self._hear)

    def hold(self) -> None:
        """Let the watch show the past: it tells nothing new for some rounds, and neither do lists."""
        self.held, self._shown = _BEHIND, dict(self.server.objects)

    def cut(self) -> None:
        """Let the watch break off: what happens until the next round is never told, but for what is there then."""
        self.is_cut = True

    def deliver(self) -> None:
        """Let the news of the watch arrive."""
        if self.is_cut:
            self.is_cut = False
            self._news += [("ADDED", _copy(obj)) for obj in self.server.objects.values()]
        if self.held:
            self.held -= 1
        if not self.held:
            self._news += self._later
            self._later.clear()
        news, self._news = self._news, []
        for kind, obj in news:
            key = Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
            if kind == "DELETED":
                self._live.drop(key, obj["metadata"]["uid"])
                self.enqueue(key)
            elif self._live.put(obj):
                self.enqueue(key)

    def known(self) -> frozenset[Key]:
        """The keys of all objects the watch has shown."""
        return self._live.keys()

    async def subject(self, key: Key) -> Subject | None:
        """The object as the watch last showed it, else or if it is being deleted as the server has it."""
        obj = self._live.get(key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            obj = self._read(lambda: self.server.objects.get(key))
            if obj is None:
                self._live.drop(key)
                return None
            obj = _copy(obj)
            self._live.put(obj)
        return self._subject(obj)

    async def verify(self, subject: Subject) -> None:
        """Raise ``ObjectChanged`` unless the server has the object at the version that was read."""
        obj = self._read(lambda: self.server.objects.get(subject.key))
        version = None if obj is None else (obj["metadata"]["uid"], obj["metadata"]["resourceVersion"])
        if version != (subject.uid, subject.resource_version):
            self._live.drop(subject.key)
            raise ObjectChanged(f"{subject.key} changed since it was read")

    async def add_finalizer(self, subject: Subject) -> Subject:
        """Put our finalizer on the object."""
        return self._patch(subject, [*self._finalizers(subject), FINALIZER], "add finalizer")

    async def remove_finalizer(self, subject: Subject) -> Subject:
        """Take our finalizer off the object."""
        left = [name for name in self._finalizers(subject) if name != FINALIZER]
        return self._patch(subject, left, "remove finalizer")

    async def delete(self, subject: Subject) -> Subject:
        """Delete the object at the version that was read."""
        self._known(subject)

        def act() -> Object | None:
            return self.server.delete_at(subject.key, subject.uid, subject.resource_version)

        obj = self._write(subject, f"delete {subject.key}", act)
        if obj is None:
            self._live.drop(subject.key, subject.uid)
            return replace(subject, deleting=True, finalized=False)
        self._live.put(_copy(obj))
        return to_subject(obj, Incarnation(subject.k8s_namespace_uid, subject.labels))

    async def write_status(self, subject: Subject, status: NamespaceStatus) -> None:
        """Replace the status at the version that was read."""
        self._known(subject)

        def act() -> Object:
            return self.server.put_status(subject.key, subject.uid, subject.resource_version, status.to_kubernetes())

        self._live.put(self._write(subject, f"write status of {subject.key}", act))

    async def emit_event(self, subject: Subject, kind: str, reason: str, message: str) -> None:
        """Record an event; that it failed is nobody's concern."""
        event = Event(subject.key, kind, reason, message)
        try:
            self.faults.write(f"kubernetes: event {reason}", _unavailable, lambda: self.server.events.append(event))
        except ClusterUnavailable:
            return

    async def refresh(self) -> Refreshed:
        """List all objects, and forget those that the watch had told wrong."""
        listed = self._read(lambda: dict(self._shown if self.held else self.server.objects))
        missed = {key for key in self._live.keys() | listed.keys() if not self._is_current(key, listed.get(key))}
        for key in missed:
            self._live.drop(key)
        return Refreshed(frozenset(listed), frozenset(missed))

    def _read(self, look: Callable[[], T]) -> T:
        return self.faults.read(_unavailable, look, of_store=False)

    def _hear(self, kind: str, obj: Object) -> None:
        if not self.is_cut:
            (self._later if self.held else self._news).append((kind, obj))

    def _is_current(self, key: Key, listed: Object | None) -> bool:
        known = self._live.get(key)
        if known is None or listed is None:
            return False
        names = ("uid", "generation", "deletionTimestamp")
        return all(known["metadata"].get(name) == listed["metadata"].get(name) for name in names)

    def _known(self, subject: Subject) -> Object:
        obj = self._live.get(subject.key)
        if obj is None or obj["metadata"]["uid"] != subject.uid:
            raise ObjectChanged(f"{subject.key} was replaced or is gone")
        return obj

    def _finalizers(self, subject: Subject) -> list[str]:
        return list(self._known(subject)["metadata"].get("finalizers", []))

    def _patch(self, subject: Subject, finalizers: list[str], what: str) -> Subject:
        def act() -> Object:
            return self.server.set_finalizers(subject.key, subject.uid, subject.resource_version, finalizers)

        obj = self._write(subject, f"{what} of {subject.key}", act)
        if subject.deleting and not finalizers:
            self._live.drop(subject.key, subject.uid)
        else:
            self._live.put(_copy(obj))
        return to_subject(obj, Incarnation(subject.k8s_namespace_uid, subject.labels))

    def _write(self, subject: Subject, what: str, act: Callable[[], T]) -> T:
        try:
            return self.faults.write(f"kubernetes: {what}", _unavailable, act)
        except ObjectChanged:
            self._live.drop(subject.key)
            raise

    def _subject(self, obj: Object) -> Subject:
        organization = obj["metadata"]["namespace"]
        labels = self.server.labels.get(organization, {})
        return to_subject(obj, Incarnation(self.server.organizations[organization], labels))


def _copy(obj: Object) -> Object:
    """The object, with metadata that can be changed without changing the original's."""
    return {**obj, "metadata": dict(obj["metadata"])}


def _unavailable() -> ClusterUnavailable:
    return ClusterUnavailable("the API server did not answer")
