"""What a user declares: the spec of a Namespace."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, StrictBool

from namespace_operator.api import names, spec_rules
from namespace_operator.api.base import ATOMIC, ATOMIC_MODEL, AbsentAsEmpty, ApiModel, map_list, whole
from namespace_operator.api.infrastructure import Infrastructure
from namespace_operator.api.payload_index import PayloadIndex
from namespace_operator.api.profile import ComputeTier
from namespace_operator.api.vectors import Metric, VectorKind


class DeletionPolicy(StrEnum):
    """What becomes of the data when the Namespace is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


class Mode(StrEnum):
    """Where a namespace's vectors come from."""

    MANAGED = "managed"
    STANDALONE = "standalone"


class NamespaceType(StrEnum):
    """What a namespace is for."""

    STANDARD = "standard"
    MARKETPLACE = "marketplace"


class Scope(StrEnum):
    """Who may read a namespace."""

    ORG = "org"
    SYSTEM = "system"


class FeatureExtractor(ApiModel):
    """A registered feature extractor of the catalog, identified by name and version."""

    model_config = ATOMIC_MODEL
    rules: ClassVar = spec_rules.FEATURE_EXTRACTOR_RULES
    transition_rules: ClassVar = spec_rules.FEATURE_EXTRACTOR_TRANSITIONS

    feature_extractor_name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=names.EXTRACTOR_NAME_MAX,
            description="Name of the extractor in the catalog, for example text_extractor; at most 64 characters.",
        ),
    ]
    version: Annotated[
        str,
        Field(
            min_length=1,
            max_length=names.EXTRACTOR_VERSION_MAX,
            description="Version of the extractor in the catalog, for example v1; at most 16 characters.",
        ),
    ]
    params: Annotated[
        Mapping[str, JsonValue] | None,
        Field(
            description="Parameters that shape the extractor's vectors, such as embedding_model or"
            " output_dimensionality, spelled as the catalog spells them. Locked once registered. Absent: the vectors"
            " as the catalog has them.",
            json_schema_extra={"x-kubernetes-preserve-unknown-fields": True} | ATOMIC,
        ),
    ] = None

    @property
    def feature_extractor_id(self) -> str:
        """Name and version joined, as the catalog and the documents call it: `text_extractor_v1`."""
        return f"{self.feature_extractor_name}_{self.version}"


class VectorConfig(ApiModel):
    """A named vector of a standalone namespace. It never changes once applied."""

    model_config = ATOMIC_MODEL
    rules: ClassVar = spec_rules.VECTOR_CONFIG_RULES
    transition_rules: ClassVar = spec_rules.VECTOR_CONFIG_TRANSITIONS

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=names.VECTOR_NAME_MAX,
            description="Name of the vector, 1-200 letters, digits, _, - or dots.",
        ),
    ]
    kind: Annotated[
        VectorKind | None,
        Field(
            description="dense: one vector a point. sparse: pairs of index and value, without dimension or metric."
            " multi_dense: several vectors a point, compared by the best match of each. Default: dense."
        ),
    ] = None
    dimension: Annotated[
        int | None,
        whole(1, 65536, "dense, multi_dense: number of components, 1-65536; required."),
    ] = None
    metric: Annotated[
        Metric | None,
        Field(description="dense, multi_dense: how two vectors are compared. Default: cosine."),
    ] = None


