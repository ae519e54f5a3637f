"""Which fields a filter counts for: as JSON, and as the model that qdrant-client makes of the same JSON."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from qdrant_client import models

from namespace_operator.domain.usage import MatchKind
from namespace_operator.usage import used_fields

ID, OTHER_ID = "9e3fd42b-7c78-44d2-a75d-4b86f2d4a2b9", "9E3FD42B-7C78-44D2-A75D-4B86F2D4A2BA"
CITY = {"key": "city", "match": {"value": "Berlin"}}
PRICE = {"key": "price", "range": {"gte": 1, "lt": 9.5}}
POINT = {"lat": 52.5, "lon": 13.4}
CITY_USED, PRICE_USED = ("city", "exact"), ("price", "range")


def must(*conditions: Any) -> dict[str, Any]:
    """A filter whose conditions have to be met."""
    return {"must": list(conditions)}


def match(**wanted: Any) -> dict[str, Any]:
    """A filter by one match."""
    return must({"key": "f", "match": wanted})


def between(**bounds: Any) -> dict[str, Any]:
    """A filter by one range."""
    return must({"key": "f", "range": bounds})


def nested(key: str, inner: dict[str, Any]) -> dict[str, Any]:
    """A condition on the elements of an array."""
    return {"nested": {"key": key, "filter": inner}}


SHAPES: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "nothing": ({}, set()),
    "no conditions": (must(), set()),
    "null clauses": ({"must": None, "should": None}, set()),
    "text value": (match(value="a"), {("f", "exact")}),
    "number": (match(value=7), {("f", "exact")}),
    "boolean false": (match(value=False), {("f", "exact")}),
    "empty text": (match(value=""), {("f", "exact")}),
    "any of texts": (match(any=["a", "b"]), {("f", "exact")}),
    "any of numbers": (match(any=[1, 2]), {("f", "exact")}),
    "any of nothing": (match(any=[]), {("f", "exact")}),
    "except": (match(**{"except": ["a"]}), {("f", "exact")}),
    "uuid": (match(value=ID), {("f", "uuid")}),
    "any of uuids": (match(any=[ID, OTHER_ID]), {("f", "uuid")}),
    "except uuids": (match(**{"except": [ID]}), {("f", "uuid")}),
    "a uuid and a text": (match(any=[ID, "a"]), {("f", "exact")}),
    "as long as a uuid": (match(value="x" * 36), {("f", "exact")}),
    "a hash of 32 digits": (match(value=ID.replace("-", "")), {("f", "exact")}),
    "full text": (match(text="quick fox"), {("f", "text")}),
    "phrase": (match(phrase="quick fox"), {("f", "text")}),
    "any of the words": (match(text_any="quick fox"), {("f", "text")}),
    "prefix": (match(prefix="qui"), {("f", "text")}),
    "substring": (match(substring="uic"), {("f", "text")}),
    "range of integers": (between(gt=1, lte=3), {("f", "range")}),
    "range of floats": (between(lt=0.5), {("f", "range")}),
    "range from zero": (between(gte=0), {("f", "range")}),
    "range of times": (between(gte="2026-01-01T00:00:00Z", lt="2026-02-01T00:00:00+01:00"), {("f", "datetime")}),
    "range of days": (between(gte="2026-01-01"), {("f", "datetime")}),
    "range without bounds": (between(), set()),
    "box": (must({"key": "f", "geo_bounding_box": {"top_left": POINT, "bottom_right": POINT}}), {("f", "geo")}),
    "radius": (must({"key": "f", "geo_radius": {"center": POINT, "radius": 10.0}}), {("f", "geo")}),
    "polygon": (must({"key": "f", "geo_polygon": {"exterior": {"points": [POINT] * 4}}}), {("f", "geo")}),
    "single conditions": ({"must": CITY, "must_not": PRICE}, {CITY_USED, PRICE_USED}),
    "all clauses": (
        {
            "must": [CITY],
            "should": [PRICE],
            "must_not": [{"key": "tags", "match": {"any": ["x"]}}],
            "min_should": {"conditions": [{"key": "age", "range": {"gt": 1}}], "min_count": 1},
        },
        {CITY_USED, PRICE_USED, ("tags", "exact"), ("age", "range")},
    ),
    "one field twice": ({"must": [CITY], "must_not": [CITY]}, {CITY_USED}),
    "one field in two ways": (
        must(CITY, {"key": "city", "match": {"text": "Ber"}}),
        {CITY_USED, ("city", "text")},
    ),
    "one condition with a match and a range": (
        must({"key": "city", "match": {"value": 1}, "range": {"gt": 0}}),
        {CITY_USED, ("city", "range")},
    ),
    "a filter as a condition": (must({"should": [CITY, {"must_not": [PRICE]}]}), {CITY_USED, PRICE_USED}),
    "nested": (must(nested("offers", must(PRICE))), {("offers[].price", "range")}),
    "nested, as an array already": (must(nested("offers[]", must(PRICE))), {("offers[].price", "range")}),
    "nested in nested": (
        must(nested("shops", {"should": [nested("offers", {"must": [PRICE]}), CITY]})),
        {("shops[].offers[].price", "range"), ("shops[].city", "exact")},
    ),
    "a filter in nested": (must(nested("offers", must(must(PRICE)))), {("offers[].price", "range")}),
    "nested beside a plain one": (
        must(nested("offers", must(PRICE)), PRICE),
        {("offers[].price", "range"), PRICE_USED},
    ),
    "what needs no index of a field": (
        must(
            {"is_empty": {"key": "f"}},
            {"is_null": {"key": "f"}},
            {"has_id": [1, ID]},
            {"has_vector": "text"},
            {"key": "f", "values_count": {"gt": 1}},
            {"key": "f", "is_empty": True},
            {"key": "f", "is_null": False},
        ),
        set(),
    ),
    "beside one that does": (must({"is_empty": {"key": "f"}}, CITY), {CITY_USED}),
}


def found(query_filter: object) -> set[tuple[str, str]]:
    """What a filter counts for, kinds as they are written."""
    return {(path, kind.value) for path, kind in used_fields(query_filter)}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_filter_counts_for_its_fields_alike_as_json_and_as_a_model(shape: str) -> None:
    raw, used = SHAPES[shape]
    assert found(raw) == used
    assert found(models.Filter.model_validate(raw)) == used


def test_dictionaries_of_other_kinds_and_tuples_are_json_too() -> None:
    class Raw(dict[str, Any]):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.note = "has attributes of its own"

    assert found(Raw({"must": (Raw(CITY), OrderedDict(PRICE))})) == {CITY_USED, PRICE_USED}


def test_bounds_of_python_are_numbers_and_times() -> None:
    class Number(float):
        """As numpy's are."""

    assert found(between(gte=datetime(2026, 1, 1, tzinfo=UTC))) == {("f", "datetime")}
    assert found(between(gte=None, lt=date(2026, 1, 1))) == {("f", "datetime")}
    assert found(between(gte=Number(1))) == {("f", "range")}
    assert found(between(gte=True)) == set()


