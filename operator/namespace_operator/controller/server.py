"""Which Qdrant server this is: a marker collection on the server, and a record of it in MongoDB.

Two addresses of one server have the same marker, a replaced server or one that lost its disk has none. The record
comes first and is confirmed once the marker stands, so that a crash in between is not taken for a replaced server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.api.profile import CollectionParameters
from namespace_operator.controller.shared import Shared
from namespace_operator.domain.identity import MARK_PREFIX
from namespace_operator.domain.observed import ServerIdentity, ServerRecord
from namespace_operator.stores.errors import Backend, Outdated, Rejected
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_MARKER_PARAMETERS = CollectionParameters(segment_number=1)
_KEY = f"{MARK_PREFIX}server"


async def _nobody_else() -> None:
    """No other cluster can have the instance id."""


@dataclass(slots=True)
class ServerCheck:
    """Compares marker and record, at most once in ``max_age`` seconds.

    ``name`` is that of the connection in MongoDB, ``claim`` makes sure that the instance id is this cluster's,
    ``new_id`` makes the id of a server that has none yet.
    """

    name: str
    metadata: MetadataStore
    vectors: VectorStore
    new_id: Callable[[], str]
    monotonic: Callable[[], float]
    claim: Callable[[], Awaitable[None]] = _nobody_else
    max_age: float = 10.0
    _shared: Shared[ServerIdentity] = field(init=False)

    def __post_init__(self) -> None:
        self._shared = Shared(self._ask, self.monotonic, self.max_age, self.vectors.waiting)

    async def identity(self) -> ServerIdentity:
        """Which server is meant and which one answers, as known for at most ``max_age`` seconds.

        Raises ``BackendError``, also where the instance id is found to be another cluster's.
        """
        return await self._shared.get()

    async def peek(self) -> ServerIdentity:
        """The same without making or recording anything where nothing is recorded yet."""
        record = await self.metadata.server(self.name)
        found = await self._read_marker()
        return ServerIdentity(record.server_id if record is not None and record.confirmed else found, found)

    async def _ask(self) -> ServerIdentity:
        await self.claim()
        # The record first: what it confirms has its marker by then, and is not taken for replaced.
        record = await self.metadata.server(self.name)
        found = await self._read_marker()
        if record is not None and record.confirmed:
            return ServerIdentity(record.server_id, found)
        if record is None and found is None:
            announced = ServerRecord(self.new_id(), confirmed=False)
            await self.metadata.record_server(self.name, announced, None)
            record = announced
        if found is None:
            assert record is not None
            found = await self._make_marker(record.server_id)
        await self.metadata.record_server(self.name, ServerRecord(found, confirmed=True), record)
        return ServerIdentity(found, found)

    async def _make_marker(self, server_id: str) -> str:
        try:
            await self.vectors.create_collection(MARKER_COLLECTION, (), {_KEY: server_id}, _MARKER_PARAMETERS)
        except Outdated:
            # Another operator was faster: its marker is as good.
            found = await self._read_marker()
            if found is not None:
                return found
            raise
        return server_id

    async def _read_marker(self) -> str | None:
        marker = await self.vectors.read(MARKER_COLLECTION)
        if marker is None:
            return None
        server_id = marker.metadata.get(_KEY)
        if not isinstance(server_id, str):
            message = f"Collection {MARKER_COLLECTION} is reserved for the operator and lacks {_KEY} in its metadata"
            raise Rejected(Backend.QDRANT, f"{message}; rename or remove it", "reading the marker collection")
        return server_id
