"""Collections of ours that no document accounts for: lost documents are found again by them, orphans are reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.controller.shared import Shared
from namespace_operator.domain.document import Owner
from namespace_operator.domain.observed import Collection
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_AT_ONCE = 8
_AGAIN = 100
"""How many foreign collections are read again by a sweep: many share a server, and hardly ever become ours."""


@dataclass(slots=True)
class Strays:
    """Looks for collections that carry a mark of this instance and have no document.

    A look is believed for ``max_age`` seconds, so that many new resources cost one. Collections without a mark of ours
    are read again by the sweeps, some at a time.
    """

    instance_id: str
    metadata: MetadataStore
    vectors: VectorStore
    monotonic: Callable[[], float]
    max_age: float = 30.0
    _foreign: dict[str, None] = field(default_factory=dict)
    """Names in the order in which they were looked at."""
    _shared: Shared[tuple[Collection, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._shared = Shared(self._search, self.monotonic, self.max_age, self.vectors.waiting)

    def forget(self, name: str) -> None:
        """Look at this collection again: it has got a mark of ours."""
        self._foreign.pop(name, None)

    async def look(self) -> tuple[Collection, ...]:
        """The strays, restored copies of other collections among them. Raises ``BackendError``."""
        return await self._shared.get()

    async def look_again(self) -> tuple[Collection, ...]:
        """The strays as they are now, with some of those that carried no mark of ours before looked at once more."""
        for name in list(self._foreign)[:_AGAIN]:
            del self._foreign[name]
        return await self._shared.get(fresh=True)

    async def of(self, owner: Owner) -> tuple[Collection, ...]:
        """The strays that belong to this custom resource, each as it is right now."""
        found: list[Collection] = []
        for stray in await self.look():
            if not _names(stray, owner):
                continue
            live = await self.vectors.read(stray.name)
            if live is not None and await self.is_of(live, owner):
                found.append(live)
        return tuple(found)

    async def is_of(self, collection: Collection, owner: Owner) -> bool:
        """Whether this collection belongs to the custom resource and has no document."""
        return _names(collection, owner) and not await self._has_document(collection, owner)

    async def _search(self) -> tuple[Collection, ...]:
        # The names first: whatever is among them was announced in a document before it was made.
        names = await self.vectors.names()
        documented = {document.collection async for document in self.metadata.owned(self.instance_id)}
        documented |= {shared.collection async for shared in self.metadata.shared_of(self.instance_id)}
        strays: list[Collection] = []
        unknown = sorted(names - documented - self._foreign.keys() - {MARKER_COLLECTION})
        for start in range(0, len(unknown), _AT_ONCE):
            some = unknown[start : start + _AT_ONCE]
            for name, live in zip(some, await asyncio.gather(*map(self.vectors.read, some)), strict=True):
                if live is not None and live.mark is not None and live.mark.instance_id == self.instance_id:
                    strays.append(live)
                else:
                    self._foreign[name] = None
        return tuple(strays)

    async def _has_document(self, collection: Collection, owner: Owner) -> bool:
        """A document that somebody else owns by now, or a tombstone."""
        assert collection.mark is not None
        for namespace_id, name in collection.mark.members.items():
            if name == owner.cr_name and await self.metadata.get(namespace_id) is not None:
                return True
        return False


def _names(collection: Collection, owner: Owner) -> bool:
    """Whether the mark is the collection's own and says that it belongs to this resource.

    Without the incarnation of the Kubernetes namespace nobody can tell whose it is.
    """
    mark = collection.mark
    return (
        mark is not None
        and mark.collection == collection.name
        and (mark.instance_id, mark.organization, mark.k8s_namespace_uid)
        == (owner.instance_id, owner.organization, owner.k8s_namespace_uid)
        and owner.cr_name in mark.members.values()
    )
