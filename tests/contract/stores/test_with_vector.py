"""What every vector store says of how many points have a vector."""

from __future__ import annotations

import pytest

from namespace_operator.domain.vectors import NamedVector
from namespace_operator.stores.errors import Rejected
from tests.contract.stores.harness import VectorServer

FIRST = NamedVector(name="first", size=4, distance="cosine")
LATE = NamedVector(name="late", size=4, distance="cosine")


@pytest.fixture
async def grown(vectors: VectorServer, collection: str) -> str:
    """A collection of two namespaces' points, to which a vector was added afterwards."""
    await vectors.store.create_collection(collection, (FIRST,), {})
    await vectors.store.put_index(collection, "namespace_id", {"type": "keyword", "is_tenant": True}, wait=True)
    await vectors.add_points(collection, {number: {"namespace_id": f"ns_{number % 2}"} for number in range(10)})
    await vectors.fill_vector(collection, "first", range(10))
    await vectors.store.add_vector(collection, LATE)
    return collection


async def test_points_lack_a_vector_that_was_added_later(vectors: VectorServer, grown: str) -> None:
    assert await vectors.store.count_with_vector(grown, "first") == 10
    assert await vectors.store.count_with_vector(grown, "late") == 0


async def test_those_that_were_processed_again_have_it(vectors: VectorServer, grown: str) -> None:
    await vectors.fill_vector(grown, "late", [0, 1, 2])
    assert await vectors.store.count_with_vector(grown, "late") == 3
    assert await vectors.store.count_with_vector(grown, "late", "ns_0") == 2
    assert await vectors.store.count_with_vector(grown, "late", "ns_1") == 1
    assert await vectors.store.count_with_vector(grown, "late", "ns_none") == 0
    await vectors.store.delete_points(grown, "ns_0")
    assert await vectors.store.count_with_vector(grown, "late", exact=True) == 1
    assert 1 <= await vectors.store.count_with_vector(grown, "late") <= 3


async def test_a_vector_that_was_lost_and_added_again_is_empty(vectors: VectorServer, grown: str) -> None:
    await vectors.drop_vector(grown, "first")
    await vectors.store.add_vector(grown, FIRST)
    assert await vectors.store.count_with_vector(grown, "first") == 0
    assert await vectors.store.count_points(grown) == 10


async def test_nothing_has_a_vector_that_is_not_there(vectors: VectorServer, grown: str) -> None:
    assert await vectors.store.count_with_vector(grown, "other") == 0


async def test_a_missing_collection_rejects_it(vectors: VectorServer, collection: str) -> None:
    with pytest.raises(Rejected):
        await vectors.store.count_with_vector(collection, "first")
