"""A Qdrant server in memory, as far as the operator's protocol reaches, with what the real one was seen to do."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Names
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel
from qdrant_client import models

from namespace_operator.api.profile import CollectionParameters
from namespace_operator.domain.evidence import Draw, Payload
from namespace_operator.domain.indexes import IndexSchema, canonical
from namespace_operator.domain.observed import Collection, LiveIndex
from namespace_operator.domain.parameters import (
    AS_QDRANT_HAS_IT,
    LIVE_DEFAULTS,
    Parameters,
    Value,
    applied,
    flat,
    for_vectors,
    rebuilds,
    vector_of,
    vector_parameter,
)
from namespace_operator.domain.vectors import NamedVector, VectorKind
from namespace_operator.stores.errors import Backend, Outdated, Rejected, Unauthorized, Unavailable
from namespace_operator.stores.protocols import ReadAtOnce
from tests.world.faults import Faults
from tests.world.payloads import has_value, indexed, root_of

T = TypeVar("T")

_LAG = 4
"""Operations after which an index made without waiting shows up, if none that waits comes first."""

_REBUILD = 8
"""Operations that the server needs to rebuild a collection."""

SERVER_DEFAULTS: Parameters = {
    **LIVE_DEFAULTS,
    "segment_number": 0,
    "shard_number": 1,
    "replication_factor": 1,
    "write_consistency_factor": 1,
    "on_disk_payload": True,
    "indexing_threshold": 10000,
    "hnsw.m": 16,
    "hnsw.ef_construct": 100,
}
"""Parameters of a collection that was made without any."""

_MODELS: Mapping[str, type[BaseModel]] = {
    "keyword": models.KeywordIndexParams,
    "integer": models.IntegerIndexParams,
    "float": models.FloatIndexParams,
    "bool": models.BoolIndexParams,
    "geo": models.GeoIndexParams,
    "datetime": models.DatetimeIndexParams,
    "text": models.TextIndexParams,
    "uuid": models.UuidIndexParams,
}

_PARAMETERS = {kind: frozenset(parameters.model_fields) for kind, parameters in _MODELS.items()}
"""What the newest server knows of each type; it drops what it does not know."""

_SINCE = {
    "phrase_matching": (1, 15),
    "stopwords": (1, 15),
    "stemmer": (1, 15),
    "ascii_folding": (1, 16),
    "enable_hnsw": (1, 17),
    "memory": (1, 19),
    "prefix": (1, 19),
}
"""First server version (major, minor) that knows the parameter."""


@dataclass(slots=True)
class StoredCollection:
    """A collection on the server's disk. One with ``loaded`` False answers 404, but its points are still there."""

    vectors: dict[str, NamedVector]
    metadata: dict[str, Any]
    indexes: dict[str, IndexSchema] = field(default_factory=dict)
    points: dict[int, dict[str, Any]] = field(default_factory=dict)
    filled: dict[str, set[int]] = field(default_factory=dict)
    """The points that have a value for a vector."""
    status: str = "green"
    loaded: bool = True
    queue: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    """Accepted updates that nobody waited for, with the operation after which each happens."""
    config: dict[str, Value] = field(default_factory=lambda: dict(SERVER_DEFAULTS))
    rebuilt_at: int = 0
    """The operation at which the server is done with rebuilding it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredCollection:
        """A copy for another world: what describes vectors and indexes is replaced and never changed."""
        assert not self.queue, "an accepted update has not happened yet"
        return replace(
            self,
            vectors=dict(self.vectors),
            metadata=dict(self.metadata),
            indexes=dict(self.indexes),
            points=copy.deepcopy(self.points, memo),
            filled={name: set(points) for name, points in self.filled.items()},
            queue=[],
            config=dict(self.config),
        )


@dataclass(slots=True)
class ModelVectorStore:
    """The vector store over the server's state, which outlives every operator.

    ``server_version`` decides which index parameters are known; ``lacks`` are index parameters that this build drops.
    Changes of the collection parameters in ``drops`` it takes and drops, those in ``rejects`` it refuses.
    ``most_rebuilding`` is how many collections it had to rebuild at a time. ``lost_points`` counts the points that
    create and delete requests took with them; ``refuses`` makes every request end with 401, ``down`` leaves every one
    without an answer. With ``tells_at_once`` False it is a cluster, or the key may not read its telemetry.
    """

    faults: Faults
    server_version: str = "1.18.3"
    collections: dict[str, StoredCollection] = field(default_factory=dict)
    alias_targets: dict[str, str] = field(default_factory=dict)
    lost_points: int = 0
    lacks: frozenset[str] = frozenset()
    refuses: bool = False
    down: bool = False
    api_key: str | None = None
    """The only key that it takes; None: it asks for none."""
    tells_at_once: bool = True
    drops: frozenset[str] = frozenset()
    rejects: frozenset[str] = frozenset()
    most_rebuilding: int = 0
    slow: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What it tells of slow requests."""
    _operations: int = 0

    def waiting(self) -> AbstractAsyncContextManager[None]:
        """Nobody is given up."""
        return nullcontext()

    async def close(self) -> None:
        """Nothing is open."""

    async def version(self) -> str:
        """The server's version; the real server tells it without a key."""
        if self.down:
            raise _unavailable()
        return self.faults.read(_unavailable, lambda: self.server_version)

    async def read(self, collection: str) -> Collection | None:
        """The collection or the one behind the alias, None if it is missing or was not loaded."""

        def look() -> Collection | None:
            stored = self._loaded(collection)
            return None if stored is None else self._describe(collection, stored)

        return self._read(look)

    async def read_at_once(self, collections: Names[str]) -> ReadAtOnce | None:
        """Those of the collections that are loaded, by their own names."""

        def look() -> ReadAtOnce | None:
            loaded = {name: stored for name in self.collections if (stored := self._loaded(name)) is not None}
            described = {name: self._describe(name, loaded[name]) for name in collections if name in loaded}
            return ReadAtOnce(len(loaded), described) if self.tells_at_once else None

        return self._read(look)

    async def names(self) -> frozenset[str]:
        """The names of all collections that were loaded."""
        return self._read(lambda: frozenset(name for name in self.collections if self._loaded(name) is not None))

    async def count_points(self, collection: str, namespace_id: str | None = None) -> int:
        """The exact number of points, of one namespace if one is named."""

        def look() -> int:
            points = self._existing(collection).points
            return len(points if namespace_id is None else _points_of(namespace_id, points))

        return self._read(look)

    async def count_with_vector(
        self, collection: str, vector: str, namespace_id: str | None = None, *, exact: bool = False
    ) -> int:
        """The number of points with this vector, of one namespace if one is named; always exact."""

        def look() -> int:
            stored = self._existing(collection)
            points = stored.points if namespace_id is None else _points_of(namespace_id, stored.points)
            return len(stored.filled.get(vector, set()).intersection(points)) if vector in stored.vectors else 0

        return self._read(look)

    async def points_by_namespace(self, collection: str, limit: int) -> Mapping[str, int]:
        """The number of points of each namespace id that has any, the largest first."""

        def look() -> Mapping[str, int]:
            stored = self._existing(collection)
            if stored.indexes.get("namespace_id", {}).get("type") != "keyword":
                raise Rejected(Backend.QDRANT, "No appropriate index for faceting: `namespace_id`", "facet")
            counts = Counter(name for payload in stored.points.values() for name in _namespaces(payload))
            return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:limit])

        return self._read(look)

    async def count_having(self, collection: str, field_name: str) -> int:
        """The number of points that have a value in a field."""

        def look() -> int:
            points = self._existing(collection).points.values()
            return sum(has_value(payload, field_name) for payload in points)

        return self._read(look)

    async def sample(self, collection: str, field_names: Sequence[str], draws: Sequence[Draw]) -> Sequence[Payload]:
        """Payloads of points: the first ones, which is as random as any."""

        def look() -> Sequence[Payload]:
            points = self._existing(collection).points
            roots = {root_of(name) for name in field_names}
            numbers = dict.fromkeys(number for draw in draws for number in _drawn(draw, points))
            return [{name: value for name, value in points[number].items() if name in roots} for number in numbers]

        return self._read(look)

    async def slow_fields(self) -> Mapping[str, frozenset[str]]:
        """Fields of slow requests, of which nobody is told who may not know."""
        try:
            return self._read(lambda: self.slow)
        except (Unauthorized, Unavailable):
            return {}

    async def alias_target(self, name: str) -> str | None:
        """The collection behind an alias."""
        return self._read(lambda: self.alias_targets.get(name))

    async def aliases(self, collection: str) -> tuple[str, ...]:
        """The aliases of a collection."""
        return self._read(
            lambda: tuple(sorted(alias for alias, target in self.alias_targets.items() if target == collection))
        )

    async def create_collection(
        self,
        collection: str,
        vectors: Sequence[NamedVector],
        metadata: Mapping[str, Any],
        parameters: CollectionParameters = AS_QDRANT_HAS_IT,
    ) -> None:
        """Create a collection; one that the server could not load is wiped by it."""

        def act() -> None:
            if collection in self.alias_targets:
                raise Rejected(Backend.QDRANT, f"{collection} is an alias", "create collection")
            if self._loaded(collection) is not None:
                raise Outdated(f"collection {collection} exists")
            self._wipe(collection)
            made = StoredCollection({vector.name: _plain(vector) for vector in vectors}, dict(metadata))
            made.config.update(for_vectors(flat(parameters), vectors))
            self.collections[collection] = made

        self._write(f"create collection {collection}", act)

    async def set_metadata(self, collection: str, metadata: Mapping[str, Any]) -> None:
        """Merge top-level keys into the metadata; None takes a key away."""

        def act() -> None:
            stored = self._existing(collection)
            merged = {**stored.metadata, **metadata}
            stored.metadata = {key: value for key, value in merged.items() if value is not None}

        self._write(f"set metadata of {collection}", act)

    async def update_collection(self, collection: str, changes: Parameters) -> None:
        """Change parameters, but for those it drops; it rebuilds the collection for most."""

        def act() -> None:
            stored = self._existing(collection)
            unknown = [vector_of(name) for name in changes if vector_of(name) not in (None, *stored.vectors)]
            if unknown or self.rejects & changes.keys():
                raise Rejected(Backend.QDRANT, "Wrong input: not existing vector name, or not so", "update collection")
            taken = {name: value for name, value in changes.items() if name not in self.drops}
            stored.config = dict(applied(stored.config, taken))
            if any(rebuilds(name) for name in changes):
                stored.rebuilt_at = self._operations + _REBUILD
            self.most_rebuilding = max(self.most_rebuilding, sum(map(self._rebuilding, self.collections.values())))

        self._write(f"update collection {collection} {dict(changes)}", act)

    async def add_vector(self, collection: str, vector: NamedVector) -> None:
        """Add a named vector; the same one again is fine, another one of the name is refused."""

        def act() -> None:
            stored = self._existing(collection)
            _flush(stored)
            if vector.name not in stored.vectors:
                stored.filled.pop(vector.name, None)
            if stored.vectors.setdefault(vector.name, _plain(vector)) != _plain(vector):
                message = f"vector {vector.name} exists with a different configuration"
                raise Rejected(Backend.QDRANT, message, "add vector")

        self._write(f"add vector {vector.name}", act)

    async def put_index(self, collection: str, field_name: str, schema: IndexSchema, *, wait: bool) -> None:
        """Create or replace an index, without the parameters this version does not know."""

        def act() -> None:
            stored = self._existing(collection)
            if schema["type"] not in _PARAMETERS:
                raise Rejected(Backend.QDRANT, f"no index type {schema['type']}", "put index")
            if schema.get("lookup") is False and schema.get("range") is False:
                raise Rejected(Backend.QDRANT, "lookup and range cannot both be disabled", "put index")
            made = {name: value for name, value in schema.items() if self._knows(schema["type"], name)}
            self._update(stored, lambda: stored.indexes.__setitem__(field_name, made), wait=wait)

        self._write(f"put index {field_name} {dict(schema)}", act)

    async def drop_index(self, collection: str, field_name: str, *, wait: bool) -> None:
        """Drop an index; a missing one is fine."""

        def act() -> None:
            stored = self._existing(collection)
            self._update(stored, lambda: stored.indexes.pop(field_name, None), wait=wait)

        self._write(f"drop index {field_name}", act)

    async def delete_points(self, collection: str, namespace_id: str) -> None:
        """Delete every point of a namespace, if there is one."""

        def act() -> None:
            stored = self._existing(collection)
            _flush(stored)
            gone = _points_of(namespace_id, stored.points)
            self.lost_points += len(gone)
            for number in gone:
                del stored.points[number]

        self._write(f"delete points of {namespace_id} in {collection}", act)

    async def delete_collection(self, collection: str) -> None:
        """Delete a collection with its aliases; a missing one is fine, one that was not loaded goes too."""

        def act() -> None:
            if collection in self.alias_targets:
                return
            self._wipe(collection)
            targets = self.alias_targets.items()
            self.alias_targets = {alias: target for alias, target in targets if target != collection}

        self._write(f"delete collection {collection}", act)

    @property
    def lagging(self) -> bool:
        """Whether an accepted update has not happened yet."""
        return any(stored.queue or self._rebuilding(stored) for stored in self.collections.values())

    def catch_up(self) -> None:
        """Let every accepted update happen."""
        for stored in self.collections.values():
            _flush(stored)
            stored.rebuilt_at = 0

    def _rebuilding(self, stored: StoredCollection) -> bool:
        return stored.rebuilt_at > self._operations

    def _read(self, look: Callable[[], T]) -> T:
        self._operations += 1
        self._authorize()
        return self.faults.read(_unavailable, look)

    def _write(self, what: str, act: Callable[[], None]) -> None:
        self._operations += 1
        self._authorize()
        self.faults.write(f"qdrant: {what}", _unavailable, act)

    def _authorize(self) -> None:
        if self.refuses:
            raise Unauthorized(Backend.QDRANT, "Qdrant refuses the API key", "any")
        if self.down:
            raise _unavailable()

    def _loaded(self, name: str) -> StoredCollection | None:
        stored = self.collections.get(self.alias_targets.get(name, name))
        if stored is None or not stored.loaded:
            return None
        while stored.queue and stored.queue[0][0] <= self._operations:
            stored.queue.pop(0)[1]()
        return stored

    def _existing(self, name: str) -> StoredCollection:
        stored = self._loaded(name)
        if stored is None:
            raise Rejected(Backend.QDRANT, f"collection {name} does not exist", "any")
        return stored

    def _update(self, stored: StoredCollection, update: Callable[[], object], *, wait: bool) -> None:
        stored.queue.append((self._operations + _LAG, update))
        if wait:
            _flush(stored)

    def _wipe(self, name: str) -> None:
        lost = self.collections.pop(name, None)
        if lost is not None:
            self.lost_points += len(lost.points)

    def _describe(self, name: str, stored: StoredCollection) -> Collection:
        points = stored.points.values()
        dense = (vector.name for vector in stored.vectors.values() if vector.kind is not VectorKind.SPARSE)
        on_disk: Parameters = {vector_parameter(vector): False for vector in dense}
        return Collection(
            name=name,
            status="yellow" if self._rebuilding(stored) else stored.status,
            points_count=len(points),
            indexed_vectors_count=0,
            segments_count=1,
            vectors=dict(stored.vectors),
            indexes={
                field_name: LiveIndex(canonical(schema), indexed(points, field_name, schema))
                for field_name, schema in stored.indexes.items()
            },
            metadata=dict(stored.metadata),
            config={**on_disk, **stored.config},
        )

    def _knows(self, kind: str, parameter: str) -> bool:
        major, minor = (int(part) for part in self.server_version.split(".")[:2])
        if parameter in self.lacks:
            return False
        return parameter in _PARAMETERS[kind] and _SINCE.get(parameter, (1, 0)) <= (major, minor)


def _flush(stored: StoredCollection) -> None:
    for _, update in stored.queue:
        update()
    stored.queue.clear()


def _plain(vector: NamedVector) -> NamedVector:
    return NamedVector.model_validate(vector.model_dump())


def _drawn(draw: Draw, points: Mapping[int, Mapping[str, Any]]) -> list[int]:
    numbers = list(points) if draw.namespace_id is None else _points_of(draw.namespace_id, points)
    wanted = draw.field_name
    return [number for number in numbers if wanted is None or has_value(points[number], wanted)][: draw.limit]


def _points_of(namespace_id: str, points: Mapping[int, Mapping[str, Any]]) -> list[int]:
    return [number for number, payload in points.items() if namespace_id in _namespaces(payload)]


def _namespaces(payload: Mapping[str, Any]) -> set[str]:
    """The values of ``namespace_id`` as a keyword index takes them: each text once, in a list or alone."""
    value = payload.get("namespace_id")
    return {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}


def _unavailable() -> Unavailable:
    return Unavailable(Backend.QDRANT, "Qdrant does not answer in time", "any")
