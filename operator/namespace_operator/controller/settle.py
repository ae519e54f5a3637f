"""Bringing one custom resource to rest: observe, then plan and apply until nothing is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.status import PlannedStep
from namespace_operator.controller.apply import Applier, World
from namespace_operator.controller.auto_indexes import AutoIndexReader
from namespace_operator.controller.cluster import Cluster, ClusterError, Refused
from namespace_operator.controller.observe import Observer
from namespace_operator.controller.ray import RayOutcome, RaySync
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    AddVector,
    CollectionAction,
    CreateCollection,
    DeleteResource,
    DropIndex,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
    ReplaceShared,
    UpdateCollection,
)
from namespace_operator.domain.conditions import ConditionType, Finding, Note, Reason
from namespace_operator.domain.deletion import LET_GO
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.dry_run import dry_run_findings, planned_steps
from namespace_operator.domain.forecast import Forecast, forecast
from namespace_operator.domain.observed import Document, Place
from namespace_operator.domain.plan import plan
from namespace_operator.domain.planning import Context, Plan
from namespace_operator.domain.profiles import profile_for
from namespace_operator.stores.errors import Backend, BackendError, Outdated, Rejected, Unauthorized
from namespace_operator.stores.protocols import MetadataStore

_MAX_ROUNDS = 20
_MAX_OUTDATED = 3
_MAX_LOOKS = 3
_IN_TURN = CreateCollection | AddVector | PutIndex | DropIndex | ReplaceShared
_NEW_ID = "ns_new"
"""Stands for the id that would be made up, so that a forecast reads the same each time."""

_RESTLESS = "Somebody else changes document, claims or collection of this Namespace at the same time; trying again"

_UNAVAILABLE = {Backend.QDRANT: Reason.QDRANT_UNAVAILABLE, Backend.MONGODB: Reason.MONGODB_UNAVAILABLE}
_UNAUTHORIZED = {Backend.QDRANT: Reason.QDRANT_UNAUTHORIZED, Backend.MONGODB: Reason.MONGODB_UNAUTHORIZED}
_REJECTED = {Backend.QDRANT: Reason.QDRANT_REJECTED, Backend.MONGODB: Reason.MONGODB_REJECTED}


@dataclass(slots=True)
class Settling:
    """One reconcile's way to rest.

    ``world`` is what is known by now, whatever became of the last step, ``before`` the document that was found first.
    ``tried`` is what was begun and ``done`` what was carried out of it, ``findings`` what stands in the way at the end,
    ``notes`` what is still to come, ``planned`` what a dry run would have done, and ``foreseen`` the same with what
    would become of the stores. ``minted`` are the ids that were made up meanwhile, whether or not one was needed.
    """

    cluster: Cluster
    metadata: MetadataStore
    observer: Observer
    context: Callable[[], Context]
    ray: RaySync
    world: World
    before: Document | None = None
    tried: list[Action] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    findings: Sequence[Finding] = ()
    notes: tuple[Note, ...] = ()
    outcome: RayOutcome | None = None
    planned: tuple[PlannedStep, ...] | None = None
    minted: set[str] = field(default_factory=set)
    foreseen: Forecast | None = None
    _held: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Go as far as it goes. What fails at a backend becomes a finding, what fails at the API server is raised."""
        try:
            # Letting an object go needs nothing of the stores, and must not wait for one that never comes back.
            if not self.world.subject.lets_go:
                await self._observe()
            if self.world.subject.requests.dry_run and not self.world.subject.lets_go:
                await self._read_of_use()
                self._foresee()
            else:
                await self._settle()
                await self._look_after_indexes()
            await self._serve()
        except BackendError as error:
            structlog.get_logger().debug("request failed", key=str(self.world.subject.key), request=error.request)
            self.findings = self._known_in_spite_of(error)
        except SecretUnavailable as error:
            self.findings = (self._without_secret(error),)
        except Outdated as error:
            self._give_way(error)
        except (ClusterError, asyncio.CancelledError):
            raise
        except Exception as error:
            structlog.get_logger().exception("internal error", key=str(self.world.subject.key))
            message = f"Internal error ({type(error).__name__}); the operator's log has the details, please report it"
            self.findings = (Finding(Reason.INTERNAL_ERROR, message, halts=True),)

    async def look(self) -> bool:
        """Whether nothing is left to do, as far as the observer sees. Nothing is done, and what fails is raised."""
        await self._observe()
        step = self._plan()
        if step.actions:
            return False
        self._rest(step)
        return await self._sees_ray_at_rest()

    def released(self) -> frozenset[str]:
        """The claims that this run gave up."""
        last = self.world.observed.document
        held = set(last.claims) if isinstance(last, NamespaceDocument) else set()
        return frozenset(self._held - held) if self.done else frozenset()

    async def _observe(self) -> None:
        subject = self.world.subject
        observed = await self.observer.documents(subject, self.world.observed)
        self.before = self.before or observed.document
        self.world = replace(self.world, observed=observed)
        if isinstance(observed.document, NamespaceDocument):
            self._held.update(observed.document.claims)
        self.world = replace(self.world, observed=await self.observer.collection(subject, observed))
        if self.world.observed.place is not None:
            server = await self.observer.server(self.world.observed)
            server.rollout.look(subject.key, self.world.observed.collection)

    async def _settle(self) -> None:
        applier = Applier(self.cluster, self.metadata, self.observer, self.done.append)
        outdated = 0
        for _ in range(_MAX_ROUNDS):
            step = await self._admitted(self._plan())
            if not step.actions:
                self._rest(step)
                return
            self.tried.extend(step.actions)
            try:
                self.world = await self._apply(applier, step.actions)
                if self._has_other_needs(step.actions):
                    await self._observe()
            except Outdated as error:
                outdated += 1
                if outdated > _MAX_OUTDATED:
                    self._give_way(error)
                    return
                await self._observe()
            except Refused as error:
                refused = _refused(step.actions[0], error)
                if refused is None:
                    raise
                self.findings = (refused,)
                return
        raise RuntimeError(f"the plan does not come to rest: {step.actions}")

    def _rest(self, step: Plan) -> None:
        self.findings = step.findings
        self.notes = tuple(Note(ConditionType.INFRASTRUCTURE, note) for note in step.notes)

    def _has_other_needs(self, done: Sequence[Action]) -> bool:
        """Whether more has to be read now: before a deletion, and before a namespace is made where one expired."""
        makes_room = (isinstance(action, ReplaceDocument) and action.document.state is State.DELETED for action in done)
        subject = self.world.subject
        if not subject.deleting:
            return any(makes_room)
        return subject.finalized and any(isinstance(action, DeleteResource) for action in done)

    async def _look_after_indexes(self) -> None:
        """Indexes from use: decided on what is read now, made, and compared with the points they are to have."""
        for _ in range(_MAX_LOOKS):
            if any(finding.halts for finding in self.findings) or not await self._read_of_use():
                return
            await self._settle()

    async def _read_of_use(self) -> bool:
        """Read what automatic indexes go by, if that is due; whether there is news."""
        context, before = self._context(), self.world.observed
        reader = AutoIndexReader(self.metadata, self.observer)
        observed = await reader.read(self.world.subject, before, context.auto_indexes, context.now)
        self.world = replace(self.world, observed=observed)
        return observed is not before

    async def _serve(self) -> None:
        """Ray for a namespace that has its place in the stores, and where it is in the document."""
        document, place = self._served()
        if document is None or place is None:
            return
        dry_run = self.world.subject.requests.dry_run
        outcome = await self._look_at_ray(document, place, dry_run=dry_run)
        if dry_run:
            self.planned = (*(self.planned or ()), *outcome.planned)
        elif _is_told_elsewhere(document, outcome) and not any(finding.halts for finding in self.findings):
            await self._settle()
        self.findings, self.notes = (*self.findings, *outcome.findings), (*self.notes, *outcome.notes)

    async def _sees_ray_at_rest(self) -> bool:
        """Whether Ray is as the namespace wants it and its document tells; nothing is done about it."""
        document, place = self._served()
        if document is None or place is None:
            return True
        outcome = await self._look_at_ray(document, place, dry_run=True)
        self.findings, self.notes = (*self.findings, *outcome.findings), (*self.notes, *outcome.notes)
        return not outcome.planned and not _is_told_elsewhere(document, outcome)

    def _served(self) -> tuple[NamespaceDocument | None, Place | None]:
        """The document and the place of a namespace that Ray can serve."""
        subject, observed = self.world.subject, self.world.observed
        document = observed.document
        if subject.deleting or not isinstance(document, NamespaceDocument):
            return None, None
        return (document if document.owner == subject.owner(self.observer.instance_id) else None), observed.place

    async def _look_at_ray(self, document: NamespaceDocument, place: Place, *, dry_run: bool) -> RayOutcome:
        landscape = self.observer.fleet.landscape()
        subject, namespace_id = self.world.subject, document.namespace_id
        outcome = await self.ray.step(subject, place.site, landscape, namespace_id, dry_run=dry_run)
        self.outcome = outcome
        self.world = replace(self.world, observed=replace(self.world.observed, ray=outcome.addresses))
        return outcome

    async def _admitted(self, step: Plan) -> Plan:
        """The step, or the one that goes without rebuilding the collection while it is another's turn."""
        updates = (action for action in step.actions if isinstance(action, UpdateCollection) and action.rebuilds)
        for action in updates:
            server = await self.observer.server(self.world.observed)
            if not await server.rollout.enter(self.world.subject.key, action.collection):
                self.world = replace(self.world, observed=replace(self.world.observed, may_rebuild=False))
                return self._plan()
        return step

    async def _apply(self, applier: Applier, actions: Sequence[Action]) -> World:
        """Members change a shared collection and its document one after the other, each on what the last one left."""
        document = self.world.observed.document
        takes_turns = any(isinstance(action, _IN_TURN) for action in actions)
        if not (takes_turns and isinstance(document, NamespaceDocument) and document.sharing):
            return await applier.apply(actions, self.world)
        server = await self.observer.server(self.world.observed)
        turn = server.turns[document.collection]
        async with server.vectors.waiting():
            await turn.acquire()
        try:
            await self._observe()
            return await applier.apply((await self._admitted(self._plan())).actions, self.world)
        finally:
            turn.release()

    def _give_way(self, error: Outdated) -> None:
        structlog.get_logger().info("outdated", key=str(self.world.subject.key), error=str(error))
        self.findings = (Finding(Reason.CLAIM_CONFLICT, _RESTLESS, halts=True),)

    def _plan(self) -> Plan:
        return plan(self.world.subject, self.world.observed, self._context())

    def _context(self) -> Context:
        """The context, with what the tier is on the server that the namespace lives on."""
        spec, place = self.world.subject.spec, self.world.observed.place
        site = place.site if place is not None else self.observer.fleet.landscape().operator
        infrastructure = spec.infrastructure if isinstance(spec, NamespaceSpec) else None
        return replace(self.context(), profile=profile_for(infrastructure, site.tiers))

    def _foresee(self) -> None:
        document = self.world.observed.document
        awaited = document.expires_at if isinstance(document, NamespaceDocument) else None
        context = replace(self._context(), candidate_id=_NEW_ID, awaited=awaited)
        self.foreseen = foreseen = forecast(self.world.subject, self.world.observed, context)
        self.planned = planned_steps(foreseen, document)
        self.findings = dry_run_findings(foreseen)

    def _without_secret(self, error: SecretUnavailable) -> Finding:
        end = f", {LET_GO}" if self.world.subject.deleting else ""
        unexamined = (ConditionType.METADATA,)
        return Finding(Reason.SECRET_NOT_FOUND, f"{error}{end}", halts=True, unexamined=unexamined)

    def _known_in_spite_of(self, error: BackendError) -> Sequence[Finding]:
        """The failure, and with Qdrant as the only one that fails what is to say of the document all the same."""
        failure = _finding(error, deleting=self.world.subject.deleting)
        if error.backend is not Backend.QDRANT:
            return (failure,)
        self.world = replace(self.world, observed=replace(self.world.observed, collection=None, looked_at=None))
        step = self._plan()
        undecided = self.world.observed.document is None or any(
            not isinstance(action, CollectionAction) for action in step.actions
        )
        told = (finding for finding in step.findings if finding.condition is not ConditionType.COLLECTION)
        return (replace(failure, unexamined=(ConditionType.METADATA,) if undecided else ()), *told)


