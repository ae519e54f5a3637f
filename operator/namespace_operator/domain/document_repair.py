"""What is under way or was done to keep a collection as it was registered: a part of the namespace document.

Each is announced here before Qdrant is changed, so that a crash at any point leaves something to continue from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from namespace_operator.domain.document_part import Part


class VectorRepair(Part):
    """The last repair of vectors.

    ``token`` is the text of the last annotation that was acted upon. ``missing`` are the vectors to be added,
    ``added`` those that were and are live again, ``mismatches`` what was found of another size, distance or kind.
    """

    at: datetime
    token: str | None = None
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    mismatches: tuple[str, ...] = ()


class LateVector(Part):
    """A vector that was added when the collection had points already: they lack it until they are processed again."""

    name: str
    since: datetime


class IndexRebuild(Part):
    """The last rebuild of payload indexes; ``pending`` are the fields still to do, in their order.

    With ``force`` each is dropped and made again, and ``dropped`` says that the first of them has been seen gone.
    """

    token: str
    force: bool = False
    at: datetime
    total: int = 0
    pending: tuple[str, ...] = ()
    dropped: bool = False

    @property
    def done(self) -> int:
        """How many fields are done."""
        return self.total - len(self.pending)


class Recreation(Part):
    """When the lost collection was last made again, if ever; ``spent`` while the annotation is in place.

    One that stands there while nothing is lost is spent too, or it would decide about a loss that nobody looked at.
    """

    at: datetime | None = None
    spent: bool = True


class Repairs(Part):
    """All of it. ``pruning`` are fields whose index nobody declared and that is being dropped."""

    vectors: VectorRepair | None = None
    late: tuple[LateVector, ...] = ()
    indexes: IndexRebuild | None = None
    pruning: tuple[str, ...] = ()
    recreation: Recreation | None = None

    @property
    def missing_vectors(self) -> frozenset[str]:
        """The vectors that are announced to be added again."""
        return frozenset(self.vectors.missing if self.vectors is not None else ())

    @property
    def added_vectors(self) -> tuple[str, ...]:
        """The vectors that the last repair added."""
        return self.vectors.added if self.vectors is not None else ()

    def in_a_new_collection(self) -> Self:
        """What is left to say once the collection is made anew: nothing is missing or late in that one."""
        vectors, indexes = self.vectors, self.indexes
        return self.model_copy(
            update={
                "vectors": vectors and vectors.model_copy(update={"missing": (), "added": (), "mismatches": ()}),
                "late": (),
                "indexes": indexes and indexes.model_copy(update={"pending": (), "dropped": False}),
                "pruning": (),
            }
        )
