"""The reconcile of the InfrastructureClusters: each server is looked at every half minute, its own ones included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog

from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.clusters import Clusters
from namespace_operator.controller.queue import Backlog, Backoff, Next, WorkQueue
from namespace_operator.controller.reporter import ServerReporter
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.controller.shared import Shared
from namespace_operator.domain.cluster_reasons import ClusterCondition, ClusterFinding, ClusterReason
from namespace_operator.domain.cluster_report import ServerFacts, cluster_status, in_use, version_finding
from namespace_operator.domain.endpoints import Endpoint, SecretKey
from namespace_operator.domain.landscape import ClusterObject, Survey
from namespace_operator.domain.observed import Residents, ServerIdentity
from namespace_operator.domain.placement import DEFAULT, Site
from namespace_operator.stores.errors import Backend, BackendError, Rejected, StoreError, Unauthorized
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_OPERATORS_OWN = ""
"""The operator's own connection among the names of objects, none of which is empty."""

_WORKERS = 8
_BOUND_SECONDS = 10.0
_REFRESH_SECONDS = 300.0

_UNREACHABLE = (ClusterCondition.VERSION_SUPPORTED, ClusterCondition.AUTHENTICATED)
_UNASKED = (ClusterCondition.REACHABLE, ClusterCondition.VERSION_SUPPORTED)


class KnownServer(Protocol):
    """A Qdrant server that can be asked."""

    @property
    def vectors(self) -> VectorStore:
        """The store on it."""

    async def identity(self) -> ServerIdentity:
        """Which server is meant and which one answers. Raises ``BackendError``."""


class Servers(Protocol):
    """Connections to Qdrant servers."""

    async def server(self, endpoint: Endpoint) -> KnownServer:
        """The server behind an endpoint. Raises ``SecretUnavailable``."""


