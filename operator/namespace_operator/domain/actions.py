"""Everything the operator can do to the world, as values. Each one is a single write, safe to repeat or to lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.identity import Mark
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.vectors import NamedVector


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Put our finalizer on the custom resource."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Let the custom resource go."""


@dataclass(frozen=True, slots=True)
class InsertDocument:
    """Insert the document with its claims: fails as a whole when one claim is held by another document."""

    document: NamespaceDocument


@dataclass(frozen=True, slots=True)
class ReplaceDocument:
    """Set our fields of a document that still has the revision before ``document.revision``."""

    document: NamespaceDocument


@dataclass(frozen=True, slots=True)
class DeleteDocument:
    """Delete a document that still has this revision; its claims go with it."""

    namespace_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class CreateCollection:
    """Create a collection with its vectors and its mark in one request."""

    collection: str
    vectors: Sequence[NamedVector]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AddVector:
    """Add a named vector to a collection that may hold points."""

    collection: str
    vector: NamedVector


@dataclass(frozen=True, slots=True)
class PutIndex:
    """Create a payload index, or let Qdrant replace the one the field has."""

    collection: str
    field_name: str
    schema: IndexSchema

    @property
    def attempt(self) -> str:
        """Identifies the request, so that one without effect is not sent again and again."""
        return f"{self.field_name} {sorted(self.schema.items())}"


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Drop a payload index; the points keep their payload."""

    collection: str
    field_name: str


@dataclass(frozen=True, slots=True)
class DeleteCollection:
    """Delete a collection with its points, if it still carries this mark."""

    collection: str
    mark: Mark


KubernetesAction = AddFinalizer | RemoveFinalizer
DocumentAction = InsertDocument | ReplaceDocument | DeleteDocument
CollectionAction = CreateCollection | AddVector | PutIndex | DropIndex | DeleteCollection
Action = KubernetesAction | DocumentAction | CollectionAction
