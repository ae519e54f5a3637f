"""A connection string that is replaced while operations run."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from devstack.stores import MongoDB
from namespace_operator.stores.errors import Unavailable
from namespace_operator.stores.mongodb import InvalidConnectionString, MongoStore
from tests.contract.stores.documents import INSTANCE, document

CANARY = "password-CANARY"


async def test_the_next_operation_uses_the_new_connection_string(own_mongodb: MongoDB) -> None:
    store = MongoStore(f"mongodb://user:{CANARY}@127.0.0.1:1/", "reconnect", timeout_seconds=1)
    try:
        with pytest.raises(Unavailable) as raised:
            await store.get("ns_1")
        assert CANARY not in "".join(traceback.format_exception(raised.value))
        store.reconnect(own_mongodb.uri)
        await store.insert(document())
        assert await store.get(document().namespace_id) == document()
    finally:
        await store.close()


async def test_what_is_under_way_ends_on_the_old_one(own_mongodb: MongoDB) -> None:
    store = MongoStore(own_mongodb.uri, "under_way", timeout_seconds=10)
    try:
        for number in range(150):
            await store.insert(document(number))
        listed = 0
        async for _ in store.owned(INSTANCE):
            listed += 1
            if listed == 1:
                store.reconnect(own_mongodb.uri)
        assert listed == 150
    finally:
        await store.close()


async def test_the_old_client_is_closed_in_the_end(own_mongodb: MongoDB) -> None:
    store = MongoStore(own_mongodb.uri, "closed", timeout_seconds=0.05)
    try:
        store.reconnect(own_mongodb.uri)
        ((retiring, former),) = store._retired.items()
        async with asyncio.timeout(10):
            await retiring
        assert former._closed
        assert store._retired == {}
    finally:
        await store.close()


async def test_one_that_cannot_be_read_changes_nothing(own_mongodb: MongoDB) -> None:
    store = MongoStore(own_mongodb.uri, "unchanged")
    try:
        with pytest.raises(InvalidConnectionString) as raised:
            store.reconnect(f"mongodb://user:{CANARY}@@host/%")
        assert CANARY not in "".join(traceback.format_exception(raised.value))
        assert await store.get("ns_1") is None
    finally:
        await store.close()
