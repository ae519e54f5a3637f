"""The floor of everything that begins with an object: watch, and do the calls that it needs.

Its objects are Namespaces like the operator's, in a Kubernetes namespace that the operator does not watch. Its calls
have the same bodies as the operator's, which a template tells. Nothing is compared, and nothing is there for failures.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from bench.bare.servers import Object, Servers, events, namespaces_path
from bench.bare.template import Template

DOCUMENTS = "bench_floor"
"""The collection of MongoDB in which the documents are: not where the operator would find them."""


@dataclass(slots=True)
class Bare:
    """Serves the Namespaces of one Kubernetes namespace, with ``workers`` at a time."""

    servers: Servers
    template: Template
    organization: str
    workers: int
    _known: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Generation and namespace id, by name."""
    _waiting: asyncio.Queue[Object] = field(default_factory=asyncio.Queue)
    _founded: set[str] = field(default_factory=set)
    _founding: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run(self, ready: Path) -> None:
        """Serve until cancelled; the file is there from the moment on at which nothing is missed."""
        await self.servers.database[DOCUMENTS].create_index("claims", unique=True)
        await self.servers.ask("GET", "/collections/none/exists")
        path = namespaces_path(self.organization)
        version = (await self.servers.send("GET", path))["metadata"]["resourceVersion"]
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._work())
            await asyncio.to_thread(ready.touch)
            async for event in events(self.servers, path, version):
                self._hear(event)

    def _hear(self, event: Object) -> None:
        obj = event["object"]
        metadata = obj["metadata"]
        known = self._known.get(metadata["name"])
        if event["type"] != "DELETED" and (known is None or metadata["generation"] > known[0]):
            namespace_id = known[1] if known is not None else f"ns_{secrets.token_hex(5)}"
            self._known[metadata["name"]] = metadata["generation"], namespace_id
            self._waiting.put_nowait(obj)

    async def _work(self) -> None:
        while True:
            obj = await self._waiting.get()
            namespace_id = self._known[obj["metadata"]["name"]][1]
            if obj["metadata"]["generation"] > 1:
                await self._edit(obj, namespace_id)
            elif obj["spec"].get("infrastructure", {}).get("sharing"):
                await self._join(obj, namespace_id)
            else:
                await self._create(obj, namespace_id)

    async def _create(self, obj: Object, namespace_id: str) -> None:
        """A Namespace with a collection of its own."""
        documents, document = self.servers.database[DOCUMENTS], self._document(obj, namespace_id)
        await documents.find({"claims": {"$in": document["claims"]}}).to_list()
        await documents.insert_one(document)
        await self._make(namespace_id, self._named(self.template.create, obj, namespace_id))
        await self.servers.ask("GET", f"/collections/{namespace_id}")
        await documents.update_one({"_id": namespace_id}, {"$set": _changed(document)})
        await self._tell(obj, namespace_id)

    async def _join(self, obj: Object, namespace_id: str) -> None:
        """A member of a shared collection, which the first one makes."""
        documents, document = self.servers.database[DOCUMENTS], self._document(obj, namespace_id)
        collection = obj["spec"]["infrastructure"]["qdrantCollection"] + "-floor"
        await documents.find({"claims": {"$in": [*document["claims"], collection]}}).to_list()
        await documents.insert_one(document)
        async with self._founding[collection]:
            if collection not in self._founded:
                shared = {**(self.template.shared or {}), "_id": collection, "claims": [collection], "members": []}
                await documents.insert_one(shared)
                await self._make(collection, {**self.template.create, "metadata": {}})
                self._founded.add(collection)
        join = {"$addToSet": {"members": namespace_id}, "$inc": {"revision": 1}}
        await documents.find_one_and_update({"_id": collection}, join)
        mark = {"metadata": {f"mixpeek.com/member.{namespace_id}": obj["metadata"]["name"]}}
        await self.servers.ask("PATCH", f"/collections/{collection}", mark)
        await self.servers.ask("GET", f"/collections/{collection}")
        await documents.update_one({"_id": namespace_id}, {"$set": _changed(document)})
        await self._tell(obj, namespace_id)

    async def _edit(self, obj: Object, namespace_id: str) -> None:
        """The index that was declared last: announced, made, seen, confirmed, told."""
        documents, document = self.servers.database[DOCUMENTS], self._document(obj, namespace_id)
        declared = obj["spec"]["payloadIndexes"][-1]
        await documents.find({"claims": {"$in": document["claims"]}}).to_list()
        await documents.update_one({"_id": namespace_id}, {"$set": _changed(document)})
        index = {"field_name": declared["fieldName"], "field_schema": {"type": declared["type"]}}
        await self.servers.ask("PUT", f"/collections/{namespace_id}/index?wait=true", index)
        await self.servers.ask("GET", f"/collections/{namespace_id}")
        await documents.update_one({"_id": namespace_id}, {"$set": _changed(document)})
        await self._tell(obj, namespace_id)

    async def _make(self, collection: str, body: Object) -> None:
        await self.servers.ask("PUT", f"/collections/{collection}", body)
        *most, last = self.template.indexes
        for index in most:
            await self.servers.ask("PUT", f"/collections/{collection}/index?wait=false", index)
        await self.servers.ask("PUT", f"/collections/{collection}/index?wait=true", last)

    async def _tell(self, obj: Object, namespace_id: str) -> None:
        """The status: the one write to the API server."""
        metadata = obj["metadata"]
        status = self._named(self.template.status, obj, namespace_id)
        status["observedGeneration"] = metadata["generation"]
        kept = {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")}
        body = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": kept, "status": status}
        path = f"{namespaces_path(self.organization)}/{metadata['name']}/status"
        await self.servers.send("PUT", path, json.dumps(body).encode())

    def _document(self, obj: Object, namespace_id: str) -> Object:
        made: Object = self._named(self.template.document, obj, namespace_id)
        return {**made, "_id": namespace_id}

    def _named(self, value: Object, obj: Object, namespace_id: str) -> Object:
        metadata = obj["metadata"]
        named: Object = self.template.named(
            value, metadata["namespace"], metadata["name"], metadata["uid"], namespace_id
        )
        return named


def _changed(document: Object) -> Object:
    """The fields that an update sets: all but the id."""
    return {name: value for name, value in document.items() if name != "_id"}
