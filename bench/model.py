"""The operator's controller over the model stores: what it costs itself, with no server's work beside it.

Each operation of a store takes a millisecond, as over a network, and the time that the model itself computes is
measured and taken off.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import random
import time
from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import bson

from bench.substitute import substituted
from namespace_operator.controller.assembly import Options, Surroundings, assemble
from namespace_operator.controller.clock import Clock
from namespace_operator.controller.queue import Next, WorkQueue
from namespace_operator.controller.reconcile import Reconciler
from namespace_operator.controller.reporter import Account
from namespace_operator.controller.secrets import NoSecrets
from namespace_operator.controller.sweep import Sweep
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text
from namespace_operator.domain.identity import Key
from namespace_operator.domain.offer import Offer
from namespace_operator.domain.parsing import FoundDocument, parse_document
from tests.world.cluster import ModelApiServer, ModelCluster
from tests.world.faults import Faults
from tests.world.metadata import ModelMetadataStore
from tests.world.ray import ModelRayClusters
from tests.world.sites import ALONE
from tests.world.vectors import ModelVectorStore

LATENCY_SECONDS = 0.001
_REMEMBERED = frozenset({"version"})
"""What the real stores are asked for by every reconcile and ask a server for once a minute."""
_ORGANIZATION = "company"
_FIRST = "first"
_FIRST_ID = f"ns_{0:010x}"


@dataclass(slots=True)
class _IndexedMetadataStore(ModelMetadataStore):
    """The model with an index of claims, which MongoDB has too: a read must not cost more the more there are."""

    holders: dict[str, str] = field(default_factory=dict)

    async def find(self, claims: Names[str]) -> Sequence[FoundDocument]:
        """The holders of the claims."""
        if not self.holders:
            return await ModelMetadataStore.find(self, claims)
        found = dict.fromkeys(holder for claim in claims if (holder := self.holders.get(claim)) is not None)
        return [parse_document(raw) for each in found if (raw := self.raw(each)) is not None]

    def index(self) -> None:
        """Note who holds which claim; nothing may be written afterwards."""
        for document_id in self.documents:
            raw = self.raw(document_id) or {}
            self.holders.update(dict.fromkeys(raw.get("claims", ()), document_id))


@dataclass(slots=True)
class Meter:
    """CPU of this thread that the model took, in seconds, and how many operations there were."""

    seconds: float = 0.0
    operations: int = 0

    def through(self, target: Any) -> Any:
        """A stand-in for a store or cluster whose operations take their time and are measured."""
        return _Metered(target, self)


class _Metered:
    def __init__(self, target: Any, meter: Meter) -> None:
        self._target = target
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if not inspect.iscoroutinefunction(attribute) or name in _REMEMBERED:
            return attribute
        meter = self._meter

        async def call(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(LATENCY_SECONDS)
            started = time.thread_time()
            try:
                return await attribute(*args, **kwargs)
            finally:
                meter.seconds += time.thread_time() - started
                meter.operations += 1

        # The next one of this name finds it without asking.
        self.__dict__[name] = call
        return call


@dataclass(slots=True)
class ModelOperator:
    """One run of the operator over a world of its own. It has to be made within a running event loop."""

    meter: Meter = field(default_factory=Meter)
    faults: Faults = field(default_factory=Faults)
    api: ModelApiServer = field(default_factory=ModelApiServer)
    metadata: _IndexedMetadataStore = field(init=False)
    vectors: ModelVectorStore = field(init=False)
    cluster: ModelCluster = field(init=False)
    reconciler: Reconciler = field(init=False)
    sweep: Sweep = field(init=False)
    results: int = 0
    _ids: int = 0

    def __post_init__(self) -> None:
        self.metadata = _IndexedMetadataStore(self.faults)
        self.vectors = ModelVectorStore(self.faults)
        self.start()

    def start(self) -> None:
        """Begin as a process that knows nothing."""
        self.cluster = ModelCluster(self.api, self.faults, lambda _: None)
        self.cluster.connect()
        around = Surroundings(
            # Every object is read from memory, as from the watch: no request of its own, so no latency either.
            cluster=self.cluster,
            metadata=self.meter.through(self.metadata),
            secrets=NoSecrets(),
            ray_clusters=ModelRayClusters(),
            landscape=lambda: ALONE,
            connect=lambda *_: self.meter.through(self.vectors),
            clock=Clock(now=lambda: datetime.now(UTC), monotonic=asyncio.get_running_loop().time),
            random=random.random,
            mint_id=self._mint_id,
            new_server_id=lambda: "server-1",
            reporter=self,
            announce=_announce,
            enqueue=lambda _: None,
        )
        options = Options("cluster-1:bench", "cluster-1")
        offer = Offer(Catalog.load(builtin_catalog_text()))
        self.reconciler, self.sweep, _ = assemble(options, lambda: offer, around)

    async def make(self, spec: dict[str, Any], count: int) -> list[Key]:
        """So many Namespaces that are Ready: one by the operator, the others as copies of it."""
        first = Key(_ORGANIZATION, _FIRST)
        self.api.apply(first, spec)
        self.cluster.deliver()
        await self.reconciler.reconcile(first)
        # What it wrote last is what it reads from then on.
        self.cluster.deliver()
        await self.reconciler.reconcile(first)
        keys = [first, *(self._copy(first, number) for number in range(1, count))]
        self.metadata.index()
        self.start()
        self.cluster.deliver()
        return keys

    async def process(self, keys: Sequence[Key], *, check: bool) -> float:
        """Reconcile each of them once, through a queue of its own; CPU in seconds without the model's."""
        done, left = asyncio.Event(), len(keys)

        async def process(key: Key) -> Next:
            nonlocal left
            following = await self.reconciler.reconcile(key, check=check)
            if following.failed:
                raise RuntimeError(f"{key} failed")
            if following.check and following.after is not None and following.after < 1.0:
                # Postponed, while another one takes the look at all.
                return following
            left -= 1
            if not left:
                done.set()
            return Next()

        queue: WorkQueue[Key] = WorkQueue(process=process, random=random.random)
        started, model = time.thread_time(), self.meter.seconds
        task = asyncio.create_task(queue.run())
        for key in keys:
            queue.add(key)
        await done.wait()
        spent = time.thread_time() - started - (self.meter.seconds - model)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return spent

    def _copy(self, first: Key, number: int) -> Key:
        name, namespace_id = f"copy-{number:05}", f"ns_{number:010x}"
        known, key = self.api.objects[first], Key(first.organization, name)
        names = {_FIRST_ID: namespace_id, known["metadata"]["uid"]: f"uid-{number:05}", _FIRST: name}
        self.api.objects[key] = substituted(known, names)
        self.api.organizations[first.organization] = self.api.organizations[first.organization]
        document = bson.encode(substituted(self.metadata.raw(_FIRST_ID), names))
        self.metadata.documents[namespace_id] = document
        stored = copy.copy(self.vectors.collections[_FIRST_ID])
        stored.metadata = substituted(stored.metadata, names)
        self.vectors.collections[namespace_id] = stored
        return key

    def _mint_id(self) -> str:
        return _FIRST_ID if not self.metadata.documents else f"ns_{random.getrandbits(40):010x}"

    def reconciled(self, account: Account) -> None:
        """How one reconcile ended."""
        self.results += 1

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """What a sweep found."""

    def orphan_partitions_found(self, partitions: int) -> None:
        """What a look at all shared collections found."""


async def _announce(reason: str, message: str) -> None:
    raise RuntimeError(f"nothing should have to be announced here: {reason} {message}")
