"""The three servers as a bare client reaches them, and where they are."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from devstack.control_plane import ADMIN
from devstack.stack import Stack
from namespace_operator.api.resource import GROUP, PLURAL, VERSION

Object = dict[str, Any]

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Access:
    """Addresses and credentials, as they are handed to a process in a file."""

    kubernetes: str
    ca: str
    token: str
    qdrant: str
    qdrant_key: str | None
    mongodb: str
    database: str

    def save(self, path: Path) -> None:
        """Write them where only this user can read them."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Access:
        """Read what ``save`` wrote."""
        return cls(**json.loads(path.read_text()))

    @classmethod
    def of(cls, stack: Stack) -> Access:
        """The local stack's, as its administrator."""
        content = yaml.safe_load(stack.kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        return cls(
            kubernetes=cluster["server"],
            ca=cluster["certificate-authority"],
            token=next(entry["user"]["token"] for entry in content["users"] if entry["name"] == ADMIN),
            qdrant=stack.qdrant_url,
            qdrant_key=stack.qdrant_api_key,
            mongodb=stack.mongodb_uri,
            database=stack.mongodb_database,
        )


@dataclass(frozen=True, slots=True)
class Servers:
    """Open connections to all three."""

    kubernetes: aiohttp.ClientSession
    qdrant: aiohttp.ClientSession
    mongodb: AsyncMongoClient[Object]
    database: AsyncDatabase[Object]

    async def send(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Object:
        """One request to the API server. Raises ``RuntimeError`` where it is refused."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.kubernetes.request(method, path, data=data, headers={"Content-Type": kind}) as answer:
            text = await answer.text()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {text}")
            found: Object = json.loads(text)
            return found

    async def ask(self, method: str, path: str, body: Object | None = None) -> Object:
        """One request to Qdrant. Raises ``RuntimeError`` where it is refused."""
        async with self.qdrant.request(method, path, json=body) as answer:
            text = await answer.text()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {text}")
            found: Object = json.loads(text)
            return found


def namespaces_path(organization: str) -> str:
    """Where the Namespaces of a Kubernetes namespace are."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{organization}/{PLURAL}"


@asynccontextmanager
async def connected(access: Access, agent: str) -> AsyncIterator[Servers]:
    """Connections to all three; ``agent`` is who the API server's audit log says it was."""
    tls = ssl.create_default_context(cafile=access.ca)
    async with (
        aiohttp.ClientSession(
            access.kubernetes,
            headers={"Authorization": f"Bearer {access.token}", "User-Agent": agent},
            connector=aiohttp.TCPConnector(ssl=tls, limit=32),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as kubernetes,
        aiohttp.ClientSession(
            access.qdrant, headers={"api-key": access.qdrant_key} if access.qdrant_key else {}
        ) as qdrant,
        AsyncMongoClient[Object](
            access.mongodb, w="majority", readConcernLevel="majority", retryWrites=False, tz_aware=True, appname=agent
        ) as mongodb,
    ):
        yield Servers(kubernetes, qdrant, mongodb, mongodb[access.database])


async def events(servers: Servers, path: str, version: str) -> AsyncIterator[Object]:
    """The events of a watch from a version on. It goes on where the server ends it; raises where it has gone on."""
    while True:
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        async with servers.kubernetes.get(path, params=query, read_bufsize=2**22) as answer:
            async for line in answer.content:
                event: Object = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"watch of {path}: {event['object']}")
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield event
