"""Deleting the data of a namespace whose custom resource is gone, by the planner that any deletion goes by.

What destroys reads the live state again right before, as in any deletion, and that nobody claims the namespace again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from namespace_operator.api.annotations import Requests
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.apply import World
from namespace_operator.controller.cluster import ObjectChanged, Refreshed
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.observe import Observer
from namespace_operator.controller.orphan_removal import Claimant, Claimed
from namespace_operator.controller.ray import RaySync
from namespace_operator.controller.settle import Settling
from namespace_operator.domain.actions import Action
from namespace_operator.domain.conditions import Finding
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.planning import Context
from namespace_operator.stores.protocols import MetadataStore


@dataclass(frozen=True, slots=True)
class Removed:
    """What was done, and what keeps the rest from being done."""

    done: tuple[Action, ...]
    findings: tuple[Finding, ...]
    gone: bool


@dataclass(frozen=True, slots=True)
class RetainedRemoval:
    """Deletes retained namespaces. ``claimant`` asks the API server right before each step that destroys."""

    metadata: MetadataStore
    fleet: Fleet
    ray: RaySync
    context: Callable[[], Context]
    claimant: Claimant

    async def remove(self, document: NamespaceDocument) -> Removed:
        """Delete all of a namespace that nobody's object accounts for.

        Raises ``ObjectChanged`` if there is one after all, at whatever step that turns out.
        """
        subject = as_if_deleted(document)
        nobody = _Nobody(document.namespace_id, self.claimant)
        await nobody.verify(subject)
        observer = Observer(document.owner.instance_id, self.metadata, self.fleet)
        run = Settling(nobody, self.metadata, observer, self.context, self.ray, World(subject, Observed()))
        await run.run()
        left = await self.metadata.get(document.namespace_id)
        gone = left is None or (isinstance(left, NamespaceDocument) and left.state is State.DELETED)
        return Removed(tuple(run.done), tuple(run.findings), gone)


def as_if_deleted(document: NamespaceDocument) -> Subject:
    """The object that the document belongs to, as if it were being deleted under Delete right now."""
    owner = document.owner
    return Subject(
        key=owner.key,
        uid=owner.cr_uid,
        resource_version="",
        k8s_namespace_uid=owner.k8s_namespace_uid,
        generation=0,
        spec=NamespaceSpec(deletion_policy=DeletionPolicy.DELETE, namespace_id=document.namespace_id),
        deleting=True,
        finalized=True,
        requests=Requests(),
    )


@dataclass(frozen=True, slots=True)
class _Nobody:
    """Kubernetes, where there is no object of the namespace, and has to be none."""

    namespace_id: str
    claimant: Claimant

    async def subject(self, key: Key) -> Subject | None:
        raise AssertionError(f"there is no object {key}")

    async def verify(self, subject: Subject) -> None:
        who = await self.claimant(Claimed({self.namespace_id: subject.key}))
        if who is not None:
            raise ObjectChanged(f"{self.namespace_id} is claimed by {who}; nothing more is deleted")

    async def add_finalizer(self, subject: Subject) -> Subject:
        raise AssertionError(f"there is no object {subject.key}")

    async def remove_finalizer(self, subject: Subject) -> Subject:
        return replace(subject, finalized=False)

    async def delete(self, subject: Subject) -> Subject:
        raise AssertionError(f"there is no object {subject.key}")

    async def write_status(self, subject: Subject, status: NamespaceStatus) -> None:
        raise AssertionError(f"there is no object {subject.key} for {status}")

    async def refresh(self) -> Refreshed:
        raise AssertionError("nothing is listed for a deletion")

    async def emit_event(self, subject: Subject, kind: str, reason: str, message: str) -> None:
        """There is no object to tell of it."""


def described(actions: Sequence[Action]) -> tuple[str, ...]:
    """The names of the steps."""
    return tuple(type(action).__name__ for action in actions)