@dataclass(slots=True)
class ClusterStatus:
    """Looks at every server, writes what it found, and holds an object that is being deleted while it is in use.

    ``interval`` is the longest time in seconds between two looks. ``hurry`` is called when something changed that
    namespaces may wait for: a server can be used again, or there is another one.
    """

    instance_id: str
    clusters: Clusters
    survey: Callable[[], Survey]
    servers: Servers
    metadata: MetadataStore
    reporter: ServerReporter
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    random: Callable[[], float]
    hurry: Callable[[], None]
    interval: float = 30.0
    _queue: WorkQueue[str] = field(init=False)
    _bound: Shared[Mapping[str | None, Residents]] = field(init=False)
    _reported: dict[str, str] = field(default_factory=dict)
    """The connection by the name of its object, as the metrics have it."""
    _down: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        backoff = Backoff(cap=self.interval)
        self._queue = WorkQueue(process=self.reconcile, random=self.random, workers=_WORKERS, backoff=backoff)
        self._bound = Shared(self._read_bound, self.monotonic, _BOUND_SECONDS)

    async def run(self) -> None:
        """Work until cancelled."""
        self._queue.add(_OPERATORS_OWN)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run())
            group.create_task(self._refresh())

    def backlog(self) -> Backlog:
        """How much there is to look at."""
        return self._queue.backlog()

    def changed(self, name: str) -> None:
        """An object changed: what it says of others, who may conflict with it, is looked at as well."""
        for known in (name, *(cluster.name for cluster in self.clusters.all())):
            self._queue.add(known)
        self.hurry()

    def secret_changed(self, key: SecretKey) -> None:
        """Look at the servers whose credentials changed."""
        survey = self.survey()
        sites = {_OPERATORS_OWN: survey.landscape.operator, **survey.sites}
        for name, site in sites.items():
            if key in site.endpoint.secrets:
                self._queue.add(name)

    async def reconcile(self, name: str) -> Next:
        """Look at one server, and say when to look again."""
        try:
            stays = await (self._operators_own() if name == _OPERATORS_OWN else self._cluster(name))
        except (ClusterError, StoreError, SecretUnavailable) as error:
            structlog.get_logger().info("cluster not looked at", cluster=name or DEFAULT, error=str(error))
            return Next(failed=True)
        return Next(after=self.interval * (0.8 + 0.2 * self.random())) if stays else Next()

    async def _operators_own(self) -> bool:
        site = self.survey().landscape.operator
        facts = await self._facts(site, None)
        self._tell(_OPERATORS_OWN, site, facts)
        return True

    async def _cluster(self, name: str) -> bool:
        """Look at the server of an object and write what was found; False if the object is gone."""
        cluster = self.clusters.get(name)
        if cluster is None or (cluster.deleting and not cluster.finalized):
            self._forget(name)
            return False
        if not cluster.deleting and not cluster.finalized:
            cluster = await self.clusters.add_finalizer(cluster)
        survey = self.survey()
        found = survey.findings.get(name, ())
        site = survey.sites.get(name)
        facts = await self._facts(site, self._held_id(cluster, found), fresh=cluster.deleting)
        if cluster.deleting and facts.residents is not None and facts.residents.count == 0:
            if site is not None:
                # One of the same clusterId that is made later may be another server.
                await self.metadata.forget_server(f"{self.instance_id}/{site.name}")
            await self.clusters.remove_finalizer(cluster)
            self._forget(name)
            return False
        if site is not None:
            self._tell(name, site, facts)
        await self._write(cluster, found, facts, looked=site is not None)
        return True

    async def _write(
        self, cluster: ClusterObject, found: tuple[ClusterFinding, ...], facts: ServerFacts, *, looked: bool
    ) -> None:
        waits = in_use(cluster, facts.residents) if facts.residents is not None else None
        findings = (*((waits,) if waits else ()), *found, *facts.findings)
        status = cluster_status(cluster, replace(facts, findings=findings), self.now(), looked=looked)
        if status is not None:
            await self.clusters.write_status(cluster, status)

    @staticmethod
    def _held_id(cluster: ClusterObject, found: tuple[ClusterFinding, ...]) -> str:
        """The clusterId by which namespaces are bound to this object; nothing where it is another's."""
        conflicting = any(finding.reason is ClusterReason.CLUSTER_ID_CONFLICT for finding in found)
        return "" if conflicting or cluster.cluster_id is None else cluster.cluster_id

    async def _facts(self, site: Site | None, connection: str | None, *, fresh: bool = False) -> ServerFacts:
        """What there is to say of a server, and of those who live on it."""
        residents: Residents | None = None
        findings: tuple[ClusterFinding, ...] = ()
        try:
            residents = (await self._bound.get(fresh=fresh)).get(connection, Residents())
        except BackendError as error:
            findings = (ClusterFinding(ClusterReason.METADATA_UNAVAILABLE, str(error)),)
        facts = ServerFacts() if site is None else await self._look(site)
        together = dict.fromkeys((*findings, *facts.findings))
        return replace(facts, residents=residents, findings=tuple(together))

    async def _look(self, site: Site) -> ServerFacts:
        version: str | None = None
        try:
            server = await self.servers.server(site.endpoint)
            version = await server.vectors.version()
            too_old = version_finding(version)
            if too_old is not None:
                return ServerFacts(version, findings=(too_old,))
            identity = await server.identity()
            collections = len(await server.vectors.names())
        except SecretUnavailable as error:
            return ServerFacts(findings=(ClusterFinding(ClusterReason.SECRET_NOT_FOUND, str(error), _UNASKED),))
        except BackendError as error:
            return ServerFacts(version, findings=(_failure(error),))
        if identity.replaced:
            message = (
                f"The server at {site.endpoint.url} lacks the marker {identity.recorded} of the one that holds the"
                " namespaces; restore the server or its address"
            )
            return ServerFacts(version, findings=(ClusterFinding(ClusterReason.SERVER_REPLACED, message),))
        return ServerFacts(version, identity.found, collections)

    def _tell(self, name: str, site: Site, facts: ServerFacts) -> None:
        up = not any(finding.reason is not ClusterReason.METADATA_UNAVAILABLE for finding in facts.findings)
        namespaces = facts.residents.count if facts.residents is not None else None
        if up and site.name in self._down:
            self.hurry()
        (self._down.discard if up else self._down.add)(site.name)
        self._reported[name] = site.name
        self.reporter.server_found(site.name, up=up, namespaces=namespaces, collections=facts.collections)

    def _forget(self, name: str) -> None:
        connection = self._reported.pop(name, None)
        if connection is not None and connection not in self._reported.values():
            self.reporter.server_gone(connection)

    async def _read_bound(self) -> Mapping[str | None, Residents]:
        return await self.metadata.bound(self.instance_id)

    async def _refresh(self) -> None:
        """What the watch did not tell of: it forgets what vanished while it was down."""
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            try:
                for name in await self.clusters.refresh():
                    self.changed(name)
            except ClusterError as error:
                structlog.get_logger().warning("clusters not listed", error=str(error))


def _failure(error: BackendError) -> ClusterFinding:
    """What a failed request says of the server."""
    if error.backend is Backend.MONGODB:
        return ClusterFinding(ClusterReason.METADATA_UNAVAILABLE, str(error))
    if isinstance(error, Unauthorized):
        return ClusterFinding(ClusterReason.UNAUTHORIZED, str(error))
    if isinstance(error, Rejected):
        return ClusterFinding(ClusterReason.SERVER_REJECTED, str(error), _UNREACHABLE)
    return ClusterFinding(ClusterReason.UNREACHABLE, str(error), _UNREACHABLE)
