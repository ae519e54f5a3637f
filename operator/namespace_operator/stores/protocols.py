"""The protocols of the stores. The real ones and the in-memory models of the tests pass the same contract tests.

Every method may raise ``Unavailable``, ``Unauthorized`` or ``Rejected`` (see ``errors``). Every write is one step:
it happens as a whole or not at all, and repeating one that happened changes nothing or raises ``Outdated``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Collection as Names
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from namespace_operator.api.profile import CollectionParameters
from namespace_operator.domain.document import Binding, MalformedDocument, NamespaceDocument, OwnedDocument
from namespace_operator.domain.evidence import Draw, Payload
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, Counts, Residents, ServerRecord
from namespace_operator.domain.parameters import AS_QDRANT_HAS_IT, Parameters
from namespace_operator.domain.parsing import FoundDocument, OwnDocument
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.usage import FilterUsage
from namespace_operator.domain.vectors import NamedVector


@dataclass(frozen=True, slots=True)
class ReadAtOnce:
    """Collections that one request told of, by name; ``total`` is how many the server has."""

    total: int
    collections: Mapping[str, Collection]


class VectorStore(Protocol):
    """A Qdrant server."""

    async def close(self) -> None:
        """Close the connections."""

    def waiting(self) -> AbstractAsyncContextManager[None]:
        """Wait within it for what another asks the server.

        Raises ``Unavailable`` where the server answers nothing and too many wait for it already.
        """

    async def version(self) -> str:
        """The server's version, such as ``1.18.3``."""

    async def read(self, collection: str) -> Collection | None:
        """The collection, or None where the server says that it has none (it may only have failed to load it)."""

    async def read_at_once(self, collections: Names[str]) -> ReadAtOnce | None:
        """As many of these collections as the server tells of in one request, each as ``read`` has it.

        None where it does not do so: that the key may not ask is no failure. A missing one proves nothing.
        """

    async def names(self) -> frozenset[str]:
        """The names of all collections, in one request."""

    async def count_points(self, collection: str, namespace_id: str | None = None) -> int:
        """The exact number of points of an existing collection, or of one namespace in it."""

    async def count_with_vector(
        self, collection: str, vector: str, namespace_id: str | None = None, *, exact: bool = False
    ) -> int:
        """The number of points of an existing collection that have a value for one of its vectors.

        Unless it is to be ``exact`` it is cheap and may count points that were deleted not long ago. Of one namespace
        it is exact in any case: an estimate would not tell its points from those of others.
        """

    async def points_by_namespace(self, collection: str, limit: int) -> Mapping[str, int]:
        """The exact number of points of each namespace id that has any in an existing collection, in one request.

        No more than ``limit`` ids are told of: where there are as many, others may be missing and counts be too low.
        Raises ``Rejected`` where ``namespace_id`` has no index to count by.
        """

    async def count_having(self, collection: str, field_name: str) -> int:
        """The exact number of points of an existing collection that have a value in a field.

        Null and an empty array are none, an array of nulls is one.
        """

    async def sample(self, collection: str, field_names: Sequence[str], draws: Sequence[Draw]) -> Sequence[Payload]:
        """Payloads of random points of an existing collection, no more than these fields of them, in one request.

        A point that is drawn twice is told of once.
        """

    async def slow_fields(self) -> Mapping[str, frozenset[str]]:
        """Fields that slow requests filtered by, by collection, as the server tells of itself.

        Nothing where it does not, or not to the holder of this key; that raises no error.
        """

    async def aliases(self, collection: str) -> tuple[str, ...]:
        """The aliases of an existing collection."""

    async def alias_target(self, name: str) -> str | None:
        """The collection that this name is an alias of, None if it is no alias."""

    async def create_collection(
        self,
        collection: str,
        vectors: Sequence[NamedVector],
        metadata: Mapping[str, Any],
        parameters: CollectionParameters = AS_QDRANT_HAS_IT,
    ) -> None:
        """Create a collection. Raises ``Outdated`` if the name is taken."""

    async def update_collection(self, collection: str, changes: Parameters) -> None:
        """Change parameters of an existing collection; those that are not named stay."""

    async def set_metadata(self, collection: str, metadata: Mapping[str, Any]) -> None:
        """Merge top-level keys into the metadata; None takes a key away."""

    async def add_vector(self, collection: str, vector: NamedVector) -> None:
        """Add a named vector; existing points get no value for it."""

    async def put_index(self, collection: str, field_name: str, schema: IndexSchema, *, wait: bool) -> None:
        """Create or replace a payload index; with ``wait`` it and all before it can be read afterwards."""

    async def drop_index(self, collection: str, field_name: str, *, wait: bool) -> None:
        """Drop a payload index, if there is one."""

    async def delete_points(self, collection: str, namespace_id: str) -> None:
        """Delete every point of one namespace in an existing collection, if it has any."""

    async def delete_collection(self, collection: str) -> None:
        """Delete a collection, if there is one."""


