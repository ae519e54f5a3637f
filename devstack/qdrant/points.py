"""Points: from their JSON to the engine's, with what the server refuses, and back."""

import struct
import uuid
from typing import Any

import qdrant_edge as engine

from devstack.qdrant.body import Json
from devstack.qdrant.errors import ApiError, malformed_body, not_served, unknown_vector, wrong_input
from devstack.qdrant.vectors import Vectors

_MAX_ID = 2**64 - 1


def point_id(value: Any) -> Any:
    """An identifier of a point. Raises ApiError if it is neither an unsigned integer nor a UUID."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_ID:
        return value
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        text = f"value {value} is not a valid point ID, valid values are either an unsigned integer or a UUID"
        raise malformed_body(text) from None


def point_ids(value: Any) -> list[Any]:
    """A list of identifiers."""
    if not isinstance(value, list):
        raise malformed_body("invalid type: expected a sequence of point IDs")
    return [point_id(identifier) for identifier in value]


def parse_points(value: Any, vectors: Vectors) -> list[engine.Point]:
    """Points to insert. Raises ApiError for the first that the collection cannot take."""
    return [engine.Point(*_parts(point, vectors), payload(point.get("payload"))) for point in _objects(value)]


def parse_point_vectors(value: Any, vectors: Vectors) -> list[engine.PointVectors]:
    """New vectors for points."""
    return [engine.PointVectors(*_parts(point, vectors)) for point in _objects(value)]


def payload(value: Any) -> Json:
    """A payload; null is an empty one."""
    if value is not None and not isinstance(value, dict):
        raise malformed_body("invalid type for `payload`: expected a map")
    return value or {}


def parse_vector(value: Any, name: str, vectors: Vectors) -> Any:
    """One vector as the named one of the collection takes it: for a point, or to search for."""
    if name not in vectors:
        raise unknown_vector(name)
    if isinstance(value, dict) and not value.keys() & {"indices", "values"}:
        raise not_served("vectors that an inference service would make")
    if name in vectors.sparse:
        return _sparse(value)
    params = vectors.dense[name]
    rows = value if params.get("multivector_config") else [value]
    if not isinstance(rows, list) or not rows:
        raise wrong_input("Conversion between multi and regular vectors failed")
    for row in rows:
        _check_row(row, name, params["size"])
    return value


def record(point: Any) -> Json:
    """A stored point as the server shows it."""
    shown: Json = {"id": identifier(point.id)}
    if point.payload is not None:
        shown["payload"] = point.payload
    if point.vector is not None:
        shown["vector"] = _shown(point.vector)
    return shown


def identifier(value: Any) -> Any:
    """An identifier as the server shows it."""
    return value if isinstance(value, int) else str(value)


def shortest(value: float) -> float:
    """The number that prints as briefly as a 32-bit float can: the engine computes with those."""
    wanted = struct.pack("f", value)
    for digits in range(6, 9):
        brief = float(f"{value:.{digits}g}")
        if struct.pack("f", brief) == wanted:
            return brief
    return float(f"{value:.9g}")


def _objects(value: Any) -> list[Json]:
    if not isinstance(value, list) or not all(isinstance(point, dict) for point in value):
        raise malformed_body("invalid type: expected a sequence of points")
    return value


def _parts(point: Json, vectors: Vectors) -> tuple[Any, Any]:
    for name in ("id", "vector"):
        if name not in point:
            raise malformed_body(f"missing field `{name}`")
    named = point["vector"]
    if isinstance(named, list):
        return point_id(point["id"]), {"": parse_vector(named, "", vectors)}
    if not isinstance(named, dict):
        raise malformed_body("data did not match any variant of untagged enum VectorStruct")
    return point_id(point["id"]), {name: parse_vector(vector, name, vectors) for name, vector in named.items()}


def _check_row(row: Any, name: str, size: int) -> None:
    if isinstance(row, dict):
        raise wrong_input("Conversion between sparse and regular vectors failed")
    if not isinstance(row, list) or not all(_is_number(number) for number in row):
        raise malformed_body("data did not match any variant of untagged enum VectorStruct")
    if len(row) != size:
        place = f" for vector '{name}'" if name else ""
        raise wrong_input(f"Vector dimension error: expected dim: {size}, got {len(row)}{place}")


def _sparse(value: Any) -> engine.SparseVector:
    if not isinstance(value, dict):
        raise wrong_input("Conversion between sparse and regular vectors failed")
    indices, values = value.get("indices"), value.get("values")
    if not isinstance(indices, list) or not isinstance(values, list) or not all(map(_is_number, values)):
        raise malformed_body("data did not match any variant of untagged enum VectorStruct")
    if len(indices) != len(values):
        raise _invalid("must be the same length as indices", "values")
    if len(set(indices)) != len(indices):
        raise _invalid("must be unique", "indices")
    try:
        return engine.SparseVector(indices, values)
    except (TypeError, OverflowError):
        raise malformed_body("data did not match any variant of untagged enum VectorStruct") from None


def _invalid(text: str, field: str) -> ApiError:
    return ApiError(422, f"Validation error in JSON body: [{field}: {text}]")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_FLOAT


_MAX_FLOAT = 3.4028234663852886e38


def _shown(value: Any) -> Any:
    if isinstance(value, engine.SparseVector):
        return {"indices": value.indices, "values": [shortest(number) for number in value.values]}
    if isinstance(value, dict):
        # The unnamed vector stands for itself.
        return _shown(value[""]) if value.keys() == {""} else {name: _shown(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_shown(part) for part in value]
    return shortest(value)
