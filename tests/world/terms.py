"""Leadership in the model world: a fence before every operation, and documents written within a term."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from namespace_operator.domain.parsing import OwnDocument
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.stores.errors import Outdated
from namespace_operator.stores.fence import Fence
from tests.world.metadata import ModelMetadataStore


@dataclass(slots=True)
class InTerm:
    """The metadata store as one leader uses it; all but the writes of documents is the store's own."""

    store: ModelMetadataStore
    instance_id: str
    number: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def insert(self, document: OwnDocument) -> None:
        """Insert a document in this term."""
        await self.store.insert(document, epoch=await self._open())

    async def replace(self, document: OwnDocument) -> None:
        """Replace a document that no later term wrote."""
        try:
            await self.store.replace(document, epoch=await self._open())
        except Outdated:
            await self._go_beyond(document.document_id)
            raise

    async def delete(self, document_id: str, revision: int) -> None:
        """Delete a document that no later term wrote."""
        try:
            await self.store.delete(document_id, revision, epoch=await self._open())
        except Outdated:
            await self._go_beyond(document_id)
            raise

    async def join(self, document_id: str, namespace_id: str) -> SharedCollection:
        """Join a collection whose document no later term wrote."""
        try:
            return await self.store.join(document_id, namespace_id, epoch=await self._open())
        except Outdated:
            await self._go_beyond(document_id)
            raise

    async def _open(self) -> int:
        if self.number is None:
            self.number = await self.store.open_term(self.instance_id)
        return self.number

    async def _go_beyond(self, document_id: str) -> None:
        found = await self.store.epoch_of(document_id)
        if found > await self._open():
            self.number = await self.store.open_term(self.instance_id, found)


class Fenced:
    """A stand-in for a store or cluster that asks the fence before each operation."""

    def __init__(self, target: Any, fence: Fence) -> None:
        self._target = target
        self._fence = fence

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if inspect.isasyncgenfunction(attribute):
            return self._checked(attribute)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._fence.check()
            return await attribute(*args, **kwargs)

        return call

    def _checked(self, attribute: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._fence.check()
            return attribute(*args, **kwargs)

        return call
