"""How long a namespace lives: a part of the namespace document."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from namespace_operator.domain.document_part import Part


class Life(Part):
    """What is remembered of the time that a namespace has, and of its end.

    ``renewed`` is the text of the last renewal that was acted upon and ``renewed_at`` its moment, from which the time
    then counts. ``warned_at`` is since when the warning of the end stands. ``expired_at`` says that the end came: from
    then on the custom resource goes, and none of its name brings the namespace back without a renewal. A tombstone is
    kept until ``remembered_until``, once nothing else is left of it.
    """

    renewed: str | None = None
    renewed_at: datetime | None = None
    warned_at: datetime | None = None
    expired_at: datetime | None = None
    remembered_until: datetime | None = None

    def changed(self, **changes: Any) -> Self:  # noqa: ANN401 - any field
        """The same with these fields."""
        if self.has(**changes):
            return self
        return self.model_copy(update=changes)
