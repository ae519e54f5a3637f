"""Stores and a cluster that stand still: they answer from fields, refuse on demand, and note what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass, field, replace
from typing import Any

from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.cluster import ObjectChanged, Refreshed
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, State
from namespace_operator.domain.identity import Key
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, Counts, LiveIndex, Subject
from namespace_operator.domain.vectors import NamedVector
from namespace_operator.stores.errors import Backend, Outdated, Rejected, StoreError
from tests.unit.domain.builders import SERVER_VERSION


@dataclass
class FixedMetadata:
    """Holds documents; ``fails`` is raised by every request."""

    documents: list[NamespaceDocument | MalformedDocument] = field(default_factory=list)
    numbers: dict[str, Counts] = field(default_factory=dict)
    fails: StoreError | None = None
    takes: float = 0.0
    """Seconds that a read of the counts takes."""
    counted: list[set[str]] = field(default_factory=list)
    written: list[NamespaceDocument] = field(default_factory=list)

    async def find(self, claims: Names[str]) -> Sequence[NamespaceDocument | MalformedDocument]:
        """Documents that hold a claim."""
        self._answer()
        return [document for document in self.documents if set(document.claims) & set(claims)]

    async def get(self, namespace_id: str) -> NamespaceDocument | MalformedDocument | None:
        """A document by id."""
        self._answer()
        found = (d for d in self.documents if isinstance(d, NamespaceDocument) and d.namespace_id == namespace_id)
        return next(found, None)

    async def insert(self, document: NamespaceDocument) -> None:
        """Add a document."""
        self._answer()
        self.written.append(document)
        self.documents.append(document)

    async def replace(self, document: NamespaceDocument) -> None:
        """Replace a document at the revision before."""
        known = await self.get(document.namespace_id)
        if not isinstance(known, NamespaceDocument) or known.revision != document.revision - 1:
            raise Outdated(document.namespace_id)
        self.written.append(document)
        self.documents[self.documents.index(known)] = document

    async def delete(self, namespace_id: str, revision: int) -> None:
        """Delete a document at a revision."""
        known = await self.get(namespace_id)
        if isinstance(known, NamespaceDocument) and known.revision == revision:
            self.documents.remove(known)

    async def counts(self, namespace_ids: Names[str]) -> Mapping[str, Counts]:
        """Numbers, and a note of who asked together."""
        self.counted.append(set(namespace_ids))
        await asyncio.sleep(self.takes)
        self._answer()
        return {name: self.numbers.get(name, Counts(0, 0, 0)) for name in namespace_ids}

    async def expected(self, instance_id: str) -> AsyncIterator[Key]:
        """Keys of an instance's documents that are not retained."""
        self._answer()
        for document in list(self.documents):
            if not isinstance(document, NamespaceDocument) or document.state is State.RETAINED:
                continue
            if document.owner.instance_id == instance_id:
                yield document.owner.key

    def _answer(self) -> None:
        if self.fails is not None:
            raise self.fails


@dataclass
class FixedVectors:
    """Holds at most one collection; ``fails`` is raised by every request, indexes on ``rejects`` are refused.

    ``requests`` are the writes in order.
    """

    collection: Collection | None = None
    fails: StoreError | None = None
    rejects: frozenset[str] = frozenset()
    requests: list[str] = field(default_factory=list)

    async def version(self) -> str:
        """The server's version."""
        self._answer()
        return SERVER_VERSION

    async def read(self, collection: str) -> Collection | None:
        """The collection."""
        self._answer()
        return self.collection if self.collection is not None and self.collection.name == collection else None

    async def aliases(self, collection: str) -> tuple[str, ...]:
        """None."""
        self._answer()
        assert collection
        return ()

    async def create_collection(
        self, collection: str, vectors: Sequence[NamedVector], metadata: Mapping[str, Any]
    ) -> None:
        """Create it, unless there is one."""
        self._write(f"create {collection}")
        if self.collection is not None:
            raise Outdated(collection)
        named = {vector.name: NamedVector(**vector.model_dump()) for vector in vectors}
        self.collection = Collection(collection, "green", 0, 0, 1, named, {}, metadata)

    async def add_vector(self, collection: str, vector: NamedVector) -> None:
        """Add a vector."""
        self._write(f"vector {collection} {vector.name}")

    async def put_index(self, collection: str, field_name: str, schema: IndexSchema, *, wait: bool) -> None:
        """Put an index."""
        self._write(f"put {field_name}{' and wait' if wait else ''}")
        if field_name in self.rejects:
            raise Rejected(Backend.QDRANT, f"no index on {field_name}", "PUT index")
        assert self.collection is not None
        assert self.collection.name == collection
        indexes = {**self.collection.indexes, field_name: LiveIndex(schema, 0)}
        self.collection = replace(self.collection, indexes=indexes)

    async def drop_index(self, collection: str, field_name: str, *, wait: bool) -> None:
        """Drop an index."""
        self._write(f"drop {field_name}{' and wait' if wait else ''}")
        assert collection

    async def delete_collection(self, collection: str) -> None:
        """Delete the collection."""
        self._write(f"delete {collection}")
        self.collection = None

    def _write(self, request: str) -> None:
        self._answer()
        self.requests.append(request)

    def _answer(self) -> None:
        if self.fails is not None:
            raise self.fails


@dataclass
class FixedCluster:
    """Holds at most one object, whose status is what was written last, and the answer of the next full list."""

    held: Subject | None = None
    listed: frozenset[Key] = frozenset()
    missed: frozenset[Key] = frozenset()
    unlisted: frozenset[str] = frozenset()
    fails: Exception | None = None
    statuses: list[NamespaceStatus] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    async def subject(self, key: Key) -> Subject | None:
        """The object."""
        if self.fails is not None:
            raise self.fails
        return self.held if self.held is not None and self.held.key == key else None

    async def verify(self, subject: Subject) -> None:
        """Fails if something else is held."""
        if self.held is not None and self.held != subject:
            raise ObjectChanged(str(subject.key))

    async def add_finalizer(self, subject: Subject) -> Subject:
        """Add it."""
        self.held = replace(subject, finalized=True)
        return self.held

    async def remove_finalizer(self, subject: Subject) -> Subject:
        """Remove it."""
        self.held = replace(subject, finalized=False)
        return self.held

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
