"""The operator's database in memory: documents as BSON, unique claims, compare-and-set by revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from namespace_operator.domain.document import Binding, MalformedDocument, NamespaceDocument, OwnedDocument
from namespace_operator.domain.observed import Counts, Residents, ServerRecord
from namespace_operator.domain.parsing import (
    FoundDocument,
    OwnDocument,
    parse_document,
    parse_namespace,
    parse_shared,
    summarize_document,
)
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.usage import FILTER_USAGE, FilterUsage
from namespace_operator.stores.errors import Backend, ClaimTaken, Outdated, Rejected, Unauthorized, Unavailable
from namespace_operator.stores.mongodb import OWN
from tests.world.faults import Faults
from tests.world.usage import usage_of

T = TypeVar("T")
Raw = dict[str, Any]

_CHUNK = 2
_COUNTED = ("buckets", "collections", "objects")

_CODEC: CodecOptions[Raw] = CodecOptions(tz_aware=True)


@dataclass(slots=True)
class ModelMetadataStore:
    """The metadata store over documents that outlive every operator.

    ``refuses`` makes every request unauthorized, ``down`` leaves every one without an answer.
    """

    faults: Faults
    documents: dict[str, bytes] = field(default_factory=dict)
    """Documents by ``_id``, as BSON: what was read can never change what is stored."""
    belongings: dict[str, list[Raw]] = field(default_factory=lambda: {name: [] for name in (*_COUNTED, FILTER_USAGE)})
    servers: dict[str, ServerRecord] = field(default_factory=dict)
    terms: dict[str, int] = field(default_factory=dict)
    """The number of the last term of leadership by instance."""
    usage: dict[str, FilterUsage] = field(default_factory=dict)
    """How a namespace's fields are filtered by, whatever recorders wrote."""
    refuses: bool = False
    down: bool = False

    async def find(self, claims: Names[str]) -> Sequence[FoundDocument]:
        """The documents that hold one of the claims."""
        wanted = set(claims)

        def look() -> list[FoundDocument]:
            holders = (document for document in self.documents.values() if wanted & _claims_of(document))
            return [parse_document(_decoded(document)) for document in holders]

        return self._read(look)

    async def get(self, namespace_id: str) -> NamespaceDocument | MalformedDocument | None:
        """One namespace's document by its id."""
        raw = self._read(lambda: self.raw(namespace_id))
        return None if raw is None else parse_namespace(raw)

    async def shared(self, document_id: str) -> SharedCollection | MalformedDocument | None:
        """One shared collection's document by its id."""
        raw = self._read(lambda: self.raw(document_id))
        return None if raw is None else parse_shared(raw)

    async def insert(self, document: OwnDocument, *, epoch: int | None = None) -> None:
        """Insert a document with all its claims, in this term."""

        def act() -> None:
            if document.document_id in self.documents:
                raise ClaimTaken(f"there is a document {document.document_id}")
            self._refuse_taken(document)
            self._put({"_id": document.document_id, **_raw(document), **_stamp(epoch)})

        self._write(f"insert document {document.document_id}", act)

    async def replace(self, document: OwnDocument, *, epoch: int | None = None) -> None:
        """Set our fields where the revision is still the one before, and no later term wrote it."""

        def act() -> None:
            found = self.raw(document.document_id)
            if found is None or found.get("revision") != document.revision - 1 or _is_later(found, epoch):
                raise Outdated(f"{document.document_id} is not at revision {document.revision - 1}")
            self._refuse_taken(document)
            self._put({**found, **_raw(document), **_stamp(epoch)})

        self._write(f"replace document {document.document_id} ({document.state})", act)

    async def delete(self, document_id: str, revision: int, *, epoch: int | None = None) -> None:
        """Delete the document at this revision; a missing one is fine."""

        def act() -> None:
            found = self.raw(document_id)
            if found is None:
                return
            if found.get("revision") != revision or _is_later(found, epoch):
                raise Outdated(f"{document_id} is not at revision {revision}")
            del self.documents[document_id]

        self._write(f"delete document {document_id}", act)

    async def join(self, document_id: str, namespace_id: str, *, epoch: int | None = None) -> SharedCollection:
        """Add a member where the collection is not closing."""

        def act() -> SharedCollection:
            found = self.raw(document_id)
            if found is None or found.get("state") != "active" or _is_later(found, epoch):
                raise Outdated(f"{document_id} takes no members")
            members = [*found["members"], *([] if namespace_id in found["members"] else [namespace_id])]
            new = {**found, "members": members, "revision": found["revision"] + 1, **_stamp(epoch)}
            self._put(new)
            joined = parse_shared(new)
            assert isinstance(joined, SharedCollection)
            return joined

        return self._write(f"join {document_id} as {namespace_id}", act)

    async def wanted_by(self, members: Names[str], field_names: Names[str]) -> Mapping[str, str]:
        """Who still wants an index on these fields."""

        def look() -> Mapping[str, str]:
            wanted: dict[str, str] = {}
            for raw in sorted(self.all_raw(), key=lambda raw: str(raw["_id"])):
                if raw["_id"] in members and raw.get("state") not in ("deleting", "deleted"):
                    for field_name in (_declared(raw) | _made(raw)) & set(field_names):
                        wanted.setdefault(field_name, raw["_id"])
            return wanted

        return self._read(look)

    async def counts(self, namespace_ids: Names[str]) -> Mapping[str, Counts]:
        """What belongs to each namespace."""

        def look() -> Mapping[str, Counts]:
            return {
                namespace_id: Counts(**{name: _count(self.belongings[name], namespace_id) for name in _COUNTED})
                for namespace_id in namespace_ids
            }

        return self._read(look)

    async def filter_usage(self, namespace_ids: Names[str], now: datetime) -> Mapping[str, FilterUsage]:
        """The use that recorders wrote, or what a test says there is, whatever the time."""
        rows = self.belongings[FILTER_USAGE]
        return self._read(lambda: {each: self.usage.get(each) or usage_of(rows, each, now) for each in namespace_ids})

    async def delete_dependents(self, collection: str, namespace_id: str) -> bool:
        """Delete one chunk of what belongs to a namespace."""
        if collection in OWN:
            raise ValueError(f"{collection} is the operator's own")

        def act() -> bool:
            rows = self.belongings.get(collection, [])
            chunk = [row for row in rows if row.get("namespace_id") == namespace_id][:_CHUNK]
            self.belongings[collection] = [row for row in rows if not any(row is gone for gone in chunk)]
            return len(chunk) == _CHUNK

        return self._write(f"delete {collection} of {namespace_id}", act)

    async def prepare(self) -> None:
        """The unique index is always there."""

    async def owned(self, instance_id: str) -> AsyncIterator[OwnedDocument]:
        """A summary of every namespace's document of an instance."""
        for raw in self._read(lambda: list(self.all_raw())):
            summary = summarize_document(raw)
            if summary is not None and raw["owner"].get("instance_id") == instance_id:
                yield summary

    async def count_bound(self, instance_id: str, binding: Binding | None) -> int:
        """How many namespaces of an instance live on a server."""

        def look() -> int:
            connection = binding.connection if binding else None
            there = (raw for raw in self.all_raw() if raw.get("owner", {}).get("instance_id") == instance_id)
            alive = (raw for raw in there if raw["state"] != "deleted")
            return sum((raw.get("binding") or {}).get("connection") == connection for raw in alive)

        return self._read(look)

    async def bound(self, instance_id: str) -> Mapping[str | None, Residents]:
        """The namespaces of an instance by the connection they are bound to."""

        def look() -> Mapping[str | None, Residents]:
            names = defaultdict[str | None, list[str]](list)
            for raw in self.all_raw():
                owner = raw.get("owner", {})
                if owner.get("instance_id") == instance_id and raw.get("state") != "deleted":
                    connection = (raw.get("binding") or {}).get("connection")
                    names[connection].append(f"{owner.get('organization', '?')}/{owner.get('cr_name', '?')}")
            return {connection: Residents(len(found), tuple(sorted(found)[:10])) for connection, found in names.items()}

        return self._read(look)

    async def documents_on(self, instance_id: str, connection: str | None) -> AsyncIterator[FoundDocument]:
        """Every document that is bound there, but for tombstones."""
        for raw in self._read(lambda: list(self.all_raw())):
            owner, binding = raw.get("owner"), raw.get("binding") or {}
            instance = owner.get("instance_id") if isinstance(owner, dict) else raw.get("instance_id")
            if (instance, binding.get("connection")) == (instance_id, connection) and raw.get("state") != "deleted":
                yield parse_document(raw)

    async def shared_of(self, instance_id: str) -> AsyncIterator[SharedCollection]:
        """Every shared collection's document of an instance."""
        for raw in self._read(lambda: list(self.all_raw())):
            document = parse_document(raw)
            if isinstance(document, SharedCollection) and document.instance_id == instance_id:
                yield document

    async def server(self, name: str) -> ServerRecord | None:
        """What is recorded of the server behind a connection."""
        return self._read(lambda: self.servers.get(name))

    async def forget_server(self, name: str) -> None:
        """Forget a server."""
        self._write(f"forget server {name}", lambda: self.servers.pop(name, None))

    async def record_server(self, name: str, record: ServerRecord, before: ServerRecord | None) -> None:
        """Record a server, where nothing or exactly ``before`` is recorded."""

        def act() -> None:
            if self.servers.get(name) != before:
                raise Outdated(f"another Qdrant server is recorded for {name}")
            self.servers[name] = record

        self._write(f"record server {record.server_id} (confirmed: {record.confirmed})", act)

    async def open_term(self, instance_id: str, above: int = 0) -> int:
        """The number of a term that begins: higher than all before, and than ``above``."""

        def act() -> int:
            number = self.terms[instance_id] = max(self.terms.get(instance_id, 0), above) + 1
            return number

        return self._write(f"open a term above {above}", act)

    async def epoch_of(self, document_id: str) -> int:
        """The term that wrote a document last."""
        return self._read(lambda: _epoch(self.raw(document_id) or {}))

    def raw(self, document_id: str) -> Raw | None:
        """A document as it is stored, for a look past the operator."""
        found = self.documents.get(document_id)
        return None if found is None else bson.decode(found, _CODEC)

    def put_raw(self, raw: Raw) -> None:
        """Store a document of any shape, for a hand in the database."""
        self.documents[raw["_id"]] = bson.encode(raw)

    def all_raw(self) -> list[Raw]:
        """Every document as it is stored."""
        return [bson.decode(document, _CODEC) for document in self.documents.values()]

    def namespaces(self) -> list[Raw]:
        """The namespaces' documents as they are stored, as far as they say whose they are."""
        return [raw for raw in self.all_raw() if isinstance(raw.get("owner"), dict)]

    def _put(self, raw: Raw) -> None:
        try:
            self.put_raw(raw)
        except (BSONError, OverflowError) as error:
            raise Rejected(Backend.MONGODB, "MongoDB cannot store the document", "any") from error

    def _read(self, look: Callable[[], T]) -> T:
        self._authorize()
        return self.faults.read(_unavailable, look)

    def _write(self, what: str, act: Callable[[], T]) -> T:
        self._authorize()
        return self.faults.write(f"mongodb: {what}", _unavailable, act)

    def _authorize(self) -> None:
        if self.refuses:
            raise Unauthorized(Backend.MONGODB, "MongoDB refuses the credentials", "any")
        if self.down:
            raise _unavailable()

    def _refuse_taken(self, document: OwnDocument) -> None:
        others = (stored for name, stored in self.documents.items() if name != document.document_id)
        if any(set(document.claims) & _claims_of(stored) for stored in others):
            raise ClaimTaken("another document holds a claim")


