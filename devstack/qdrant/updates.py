"""Changes of points: from a request's fields to the engine's operations."""

from collections.abc import Callable
from typing import Any

import qdrant_edge as engine

from devstack.qdrant.body import Json
from devstack.qdrant.errors import bad_request, malformed_body, not_served
from devstack.qdrant.filters import parse_filter
from devstack.qdrant.points import parse_point_vectors, parse_points, payload, point_ids
from devstack.qdrant.vectors import Vectors

_BATCH = 500
"""Points in one call of the engine: it keeps Python's lock meanwhile, and with it every other request."""

_Update = engine.UpdateOperation
_UNSERVED = ("shard_key", "update_filter", "update_mode", "batch")


def parse_update(kind: str, fields: Json, vectors: Vectors) -> list[engine.UpdateOperation]:
    """The engine's operations for a request of that kind. Raises ApiError if it cannot be done."""
    for name in _UNSERVED:
        if fields.get(name) is not None:
            raise not_served(f"`{name}` in an update of points")
    return _PARSERS[kind](fields, vectors)


def _upsert(fields: Json, vectors: Vectors) -> list[engine.UpdateOperation]:
    points = parse_points(fields.get("points"), vectors)
    return [_Update.upsert_points(points[start : start + _BATCH]) for start in range(0, len(points), _BATCH)]


def _update_vectors(fields: Json, vectors: Vectors) -> list[engine.UpdateOperation]:
    return [_Update.update_vectors(parse_point_vectors(fields.get("points"), vectors))]


def _delete(fields: Json, _: Vectors) -> list[engine.UpdateOperation]:
    return _selected(fields, _Update.delete_points, _Update.delete_points_by_filter)


def _delete_vectors(fields: Json, vectors: Vectors) -> list[engine.UpdateOperation]:
    names = _strings(fields, "vector")
    for name in names:
        if name not in vectors:
            raise bad_request(f"Vector `{name}` does not exist")
    return _selected(fields, _Update.delete_vectors, _Update.delete_vectors_by_filter, names)


def _set_payload(fields: Json, _: Vectors) -> list[engine.UpdateOperation]:
    return _selected(fields, _Update.set_payload, _Update.set_payload_by_filter, *_payload_and_key(fields))


def _overwrite_payload(fields: Json, _: Vectors) -> list[engine.UpdateOperation]:
    return _selected(fields, _Update.overwrite_payload, _Update.overwrite_payload_by_filter, *_payload_and_key(fields))


def _delete_payload(fields: Json, _: Vectors) -> list[engine.UpdateOperation]:
    return _selected(fields, _Update.delete_payload, _Update.delete_payload_by_filter, _strings(fields, "keys"))


def _clear_payload(fields: Json, _: Vectors) -> list[engine.UpdateOperation]:
    return _selected(fields, _Update.clear_payload, _Update.clear_payload_by_filter)


_PARSERS: dict[str, Callable[[Json, Vectors], list[engine.UpdateOperation]]] = {
    "upsert": _upsert,
    "update_vectors": _update_vectors,
    "delete": _delete,
    "delete_vectors": _delete_vectors,
    "set_payload": _set_payload,
    "overwrite_payload": _overwrite_payload,
    "delete_payload": _delete_payload,
    "clear_payload": _clear_payload,
}


def _selected(
    fields: Json, by_ids: Callable[..., Any], by_filter: Callable[..., Any], *arguments: Any
) -> list[engine.UpdateOperation]:
    """The operation on the points a request names, by their identifiers or by a filter."""
    try:
        if fields.get("points") is not None:
            return [by_ids(point_ids(fields["points"]), *arguments)]
        if fields.get("filter") is not None:
            return [by_filter(parse_filter(fields["filter"]), *arguments)]
    except ValueError as error:  # the engine's word on the path of a payload field
        raise malformed_body(str(error).partition("\n")[0]) from None
    raise malformed_body("data did not match any variant of untagged enum PointsSelector")


def _payload_and_key(fields: Json) -> tuple[Json, str | None]:
    key = fields.get("key")
    if fields.get("payload") is None:
        raise malformed_body("missing field `payload`")
    if key is not None and not isinstance(key, str):
        raise malformed_body("invalid type for `key`: expected a string")
    return payload(fields["payload"]), key


def _strings(fields: Json, name: str) -> list[str]:
    value = fields.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise malformed_body(f"invalid type for `{name}`: expected a sequence of strings")
    return value
