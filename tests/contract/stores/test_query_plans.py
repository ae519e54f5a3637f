"""Every request to the operator's collections goes by an index, as MongoDB's profiler tells at 10,000 documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from devstack import external
from devstack.stores import MongoDB
from namespace_operator.domain.parsing import OwnDocument
from namespace_operator.stores.mongodb import MongoStore
from tests.contract.stores.documents import INSTANCE, document, following, shared

_DOCUMENTS = 10_000
_SHARED = 20
_NOW = datetime(2026, 11, 26, 12, 35, tzinfo=UTC)
_MEMBERS = [document(number).namespace_id for number in range(2_000)]

Request = Callable[[MongoStore], Awaitable[object]]


async def _owned(store: MongoStore) -> int:
    return len([entry async for entry in store.owned(INSTANCE)])


async def _shared_of(store: MongoStore) -> int:
    return len([entry async for entry in store.shared_of(INSTANCE)])


REQUESTS: dict[str, tuple[Request, int]] = {
    "find": (lambda store: store.find(["resource/7", "name/8", "collection/products-3", "name/none"]), 3),
    "get": (lambda store: store.get(document(7).namespace_id), 1),
    "shared": (lambda store: store.shared(shared(3).document_id), 1),
    "wanted_by": (lambda store: store.wanted_by(_MEMBERS, ["city", "country"]), len(_MEMBERS)),
    "owned": (_owned, _DOCUMENTS // 2),
    "shared_of": (_shared_of, _SHARED),
    "replace": (lambda store: store.replace(following(document(9))), 1),
    "replace a shared collection": (lambda store: store.replace(following(shared(9))), 1),
    "delete": (lambda store: store.delete(document(11).namespace_id, 1), 1),
    "insert": (lambda store: store.insert(document(_DOCUMENTS)), 0),
}
"""A request, and how many documents it may look at."""


class Profiled:
    """A store, and what the server does for its requests."""

    def __init__(self, uri: str) -> None:
        name = f"plans_{uuid4().hex[:12]}"
        self.store = MongoStore(uri, name, timeout_seconds=30)
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
        self._database = self._client[name]

    async def fill(self) -> None:
        """Insert so many documents, half of them another instance's."""
        await self.store.prepare()
        instances = (INSTANCE, "instance-2")
        namespaces = (document(number, instance_id=instances[number % 2]) for number in range(_DOCUMENTS))
        collections = (shared(number, members=tuple(_MEMBERS)) for number in range(_SHARED))
        everything: list[OwnDocument] = [*namespaces, *collections]
        rows = ({"_id": one.document_id, **one.model_dump(mode="python")} for one in everything)
        await self._database["namespaces"].insert_many(rows, ordered=False)

    async def fill_usage(self) -> None:
        """Insert what recorders of three services write."""
        await self.store.prepare()
        used = [
            {"namespace_id": f"ns_{n}", "field": f"f{m}", "last_used_at": _NOW} for n in range(100) for m in range(10)
        ]
        counters = [
            {**field, "kind": "exact", "count": 1, "hour": _NOW - timedelta(hours=hour)}
            for field in used
            for hour in range(10)
        ]
        services = [{"_id": f"service/{n}", "at": _NOW, "since": _NOW} for n in range(3)]
        rows = [*used, *({name: row[name] for name in row if name != "last_used_at"} for row in counters), *services]
        await self._database["filter_usage"].insert_many([{**row} for row in rows], ordered=False)

    async def plans(self, request: Request, collection: str = "namespaces") -> tuple[str, int]:
        """The plans of a request, and how many documents it looked at."""
        await self._database.command("profile", 2)
        await request(self.store)
        await self._database.command("profile", 0)
        cursor = self._database["system.profile"].find({"ns": f"{self._database.name}.{collection}"})
        entries = await cursor.to_list()
        await self._database.drop_collection("system.profile")
        assert entries, "the server has recorded nothing"
        plans = "; ".join(str(entry.get("planSummary", "")) for entry in entries)
        return plans, sum(entry.get("docsExamined", 0) for entry in entries)

    async def close(self) -> None:
        """Drop the database and close the connections."""
        await self._client.drop_database(self._database.name)
        await self._client.close()
        await self.store.close()


@pytest.fixture
async def profiled(request: pytest.FixtureRequest) -> AsyncIterator[Profiled]:
    server: MongoDB = external.from_environment().mongodb or request.getfixturevalue("own_mongodb")
    database = Profiled(server.uri)
    yield database
    await database.close()


async def test_no_request_looks_at_the_use_of_every_namespace(profiled: Profiled) -> None:
    await profiled.fill_usage()
    requests: dict[str, tuple[Request, int]] = {
        "filter_usage": (lambda store: store.filter_usage(["ns_7", "ns_8"], _NOW), 2 * 110 + 3),
        "delete_dependents": (lambda store: store.delete_dependents("filter_usage", "ns_9"), 2 * 110),
    }
    found = {name: await profiled.plans(request, "filter_usage") for name, (request, _) in requests.items()}
    assert not {name: plans for name, (plans, _) in found.items() if "COLLSCAN" in plans}
    assert {name: examined for name, (_, examined) in found.items()} == {
        name: examined for name, (_, examined) in requests.items()
    }


async def test_no_request_looks_at_every_document(profiled: Profiled) -> None:
    await profiled.fill()
    found = {name: await profiled.plans(request) for name, (request, _) in REQUESTS.items()}
    assert not {name: plans for name, (plans, _) in found.items() if "COLLSCAN" in plans}
    assert {name: examined for name, (_, examined) in found.items()} == {
        name: examined for name, (_, examined) in REQUESTS.items()
    }
