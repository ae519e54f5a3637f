"""Named vectors as the operator compares them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from namespace_operator.api.vectors import VectorKind

__all__ = ["NamedVector", "VectorKind"]


class NamedVector(BaseModel):
    """A named vector of a collection: what cannot change once it exists.

    ``size`` is the number of dimensions and ``distance`` one of cosine, dot, euclidean, manhattan; both are None for
    a sparse vector. ``datatype`` is the storage type of one component.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    kind: VectorKind = VectorKind.DENSE
    size: int | None = None
    distance: str | None = None
    datatype: str = "float32"
    modifier: str | None = None

    def describe(self) -> str:
        """One phrase for a message, such as ``dense 1024 cosine float32``."""
        parts = (self.kind.value, self.size, self.distance, self.datatype, self.modifier)
        return " ".join(str(part) for part in parts if part is not None)
