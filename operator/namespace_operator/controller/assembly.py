"""The controller put together: one place that knows which part needs which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from namespace_operator.controller.cluster import Cluster
from namespace_operator.controller.counts import CountReader
from namespace_operator.controller.instance import InstanceClaim
from namespace_operator.controller.observe import Observer
from namespace_operator.controller.orphans import Orphans, Tombstones
from namespace_operator.controller.reconcile import Clock, Reconciler
from namespace_operator.controller.reporter import Reporter
from namespace_operator.controller.rollout import Rollout
from namespace_operator.controller.server import ServerCheck
from namespace_operator.controller.strays import Strays
from namespace_operator.controller.sweep import Sweep
from namespace_operator.controller.waiting import Waiting
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.identity import Key
from namespace_operator.domain.profiles import Tiers, builtin_tiers
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_CONNECTION = "default"


@dataclass(frozen=True, slots=True)
class Options:
    """What the settings say. Times are in seconds; ``tombstone_age`` is longer than any request to Qdrant may take."""

    instance_id: str
    cluster_uid: str
    guarded: bool = True
    dependents: tuple[str, ...] = ()
    tiers: Tiers = field(default_factory=builtin_tiers)
    watched: tuple[str, ...] = ()
    resync_interval: float = 300.0
    sweep_interval: float = 300.0
    tombstone_age: float = 120.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The world outside: servers, clock, chance, and where news go.

    ``mint_id`` gives a fresh namespace id, ``new_server_id`` one for a Qdrant server; ``announce`` makes an event of
    the operator itself, ``enqueue`` puts a key into the queue.
    """

    cluster: Cluster
    metadata: MetadataStore
    vectors: VectorStore
    clock: Clock
    random: Callable[[], float]
    mint_id: Callable[[], str]
    new_server_id: Callable[[], str]
    reporter: Reporter
    announce: Callable[[str, str], Awaitable[None]]
    enqueue: Callable[[Key], None]


def assemble(options: Options, catalog: Catalog, around: Surroundings) -> tuple[Reconciler, Sweep]:
    """The reconciler and the sweep of one operator."""
    metadata, vectors, clock = around.metadata, around.vectors, around.clock
    waiting = Waiting(around.enqueue)
    strays = Strays(options.instance_id, metadata, vectors, clock.monotonic)
    claim = InstanceClaim(metadata, options.instance_id, options.cluster_uid)
    server = ServerCheck(
        f"{options.instance_id}/{_CONNECTION}", metadata, vectors, around.new_server_id, clock.monotonic, claim.hold
    )
    reconciler = Reconciler(
        instance_id=options.instance_id,
        catalog=catalog,
        cluster=around.cluster,
        metadata=metadata,
        vectors=vectors,
        observer=Observer(options.instance_id, metadata, vectors, server, strays),
        counts=CountReader(metadata),
        waiting=waiting,
        rollout=Rollout(clock.monotonic, around.enqueue),
        clock=clock,
        mint_id=around.mint_id,
        random=around.random,
        tell=around.reporter.reconciled,
        guarded=options.guarded,
        dependents=options.dependents,
        tiers=options.tiers,
        resync_interval=options.resync_interval,
    )
    sweep = Sweep(
        instance_id=options.instance_id,
        cluster=around.cluster,
        metadata=metadata,
        tombstones=Tombstones(metadata, vectors, waiting, clock.now, options.tombstone_age),
        orphans=Orphans(strays, around.reporter, clock.now, around.announce),
        enqueue=around.enqueue,
        watched=options.watched,
        interval=options.sweep_interval,
    )
    return reconciler, sweep
