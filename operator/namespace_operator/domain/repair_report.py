"""What the status tells of repairs: what was done, and what still needs another run of the extractors."""

from __future__ import annotations

from namespace_operator.api.status import IndexRebuildStatus, RepairStatus
from namespace_operator.domain.document import NamespaceDocument, RegisteredExtractor
from namespace_operator.domain.document_repair import Repairs
from namespace_operator.domain.observed import LateCounts


def told_of_repairs(repairs: Repairs) -> dict[str, object]:
    """The fields of the status that speak of repairs. What the document does not know stays as it was told."""
    told: dict[str, object] = {}
    vectors, indexes = repairs.vectors, repairs.indexes
    if vectors is not None:
        told["last_repair"] = RepairStatus(at=vectors.at, added=vectors.added, mismatches=vectors.mismatches)
        told["last_handled_repair_at"] = vectors.token
    if indexes is not None:
        told["index_rebuild"] = IndexRebuildStatus(
            requested_at=indexes.token, force=indexes.force, total=indexes.total, done=indexes.done, at=indexes.at
        )
    return told


def points_with_vectors(
    document: NamespaceDocument, extractor: RegisteredExtractor, counts: LateCounts | None
) -> int | None:
    """How many points have all vectors of an extractor; None where none of them came late, or it is not known."""
    names = {vector.name for vector in extractor.vectors}
    late = [vector for vector in document.repairs.late if vector.name in names]
    if counts is None or not late or not all(vector in counts.by_vector for vector in late):
        return None
    return min(counts.by_vector[vector] for vector in late)
