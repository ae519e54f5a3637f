"""Between Qdrant's requests and answers and the domain's values.

Nothing here imports qdrant-client: its models alone take 80 MB of memory and most of a second to load, and refuse every
field of an answer that they do not know. The tests hold what is asked to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from namespace_operator.domain.indexes import IndexSchema, canonical
from namespace_operator.domain.observed import Collection, LiveIndex
from namespace_operator.domain.vectors import NamedVector, VectorKind
from namespace_operator.stores.qdrant.parameters import LiveConfig

_DISTANCES = {
    "cosine": "Cosine",
    "dot": "Dot",
    "euclidean": "Euclid",
    "manhattan": "Manhattan",
}
_DISTANCE_NAMES = {distance: name for name, distance in _DISTANCES.items()}
_NO_MODIFIER = "none"

Json = dict[str, Any]


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


def dense_params(vectors: Sequence[NamedVector], *, on_disk: bool | None = None) -> dict[str, Json]:
    """Creation parameters of the dense and multi-dense vectors."""
    more = {} if on_disk is None else {"on_disk": on_disk}
    return {vector.name: _dense(vector) | more for vector in vectors if vector.kind is not VectorKind.SPARSE}


def sparse_params(vectors: Sequence[NamedVector]) -> dict[str, Json] | None:
    """Creation parameters of the sparse vectors, None without any."""
    sparse = {vector.name: _sparse(vector) for vector in vectors if vector.kind is VectorKind.SPARSE}
    return sparse or None


def vector_config(vector: NamedVector) -> Json:
    """The body that adds one named vector."""
    if vector.kind is VectorKind.SPARSE:
        return {"sparse": _sparse(vector)}
    return {"dense": _dense(vector)}


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


def _dense(vector: NamedVector) -> Json:
    assert vector.size is not None
    assert vector.distance is not None
    params: Json = {"size": vector.size, "distance": _DISTANCES[vector.distance]}
    if vector.datatype != "float32":
        params["datatype"] = vector.datatype
    if vector.kind is VectorKind.MULTI_DENSE:
        params["multivector_config"] = {"comparator": "max_sim"}
    return params


def _sparse(vector: NamedVector) -> Json:
    return {"modifier": vector.modifier} if vector.modifier else {}


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
        modifier=params.modifier if params.modifier != _NO_MODIFIER else None,
    )


def _index(info: _IndexInfo) -> LiveIndex:
    return LiveIndex(_schema(info.data_type, to_json(info.params or {})), info.points)


# Thousands of collections have the same few.
@lru_cache(maxsize=1024)
def _schema(data_type: str, params: bytes) -> IndexSchema:
    return canonical({**from_json(params), "type": data_type})
