"""Everything the operator can do to the world, as values. Each one is a single write, safe to repeat or to lose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from namespace_operator.api.profile import CollectionParameters
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.identity import Mark
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.parameters import AS_QDRANT_HAS_IT, Parameters, attempt_of, rebuilds
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.vectors import NamedVector


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Put our finalizer on the custom resource."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Let the custom resource go."""


@dataclass(frozen=True, slots=True)
class DeleteResource:
    """Delete the custom resource of a namespace that expired, if it still is as it was read; its data or not."""

    namespace_id: str
    expires_at: datetime
    keeps_data: bool


@dataclass(frozen=True, slots=True)
class InsertDocument:
    """Insert the document with its claims: fails as a whole when one claim is held by another document."""

    document: NamespaceDocument


@dataclass(frozen=True, slots=True)
class ReplaceDocument:
    """Set our fields of a document that still has the revision before ``document.revision``."""

    document: NamespaceDocument


@dataclass(frozen=True, slots=True)
class InsertShared:
    """Insert the document of a shared collection: fails if the collection is claimed already."""

    shared: SharedCollection


@dataclass(frozen=True, slots=True)
class ReplaceShared:
    """Set the document of a shared collection that still has the revision before ``shared.revision``."""

    shared: SharedCollection


@dataclass(frozen=True, slots=True)
class JoinCollection:
    """Become a member of a shared collection, unless it is closing."""

    document_id: str
    namespace_id: str


@dataclass(frozen=True, slots=True)
class DeleteDependents:
    """Delete what belongs to a namespace in collections of other services that the operator was told to clear.

    It goes in chunks and can be broken off anywhere.
    """

    namespace_id: str
    collections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateCollection:
    """Create a collection with its vectors, its mark and its parameters in one request."""

    collection: str
    vectors: Sequence[NamedVector]
    metadata: Mapping[str, Any]
    parameters: CollectionParameters = AS_QDRANT_HAS_IT


@dataclass(frozen=True, slots=True)
class MarkCollection:
    """Write a mark on a collection that carries ``expected`` right now; None stands for no mark at all."""

    collection: str
    mark: Mark
    expected: Mark | None


@dataclass(frozen=True, slots=True)
class UnmarkCollection:
    """Take this mark off an adopted collection that stays."""

    collection: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class MarkMember:
    """Add a member to the mark of a shared collection; ``mark`` has that member alone."""

    collection: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class UnmarkMembers:
    """Take those off a shared collection's mark that are no members by its document."""

    collection: str
    document_id: str
    namespace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeletePoints:
    """Delete the points of a namespace that leaves a shared collection."""

    collection: str
    mark: Mark


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


class Purpose(StrEnum):
    """Why an index is dropped that the document announces to drop."""

    PRUNE = "prune"
    """Nobody declared it."""
    REBUILD = "rebuild"
    """It is made again at once."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What the document of a namespace has to say for an index to go."""

    namespace_id: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Drop a payload index; the points keep their payload.

    With the document of a shared collection only if no member wants it by then; with ``announced`` only if a
    namespace's document says so right then; one that was made from use only if it still is as it was ``made``.
    """

    collection: str
    field_name: str
    shared: SharedCollection | None = None
    announced: Announced | None = None
    made: IndexSchema | None = None


@dataclass(frozen=True, slots=True)
class UpdateCollection:
    """Change parameters of a collection that may hold points; those that are not named stay."""

    collection: str
    changes: Parameters

    @property
    def attempts(self) -> frozenset[str]:
        """What identifies each change."""
        return frozenset(attempt_of(name, value) for name, value in self.changes.items())

    @property
    def rebuilds(self) -> bool:
        """Whether Qdrant rebuilds segments for it."""
        return any(rebuilds(name) for name in self.changes)


@dataclass(frozen=True, slots=True)
class DeleteCollection:
    """Delete a collection with its points, if it still carries this mark.

    One that is not ``listed`` may only have failed to load: its files go too, provided that its name is the
    namespace's id, which nobody can choose for a collection. With ``empty`` it goes because the namespace moves to
    another server, and only while it has no point; with the document of a ``shared`` collection because its last member
    left it, and likewise.
    """

    collection: str
    mark: Mark
    listed: bool = True
    empty: bool = False
    shared: str | None = None


KubernetesAction = AddFinalizer | RemoveFinalizer | DeleteResource
DocumentAction = InsertDocument | ReplaceDocument | InsertShared | ReplaceShared | JoinCollection | DeleteDependents
CollectionAction = (
    CreateCollection
    | MarkCollection
    | MarkMember
    | UnmarkCollection
    | UnmarkMembers
    | DeletePoints
    | AddVector
    | PutIndex
    | DropIndex
    | UpdateCollection
    | DeleteCollection
)
Action = KubernetesAction | DocumentAction | CollectionAction
