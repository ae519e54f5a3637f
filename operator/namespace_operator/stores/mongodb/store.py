"""The metadata store over MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from collections.abc import Collection as Names
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pymongo
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from namespace_operator.domain.document import Binding, MalformedDocument, NamespaceDocument, OwnedDocument, State
from namespace_operator.domain.observed import Counts, Residents, ServerRecord
from namespace_operator.domain.parsing import (
    FoundDocument,
    OwnDocument,
    parse_document,
    parse_namespace,
    parse_shared,
    summarize_document,
)
from namespace_operator.domain.shared import SharedCollection, SharedState
from namespace_operator.domain.usage import FILTER_USAGE, FilterUsage
from namespace_operator.stores.errors import Backend, BackendError, Outdated, Rejected
from namespace_operator.stores.fence import UNFENCED, Fence
from namespace_operator.stores.mongodb import queries
from namespace_operator.stores.mongodb.driver import close_client, make_client
from namespace_operator.stores.mongodb.errors import translated
from namespace_operator.stores.mongodb.fencing import FENCE
from namespace_operator.stores.mongodb.monitoring import Monitor
from namespace_operator.stores.mongodb.terms import EPOCH, Term, epoch_of, not_later_than, stamp
from namespace_operator.stores.mongodb.usage import make_usage_indexes, read_usage

NAMESPACES = "namespaces"
SERVERS = "servers"
OWN = (NAMESPACES, SERVERS)
COUNTED = ("buckets", "collections", "objects")

_CHUNK = 5_000
_BATCH = 200
"""Documents that are decoded in one go."""

_SOME = 10
_RETIRED_TIMEOUTS = 20
"""How many timeouts a former client stays open: a list that is being read takes several operations."""

Raw = dict[str, Any]


class MongoStore:
    """Namespace documents in the database ``database`` of the replica set behind ``uri``.

    ``timeout_seconds`` bounds each operation as a whole, retries of reads included. Writes wait for the majority and
    are never retried by the driver: one that ends in ``Unavailable`` may have happened, and is looked up. ``monitor``
    listens to the driver.

    Nothing begins that ``fence`` does not let pass, and nothing lasts longer than what is left then: the driver looks
    at that deadline right before it sends. With ``term_of``, an instance's id, documents are written within a term of
    leadership of that instance, which nobody of an earlier one can do any more.
    Raises ``InvalidConnectionString``.
    """

    def __init__(
        self,
        uri: str,
        database: str,
        *,
        timeout_seconds: float = 3.0,
        fence: Fence = UNFENCED,
        term_of: str | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        self._monitor = monitor
        self._fence = fence
        self._term = Term(term_of) if term_of is not None else None
        self._name = database
        self._timeout_seconds = timeout_seconds
        self._client = make_client(uri, timeout_seconds, monitor)
        self._retired: dict[asyncio.Task[None], AsyncMongoClient[Raw]] = {}
        self._indexed = False

    def reconnect(self, uri: str) -> None:
        """Send everything that begins from now on to this connection string. What is under way ends as it began.

        Raises ``InvalidConnectionString``, and then goes on as before.
        """
        former, self._client = self._client, make_client(uri, self._timeout_seconds, self._monitor)
        self._indexed = False
        task = asyncio.create_task(self._retire(former))
        self._retired[task] = former
        task.add_done_callback(self._retired.pop)

    async def close(self) -> None:
        """Close the connections, within a second or two whether or not MongoDB answers."""
        retired = dict(self._retired)
        for task in retired:
            task.cancel()
        await asyncio.gather(*retired, return_exceptions=True)
        await asyncio.gather(*(close_client(client) for client in (self._client, *retired.values())))

    async def _retire(self, client: AsyncMongoClient[Raw]) -> None:
        await asyncio.sleep(_RETIRED_TIMEOUTS * self._timeout_seconds)
        await close_client(client)

    @property
    def _database(self) -> AsyncDatabase[Raw]:
        return self._client[self._name]

    @contextmanager
    def _operation(self, request: str) -> Iterator[None]:
        """Operations, and what their failure means; what others do meanwhile must not be awaited within it."""
        left = self._fence.remaining()
        token = FENCE.set(self._fence)
        try:
            # The inner one has each operation begin with the client's own timeout, which ends no later than the outer.
            with translated(request), pymongo.timeout(left), pymongo.timeout(None):
                yield
        except BackendError:
            # What failed for want of time that only the next leader has is no failure of the server.
            self._fence.check()
            raise
        finally:
            FENCE.reset(token)

    @property
    def _namespaces(self) -> AsyncCollection[Raw]:
        return self._database[NAMESPACES]

    async def find(self, claims: Names[str]) -> Sequence[FoundDocument]:
        """The documents that hold one of the claims."""
        with self._operation("reading the namespace document"):
            found = await self._namespaces.find({"claims": {"$in": list(claims)}}).to_list()
        return [parse_document(raw) for raw in found]

    async def get(self, namespace_id: str) -> NamespaceDocument | MalformedDocument | None:
        """One namespace's document by its id."""
        with self._operation("reading the namespace document"):
            found = await self._namespaces.find_one({"_id": namespace_id})
        return None if found is None else parse_namespace(found)

    async def shared(self, document_id: str) -> SharedCollection | MalformedDocument | None:
        """One shared collection's document by its id."""
        with self._operation("reading the document of the shared collection"):
            found = await self._namespaces.find_one({"_id": document_id})
        return None if found is None else parse_shared(found)

    async def insert(self, document: OwnDocument) -> None:
        """Insert a document with all its claims."""
        number = await self._number()
        with self._operation("inserting the namespace document"):
            await self._ensure_indexes()
            await self._namespaces.insert_one(
                {"_id": document.document_id, **queries.fields_of(document), **stamp(number)}
            )

    async def replace(self, document: OwnDocument) -> None:
        """Set our fields where the revision is still the one before."""
        number, before = await self._number(), document.revision - 1
        found = {"_id": document.document_id, "revision": before, **not_later_than(number)}
        with self._operation("updating the namespace document"):
            await self._ensure_indexes()
            result = await self._namespaces.update_one(found, queries.update_to(document, stamp(number)))
        if result.matched_count == 0:
            await self._go_beyond(document.document_id)
            raise Outdated(f"{document.document_id} is not at revision {before}")

    async def delete(self, document_id: str, revision: int) -> None:
        """Delete the document at this revision; a missing one is fine."""
        number = await self._number()
        with self._operation("deleting the namespace document"):
            found = {"_id": document_id, "revision": revision, **not_later_than(number)}
            result = await self._namespaces.delete_one(found)
            left = None if result.deleted_count else await self._namespaces.find_one({"_id": document_id}, {"_id": 1})
        if left is not None:
            await self._go_beyond(document_id)
            raise Outdated(f"{document_id} is not at revision {revision}")

    async def join(self, document_id: str, namespace_id: str) -> SharedCollection:
        """Add a member where the collection is not closing: members that come at once do not hinder one another."""
        number = await self._number()
        active = {"_id": document_id, "state": SharedState.ACTIVE.value, **not_later_than(number)}
        join: Raw = {"$addToSet": {"members": namespace_id}, "$inc": {"revision": 1}}
        if number is not None:
            join["$set"] = stamp(number)
        with self._operation("joining a shared collection"):
            found = await self._namespaces.find_one_and_update(active, join, return_document=ReturnDocument.AFTER)
        joined = None if found is None else parse_shared(found)
        if not isinstance(joined, SharedCollection):
            await self._go_beyond(document_id)
            raise Outdated(f"{document_id} takes no members")
        return joined

    async def _number(self, *, above: int = 0) -> int | None:
        """The number of our term; None where documents are written in none."""
        if self._term is None:
            return None
        if (taken := self._term.taken(above)) is not None:
            return taken
        with self._operation("counting the terms of leadership"):
            return await self._term.number(self._database[SERVERS], above=above)

    async def _go_beyond(self, document_id: str) -> None:
        """Let our term be later than that of a document: it was restored without the record of the terms, say."""
        if self._term is None:
            return
        with self._operation("looking for the term of a document"):
            found = await self._namespaces.find_one({"_id": document_id}, {EPOCH: 1})
        await self._number(above=epoch_of(found))

    async def wanted_by(self, members: Names[str], field_names: Names[str]) -> Mapping[str, str]:
        """One aggregation, whose answer is as long as there are fields."""
        names = sorted(field_names)
        listed = [{"payload_indexes.field_name": {"$in": names}}, {"auto_indexes.indexes.field_name": {"$in": names}}]
        pipeline: list[Raw] = [
            {"$match": {"_id": {"$in": sorted(members)}, "state": {"$nin": queries.ENDING}, "$or": listed}},
            {
                "$project": {
                    "wanted": {"$concatArrays": [queries.as_list("$payload_indexes.field_name"), queries.MADE_FROM_USE]}
                }
            },
            {"$unwind": "$wanted"},
            {"$match": {"wanted": {"$in": names}}},
            {"$group": {"_id": "$wanted", "member": {"$min": "$_id"}}},
        ]
        with self._operation("looking for members that declare an index"):
            cursor = await self._namespaces.aggregate(pipeline)
            return {row["_id"]: row["member"] async for row in cursor if isinstance(row["_id"], str)}

    async def counts(self, namespace_ids: Names[str]) -> Mapping[str, Counts]:
        """One aggregation a collection for all the namespaces."""
        pipeline: list[Raw] = [
            {"$match": {"namespace_id": {"$in": sorted(namespace_ids)}}},
            {"$group": {"_id": "$namespace_id", "count": {"$sum": 1}}},
        ]
        with self._operation("counting buckets, collections and objects"):
            buckets, collections, objects = await asyncio.gather(*(self._grouped(name, pipeline) for name in COUNTED))
        return {
            namespace_id: Counts(
                buckets=buckets.get(namespace_id, 0),
                collections=collections.get(namespace_id, 0),
                objects=objects.get(namespace_id, 0),
            )
            for namespace_id in namespace_ids
        }

    async def filter_usage(self, namespace_ids: Names[str], now: datetime) -> Mapping[str, FilterUsage]:
        """The counters of recorders, added up by the server."""
        with self._operation("reading the use of filters"):
            return await read_usage(self._database[FILTER_USAGE], namespace_ids, now)

    async def delete_dependents(self, collection: str, namespace_id: str) -> bool:
        """Delete one chunk of what belongs to a namespace in a collection."""
        if collection in OWN:
            raise ValueError(f"{collection} is the operator's own")
        theirs = self._database[collection]
        with self._operation(f"deleting from {collection}"):
            found = await theirs.find({"namespace_id": namespace_id}, {"_id": 1}, limit=_CHUNK).to_list()
            if found:
                await theirs.delete_many({"_id": {"$in": [row["_id"] for row in found]}, "namespace_id": namespace_id})
        return len(found) == _CHUNK

    async def prepare(self) -> None:
        """Make the indexes, whether or not this process has made them before."""
        with self._operation("making the indexes of the namespace documents"):
            await self._make_indexes()
        with self._operation("making the indexes of the use of filters"):
            await make_usage_indexes(self._database[FILTER_USAGE])

    async def owned(self, instance_id: str) -> AsyncIterator[OwnedDocument]:
        """Every namespace's document of an instance, without reading the most of it."""
        found = self._namespaces.find({"owner.instance_id": instance_id}, queries.SUMMARY)
        async for raw in self._listed(found, "listing namespace documents"):
            summary = summarize_document(raw)
            if summary is not None:
                yield summary

    async def documents_on(self, instance_id: str, connection: str | None) -> AsyncIterator[FoundDocument]:
        """One list by the indexes of both kinds of document."""
        there = {"binding.connection": connection, "state": {"$ne": State.DELETED.value}}
        both = {"$or": [{"owner.instance_id": instance_id, **there}, {"instance_id": instance_id, **there}]}
        found = self._namespaces.find(both, batch_size=_BATCH)
        async for raw in self._listed(found, "reading the documents of a Qdrant server"):
            yield parse_document(raw)

    async def count_bound(self, instance_id: str, binding: Binding | None) -> int:
        """How many namespaces of an instance live on a server."""
        connection = binding.connection if binding else None
        there = {**queries.residing(instance_id), "binding.connection": connection}
        with self._operation("counting the namespaces of a Qdrant server"):
            return await self._namespaces.count_documents(there)

    async def bound(self, instance_id: str) -> Mapping[str | None, Residents]:
        """One aggregation over the documents of an instance."""
        name = {"$concat": [queries.as_text("$owner.organization"), "/", queries.as_text("$owner.cr_name")]}
        pipeline: list[Raw] = [
            {"$match": queries.residing(instance_id)},
            {"$project": {"connection": {"$ifNull": ["$binding.connection", None]}, "name": name}},
            {"$group": {"_id": "$connection", "count": {"$sum": 1}, "some": {"$minN": {"input": "$name", "n": _SOME}}}},
        ]
        with self._operation("counting the namespaces of all Qdrant servers"):
            cursor = await self._namespaces.aggregate(pipeline)
            found = {row["_id"]: Residents(row["count"], tuple(row["some"])) async for row in cursor}
        return {name: there for name, there in found.items() if name is None or isinstance(name, str)}

    async def shared_of(self, instance_id: str) -> AsyncIterator[SharedCollection]:
        """Every shared collection's document of an instance."""
        found = self._namespaces.find({"instance_id": instance_id})
        async for raw in self._listed(found, "listing the documents of shared collections"):
            document = parse_document(raw)
            if isinstance(document, SharedCollection):
                yield document

    async def server(self, name: str) -> ServerRecord | None:
        """What is recorded of the server behind a connection."""
        with self._operation("reading the record of the Qdrant server"):
            raw = await self._database[SERVERS].find_one({"_id": name})
        return None if raw is None else ServerRecord(str(raw.get("server_id")), bool(raw.get("confirmed")))

    async def forget_server(self, name: str) -> None:
        """Forget a server."""
        with self._operation("forgetting a Qdrant server"):
            await self._database[SERVERS].delete_one({"_id": name})

    async def record_server(self, name: str, record: ServerRecord, before: ServerRecord | None) -> None:
        """Record a server, where nothing or exactly ``before`` is recorded."""
        servers = self._database[SERVERS]
        with self._operation("recording the Qdrant server"):
            if before is None:
                await servers.insert_one({"_id": name, **asdict(record)})
                return
            result = await servers.update_one({"_id": name, **asdict(before)}, {"$set": asdict(record)})
        if result.matched_count == 0:
            raise Outdated(f"another Qdrant server is recorded for {name}")

    async def _listed(self, cursor: AsyncCursor[Raw], request: str) -> AsyncIterator[Raw]:
        """What a cursor finds. Between two of its operations the one who reads has time for operations of his own."""
        async with cursor:
            while True:
                with self._operation(request):
                    some = await cursor.to_list(_BATCH)
                if not some:
                    return
                for raw in some:
                    yield raw

    async def _grouped(self, collection: str, pipeline: Sequence[Raw]) -> Mapping[str, int]:
        cursor = await self._database[collection].aggregate(pipeline)
        # A row of somebody else's whose namespace_id is no string belongs to no namespace.
        return {row["_id"]: row["count"] async for row in cursor if isinstance(row["_id"], str)}

    async def _ensure_indexes(self) -> None:
        """No document is written before the unique index that the claims rest on exists."""
        if not self._indexed:
            await self._make_indexes()

    async def _make_indexes(self) -> None:
        request = "making the index of the claims"
        try:
            await self._namespaces.create_index("claims", name="claims", unique=True, sparse=True)
        except DuplicateKeyError as error:
            # Not somebody who was faster: the database holds what the index would have kept out.
            message = "MongoDB holds two namespace documents with one claim, restored side by side, say; remove one"
            raise Rejected(Backend.MONGODB, message, request) from error
        await self._namespaces.create_index("owner.instance_id", name="owner_instance")
        await self._namespaces.create_index("instance_id", name="shared_instance", sparse=True)
        self._indexed = True
