"""One reconcile: observe, plan, apply, report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from namespace_operator.api.spec import DeletionPolicy
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.apply import Applier, World
from namespace_operator.controller.cluster import Cluster, ClusterError, ClusterUnavailable, ObjectChanged
from namespace_operator.controller.counts import CountReader
from namespace_operator.controller.queue import Next
from namespace_operator.domain.actions import Action, CollectionAction
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.conditions import ConditionType, Finding, Reason, Retry, retry_of
from namespace_operator.domain.deletion import plan_retained
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument
from namespace_operator.domain.identity import Key, name_claim, resource_claim
from namespace_operator.domain.observed import Counts, InvalidSpec, Observed, Subject
from namespace_operator.domain.plan import Context, plan
from namespace_operator.domain.report import VOLATILE, report
from namespace_operator.stores.errors import Backend, BackendError, Outdated, Rejected, Unauthorized
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_MAX_ROUNDS = 12
_MAX_OUTDATED = 3

_UNAVAILABLE = {Backend.QDRANT: Reason.QDRANT_UNAVAILABLE, Backend.MONGODB: Reason.MONGODB_UNAVAILABLE}
_UNAUTHORIZED = {Backend.QDRANT: Reason.QDRANT_UNAUTHORIZED, Backend.MONGODB: Reason.MONGODB_UNAUTHORIZED}
_REJECTED = {Backend.QDRANT: Reason.QDRANT_REJECTED, Backend.MONGODB: Reason.MONGODB_REJECTED}


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
    again.
    """

    instance_id: str
    catalog: Catalog
    cluster: Cluster
    metadata: MetadataStore
    vectors: VectorStore
    counts: CountReader
    clock: Clock
    mint_id: Callable[[], str]
    random: Callable[[], float]
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
            return Next(failed=True)
        except ClusterUnavailable as error:
            structlog.get_logger().warning("kubernetes unavailable", key=str(key), error=str(error))
            return Next(failed=True)

    async def _reconcile(self, subject: Subject) -> Next:
        done: list[Action] = []
        world, findings = await self._settle(World(subject, Observed()), done)
        if world.subject.deleting and not world.subject.finalized:
            _log(subject, done, findings)
            return Next()
        counts = await self._counts(world)
        status = report(world.subject, replace(world.observed, counts=counts), findings, self.clock.now())
        written = await self._write_status(world.subject, status)
        _log(subject, done, findings, status_written=written)
        await self._emit_event(world.subject, status)
        if findings and retry_of(findings) is Retry.BACKOFF:
            return Next(failed=True)
        return Next(after=self.resync_interval * (0.9 + 0.2 * self.random()))

    async def _settle(self, world: World, done: list[Action]) -> tuple[World, Sequence[Finding]]:
        """Plan and apply until nothing is left to do, or something stands in the way."""
        applier = Applier(self.cluster, self.metadata, self.vectors)
        outdated = 0
        try:
            world = await self._observe_metadata(world)
            # Letting an object go needs nothing of Qdrant, and must not wait for one that never comes back.
            if not (world.subject.deleting and world.subject.deletion_policy is DeletionPolicy.RETAIN):
                world = await self._observe_qdrant(world)
            for _ in range(_MAX_ROUNDS):
                step = plan(world.subject, world.observed, self._context())
                if not step.actions:
                    return world, step.findings
                try:
                    world = await applier.apply(step.actions, world)
                    done.extend(step.actions)
                except Outdated as error:
                    outdated += 1
                    if outdated > _MAX_OUTDATED:
                        return world, (Finding(Reason.CLAIM_CONFLICT, f"{error}; trying again", halts=True),)
                    world = await self._observe_qdrant(await self._observe_metadata(world))
            raise RuntimeError(f"the plan does not come to rest: {step.actions}")
        except BackendError as error:
            structlog.get_logger().debug("request failed", key=str(world.subject.key), request=error.request)
            return world, self._known_in_spite_of(error, world)
        except (ClusterError, asyncio.CancelledError):
            raise
        except Exception as error:
            structlog.get_logger().exception("internal error", key=str(world.subject.key))
            message = f"Internal error ({type(error).__name__}); the operator's log has the details, please report it"
            return world, (Finding(Reason.INTERNAL_ERROR, message, halts=True),)

    def _known_in_spite_of(self, error: BackendError, world: World) -> Sequence[Finding]:
        """The failure, and with Qdrant as the only one that fails what is to say of the document all the same."""
        failure = _finding(error)
        if error.backend is not Backend.QDRANT:
            return (failure,)
        step = plan(world.subject, replace(world.observed, collection=None), self._context())
        undecided = world.observed.document is None or any(not isinstance(a, CollectionAction) for a in step.actions)
        told = (finding for finding in step.findings if finding.info.condition is not ConditionType.COLLECTION)
        return (replace(failure, unexamined=(ConditionType.METADATA,) if undecided else ()), *told)

    async def _observe_metadata(self, world: World) -> World:
        """The document of the resource and the holder of the wanted name, in one read unless the document is lost."""
        key = world.subject.key
        own = resource_claim(self.instance_id, key)
        name = name_claim(self.instance_id, key.organization, _wanted_name(world.subject))
        found = await self.metadata.find([own, name])
        document, known_id = _holder(found, own), world.subject.status.namespace_id
        if document is None and known_id is not None:
            # A document whose claims somebody edited away is still there, and in the way of making it again.
            document = await self.metadata.get(known_id)
        observed = Observed(
            document=document,
            name_holder=_holder(found, name),
            tried_indexes=world.observed.tried_indexes,
            rejected_indexes=world.observed.rejected_indexes,
        )
        return replace(world, observed=observed)

    async def _observe_qdrant(self, world: World) -> World:
        """The collection. A namespace that neither has a document nor ever had a status has none to read."""
        subject, document = world.subject, world.observed.document
        known = document.collection if isinstance(document, NamespaceDocument) else subject.status.collection
        if known is None:
            return world
        live = await self.vectors.read(known)
        aliases = await self.vectors.aliases(known) if live is not None and subject.deleting else ()
        version = await self.vectors.version()
        observed = replace(world.observed, collection=live, aliases=aliases, server_version=version)
        return replace(world, observed=observed)

    async def _retain(self, key: Key) -> Next:
        """The custom resource is gone without our finalizer: keep its data, free its name."""
        self._written.pop(key, None)
        claim = resource_claim(self.instance_id, key)
        try:
            document = _holder(await self.metadata.find([claim]), claim)
            if not isinstance(document, NamespaceDocument):
                return Next()
            for retained in plan_retained(document, self.clock.now()):
                await self.metadata.replace(retained)
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

    async def _counts(self, world: World) -> Counts | None:
        document = world.observed.document
        return await self.counts.read(document.namespace_id) if isinstance(document, NamespaceDocument) else None

    async def _emit_event(self, subject: Subject, status: NamespaceStatus) -> None:
        """An event when the reason of Ready changes, not each time it is confirmed."""
        before = {condition.type: condition for condition in subject.status.conditions}.get(ConditionType.READY)
        ready = status.conditions[0]
        if before is not None and (before.status, before.reason) == (ready.status, ready.reason):
            return
        kind = "Normal" if ready.status == "True" else "Warning"
        await self.cluster.emit_event(subject, kind, ready.reason, ready.message)

    def _context(self) -> Context:
        return Context(self.instance_id, self.catalog, self.clock.now(), self.mint_id())


def _holder(
    found: Sequence[NamespaceDocument | MalformedDocument], claim: str
) -> NamespaceDocument | MalformedDocument | None:
    """The document that holds the claim."""
    return next((document for document in found if claim in document.claims), None)


def _wanted_name(subject: Subject) -> str:
    named = None if isinstance(subject.spec, InvalidSpec) else subject.spec.namespace_name
    return named or subject.key.name


def _finding(error: BackendError) -> Finding:
    match error:
        case Unauthorized():
            reason = _UNAUTHORIZED[error.backend]
        case Rejected():
            reason = _REJECTED[error.backend]
        case _:
            reason = _UNAVAILABLE[error.backend]
    return Finding(reason, str(error), halts=True)


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
