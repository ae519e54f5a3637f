"""What every vector store tells of payloads: random samples, counts of points that have a field, slow requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from namespace_operator.domain.evidence import Draw, sample_of
from namespace_operator.domain.payload_path import values_at
from namespace_operator.domain.value_kinds import NUMBERS, TEXTS, ValueKind, kind_of
from namespace_operator.domain.vectors import NamedVector
from namespace_operator.stores.errors import Rejected
from tests.contract.stores.harness import VectorServer

DENSE = NamedVector(name="dense", size=4, distance="cosine")
TENANT = {"type": "keyword", "is_tenant": True}

SHAPES: tuple[dict[str, Any], ...] = (
    {"f": "red"},
    {"f": ["red", "blue"]},
    {"f": ["red", 1, None]},
    {"f": None},
    {"f": []},
    {"f": [None]},
    {"f": [["red"]]},
    {"f": 1},
    {"f": 1.0},
    {"f": 2.5},
    {"f": 2**63},
    {"f": True},
    {"f": "2026-01-01T12:00:00Z"},
    {"f": {"lat": 1, "lon": 2}},
    {"f": {"lat": 1}},
    {"f": {"g": "red"}},
    {"f": [{"g": "red"}, {"g": 1}, {}]},
    {"f": [{"g": None}]},
    {"f": {}},
    {},
)
PATHS = ("f", "f[]", "f[0]", "f.g", "f[].g", '"a b".c')
WHOLE = (*SHAPES, *[{"f": "a"}] * 30)
TAKEN = {
    "keyword": TEXTS,
    "float": NUMBERS,
    "bool": frozenset({ValueKind.BOOLEAN}),
    "datetime": frozenset({ValueKind.DATETIME}),
    "geo": frozenset({ValueKind.GEO}),
}
"""The kinds of values that an index takes, as the domain tells them apart."""

IN_INDEXES = {
    "keyword": (30 + 4, 3, 3, 1, 1, 0),
    "text": (30 + 4, 3, 3, 1, 1, 0),
    "integer": (4, 1, 0, 0, 1, 0),
    "float": (5, 1, 0, 0, 1, 0),
    "bool": (1, 0, 0, 0, 0, 0),
    "datetime": (1, 0, 0, 0, 0, 0),
    "geo": (1, 0, 0, 0, 0, 0),
    "uuid": (0, 0, 0, 0, 0, 0),
}
"""Points in an index of each type on each of the paths: those with at least one value that it takes."""


@pytest.fixture
async def full(vectors: VectorServer, collection: str) -> str:
    """A collection with points of two namespaces and of every shape."""
    await vectors.store.create_collection(collection, (DENSE,), {})
    await vectors.store.put_index(collection, "namespace_id", TENANT, wait=True)
    points: dict[int, Mapping[str, Any]] = dict(enumerate(SHAPES))
    points |= {100 + n: {"namespace_id": "ns_a", "f": "a", "secret": "x"} for n in range(30)}
    points |= {200 + n: {"namespace_id": "ns_b", "h": n} for n in range(3)}
    await vectors.add_points(collection, points)
    return collection


async def test_points_that_have_a_field_are_counted_as_an_index_would_find_them(
    vectors: VectorServer, full: str
) -> None:
    counts = {path: await vectors.store.count_having(full, path) for path in PATHS}
    assert counts == {"f": 30 + 17, "f[]": 5, "f[0]": 5, "f.g": 1, "f[].g": 1, '"a b".c': 0}


@pytest.mark.parametrize("kind", IN_INDEXES)
async def test_what_is_in_an_index_is_counted_alike(vectors: VectorServer, full: str, kind: str) -> None:
    for path in PATHS:
        await vectors.store.put_index(full, path, {"type": kind}, wait=True)
    live = await vectors.store.read(full)
    assert live is not None
    counts = {path: live.indexes[path].points for path in PATHS}
    assert counts == dict(zip(PATHS, IN_INDEXES[kind], strict=True))
    if kind in TAKEN:
        assert counts == {path: sum(_has_a_kind(payload, path, TAKEN[kind]) for payload in WHOLE) for path in PATHS}


def _has_a_kind(payload: Mapping[str, Any], path: str, kinds: frozenset[ValueKind]) -> bool:
    """What the domain sees at a path."""
    return any(value is not None and kind_of(value) in kinds for value in values_at(payload, path))


async def test_a_sample_has_the_fields_that_were_asked_for_and_no_others(vectors: VectorServer, full: str) -> None:
    payloads = await vectors.store.sample(full, ["f"], [Draw(1000)])
    assert len(payloads) == len(SHAPES) + 33
    assert not any("secret" in payload or "namespace_id" in payload for payload in payloads)
    found = sorted(repr(payload["f"]) for payload in payloads if "f" in payload)
    assert found == sorted([*(repr(shape["f"]) for shape in SHAPES if "f" in shape), *[repr("a")] * 30])


@pytest.mark.parametrize("path", PATHS)
async def test_a_sample_shows_what_is_at_a_path(vectors: VectorServer, full: str, path: str) -> None:
    payloads = await vectors.store.sample(full, [path], [Draw(1000)])
    assert sample_of(payloads, path) == sample_of(WHOLE, path)
    shown = sorted(repr(values_at(payload, path)) for payload in payloads)
    assert [one for one in shown if one != "[]"] == sorted(
        repr(values) for payload in WHOLE if (values := values_at(payload, path))
    )


async def test_draws_are_of_what_has_a_field_and_of_one_namespace(vectors: VectorServer, full: str) -> None:
    for draws in ([Draw(50, namespace_id="ns_b")], [Draw(50, field_name="h")]):
        # A point that is drawn again is told of once.
        payloads = await vectors.store.sample(full, ["f", "h"], draws * 2)
        assert sorted(payload["h"] for payload in payloads) == [0, 1, 2]
        assert not any("f" in payload for payload in payloads)
    both = await vectors.store.sample(full, ["f"], [Draw(5, field_name="f", namespace_id="ns_a")])
    assert list(both) == [{"f": "a"}] * 5
    assert list(await vectors.store.sample(full, ["f"], [Draw(5, namespace_id="ns_none")])) == []


async def test_an_empty_collection_has_nothing_to_draw(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {})
    assert list(await vectors.store.sample(collection, ["f"], [Draw(5), Draw(5, field_name="f")])) == []
    assert await vectors.store.count_having(collection, "f") == 0


async def test_a_missing_collection_rejects_it(vectors: VectorServer, collection: str) -> None:
    with pytest.raises(Rejected):
        await vectors.store.sample(collection, ["f"], [Draw(5)])
    with pytest.raises(Rejected):
        await vectors.store.count_having(collection, "f")


async def test_a_server_that_tells_nothing_of_slow_requests_is_no_failure(vectors: VectorServer) -> None:
    assert isinstance(await vectors.store.slow_fields(), dict)
