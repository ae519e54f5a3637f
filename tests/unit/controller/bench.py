"""The assembled controller over the model stores, with one object, and a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.api.status import Condition
from namespace_operator.controller.assembly import Options, Surroundings, assemble
from namespace_operator.controller.clock import Clock
from namespace_operator.controller.queue import Next
from namespace_operator.controller.reporter import Account
from namespace_operator.controller.secrets import NoSecrets
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import ServerRecord, Subject
from namespace_operator.domain.offer import Offer
from tests.unit.controller.fixed import FixedCluster, Outage, metadata_store, vector_store
from tests.unit.domain.builders import INSTANCE, KEY, NAMESPACE_ID, NOW, catalog
from tests.world.metadata import ModelMetadataStore, Raw
from tests.world.ray import ModelRayClusters
from tests.world.sites import ALONE
from tests.world.vectors import ModelVectorStore, StoredCollection

SERVER_ID = "server-1"


@dataclass
class Bench:
    """A reconciler and a sweep, on a Qdrant server that is known already."""

    metadata: ModelMetadataStore = field(default_factory=metadata_store)
    vectors: ModelVectorStore = field(default_factory=vector_store)
    cluster: FixedCluster = field(default_factory=FixedCluster)
    options: dict[str, Any] = field(default_factory=dict)
    offer: Offer = field(default_factory=lambda: Offer(catalog()))
    seconds: float = 1000.0
    woken: list[Key] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    orphans: list[tuple[int, int]] = field(default_factory=list)
    orphan_partitions: int | None = None
    announced: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.metadata.servers[f"{INSTANCE}/default"] = ServerRecord(SERVER_ID, confirmed=True)
        self.vectors.collections[MARKER_COLLECTION] = StoredCollection({}, {"mixpeek.com/server": SERVER_ID})
        around = Surroundings(
            cluster=self.cluster,
            metadata=self.metadata,
            secrets=NoSecrets(),
            ray_clusters=ModelRayClusters(),
            landscape=lambda: ALONE,
            connect=lambda *_: self.vectors,
            clock=Clock(now=lambda: NOW, monotonic=lambda: self.seconds),
            random=lambda: 0.5,
            mint_id=lambda: NAMESPACE_ID,
            new_server_id=lambda: SERVER_ID,
            reporter=self,
            announce=self._announce,
            enqueue=self.woken.append,
        )
        options = Options(INSTANCE, "cluster-uid", **self.options)
        self.reconciler, self.sweep, _ = assemble(options, lambda: self.offer, around)

    async def run(self, seconds: float = 0.0, *, check: bool = False) -> Next:
        """Reconcile, so many seconds after the last time."""
        self.seconds += seconds
        return await self.reconciler.reconcile(KEY, check=check)

    def reconciled(self, account: Account) -> None:
        """How a reconcile ended, and what there is to count of it."""
        self.results.append(account.result)
        self.accounts.append(account)

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """What a sweep found."""
        assert at == NOW
        self.orphans.append((orphans, copies))

    def orphan_partitions_found(self, partitions: int) -> None:
        """What a look at all shared collections found."""
        self.orphan_partitions = partitions

    async def _announce(self, reason: str, message: str) -> None:
        self.announced.append(f"{reason}: {message}")

    @property
    def mongodb(self) -> Outage:
        """The way to MongoDB."""
        assert isinstance(self.metadata.faults, Outage)
        return self.metadata.faults

    @property
    def qdrant(self) -> Outage:
        """The way to Qdrant."""
        assert isinstance(self.vectors.faults, Outage)
        return self.vectors.faults

    @property
    def written(self) -> list[str]:
        """The writes to documents."""
        return [what for what in self.mongodb.writes_to if " document " in what]

    @property
    def held(self) -> Subject:
        """The object as it is now."""
        assert self.cluster.held is not None
        return self.cluster.held

    @property
    def document(self) -> Raw:
        """The document as it is stored."""
        raw = self.metadata.raw(NAMESPACE_ID)
        assert raw is not None
        return raw

    def edit(self, **changes: Any) -> None:
        """Change the object as a user does."""
        self.cluster.held = replace(self.held, generation=self.held.generation + 1, **changes)

    def conditions(self) -> dict[str, Condition]:
        """The conditions written last, by type."""
        return {condition.type: condition for condition in self.held.status.conditions}

    def states(self) -> dict[str, tuple[str, str]]:
        """Status and reason of the conditions written last."""
        return {name: (condition.status, condition.reason) for name, condition in self.conditions().items()}


def later(seconds: float) -> datetime:
    """A moment after the bench's."""
    return NOW + timedelta(seconds=seconds)