@lru_cache(maxsize=4096)
def _claims_of(document: bytes) -> frozenset[str]:
    return frozenset(_claims(_decoded(document)))


def _stamp(epoch: int | None) -> Raw:
    return {} if epoch is None else {"epoch": epoch}


def _epoch(raw: Raw) -> int:
    found = raw.get("epoch")
    return int(found) if isinstance(found, int | float) else 0


def _is_later(raw: Raw, epoch: int | None) -> bool:
    """Whether a later term than this one wrote the document."""
    return epoch is not None and _epoch(raw) > epoch


def _decoded(document: bytes) -> Raw:
    return bson.decode(document, _CODEC)


def _claims(raw: Raw) -> set[str]:
    """The claims a document of any shape holds: MongoDB takes a lone value for a list of one."""
    claims = raw.get("claims", [])
    listed = claims if isinstance(claims, list) else [claims]
    return {claim for claim in listed if isinstance(claim, str)}


def _raw(document: OwnDocument) -> Raw:
    return document.model_dump(mode="python")


def _declared(raw: Raw) -> set[str]:
    """The fields on which a document of any shape declares an index."""
    declared = raw.get("payload_indexes")
    entries = declared if isinstance(declared, list) else [declared]
    names = (entry.get("field_name") for entry in entries if isinstance(entry, dict))
    return {name for name in names if isinstance(name, str)}


def _made(raw: Raw) -> set[str]:
    """The fields on which a document of any shape has an index from use."""
    auto = raw.get("auto_indexes")
    made = auto.get("indexes") if isinstance(auto, dict) else None
    entries = made if isinstance(made, list) else [made]
    created = (entry for entry in entries if isinstance(entry, dict) and entry.get("state") == "created")
    return {name for entry in created if isinstance(name := entry.get("field_name"), str)}


def _count(rows: Sequence[Raw], namespace_id: str) -> int:
    return sum(row["namespace_id"] == namespace_id for row in rows)


def _unavailable() -> Unavailable:
    return Unavailable(Backend.MONGODB, "MongoDB does not answer in time", "any")
