"""Named vectors: what the server refuses before its engine sees it, which would take some of it and break."""

from dataclasses import dataclass, field
from typing import Any

import qdrant_edge as engine
from pydantic import ValidationError

from devstack.qdrant.body import Body, Json
from devstack.qdrant.errors import ApiError, invalid_body, invalid_path, wrong_input
from devstack.qdrant.requests import DenseVector, NewDenseVector, NewSparseVector

_FORBIDDEN = '<>:"/\\|?*\0\x1f'
_MAX_SIZE = 65_536
MAX_NAME_BYTES = 200

_DATATYPES = {
    "float32": engine.VectorStorageDatatype.Float32,
    "float16": engine.VectorStorageDatatype.Float16,
    "uint8": engine.VectorStorageDatatype.Uint8,
}
_MULTIVECTOR = engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim)


@dataclass(frozen=True)
class Vectors:
    """The vectors of a collection by name, with their parameters; the unnamed vector's name is empty."""

    dense: Json = field(default_factory=dict)
    sparse: Json = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.dense or name in self.sparse

    def with_added(self, name: str, kind: str, params: Json) -> "Vectors":
        """With one more. Raises ApiError if the name is taken by something else; the same one again is fine."""
        for other, existing in (("dense", self.dense), ("sparse", self.sparse)):
            if name in existing and kind != other:
                raise wrong_input(f"Vector `{name}` already exists as a {other} vector")
            if name in existing and _identity(existing[name]) != _identity(params):
                raise wrong_input(f"Vector `{name}` already exists with a different configuration")
        if name in self:
            return self
        if kind == "dense":
            return Vectors({**self.dense, name: params}, self.sparse)
        return Vectors(self.dense, {**self.sparse, name: params})

    def without(self, name: str) -> "Vectors":
        """Without one, which may be missing."""
        dense, sparse = dict(self.dense), dict(self.sparse)
        dense.pop(name, None)
        sparse.pop(name, None)
        return Vectors(dense, sparse)


def check_collection_name(name: str) -> None:
    """Raises ApiError for what cannot name a collection."""
    if not 1 <= len(name) <= 255:
        raise invalid_path("collection_name", f'value "{name}" invalid, must be from 1 to 255 characters')
    if complaint := _bad_character("collection", name):
        raise invalid_path("collection_name", complaint)


def check_vector_name(name: str) -> None:
    """Raises ApiError for what cannot name a vector, as part of a path."""
    if complaint := _bad_vector_name(name):
        raise invalid_path("vector_name", complaint)


def check_vector_names(vectors: Vectors) -> None:
    """Raises ApiError for what cannot name a vector, in the body that makes a collection."""
    for kind, names in (("dense", vectors.dense), ("sparse", vectors.sparse)):
        for name in names:
            if complaint := _bad_vector_name(name):
                raise wrong_input(f"Invalid {kind} vector name `{name}`: {complaint}")
    if both := sorted(vectors.dense.keys() & vectors.sparse.keys()):
        raise wrong_input(f"Dense and sparse vectors need different names: {', '.join(both)}")


def parse_vectors(body: Body) -> Json:
    """The `vectors` of a new collection."""
    vectors = body.get("vectors")
    if vectors is None:
        return {}
    if not isinstance(vectors, dict):
        raise body.no_variant("VectorsConfig", "vectors")
    if isinstance(vectors.get("size"), int):
        vectors = {"": vectors}
    try:
        parsed = {name: DenseVector.model_validate(params) for name, params in vectors.items()}
    except ValidationError:
        raise body.no_variant("VectorsConfig", "vectors") from None
    for name, vector in parsed.items():
        if vector.size > _MAX_SIZE:
            raise _invalid_size("vectors.?.size" if name else "vectors.size", vector.size)
    return {name: vector.shown() for name, vector in parsed.items()}


def parse_new_vector(body: Body) -> tuple[str, Json]:
    """The body that adds a vector: `dense` or `sparse`, and its parameters."""
    try:
        if body.get("dense") is not None:
            dense = NewDenseVector.model_validate(body.get("dense"))
            if not 1 <= dense.size <= _MAX_SIZE:
                raise _invalid_size("dense.size", dense.size)
            return "dense", dense.shown()
        if body.get("sparse") is not None:
            sparse = NewSparseVector.model_validate(body.get("sparse")).shown()
            datatype = sparse.pop("datatype", None)
            return "sparse", {**({"index": {"datatype": datatype}} if datatype else {}), **sparse}
    except ValidationError:
        pass
    raise body.no_variant("VectorNameConfig")


def dense_for_engine(params: Json) -> Json:
    """The arguments the engine takes for a dense vector, new or added."""
    return {
        "size": params["size"],
        "distance": getattr(engine.Distance, params["distance"]),
        "multivector_config": _MULTIVECTOR if params.get("multivector_config") else None,
        "datatype": _DATATYPES[params.get("datatype", "float32")],
    }


def sparse_for_engine(params: Json) -> Json:
    """The arguments the engine takes for a sparse vector, new or added."""
    datatype = params.get("index", {}).get("datatype")
    return {
        "modifier": engine.Modifier.Idf if params.get("modifier") == "idf" else None,
        "datatype": _DATATYPES[datatype] if datatype else None,
    }


def _identity(params: Json) -> tuple[Any, ...]:
    """What makes two configurations of a vector the same; the rest is tuning."""
    datatype = params.get("datatype") or params.get("index", {}).get("datatype") or "float32"
    modifier = params.get("modifier") or "none"
    return params.get("size"), params.get("distance"), params.get("multivector_config"), datatype, modifier


def _bad_vector_name(name: str) -> str | None:
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"vector name must be at most {MAX_NAME_BYTES} bytes long"
    return _bad_character("vector", name)


def _bad_character(what: str, name: str) -> str | None:
    bad = next((character for character in _FORBIDDEN if character in name), None)
    return None if bad is None else f'{what} name cannot contain "{bad}" char'


def _invalid_size(place: str, size: int) -> ApiError:
    return invalid_body(place, f"value {size} invalid, must be from 1 to {_MAX_SIZE}")
