"""How many points each namespace has in a shared collection: one request answers for all its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from namespace_operator.controller.shared import Shared
from namespace_operator.stores.errors import Backend, BackendError, Rejected
from namespace_operator.stores.protocols import VectorStore

_BEYOND_MEMBERS = 100
"""Namespace ids to expect that are no member's: of one that joined meanwhile, or of points that somebody else wrote."""

_WIDER = 10
_MOST = 1_000_000
_IDLE_SECONDS = 3600.0


@dataclass(slots=True)
class PartitionCounts:
    """Counts of one Qdrant server, believed for ``max_age`` seconds."""

    vectors: VectorStore
    monotonic: Callable[[], float]
    max_age: float = 10.0
    _partitions: dict[str, _Partitions] = field(default_factory=dict)

    async def read(self, collection: str, namespace_id: str, members: int) -> int | None:
        """The points of a namespace in a shared collection that has so many members.

        None while they cannot be had: unknown is not zero, and not a reason to stop.
        """
        try:
            return (await self.all(collection, members)).get(namespace_id, 0)
        except BackendError:
            return None

    async def all(self, collection: str, members: int) -> Mapping[str, int]:
        """The points of every namespace id that there is in a collection. Raises ``BackendError``."""
        partitions = self._partitions.get(collection) or self._add(collection)
        partitions.members, partitions.asked = members, self.monotonic()
        return await partitions.shared.get()

    def _add(self, collection: str) -> _Partitions:
        now = self.monotonic()
        in_use = self._partitions.items()
        self._partitions = {name: one for name, one in in_use if now - one.asked < _IDLE_SECONDS}
        self._partitions[collection] = _Partitions(collection, self)
        return self._partitions[collection]


@dataclass(slots=True)
class _Partitions:
    """The points of one collection by namespace id; ``asked`` is when somebody last wanted to know."""

    collection: str
    counts: PartitionCounts
    members: int = 0
    asked: float = 0.0
    shared: Shared[Mapping[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.shared = Shared(self._ask, self.counts.monotonic, self.counts.max_age, self.counts.vectors.waiting)

    async def _ask(self) -> Mapping[str, int]:
        try:
            return await self._all()
        except BackendError as error:
            structlog.get_logger().warning("points unknown", collection=self.collection, error=str(error))
            raise

    async def _all(self) -> Mapping[str, int]:
        """The points of every namespace id: a list cut off at its limit says nothing of those it leaves out."""
        limit = self.members + _BEYOND_MEMBERS
        while limit <= _MOST:
            points = await self.counts.vectors.points_by_namespace(self.collection, limit)
            if len(points) < limit:
                return points
            limit *= _WIDER
        message = f"Collection {self.collection} has points of far more namespace ids than members"
        raise Rejected(Backend.QDRANT, message, f"POST {self.collection}/facet")
