"""The controller put together: one place that knows which part needs which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from namespace_operator.controller.agenda import Agenda
from namespace_operator.controller.clock import Clock
from namespace_operator.controller.cluster import Cluster
from namespace_operator.controller.counts import CountReader
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.instance import InstanceClaim
from namespace_operator.controller.observe import Observer
from namespace_operator.controller.orphans import OrphanPartitions, Orphans
from namespace_operator.controller.overview import FEWEST
from namespace_operator.controller.ray import RayClusters, RaySync
from namespace_operator.controller.reconcile import Reconciler
from namespace_operator.controller.reporter import Reporter
from namespace_operator.controller.secrets import Credentials, Secrets
from namespace_operator.controller.sweep import Sweep
from namespace_operator.controller.tombstones import Tombstones
from namespace_operator.controller.waiting import Waiting
from namespace_operator.domain.auto_indexes import AutoIndexPolicy
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.identity import Key
from namespace_operator.domain.offer import Offer
from namespace_operator.domain.placement import Landscape
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_OVERVIEW_SECONDS = 5.0
_OVERVIEW_PART = 0.1
"""How long a look at all namespaces of a server is believed, at most, and as a part of the resync interval."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the settings say. Times are in seconds; ``tombstone_age`` is longer than any request to Qdrant may take.

    From ``overview_from`` namespaces on a server on they are compared again together. ``expiry_memory`` is for how long
    it is remembered that a namespace expired.
    """

    instance_id: str
    cluster_uid: str
    guarded: bool = True
    dependents: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    resync_interval: float = 300.0
    sweep_interval: float = 300.0
    overview_from: int = FEWEST
    tombstone_age: float = 120.0
    expiry_memory: float = 2_592_000.0
    auto_indexes: AutoIndexPolicy = field(default_factory=AutoIndexPolicy)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The world outside: servers, clock, chance, and where news go.

    ``landscape`` tells what Qdrant servers there are, ``connect`` opens a connection to one. ``mint_id`` gives a fresh
    namespace id, ``new_server_id`` one for a Qdrant server; ``announce`` makes an event of the operator itself,
    ``enqueue`` puts a key into the queue, ``ensure`` does so only if it is not there for whatever time.
    """

    cluster: Cluster
    metadata: MetadataStore
    secrets: Secrets
    ray_clusters: RayClusters
    landscape: Callable[[], Landscape]
    connect: Callable[[Endpoint, Credentials], VectorStore]
    clock: Clock
    random: Callable[[], float]
    mint_id: Callable[[], str]
    new_server_id: Callable[[], str]
    reporter: Reporter
    announce: Callable[[str, str], Awaitable[None]]
    enqueue: Callable[[Key], None]
    ensure: Callable[[Key], None] = lambda _key: None


def assemble(options: Options, offer: Callable[[], Offer], around: Surroundings) -> tuple[Reconciler, Sweep, Fleet]:
    """The reconciler, the sweep and the connections of one operator; ``offer`` tells what the platform offers now."""
    metadata, clock = around.metadata, around.clock
    waiting = Waiting(around.enqueue)
    claim = InstanceClaim(metadata, options.instance_id, options.cluster_uid)
    fleet = Fleet(
        instance_id=options.instance_id,
        metadata=metadata,
        secrets=around.secrets,
        landscape=around.landscape,
        connect=around.connect,
        new_server_id=around.new_server_id,
        monotonic=clock.monotonic,
        claim=claim.hold,
        wake=around.enqueue,
        overview_age=min(_OVERVIEW_SECONDS, options.resync_interval * _OVERVIEW_PART),
        overview_from=options.overview_from,
        # A reconcile of the next interval asks anew, even one that comes early.
        late_interval=0.8 * options.resync_interval,
    )
    reconciler = Reconciler(
        instance_id=options.instance_id,
        offer=offer,
        cluster=around.cluster,
        metadata=metadata,
        observer=Observer(options.instance_id, metadata, fleet),
        counts=CountReader(metadata),
        ray=RaySync(around.ray_clusters),
        waiting=waiting,
        agenda=Agenda(options.instance_id, fleet, clock, around.random, options.resync_interval, options.auto_indexes),
        clock=clock,
        mint_id=around.mint_id,
        tell=around.reporter.reconciled,
        guarded=options.guarded,
        dependents=options.dependents,
        rest=timedelta(seconds=options.tombstone_age),
        auto_indexes=options.auto_indexes,
    )
    sweep = Sweep(
        instance_id=options.instance_id,
        cluster=around.cluster,
        metadata=metadata,
        tombstones=Tombstones(metadata, fleet, waiting, clock.now, options.tombstone_age, options.expiry_memory),
        partitions=OrphanPartitions(around.reporter, around.announce),
        orphans=Orphans(fleet, around.reporter, clock.now, around.announce),
        enqueue=around.enqueue,
        ensure=around.ensure,
        watched=options.watched,
        interval=options.sweep_interval,
    )
    return reconciler, sweep, fleet
