"""The model world: an API server, a Qdrant server, a database, and an operator that can die and come back.

There is no time but the world's own: it moves by one resync interval a round, so that nothing ever waits.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.api.resource import FINALIZER
from namespace_operator.controller.assembly import Options, Surroundings, assemble
from namespace_operator.controller.clock import Clock
from namespace_operator.controller.overview import FEWEST
from namespace_operator.controller.reconcile import Reconciler
from namespace_operator.controller.reporter import Account
from namespace_operator.controller.secrets import Credentials
from namespace_operator.controller.sweep import Sweep
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.identity import Key
from namespace_operator.domain.offer import Offer
from namespace_operator.domain.placement import Landscape
from namespace_operator.domain.ray import RayOptions
from namespace_operator.stores.fence import Fence
from tests.world.cluster import ModelApiServer, ModelCluster, Object
from tests.world.faults import Crash, Faults
from tests.world.gate import Turns, through
from tests.world.metadata import ModelMetadataStore, Raw
from tests.world.ray import ModelRayClusters
from tests.world.secrets import Keyed, ModelSecrets
from tests.world.sites import ALONE
from tests.world.terms import Fenced, InTerm
from tests.world.vectors import ModelVectorStore, StoredCollection

INSTANCE = "cluster-1:main"
ORGANIZATION = "acme"

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_ROUND_SECONDS = 300.0
_SOON_SECONDS = 10.0
"""Whoever comes back within it does so in the same round."""

_MAX_ROUNDS = 80
_TOMBSTONE_SECONDS = 1e6
"""Longer than any write of the model is in flight."""
EXPIRY_MEMORY_SECONDS = 1e9
"""Longer than any scenario waits for a tombstone to be buried."""


@cache
def builtin_catalog() -> Catalog:
    """The catalog that is packaged with the operator."""
    return Catalog.load(builtin_catalog_text())


@dataclass(slots=True)
class Operator:
    """One run of the operator: what it holds in memory dies with it."""

    cluster: ModelCluster
    reconciler: Reconciler
    sweep: Sweep
    pending: dict[Key, None]
    at_once: bool = False
    checks: set[Key] = field(default_factory=set)
    """The objects whose next reconcile only looks for drift, unless there is news of them."""

    async def round(self) -> None:
        """One resync interval: the news of the watch, a sweep, and a reconcile of every object."""
        self.cluster.deliver()
        for key in self.cluster.known():
            if key not in self.checks:
                self.pending[key] = None
        if self.at_once:
            pending = self._take()
            await asyncio.gather(self.sweep.sweep(), *(self._reconcile(*due) for due in pending))
            return
        await self.sweep.sweep()
        for key, check in self._take():
            await self._reconcile(key, check)

    def _take(self) -> list[tuple[Key, bool]]:
        """What is due, with what only looks for drift among it."""
        due = sorted({*self.pending, *self.checks})
        taken = [(key, key not in self.pending) for key in due]
        self.pending.clear()
        self.checks.clear()
        return taken

    async def _reconcile(self, key: Key, check: bool) -> None:
        following = await self.reconciler.reconcile(key, check=check)
        while following.check and (following.after or 0.0) < _SOON_SECONDS:
            await asyncio.sleep(0)
            following = await self.reconciler.reconcile(key, check=True)
        if following.failed:
            self.pending[key] = None
        elif following.check:
            self.checks.add(key)


@dataclass(slots=True)
class World:
    """Everything there is. ``operator`` is None while it is down; with a ``gate`` it does its work all at once."""

    faults: Faults = field(default_factory=Faults)
    api: ModelApiServer = field(default_factory=ModelApiServer)
    vectors: ModelVectorStore = field(init=False)
    metadata: ModelMetadataStore = field(init=False)
    operator: Operator | None = None
    seconds: float = 0.0
    restarts: int = 0
    instance_id: str = INSTANCE
    cluster_uid: str | None = None
    """The cluster this operator says it runs in; None: one that is named like the instance."""
    guarded: bool = True
    dependents: tuple[str, ...] = ()
    landscape: Landscape = ALONE
    servers: dict[str, ModelVectorStore] = field(default_factory=dict)
    """Further Qdrant servers by URL; whatever else is connected to is ``vectors``."""
    secrets: ModelSecrets = field(default_factory=ModelSecrets)
    ray: ModelRayClusters = field(default_factory=ModelRayClusters)
    ray_options: RayOptions = field(default_factory=RayOptions)
    overview_from: int = FEWEST
    """From how many namespaces of a server on drift is looked for in all of them together."""
    orphans: tuple[int, int] = (0, 0)
    """Orphans and copies as the last sweep reported them."""
    orphan_partitions: int | None = None
    """Namespace ids with points and no membership, as the last sweep reported them."""
    announcements: list[str] = field(default_factory=list)
    backups: dict[str, Any] = field(default_factory=dict)
    gate: Turns | None = None
    fence: Fence | None = None
    """The term of leadership in which the next run of the operator works; None: there is but one operator."""
    shown_after_a_crash: Mapping[Key, Object] | None = None
    """What a cache that is behind shows the operator that is started after a crash."""
    _ids: int = 0

    def __post_init__(self) -> None:
        self.vectors = ModelVectorStore(self.faults)
        self.metadata = ModelMetadataStore(self.faults)

    def fork(self) -> World:
        """Another world in the same state, with an operator that has just been started."""
        self.stop_operator()
        twin = copy.deepcopy(self)
        twin.start_operator()
        return twin

    def start_operator(self, shown: Mapping[Key, Object] | None = None) -> None:
        """Start a run of the operator that knows nothing but what the servers tell it.

        ``shown`` are the objects that a cache of the API server shows, which is behind.
        """
        pending: dict[Key, None] = {}
        cluster = ModelCluster(self.api, self.faults, pending.setdefault)
        cluster.connect(shown)
        options = Options(
            self.instance_id,
            cluster_uid=self.cluster_uid or self.instance_id,
            guarded=self.guarded,
            dependents=self.dependents,
            tombstone_age=_TOMBSTONE_SECONDS,
            expiry_memory=EXPIRY_MEMORY_SECONDS,
            overview_from=self.overview_from,
        )
        around = Surroundings(
            cluster=self._gated(cluster),
            metadata=self._gated(self.metadata if self.fence is None else InTerm(self.metadata, self.instance_id)),
            secrets=self.secrets,
            ray_clusters=self.ray,
            landscape=lambda: self.landscape,
            connect=lambda endpoint, credentials: self._gated(self._connection(endpoint, credentials)),
            clock=Clock(now=lambda: EPOCH + timedelta(seconds=self.time), monotonic=lambda: self.time),
            random=lambda: 0.5,
            mint_id=self._mint_id,
            new_server_id=self._new_server_id,
            reporter=self,
            announce=self._announce,
            enqueue=pending.setdefault,
        )
        offer = Offer(builtin_catalog(), ray=self.ray_options)
        reconciler, sweep, _ = assemble(options, lambda: offer, around)
        self.operator = Operator(cluster, reconciler, sweep, pending, at_once=self.works_at_once)

    def _connection(self, endpoint: Endpoint, credentials: Credentials) -> Any:
        server = self.servers.get(endpoint.url, self.vectors)
        return server if server.api_key is None else Keyed(server, credentials.api_key)

    @property
    def works_at_once(self) -> bool:
        """Whether the reconciles of a round run all at once."""
        return self.gate is not None and self.gate.at_once

    def _gated(self, target: Any) -> Any:
        if self.fence is not None:
            target = Fenced(target, self.fence)
        return target if self.gate is None else through(target, self.gate)

    def stop_operator(self) -> None:
        """End the run of the operator, wherever it is."""
        if self.operator is not None:
            self.operator.cluster.disconnect()
            self.operator = None

    def reconciled(self, account: Account) -> None:
        """What there is to count of a reconcile, which nobody wants to know here."""

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """What a sweep found."""
        self.orphans = (orphans, copies)

    def orphan_partitions_found(self, partitions: int) -> None:
        """What a look at all shared collections found."""
        self.orphan_partitions = partitions

    async def _announce(self, reason: str, message: str) -> None:
        self.announcements.append(f"{reason}: {message}")

    def _new_server_id(self) -> str:
        known = [name for name in self.metadata.servers if not name.endswith("/cluster")]
        return f"server-{len(known) + 1}"

    def _mint_id(self) -> str:
        self._ids += 1
        return f"ns_{self._ids:010x}"

    async def round(self) -> None:
        """One round of the operator; a crash ends it and starts another run."""
        assert self.operator is not None
        self.seconds += _ROUND_SECONDS
        try:
            await self.operator.round()
        except Crash:
            self.restarts += 1
            self.stop_operator()
            self.start_operator(self.shown_after_a_crash)
        except asyncio.CancelledError:
            # What others wait for together, in a task of its own, ends as any cancellation does.
            if self.gate is None:
                raise
            self.stop_operator()

    @property
    def time(self) -> float:
        """Seconds since the world began, with what went by in waiting for answers."""
        return self.seconds + self.faults.waited

    async def settle(self) -> None:
        """Run the operator until nothing happens any more."""
        await settle_together(self)

    def key(self, name: str) -> Key:
        """The key of a custom resource by its name."""
        return Key(ORGANIZATION, name)

    def object(self, name: str) -> Object:
        """A custom resource as the API server has it."""
        return self.api.objects[self.key(name)]

    def is_finalized(self, name: str) -> bool:
        """Whether our finalizer is on the object."""
        return FINALIZER in self.object(name)["metadata"].get("finalizers", [])

    def status(self, name: str) -> Object:
        """The status of a custom resource."""
        status: Object = self.object(name).get("status", {})
        return status

    def message(self, name: str, kind: str = "Ready") -> str:
        """Message of a condition."""
        return next(str(c["message"]) for c in self.status(name)["conditions"] if c["type"] == kind)

    def told(self, reason: str) -> list[str]:
        """The messages of all events of a reason."""
        return [event.message for event in self.api.events if event.reason == reason]

    def condition(self, name: str, kind: str = "Ready") -> tuple[str, str]:
        """Status and reason of a condition."""
        return next((c["status"], c["reason"]) for c in self.status(name)["conditions"] if c["type"] == kind)

    def document(self, name: str) -> Raw:
        """The document that a custom resource of this name owns or owned."""
        return next(raw for raw in self.metadata.all_raw() if raw.get("owner", {}).get("cr_name") == name)

    @property
    def data(self) -> dict[str, StoredCollection]:
        """Every collection but those that mark the servers; one of a further server with its URL."""
        own = {name: stored for name, stored in self.vectors.collections.items() if name != MARKER_COLLECTION}
        for url, server in self.servers.items():
            there = {f"{url}/{name}": stored for name, stored in server.collections.items()}
            own.update({name: stored for name, stored in there.items() if not name.endswith(MARKER_COLLECTION)})
        return own

    @property
    def lost_points(self) -> int:
        """The points that create and delete requests took with them, on all servers."""
        return sum(server.lost_points for server in (self.vectors, *self.servers.values()))

    def server_of(self, status: Object) -> ModelVectorStore:
        """The server that a status says the namespace lives on."""
        connection = status.get("infrastructure", {}).get("connection", "default")
        site = self.landscape.clusters.get(connection, self.landscape.operator)
        return self.servers.get(site.endpoint.url, self.vectors)

    def collection(self, name: str) -> StoredCollection:
        """The collection of a custom resource, as its status names it."""
        status = self.status(name)
        return self.server_of(status).collections[status["collection"]]


def _is_unsettled(raw: Raw) -> bool:
    """Whether a document waits for the time of late requests to be over."""
    is_at_rest = (raw.get("life") or {}).get("remembered_until") is not None
    return (raw.get("state") == "deleted" and not is_at_rest) or bool(raw.get("departures"))


def beside(world: World, number: int = 1) -> World:
    """Another process of the same operator: what it holds in memory is its own, and so are the ids it makes up."""
    twin = World(faults=world.faults, api=world.api, gate=world.gate, instance_id=world.instance_id)
    twin.vectors, twin.metadata, twin.servers = world.vectors, world.metadata, world.servers
    twin.landscape, twin.cluster_uid, twin.guarded = world.landscape, world.cluster_uid, world.guarded
    twin.dependents, twin.seconds = world.dependents, world.seconds
    twin.secrets = world.secrets
    twin.ray, twin.ray_options, twin.backups = world.ray, world.ray_options, world.backups
    twin._ids = world._ids + 1_000 * number
    return twin


async def settle_together(*worlds: World) -> None:
    """Run the operators of worlds that share both stores until late writes landed, and two rounds pass without a write.

    Two, because the sweep believes that an object is gone only after the second list without it.
    """
    shared = worlds[0]
    idle = 0
    for _ in range(_MAX_ROUNDS):
        if all(world.operator is None for world in worlds):
            return
        before = (shared.faults.writes, shared.faults.fired)
        if not shared.works_at_once:
            for world in worlds:
                await world.round()
        else:
            await asyncio.gather(*(world.round() for world in worlds))
        behind = any(world.operator is not None and world.operator.cluster.held for world in worlds)
        idle = idle + 1 if not behind and (shared.faults.writes, shared.faults.fired) == before else 0
        if idle < 2:
            continue
        servers = [shared.vectors, *shared.servers.values()]
        if shared.faults.in_flight or any(server.lagging for server in servers):
            shared.faults.land()
            # Whoever was frozen in the middle of a request has to come to send it.
            await asyncio.sleep(0)
            for server in servers:
                server.catch_up()
        elif any(_is_unsettled(raw) for raw in shared.metadata.all_raw()):
            for world in worlds:
                world.seconds += _TOMBSTONE_SECONDS
        else:
            return
        idle = 0
    raise AssertionError(f"the world does not come to rest; last writes: {shared.faults.log[-12:]}")
