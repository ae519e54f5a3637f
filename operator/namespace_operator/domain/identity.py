"""Who owns what: claims in MongoDB and marks in Qdrant.

A *claim* is a string that at most one namespace document may hold (a unique index in MongoDB decides races).
A *mark* is the ownership record in a Qdrant collection's metadata, written in the request that creates it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

MARK_PREFIX = "mixpeek.com/"
MEMBER_PREFIX = f"{MARK_PREFIX}member."


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Kubernetes namespace and name of a custom resource."""

    organization: str
    name: str

    def __str__(self) -> str:
        return f"{self.organization}/{self.name}"


def resource_claim(instance_id: str, key: Key) -> str:
    """The claim by which a custom resource finds its document again: one namespace id per resource name."""
    return f"resource/{instance_id}/{key.organization}/{key.name}"


def name_claim(instance_id: str, organization: str, namespace_name: str) -> str:
    """The claim on a namespaceName, unique in the organization and case-sensitive."""
    return f"name/{instance_id}/{organization}/{namespace_name}"


def collection_claim(collection: str, scope: str = "") -> str:
    """The claim on a Qdrant collection; ``scope`` is the id of its server, empty for the operator's own."""
    return f"collection/{scope}/{collection}" if scope else f"collection/{collection}"


def member_claim(namespace_id: str) -> str:
    """What a namespace that shares a collection claims instead of it; nobody else ever asks for it."""
    return f"member/{namespace_id}"


@dataclass(frozen=True, slots=True)
class Mark:
    """Ownership as a collection's metadata tells it.

    Keys are flat because Qdrant's PATCH merges only top-level keys; the collection's own name is among them so that
    a snapshot restored under another name is not taken for the original.
    """

    instance_id: str
    organization: str
    collection: str
    incarnation: int
    members: Mapping[str, str]
    """Namespace id to the name of its custom resource."""
    k8s_namespace_uid: str | None = None
    """The incarnation of the organization; None in marks of the first version."""
    adopted: bool = False
    """Whether somebody else made the collection; then nothing that was in it is ours to drop."""
    shared: bool = False
    """Whether other namespaces may be members too."""

    def to_metadata(self) -> dict[str, Any]:
        """The metadata to send with the request that creates the collection."""
        return {
            f"{MARK_PREFIX}instance": self.instance_id,
            f"{MARK_PREFIX}organization": self.organization,
            f"{MARK_PREFIX}collection": self.collection,
            f"{MARK_PREFIX}incarnation": self.incarnation,
            **({f"{MARK_PREFIX}organization-uid": self.k8s_namespace_uid} if self.k8s_namespace_uid else {}),
            **({f"{MARK_PREFIX}adopted": True} if self.adopted else {}),
            **({f"{MARK_PREFIX}shared": True} if self.shared else {}),
            **self.of_members(),
        }

    def is_on(self, collection_mark: Mark | None) -> bool:
        """Whether a collection with this mark is the one that is meant. A mark of the first version counts too."""
        if collection_mark is None:
            return False
        if self.shared:
            return self.members.items() <= collection_mark.members.items() and self.surrounds(collection_mark)
        if collection_mark.k8s_namespace_uid is None:
            return replace(self, k8s_namespace_uid=None) == collection_mark
        return self == collection_mark

    def surrounds(self, collection_mark: Mark | None) -> bool:
        """Whether a collection with this mark is the shared one that is meant, whoever its members are."""
        return collection_mark is not None and self.shared and replace(collection_mark, members=self.members) == self

    def of_members(self) -> dict[str, Any]:
        """The part of the metadata that names the members."""
        return {f"{MEMBER_PREFIX}{namespace_id}": name for namespace_id, name in self.members.items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Mark | None:
        """The mark in a collection's metadata, or None if there is none or it is not whole."""
        instance_id = metadata.get(f"{MARK_PREFIX}instance")
        organization = metadata.get(f"{MARK_PREFIX}organization")
        collection = metadata.get(f"{MARK_PREFIX}collection")
        incarnation = metadata.get(f"{MARK_PREFIX}incarnation")
        if not (isinstance(instance_id, str) and isinstance(organization, str) and isinstance(collection, str)):
            return None
        if not isinstance(incarnation, int) or isinstance(incarnation, bool):
            return None
        members = {
            key.removeprefix(MEMBER_PREFIX): value
            for key, value in metadata.items()
            if key.startswith(MEMBER_PREFIX) and isinstance(value, str)
        }
        uid = metadata.get(f"{MARK_PREFIX}organization-uid")
        return cls(
            instance_id,
            organization,
            collection,
            incarnation,
            members,
            k8s_namespace_uid=uid if isinstance(uid, str) else None,
            adopted=bool(metadata.get(f"{MARK_PREFIX}adopted")),
            shared=bool(metadata.get(f"{MARK_PREFIX}shared")),
        )


def is_marked(metadata: Mapping[str, Any]) -> bool:
    """Whether anything of a mark is there, be it ours, another operator's or a broken one."""
    return any(key.startswith(MARK_PREFIX) for key in metadata)
