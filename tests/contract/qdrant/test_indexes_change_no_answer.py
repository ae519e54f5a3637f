"""Filters answered with and without the index that autoCreateIndexes would make: the answers are the same.

Each type has values that its sample may show, conditions of the kind that it is made for and of the others, and values
that may come later. With QDRANT_URL this is asked of that server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from namespace_operator.domain.evidence import sample_of
from namespace_operator.domain.type_inference import infer
from namespace_operator.domain.usage import MatchKind
from tests.contract.qdrant.conftest import ONE_VECTOR

Json = Mapping[str, Any]


def match(value: Any) -> Json:
    return {"key": "f", "match": {"value": value}}


def any_of(*values: Any) -> Json:
    return {"key": "f", "match": {"any": list(values)}}


def excepting(*values: Any) -> Json:
    return {"key": "f", "match": {"except": list(values)}}


def within(**bounds: Any) -> Json:
    return {"key": "f", "range": bounds}


def near(lat: float, lon: float, radius: float) -> Json:
    return {"key": "f", "geo_radius": {"center": {"lat": lat, "lon": lon}, "radius": radius}}


ABOUT_THEIR_NUMBER: tuple[Json, ...] = (
    {"is_empty": {"key": "f"}},
    {"is_null": {"key": "f"}},
    *({"key": "f", "values_count": count} for count in ({"gte": 1}, {"gt": 1}, {"lt": 1})),
)
WORDS = ({"key": "f", "match": {"text": "re"}}, {"key": "f", "match": {"text": "red"}})
NUMBERS: tuple[Json, ...] = (
    match(1),
    match(3),
    any_of(1, 2),
    within(gte=1),
    within(gt=1, lt=3),
    within(lte=2.5),
    within(gt=2**53),
)
MOMENTS = (
    within(gte="2024-01-01T00:00:00Z"),
    within(gt="2024-01-01T00:00:00Z", lt="2024-06-01T00:00:00+02:00"),
    within(lte="2024-01-01"),
)
BOX = {"top_left": {"lat": 53, "lon": 13}, "bottom_right": {"lat": 52, "lon": 14}}
RING = [{"lat": lat, "lon": lon} for lat, lon in ((52, 13), (53, 13), (53, 14), (52, 14), (52, 13))]
PLACES: tuple[Json, ...] = (
    *(near(52.5, 13.4, radius) for radius in (1, 2_000, 50_000, 1e6)),
    {"key": "f", "geo_bounding_box": BOX},
    {"key": "f", "geo_polygon": {"exterior": {"points": RING}}},
)
OF_OTHER_KINDS: tuple[Json, ...] = (match("red"), match(True), *WORDS, *NUMBERS, *PLACES)


@dataclass(frozen=True)
class Case:
    """``conditions`` find the same with the index, whatever is written ``later``; ``changed`` ones do not.

    ``changed`` find the same until then.
    """

    kind: MatchKind
    type: str
    values: Sequence[Any]
    later: Sequence[Any]
    conditions: Sequence[Json]
    changed: Sequence[Json] = field(default=())


ANYTHING = (1, 2.0, 2.5, 2**63, True, "red", "2024-03-01T00:00:00Z", {"lat": 52.5, "lon": 13.4}, {"x": 1}, [1, "red"])

CASES = {
    "keyword": Case(
        MatchKind.EXACT,
        "keyword",
        ["red", "blue", "", ["red", "blue"], ["red", "red"], None, [], ["red", None], "r" * 50_000],
        ANYTHING,
        (match("red"), match(""), any_of("red", "green"), *OF_OTHER_KINDS, *MOMENTS),
        (excepting("red"), excepting("red", "blue")),
    ),
    "bool": Case(
        MatchKind.EXACT,
        "bool",
        [True, False, [True, False], None, []],
        ANYTHING,
        (match(True), match(False), excepting("red"), *OF_OTHER_KINDS, *MOMENTS),
    ),
    "integer": Case(
        MatchKind.EXACT,
        "integer",
        [1, 2, 3, -5, [1, 2], [1, 1], None, [], 2**53 + 1, 2**63 - 1],
        (2.5, "red", True, {"x": 1}, "2024-03-01T00:00:00Z"),
        (match(1), match(3), any_of(1, 2), match(2**53), match(2**53 + 1), *OF_OTHER_KINDS, *MOMENTS),
        (excepting(1), excepting(1, 2)),
    ),
    "float": Case(
        MatchKind.RANGE,
        "float",
        [1, 2, 2.5, 3.0, -0.0, [1, 2.5], None, [], 2**53 + 1, 2**63, 1e308, 5e-324],
        ANYTHING,
        (within(gte=0), within(lt=0), within(gte=2**53 + 1), excepting(1), *OF_OTHER_KINDS),
    ),
    "datetime": Case(
        MatchKind.DATETIME,
        "datetime",
        [
            *("2024-01-01T00:00:00Z", "2024-01-01T02:00:00+02:00", "2023-12-31 23:59:59.9999999Z"),
            *(
                "2024-05-31T21:59:59.999999999Z",
                "2024-05-31T22:00:00Z",
                ["2024-02-29T00:00:00Z", "1970-01-01T00:00:00Z"],
            ),
            *(None, [], "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
        ],
        (*ANYTHING, "soon", "2024-03-01", 1704067200),
        (*MOMENTS, match("2024-01-01T00:00:00Z"), excepting("2024-01-01T00:00:00Z"), *WORDS),
    ),
    "geo": Case(
        MatchKind.GEO,
        "geo",
        [
            *({"lat": 52.5 + step / 300, "lon": 13.4 - step / 500} for step in range(-40, 40)),
            *({"lat": 52, "lon": 13}, {"lat": 53, "lon": 14, "name": "edge"}, {"lat": -90, "lon": 180}),
            *([{"lat": 52.5, "lon": 13.4}, {"lat": 1, "lon": 1}], None, []),
        ],
        (1, "52.5,13.4", [13.4, 52.5], {"lat": "52.5", "lon": "13.4"}, {"lat": 52.5}, True),
        (near(52.5, 13.4, 2_000), *OF_OTHER_KINDS),
    ),
}


@pytest.fixture(scope="module")
def client(fresh_server: Callable[[], httpx.Client]) -> httpx.Client:
    return fresh_server()


@dataclass(frozen=True)
class Twins:
    """Two collections of the same points, of which one gets the index."""

    client: httpx.Client
    indexed: str
    plain: str

    def write(self, values: Sequence[Any], first: int = 0) -> None:
        """One point for each value; and one that has none."""
        points = [{"id": first + n, "vector": {}, "payload": {"f": value}} for n, value in enumerate(values)]
        points.append({"id": first + len(values), "vector": {}, "payload": {"other": 1}})
        for collection in (self.indexed, self.plain):
            self.client.put(f"{collection}/points?wait=true", json={"points": points}).raise_for_status()

    def differing(self, conditions: Sequence[Json]) -> list[Json]:
        """The filters, straight and reversed, that find other points with the index than without."""
        filters = [{clause: [condition]} for condition in conditions for clause in ("must", "must_not")]
        return [one for one in filters if self._found(self.indexed, one) != self._found(self.plain, one)]

    def _found(self, collection: str, wanted: Json) -> list[int]:
        body = {"filter": wanted, "limit": 1000, "with_payload": False}
        answer = self.client.post(f"{collection}/points/scroll", json=body).raise_for_status()
        return [point["id"] for point in answer.json()["result"]["points"]]

    def count(self, condition: Json) -> int:
        """How many points a condition finds without the index."""
        return len(self._found(self.plain, {"must": [condition]}))

    def counts(self) -> tuple[int, int]:
        """Points in the index, and points that have the field."""
        info = self.client.get(self.indexed).raise_for_status().json()["result"]
        body = {"exact": True, "filter": {"must_not": [{"is_empty": {"key": "f"}}]}}
        answer = self.client.post(f"{self.indexed}/points/count", json=body).raise_for_status()
        return info["payload_schema"]["f"]["points"], answer.json()["result"]["count"]


@pytest.fixture
def twins(client: httpx.Client) -> Iterator[Twins]:
    name = f"/collections/replay_{uuid4().hex[:8]}"
    pair = Twins(client, f"{name}_indexed", f"{name}_plain")
    for path in (pair.indexed, pair.plain):
        client.put(path, json=ONE_VECTOR).raise_for_status()
    yield pair
    for path in (pair.indexed, pair.plain):
        client.delete(path)


@pytest.mark.parametrize("name", CASES)
def test_the_index_answers_as_no_index_does(twins: Twins, name: str) -> None:
    case = CASES[name]
    inference = infer({case.kind: 200}, (), sample_of([{"f": value} for value in case.values], "f"))
    assert inference.message is None
    assert inference.schema is not None
    assert inference.schema["type"] == case.type
    every = (*case.conditions, *case.changed, *ABOUT_THEIR_NUMBER)
    twins.write(case.values)
    assert twins.differing(every) == []
    assert 0 < twins.count(case.conditions[0]) < len(case.values)
    body = {"field_name": "f", "field_schema": dict(inference.schema)}
    twins.client.put(f"{twins.indexed}/index?wait=true", json=body).raise_for_status()
    assert twins.differing(every) == []
    in_index, having = twins.counts()
    assert in_index == having == sum(value not in (None, []) for value in case.values)

    twins.write(case.later, first=1000)
    assert twins.differing((*case.conditions, *ABOUT_THEIR_NUMBER)) == []
    # What does change is what the counts, which are compared in every run, bring to light.
    assert len(twins.differing(case.changed)) == 2 * len(case.changed)
    in_index, having = twins.counts()
    assert in_index < having


def test_a_float_without_fraction_is_matched_by_an_index_on_integers(twins: Twins) -> None:
    """The counts do not show it, but samples do, and each run takes one."""
    twins.write([1, 2])
    body = {"field_name": "f", "field_schema": {"type": "integer", "range": False}}
    twins.client.put(f"{twins.indexed}/index?wait=true", json=body).raise_for_status()
    twins.write([1.0], first=10)
    assert twins.differing([match(1)]) == [{"must": [match(1)]}, {"must_not": [match(1)]}]
    in_index, having = twins.counts()
    assert in_index == having


@pytest.mark.parametrize("schema", [{"type": "integer", "range": False}, {"type": "float"}], ids=["match", "range"])
def test_two_comparisons_in_one_condition_are_why_a_field_has_to_be_used_in_one_way(
    twins: Twins, schema: Mapping[str, Any]
) -> None:
    """Without an index either one is enough, with one only that which it serves (Qdrant's issue 9066)."""
    twins.write([1, 2, 3, 10])
    both = [{"key": "f", "match": {"value": 1}, "range": {"gte": 3}}]
    body = {"field_name": "f", "field_schema": dict(schema)}
    twins.client.put(f"{twins.indexed}/index?wait=true", json=body).raise_for_status()
    assert len(twins.differing(both)) == 2


def test_ranges_over_numbers_find_moments_in_an_index_on_datetimes(twins: Twins) -> None:
    twins.write(["2024-01-01T00:00:00Z"])
    body = {"field_name": "f", "field_schema": {"type": "datetime"}}
    twins.client.put(f"{twins.indexed}/index?wait=true", json=body).raise_for_status()
    assert twins.differing([within(gt=0)]) == [{"must": [within(gt=0)]}, {"must_not": [within(gt=0)]}]
