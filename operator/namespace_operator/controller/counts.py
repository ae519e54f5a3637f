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
    """Has one read of the metadata store under way at a time: what is asked for meanwhile goes into the next one.

    So a single request does not wait, and a crowd of them costs few reads.
    """

    metadata: MetadataStore
    _waiting: dict[str, asyncio.Future[Counts | None]] = field(default_factory=dict)
    _reading: asyncio.Task[None] | None = None

    async def read(self, namespace_id: str) -> Counts | None:
        """The counts, or None while they cannot be had: unknown is not zero, and not a reason to stop."""
        future = self._waiting.get(namespace_id)
        if future is None:
            future = self._waiting[namespace_id] = asyncio.get_running_loop().create_future()
        if self._reading is None:
            self._reading = asyncio.create_task(self._answer_all())
        return await asyncio.shield(future)

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, {}
                await self._answer(waiting)
        finally:
            self._reading = None

    async def _answer(self, waiting: Mapping[str, asyncio.Future[Counts | None]]) -> None:
        counts: Mapping[str, Counts] = {}
        try:
            counts = await self.metadata.counts(waiting.keys())
        except BackendError as error:
            structlog.get_logger().warning("counts unknown", namespaces=len(waiting), error=str(error))
        except Exception:
            structlog.get_logger().exception("counts unknown")
        finally:
            for namespace_id, future in waiting.items():
                if not future.done():
                    future.set_result(counts.get(namespace_id))
