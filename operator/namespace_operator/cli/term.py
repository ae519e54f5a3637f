"""What a term of leadership consists of, and what outlives it.

The watch, what it told of, and the Secrets live as long as the process: a stand-by knows as much as a leader. All that
reads or writes on somebody's behalf is made anew for each term, with the term's fence before every request.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog

from namespace_operator.cli.connections import connector
from namespace_operator.cli.database import Database
from namespace_operator.cli.measuring import kubernetes_meter, qdrant_meters
from namespace_operator.cli.reload import Configuration
from namespace_operator.cli.settings import Settings
from namespace_operator.controller.assembly import Options, Surroundings, assemble
from namespace_operator.controller.clock import Clock
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.cluster_status import ClusterStatus
from namespace_operator.controller.clusters import Surveyor
from namespace_operator.controller.leadership import Leadership
from namespace_operator.controller.queue import Backlog, Backoff, Next, WorkQueue
from namespace_operator.controller.reconcile import Reconciler
from namespace_operator.controller.sweep import Sweep
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.domain.identity import Key
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.cluster import KubeCluster
from namespace_operator.kube.clusters import KubeClusters
from namespace_operator.kube.events import Announcer
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.organizations import Organizations
from namespace_operator.kube.ray import KubeRayClusters
from namespace_operator.kube.secrets import SecretWatcher
from namespace_operator.telemetry.metrics import Metrics

_REMEMBERED_SECONDS = 300.0
"""For how long a stand-by remembers deletions: a leader that dies has looked at older ones, and a sweep finds all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What lives as long as the process."""

    settings: Settings
    options: Options
    configuration: Configuration
    client: KubeClient
    secrets: SecretWatcher
    objects: LiveObjects
    clusters: KubeClusters
    surveyor: Surveyor
    database: Database
    metrics: Metrics
    monotonic: Callable[[], float]

    def cluster(self, client: KubeClient) -> KubeCluster:
        """Kubernetes over what the watch told of."""
        organizations = Organizations(client, self.objects, self.surveyor.asks_for_labels)
        return KubeCluster(client, self.objects, organizations, self.settings.watch_namespaces)


@dataclass(frozen=True, slots=True)
class Term:
    """The parts that work within one term."""

    queue: WorkQueue[Key]
    sweep: Sweep
    cluster_status: ClusterStatus

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for loop in (self.queue, self.sweep, self.cluster_status):
                group.create_task(loop.run())


@asynccontextmanager
async def opened(lasting: Lasting, leadership: Leadership) -> AsyncIterator[Term]:
    """Assemble a term, and close its connections in the end."""
    settings, metrics = lasting.settings, lasting.metrics
    async with AsyncExitStack() as closing:
        client = KubeClient(clock=lasting.client.clock, fence=leadership, meter=kubernetes_meter(metrics))
        closing.push_async_callback(client.close)
        mongodb = await closing.enter_async_context(lasting.database.opened(leadership, lasting.options.instance_id))
        lasting.clusters.client = client
        closing.callback(setattr, lasting.clusters, "client", lasting.client)
        queue, reconcile_by = _queue(settings)
        around = Surroundings(
            cluster=lasting.cluster(client),
            metadata=mongodb,
            secrets=lasting.secrets,
            ray_clusters=KubeRayClusters(client),
            landscape=lasting.surveyor.landscape,
            connect=connector(settings, lasting.surveyor.allowed, qdrant_meters(metrics), leadership),
            clock=Clock(now=client.clock.now, monotonic=lasting.monotonic, exact=client.clock.exact),
            random=random.random,
            mint_id=lambda: f"ns_{secrets.token_hex(5)}",
            new_server_id=lambda: str(uuid.uuid4()),
            reporter=metrics,
            announce=Announcer(client, settings.pod_namespace, settings.pod_name),
            enqueue=queue.add,
            ensure=queue.ensure,
        )
        reconciler, sweep, fleet = assemble(lasting.options, lasting.configuration.offer, around)
        reconcile_by(reconciler)
        closing.push_async_callback(fleet.close)
        cluster_status = ClusterStatus(
            instance_id=lasting.options.instance_id,
            clusters=lasting.clusters,
            survey=lasting.surveyor.survey,
            servers=fleet,
            metadata=mongodb,
            reporter=metrics,
            now=client.clock.now,
            monotonic=lasting.monotonic,
            random=random.random,
            hurry=queue.hurry,
        )
        yield Term(queue, sweep, cluster_status)


def _queue(settings: Settings) -> tuple[WorkQueue[Key], Callable[[Reconciler], None]]:
    """The queue, and how it is told who reconciles: each needs the other."""
    reconcilers: list[Reconciler] = []

    async def process(key: Key) -> Next:
        return await reconcilers[0].reconcile(key, check=queue.is_check(key))

    queue: WorkQueue[Key] = WorkQueue(
        process=process,
        random=random.random,
        workers=settings.workers,
        backoff=Backoff(cap=settings.resync_interval_seconds),
    )
    return queue, reconcilers.append


@dataclass(slots=True)
class Terms:
    """The terms of this process, one after the other; news go to the one that is under way.

    Between terms nobody acts on news. What is known by then is looked at when the next one begins.
    """

    lasting: Lasting
    current: Term | None = None
    _remembered: dict[Key, float] = field(default_factory=dict)
    """Objects that are not known any more, and since when."""

    async def lead(self, leadership: Leadership) -> None:
        """Lead until cancelled."""
        async with opened(self.lasting, leadership) as term:
            self.current = term
            try:
                known = self.lasting.objects.keys()
                for key in known:
                    term.queue.look(key)
                self._forget_old()
                for key in self._remembered:
                    term.queue.add(key)
                for cluster in self.lasting.clusters.all():
                    term.cluster_status.changed(cluster.name)
                self._remembered.clear()
                await term.run()
            finally:
                self.current = None
                # What is known is looked at in the next term anyway; of what is gone nobody would tell it.
                for key in term.queue.unfinished():
                    self.enqueue(key)

    def recheck(self) -> None:
        """Everything may be seen in another light."""
        if self.current is not None:
            self.current.queue.recheck()

    def enqueue(self, key: Key) -> None:
        """A custom resource changed."""
        if self.current is not None:
            self.current.queue.add(key)
        elif self.lasting.objects.metadata(key) is None:
            self._forget_old()
            # The latest is the last one.
            self._remembered.pop(key, None)
            self._remembered[key] = self.lasting.monotonic()

    def look(self, key: Key) -> None:
        """A list showed a custom resource that was not known as it is."""
        if self.current is not None:
            self.current.queue.look(key)

    def cluster_changed(self, name: str) -> None:
        """An InfrastructureCluster changed."""
        if self.current is not None:
            self.current.cluster_status.changed(name)

    def secret_changed(self, key: SecretKey) -> None:
        """A Secret changed."""
        if self.current is not None:
            self.current.cluster_status.secret_changed(key)
            self.current.queue.hurry()

    @property
    def leads(self) -> bool:
        """Whether a term is under way."""
        return self.current is not None

    def namespaces(self) -> Backlog | None:
        """The queue of Namespaces, None between terms."""
        return self.current.queue.backlog() if self.current is not None else None

    def clusters(self) -> Backlog | None:
        """The queue of InfrastructureClusters, None between terms."""
        return self.current.cluster_status.backlog() if self.current is not None else None

    @property
    def stuck_for(self) -> float:
        """Seconds in which nothing moved although there is something to do."""
        return self.current.queue.stuck_for if self.current is not None else 0.0

    async def stay_current(self) -> None:
        """While another leads, compare what is known with what there is as often as a sweep does, until cancelled."""
        while True:
            await asyncio.sleep(self.lasting.settings.sweep_interval_seconds)
            if self.current is not None:
                continue
            cluster = self.lasting.cluster(self.lasting.client)
            try:
                for key in (await cluster.refresh()).missed:
                    gone = await cluster.subject(key) is None
                    # A term that began meanwhile did not see it among what is known.
                    if gone or self.current is not None:
                        self.enqueue(key)
                # Once a term began they are read with its client, and what ends the term would end this too.
                if self.current is None:
                    await self.lasting.clusters.refresh()
            except ClusterError as error:
                structlog.get_logger().warning("a stand-by could not look at all objects", error=str(error))

    def _forget_old(self) -> None:
        limit = self.lasting.monotonic() - _REMEMBERED_SECONDS
        while self._remembered and self._remembered[oldest := next(iter(self._remembered))] <= limit:
            del self._remembered[oldest]
