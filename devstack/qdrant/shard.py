"""The engine's shard of one collection: its points with their vectors and indexes. Every method blocks."""

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qdrant_edge as engine

from devstack.qdrant.body import Json
from devstack.qdrant.errors import point_missing, wrong_input
from devstack.qdrant.indexes import engine_index
from devstack.qdrant.points import identifier, record, shortest
from devstack.qdrant.queries import Retrieve
from devstack.qdrant.vectors import MAX_NAME_BYTES, Vectors, dense_for_engine, sparse_for_engine

_ANCHOR = "_" * (MAX_NAME_BYTES + 1)
"""A sparse vector that every shard has: the engine opens none without vectors. Clients cannot use so long a name."""

_MISSING_POINT = re.compile(r"No point with id (\S+)")
_Update = engine.UpdateOperation


@dataclass(frozen=True)
class Figures:
    """What the engine counts: points, indexed vectors, and points by indexed payload field."""

    points: int = 0
    indexed_vectors: int = 0
    by_field: dict[str, int] = field(default_factory=dict)


class Shard:
    """An open shard. One thread at a time."""

    def __init__(self, path: Path) -> None:
        self._shard = engine.EdgeShard.load(str(path))

    @classmethod
    def create(cls, path: Path, vectors: Vectors, indexes: Json) -> "Shard":
        """A new shard; it is there as a whole or not at all."""
        unfinished = path.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        dense = {name: engine.EdgeVectorParams(**dense_for_engine(params)) for name, params in vectors.dense.items()}
        sparse = {
            name: engine.EdgeSparseVectorParams(**sparse_for_engine(params)) for name, params in vectors.sparse.items()
        }
        config = engine.EdgeConfig(
            vectors=dense,
            sparse_vectors={**sparse, _ANCHOR: engine.EdgeSparseVectorParams()},
            max_search_threads=1,
        )
        shard = engine.EdgeShard.create(str(unfinished), config)
        for name, entry in indexes.items():
            shard.update(_Update.create_field_index(name, engine_index(entry)))
        shard.close()
        unfinished.rename(path)
        return cls(path)

    def close(self) -> None:
        """Write everything to disk and let go of it."""
        self._shard.close()

    def apply(self, updates: list[engine.UpdateOperation]) -> None:
        """Change points. The engine's log has each update before this returns, so the end of the process keeps it."""
        for update in updates:
            with _refusals():
                self._shard.update(update)

    def add_vector(self, name: str, kind: str, params: Json) -> None:
        """Add a named vector; points have none of it yet."""
        if kind == "dense":
            self.apply([_Update.create_dense_vector(vector_name=name, **dense_for_engine(params))])
        else:
            self.apply([_Update.create_sparse_vector(vector_name=name, **sparse_for_engine(params))])

    def drop_vector(self, name: str) -> None:
        """Remove a named vector with its values; a missing one is fine."""
        self.apply([_Update.delete_vector_name(name)])

    def put_index(self, name: str, entry: Json) -> None:
        """Create or replace the index of a payload field."""
        self.apply([_Update.create_field_index(name, engine_index(entry))])

    def drop_index(self, name: str) -> None:
        """Remove the index of a payload field; a missing one is fine."""
        self.apply([_Update.delete_field_index(name)])

    def figures(self) -> Figures:
        """What the engine counts."""
        info = self._shard.info()
        by_field = {name: entry.points for name, entry in info.payload_schema.items()}
        return Figures(info.points_count, info.indexed_vectors_count, by_field)

    def count(self, request: engine.CountRequest) -> int:
        """The number of points."""
        return int(self._read(self._shard.count, request))

    def scroll(self, request: engine.ScrollRequest) -> Json:
        """Points in the order of their identifiers, and where the next page begins."""
        points, following = self._read(self._shard.scroll, request)
        return {
            "points": [record(point) for point in points],
            "next_page_offset": None if following is None else identifier(following),
        }

    def retrieve(self, request: Retrieve) -> list[Json]:
        """Points by identifier; missing ones are left out."""
        found = self._read(self._shard.retrieve, request.ids, request.with_payload, request.with_vector)
        return [record(point) for point in found]

    def facet(self, request: engine.FacetRequest) -> list[Json]:
        """The values of an indexed field with the number of points of each."""
        return [{"value": hit.value, "count": hit.count} for hit in self._read(self._shard.facet, request).hits]

    def query(self, request: engine.QueryRequest) -> list[Json]:
        """Points with their scores, best first."""
        found = self._read(self._shard.query, request)
        # The server counts the making of the collection as an operation, the engine begins with the first point.
        return [{**record(point), "version": point.version + 1, "score": shortest(point.score)} for point in found]

    def _read(self, call: Callable[..., Any], *arguments: Any) -> Any:
        with _refusals():
            return call(*arguments)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if missing := _MISSING_POINT.search(str(error)):
            raise point_missing(missing[1]) from error
        if str(error).startswith("Service"):
            raise
        raise wrong_input(str(error)) from error
