"""One reconcile: observe, plan, apply, report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from namespace_operator.api.annotations import Requests
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.agenda import Agenda
from namespace_operator.controller.apply import World
from namespace_operator.controller.clock import Clock
from namespace_operator.controller.cluster import Cluster, ClusterError, ClusterUnavailable, ObjectChanged
from namespace_operator.controller.counts import CountReader
from namespace_operator.controller.fleet import Server
from namespace_operator.controller.observe import Observer, holder_of
from namespace_operator.controller.overview import Seen, SeenCollections, SeenDocuments
from namespace_operator.controller.queue import Next
from namespace_operator.controller.ray import RaySync
from namespace_operator.controller.reading import Collections
from namespace_operator.controller.reporter import Account, Result
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.controller.settle import Settling
from namespace_operator.controller.waiting import Waiting
from namespace_operator.domain.actions import Action, DeleteResource, InsertDocument
from namespace_operator.domain.auto_index_report import auto_index_actions
from namespace_operator.domain.auto_indexes import AutoIndexPolicy, next_run
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.condition_types import ConditionType
from namespace_operator.domain.conditions import Finding, Reason, Retry, retry_of
from namespace_operator.domain.deletion import plan_retained
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.drift import drift
from namespace_operator.domain.events import Event, events, events_of_release
from namespace_operator.domain.identity import Key, collection_claim, name_claim, resource_claim
from namespace_operator.domain.observed import Counts, Observed, Place, Subject
from namespace_operator.domain.offer import Offer
from namespace_operator.domain.planning import Context
from namespace_operator.domain.rebuild import is_rebuilding
from namespace_operator.domain.report import VOLATILE, report, report_paused
from namespace_operator.stores.errors import BackendError, Outdated
from namespace_operator.stores.protocols import MetadataStore

_WAITS = frozenset({Reason.NAME_CONFLICT, Reason.COLLECTION_CONFLICT})


@dataclass(slots=True)
class Reconciler:
    """Makes both stores agree with one custom resource at a time, and tells of it in its status.

    ``offer`` tells what the platform offers now, and one reconcile goes by one offer. ``mint_id`` gives a fresh
    namespace id. ``volatile_interval`` is the least time in seconds between two status writes that change nothing but
    live numbers. ``tell`` gets an account of each reconcile; ``guarded``, ``dependents``, ``rest`` and ``auto_indexes``
    are as in ``Context``.
    """

    instance_id: str
    offer: Callable[[], Offer]
    cluster: Cluster
    metadata: MetadataStore
    observer: Observer
    counts: CountReader
    ray: RaySync
    waiting: Waiting
    agenda: Agenda
    clock: Clock
    mint_id: Callable[[], str]
    tell: Callable[[Account], None]
    guarded: bool = True
    dependents: tuple[str, ...] = ()
    rest: timedelta = timedelta(seconds=120)
    auto_indexes: AutoIndexPolicy = field(default_factory=AutoIndexPolicy)
    volatile_interval: float = 60.0
    _written: dict[Key, float] = field(default_factory=dict)
    _turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reconcile(self, key: Key, *, check: bool = False) -> Next:
        """Bring one custom resource to rest, as far as that is possible now.

        ``check`` says that there is no other cause than the resync interval: then a look at many may do.
        """
        if check and (postponed := self._postponed(key)) is not None:
            return postponed
        began = self.clock.monotonic()
        try:
            subject = await self.cluster.subject(key)
            if subject is None:
                return await self._retain(key, began)
            following = await self._glance(subject, began) if check else None
            return await self._reconcile(subject, began) if following is None else following
        except ObjectChanged as error:
            structlog.get_logger().info("object changed meanwhile", key=str(key), error=str(error))
            self._count(began, "failed")
            return Next(failed=True)
        except ClusterUnavailable as error:
            structlog.get_logger().warning("kubernetes unavailable", key=str(key), error=str(error))
            self._count(began, "failed")
            return Next(failed=True)
        except Exception:
            self._count(began, "failed", findings=(Reason.INTERNAL_ERROR,))
            raise

    async def _reconcile(self, subject: Subject, began: float) -> Next:
        if subject.requests.paused and not subject.lets_go:
            await self._write_status(subject, report_paused(subject, self.clock.now()))
            return Next()
        run = self._settling(subject, self.observer)
        await run.run()
        self._wake(run)
        if run.world.subject.deleting and not run.world.subject.finalized:
            self.agenda.leave(subject.key)
            _log(subject, run.done, run.findings)
            await self._emit(subject, events_of_release(subject, run.done))
            self._count_run(began, run)
            return Next()
        status = await self._report(run)
        written = await self._write_status(run.world.subject, status)
        _log(subject, run.done, run.findings, status_written=written)
        await self._emit(run.world.subject, events(run.world.subject, status, run.done))
        self._count_run(began, run, status)
        if run.findings and retry_of(run.findings) is Retry.BACKOFF:
            return self.agenda.after_failure(subject, run.world.observed)
        if _goes_on(run):
            return self.agenda.going_on(subject, run.world.observed)
        return self.agenda.settled(subject, run.world.observed)

    async def _glance(self, subject: Subject, began: float) -> Next | None:
        """What is next, if what was seen of all on its server agrees with the namespace's spec and status.

        Numbers that changed are written. For everything else None is the answer, and the stores are asked. Nobody waits
        here for a look that another one takes: a server may never answer, and the others have theirs.
        """
        fleet, requests = self.observer.fleet, subject.requests
        server = fleet.home(subject.key) or await self._first_home(subject)
        if server is None or server.overview is None or fleet.again_in(subject.key) is not None:
            return None
        if subject.deleting or replace(requests, reconcile_requested_at=None) != Requests():
            return None
        if self.agenda.has_come(subject.key):
            return None
        await self._turn()
        if (postponed := self._postponed(subject.key)) is not None:
            return postponed
        try:
            seen = await server.overview.seen()
            if seen is None:
                return None
            run = self._settling(subject, self._glancing(server, seen))
            if not await run.look() or retry_of(run.findings) is Retry.BACKOFF:
                return None
            if self.agenda.wants_use(subject, run.world.observed):
                return None
            status = await self._report(run, seen.counts)
        except (BackendError, SecretUnavailable, ClusterError):
            # It is told by whoever looks next.
            return None
        is_told = _tells(subject, status)
        if not is_told and not _tells(subject, status.model_copy(update=_volatile(subject.status))):
            return None
        written = False if is_told else await self._write_status(subject, status)
        _log(subject, (), run.findings, status_written=written)
        self._count_run(began, run, status)
        return self.agenda.settled(subject, run.world.observed)

    async def _first_home(self, subject: Subject) -> Server | None:
        """The server to look for a namespace on that was not looked at before, where a look at all is worth it there.

        What its document says otherwise is read as always: the look is only believed in what it saw.
        """
        if not _was_ready(subject):
            return None
        try:
            server = await self.observer.asked_server(subject)
        except SecretUnavailable:
            return None
        return server if server is not None and server.overview is not None and server.overview.is_worthwhile else None

    def _postponed(self, key: Key) -> Next | None:
        """What is next for a check that comes while another one takes the look: there is nothing to find out before.

        A namespace that was not looked at before waits for any look: it may be the one that serves it.
        """
        fleet = self.observer.fleet
        home = fleet.home(key)
        servers = fleet.connected() if home is None else (home,)
        being_taken = (each.overview for each in servers if each.overview is not None and each.overview.is_being_taken)
        overview = next(being_taken, None)
        return None if overview is None or self.agenda.has_come(key) else Next(after=overview.soon, check=True)

    async def _turn(self) -> None:
        """One glance between two turns of the event loop: they mostly wait for nothing, and others have to."""
        async with self._turns:
            await asyncio.sleep(0)

    def _glancing(self, server: Server, seen: Seen) -> Observer:
        """An observer that sees what was seen of one server, and asks for the rest."""

        def collections_of(other: Server) -> Collections:
            return SeenCollections(seen, server.vectors) if other is server else other.vectors

        return replace(
            self.observer, metadata=SeenDocuments(seen, self.observer.metadata), collections_of=collections_of
        )

    def _settling(self, subject: Subject, observer: Observer) -> Settling:
        offer = self.offer()
        minted: set[str] = set()
        context = partial(self._context, self.agenda.awaited(subject.key), offer.catalog, minted)
        ray = replace(self.ray, options=offer.ray)
        return Settling(self.cluster, self.metadata, observer, context, ray, World(subject, Observed()), minted=minted)

    async def _report(self, run: Settling, known: Mapping[str, Counts] | None = None) -> NamespaceStatus:
        document = run.world.observed.document
        observed = await self.observer.with_late(await self._counted(run, known))
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

    async def _counted(self, run: Settling, known: Mapping[str, Counts] | None) -> Observed:
        """What was observed, with what belongs to the namespace in both stores."""
        observed = run.world.observed
        document = observed.document
        if not isinstance(document, NamespaceDocument):
            return replace(observed, counts=None, partition=None)
        namespace_id = document.namespace_id
        inserted = {action.document.namespace_id for action in run.done if isinstance(action, InsertDocument)}
        if namespace_id in inserted & run.minted:
            # Nobody can have written anything under an id that was made up a moment ago.
            return replace(observed, counts=Counts(0, 0, 0), partition=0 if document.sharing else None)
        counts = known.get(namespace_id) if known is not None else None
        if counts is None:
            counts = await self.counts.read(namespace_id)
        return replace(observed, counts=counts, partition=await self._partition(observed))

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

    async def _retain(self, key: Key, began: float) -> Next:
        """The custom resource is gone without our finalizer: keep its data, free its name."""
        self._written.pop(key, None)
        self.agenda.leave(key)
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
            self._count(began, "failed")
            return Next(failed=True)
        self._count(began, "gone")
        return Next()

    async def _write_status(self, subject: Subject, status: NamespaceStatus) -> bool:
        if _tells(subject, status):
            return False
        last = self._written.get(subject.key)
        recent = last is not None and self.clock.monotonic() - last < self.volatile_interval
        if recent and _tells(subject, status.model_copy(update=_volatile(subject.status))):
            return False
        await self.cluster.write_status(subject, status)
        self._written[subject.key] = self.clock.monotonic()
        return True

    async def _emit(self, subject: Subject, happened: Sequence[Event]) -> None:
        for event in happened:
            await self.cluster.emit_event(subject, event.kind, event.reason, event.message)

    def _count_run(self, began: float, run: Settling, status: NamespaceStatus | None = None) -> None:
        """Count a reconcile that came to its end; without a status the object is gone."""
        subject, now = run.world.subject, self.clock.now()
        met = drift(subject, run.before, run.tried, run.done, run.findings)
        ended = (action for action in run.done if isinstance(action, DeleteResource))
        self._count(
            began,
            "gone" if status is None else "not_ready" if run.findings else "ready",
            findings=tuple(finding.reason for finding in run.findings),
            drift_found=met.found,
            drift_repaired=met.repaired,
            lateness=tuple((now - action.expires_at).total_seconds() for action in ended),
            auto_indexes=() if status is None else auto_index_actions(subject.status, status),
        )

    def _count(self, began: float, result: Result, **counted: Any) -> None:  # noqa: ANN401 - fields of Account
        self.tell(Account(result, self.clock.monotonic() - began, **counted))

    def _context(self, awaited: datetime | None, catalog: Catalog, minted: set[str]) -> Context:
        """``minted`` gets to know the id that is made up."""
        candidate_id = self.mint_id()
        minted.add(candidate_id)
        return Context(
            instance_id=self.instance_id,
            catalog=catalog,
            now=self.clock.now(),
            candidate_id=candidate_id,
            guarded=self.guarded,
            dependents=self.dependents,
            rest=self.rest,
            awaited=awaited,
            auto_indexes=self.auto_indexes,
        )


def _was_ready(subject: Subject) -> bool:
    """Whether the status says that the spec as it is now was fulfilled: then nobody has to be told of anything."""
    status = subject.status
    ready = any(one.type == ConditionType.READY and one.status == "True" for one in status.conditions)
    return ready and status.observed_generation == subject.generation


def _goes_on(run: Settling) -> bool:
    """Whether a reconcile did a portion of what goes on at once, after the work of others."""
    document = run.world.observed.document
    stopped = not run.done or any(finding.halts for finding in run.findings)
    return not stopped and isinstance(document, NamespaceDocument) and is_rebuilding(document)


def _tells(subject: Subject, status: NamespaceStatus) -> bool:
    """Whether the object has this very status."""
    # Mostly they are the same, which costs less to see; whether a difference is one to people only the text tells.
    return status == subject.status or status.to_kubernetes() == subject.status.to_kubernetes()


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
