"""What the controller needs of Kubernetes. ``kube`` implements it; the tests have a model of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Subject


class ClusterError(Exception):
    """The API server did not do what was asked."""


class ObjectChanged(ClusterError):
    """The object is not the one that was read: it changed, was replaced or is gone. Look again."""


class ClusterUnavailable(ClusterError):
    """No answer, or one that says nothing of the object."""


class Refused(ClusterUnavailable):
    """The API server refuses the request, by its rights, its schema or a policy; the message ends with its words."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a full list showed.

    ``listed`` are the keys of all objects that it told of, ``missed`` those that the watch had told us wrong.
    ``unlisted`` are the Kubernetes namespaces whose list was refused: of their objects nothing is known, so that one
    of them that is not listed is not missing.
    """

    listed: frozenset[Key]
    missed: frozenset[Key]
    unlisted: frozenset[str] = frozenset()


class Cluster(Protocol):
    """The Kubernetes side of a reconcile. Writes name uid and version of the object they were decided on."""

    async def subject(self, key: Key) -> Subject | None:
        """The object as the watch last showed it.

        Where the watch shows none, or one being deleted, the object as the API server has it right now.
        """

    async def verify(self, subject: Subject) -> None:
        """Raise ``ObjectChanged`` unless the API server has the object at the version that was read."""

    async def add_finalizer(self, subject: Subject) -> Subject:
        """Put our finalizer on the object; the result is the object afterwards."""

    async def remove_finalizer(self, subject: Subject) -> Subject:
        """Take our finalizer off the object."""

    async def delete(self, subject: Subject) -> Subject:
        """Delete the object that was read; the result is what is left of it, being deleted."""

    async def write_status(self, subject: Subject, status: NamespaceStatus) -> None:
        """Replace the status."""

    async def refresh(self) -> Refreshed:
        """List all objects, and forget those that the watch had told us wrong."""

    async def emit_event(self, subject: Subject, kind: str, reason: str, message: str) -> None:
        """Record an event, ``kind`` Normal or Warning. Best effort: never raises."""
