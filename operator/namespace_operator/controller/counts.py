"""Counts of many namespaces in one read: those asked for at about the same time go together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from namespace_operator.domain.observed import Counts
from namespace_operator.stores.errors import BackendError
from namespace_operator.stores.protocols import MetadataStore


@dataclass(slots=True)
class CountReader:
    """Collects requests for ``window`` seconds and answers them from one read of the metadata store."""

    metadata: MetadataStore
    window: float = 0.02
    _waiting: dict[str, asyncio.Future[Counts | None]] = field(default_factory=dict)
    _reads: set[asyncio.Task[None]] = field(default_factory=set)

    async def read(self, namespace_id: str) -> Counts | None:
        """The counts, or None while they cannot be had: unknown is not zero, and not a reason to stop."""
        future = self._waiting.get(namespace_id)
        if future is None:
            if not self._waiting:
                task = asyncio.create_task(self._answer())
                self._reads.add(task)
                task.add_done_callback(self._reads.discard)
            future = self._waiting[namespace_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(future)

    async def _answer(self) -> None:
        await asyncio.sleep(self.window)
        waiting, self._waiting = self._waiting, {}
        counts: Mapping[str, Counts] = {}
        try:
            counts = await self.metadata.counts(waiting.keys())
        except BackendError as error:
            structlog.get_logger().warning("counts unknown", namespaces=len(waiting), error=str(error))
        finally:
            for namespace_id, future in waiting.items():
                if not future.done():
                    future.set_result(counts.get(namespace_id))