def _is_told_elsewhere(document: NamespaceDocument, outcome: RayOutcome) -> bool:
    """Whether the document names other addresses of Ray than those in force."""
    known, found = document.infrastructure, outcome.addresses
    told = (known.ray_head_node_url, known.ray_dashboard_url) if known is not None else None
    return told is not None and told != (found.head_node_url, found.dashboard_url)


def _refused(action: Action, error: Refused) -> Finding | None:
    """What to say of a change of the object that the API server refuses, if it is one that we ask for."""
    what = f"{error}; see which policy or right it names"
    match action:
        case AddFinalizer() | RemoveFinalizer():
            return Finding(
                Reason.FINALIZER_REFUSED, f"The API server refuses to change the finalizer: {what}", halts=True
            )
        case DeleteResource(namespace_id):
            message = f"{namespace_id} expired, but the API server refuses to delete this object: {what}"
            return Finding(Reason.DELETION_REFUSED, message, halts=True)
        case _:
            return None


def _finding(error: BackendError, *, deleting: bool) -> Finding:
    match error:
        case Unauthorized():
            reason = _UNAUTHORIZED[error.backend]
        case Rejected():
            reason = _REJECTED[error.backend]
        case _:
            reason = _UNAVAILABLE[error.backend]
    message = f"{error}; the deletion goes on once that is over, {LET_GO}" if deleting else str(error)
    return Finding(reason, message, halts=True)
