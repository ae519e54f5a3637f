"""How a collection is laid out: the parameters that tiers set and that a Namespace may override."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from namespace_operator.api.base import AbsentAsEmpty, ApiModel, set_list, whole
from namespace_operator.api.rules import Rule

_MANY = 1_000_000_000


class ComputeTier(StrEnum):
    """What infrastructure a namespace is served by."""

    SHARED = "shared"
    DEDICATED_CPU = "dedicated_cpu"
    DEDICATED_GPU = "dedicated_gpu"

    @property
    def is_dedicated(self) -> bool:
        """Whether the namespace has servers of its own."""
        return self is not ComputeTier.SHARED


class QuantizationType(StrEnum):
    """How vectors are compressed for the search."""

    SCALAR = "scalar"
    BINARY = "binary"
    PRODUCT = "product"
    NONE = "none"


class SystemIndex(StrEnum):
    """The payload fields that the operator can index by itself."""

    INTERNAL_ID = "internal_id"
    NAMESPACE_ID = "namespace_id"
    COLLECTION_ID = "collection_id"
    DOCUMENT_ID = "document_id"
    BUCKET_ID = "bucket_id"


class Hnsw(ApiModel):
    """The vector graph."""

    m: Annotated[
        int | None,
        whole(0, 1024, "Edges a node, 0-1024; 0 builds no graph over all points. Absent: as Qdrant has it."),
    ] = None
    payload_m: Annotated[
        int | None,
        whole(0, 1024, "Edges a node of the graphs within one value of a payload index, 0-1024. Absent: as many as m."),
    ] = None
    ef_construct: Annotated[
        int | None,
        whole(4, 10000, "Neighbours looked at while building, 4-10000. Absent: as Qdrant has it."),
    ] = None
    on_disk: Annotated[
        StrictBool | None, Field(description="Keep the graph on disk instead of in memory. Absent: as Qdrant has it.")
    ] = None


class Quantization(ApiModel):
    """Compressed vectors beside the full ones."""

    type: Annotated[QuantizationType, Field(description="scalar (int8), binary, product (16 times smaller), or none.")]
    always_ram: Annotated[
        StrictBool | None,
        Field(description="Keep the compressed vectors in memory, wherever the full ones are. Default: false."),
    ] = None


class StrictMode(ApiModel):
    """Limits that Qdrant itself enforces on requests for the collection."""

    enabled: Annotated[StrictBool | None, Field(description="Whether the limits are in force. Default: true.")] = None
    max_query_limit: Annotated[
        int | None,
        whole(1, _MANY, "Most results of one query, 1-1000000000. Absent: no limit.", bits=64),
    ] = None
    max_timeout: Annotated[
        int | None,
        whole(1, _MANY, "Longest timeout a request may ask for, 1-1000000000 seconds. Absent: no limit.", bits=64),
    ] = None
    unindexed_filtering_retrieve: Annotated[
        StrictBool | None, Field(description="Whether queries may filter by fields without an index. Absent: they may.")
    ] = None
    unindexed_filtering_update: Annotated[
        StrictBool | None, Field(description="Whether updates may filter by fields without an index. Absent: they may.")
    ] = None
    search_max_hnsw_ef: Annotated[
        int | None,
        whole(1, _MANY, "Largest hnsw_ef of a query, 1-1000000000. Absent: no limit.", bits=64),
    ] = None
    search_allow_exact: Annotated[
        StrictBool | None, Field(description="Whether queries may ask for exact search. Absent: they may.")
    ] = None
    upsert_max_batchsize: Annotated[
        int | None,
        whole(1, _MANY, "Most points of one upsert, 1-1000000000. Absent: no limit.", bits=64),
    ] = None
    max_points_count: Annotated[
        int | None,
        whole(1, _MANY, "Most points of the collection, 1-1000000000. Absent: no limit.", bits=64),
    ] = None
    max_payload_index_count: Annotated[
        int | None,
        whole(
            0,
            _MANY,
            "Most payload indexes of the collection, the system's included, 0-1000000000. Absent: no limit.",
            bits=64,
        ),
    ] = None


class CollectionParameters(ApiModel):
    """Parameters of a Qdrant collection. What is absent is as Qdrant has it, and is not compared."""

    segment_number: Annotated[
        int | None,
        whole(
            1,
            1024,
            "Segments the optimizer aims at, 1-1024. Memory mappings, which a server runs out of first,"
            " grow with them. Absent: the tier's, which is 1 unless the platform sets another.",
        ),
    ] = None
    shard_number: Annotated[
        int | None,
        whole(
            1,
            1024,
            "Shards, 1-1024. Counts when the collection is made, and cannot change afterwards. Absent: as"
            " Qdrant has it.",
        ),
    ] = None
    replication_factor: Annotated[
        int | None,
        whole(1, 64, "Copies of each shard, 1-64. Absent: as Qdrant has it."),
    ] = None
    write_consistency_factor: Annotated[
        int | None,
        whole(1, 64, "Replicas that must confirm a write, 1-64. Absent: as Qdrant has it."),
    ] = None
    on_disk_payload: Annotated[
        StrictBool | None, Field(description="Keep payload on disk instead of in memory. Absent: as Qdrant has it.")
    ] = None
    on_disk_vectors: Annotated[
        StrictBool | None,
        Field(description="Keep the dense vectors on disk instead of in memory. Absent: as Qdrant has it."),
    ] = None
    indexing_threshold: Annotated[
        int | None,
        whole(
            0,
            _MANY,
            "Size of a segment above which its vectors are indexed, 0-1000000000 kilobytes; 0: never."
            " Absent: as Qdrant has it.",
            bits=64,
        ),
    ] = None
    hnsw: Annotated[Hnsw | None, Field(description="The vector graph. Absent: as Qdrant has it.")] = None
    quantization: Annotated[
        Quantization | None, Field(description="Compressed vectors beside the full ones. Absent: none.")
    ] = None
    strict_mode: Annotated[
        StrictMode | None, Field(description="Limits on requests, enforced by Qdrant. Absent: none.")
    ] = None


PARAMETER_NAMES = tuple(CollectionParameters.model_fields)
"""The names of all parameters, snake_case."""

_ALIASES = tuple(field.alias or name for name, field in CollectionParameters.model_fields.items())

_TIER_RULES: "tuple[Rule[TierProfile], ...]" = (
    Rule(
        cel=f"!has(self.overridable) || self.overridable.all(name, name in {list(_ALIASES)})",
        message=f"overridable must name parameters of collection: {', '.join(_ALIASES)}",
        check=lambda profile: set(profile.overridable) <= set(_ALIASES),
        field_path=("overridable",),
    ),
)


class TierProfile(ApiModel):
    """What a tier gives the namespaces that are served by it."""

    rules: ClassVar = _TIER_RULES

    collection: Annotated[
        CollectionParameters | None,
        Field(description="Parameters of every collection of this tier. Absent: as Qdrant has them."),
    ] = None
    shared_collection: Annotated[
        CollectionParameters | None,
        Field(
            description="Parameters of collections that namespaces share, on top of those of collection. Absent: those."
        ),
    ] = None
    system_indexes: Annotated[
        tuple[SystemIndex, ...] | None,
        Field(
            max_length=16,
            description="Payload fields the operator indexes in every collection, at most 16. namespace_id is always"
            " indexed in a shared one. Absent: all five.",
        ),
        set_list(),
    ] = None
    overridable: Annotated[
        tuple[Annotated[str, Field(max_length=64)], ...],
        Field(
            max_length=16,
            description="Parameters that a Namespace may override in infrastructure.collection, such as"
            " replicationFactor; at most 16 names of at most 64 characters. Absent: none.",
        ),
        set_list(),
        AbsentAsEmpty,
    ] = ()
    max_namespaces: Annotated[
        int | None,
        whole(
            0,
            1_000_000,
            "Most namespaces of this tier on the server, retained ones included, 0-1000000. Absent: no limit.",
        ),
    ] = None
    max_shared_vector_megabytes: Annotated[
        int | None,
        whole(
            0,
            1_000_000,
            "Space that a vector added to a shared collection with points may take, 0-1000000 megabytes: it"
            " takes its full size for every point, even while it is empty. Default: 1024.",
        ),
    ] = None
