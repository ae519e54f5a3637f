"""The requests that a member of a shared collection needs, and nothing around them."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from bench.arrivals import Object
from devstack.stack import Stack
from namespace_operator.domain.indexes import SYSTEM_INDEXES

_OWN_INDEXES = ("category", "language", "source")
_VECTORS = {"text_extractor_v1_embedding": {"size": 1024, "distance": "Cosine"}}


@dataclass(slots=True)
class Floor:
    """Members by a bare script. Their objects are of a kind that nobody reconciles.

    ``request`` sends one to the API server.
    """

    stack: Stack
    organization: str
    request: Callable[[str, str, Object], Awaitable[None]]
    _run: str = field(default_factory=lambda: secrets.token_hex(3))
    _founded: set[str] = field(default_factory=set)
    _founding: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _qdrant: aiohttp.ClientSession = field(init=False)
    _documents: AsyncCollection[Object] = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        key = self.stack.qdrant_api_key
        session = aiohttp.ClientSession(self.stack.qdrant_url, headers={"api-key": key} if key else {})
        self._qdrant = await self._open.enter_async_context(session)
        client = AsyncMongoClient[Object](self.stack.mongodb_uri, w="majority", readConcernLevel="majority")
        await self._open.enter_async_context(client)
        self._documents = client[self.stack.mongodb_database]["floor"]
        await self._documents.create_index("claims", unique=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def apply(self, number: int) -> None:
        """Make a member's object."""
        await self.request("POST", self._path(), self._object(number))

    async def settle(self, number: int, of: int) -> None:
        """Everything else for one member of the collection with this number."""
        collection, member = f"floor_{self._run}_{of}", f"ns_{self._run}_{number}"
        await self._documents.find({"claims": {"$in": [member, collection]}}).to_list()
        await self._documents.insert_one({"_id": member, "claims": [member]})
        await self._found(collection)
        join = {"$addToSet": {"members": member}, "$inc": {"revision": 1}}
        await self._documents.find_one_and_update({"_id": collection}, join)
        await self._send("PATCH", f"/collections/{collection}", {"metadata": {f"member.{member}": member}})
        await self._send("GET", f"/collections/{collection}")
        await self._documents.update_one({"_id": member}, {"$set": {"state": "ready"}})
        await self.request("PUT", f"{self._path()}/member-{number}", self._object(number))

    async def _found(self, collection: str) -> None:
        """Make a collection with its indexes and its document, once."""
        async with self._founding[collection]:
            if collection in self._founded:
                return
            await self._documents.insert_one({"_id": collection, "claims": [collection], "members": []})
            await self._send("PUT", f"/collections/{collection}", {"vectors": _VECTORS})
            fields = [*_OWN_INDEXES, *SYSTEM_INDEXES]
            for name in fields:
                wait = "true" if name == fields[-1] else "false"
                index = {"field_name": name, "field_schema": "keyword"}
                await self._send("PUT", f"/collections/{collection}/index?wait={wait}", index)
            self._founded.add(collection)

    async def _send(self, method: str, path: str, body: Object | None = None) -> None:
        async with self._qdrant.request(method, path, json=body) as answer:
            answer.raise_for_status()
            await answer.json()

    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.organization}/configmaps"

    def _object(self, number: int) -> Object:
        metadata = {"name": f"member-{number}", "namespace": self.organization}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}}