class NamespaceSpec(ApiModel):
    """The wanted namespace: its name, where its vectors come from, its payload indexes."""

    rules: ClassVar = spec_rules.NAMESPACE_SPEC_RULES
    transition_rules: ClassVar = spec_rules.NAMESPACE_SPEC_TRANSITIONS

    namespace_name: Annotated[
        str | None,
        Field(
            min_length=names.NAMESPACE_NAME_MIN,
            max_length=names.NAMESPACE_NAME_MAX,
            description="Name of the namespace, unique in its organization (the Kubernetes namespace):"
            " 3-64 letters, digits, _ or -. May be changed. Absent: metadata.name.",
        ),
    ] = None
    namespace_id: Annotated[
        str | None,
        Field(
            min_length=6,
            max_length=names.NAMESPACE_ID_MAX,
            description="Only for recovery: the id of a namespace whose data exists already, or is about to be"
            " restored; 6-67 characters: ns_, then letters, digits or _. Needs the verb set-id; cannot be added,"
            " changed or removed later. Absent: the operator makes one.",
        ),
    ] = None
    description: Annotated[
        str | None, Field(max_length=500, description="Free text for people, at most 500 characters. Absent: none.")
    ] = None
    mode: Annotated[
        Mode | None,
        Field(
            description="managed: vectors of feature extractors. standalone: own vectors, listed in vectorConfigs."
            " Immutable. Default: managed."
        ),
    ] = None
    namespace_type: Annotated[
        NamespaceType | None,
        Field(
            description="standard, or marketplace for a curated dataset that others subscribe to. Immutable."
            " Default: standard."
        ),
    ] = None
    scope: Annotated[
        Scope | None,
        Field(
            description="org: this organization's. system: readable by every organization; needs the verb manage-system"
            " to create, change or delete. Immutable. Default: org."
        ),
    ] = None
    feature_extractors: Annotated[
        tuple[FeatureExtractor, ...],
        Field(
            max_length=64,
            description="Extractors whose vectors the namespace holds, at most 64. An extractor that is removed here"
            " stays registered with its vectors; status says so. Absent: none.",
        ),
        map_list("feature_extractor_name", "version"),
        AbsentAsEmpty,
    ] = ()
    vector_configs: Annotated[
        tuple[VectorConfig, ...],
        Field(
            max_length=64,
            description="mode standalone: named vectors of the collection, at most 64. Entries can be added, but"
            " neither changed nor removed. Absent: none.",
        ),
        map_list("name"),
        AbsentAsEmpty,
    ] = ()
    payload_indexes: Annotated[
        tuple[PayloadIndex, ...],
        Field(
            max_length=128,
            description="Payload indexes beside the system's own, at most 128. An entry that is removed here has its"
            " index dropped. Absent: none.",
        ),
        map_list("field_name"),
        AbsentAsEmpty,
    ] = ()
    auto_create_indexes: Annotated[
        StrictBool | None,
        Field(
            description="Make indexes of its own for fields that more than 100 queries in 24 hours filtered by, where"
            " the live payload shows that no answer changes; status.autoIndexes has them. Default: false."
        ),
    ] = None
    max_auto_indexes: Annotated[
        int | None,
        whole(
            0, 128, "At most so many indexes are made by autoCreateIndexes, the most used first; 0-128. Default: 10."
        ),
    ] = None
    drop_auto_indexes_on_disable: Annotated[
        StrictBool | None,
        Field(
            description="Drop the indexes that autoCreateIndexes made once it is false. Those listed in payloadIndexes"
            " stay. Default: false."
        ),
    ] = None
    prune_unmanaged_indexes: Annotated[
        StrictBool | None,
        Field(
            description="Drop indexes of the collection that neither spec nor system declare nor autoCreateIndexes"
            " made. Default: false, they are left alone and listed in status.unmanagedIndexes."
        ),
    ] = None
    repair_vectors: Annotated[
        StrictBool | None,
        Field(
            description="Add vectors of registered extractors again that were lost; the documents then need another"
            " run of the extractor. Default: false, status tells what is missing."
        ),
    ] = None
    ttl_seconds: Annotated[
        int | None,
        whole(
            60,
            315360000,
            "Seconds from its creation after which the namespace expires, 60-315360000 (ten years). Its data is then"
            " deleted unless deletionPolicy: Retain is written, and this object with it. May be set, changed and"
            " removed. Absent: never.",
        ),
    ] = None
    cluster_id: Annotated[
        str | None,
        Field(
            max_length=names.CLUSTER_ID_MAX,
            description="The InfrastructureCluster the namespace lives on, by its clusterId of at most 39 characters."
            " Cannot change while the namespace has data where it lives. Absent: the default of the organization, else"
            " of the operator.",
        ),
    ] = None
    infrastructure: Annotated[
        Infrastructure | None,
        Field(
            description="Where the namespace lives and what serves it. Absent: the shared tier, and a collection of its"
            " own."
        ),
    ] = None
    deletion_policy: Annotated[
        DeletionPolicy | None,
        Field(
            description="Retain leaves collection and documents when the Namespace is deleted, Delete removes them."
            " Absent means Retain; status.deletionPolicy has the policy in force."
        ),
    ] = None

    def name_for(self, resource_name: str) -> str:
        """The namespaceName in force for an object of this metadata.name."""
        return self.namespace_name or resource_name

    @property
    def effective_mode(self) -> Mode:
        """The mode in force."""
        return self.mode or Mode.MANAGED

    @property
    def effective_type(self) -> NamespaceType:
        """The type in force."""
        return self.namespace_type or NamespaceType.STANDARD

    @property
    def effective_scope(self) -> Scope:
        """The scope in force."""
        return self.scope or Scope.ORG

    @property
    def qdrant_collection(self) -> str | None:
        """The collection the user chose, if any."""
        return self.infrastructure.qdrant_collection if self.infrastructure else None

    @property
    def effective_tier(self) -> ComputeTier:
        """The tier in force."""
        return self.infrastructure.tier if self.infrastructure else ComputeTier.SHARED

    @property
    def is_sharing(self) -> bool:
        """Whether the namespace shares the collection it chooses."""
        return bool(self.infrastructure and self.infrastructure.sharing)
