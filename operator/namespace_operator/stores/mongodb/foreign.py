"""Every document that may be a namespace's, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError

from namespace_operator.domain.document import MalformedDocument, NamespaceDocument
from namespace_operator.domain.parsing import parse_namespace
from namespace_operator.stores.mongodb.driver import InvalidConnectionString, close_client
from namespace_operator.stores.mongodb.errors import translated
from namespace_operator.stores.mongodb.store import NAMESPACES

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FoundDocuments:
    """Documents of operators, those that somebody else wrote, and those of operators that cannot be read."""

    ours: tuple[NamespaceDocument, ...]
    foreign: tuple[Raw, ...]
    malformed: tuple[MalformedDocument, ...]


async def all_documents(
    uri: str, database: str, collection: str = NAMESPACES, *, where: Raw | None = None, timeout_seconds: float = 30.0
) -> FoundDocuments:
    """Read them all; ``where`` chooses among those of somebody else. Raises ``BackendError``."""
    try:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            uri, timeoutMS=int(timeout_seconds * 1000), tz_aware=True
        )
    except (ConfigurationError, ValueError):
        raise InvalidConnectionString from None
    try:
        with translated("reading all namespace documents"):
            known = client[database][collection]
            owned = await known.find({"owner.instance_id": {"$exists": True}}).sort("_id").to_list()
            theirs = {"owner": {"$exists": False}, "instance_id": {"$exists": False}, **(where or {})}
            foreign = await known.find(theirs).sort("_id").to_list()
    finally:
        await close_client(client)
    parsed = [parse_namespace(raw) for raw in owned]
    return _sorted_out(parsed, foreign)


def _sorted_out(parsed: Sequence[NamespaceDocument | MalformedDocument], foreign: Sequence[Raw]) -> FoundDocuments:
    ours = tuple(document for document in parsed if isinstance(document, NamespaceDocument))
    malformed = tuple(document for document in parsed if isinstance(document, MalformedDocument))
    return FoundDocuments(ours, tuple(foreign), malformed)
