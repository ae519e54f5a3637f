"""What a MongoDB server says of itself, for those who look whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError

from namespace_operator.stores.mongodb.driver import InvalidConnectionString, close_client
from namespace_operator.stores.mongodb.errors import translated
from namespace_operator.stores.mongodb.store import NAMESPACES

_APP = "namespace-operator"


@dataclass(frozen=True, slots=True)
class MongoFacts:
    """``replica_set`` None: it is none, and writes cannot be acknowledged by a majority. ``indexes`` are those of the
    namespace documents by name, each with whether it is unique; ``states`` how many documents an instance has in each.
    """

    version: str
    replica_set: str | None
    is_primary: bool
    members: int
    local_time: datetime | None
    indexes: Mapping[str, bool]
    states: Mapping[str, int]


async def mongo_facts(uri: str, database: str, instance_id: str, *, timeout_seconds: float) -> MongoFacts:
    """Ask a server. Raises ``BackendError`` and ``InvalidConnectionString``."""
    try:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            uri, timeoutMS=int(timeout_seconds * 1000), tz_aware=True, appname=_APP
        )
    except (ConfigurationError, ValueError):
        raise InvalidConnectionString from None
    try:
        with translated("asking the server what it is"):
            hello = await client.admin.command("hello")
            version = (await client.server_info())["version"]
            namespaces = client[database][NAMESPACES]
            indexes = await namespaces.index_information()
            grouped = await namespaces.aggregate(
                [
                    {"$match": {"owner.instance_id": instance_id}},
                    {"$group": {"_id": "$state", "count": {"$sum": 1}}},
                ]
            )
            states = {str(row["_id"]): int(row["count"]) async for row in grouped}
    finally:
        await close_client(client)
    moment = hello.get("localTime")
    return MongoFacts(
        version=str(version),
        replica_set=hello.get("setName"),
        is_primary=bool(hello.get("isWritablePrimary")),
        members=len(hello.get("hosts", ())),
        local_time=moment.astimezone(UTC) if isinstance(moment, datetime) else None,
        indexes={name: bool(index.get("unique")) for name, index in indexes.items()},
        states=states,
    )
