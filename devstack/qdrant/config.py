"""The configuration of a collection: its defaults, and how a request changes it."""

from dataclasses import dataclass, field, replace
from typing import Any

from devstack.qdrant.body import Body, Json
from devstack.qdrant.errors import not_served, unknown_vector
from devstack.qdrant.requests import CreateCollection, Part, UpdateCollection
from devstack.qdrant.vectors import Vectors, parse_vectors

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
_AUTOMATIC_SEGMENTS = 2  # one per core, of which the recorded server had two


@dataclass(frozen=True)
class Config:
    """What is kept of a collection beside its points. A change makes a new one."""

    settings: Json
    vectors: Vectors = field(default_factory=Vectors)
    indexes: Json = field(default_factory=dict)
    """`payload_schema` without the numbers of points."""

    @classmethod
    def create(cls, body: Body) -> "Config":
        """The configuration that a request for a new collection asks for."""
        dense, request = parse_vectors(body), body.parse(CreateCollection)
        if request.sharding_method == "custom":
            raise not_served("custom sharding")
        params = {
            "shard_number": request.shard_number or 1,
            "replication_factor": request.replication_factor or 1,
            "write_consistency_factor": request.write_consistency_factor or 1,
            "on_disk_payload": request.on_disk_payload is not False,
        }
        settings: Json = {
            "params": params,
            "hnsw_config": _HNSW | _shown(request.hnsw_config),
            "optimizer_config": _OPTIMIZER | _shown(request.optimizers_config),
            "wal_config": _WAL | _shown(request.wal_config),
            "quantization_config": request.quantization_config,
        }
        if request.strict_mode_config is not None:
            settings["strict_mode_config"] = request.strict_mode_config.shown()
        if request.metadata:
            settings["metadata"] = request.metadata
        sparse = {name: vector.shown() for name, vector in (request.sparse_vectors or {}).items()}
        return cls(settings, Vectors(dense, sparse))

    @classmethod
    def restore(cls, saved: Json) -> "Config":
        """From what `saved` gave."""
        return cls(saved["settings"], Vectors(saved["dense"], saved["sparse"]), saved["indexes"])

    def saved(self) -> Json:
        """For storage."""
        vectors = {"dense": self.vectors.dense, "sparse": self.vectors.sparse}
        return {"settings": self.settings, **vectors, "indexes": self.indexes}

    def patched(self, request: UpdateCollection) -> "Config":
        """After a PATCH: parameters are merged, and the top-level keys of the metadata, where null removes one."""
        for name in (*(request.vectors or {}), *(request.sparse_vectors or {})):
            if name not in self.vectors:
                raise unknown_vector(name)
        settings = {
            **self.settings,
            "params": self.settings["params"] | _shown(request.params),
            "hnsw_config": self.settings["hnsw_config"] | _shown(request.hnsw_config),
            "optimizer_config": self.settings["optimizer_config"] | _shown(request.optimizers_config),
        }
        if request.quantization_config is not None:
            disabled = request.quantization_config == "Disabled"
            settings["quantization_config"] = None if disabled else request.quantization_config
        if request.strict_mode_config is not None:
            settings["strict_mode_config"] = settings.get("strict_mode_config", {}) | request.strict_mode_config.shown()
        if request.metadata is not None:
            merged = settings.pop("metadata", {}) | request.metadata
            if kept := {key: value for key, value in merged.items() if value is not None}:
                settings["metadata"] = kept
        vectors = Vectors(
            _merged(self.vectors.dense, request.vectors), _merged(self.vectors.sparse, request.sparse_vectors)
        )
        return replace(self, settings=settings, vectors=vectors)

    def with_vectors(self, vectors: Vectors) -> "Config":
        """With other vectors."""
        return replace(self, vectors=vectors)

    def with_index(self, name: str, entry: Json) -> "Config":
        """With one more index, or with another one for the field."""
        return replace(self, indexes={**self.indexes, name: entry})

    def without_index(self, name: str) -> "Config":
        """Without the index of a field, which may be missing."""
        return replace(self, indexes={key: entry for key, entry in self.indexes.items() if key != name})

    @property
    def segments(self) -> int:
        """How many segments a server of two cores makes at first."""
        per_shard = self.settings["optimizer_config"]["default_segment_number"] or _AUTOMATIC_SEGMENTS
        return int(self.settings["params"]["shard_number"] * per_shard)

    def shown(self) -> Json:
        """`config` as the server shows it."""
        dense = self.vectors.dense
        params: Json = {"vectors": dense[""] if dense.keys() == {""} else dense, **self.settings["params"]}
        if self.vectors.sparse:
            params["sparse_vectors"] = self.vectors.sparse
        return {**self.settings, "params": params}


def _shown(part: Part | None) -> Json:
    return {} if part is None else part.shown()


def _merged(vectors: Json, changes: Any) -> Json:
    merged = dict(vectors)
    for name, change in (changes or {}).items():
        merged[name] = _merged_parameters(vectors[name], change.shown())
    return merged


def _merged_parameters(params: Json, change: Json) -> Json:
    merged = {**params, **change}
    if "hnsw_config" in change:
        merged["hnsw_config"] = params.get("hnsw_config", {}) | change["hnsw_config"]
    if change.get("quantization_config") == "Disabled":
        del merged["quantization_config"]
    return merged
