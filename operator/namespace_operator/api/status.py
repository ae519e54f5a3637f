"""What the operator reports: the status of a Namespace.

No limits and no rules here: a status that the API server refused would hide what it was to report.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue

from namespace_operator.api.base import AbsentAsEmpty, ApiModel, Count, Timestamp, map_list
from namespace_operator.api.profile import ComputeTier
from namespace_operator.api.spec import DeletionPolicy

ConditionStatus = Literal["True", "False", "Unknown"]

_OPEN_OBJECT: dict[str, JsonValue] = {"x-kubernetes-preserve-unknown-fields": True}


class Condition(ApiModel):
    """One aspect of the state, in the form all Kubernetes conditions have."""

    type: Annotated[str, Field(description="Aspect, for example Ready.")]
    status: Annotated[ConditionStatus, Field(description="True, False or Unknown.")]
    reason: Annotated[str, Field(description="Cause in one CamelCase word, for programs.")]
    message: Annotated[str, Field(description="Cause and what to do about it, for people.")]
    last_transition_time: Annotated[Timestamp, Field(description="When status last changed. UTC.")]
    observed_generation: Annotated[
        Count | None, Field(description="metadata.generation this condition was found for.")
    ] = None


class QdrantStatus(ApiModel):
    """The collection as its Qdrant server last reported it."""

    status: Annotated[
        str | None,
        Field(description="green, yellow (optimizing), grey (optimization pending) or red (operations failed)."),
    ] = None
    points_count: Annotated[Count | None, Field(description="Points in the collection, approximate.")] = None
    indexed_vectors_count: Annotated[
        Count | None, Field(description="Vectors in the graph index over all named vectors, approximate.")
    ] = None
    segments_count: Annotated[Count | None, Field(description="Segments of the collection.")] = None


class ExtractorStatus(ApiModel):
    """A registered feature extractor."""

    feature_extractor_id: Annotated[str, Field(description="Name and version joined: text_extractor_v1.")]
    feature_extractor_name: Annotated[str, Field(description="Name in the catalog.")]
    version: Annotated[str, Field(description="Version in the catalog.")]
    in_spec: Annotated[
        bool, Field(description="False once the spec no longer lists it; it stays registered with its vectors.")
    ]
    vectors: Annotated[
        tuple[str, ...], AbsentAsEmpty, Field(description="Names of its vectors in the collection.")
    ] = ()
    points_with_vector: Annotated[
        Count | None,
        Field(
            description="Points that have all its vectors, approximate, of documentCount. Only told while some lack one"
            " because it was added later."
        ),
    ] = None
    params: Annotated[
        Mapping[str, JsonValue] | None,
        Field(description="The parameters it was registered with; they are locked.", json_schema_extra=_OPEN_OBJECT),
    ] = None


class IndexStatus(ApiModel):
    """A payload index of this Namespace as it lives in Qdrant."""

    field_name: Annotated[str, Field(description="Path of the field in the payload.")]
    type: Annotated[str, Field(description="Type of the live index.")]
    field_schema: Annotated[
        Mapping[str, JsonValue] | None,
        Field(
            description="Parameters of the live index that Qdrant reports; the others have its defaults.",
            json_schema_extra=_OPEN_OBJECT,
        ),
    ] = None
    is_protected: Annotated[
        bool | None, Field(description="True for the system's own indexes and for entries the spec protects.")
    ] = None
    points: Annotated[Count | None, Field(description="Points that have the field.")] = None


class AutoIndexSample(ApiModel):
    """What a random sample of the live payload showed of a field."""

    points: Annotated[Count, Field(description="Points in the sample that have the field.")]
    kinds: Annotated[
        tuple[str, ...],
        AbsentAsEmpty,
        Field(
            description="Kinds of its values: string, datetime, uuid, integer, large-integer, float, boolean, geo,"
            " object, array."
        ),
    ] = ()


class AutoIndexStatus(ApiModel):
    """A field that queries filter by, and what autoCreateIndexes made of that."""

    field_name: Annotated[str, Field(description="Path of the field in the payload.")]
    type: Annotated[str | None, Field(description="Type of the index. Absent: none would serve the queries.")] = None
    state: Annotated[
        Literal["created", "suggested", "limited"],
        Field(
            description="created: the index was made. suggested: it is left to people, the message says why. limited:"
            " it would be one too many."
        ),
    ]
    message: Annotated[str | None, Field(description="Why it was not made, and what to do. Absent if it was.")] = None
    queries_last_day: Annotated[Count, Field(description="Queries in the last 24 hours that filtered by the field.")]
    queries_last_week: Annotated[Count, Field(description="The same of the last 7 days.")]
    match_kinds: Annotated[
        tuple[str, ...],
        AbsentAsEmpty,
        Field(description="How they filtered: exact, range, text, geo, datetime, uuid."),
    ] = ()
    first_seen: Annotated[Timestamp | None, Field(description="First hour of the last 7 days with a query. UTC.")] = (
        None
    )
    last_seen: Annotated[Timestamp | None, Field(description="Last hour with a query. UTC.")] = None
    sample: Annotated[AutoIndexSample | None, Field(description="The payload the type was chosen by.")] = None
    slow_queries: Annotated[
        bool | None, Field(description="True where Qdrant itself reports slow queries that filter by the field.")
    ] = None
    at: Annotated[Timestamp, Field(description="When this was decided. UTC.")]


class RepairStatus(ApiModel):
    """The last repair of vectors."""

    at: Annotated[Timestamp, Field(description="When it was begun. UTC.")]
    added: Annotated[tuple[str, ...], AbsentAsEmpty, Field(description="Vectors that were missing and are back.")] = ()
    mismatches: Annotated[
        tuple[str, ...],
        AbsentAsEmpty,
        Field(description="Vectors of another size, distance or kind than registered; they are never changed."),
    ] = ()


class IndexRebuildStatus(ApiModel):
    """The last rebuild of the declared payload indexes."""

    requested_at: Annotated[
        str, Field(description="The value of the annotation mixpeek.com/rebuild-indexes-requested-at.")
    ]
    force: Annotated[bool, Field(description="Whether each index is dropped and built anew.")]
    total: Annotated[Count, Field(description="Indexes to put again.")]
    done: Annotated[Count, Field(description="Those that were.")]
    at: Annotated[Timestamp, Field(description="When it was begun. UTC.")]


class PlannedStep(ApiModel):
    """One write that the operator would do."""

    action: Annotated[str, Field(description="What would be done, for example CreateCollection.")]
    target: Annotated[str, Field(description="What it would be done to.")]
    detail: Annotated[str | None, Field(description="The parameters that matter.")] = None


class RayClusterStatus(ApiModel):
    """The RayCluster that the operator made for this Namespace, as KubeRay reports it."""

    name: Annotated[str, Field(description="Name of the RayCluster, in this Kubernetes namespace.")]
    state: Annotated[str | None, Field(description="Ray's own word: ready, suspended or failed.")] = None
    head_service: Annotated[str | None, Field(description="Service of the head node.")] = None
    ready_workers: Annotated[Count | None, Field(description="Workers that are ready.")] = None
    desired_workers: Annotated[Count | None, Field(description="Workers that are wanted at the moment.")] = None


class InfrastructureStatus(ApiModel):
    """What serves the namespace."""

    compute_tier: Annotated[ComputeTier | None, Field(description="The tier in force.")] = None
    connection: Annotated[
        str | None,
        Field(
            description="The Qdrant server it is bound to: the clusterId of an InfrastructureCluster, default for the"
            " operator's own, own for the one of infrastructure.qdrantUrl."
        ),
    ] = None
    sharing: Annotated[bool | None, Field(description="True where the collection is shared.")] = None
    members: Annotated[
        Count | None, Field(description="Namespaces that share the collection, this and retained ones included.")
    ] = None
    ray_head_node_url: Annotated[str | None, Field(description="Ray head node in force.")] = None
    ray_dashboard_url: Annotated[str | None, Field(description="Ray dashboard in force.")] = None
    ray_cluster: Annotated[
        RayClusterStatus | None, Field(description="The RayCluster made for this Namespace, if one was.")
    ] = None


class ConditionedStatus(ApiModel):
    """What the status of every kind begins with."""

    observed_generation: Annotated[
        Count | None, Field(description="metadata.generation this status was found for.")
    ] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(description="Ready sums up; the others say which part is not."),
        map_list("type"),
        AbsentAsEmpty,
    ] = ()


class NamespaceStatus(ConditionedStatus):
    """The namespace as the operator last found it. Absent values are unknown; a 0 is a real zero."""

    namespace_id: Annotated[
        str | None, Field(description="Identity of the namespace, ns_ and ten hexadecimal digits; never changes.")
    ] = None
    namespace_name: Annotated[str | None, Field(description="Name in force: spec.namespaceName or metadata.name.")] = (
        None
    )
    collection: Annotated[
        str | None,
        Field(
            description="Name of the collection in Qdrant, once it is bound to this namespace.",
            # What a rule of the API server reads must be bounded; Qdrant allows no longer names.
            json_schema_extra={"maxLength": 255},
        ),
    ] = None
    cluster_id: Annotated[
        str | None,
        Field(description="The InfrastructureCluster it is bound to. Absent where it is bound to another server."),
    ] = None
    infrastructure: Annotated[InfrastructureStatus | None, Field(description="What serves the namespace.")] = None
    document_count: Annotated[
        Count | None, Field(description="Documents: points in the collection, of a shared one this namespace's own.")
    ] = None
    bucket_count: Annotated[Count | None, Field(description="Buckets of the namespace.")] = None
    collection_count: Annotated[Count | None, Field(description="Mixpeek collections of the namespace.")] = None
    object_count: Annotated[Count | None, Field(description="Objects in all buckets of the namespace.")] = None
    payload_index_count: Annotated[
        Count | None, Field(description="Live payload indexes of the user, without the system's own.")
    ] = None
    vector_inference_map: Annotated[
        Mapping[str, str],
        BeforeValidator(lambda value: {} if value is None else value),
        Field(default_factory=dict, description="Inference service by vector name."),
    ]
    qdrant_status: Annotated[QdrantStatus | None, Field(description="The collection as Qdrant reports it.")] = None
    feature_extractors: Annotated[
        tuple[ExtractorStatus, ...], AbsentAsEmpty, Field(description="Registered feature extractors.")
    ] = ()
    payload_indexes: Annotated[
        tuple[IndexStatus, ...], AbsentAsEmpty, Field(description="Payload indexes as they live in Qdrant.")
    ] = ()
    unmanaged_indexes: Annotated[
        tuple[str, ...],
        AbsentAsEmpty,
        Field(description="Fields with an index that neither the spec nor the system declares; left alone."),
    ] = ()
    auto_indexes: Annotated[
        tuple[AutoIndexStatus, ...],
        AbsentAsEmpty,
        Field(description="Fields that queries filter by, and what autoCreateIndexes made of that."),
    ] = ()
    next_auto_index_run: Annotated[
        Timestamp | None, Field(description="When autoCreateIndexes looks at the queries again. UTC.")
    ] = None
    last_repair: Annotated[RepairStatus | None, Field(description="The last repair of vectors.")] = None
    index_rebuild: Annotated[IndexRebuildStatus | None, Field(description="The last rebuild of indexes.")] = None
    deletion_policy: Annotated[DeletionPolicy | None, Field(description="The deletion policy in force.")] = None
    expires_at: Annotated[
        Timestamp | None,
        Field(description="When the namespace expires; never before it was warned of for long enough. UTC."),
    ] = None
    plan: Annotated[
        tuple[PlannedStep, ...] | None,
        Field(description="With the annotation mixpeek.com/dry-run: what would be done, in order. Absent otherwise."),
    ] = None
    last_handled_reconcile_at: Annotated[
        str | None,
        Field(description="The value of the annotation mixpeek.com/reconcile-requested-at that was last acted upon."),
    ] = None
    last_handled_repair_at: Annotated[
        str | None, Field(description="The same of the annotation mixpeek.com/repair-requested-at.")
    ] = None
    created_at: Annotated[Timestamp | None, Field(description="When the namespace was made. UTC.")] = None
    updated_at: Annotated[Timestamp | None, Field(description="When its declared state last changed. UTC.")] = None
