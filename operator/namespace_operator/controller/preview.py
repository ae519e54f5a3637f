"""What the operator would do for an object and what would become of the stores, without doing any of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from namespace_operator.api.status import NamespaceStatus, PlannedStep
from namespace_operator.controller.apply import World
from namespace_operator.controller.cluster import Refreshed
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.observe import Observer
from namespace_operator.controller.ray import RaySync
from namespace_operator.controller.settle import Settling
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.planning import Context
from namespace_operator.stores.protocols import MetadataStore


@dataclass(frozen=True, slots=True)
class Preview:
    """The steps to rest, what would still stand in the way then, and the stores as they are and as they would be."""

    steps: tuple[PlannedStep, ...]
    findings: tuple[Finding, ...]
    before: Observed
    after: Observed


@dataclass(frozen=True, slots=True)
class Previewer:
    """Previews of objects, over stores of which it only reads.

    ``fleet`` and ``metadata`` should refuse to write anything all the same.
    """

    instance_id: str
    metadata: MetadataStore
    fleet: Fleet
    ray: RaySync
    context: Callable[[], Context]

    async def preview(self, subject: Subject) -> Preview:
        """What would be done if the object were applied like this.

        What fails at a store is among the findings; what fails at the API server is raised (``ClusterError``).
        """
        asked = replace(subject.requests, dry_run=True, paused=False)
        world = World(replace(subject, requests=asked), Observed())
        observer = Observer(self.instance_id, self.metadata, self.fleet)
        run = Settling(_Untouched(), self.metadata, observer, self.context, self.ray, world)
        await run.run()
        before = run.world.observed
        after = run.foreseen.observed if run.foreseen is not None else before
        findings = tuple(finding for finding in run.findings if finding.reason is not Reason.DRY_RUN)
        return Preview(run.planned or (), findings, before, after)


class _Untouched:
    """Kubernetes, where a preview has nothing to write."""

    async def subject(self, key: Key) -> Subject | None:
        self._refuse(key)

    async def verify(self, subject: Subject) -> None:
        self._refuse(subject)

    async def add_finalizer(self, subject: Subject) -> Subject:
        self._refuse(subject)

    async def remove_finalizer(self, subject: Subject) -> Subject:
        self._refuse(subject)

    async def delete(self, subject: Subject) -> Subject:
        self._refuse(subject)

    async def write_status(self, subject: Subject, status: NamespaceStatus) -> None:
        self._refuse(status)

    async def refresh(self) -> Refreshed:
        self._refuse(None)

    async def emit_event(self, subject: Subject, kind: str, reason: str, message: str) -> None:
        self._refuse(message)

    def _refuse(self, what: object) -> NoReturn:
        raise AssertionError(f"a preview writes nothing, and was about to: {what}")
