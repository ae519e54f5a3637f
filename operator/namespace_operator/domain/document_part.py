"""What every part of a document is: frozen, and tolerant of fields that a newer release wrote."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a document."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def has(self, **fields: Any) -> bool:  # noqa: ANN401 - any field
        """Whether these fields have these values already."""
        return all(getattr(self, name) == value for name, value in fields.items())