class MetadataStore(Protocol):
    """The documents of namespaces and shared collections in MongoDB, and the counts of what belongs to namespaces."""

    async def find(self, claims: Names[str]) -> Sequence[FoundDocument]:
        """The documents that hold one of the claims, in one read."""

    async def get(self, namespace_id: str) -> NamespaceDocument | MalformedDocument | None:
        """One namespace's document by its id."""

    async def shared(self, document_id: str) -> SharedCollection | MalformedDocument | None:
        """One shared collection's document by its id."""

    async def insert(self, document: OwnDocument) -> None:
        """Insert a document. Raises ``ClaimTaken`` if its id or one of its claims is taken."""

    async def replace(self, document: OwnDocument) -> None:
        """Set our fields of the document whose revision is the one before; fields of others stay.

        Raises ``Outdated`` if there is no such revision, ``ClaimTaken`` if a new claim is held by another document.
        """

    async def delete(self, document_id: str, revision: int) -> None:
        """Delete the document that has this revision. Raises ``Outdated`` if it has another one."""

    async def join(self, document_id: str, namespace_id: str) -> SharedCollection:
        """Add a member to a shared collection; the result is its document afterwards.

        Raises ``Outdated`` if there is none, or it is closing.
        """

    async def wanted_by(self, members: Names[str], field_names: Names[str]) -> Mapping[str, str]:
        """Who still wants a payload index on these fields, in one read: field name to the smallest namespace id.

        That is who declares it, and who had it made from use. Only documents of ``members`` count, whatever their
        shape, and none that is being deleted or a tombstone. A field that none of them wants is absent.
        """

    async def counts(self, namespace_ids: Names[str]) -> Mapping[str, Counts]:
        """Buckets, collections and objects of each namespace, in one read a collection."""

    async def filter_usage(self, namespace_ids: Names[str], now: datetime) -> Mapping[str, FilterUsage]:
        """How queries filtered each namespace until ``now``, in few reads for all; one without any has an empty one."""

    async def delete_dependents(self, collection: str, namespace_id: str) -> bool:
        """Delete one chunk of what belongs to a namespace in a collection of another service; False when none is left.

        Raises ``ValueError`` for a collection of the operator's own.
        """

    async def prepare(self) -> None:
        """Make sure that the indexes exist which the claims rest on; they go with a database that is dropped."""

    def owned(self, instance_id: str) -> AsyncIterator[OwnedDocument]:
        """A summary of every namespace's document of an instance. Those of another shape are left out."""

    def documents_on(self, instance_id: str, connection: str | None) -> AsyncIterator[FoundDocument]:
        """Every document of an instance's namespaces and shared collections on a server, but for tombstones.

        ``connection`` is as documents name it; None: the operator's own. Those of another shape may be missing.
        """

    def shared_of(self, instance_id: str) -> AsyncIterator[SharedCollection]:
        """Every shared collection's document of an instance. Those of another shape are left out."""

    async def count_bound(self, instance_id: str, binding: Binding | None) -> int:
        """How many namespaces of an instance live on a server, retained ones included; None: the operator's own."""

    async def bound(self, instance_id: str) -> Mapping[str | None, Residents]:
        """The namespaces of an instance by the connection they are bound to, in one read.

        None stands for the operator's own server, ``own`` for all that the namespaces name themselves.
        """

    async def server(self, name: str) -> ServerRecord | None:
        """What is recorded of the Qdrant server behind a connection of this name."""

    async def forget_server(self, name: str) -> None:
        """Forget what is recorded of a connection that is gone for good."""

    async def record_server(self, name: str, record: ServerRecord, before: ServerRecord | None) -> None:
        """Record a server in place of ``before``. Raises ``Outdated`` if something else is recorded."""
