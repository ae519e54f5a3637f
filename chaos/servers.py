"""The servers themselves, reached beside the bad wires: what the client writes to and the verdict is read from."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID, uuid5

import aiohttp
import pymongo
import yaml

from chaos.verdict import Found, Ledger, Object, Scene
from devstack.control_plane import ADMIN
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION

ORGANIZATION = "chaos"
POINTS = 3
"""How many points each namespace gets once."""

FOREIGN = "somebody-elses"

_OBJECTS = f"/apis/{GROUP}/{VERSION}/namespaces/{ORGANIZATION}/{PLURAL}"
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_IDS = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_FACET_LIMIT = 10_000


class Unknown(Exception):
    """A server did not answer: what was asked may have happened or not."""


@dataclass(slots=True)
class Servers:
    """The API server and Qdrant over HTTP, MongoDB by its driver."""

    stack: Stack
    ledger: Ledger = field(default_factory=Ledger)
    _kubernetes: aiohttp.ClientSession = field(init=False)
    _qdrant: aiohttp.ClientSession = field(init=False)

    async def __aenter__(self) -> Self:
        content = yaml.safe_load(self.stack.kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        token = next(entry["user"]["token"] for entry in content["users"] if entry["name"] == ADMIN)
        tls = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=cluster["certificate-authority"]))
        headers = {"Authorization": f"Bearer {token}"}
        self._kubernetes = aiohttp.ClientSession(cluster["server"], headers=headers, connector=tls, timeout=_TIMEOUT)
        key = self.stack.qdrant_api_key
        self._qdrant = aiohttp.ClientSession(
            self.stack.qdrant_url, headers={"api-key": key} if key else {}, timeout=_TIMEOUT
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kubernetes.close()
        await self._qdrant.close()

    async def get(self, name: str) -> Object | None:
        """The object as it is, however long it takes to find out."""
        while True:
            try:
                status, found = await self._ask(self._kubernetes, "GET", f"{_OBJECTS}/{name}")
            except Unknown:
                status, found = 503, {}
            if status in (200, 404):
                return found if status == 200 else None
            await asyncio.sleep(0.5)

    async def put(self, name: str, spec: Object, known: Object | None) -> int:
        """Create the object, or change the spec of the one that is known; the status of the answer.

        Raises ``Unknown``.
        """
        if known is None:
            body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
            return (await self._ask(self._kubernetes, "POST", _OBJECTS, body))[0]
        return (await self._ask(self._kubernetes, "PUT", f"{_OBJECTS}/{name}", {**known, "spec": spec}))[0]

    async def remove(self, name: str) -> int:
        """Ask for the deletion of the object; the status of the answer. Raises ``Unknown``."""
        return (await self._ask(self._kubernetes, "DELETE", f"{_OBJECTS}/{name}"))[0]

    async def fill(self, collection: str, namespace_id: str) -> None:
        """Write the points of a namespace, the same each time. Raises ``Unknown`` unless Qdrant says they are there."""
        points = [
            {"id": str(uuid5(_IDS, f"{namespace_id}/{n}")), "vector": {}, "payload": {"namespace_id": namespace_id}}
            for n in range(POINTS)
        ]
        path = f"/collections/{collection}/points?wait=true"
        status, _ = await self._ask(self._qdrant, "PUT", path, {"points": points})
        if status != 200:
            raise Unknown(f"{path}: {status}")

    async def plant(self) -> None:
        """Make a collection that is none of the operator's business."""
        await self._ask(self._qdrant, "PUT", f"/collections/{FOREIGN}", {"vectors": {}})
        await self.fill(FOREIGN, "somebody")
        self.ledger.foreign[FOREIGN] = POINTS

    async def scene(self) -> Scene:
        """Everything as it is now. Raises ``Unknown``."""
        status, listed = await self._ask(self._kubernetes, "GET", _OBJECTS)
        if status != 200:
            raise Unknown(f"list: {status}")
        documents = await asyncio.to_thread(self._documents)
        _, answer = await self._ask(self._qdrant, "GET", "/collections")
        names = [collection["name"] for collection in answer["result"]["collections"]]
        found = {name: await self._collection(name) for name in names}
        return Scene(tuple(listed["items"]), documents, {name: one for name, one in found.items() if one is not None})

    async def _collection(self, name: str) -> Found | None:
        status, answer = await self._ask(self._qdrant, "GET", f"/collections/{name}")
        if status == 404:
            return None
        config = answer["result"]["config"]
        params = config["params"]
        vectors = {*(params.get("vectors") or {}), *(params.get("sparse_vectors") or {})}
        indexes = {field: str(one["data_type"]) for field, one in answer["result"]["payload_schema"].items()}
        return Found(frozenset(vectors), indexes, config.get("metadata") or {}, await self._points(name))

    async def _points(self, name: str) -> Counter[str]:
        counts, offset = Counter[str](), None
        while True:
            body = {"limit": _FACET_LIMIT, "with_payload": ["namespace_id"], "offset": offset}
            _, answer = await self._ask(self._qdrant, "POST", f"/collections/{name}/points/scroll", body)
            counts.update(str((point["payload"] or {}).get("namespace_id")) for point in answer["result"]["points"])
            offset = answer["result"]["next_page_offset"]
            if offset is None:
                return counts

    def _documents(self) -> tuple[Object, ...]:
        with pymongo.MongoClient[Object](self.stack.mongodb_uri, timeoutMS=10_000) as client:
            return tuple(client[self.stack.mongodb_database]["namespaces"].find())

    async def _ask(
        self, session: aiohttp.ClientSession, method: str, path: str, body: object = None
    ) -> tuple[int, Any]:
        try:
            async with session.request(method, path, json=body) as answer:
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Unknown(f"{method} {path}: {type(error).__name__}") from error
