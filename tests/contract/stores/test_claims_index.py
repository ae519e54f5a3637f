"""The unique index that the claims rest on, where the database already holds what it must keep out."""

from __future__ import annotations

from uuid import uuid4

import pymongo
import pytest

from devstack.stores import MongoDB
from namespace_operator.stores.errors import ClaimTaken, Rejected
from namespace_operator.stores.mongodb import MongoStore


async def test_two_documents_with_one_claim_look_like_a_race(own_mongodb: MongoDB) -> None:
    database = f"claims_{uuid4().hex[:12]}"
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(own_mongodb.uri)
    client[database]["namespaces"].insert_many([{"_id": name, "claims": ["name/a/b/c"]} for name in ("ns_1", "ns_2")])
    store = MongoStore(own_mongodb.uri, database)
    with pytest.raises(Rejected, match="two namespace documents with one claim") as refused:
        await store.prepare()
    assert not isinstance(refused.value, ClaimTaken)
    client[database]["namespaces"].delete_one({"_id": "ns_2"})
    await store.prepare()
    assert "claims" in client[database]["namespaces"].index_information()
    await store.close()
    client.close()
