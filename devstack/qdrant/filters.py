"""Filters: from their JSON to the engine's, and which fields they touch."""

from collections.abc import Iterator
from typing import Any

import qdrant_edge as engine

from devstack.qdrant.body import Json
from devstack.qdrant.errors import malformed_body

_CLAUSES = ("must", "should", "must_not")


def to_engine(value: Json) -> engine.Filter:
    """The engine's form of a filter."""
    clauses: dict[str, Any] = {
        name: [_condition(c) for c in _as_list(value[name])] for name in _CLAUSES if value.get(name)
    }
    minimum = value.get("min_should")
    if minimum:
        conditions = [_condition(c) for c in minimum["conditions"]]
        clauses["min_should"] = engine.MinShould(conditions, minimum["min_count"])
    return engine.Filter(**clauses)


def optional(value: Json | None) -> engine.Filter | None:
    """The engine's form of a filter that may be missing."""
    return None if value is None else to_engine(value)


def fields(value: Json | None) -> Iterator[tuple[str, str]]:
    """Each field a filter compares, with the type of index that would serve it."""
    for name in _CLAUSES:
        for condition in _as_list((value or {}).get(name) or []):
            if "key" in condition:
                yield condition["key"], _index_type(condition)
            elif any(clause in condition for clause in _CLAUSES):
                yield from fields(condition)


def _as_list(value: Any) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _index_type(condition: Json) -> str:
    match = condition.get("match", {})
    sample = match.get("value", (match.get("any") or match.get("except") or [None])[0])
    if "text" in match or "phrase" in match:
        return "text"
    if isinstance(sample, bool):
        return "bool"
    if isinstance(sample, str):
        return "keyword"
    if isinstance(sample, int):
        return "integer"
    if any(name.startswith("geo_") for name in condition):
        return "geo"
    bounds = (condition.get("range") or {}).values()
    return "datetime" if any(isinstance(bound, str) for bound in bounds) else "float"


def _condition(value: Json) -> Any:
    if "has_id" in value:
        return engine.HasIdCondition(value["has_id"])
    if "has_vector" in value:
        return engine.HasVectorCondition(value["has_vector"])
    if "is_empty" in value:
        return engine.IsEmptyCondition(value["is_empty"]["key"])
    if "is_null" in value:
        return engine.IsNullCondition(value["is_null"]["key"])
    if "nested" in value:
        return engine.NestedCondition(value["nested"]["key"], to_engine(value["nested"]["filter"]))
    if "key" in value:
        return _field_condition(value)
    if any(name in value for name in (*_CLAUSES, "min_should")):
        return to_engine(value)
    raise malformed_body("data did not match any variant of untagged enum Condition")


def _field_condition(value: Json) -> engine.FieldCondition:
    parts: dict[str, Any] = {}
    if value.get("match"):
        parts["match"] = _match(value["match"])
    if value.get("range"):
        parts["range"] = _range(value["range"])
    if value.get("geo_radius"):
        radius = value["geo_radius"]
        parts["geo_radius"] = engine.GeoRadius(_point(radius["center"]), radius["radius"])
    if value.get("geo_bounding_box"):
        box = value["geo_bounding_box"]
        parts["geo_bounding_box"] = engine.GeoBoundingBox(_point(box["top_left"]), _point(box["bottom_right"]))
    if value.get("geo_polygon"):
        polygon = value["geo_polygon"]
        holes = [_ring(hole) for hole in polygon.get("interiors") or []]
        parts["geo_polygon"] = engine.GeoPolygon(_ring(polygon["exterior"]), holes or None)
    if value.get("values_count"):
        parts["values_count"] = engine.ValuesCount(**value["values_count"])
    for name in ("is_empty", "is_null"):
        if value.get(name) is not None:
            parts[name] = value[name]
    return engine.FieldCondition(value["key"], **parts)


def _match(value: Json) -> Any:
    kinds = {
        "value": engine.MatchValue,
        "text": engine.MatchText,
        "text_any": engine.MatchTextAny,
        "phrase": engine.MatchPhrase,
        "any": engine.MatchAny,
        "except": engine.MatchExcept,
    }
    for name, kind in kinds.items():
        if name in value:
            return kind(value[name])
    raise malformed_body("data did not match any variant of untagged enum Match")


def _range(value: Json) -> Any:
    bounds = {name: bound for name, bound in value.items() if bound is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        return engine.RangeDateTime(**bounds)
    return engine.RangeFloat(**bounds)


def _point(value: Json) -> engine.GeoPoint:
    return engine.GeoPoint(value["lon"], value["lat"])


def _ring(value: Json) -> list[engine.GeoPoint]:
    return [_point(point) for point in value["points"]]
