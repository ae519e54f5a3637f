"""The sweep: changes and deletions that no event told of.

A watch does not tell of objects that vanished while it was down, and under Retain there is no finalizer to wait for
us. So every custom resource is listed now and then, and every document compared with the list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass, field

import structlog

from namespace_operator.controller.cluster import Cluster, ClusterError, Refreshed
from namespace_operator.controller.orphans import OrphanPartitions, Orphans, orphan_partitions
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.controller.tombstones import Abandoned, Tombstones
from namespace_operator.domain.document import State
from namespace_operator.domain.identity import Key
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.stores.errors import StoreError
from namespace_operator.stores.protocols import MetadataStore


@dataclass(slots=True)
class Sweep:
    """Lists all resources every ``interval`` seconds and hands what is out of step to ``enqueue``.

    ``ensure`` gets all that is listed, so that nothing is forgotten for good, whatever became of the event about it.

    A document whose resource is missing in two lists in a row is enqueued; the reconcile then asks the API server
    for that one object before it believes that it is gone. ``watched`` limits the documents to these organizations;
    empty means all.
    """

    instance_id: str
    cluster: Cluster
    metadata: MetadataStore
    tombstones: Tombstones
    orphans: Orphans
    partitions: OrphanPartitions
    enqueue: Callable[[Key], None]
    ensure: Callable[[Key], None] = lambda _key: None
    watched: Names[str] = ()
    interval: float = 300.0
    _missing: frozenset[Key] = field(default_factory=frozenset)
    _listed: Refreshed | None = None
    _shared: Sequence[SharedCollection] = ()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self.interval)
            await self.sweep()

    async def sweep(self) -> None:
        """One sweep. A part that fails is logged, holds up no other part and starts afresh the next time."""
        parts = (
            self.metadata.prepare,
            self._sweep_resources,
            self._sweep_documents,
            self.orphans.report,
            self._sweep_partitions,
            self.orphans.fleet.tidy,
        )
        for part in parts:
            try:
                await part()
            except (ClusterError, StoreError) as error:
                structlog.get_logger().warning("sweep failed", error=str(error))
            except Exception:
                structlog.get_logger().exception("sweep failed")

    async def _sweep_resources(self) -> None:
        self._listed = None
        self._listed = await self.cluster.refresh()
        for key in self._listed.missed:
            self.enqueue(key)
        for key in self._listed.listed:
            self.ensure(key)

    async def _sweep_documents(self) -> None:
        owned = [document async for document in self.metadata.owned(self.instance_id)]
        await self.tombstones.bury_all(owned, self._is_gone)
        shared = [collection async for collection in self.metadata.shared_of(self.instance_id)]
        living = {document.namespace_id for document in owned if document.state != State.DELETED}
        await Abandoned(self.tombstones).settle_all(shared, living)
        self._shared = shared
        if self._listed is None:
            return
        expected = {d.key for d in owned if d.state not in (State.RETAINED, State.DELETED) and self._is_watched(d.key)}
        gone = expected - self._listed.listed
        missing = frozenset(key for key in gone if key.organization not in self._listed.unlisted)
        for key in missing & self._missing:
            self.enqueue(key)
        self._missing = missing

    async def _sweep_partitions(self) -> None:
        """Points in shared collections that belong to nobody."""
        found: dict[str, Mapping[str, int]] = {}
        for shared in self._shared:
            try:
                server = await self.orphans.fleet.server_of(shared.binding, shared.organization)
                if shared.bound and server is not None:
                    points = await server.partitions.all(shared.collection, len(shared.members))
                    found[f"{server.endpoint.name}/{shared.collection}"] = orphan_partitions(points, shared.members)
            except (StoreError, SecretUnavailable) as error:
                structlog.get_logger().warning("no orphans looked for", of=shared.document_id, error=str(error))
        await self.partitions.report(found)

    def _is_gone(self, key: Key) -> bool:
        """Whether the list showed that there is no such object; one that shows nothing of its place does not."""
        if self._listed is None or not self._is_watched(key) or key.organization in self._listed.unlisted:
            return False
        return key not in self._listed.listed

    def _is_watched(self, key: Key) -> bool:
        return not self.watched or key.organization in self.watched
