"""What is there: the custom resource, its document, its collection, the counts. Frozen values, made by reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, Owner
from namespace_operator.domain.identity import Key, Mark
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.vectors import NamedVector


@dataclass(frozen=True, slots=True)
class InvalidSpec:
    """A spec that passed the API server (an older CRD, say) but not our models."""

    problem: str
    deletion_policy: DeletionPolicy | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The custom resource a reconcile is about."""

    key: Key
    uid: str
    resource_version: str
    k8s_namespace_uid: str
    generation: int
    spec: NamespaceSpec | InvalidSpec
    status: NamespaceStatus = field(default_factory=NamespaceStatus)
    deleting: bool = False
    finalized: bool = False
    """Whether our finalizer is on the object."""

    @property
    def deletion_policy(self) -> DeletionPolicy:
        """What happens to the data when the object goes: Retain unless the spec says Delete."""
        return self.spec.deletion_policy or DeletionPolicy.RETAIN

    def owner(self, instance_id: str) -> Owner:
        """The owner of the document this object has or would get from an operator instance."""
        return Owner(
            instance_id=instance_id,
            organization=self.key.organization,
            k8s_namespace_uid=self.k8s_namespace_uid,
            cr_name=self.key.name,
            cr_uid=self.uid,
        )


@dataclass(frozen=True, slots=True)
class LiveIndex:
    """A payload index as Qdrant reports it; ``points`` is the number of points that have the field."""

    schema: IndexSchema
    points: int


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as Qdrant reports it. Point and vector counts are approximate."""

    name: str
    status: str
    points_count: int | None
    indexed_vectors_count: int | None
    segments_count: int
    vectors: Mapping[str, NamedVector]
    indexes: Mapping[str, LiveIndex]
    metadata: Mapping[str, Any]

    @property
    def mark(self) -> Mark | None:
        """The ownership mark, if there is one."""
        return Mark.from_metadata(self.metadata)


@dataclass(frozen=True, slots=True)
class Counts:
    """Live counts of what belongs to a namespace in MongoDB."""

    buckets: int
    collections: int
    objects: int


@dataclass(frozen=True, slots=True)
class Observed:
    """Both stores as one reconcile sees them.

    ``collection`` is None when the server answered that there is none, which is not the same as gone: see the
    planner. ``name_holder`` is the document that holds the claim on the wanted namespaceName. ``aliases`` of the
    collection are read only where it is about to be deleted. ``tried_indexes`` are the index requests this reconcile
    has already sent, ``rejected_indexes`` those of them that Qdrant refused, with its words.
    """

    document: NamespaceDocument | MalformedDocument | None = None
    name_holder: NamespaceDocument | MalformedDocument | None = None
    collection: Collection | None = None
    aliases: tuple[str, ...] = ()
    server_version: str = ""
    counts: Counts | None = None
    tried_indexes: frozenset[str] = frozenset()
    rejected_indexes: Mapping[str, str] = field(default_factory=dict)
