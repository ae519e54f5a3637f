"""One reconcile: observe, plan, apply, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.apply import World
from namespace_operator.controller.cluster import Cluster, ClusterUnavailable, ObjectChanged
from namespace_operator.controller.counts import CountReader
from namespace_operator.controller.observe import Observer, holder_of
from namespace_operator.controller.queue import Next
from namespace_operator.controller.ray import RaySync
from namespace_operator.controller.reporter import Result
from namespace_operator.controller.settle import Settling
from namespace_operator.controller.waiting import Waiting
from namespace_operator.domain.actions import Action
from namespace_operator.domain.auto_indexes import AutoIndexPolicy, next_look, next_run
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.conditions import Finding, Reason, Retry, retry_of
from namespace_operator.domain.deletion import plan_retained
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.events import Event, events, events_of_release
from namespace_operator.domain.identity import Key, collection_claim, name_claim, resource_claim
from namespace_operator.domain.observed import Observed, Place, Subject
from namespace_operator.domain.planning import Context
from namespace_operator.domain.report import VOLATILE, report, report_paused
from namespace_operator.stores.errors import BackendError, Outdated
from namespace_operator.stores.protocols import MetadataStore

_WAITS = frozenset({Reason.NAME_CONFLICT, Reason.COLLECTION_CONFLICT})


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the reconcile sees it: ``now`` in UTC and whole seconds, ``monotonic`` in seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(slots=True)
class Reconciler:
    """Makes both stores agree with one custom resource at a time, and tells of it in its status.

    ``mint_id`` gives a fresh namespace id. ``volatile_interval`` is the least time in seconds between two status
    writes that change nothing but live numbers; ``resync_interval`` the time until a settled namespace is compared
    again. ``tell`` counts how reconciles end; ``guarded``, ``dependents``, ``rest`` and ``auto_indexes`` are as in
    ``Context``.
    """

    instance_id: str
    catalog: Catalog
    cluster: Cluster
    metadata: MetadataStore
    observer: Observer
    counts: CountReader
    ray: RaySync
    waiting: Waiting
    clock: Clock
    mint_id: Callable[[], str]
    random: Callable[[], float]
    tell: Callable[[Result], None]
    guarded: bool = True
    dependents: tuple[str, ...] = ()
    rest: timedelta = timedelta(seconds=120)
    auto_indexes: AutoIndexPolicy = field(default_factory=AutoIndexPolicy)
    resync_interval: float = 300.0
    volatile_interval: float = 60.0
    _written: dict[Key, float] = field(default_factory=dict)

    async def reconcile(self, key: Key) -> Next:
        """Bring one custom resource to rest, as far as that is possible now."""
        try:
            subject = await self.cluster.subject(key)
            if subject is None:
                return await self._retain(key)
            return await self._reconcile(subject)
        except ObjectChanged as error:
            structlog.get_logger().info("object changed meanwhile", key=str(key), error=str(error))
            self.tell("failed")
            return Next(failed=True)
        except ClusterUnavailable as error:
            structlog.get_logger().warning("kubernetes unavailable", key=str(key), error=str(error))
            self.tell("failed")
            return Next(failed=True)

    async def _reconcile(self, subject: Subject) -> Next:
        if subject.requests.paused and not subject.lets_go:
            await self._write_status(subject, report_paused(subject, self.clock.now()))
            return Next()
        run = Settling(self.cluster, self.metadata, self.observer, self._context, self.ray, World(subject, Observed()))
        await run.run()
        self._wake(run)
        if run.world.subject.deleting and not run.world.subject.finalized:
            self.observer.fleet.leave(subject.key)
            _log(subject, run.done, run.findings)
            await self._emit(subject, events_of_release(subject, run.done))
            return Next()
        status = await self._report(run)
        written = await self._write_status(run.world.subject, status)
        _log(subject, run.done, run.findings, status_written=written)
        await self._emit(run.world.subject, events(run.world.subject, status, run.done))
        self.tell("not_ready" if run.findings else "ready")
        if run.findings and retry_of(run.findings) is Retry.BACKOFF:
            return Next(failed=True)
        turn = self.observer.fleet.again_in(subject.key)
        return Next(after=self._until_next(run.world.observed) if turn is None else turn)

    async def _report(self, run: Settling) -> NamespaceStatus:
        document = run.world.observed.document
        counts = await self.counts.read(document.namespace_id) if isinstance(document, NamespaceDocument) else None
        observed = replace(run.world.observed, counts=counts, partition=await self._partition(run.world.observed))
        status = report(
            run.world.subject, observed, run.findings, self.clock.now(), self.instance_id, run.planned, run.notes
        )
        if isinstance(document, NamespaceDocument) and status.namespace_id == document.namespace_id:
            has_run = document.auto_create_indexes and document.auto_indexes.last_run is not None
            due = next_run(document, self.auto_indexes, self.clock.now()) if has_run else None
            status = status.model_copy(update={"next_auto_index_run": due})
        if run.outcome is None or status.infrastructure is None:
            return status
        return status.model_copy(update={"infrastructure": run.outcome.status(status.infrastructure)})

    def _until_next(self, observed: Observed) -> float:
        """Seconds until the namespace is looked at again without any other cause."""
        resync, document = self.resync_interval * (0.9 + 0.2 * self.random()), observed.document
        if not isinstance(document, NamespaceDocument):
            return resync
        look = next_look(document, self.auto_indexes, self.clock.now())
        # What is overdue could not be read, and is no reason to hurry.
        return resync if look is None or look <= timedelta() else min(resync, look.total_seconds())

    async def _partition(self, observed: Observed) -> int | None:
        """The documents of a member of a shared collection, None while they are not known."""
        document, shared = observed.document, observed.shared
        if not isinstance(document, NamespaceDocument) or not document.sharing or shared is None:
            return None
        if observed.collection is None:
            return None
        server = await self.observer.server(observed)
        return await server.partitions.read(document.collection, document.namespace_id, len(shared.members))

    def _wake(self, run: Settling) -> None:
        """Whoever waits for a claim that this run gave up, and this one when the claim that it waits for is."""
        subject = run.world.subject
        if any(finding.reason in _WAITS for finding in run.findings):
            name = name_claim(self.instance_id, subject.key.organization, subject.wanted_name)
            chosen, asked = subject.chosen_collection, run.world.observed.asked
            scope = asked.scope if isinstance(asked, Place) else ""
            self.waiting.wait(subject.key, (name, collection_claim(chosen, scope)) if chosen else (name,))
        self.waiting.release(run.released())

    async def _retain(self, key: Key) -> Next:
        """The custom resource is gone without our finalizer: keep its data, free its name."""
        self._written.pop(key, None)
        self.observer.fleet.leave(key)
        claim = resource_claim(self.instance_id, key)
        try:
            await self.observer.fleet.claim()
            document = holder_of(claim, await self.metadata.find([claim]))
            if not isinstance(document, NamespaceDocument):
                return Next()
            for retained in plan_retained(document, self.clock.now()):
                await self.metadata.replace(retained)
                self.waiting.release(set(document.claims) - set(retained.claims))
                structlog.get_logger().info("retained", key=str(key), namespace_id=document.namespace_id)
        except (BackendError, Outdated) as error:
            structlog.get_logger().warning("cannot retain", key=str(key), error=str(error))
            return Next(failed=True)
        return Next()

    async def _write_status(self, subject: Subject, status: NamespaceStatus) -> bool:
        new, old = status.to_kubernetes(), subject.status.to_kubernetes()
        if new == old:
            return False
        last = self._written.get(subject.key)
        recent = last is not None and self.clock.monotonic() - last < self.volatile_interval
        if recent and status.model_copy(update=_volatile(subject.status)).to_kubernetes() == old:
            return False
        await self.cluster.write_status(subject, status)
        self._written[subject.key] = self.clock.monotonic()
        return True

    async def _emit(self, subject: Subject, happened: Sequence[Event]) -> None:
        for event in happened:
            await self.cluster.emit_event(subject, event.kind, event.reason, event.message)

    def _context(self) -> Context:
        return Context(
            instance_id=self.instance_id,
            catalog=self.catalog,
            now=self.clock.now(),
            candidate_id=self.mint_id(),
            guarded=self.guarded,
            dependents=self.dependents,
            rest=self.rest,
            auto_indexes=self.auto_indexes,
        )


def _volatile(status: NamespaceStatus) -> dict[str, object]:
    return {name: getattr(status, name) for name in VOLATILE}


def _log(
    subject: Subject, done: Sequence[Action], findings: Sequence[Finding], *, status_written: bool = False
) -> None:
    """One line per reconcile that changed or found something."""
    log = structlog.get_logger().bind(
        key=str(subject.key),
        uid=subject.uid,
        changes=[type(action).__name__ for action in done],
        findings=[finding.reason.value for finding in findings],
        status_written=status_written,
    )
    if findings:
        log.warning("reconciled", message=findings[0].message)
    elif done or status_written:
        log.info("reconciled")
    else:
        log.debug("reconciled")
