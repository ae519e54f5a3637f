"""The end of a collection."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from devstack.qdrant.body import Body
from devstack.qdrant.collection import Collection, OpenShards
from devstack.qdrant.config import Config
from devstack.qdrant.errors import ApiError
from devstack.qdrant.storage import stored

INDEX = Body(b'{"field_name": "k", "field_schema": "keyword"}')


async def collection_in(root: Path) -> Collection:
    """A new collection without points."""
    vectors = {"a": {"size": 2, "distance": "Dot"}}
    config = Config.create(Body(json.dumps({"vectors": vectors}).encode()))
    return await Collection.create("c", root, config, OpenShards())


async def test_nothing_is_written_to_a_deleted_collection(tmp_path: Path) -> None:
    collection = await collection_in(tmp_path)
    await collection.disown()
    for write in (
        collection.patch(Body(b'{"metadata": {"k": 1}}')),
        collection.put_index(INDEX, wait=True),
        collection.put_index(INDEX, wait=False),
        collection.update_points("upsert", {"points": [{"id": 1, "vector": {}}]}, wait=True),
    ):
        with pytest.raises(ApiError, match="doesn't exist"):
            await write
    assert list(stored(tmp_path)) == []


async def test_operations_that_race_with_the_end_are_done_or_find_nothing(tmp_path: Path) -> None:
    for _ in range(20):
        collection = await collection_in(tmp_path)
        writes = [asyncio.create_task(collection.put_index(INDEX, wait=number % 2 == 0)) for number in range(6)]
        await asyncio.sleep(0.001)
        await collection.disown()
        await collection.remove()
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert all(isinstance(outcome, int | ApiError) for outcome in outcomes), outcomes
        assert list((tmp_path / "collections").iterdir()) == []
