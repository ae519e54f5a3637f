"""A server that is busy, or takes its time where it may."""

from __future__ import annotations

import pytest

from namespace_operator.domain.vectors import NamedVector
from namespace_operator.stores.errors import Unavailable
from namespace_operator.stores.qdrant import QdrantStore
from tests.unit.stores.server import Answers, serving

VECTOR = NamedVector(name="text", size=4, distance="cosine")


@pytest.mark.parametrize("status", [408, 429])
async def test_an_overloaded_server_refuses(status: int) -> None:
    async with serving(Answers(status, b'{"status": {"error": "too many requests"}}')) as url:
        store = QdrantStore(url)
        with pytest.raises(Unavailable):
            await store.read("ns_1")
        await store.close()


async def test_a_large_collection_looks_like_an_outage_while_it_is_worked_on() -> None:
    async with serving(Answers(delay=0.3)) as url:
        store = QdrantStore(url, timeout_seconds=0.1)
        await store.put_index("ns_1", "brand", {"type": "keyword"}, wait=True)
        await store.add_vector("ns_1", VECTOR)
        await store.delete_points("products", "ns_1")
        with pytest.raises(Unavailable):
            await store.put_index("ns_1", "brand", {"type": "keyword"}, wait=False)
        await store.close()
