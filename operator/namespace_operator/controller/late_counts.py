"""How many points have each vector that was added late: a request or two a vector, at most once in a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from namespace_operator.controller.partition_counts import PartitionCounts
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.document_repair import LateVector
from namespace_operator.domain.observed import Collection, LateCounts
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.stores.errors import BackendError
from namespace_operator.stores.protocols import VectorStore


@dataclass(slots=True)
class LateVectorCounts:
    """Counts of one Qdrant server, each believed for ``max_age`` seconds.

    They are kept for the vectors that are asked for, which are few: a vector is late only until all points have it.
    """

    vectors: VectorStore
    partitions: PartitionCounts
    monotonic: Callable[[], float]
    max_age: float
    _known: dict[tuple[str, LateVector], tuple[float, int]] = field(default_factory=dict)

    async def read(
        self, document: NamespaceDocument, shared: SharedCollection | None, collection: Collection
    ) -> LateCounts | None:
        """The counts of a namespace's late vectors that are there; None where it has none or they are not known.

        Unknown is not zero, and not a reason to stop.
        """
        late = [vector for vector in document.repairs.late if vector.name in collection.vectors]
        if not late:
            return None
        try:
            points = await self._points(document, shared, collection)
            counts = {vector: await self._count(document, vector, points) for vector in late}
        except BackendError as error:
            structlog.get_logger().warning("late vectors unknown", collection=collection.name, error=str(error))
            return None
        return None if points is None else LateCounts(points, counts)

    async def _points(
        self, document: NamespaceDocument, shared: SharedCollection | None, collection: Collection
    ) -> int | None:
        if not document.sharing or shared is None:
            return collection.points_count
        return await self.partitions.read(collection.name, document.namespace_id, len(shared.members))

    async def _count(self, document: NamespaceDocument, vector: LateVector, points: int | None) -> int:
        key, now = (document.namespace_id, vector), self.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < self.max_age:
            return known[1]
        own = document.namespace_id if document.sharing else None
        count = await self.vectors.count_with_vector(document.collection, vector.name, own)
        if own is None and (points is None or count >= points):
            # The estimate may count what was deleted, and there is nobody to correct a vector that was forgotten.
            count = await self.vectors.count_with_vector(document.collection, vector.name, exact=True)
        self._known = {asked: entry for asked, entry in self._known.items() if now - entry[0] < self.max_age}
        self._known[key] = (now, count)
        return count
