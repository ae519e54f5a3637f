"""What an observation asks of the stores: of a store itself, or of what was seen of many namespaces at once."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from typing import Protocol

from namespace_operator.domain.document import Binding, MalformedDocument, NamespaceDocument
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.parsing import FoundDocument
from namespace_operator.domain.shared import SharedCollection


class Documents(Protocol):
    """The reads of a ``MetadataStore`` that an observation may need."""

    async def find(self, claims: Names[str]) -> Sequence[FoundDocument]:
        """The documents that hold one of the claims."""

    async def get(self, namespace_id: str) -> NamespaceDocument | MalformedDocument | None:
        """One namespace's document by its id."""

    async def shared(self, document_id: str) -> SharedCollection | MalformedDocument | None:
        """One shared collection's document by its id."""

    async def wanted_by(self, members: Names[str], field_names: Names[str]) -> Mapping[str, str]:
        """Who still declares a payload index on these fields."""

    async def count_bound(self, instance_id: str, binding: Binding | None) -> int:
        """How many namespaces of an instance live on a server."""


class Collections(Protocol):
    """The reads of a ``VectorStore`` that an observation may need."""

    async def read(self, collection: str) -> Collection | None:
        """The collection, or None where the server says that it has none."""

    async def aliases(self, collection: str) -> tuple[str, ...]:
        """The aliases of an existing collection."""

    async def alias_target(self, name: str) -> str | None:
        """The collection that this name is an alias of."""

    async def count_points(self, collection: str, namespace_id: str | None = None) -> int:
        """The exact number of points of an existing collection, or of one namespace in it."""
