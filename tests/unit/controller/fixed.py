"""The model stores with room for any failure, a cluster that stands still, and a look at what was asked of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.cluster import ObjectChanged, Refreshed
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Collection, Subject
from namespace_operator.domain.parsing import OwnDocument
from tests.world.faults import Faults
from tests.world.metadata import ModelMetadataStore
from tests.world.vectors import SERVER_DEFAULTS, ModelVectorStore, StoredCollection

T = TypeVar("T")


@dataclass
class Outage(Faults):
    """A way to every server that no request gets through while ``fails`` is set: each ends with it."""

    fails: Exception | None = None

    def read(self, unavailable: Callable[[], Exception], look: Callable[[], T], *, of_store: bool = True) -> T:
        """Carry out a read."""
        if self.fails is not None:
            raise self.fails
        return super().read(unavailable, look, of_store=of_store)

    def write(self, what: str, unavailable: Callable[[], Exception], act: Callable[[], T]) -> T:
        """Carry out a write, and note it in ``log``."""
        if self.fails is not None:
            raise self.fails
        return super().write(what, unavailable, act)

    @property
    def writes_to(self) -> list[str]:
        """The writes in order, without the names of their servers."""
        return [what.partition(": ")[2] for what in self.log]


def metadata_store(*documents: OwnDocument) -> ModelMetadataStore:
    """A database that holds these documents."""
    store = ModelMetadataStore(Outage())
    for document in documents:
        store.put_raw({"_id": document.document_id, **document.model_dump(mode="python")})
    return store


def vector_store(*collections: Collection) -> ModelVectorStore:
    """A Qdrant server that holds these collections, each with as many points as it says."""
    store = ModelVectorStore(Outage())
    for collection in collections:
        store.collections[collection.name] = stored(collection)
    return store


def stored(collection: Collection) -> StoredCollection:
    """A collection as the model of the server keeps it."""
    return StoredCollection(
        vectors=dict(collection.vectors),
        metadata=dict(collection.metadata),
        indexes={name: live.schema for name, live in collection.indexes.items()},
        points={number: {} for number in range(collection.points_count or 0)},
        status=collection.status,
        config={**SERVER_DEFAULTS, "segment_number": 1, **(collection.config or {})},
    )


@dataclass
class FixedCluster:
    """Holds at most one object, whose status is what was written last, and the answer of the next full list."""

    held: Subject | None = None
    listed: frozenset[Key] = frozenset()
    missed: frozenset[Key] = frozenset()
    unlisted: frozenset[str] = frozenset()
    fails: Exception | None = None
    refuses: Exception | None = None
    """Raised when a finalizer is to be changed."""
    denies: Exception | None = None
    """Raised when the object is to be verified."""
    statuses: list[NamespaceStatus] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    async def subject(self, key: Key) -> Subject | None:
        """The object."""
        if self.fails is not None:
            raise self.fails
        return self.held if self.held is not None and self.held.key == key else None

    async def verify(self, subject: Subject) -> None:
        """Fails if something else is held."""
        if self.denies is not None:
            raise self.denies
        if self.held is not None and self.held != subject:
            raise ObjectChanged(str(subject.key))

    async def add_finalizer(self, subject: Subject) -> Subject:
        """Add it."""
        return self._finalize(subject, finalized=True)

    async def remove_finalizer(self, subject: Subject) -> Subject:
        """Remove it."""
        return self._finalize(subject, finalized=False)

    async def delete(self, subject: Subject) -> Subject:
        """Delete the object: it stays, being deleted, while it has the finalizer."""
        if self.refuses is not None:
            raise self.refuses
        left = replace(subject, deleting=True)
        self.held = left if subject.finalized else None
        return left

    async def write_status(self, subject: Subject, status: NamespaceStatus) -> None:
        """Keep the status as a reader of it will see it."""
        self.statuses.append(status)
        self.held = replace(subject, status=NamespaceStatus.model_validate(status.to_kubernetes()))

    async def refresh(self) -> Refreshed:
        """A full list."""
        if self.fails is not None:
            raise self.fails
        return Refreshed(self.listed, self.missed, self.unlisted)

    async def emit_event(self, subject: Subject, kind: str, reason: str, message: str) -> None:
        """Note an event."""
        assert subject
        assert message
        self.events.append((kind, reason))

    def _finalize(self, subject: Subject, *, finalized: bool) -> Subject:
        if self.refuses is not None:
            raise self.refuses
        self.held = replace(subject, finalized=finalized)
        return self.held
