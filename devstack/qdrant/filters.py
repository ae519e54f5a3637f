"""Filters: from their JSON to the engine's."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy
import qdrant_edge as engine

from devstack.qdrant.body import Json
from devstack.qdrant.errors import malformed_body
from devstack.qdrant.points import point_id

CLAUSES = ("must", "should", "must_not")


def parse_filter(value: Any) -> engine.Filter | None:
    """The engine's form of a filter that may be missing. Raises ApiError if it is none."""
    if value is None:
        return None
    try:
        return _filter(value)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise malformed_body("data did not match any variant of untagged enum Condition") from None


def conditions(value: Json) -> Iterator[Json]:
    """The conditions of a parsed filter, one level deep."""
    for clause in CLAUSES:
        yield from _list(value.get(clause))
    yield from (value.get("min_should") or {}).get("conditions", [])


def _filter(value: Any) -> engine.Filter:
    _require_object(value, *CLAUSES, "min_should")
    clauses: Json = {name: [_condition(one) for one in _list(value[name])] for name in CLAUSES if value.get(name)}
    if value.get("min_should"):
        minimum = value["min_should"]
        _require_object(minimum, "conditions", "min_count")
        clauses["min_should"] = engine.MinShould(
            [_condition(one) for one in minimum["conditions"]], minimum["min_count"]
        )
    return engine.Filter(**clauses)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _require_object(value: Any, *known: str) -> None:
    if not isinstance(value, dict) or not value.keys() <= set(known):
        raise TypeError("expected an object of known fields")


def _condition(value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    if "key" in value:
        return _field_condition(value)
    name = next(iter(value), "")
    if name in _CONDITIONS:
        _require_object(value, name)
        return _CONDITIONS[name](value[name])
    return _filter(value)


def _field_condition(value: Json) -> engine.FieldCondition:
    _require_object(value, "key", *_COMPARISONS)
    present = {name: part for name, part in value.items() if name != "key" and part is not None}
    if not present:
        raise ValueError("a condition without a comparison")
    return engine.FieldCondition(value["key"], **{name: _COMPARISONS[name](part) for name, part in present.items()})


def _nested(value: Any) -> engine.NestedCondition:
    _require_object(value, "key", "filter")
    return engine.NestedCondition(value["key"], _filter(value["filter"]))


def _keyed(make: Callable[[str], Any]) -> Callable[[Any], Any]:
    def condition(value: Any) -> Any:
        _require_object(value, "key")
        return make(value["key"])

    return condition


def _match(value: Any) -> Any:
    _require_object(value, *_MATCHES)
    ((name, argument),) = value.items()
    return _MATCHES[name](argument)


def _match_value(value: Any) -> engine.MatchValue:
    # The engine's binding asks for an integer first, and Python's booleans are some; numpy's are not.
    distinct: Any = numpy.bool_(value) if isinstance(value, bool) else value
    return engine.MatchValue(distinct)


def _range(value: Any) -> Any:
    _require_object(value, "gt", "gte", "lt", "lte")
    bounds = {name: bound for name, bound in value.items() if bound is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        return engine.RangeDateTime(**bounds)
    return engine.RangeFloat(**bounds)


def _values_count(value: Any) -> engine.ValuesCount:
    _require_object(value, "gt", "gte", "lt", "lte")
    return engine.ValuesCount(**value)


def _radius(value: Any) -> engine.GeoRadius:
    _require_object(value, "center", "radius")
    return engine.GeoRadius(_place(value["center"]), value["radius"])


def _box(value: Any) -> engine.GeoBoundingBox:
    _require_object(value, "top_left", "bottom_right")
    return engine.GeoBoundingBox(_place(value["top_left"]), _place(value["bottom_right"]))


def _polygon(value: Any) -> engine.GeoPolygon:
    _require_object(value, "exterior", "interiors")
    holes = [_ring(hole) for hole in value.get("interiors") or []]
    return engine.GeoPolygon(_ring(value["exterior"]), holes or None)


def _ring(value: Any) -> list[engine.GeoPoint]:
    _require_object(value, "points")
    return [_place(point) for point in value["points"]]


def _place(value: Any) -> engine.GeoPoint:
    _require_object(value, "lon", "lat")
    return engine.GeoPoint(value["lon"], value["lat"])


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected a boolean")
    return value


_CONDITIONS: dict[str, Callable[[Any], Any]] = {
    "has_id": lambda ids: engine.HasIdCondition({point_id(identifier) for identifier in ids}),
    "has_vector": engine.HasVectorCondition,
    "is_empty": _keyed(engine.IsEmptyCondition),
    "is_null": _keyed(engine.IsNullCondition),
    "nested": _nested,
}

_COMPARISONS: dict[str, Callable[[Any], Any]] = {
    "match": _match,
    "range": _range,
    "geo_radius": _radius,
    "geo_bounding_box": _box,
    "geo_polygon": _polygon,
    "values_count": _values_count,
    "is_empty": _flag,
    "is_null": _flag,
}

_MATCHES: dict[str, Callable[[Any], Any]] = {
    "value": _match_value,
    "text": engine.MatchText,
    "text_any": engine.MatchTextAny,
    "phrase": engine.MatchPhrase,
    "any": engine.MatchAny,
    "except": engine.MatchExcept,
}
