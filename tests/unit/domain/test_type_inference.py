"""Which index serves which queries over which payloads: a table of payloads, and what came of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from namespace_operator.domain.evidence import sample_of
from namespace_operator.domain.type_inference import Inference, infer
from namespace_operator.domain.usage import MatchKind

EXACT, RANGE, MOMENTS = MatchKind.EXACT, MatchKind.RANGE, MatchKind.DATETIME
TEXT, UUID, GEO = MatchKind.TEXT, MatchKind.UUID, MatchKind.GEO

NOON, EVENING = "2026-01-01T12:00:00Z", "2026-01-01 18:30:00.25+01:00"
BERLIN, PARIS = {"lat": 52.5, "lon": 13.4}, {"lat": 48, "lon": 2}
ID = "3f333df6-90a4-4fda-8dd3-9485d27cee36"
LARGE = 2**63


@dataclass(frozen=True)
class Row:
    """Values of the field ``f``, or whole payloads and a path; ``made`` says whether the index is made."""

    name: str
    values: tuple[Any, ...]
    kinds: tuple[MatchKind, ...]
    type: str | None
    made: bool = False
    says: str = ""
    path: str = "f"

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return list(self.values) if self.path != "f" else [{"f": value} for value in self.values]


MADE = (
    Row("strings", ("red", "blue"), (EXACT,), "keyword", made=True),
    Row("one string", ("red",), (EXACT,), "keyword", made=True),
    Row("an empty string", ("", "blue"), (EXACT,), "keyword", made=True),
    Row("strings and nulls", ("red", None, "blue"), (EXACT,), "keyword", made=True),
    Row("arrays of strings", (["red", "blue"], ["green"]), (EXACT,), "keyword", made=True),
    Row("strings and arrays of them", ("red", ["blue"]), (EXACT,), "keyword", made=True),
    Row("empty arrays among strings", ("red", []), (EXACT,), "keyword", made=True),
    Row("a null within an array", (["red", None],), (EXACT,), "keyword", made=True),
    Row("moments, matched as texts", (NOON, EVENING), (EXACT,), "keyword", made=True),
    Row("uuids, matched as texts", (ID, ID.upper()), (EXACT,), "keyword", made=True),
    Row("numbers as strings, matched as texts", ("1", "2.5"), (EXACT,), "keyword", made=True),
    Row("booleans as strings", ("true", "false"), (EXACT,), "keyword", made=True),
    Row("a very long string", ("x" * 100_000, "y"), (EXACT,), "keyword", made=True),
    Row("texts, seldom searched for words", ("red wine",), (EXACT, TEXT), "keyword", made=True),
    Row("texts with ids, seldom matched as such", (ID, "x"), (EXACT, UUID), "keyword", made=True),
    Row("booleans", (True, False), (EXACT,), "bool", made=True),
    Row("arrays of booleans", ([True, False], True), (EXACT,), "bool", made=True),
    Row("integers", (1, -2, 0), (EXACT,), "integer", made=True),
    Row("arrays of integers", ([1, 2], 3), (EXACT,), "integer", made=True),
    Row("integers beyond 2^53", (2**53 + 1, 2**63 - 1, -(2**63)), (EXACT,), "integer", made=True),
    Row("floats", (1.5, -0.0), (RANGE,), "float", made=True),
    Row("integers in a range", (1, 2), (RANGE,), "float", made=True),
    Row("integers and floats in a range", (1, 2.5), (RANGE,), "float", made=True),
    Row("integers beyond 64 bits in a range", (1, LARGE, 10**30), (RANGE,), "float", made=True),
    Row("arrays of numbers", ([1, 2.5], 3), (RANGE,), "float", made=True),
    Row("moments", (NOON, EVENING), (MOMENTS,), "datetime", made=True),
    Row("moments of nanoseconds", ("2026-01-01T12:00:00.123456789Z",), (MOMENTS,), "datetime", made=True),
    Row("arrays of moments", ([NOON, EVENING],), (MOMENTS,), "datetime", made=True),
    Row("places", (BERLIN, PARIS), (GEO,), "geo", made=True),
    Row("places with more in them", ({**BERLIN, "city": "Berlin"},), (GEO,), "geo", made=True),
    Row("arrays of places", ([BERLIN, PARIS],), (GEO,), "geo", made=True),
    Row("places at the edge", ({"lat": -90, "lon": 180},), (GEO,), "geo", made=True),
    Row("a nested key", ({"a": {"b": "x"}}, {"a": {}}, {}), (EXACT,), "keyword", made=True, path="a.b"),
    Row("a key in quotes", ({"a b": {"c": 1}},), (EXACT,), "integer", made=True, path='"a b".c'),
    Row("objects in an array", ({"a": [{"b": 1}, {"b": 2}]},), (EXACT,), "integer", made=True, path="a[].b"),
    Row("one element of an array", ({"a": ["x", 1]},), (EXACT,), "keyword", made=True, path="a[0]"),
    Row("elements of an array", ({"a": ["x", "y"]},), (EXACT,), "keyword", made=True, path="a[]"),
)

SUGGESTED = (
    Row("texts searched for words", ("red wine",), (TEXT,), "text", says="finds words"),
    Row("texts searched for words, mostly", ("red wine",), (TEXT, EXACT), "text", says="finds words"),
    Row("uuids matched as such", (ID,), (UUID,), "uuid", says="written differently"),
    Row("strings and integers", ("red", 1), (EXACT,), "keyword", says="integer, string"),
    Row("strings and an array with an integer", ("red", ["x", 1]), (EXACT,), "keyword", says="integer, string"),
    Row("booleans and their numbers", (True, 1), (EXACT,), "bool", says="boolean, integer"),
    Row("booleans and texts", (True, "true"), (EXACT,), "keyword", says="boolean, string"),
    Row("integers and floats, matched", (1, 2.5), (EXACT,), "integer", says="float, integer"),
    Row("a float without fraction, matched", (1, 2.0), (EXACT,), "integer", says="float, integer"),
    Row("integers beyond 64 bits, matched", (1, LARGE), (EXACT,), "integer", says="large-integer"),
    Row("integers, matched and in ranges", (1, 2), (EXACT, RANGE), "integer", says="several ways (match, range)"),
    Row("integers, in ranges and matched", (1, 2), (RANGE, EXACT), "float", says="several ways (match, range)"),
    Row("moments and ranges over numbers", (NOON,), (MOMENTS, RANGE), "datetime", says="several ways"),
    Row("numbers and numbers as strings, in a range", (1, "2"), (RANGE,), "float", says="integer, string"),
    Row("moments and dates alone", (NOON, "2026-01-01"), (MOMENTS,), "datetime", says="datetime, string"),
    Row("moments without offset", (NOON, "2026-01-01T12:00:00"), (MOMENTS,), "datetime", says="datetime, string"),
    Row("moments that are none", (NOON, "2026-02-30T12:00:00Z"), (MOMENTS,), "datetime", says="datetime, string"),
    Row("moments and seconds since 1970", (NOON, 1704067200), (MOMENTS,), "datetime", says="datetime, integer"),
    Row("places and objects", (BERLIN, {"lat": 1}), (GEO,), "geo", says="geo, object"),
    Row("places off the globe", (BERLIN, {"lat": 91, "lon": 0}), (GEO,), "geo", says="geo, object"),
    Row("places of strings", (BERLIN, {"lat": "1", "lon": "2"}), (GEO,), "geo", says="geo, object"),
    Row("places of booleans", (BERLIN, {"lat": True, "lon": 2}), (GEO,), "geo", says="geo, object"),
    Row("strings and objects", ("red", {"x": "red"}), (EXACT,), "keyword", says="object, string"),
    Row("strings and arrays of arrays", ("red", [["blue"]]), (EXACT,), "keyword", says="array, string"),
    Row("an array of nothing but null", ("red", [None]), (EXACT,), "keyword", says="nothing but null"),
)

NOTHING = (
    Row("no value", (), (EXACT,), None, says="No point of a random sample"),
    Row("nulls and empty arrays", (None, []), (EXACT,), None, says="No point of a random sample"),
    Row("arrays of nothing but null", ([None], [None, None]), (EXACT,), None, says="No point of a random sample"),
    Row("a key within the objects of an array", ({"a": [{"b": 1}]},), (EXACT,), None, says="No point", path="a.b"),
    Row("objects", ({"x": 1}, {}), (EXACT,), None, says="No index serves"),
    Row("floats, matched", (1.5, 2.5), (EXACT,), None, says="No index serves such conditions: the values are float"),
    Row("places, matched", (BERLIN,), (EXACT,), None, says="No index serves"),
    Row("numbers as strings, in a range", ("1", "2.5"), (RANGE,), None, says="No index serves"),
    Row("booleans in a range", (True, False), (RANGE,), None, says="No index serves"),
    Row("moments in a range over numbers", (NOON,), (RANGE,), None, says="No index serves"),
    Row("numbers in a range over moments", (1704067200,), (MOMENTS,), None, says="No index serves"),
    Row("dates alone in a range", ("2026-01-01",), (MOMENTS,), None, says="No index serves"),
    Row("pairs of numbers with geo conditions", ([13.4, 52.5],), (GEO,), None, says="No index serves"),
    Row("texts with geo conditions", ("52.5,13.4",), (GEO,), None, says="No index serves"),
    Row("arrays of arrays", ([["x"]],), (EXACT,), None, says="No index serves"),
)


def _infer(row: Row) -> Inference:
    # The first kind is the one most used.
    uses = {kind: 200 - number for number, kind in enumerate(row.kinds)}
    return infer(uses, frozenset(), sample_of(row.payloads, row.path))


@pytest.mark.parametrize("row", [*MADE, *SUGGESTED, *NOTHING], ids=lambda row: row.name.replace(" ", "-"))
def test_the_table(row: Row) -> None:
    found = _infer(row)
    assert (found.schema["type"] if found.schema is not None else None) == row.type
    assert (found.message is None) is row.made
    assert row.says in (found.message or "")


def test_the_table_is_long_enough() -> None:
    rows = (*MADE, *SUGGESTED, *NOTHING)
    assert len(rows) >= 40
    assert len({row.name for row in rows}) == len(rows)
    assert {row.type for row in MADE} == {"keyword", "bool", "integer", "float", "datetime", "geo"}


def test_an_index_on_integers_is_made_without_ranges() -> None:
    (row,) = (row for row in MADE if row.name == "integers")
    assert _infer(row).schema == {"type": "integer", "range": False}


def test_a_kind_that_was_only_seen_earlier_in_the_week_speaks_against_it_too() -> None:
    sample = sample_of([{"f": 1}], "f")
    assert infer({EXACT: 200}, frozenset({EXACT}), sample).message is None
    message = infer({EXACT: 200}, frozenset({EXACT, RANGE}), sample).message
    assert message is not None
    assert "match, range" in message


def test_of_kinds_used_alike_the_order_does_not_matter() -> None:
    sample = sample_of([{"f": "x"}], "f")
    assert infer({TEXT: 9, EXACT: 9}, (), sample) == infer({EXACT: 9, TEXT: 9}, (), sample)
    assert infer({TEXT: 9, EXACT: 9}, (), sample).schema == {"type": "keyword"}


def test_the_sample_counts_points_and_not_values() -> None:
    sample = sample_of([{"f": ["a", "b"]}, {"f": None}, {"f": []}, {}, {"f": "c"}], "f")
    assert (sample.points, set(sample.kinds), sample.hollow) == (2, {"string"}, False)
