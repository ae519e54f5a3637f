"""Between Qdrant's requests and answers and the domain's values.

Requests are qdrant-client's models. Answers are not: those models refuse a field they do not know, and the next
version of the server adds some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from qdrant_client import models

from namespace_operator.domain.indexes import canonical
from namespace_operator.domain.observed import Collection, LiveIndex
from namespace_operator.domain.vectors import NamedVector, VectorKind
from namespace_operator.stores.qdrant.parameters import LiveConfig

_DISTANCES = {
    "cosine": models.Distance.COSINE,
    "dot": models.Distance.DOT,
    "euclidean": models.Distance.EUCLID,
    "manhattan": models.Distance.MANHATTAN,
}
_DISTANCE_NAMES = {distance.value: name for name, distance in _DISTANCES.items()}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _DenseParams(_Answer):
    size: int
    distance: str
    datatype: str | None = None
    multivector_config: Mapping[str, Any] | None = None
    on_disk: bool | None = None


class _SparseIndexParams(_Answer):
    datatype: str | None = None


class _SparseParams(_Answer):
    index: _SparseIndexParams | None = None
    modifier: str | None = None


class _CollectionParams(_Answer):
    vectors: _DenseParams | Mapping[str, _DenseParams] | None = None
    sparse_vectors: Mapping[str, _SparseParams] | None = None


class _CollectionConfig(_Answer):
    params: _CollectionParams
    metadata: Mapping[str, Any] | None = None


class _Described(_Answer):
    config: LiveConfig


class _IndexInfo(_Answer):
    data_type: str
    params: Mapping[str, Any] | None = None
    points: int


class _CollectionInfo(_Answer):
    status: str
    points_count: int | None = None
    indexed_vectors_count: int | None = None
    segments_count: int
    config: _CollectionConfig
    payload_schema: Mapping[str, _IndexInfo] = Field(default_factory=dict)


def dense_params(vectors: Sequence[NamedVector], *, on_disk: bool | None = None) -> dict[str, models.VectorParams]:
    """Creation parameters of the dense and multi-dense vectors."""
    dense = {vector.name: _dense(vector) for vector in vectors if vector.kind is not VectorKind.SPARSE}
    return {name: params.model_copy(update={"on_disk": on_disk}) for name, params in dense.items()}


def sparse_params(vectors: Sequence[NamedVector]) -> dict[str, models.SparseVectorParams] | None:
    """Creation parameters of the sparse vectors, None without any."""
    sparse = {vector.name: _sparse(vector) for vector in vectors if vector.kind is VectorKind.SPARSE}
    return sparse or None


def vector_config(vector: NamedVector) -> dict[str, Any]:
    """The body that adds one named vector."""
    if vector.kind is VectorKind.SPARSE:
        return {"sparse": _sparse(vector).model_dump(mode="json", exclude_none=True)}
    return {"dense": _dense(vector).model_dump(mode="json", exclude_none=True)}


def collection(name: str, answer: object) -> Collection:
    """What the server says of a collection. Raises pydantic's ``ValidationError``."""
    info = _CollectionInfo.model_validate(answer)
    dense = _dense_by_name(info.config.params)
    return Collection(
        name=name,
        status=info.status,
        points_count=info.points_count,
        indexed_vectors_count=info.indexed_vectors_count,
        segments_count=info.segments_count,
        vectors=_named_vectors(info.config.params),
        indexes={field: _index(found) for field, found in info.payload_schema.items()},
        metadata=info.config.metadata or {},
        config=_Described.model_validate(answer).config.parameters(
            {vector: params.on_disk for vector, params in dense.items()}
        ),
    )


def _dense(vector: NamedVector) -> models.VectorParams:
    assert vector.size is not None
    assert vector.distance is not None
    multivector = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    return models.VectorParams(
        size=vector.size,
        distance=_DISTANCES[vector.distance],
        datatype=None if vector.datatype == "float32" else models.Datatype(vector.datatype),
        multivector_config=multivector if vector.kind is VectorKind.MULTI_DENSE else None,
    )


def _sparse(vector: NamedVector) -> models.SparseVectorParams:
    return models.SparseVectorParams(modifier=models.Modifier(vector.modifier) if vector.modifier else None)


def _named_vectors(params: _CollectionParams) -> Mapping[str, NamedVector]:
    named = {name: _live_dense(name, vector) for name, vector in _dense_by_name(params).items()}
    sparse = {name: _live_sparse(name, vector) for name, vector in (params.sparse_vectors or {}).items()}
    return {**named, **sparse}


def _dense_by_name(params: _CollectionParams) -> Mapping[str, _DenseParams]:
    if isinstance(params.vectors, _DenseParams):
        return {"": params.vectors}
    return params.vectors or {}


def _live_dense(name: str, params: _DenseParams) -> NamedVector:
    return NamedVector(
        name=name,
        kind=VectorKind.MULTI_DENSE if params.multivector_config else VectorKind.DENSE,
        size=params.size,
        distance=_DISTANCE_NAMES.get(params.distance, params.distance),
        datatype=params.datatype or "float32",
    )


def _live_sparse(name: str, params: _SparseParams) -> NamedVector:
    return NamedVector(
        name=name,
        kind=VectorKind.SPARSE,
        datatype=(params.index and params.index.datatype) or "float32",
        modifier=params.modifier if params.modifier != models.Modifier.NONE.value else None,
    )


def _index(info: _IndexInfo) -> LiveIndex:
    return LiveIndex(canonical({**(info.params or {}), "type": info.data_type}), info.points)
