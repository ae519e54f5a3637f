"""Who owns what: claims in MongoDB and marks in Qdrant.

A *claim* is a string that at most one namespace document may hold (a unique index in MongoDB decides races).
A *mark* is the ownership record in a Qdrant collection's metadata, written in the request that creates it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


def collection_claim(collection: str) -> str:
    """The claim on a Qdrant collection."""
    return f"collection/{collection}"


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

    def to_metadata(self) -> dict[str, Any]:
        """The metadata to send with the request that creates the collection."""
        return {
            f"{MARK_PREFIX}instance": self.instance_id,
            f"{MARK_PREFIX}organization": self.organization,
            f"{MARK_PREFIX}collection": self.collection,
            f"{MARK_PREFIX}incarnation": self.incarnation,
            **{f"{MEMBER_PREFIX}{namespace_id}": name for namespace_id, name in self.members.items()},
        }

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
        return cls(instance_id, organization, collection, incarnation, members)