PATHS = {
    "a": "a",
    "a.b": "a.b",
    '"a"': "a",
    '"a"."b-c"[]': "a.b-c[]",
    '"a b".c': '"a b".c',
    '"a.b"': '"a.b"',
    "a[].b": "a[].b",
    'a[]."b"': "a[].b",
    "a[007].b": "a[7].b",
    "straße.日本": "straße.日本",
    '""': '""',
    "a" * 255: "a" * 255,
}
_UNREADABLE = ("", ".", "a.", ".a", "a b", "a..b", "[]", "[].a", "a[-1]", "a[", 'a"', '"a', '"\\"', "$where", "a" * 256)
NO_PATHS = (*_UNREADABLE, "ß" * 128, '"\ud800"', "a[" + "9" * 300 + "]", "a\n")


@pytest.mark.parametrize(("spelling", "path"), PATHS.items())
def test_two_spellings_of_a_path_are_one_field(spelling: str, path: str) -> None:
    assert found(must({"key": spelling, "match": {"value": 1}})) == {(path, "exact")}


@pytest.mark.parametrize("key", NO_PATHS)
def test_what_qdrant_could_not_read_is_no_field(key: str) -> None:
    assert found(must({"key": key, "match": {"value": 1}}, CITY)) == {CITY_USED}
    assert found(must(nested(key, must(PRICE)), CITY)) == {CITY_USED}


def test_a_path_that_is_too_long_as_a_whole_is_no_field() -> None:
    assert found(must(nested("a" * 200, must({"key": "b" * 60, "match": {"value": 1}})))) == set()


def _cyclic() -> Mapping[str, Any]:
    cyclic: dict[str, Any] = {"must": [CITY]}
    cyclic["must"] += [cyclic, cyclic]
    return cyclic


ODD: list[object] = [
    None,
    "must",
    7,
    [],
    [CITY],
    object(),
    {"must": "city"},
    {"must": 7},
    {"must": [None, 7, "city", [CITY]]},
    {"must": {"must": {"must": []}}},
    {"min_should": {"conditions": None}},
    {"filter": [CITY]},
    {1: [CITY]},
    must({"key": 5, "match": {"value": 1}}),
    must({"key": ["city"], "match": {"value": 1}}),
    must({"key": {}, "match": {"value": 1}}),
    must({"key": "city"}),
    must({"key": "city", "match": None}),
    must({"key": "city", "match": "Berlin"}),
    must({"key": "city", "match": {"like": "B%"}}),
    must({"key": "city", "match": {"value": None}}),
    must({"key": "city", "range": [1, 2]}),
    must({"key": "city", "range": {"gt": {}}}),
    must({"nested": None}),
    must({"nested": {}}),
    must({"nested": {"key": "a"}}),
    must({"nested": {"key": 7, "filter": must(CITY)}}),
    must({"nested": "a"}),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__ if type(odd) is object else repr(odd))
def test_what_is_no_filter_counts_for_nothing(odd: object) -> None:
    assert found(odd) == set()


def test_a_filter_without_an_end_has_one() -> None:
    assert found(_cyclic()) == {CITY_USED}
    deep = must(CITY)
    for _ in range(5_000):
        deep = must(deep)
    assert found(deep) == set()
    assert len(found(must(*({"key": f"f{n}", "match": {"value": 1}} for n in range(5_000))))) == 1_000


def test_an_object_that_raises_counts_for_nothing() -> None:
    class Hostile(dict[str, Any]):
        def get(self, *_: object) -> Any:
            raise RuntimeError("no")

        def items(self) -> Any:
            raise RuntimeError("no")

    assert found(Hostile()) == set()
    assert found(must(Hostile())) == set()


def test_kinds_are_those_of_the_operator() -> None:
    assert used_fields(must(CITY)) == {("city", MatchKind.EXACT)}
