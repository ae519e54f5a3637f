"""One collection: its configuration, and a queue through which its operations go in order."""

import asyncio
import copy
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from devstack.qdrant import filters
from devstack.qdrant.body import Body, Json
from devstack.qdrant.errors import bad_request, index_required, unknown_vector, wrong_input
from devstack.qdrant.shard import Shard, check_point
from devstack.qdrant.storage import Directory
from devstack.qdrant.validation import parse_index, parse_named_vector, parse_vectors

T = TypeVar("T")

_HNSW: Json = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": False}
_OPTIMIZER: Json = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
    "prevent_unoptimized": None,
}
_WAL: Json = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}
_PARAMS = ("on_disk_payload", "replication_factor", "write_consistency_factor")
_AUTOMATIC_SEGMENTS = 2  # one per core, of which the recorded server had two
_OPTIMIZING_SECONDS = 0.5


class Collection:
    """A collection of the stand-in.

    Without points it is its configuration alone. A write is answered once it is durable; with `wait` once it can be
    read.
    """

    def __init__(self, name: str, root: Path, config: Json, schema: Json) -> None:
        self.name = name
        self.config = config
        self._schema = schema  # what is accepted, and durable
        self._visible = dict(schema)  # what a reader sees
        self._directory = Directory(root, name)
        self._shard: Shard | None = None
        self._opening = threading.Lock()
        self._last: asyncio.Task[Any] | None = None
        self._operations = 0
        self._optimizing_until = 0.0
        self._pending: set[asyncio.Task[Any]] = set()

    @classmethod
    def create(cls, name: str, root: Path, body: Body) -> "Collection":
        """A new collection from a create request; it is durable when this returns."""
        collection = cls(name, root, _configuration(body), {})
        collection.save()
        return collection

    def save(self) -> None:
        self._directory.save({"config": self.config, "payload_schema": self._schema})

    async def remove(self) -> None:
        """Delete configuration and points, after whatever is under way."""
        await self._in_order(self._close)
        await asyncio.to_thread(self._directory.remove)

    def update(self, body: Body) -> None:
        """PATCH: parameters are merged, so are the top-level keys of the metadata, of which null removes one."""
        for name in body.get("vectors", {}):
            if name not in self.dense:
                raise unknown_vector(name)
        for name, changes in body.get("vectors", {}).items():
            self.dense[name].update(changes)
        self.config["params"].update(body.get("params", {}))
        self.config["hnsw_config"].update(body.get("hnsw_config", {}))
        self.config["optimizer_config"].update(body.get("optimizers_config", {}))
        if body.get("strict_mode_config"):
            self.config["strict_mode_config"] = self.config.get("strict_mode_config", {}) | body.get(
                "strict_mode_config"
            )
        if body.get("metadata"):
            merged = self.config.get("metadata", {}) | body.get("metadata")
            self.config["metadata"] = {key: value for key, value in merged.items() if value is not None}
        self.save()
        if any(body.get(name) for name in ("vectors", "hnsw_config", "optimizers_config")):
            self._optimizing_until = time.monotonic() + _OPTIMIZING_SECONDS

    @property
    def dense(self) -> Json:
        vectors: Json = self.config["params"]["vectors"]
        return vectors

    @property
    def sparse(self) -> Json:
        vectors: Json = self.config["params"].get("sparse_vectors", {})
        return vectors

    @property
    def segments(self) -> int:
        per_shard = self.config["optimizer_config"]["default_segment_number"] or _AUTOMATIC_SEGMENTS
        return int(self.config["params"]["shard_number"] * per_shard)

    @property
    def status(self) -> str:
        return "yellow" if time.monotonic() < self._optimizing_until else "green"

    async def info(self) -> Json:
        """What GET answers."""
        points, indexed, by_field = await self.figures()
        return {
            "status": self.status,
            "optimizer_status": "ok",
            "indexed_vectors_count": indexed,
            "points_count": points,
            "segments_count": self.segments,
            "config": copy.deepcopy(self.config),
            "payload_schema": self.schema(by_field),
            "update_queue": {"length": 0},
        }

    def schema(self, points: dict[str, int]) -> Json:
        """The visible indexes with the number of points each one covers."""
        return {field: {**entry, "points": points.get(field, 0)} for field, entry in self._visible.items()}

    async def figures(self) -> tuple[int, int, dict[str, int]]:
        """Points, indexed vectors, and points by indexed field, live from the engine."""
        return await self._read(lambda shard: shard.info(), (0, 0, {}))

    async def add_vector(self, name: str, body: Body) -> int:
        """Add a named vector; the same one again is fine."""
        kind, params = parse_named_vector(body)
        for existing, vectors in (("dense", self.dense), ("sparse", self.sparse)):
            if name in vectors and kind != existing:
                raise wrong_input(f"Vector `{name}` already exists as a {existing} vector")
            if name in vectors and vectors[name] != params:
                raise wrong_input(f"Vector `{name}` already exists with a different configuration")

        def change(shard: Shard | None) -> None:
            if shard is not None:
                shard.add_dense(name, params) if kind == "dense" else shard.add_sparse(name, params)
            vectors = self.dense if kind == "dense" else self.config["params"].setdefault("sparse_vectors", {})
            vectors[name] = params
            self.save()

        return await self._write(change)

    async def drop_vector(self, name: str) -> int:
        """Remove a named vector; a missing one is fine."""

        def change(shard: Shard | None) -> None:
            known = name in self.dense or name in self.sparse
            if shard is not None and known:
                shard.drop_vector(name)
            self.dense.pop(name, None)
            self.sparse.pop(name, None)
            self.save()

        return await self._write(change)

    async def put_index(self, body: Body, *, wait: bool) -> int:
        """Create or replace a payload index. It is durable at once, and visible with `wait` or a little later."""
        field, entry = parse_index(body)
        limit = self._strict("max_payload_index_count")
        if limit is not None and field not in self._schema and len(self._schema) >= limit:
            raise bad_request(
                f"Collection already has the maximum number of payload indices ({limit}). "
                "Help: Please delete an existing index before creating a new one."
            )
        self._schema[field] = entry
        self.save()

        def change(shard: Shard | None) -> None:
            if shard is not None:
                shard.put_index(field, entry)
            self._visible[field] = entry

        return await self._write(change, wait=wait)

    async def drop_index(self, field: str, *, wait: bool) -> int:
        """Drop a payload index; a missing one is fine."""
        known = self._schema.pop(field, None) is not None
        self.save()

        def change(shard: Shard | None) -> None:
            if shard is not None and known:
                shard.drop_index(field)
            self._visible.pop(field, None)

        return await self._write(change, wait=wait)

    async def upsert(self, points: list[Json], *, wait: bool) -> int:
        """Insert or replace points."""
        for point in points:
            check_point(point, self.dense, self.sparse)
        return await self._write(lambda _: self._opened().upsert(points), wait=wait)

    async def delete_points(self, body: Body, *, wait: bool) -> int:
        """Delete points by id or by filter."""
        self._check_filter(body.get("filter"), "unindexed_filtering_update")
        ids, where = body.get("points"), body.get("filter")
        return await self._write(lambda shard: shard.delete(ids, where) if shard else None, wait=wait)

    async def set_payload(self, body: Body, *, wait: bool) -> int:
        """Set payload fields of points."""
        self._check_filter(body.get("filter"), "unindexed_filtering_update")
        payload, ids, where, key = (body.get(name) for name in ("payload", "points", "filter", "key"))
        return await self._write(lambda s: s.set_payload(payload, ids, where, key) if s else None, wait=wait)

    async def count(self, body: Body) -> int:
        self._check_filter(body.get("filter"), "unindexed_filtering_retrieve")
        exact = body.get("exact", True)
        return await self._read(lambda shard: shard.count(body.get("filter"), exact), 0)

    async def scroll(self, body: Body) -> tuple[list[Json], Any]:
        self._check_filter(body.get("filter"), "unindexed_filtering_retrieve")
        return await self._read(lambda shard: shard.scroll(body.fields), ([], None))

    async def retrieve(self, body: Body) -> list[Json]:
        return await self._read(lambda shard: shard.retrieve(body.fields), [])

    async def query(self, body: Body) -> list[Json]:
        self._check_filter(body.get("filter"), "unindexed_filtering_retrieve")
        using = body.get("using", "")
        if using not in self.dense and using not in self.sparse:
            raise unknown_vector(using)
        return await self._read(lambda shard: shard.query(body.fields), [])

    async def facet(self, body: Body) -> list[Json]:
        key = body.get("key")
        if self._visible.get(key, {}).get("data_type") not in {"keyword", "integer", "uuid", "bool"}:
            raise wrong_input(
                f"No appropriate index for faceting: `{key}`. Please create one to facet on this field. Check "
                "https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas "
                "support Match conditions"
            )
        return await self._read(lambda shard: shard.facet(body.fields), [])

    def _check_filter(self, where: Json | None, permission: str) -> None:
        if self._strict(permission) is not False:
            return
        for field, kind in filters.fields(where):
            if field not in self._visible:
                raise index_required(field, [kind])

    def _strict(self, name: str) -> Any:
        mode = self.config.get("strict_mode_config", {})
        return mode.get(name) if mode.get("enabled") else None

    async def _read(self, look: Callable[[Shard], T], without_points: T) -> T:
        if self._shard is None and not self._directory.shard.exists():
            return without_points
        return await asyncio.to_thread(lambda: look(self._opened()))

    async def _write(self, change: Callable[[Shard | None], object], *, wait: bool = True) -> int:
        """Apply a change behind those before it; the result is the operation's number."""
        self._operations += 1
        number = self._operations
        task = self._enqueue(lambda: change(self._opened() if self._directory.shard.exists() else self._shard))
        if wait:
            await asyncio.shield(task)
        return number

    async def _in_order(self, act: Callable[[], object]) -> None:
        await asyncio.shield(self._enqueue(act))

    def _enqueue(self, act: Callable[[], object]) -> asyncio.Task[Any]:
        task = asyncio.create_task(self._after(self._last, act))
        self._last = task
        self._pending.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._pending.discard(task)
        # Retrieved here, because nobody awaits an operation without `wait`.
        _ = task.cancelled() or task.exception()

    async def _after(self, before: asyncio.Task[Any] | None, act: Callable[[], object]) -> None:
        if before is not None:
            await asyncio.wait([before])
        await asyncio.to_thread(act)

    def _opened(self) -> Shard:
        with self._opening:
            if self._shard is None:
                self._shard = Shard(self._directory.shard, self.dense, self.sparse, self._schema)
            return self._shard

    def _close(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._shard = None


def _configuration(body: Body) -> Json:
    params: Json = {
        "vectors": parse_vectors(body),
        "shard_number": body.get("shard_number", 1),
        **{name: body.get(name, default) for name, default in zip(_PARAMS, (True, 1, 1), strict=True)},
    }
    if body.get("sparse_vectors"):
        params["sparse_vectors"] = body.get("sparse_vectors")
    config: Json = {
        "params": params,
        "hnsw_config": {**_HNSW, **body.get("hnsw_config", {})},
        "optimizer_config": {**_OPTIMIZER, **body.get("optimizers_config", {})},
        "wal_config": {**_WAL, **body.get("wal_config", {})},
        "quantization_config": body.get("quantization_config"),
    }
    for name in ("strict_mode_config", "metadata"):
        if body.get(name):
            config[name] = body.get(name)
    return config
