"""What a client may send about collections, vectors and indexes: types and limits as the server's own.

Fields this version of the server does not know are dropped, as it does.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devstack.qdrant.body import Json

Unsigned = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Datatype = Literal["float32", "uint8", "float16"]


class Part(BaseModel):
    """A JSON object of the API; null is the same as absent."""

    model_config = ConfigDict(strict=True, frozen=True)

    def shown(self) -> Json:
        """The object as the server shows it: without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


class Hnsw(Part):
    """Changes to the parameters of the vector index."""

    m: Unsigned | None = None
    ef_construct: Unsigned | None = None
    full_scan_threshold: Unsigned | None = None
    max_indexing_threads: Unsigned | None = None
    on_disk: bool | None = None
    payload_m: Unsigned | None = None
    inline_storage: bool | None = None


class Optimizers(Part):
    """Changes to the parameters of the optimizers."""

    deleted_threshold: float | None = None
    vacuum_min_vector_number: Unsigned | None = None
    default_segment_number: Unsigned | None = None
    max_segment_size: Unsigned | None = None
    memmap_threshold: Unsigned | None = None
    indexing_threshold: Unsigned | None = None
    flush_interval_sec: Unsigned | None = None
    max_optimization_threads: Unsigned | Literal["auto"] | None = None
    prevent_unoptimized: bool | None = None


class Wal(Part):
    """Changes to the parameters of the write-ahead log."""

    wal_capacity_mb: Positive | None = None
    wal_segments_ahead: Unsigned | None = None
    wal_retain_closed: Positive | None = None


class StrictMode(Part):
    """Limits on what clients may ask. `unserved` lists those that are kept and shown, but not enforced."""

    enabled: bool | None = None
    max_query_limit: Positive | None = None
    max_timeout: Positive | None = None
    unindexed_filtering_retrieve: bool | None = None
    unindexed_filtering_update: bool | None = None
    search_max_hnsw_ef: Unsigned | None = None
    search_allow_exact: bool | None = None
    search_max_oversampling: float | None = None
    upsert_max_batchsize: Unsigned | None = None
    search_max_batchsize: Unsigned | None = None
    max_collection_vector_size_bytes: Unsigned | None = None
    read_rate_limit: Positive | None = None
    write_rate_limit: Positive | None = None
    max_collection_payload_size_bytes: Unsigned | None = None
    max_points_count: Positive | None = None
    filter_max_conditions: Unsigned | None = None
    condition_max_size: Unsigned | None = None
    multivector_config: dict[str, Json] | None = None
    sparse_config: dict[str, Json] | None = None
    max_payload_index_count: Unsigned | None = None


class Multivector(Part):
    """How several vectors of one point are compared."""

    comparator: Literal["max_sim"]


Quantization = dict[Literal["scalar", "product", "binary"], Json]


class DenseVector(Part):
    """A dense vector of a new collection. The size's upper limit is another kind of refusal, so it is not here."""

    size: Positive
    distance: Literal["Cosine", "Dot", "Euclid", "Manhattan"]
    hnsw_config: Hnsw | None = None
    quantization_config: Quantization | None = None
    on_disk: bool | None = None
    datatype: Datatype | None = None
    multivector_config: Multivector | None = None


class SparseIndex(Part):
    """The index of a sparse vector."""

    full_scan_threshold: Unsigned | None = None
    on_disk: bool | None = None
    datatype: Datatype | None = None


class SparseVector(Part):
    """A sparse vector of a new collection."""

    index: SparseIndex | None = None
    modifier: Literal["none", "idf"] | None = None


class CreateCollection(Part):
    """PUT /collections/{collection}, without `vectors`."""

    shard_number: Positive | None = None
    sharding_method: Literal["auto", "custom"] | None = None
    replication_factor: Positive | None = None
    write_consistency_factor: Positive | None = None
    on_disk_payload: bool | None = None
    hnsw_config: Hnsw | None = None
    wal_config: Wal | None = None
    optimizers_config: Optimizers | None = None
    quantization_config: Quantization | None = None
    sparse_vectors: dict[str, SparseVector] | None = None
    strict_mode_config: StrictMode | None = None
    metadata: dict[str, Any] | None = None


class CollectionParams(Part):
    """Changes to the parameters of a collection."""

    replication_factor: Positive | None = None
    write_consistency_factor: Positive | None = None
    read_fan_out_factor: Unsigned | None = None
    read_fan_out_delay_ms: Unsigned | None = None
    on_disk_payload: bool | None = None


class DenseVectorChange(Part):
    """Changes to a dense vector."""

    hnsw_config: Hnsw | None = None
    quantization_config: Quantization | Literal["Disabled"] | None = None
    on_disk: bool | None = None


class UpdateCollection(Part):
    """PATCH /collections/{collection}."""

    vectors: dict[str, DenseVectorChange] | None = None
    sparse_vectors: dict[str, SparseVector] | None = None
    params: CollectionParams | None = None
    hnsw_config: Hnsw | None = None
    optimizers_config: Optimizers | None = None
    quantization_config: Quantization | Literal["Disabled"] | None = None
    strict_mode_config: StrictMode | None = None
    metadata: dict[str, Any] | None = None

    @property
    def starts_optimizer(self) -> bool:
        """Whether the server looks through its segments after this change."""
        changes = (self.vectors, self.hnsw_config, self.optimizers_config, self.quantization_config)
        return any(change is not None for change in changes)


class NewDenseVector(Part):
    """A dense vector that is added to a collection."""

    size: Unsigned
    distance: Literal["Cosine", "Dot", "Euclid", "Manhattan"]
    multivector_config: Multivector | None = None
    datatype: Datatype | None = None


class NewSparseVector(Part):
    """A sparse vector that is added to a collection."""

    modifier: Literal["none", "idf"] | None = None
    datatype: Datatype | None = None


class CreateAlias(Part):
    """An alias for a collection."""

    collection_name: str
    alias_name: str


class DeleteAlias(Part):
    """The end of an alias."""

    alias_name: str


class RenameAlias(Part):
    """Another name for an alias."""

    old_alias_name: str
    new_alias_name: str


class AliasAction(Part):
    """One change of the aliases: exactly one of the fields."""

    create_alias: CreateAlias | None = None
    delete_alias: DeleteAlias | None = None
    rename_alias: RenameAlias | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "AliasAction":
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("data did not match any variant of untagged enum AliasOperations")
        return self


class ChangeAliases(Part):
    """POST /collections/aliases."""

    actions: list[AliasAction]
