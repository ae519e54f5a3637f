"""The document of a shared collection: who its members are, and what all of them together want in it.

It is the only authority on membership. Members come and go by compare-and-set of its revision, so that two that do
so in the same instant never lose one another, and one that is closing takes no more. It holds the claim on the
collection that the document of its owner holds for an exclusive one, so that a collection is one or the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from namespace_operator.domain.document import Binding, DeclaredIndex, Owner, Revisioned
from namespace_operator.domain.identity import Mark
from namespace_operator.domain.vectors import NamedVector


class SharedState(StrEnum):
    """Where a shared collection is in its life."""

    ACTIVE = "active"
    DELETING = "deleting"
    """It has no member and no point, and takes no new member: its last one removes the collection."""
    DELETED = "deleted"
    """A tombstone, as of a namespace."""


class SharedVector(NamedVector):
    """A named vector that a member brought; ``by`` is that member's namespace id. It is never dropped."""

    by: str


class SharedIndex(DeclaredIndex):
    """A payload index that a member wants; ``by`` is the namespace id of one that does.

    One that was made from use is ``auto``: it gives way to any that a member declares.
    """

    by: str
    auto: bool = False


class SharedCollection(Revisioned):
    """One shared collection in MongoDB, beside the namespaces' documents.

    ``bound`` and ``bound_vectors`` as in a namespace's document: what was seen complete once and is missing later was
    lost. ``members`` are namespace ids, retained ones included. ``dropping`` are fields whose index nobody wants any
    more and that may still have one.
    """

    document_id: str
    object: Literal["shared_collection"] = "shared_collection"
    instance_id: str
    organization: str
    k8s_namespace_uid: str
    collection: str
    binding: Binding | None = None
    claims: tuple[str, ...] = ()
    state: SharedState
    members: tuple[str, ...]
    incarnation: int = 1
    bound: bool = False
    bound_vectors: tuple[str, ...] = ()
    vectors: tuple[SharedVector, ...] = ()
    indexes: tuple[SharedIndex, ...] = ()
    dropping: tuple[str, ...] = ()

    @property
    def vectors_by_name(self) -> Mapping[str, SharedVector]:
        """The vectors of all members."""
        return {vector.name: vector for vector in self.vectors}

    @property
    def indexes_by_field(self) -> Mapping[str, SharedIndex]:
        """The declared indexes of all members."""
        return {index.field_name: index for index in self.indexes}

    @property
    def mark(self) -> Mark:
        """The mark of the collection, without its members."""
        return Mark(
            self.instance_id,
            self.organization,
            self.collection,
            self.incarnation,
            {},
            k8s_namespace_uid=self.k8s_namespace_uid,
            shared=True,
        )

    def is_of(self, owner: Owner) -> bool:
        """Whether it belongs to the organization of this owner, in the same incarnation."""
        mine = (self.instance_id, self.organization, self.k8s_namespace_uid)
        return mine == (owner.instance_id, owner.organization, owner.k8s_namespace_uid)
