"""One collection: its configuration, and a queue through which its operations go in order."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import qdrant_edge as engine

from devstack.qdrant import queries
from devstack.qdrant.body import Body, Json
from devstack.qdrant.config import Config
from devstack.qdrant.errors import collection_missing, wrong_input
from devstack.qdrant.indexes import parse_index
from devstack.qdrant.operations import OperationQueue
from devstack.qdrant.requests import UpdateCollection
from devstack.qdrant.shard import Figures, Shard
from devstack.qdrant.storage import Directory
from devstack.qdrant.strict_mode import StrictMode
from devstack.qdrant.updates import parse_update
from devstack.qdrant.vectors import check_vector_names, parse_new_vector

T = TypeVar("T")

_OPTIMIZING_SECONDS = 1.0
# Each takes a thread, some ten megabytes, and from forty memory mappings (without indexes) to over a hundred.
_MAX_OPEN_SHARDS = 64
_FACETED = {"keyword", "integer", "uuid", "bool"}


class OpenShards:
    """Keeps the number of open shards small."""

    def __init__(self) -> None:
        self._used: OrderedDict[Collection, None] = OrderedDict()

    async def used(self, collection: "Collection") -> None:
        """Note a use, and close what was not used for longest."""
        self._used[collection] = None
        self._used.move_to_end(collection)
        while len(self._used) > _MAX_OPEN_SHARDS:
            oldest, _ = self._used.popitem(last=False)
            await oldest.close_shard()

    def forget(self, collection: "Collection") -> None:
        """A collection is gone."""
        self._used.pop(collection, None)


class Collection:
    """A collection of the stand-in. Without points it is its configuration alone."""

    def __init__(self, name: str, directory: Directory, config: Config, shards: OpenShards) -> None:
        self.name = name
        self.config = config
        self._directory = directory
        self._shards = shards
        self._shard: Shard | None = None
        self._has_shard = directory.shard.exists()
        self._figures = Figures()  # the engine's last word, as long as the shard is closed
        self._queue = OperationQueue()
        self._accepting = asyncio.Lock()  # the order of the journal is the order of the queue
        self._configuring = asyncio.Lock()
        self._engine = asyncio.Lock()
        self._operations = 0
        self._optimizing_until = 0.0
        self._removed = False

    @classmethod
    async def create(cls, name: str, root: Path, config: Config, shards: OpenShards) -> "Collection":
        """A new collection; it is durable when this returns."""
        check_vector_names(config.vectors)
        directory = await asyncio.to_thread(Directory.create, root)
        await asyncio.to_thread(directory.save, {"name": name, **config.saved()})
        return cls(name, directory, config, shards)

    async def resume(self) -> None:
        """Apply what a former process acknowledged and did not apply."""
        journal = self._directory.journal
        operations = await asyncio.to_thread(journal.pending)
        if not operations:
            return
        numbers = await asyncio.to_thread(journal.reset, operations)
        for number, operation in zip(numbers, operations, strict=True):
            self._enqueue(self._action(operation), number, awaited=True)
        await self._queue.drain()

    async def close(self) -> None:
        """Apply what waits, and close the shard."""
        await self._queue.drain()
        await self.close_shard()

    async def disown(self) -> None:
        """Delete it: what is under way comes to its end, what waits is refused, and no start finds it again."""
        async with self._configuring:
            self._removed = True
            await asyncio.to_thread(self._directory.disown)

    async def remove(self) -> None:
        """Give back what a deleted collection used."""
        # From here on nothing is accepted any more; the journal must outlive what was.
        async with self._accepting:
            await self._queue.drain()
        await self.close_shard()
        self._shards.forget(self)
        await asyncio.to_thread(self._directory.remove)

    async def close_shard(self) -> None:
        """Close the shard until it is used again."""
        async with self._engine:
            if self._shard is not None:
                self._figures = await asyncio.to_thread(self._shard.figures)
                await asyncio.to_thread(self._shard.close)
                self._shard = None

    @property
    def status(self) -> str:
        """Green, or yellow for a moment after a change that makes a server look through its segments."""
        return "yellow" if time.monotonic() < self._optimizing_until else "green"

    async def info(self) -> Json:
        """What GET answers."""
        figures = await self.figures()
        return {
            "status": self.status,
            "optimizer_status": "ok",
            "indexed_vectors_count": figures.indexed_vectors,
            "points_count": figures.points,
            "segments_count": self.config.segments,
            "config": self.config.shown(),
            "payload_schema": self.payload_schema(figures),
            "update_queue": {"length": len(self._queue)},
        }

    def payload_schema(self, figures: Figures) -> Json:
        """The indexes with the number of points each one covers."""
        by_field = figures.by_field
        return {name: {**entry, "points": by_field.get(name, 0)} for name, entry in self.config.indexes.items()}

    async def figures(self) -> Figures:
        """What the engine counts now."""
        if self._shard is None and self._figures != Figures():
            return self._figures
        return await self._read(Shard.figures, Figures())

    async def patch(self, body: Body) -> None:
        """Change parameters and metadata."""
        request = body.parse(UpdateCollection)
        await self._configure(lambda config: config.patched(request))
        if request.starts_optimizer:
            self._optimizing_until = time.monotonic() + _OPTIMIZING_SECONDS

    async def add_vector(self, name: str, body: Body, *, wait: bool) -> int:
        """Add a named vector; the same one again is fine."""
        kind, params = parse_new_vector(body)
        self.config.vectors.with_added(name, kind, params)
        return await self._submit({"kind": "add_vector", "name": name, "as": kind, "params": params}, wait=wait)

    async def drop_vector(self, name: str, *, wait: bool) -> int:
        """Remove a named vector; a missing one is fine."""
        return await self._submit({"kind": "drop_vector", "name": name}, wait=wait)

    async def put_index(self, body: Body, *, wait: bool) -> int:
        """Create or replace a payload index."""
        name, entry = parse_index(body)
        self._strict.check_new_index(name, self.config.indexes)
        return await self._submit({"kind": "put_index", "name": name, "entry": entry}, wait=wait)

    async def drop_index(self, name: str, *, wait: bool) -> int:
        """Remove a payload index; a missing one is fine."""
        return await self._submit({"kind": "drop_index", "name": name}, wait=wait)

    async def update_points(self, kind: str, fields: Json, *, wait: bool) -> int:
        """Change points."""
        updates = await asyncio.to_thread(parse_update, kind, fields, self.config.vectors)
        self._strict.check_update(fields, self.config.indexes)
        if wait:
            # The engine's own log keeps it, and nobody was told before it did.
            return await self._accept(lambda: self._apply(kind, updates), None, wait=True)
        return await self._submit({"kind": kind, "fields": fields}, wait=False)

    async def count(self, fields: Json) -> Json:
        """The number of points."""
        request = queries.parse_count(fields)
        self._strict.check_read(fields, self.config.indexes)
        return {"count": await self._read(lambda shard: shard.count(request), 0)}

    async def scroll(self, fields: Json) -> Json:
        """Points in the order of their identifiers."""
        request = queries.parse_scroll(fields)
        self._strict.check_read(fields, self.config.indexes)
        return await self._read(lambda shard: shard.scroll(request), {"points": [], "next_page_offset": None})

    async def retrieve(self, fields: Json) -> list[Json]:
        """Points by identifier."""
        request = queries.parse_retrieve(fields)
        return await self._read(lambda shard: shard.retrieve(request), [])

    async def query(self, fields: Json) -> Json:
        """The nearest points to a vector."""
        request = queries.parse_query(fields, self.config.vectors)
        self._strict.check_read(fields, self.config.indexes)
        return {"points": await self._read(lambda shard: shard.query(request), [])}

    async def query_batch(self, fields: Json) -> list[Json]:
        """Several queries; one that is not allowed refuses all."""
        requests = queries.parse_batch(fields, self.config.vectors)
        for search in fields["searches"]:
            self._strict.check_read(search, self.config.indexes)
        return await self._read(
            lambda shard: [{"points": shard.query(request)} for request in requests], [{"points": []}] * len(requests)
        )

    async def facet(self, fields: Json) -> Json:
        """The values of an indexed field."""
        request = queries.parse_facet(fields)
        self._strict.check_read(fields, self.config.indexes)
        if self.config.indexes.get(request.key, {}).get("data_type") not in _FACETED:
            raise wrong_input(
                f"No appropriate index for faceting: `{request.key}`. Please create one to facet on this field. Check "
                "https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas "
                "support Match conditions"
            )
        return {"hits": await self._read(lambda shard: shard.facet(request), [])}

    @property
    def _strict(self) -> StrictMode:
        return StrictMode(self.config.settings)

    async def _submit(self, operation: Json, *, wait: bool) -> int:
        return await self._accept(self._action(operation), operation, wait=wait)

    async def _accept(self, act: Callable[[], Awaitable[None]], journaled: Json | None, *, wait: bool) -> int:
        """Queue an operation and note it, if it must not be lost or done by half; the result is its number."""
        async with self._accepting:
            if self._removed:
                raise collection_missing(self.name)
            self._operations += 1
            number = self._operations
            if journaled is not None:
                await asyncio.to_thread(self._directory.journal.append, number, journaled)
            done = self._enqueue(act, number if journaled is not None else None, awaited=wait)
        if wait:
            await asyncio.shield(done)
        return number

    def _enqueue(
        self, act: Callable[[], Awaitable[None]], number: int | None, *, awaited: bool
    ) -> "asyncio.Future[None]":
        async def run() -> None:
            if self._removed:
                raise collection_missing(self.name)
            try:
                await act()
            finally:
                if number is not None:
                    await asyncio.to_thread(self._directory.journal.done, number)

        return self._queue.submit(run, awaited=awaited)

    def _action(self, operation: Json) -> Callable[[], Awaitable[None]]:
        """What an operation does; it may be done twice, because the end of the process can come before it is noted."""
        schema_change = {
            "add_vector": self._add_vector,
            "drop_vector": self._drop_vector,
            "put_index": self._put_index,
            "drop_index": self._drop_index,
        }.get(operation["kind"])
        return lambda: (schema_change or self._update)(operation)

    async def _add_vector(self, operation: Json) -> None:
        name, kind, params = operation["name"], operation["as"], operation["params"]
        self.config.vectors.with_added(name, kind, params)
        await self._use(lambda shard: shard.add_vector(name, kind, params))
        await self._configure(lambda config: config.with_vectors(config.vectors.with_added(name, kind, params)))

    async def _drop_vector(self, operation: Json) -> None:
        name = operation["name"]
        if name in self.config.vectors:
            await self._use(lambda shard: shard.drop_vector(name))
            await self._configure(lambda config: config.with_vectors(config.vectors.without(name)))

    async def _put_index(self, operation: Json) -> None:
        name, entry = operation["name"], operation["entry"]
        self._strict.check_new_index(name, self.config.indexes)
        await self._use(lambda shard: shard.put_index(name, entry))
        await self._configure(lambda config: config.with_index(name, entry))

    async def _drop_index(self, operation: Json) -> None:
        name = operation["name"]
        await self._use(lambda shard: shard.drop_index(name))
        await self._configure(lambda config: config.without_index(name))

    async def _update(self, operation: Json) -> None:
        kind = operation["kind"]
        updates = await asyncio.to_thread(parse_update, kind, operation["fields"], self.config.vectors)
        await self._apply(kind, updates)

    async def _apply(self, kind: str, updates: list[engine.UpdateOperation]) -> None:
        if self._has_shard or kind != "delete":
            await self._in_engine(lambda shard: shard.apply(updates))

    async def _use(self, act: Callable[[Shard], None]) -> None:
        if self._has_shard:
            await self._in_engine(act)

    async def _read(self, look: Callable[[Shard], T], without_points: T) -> T:
        return await self._in_engine(look) if self._has_shard else without_points

    async def _in_engine(self, act: Callable[[Shard], T]) -> T:
        async with self._engine:
            if self._removed:
                raise collection_missing(self.name)
            result = await asyncio.to_thread(lambda: act(self._opened()))
        await self._shards.used(self)
        return result

    def _opened(self) -> Shard:
        if self._shard is None and self._has_shard:
            self._shard = Shard(self._directory.shard)
        elif self._shard is None:
            self._shard = Shard.create(self._directory.shard, self.config.vectors, self.config.indexes)
            self._has_shard = True
        return self._shard

    async def _configure(self, change: Callable[[Config], Config]) -> None:
        async with self._configuring:
            if self._removed:
                raise collection_missing(self.name)
            config = change(self.config)
            await asyncio.to_thread(self._directory.save, {"name": self.name, **config.saved()})
            self.config = config
