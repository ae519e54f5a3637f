"""What every vector store does with the points of many namespaces in one collection."""

from __future__ import annotations

from typing import Any

import pytest

from namespace_operator.domain.vectors import NamedVector
from namespace_operator.stores.errors import Rejected
from tests.contract.stores.harness import VectorServer

DENSE = NamedVector(name="dense", size=4, distance="cosine")
TENANT = {"type": "keyword", "is_tenant": True}
POINTS: dict[int, dict[str, Any]] = {
    **{number: {"namespace_id": "ns_a"} for number in range(5)},
    **{number: {"namespace_id": "ns_b", "city": "ns_a"} for number in range(5, 8)},
    8: {"namespace_id": "ns_c"},
    9: {"namespace_id": "ns_C"},
    10: {"namespace_id": "ns_aa"},
    11: {"namespace_id": 5},
    12: {"namespace_id": None},
    13: {},
}
COUNTS = {"ns_a": 5, "ns_b": 3, "ns_c": 1, "ns_C": 1, "ns_aa": 1}


@pytest.fixture
async def partitioned(vectors: VectorServer, collection: str) -> str:
    """A collection with points of several namespaces and of none, with the index that tells them apart."""
    await vectors.store.create_collection(collection, (DENSE,), {})
    await vectors.store.put_index(collection, "namespace_id", TENANT, wait=True)
    await vectors.add_points(collection, POINTS)
    return collection


async def test_the_points_of_one_namespace_are_counted_exactly(vectors: VectorServer, partitioned: str) -> None:
    for namespace_id, count in COUNTS.items():
        assert await vectors.store.count_points(partitioned, namespace_id) == count
    assert await vectors.store.count_points(partitioned, "ns_none") == 0
    assert await vectors.store.count_points(partitioned) == len(POINTS)


async def test_the_points_of_all_namespaces_are_counted_at_once(vectors: VectorServer, partitioned: str) -> None:
    assert await vectors.store.points_by_namespace(partitioned, 100) == COUNTS
    assert await vectors.store.points_by_namespace(partitioned, len(COUNTS)) == COUNTS


async def test_those_with_most_points_come_first(vectors: VectorServer, partitioned: str) -> None:
    assert await vectors.store.points_by_namespace(partitioned, 2) == {"ns_a": 5, "ns_b": 3}


async def test_the_points_of_one_namespace_are_deleted_and_no_others(vectors: VectorServer, partitioned: str) -> None:
    for _ in range(2):
        await vectors.store.delete_points(partitioned, "ns_a")
        assert await vectors.store.count_points(partitioned, "ns_a") == 0
        assert await vectors.store.points_by_namespace(partitioned, 100) == {
            name: count for name, count in COUNTS.items() if name != "ns_a"
        }
    await vectors.store.delete_points(partitioned, "ns_none")
    assert await vectors.store.count_points(partitioned) == len(POINTS) - 5
    await vectors.add_points(partitioned, {1: {"namespace_id": "ns_a"}})
    assert await vectors.store.count_points(partitioned, "ns_a") == 1


async def test_the_gone_do_not_keep_the_living_out_of_the_limit(vectors: VectorServer, partitioned: str) -> None:
    many = {100 + number: {"namespace_id": f"gone_{number:03}"} for number in range(60)}
    await vectors.add_points(partitioned, many)
    for number in range(60):
        await vectors.store.delete_points(partitioned, f"gone_{number:03}")
    assert await vectors.store.points_by_namespace(partitioned, len(COUNTS)) == COUNTS


async def test_a_point_of_two_namespaces_counts_for_both(vectors: VectorServer, partitioned: str) -> None:
    await vectors.add_points(partitioned, {50: {"namespace_id": ["ns_a", "ns_d", "ns_d"]}})
    assert await vectors.store.points_by_namespace(partitioned, 100) == {**COUNTS, "ns_a": 6, "ns_d": 1}
    assert await vectors.store.count_points(partitioned, "ns_d") == 1
    await vectors.store.delete_points(partitioned, "ns_d")
    assert await vectors.store.count_points(partitioned, "ns_a") == 5


@pytest.mark.parametrize("index", [None, {"type": "text"}], ids=["none", "another type"])
async def test_without_the_index_only_one_namespace_at_a_time_is_counted(
    vectors: VectorServer, collection: str, index: dict[str, str] | None
) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {})
    if index is not None:
        await vectors.store.put_index(collection, "namespace_id", index, wait=True)
    await vectors.add_points(collection, {1: {"namespace_id": "ns_a"}, 2: {"namespace_id": "ns_b"}})
    with pytest.raises(Rejected, match="No appropriate index for faceting"):
        await vectors.store.points_by_namespace(collection, 100)
    assert await vectors.store.count_points(collection, "ns_a") == 1
    await vectors.store.delete_points(collection, "ns_a")
    assert await vectors.store.count_points(collection) == 1


async def test_an_empty_collection_has_no_namespaces(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (), {})
    await vectors.store.put_index(collection, "namespace_id", TENANT, wait=True)
    assert await vectors.store.points_by_namespace(collection, 100) == {}
    assert await vectors.store.count_points(collection, "ns_a") == 0
    await vectors.store.delete_points(collection, "ns_a")


async def test_a_missing_collection_rejects_all_of_it(vectors: VectorServer, collection: str) -> None:
    with pytest.raises(Rejected):
        await vectors.store.count_points(collection, "ns_a")
    with pytest.raises(Rejected):
        await vectors.store.points_by_namespace(collection, 100)
    with pytest.raises(Rejected):
        await vectors.store.delete_points(collection, "ns_a")
    assert await vectors.store.read(collection) is None
