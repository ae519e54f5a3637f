"""The sweep: changes and deletions that no event told of.

A watch does not tell of objects that vanished while it was down, and under Retain there is no finalizer to wait for
us. So every custom resource is listed now and then, and every document compared with the list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Collection as Names
from dataclasses import dataclass, field

import structlog

from namespace_operator.controller.cluster import Cluster, ClusterError
from namespace_operator.domain.identity import Key
from namespace_operator.stores.errors import StoreError
from namespace_operator.stores.protocols import MetadataStore


@dataclass(slots=True)
class Sweep:
    """Lists all resources every ``interval`` seconds and hands what is out of step to ``enqueue``.

    A document whose resource is missing in two lists in a row is enqueued; the reconcile then asks the API server
    for that one object before it believes that it is gone. ``watched`` limits the documents to these organizations;
    empty means all.
    """

    instance_id: str
    cluster: Cluster
    metadata: MetadataStore
    enqueue: Callable[[Key], None]
    watched: Names[str] = ()
    interval: float = 300.0
    _missing: frozenset[Key] = field(default_factory=frozenset)

    async def run(self) -> None:
        """Sweep until cancelled. A sweep that fails is logged, and the next one starts afresh."""
        while True:
            await asyncio.sleep(self.interval)
            try:
                await self.sweep()
            except (ClusterError, StoreError) as error:
                structlog.get_logger().warning("sweep failed", error=str(error))
            except Exception:
                structlog.get_logger().exception("sweep failed")

    async def sweep(self) -> None:
        """One sweep."""
        refreshed = await self.cluster.refresh()
        for key in refreshed.missed:
            self.enqueue(key)
        expected = {key async for key in self.metadata.expected(self.instance_id) if self._is_watched(key)}
        missing = {key for key in expected - refreshed.listed if key.organization not in refreshed.unlisted}
        for key in missing & self._missing:
            self.enqueue(key)
        self._missing = frozenset(missing)

    def _is_watched(self, key: Key) -> bool:
        return not self.watched or key.organization in self.watched
