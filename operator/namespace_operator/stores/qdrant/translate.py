"""Between Qdrant's models and the domain's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qdrant_client import models

from namespace_operator.domain.indexes import canonical
from namespace_operator.domain.observed import Collection, LiveIndex
from namespace_operator.domain.vectors import NamedVector, VectorKind

_DISTANCES = {
    "cosine": models.Distance.COSINE,
    "dot": models.Distance.DOT,
    "euclidean": models.Distance.EUCLID,
    "manhattan": models.Distance.MANHATTAN,
}
_DISTANCE_NAMES = {distance: name for name, distance in _DISTANCES.items()}


def dense_params(vectors: Sequence[NamedVector]) -> dict[str, models.VectorParams]:
    """Creation parameters of the dense and multi-dense vectors."""
    return {vector.name: _dense(vector) for vector in vectors if vector.kind is not VectorKind.SPARSE}


def sparse_params(vectors: Sequence[NamedVector]) -> dict[str, models.SparseVectorParams] | None:
    """Creation parameters of the sparse vectors, None without any."""
    sparse = {vector.name: _sparse(vector) for vector in vectors if vector.kind is VectorKind.SPARSE}
    return sparse or None


def vector_config(vector: NamedVector) -> dict[str, Any]:
    """The body that adds one named vector."""
    if vector.kind is VectorKind.SPARSE:
        return {"sparse": _sparse(vector).model_dump(mode="json", exclude_none=True)}
    return {"dense": _dense(vector).model_dump(mode="json", exclude_none=True)}


def collection(name: str, info: models.CollectionInfo) -> Collection:
    """What the server says of a collection."""
    params = info.config.params
    return Collection(
        name=name,
        status=info.status.value,
        points_count=info.points_count,
        indexed_vectors_count=info.indexed_vectors_count,
        segments_count=info.segments_count,
        vectors=_named_vectors(params),
        indexes={field: _index(schema) for field, schema in info.payload_schema.items()},
        metadata=info.config.metadata or {},
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


def _named_vectors(params: models.CollectionParams) -> Mapping[str, NamedVector]:
    dense = params.vectors
    if isinstance(dense, models.VectorParams):
        dense = {"": dense}
    named = {name: _live_dense(name, vector) for name, vector in (dense or {}).items()}
    sparse = {name: _live_sparse(name, vector) for name, vector in (params.sparse_vectors or {}).items()}
    return {**named, **sparse}


def _live_dense(name: str, params: models.VectorParams) -> NamedVector:
    return NamedVector(
        name=name,
        kind=VectorKind.MULTI_DENSE if params.multivector_config else VectorKind.DENSE,
        size=params.size,
        distance=_DISTANCE_NAMES[params.distance],
        datatype=params.datatype.value if params.datatype else "float32",
    )


def _live_sparse(name: str, params: models.SparseVectorParams) -> NamedVector:
    datatype = params.index.datatype if params.index and params.index.datatype else None
    return NamedVector(
        name=name,
        kind=VectorKind.SPARSE,
        datatype=datatype.value if datatype else "float32",
        modifier=params.modifier.value if params.modifier and params.modifier is not models.Modifier.NONE else None,
    )


def _index(info: models.PayloadIndexInfo) -> LiveIndex:
    parameters = info.params.model_dump(mode="json", exclude_none=True) if info.params else {}
    return LiveIndex(canonical({**parameters, "type": info.data_type.value}), info.points)
