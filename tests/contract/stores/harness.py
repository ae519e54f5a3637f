"""A store and a hand in its server, alike for the models and the real servers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

from pymongo import AsyncMongoClient
from qdrant_client import AsyncQdrantClient, models

from namespace_operator.stores.fence import UNFENCED, Fence
from namespace_operator.stores.mongodb import MongoStore
from namespace_operator.stores.protocols import MetadataStore, VectorStore
from namespace_operator.stores.qdrant import QdrantStore
from tests.contract.stores.documents import INSTANCE
from tests.world.faults import Faults
from tests.world.metadata import ModelMetadataStore, Raw
from tests.world.terms import Fenced, InTerm
from tests.world.vectors import ModelVectorStore


class MetadataServer(Protocol):
    """A database and the operator's store over it."""

    @property
    def store(self) -> MetadataStore:
        """The store under test."""

    async def write(self, collection: str, raw: Raw) -> None:
        """Write a document past the store, over the one that has its ``_id``."""

    async def look(self, namespace_id: str) -> Raw | None:
        """A namespace document as the server holds it."""

    @property
    def second(self) -> MetadataStore:
        """Another operator's store over the same database."""

    def in_term(self, fence: Fence = UNFENCED) -> MetadataStore:
        """The store of a leader of ``INSTANCE``, whose term is later than that of every one before."""

    async def forget_terms(self) -> None:
        """Lose the record of the terms, as a restore without it does."""

    @property
    def more_than_a_chunk(self) -> int:
        """More rows than a deletion takes at once."""

    async def write_rows(self, collection: str, namespace_id: str, count: int) -> None:
        """Let another service register so many things that belong to a namespace."""


class VectorServer(Protocol):
    """A Qdrant server and the operator's store over it."""

    @property
    def store(self) -> VectorStore:
        """The store under test."""

    async def add_points(self, collection: str, payloads: Mapping[int, Mapping[str, Any]]) -> None:
        """Write points without vectors."""

    async def fill_vector(self, collection: str, vector: str, points: Sequence[int]) -> None:
        """Give points a value for a dense vector of four components."""

    async def drop_vector(self, collection: str, vector: str) -> None:
        """Drop a vector past the store."""

    async def add_alias(self, collection: str, alias: str) -> None:
        """Give a collection an alias."""


class ModelMetadata:
    """The model of the database."""

    def __init__(self) -> None:
        self.store = ModelMetadataStore(Faults())

    async def write(self, collection: str, raw: Raw) -> None:
        """Write a document past the store."""
        if collection == "namespaces":
            self.store.put_raw(raw)
        else:
            self.store.belongings[collection].append(raw)

    async def look(self, namespace_id: str) -> Raw | None:
        """A namespace document as it is stored."""
        return self.store.raw(namespace_id)

    @property
    def second(self) -> ModelMetadataStore:
        """A model of the same database."""
        return replace(self.store)

    def in_term(self, fence: Fence = UNFENCED) -> MetadataStore:
        """The model as a leader uses it."""
        store: Any = Fenced(InTerm(self.store, INSTANCE), fence)
        return cast("MetadataStore", store)

    async def forget_terms(self) -> None:
        """Lose the record."""
        self.store.terms.clear()

    more_than_a_chunk = 3

    async def write_rows(self, collection: str, namespace_id: str, count: int) -> None:
        """Write rows."""
        self.store.belongings[collection] += [{"namespace_id": namespace_id} for _ in range(count)]


class RealMetadata:
    """A database of its own on a MongoDB server, dropped in the end."""

    def __init__(self, uri: str, database: str) -> None:
        self.store = MongoStore(uri, database, timeout_seconds=30)
        self.second = MongoStore(uri, database, timeout_seconds=30)
        self._uri = uri
        self._leaders: list[MongoStore] = []
        self._client: AsyncMongoClient[Raw] = AsyncMongoClient(uri, tz_aware=True)
        self._database = self._client[database]

    async def write(self, collection: str, raw: Raw) -> None:
        """Write a document past the store."""
        await self._database[collection].replace_one({"_id": raw["_id"]}, raw, upsert=True)

    async def look(self, namespace_id: str) -> Raw | None:
        """A namespace document as the server holds it."""
        return await self._database["namespaces"].find_one({"_id": namespace_id})

    def in_term(self, fence: Fence = UNFENCED) -> MetadataStore:
        """A store of its own."""
        leader = MongoStore(self._uri, self._database.name, timeout_seconds=30, fence=fence, term_of=INSTANCE)
        self._leaders.append(leader)
        return leader

    async def forget_terms(self) -> None:
        """Lose the record."""
        await self._database["servers"].delete_one({"_id": f"{INSTANCE}/term"})

    more_than_a_chunk = 5001

    async def write_rows(self, collection: str, namespace_id: str, count: int) -> None:
        """Write rows."""
        await self._database[collection].insert_many({"namespace_id": namespace_id} for _ in range(count))

    async def close(self) -> None:
        """Drop the database and close the connections."""
        await self._client.drop_database(self._database.name)
        await self._client.close()
        await self.store.close()
        await self.second.close()
        for leader in self._leaders:
            await leader.close()


class ModelVectors:
    """The model of a Qdrant server."""

    def __init__(self) -> None:
        self.store = ModelVectorStore(Faults())

    async def add_points(self, collection: str, payloads: Mapping[int, Mapping[str, Any]]) -> None:
        """Write points."""
        self.store.collections[collection].points.update({number: dict(p) for number, p in payloads.items()})

    async def fill_vector(self, collection: str, vector: str, points: Sequence[int]) -> None:
        """Note who has the vector."""
        self.store.collections[collection].filled.setdefault(vector, set()).update(points)

    async def drop_vector(self, collection: str, vector: str) -> None:
        """Drop a vector."""
        del self.store.collections[collection].vectors[vector]

    async def add_alias(self, collection: str, alias: str) -> None:
        """Give a collection an alias."""
        self.store.alias_targets[alias] = collection


class RealVectors:
    """A Qdrant server behind its URL."""

    def __init__(self, url: str, api_key: str | None) -> None:
        # Time enough for a hundred indexes on a busy machine: what a timeout does is tested elsewhere.
        self.store = QdrantStore(url, api_key, timeout_seconds=60)
        with warnings.catch_warnings():
            # The client warns of a key sent without TLS; the server is on this machine or the user's choice.
            warnings.simplefilter("ignore", UserWarning)
            self._client = AsyncQdrantClient(url=url, api_key=api_key, check_compatibility=False, timeout=60)

    async def add_points(self, collection: str, payloads: Mapping[int, Mapping[str, Any]]) -> None:
        """Write points."""
        points = [models.PointStruct(id=number, vector={}, payload=dict(p)) for number, p in payloads.items()]
        await self._client.upsert(collection, points=points, wait=True)

    async def fill_vector(self, collection: str, vector: str, points: Sequence[int]) -> None:
        """Write the vector of some points."""
        values = [models.PointVectors(id=number, vector={vector: [1.0, 2.0, 3.0, 4.0]}) for number in points]
        await self._client.update_vectors(collection, points=values, wait=True)

    async def drop_vector(self, collection: str, vector: str) -> None:
        """Drop a vector."""
        await self._client.delete_vector_name(collection, vector, wait=True)

    async def add_alias(self, collection: str, alias: str) -> None:
        """Give a collection an alias."""
        create = models.CreateAlias(collection_name=collection, alias_name=alias)
        await self._client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
        await self.store.close()
