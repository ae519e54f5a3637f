"""What a Qdrant server and MongoDB hold of many namespaces, in a few reads for all of them.

Namespaces that are settled on one server are compared again at the same moment, so that one look serves them all. It
is believed for seconds, and is never a reason to write to a store: where something is amiss in it, the namespace is
looked at by itself.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass, field

import structlog

from namespace_operator.controller.folded import Folded
from namespace_operator.controller.reading import Collections, Documents
from namespace_operator.controller.shared import Shared
from namespace_operator.domain.document import Binding, MalformedDocument, NamespaceDocument
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Collection, Counts
from namespace_operator.domain.parsing import FoundDocument
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.stores.errors import BackendError
from namespace_operator.stores.protocols import MetadataStore, ReadAtOnce, VectorStore

FEWEST = 8
"""Namespaces of one server that are worth a look at all of them."""

_DOCUMENTS_IN_A_ROW = 20
_REST_SECONDS = 30.0
_TOTAL_SECONDS = 3600.0
_SOON = 0.02
_SOONEST = 0.1
"""The part of an interval that passes at least until the next look: what has just been looked at can wait."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look showed: documents by their claims, collections by name, counts by namespace id.

    ``collections`` lacks those that the server did not tell of, whether or not it has them.
    """

    holders: Mapping[str, FoundDocument] = field(default_factory=dict)
    collections: Mapping[str, Collection] = field(default_factory=dict)
    counts: Mapping[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenDocuments:
    """Documents as they were seen. Claims are unique: who holds each one of them is all that there is to find.

    What was not seen is asked for.
    """

    seen: Seen
    live: Documents

    async def find(self, claims: Names[str]) -> Sequence[FoundDocument]:
        """The holders that were seen, or a read where one of the claims has none."""
        holders = [self.seen.holders.get(claim) for claim in claims]
        known = {holder.document_id: holder for holder in holders if holder is not None}
        return await self.live.find(claims) if None in holders else list(known.values())

    async def get(self, namespace_id: str) -> NamespaceDocument | MalformedDocument | None:
        """A read."""
        return await self.live.get(namespace_id)

    async def shared(self, document_id: str) -> SharedCollection | MalformedDocument | None:
        """A read: a newer document is asked for than the one that was found."""
        return await self.live.shared(document_id)

    async def wanted_by(self, members: Names[str], field_names: Names[str]) -> Mapping[str, str]:
        """A read."""
        return await self.live.wanted_by(members, field_names)

    async def count_bound(self, instance_id: str, binding: Binding | None) -> int:
        """A read."""
        return await self.live.count_bound(instance_id, binding)


@dataclass(frozen=True, slots=True)
class SeenCollections:
    """Collections of one server as they were seen. What was not seen is asked for."""

    seen: Seen
    live: Collections

    async def read(self, collection: str) -> Collection | None:
        """The collection that was seen, or a read: only the server itself can say that there is none."""
        return self.seen.collections.get(collection) or await self.live.read(collection)

    async def aliases(self, collection: str) -> tuple[str, ...]:
        """A read."""
        return await self.live.aliases(collection)

    async def alias_target(self, name: str) -> str | None:
        """A read."""
        return await self.live.alias_target(name)

    async def count_points(self, collection: str, namespace_id: str | None = None) -> int:
        """A read."""
        return await self.live.count_points(collection, namespace_id)


@dataclass(slots=True)
class Overview:
    """The namespaces that are settled on one Qdrant server, and the latest look at all of them.

    ``connection`` is the server's name in documents, None for the operator's own. A look is believed for ``max_age``
    seconds, or twice as long as it took, and taken only for ``fewest`` namespaces or more.
    """

    instance_id: str
    connection: str | None
    metadata: MetadataStore
    vectors: VectorStore
    monotonic: Callable[[], float]
    max_age: float = 5.0
    fewest: int = FEWEST
    _settled: set[Key] = field(default_factory=set)
    _total: int = 0
    _documents: int = 0
    _began: float = 0.0
    _counted_at: float = 0.0
    _rests_until: float = 0.0
    _shared: Shared[Seen] = field(init=False)

    def __post_init__(self) -> None:
        self._shared = Shared(self._look, self.monotonic, self.max_age, self.vectors.waiting)

    def __contains__(self, key: Key) -> bool:
        return key in self._settled

    def join(self, key: Key) -> None:
        """A namespace is settled here."""
        self._settled.add(key)

    def leave(self, key: Key) -> None:
        """A namespace is not, or no longer."""
        self._settled.discard(key)

    @property
    def is_worthwhile(self) -> bool:
        """Whether one look at all costs less than one at each.

        It does not for few, nor where most of what the server would tell of belongs to somebody else. How much that is
        is asked again after an hour.
        """
        settled = len(self._settled)
        # After a start few are settled yet, but what was looked at said how many there are.
        own = max(settled, self._documents)
        is_crowded = self._total > 2 * own and self.monotonic() - self._counted_at < _TOTAL_SECONDS
        return settled >= self.fewest and not is_crowded

    def due_in(self, interval: float) -> float:
        """Seconds until the next look, of which there is one each interval, at another moment for each server."""
        moment = zlib.crc32((self.connection or "").encode()) / 2**32 * interval
        seconds = (moment - self.monotonic()) % interval
        return seconds if seconds >= _SOONEST * interval else seconds + interval

    @property
    def is_being_taken(self) -> bool:
        """Whether a look is under way."""
        return self._shared.is_asking

    @property
    def soon(self) -> float:
        """Seconds after which to come back for a look that is under way, while it will still be believed.

        Of one that takes long nobody asks often: each of many thousands would.
        """
        return max(self.max_age * _SOON, (self.monotonic() - self._began) / 2)

    async def seen(self) -> Seen | None:
        """The latest look; None where it failed not long ago. It tells of no failure: those who look closer do."""
        if self.monotonic() < self._rests_until:
            return None
        try:
            return await self._shared.get()
        except BackendError as error:
            structlog.get_logger().warning("no overview", connection=self.connection, error=str(error))
            self._rests_until = self.monotonic() + _REST_SECONDS
            return None

    async def _look(self) -> Seen:
        self._began = self.monotonic()
        holders, collections, ids, number = Folded(), set[str](), list[str](), 0
        async for document in self.metadata.documents_on(self.instance_id, self.connection):
            holders.add(document)
            if not isinstance(document, MalformedDocument):
                collections.add(document.collection)
            if isinstance(document, NamespaceDocument):
                ids.append(document.namespace_id)
            number += 1
            if number % _DOCUMENTS_IN_A_ROW == 0:
                await asyncio.sleep(0)
        read, counts = await asyncio.gather(self.vectors.read_at_once(collections), self.metadata.counts(ids))
        self._note(read, len(ids))
        # The more there are the longer it takes to look at them, and to compare them with what was seen.
        self._shared.max_age = max(self.max_age, 2 * (self.monotonic() - self._began))
        # What nobody asks for any more need not stay in memory.
        asyncio.get_running_loop().call_later(2 * self._shared.max_age, self._shared.forget)
        return Seen(holders, {} if read is None else read.collections, counts)

    def _note(self, read: ReadAtOnce | None, documents: int) -> None:
        self._documents = documents
        self._total, self._counted_at = 0 if read is None else read.total, self.monotonic()
