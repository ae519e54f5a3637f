"""The platform team's object: a Qdrant server with its Ray compute, and who may live on it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, JsonValue, StrictBool

from namespace_operator.api import cluster_rules, names
from namespace_operator.api.base import AbsentAsEmpty, ApiModel, Count, Timestamp, map_list, set_list, whole
from namespace_operator.api.profile import ComputeTier, TierProfile
from namespace_operator.api.status import ConditionedStatus

CLUSTER_KIND = "InfrastructureCluster"
CLUSTER_PLURAL = "infrastructureclusters"
CLUSTER_SINGULAR = "infrastructurecluster"
CLUSTER_SHORT_NAME = "iclstr"
CLUSTER_FINALIZER = "mixpeek.com/infrastructure-cluster"

_Labels = Annotated[
    Mapping[str, Annotated[str, Field(max_length=63)]],
    Field(max_length=16),
    BeforeValidator(lambda value: {} if value is None else value),
]


class SecretRef(ApiModel):
    """A key of a Secret anywhere."""

    rules: ClassVar = cluster_rules.SECRET_RULES

    namespace: Annotated[
        str, Field(max_length=63, description="Kubernetes namespace of the Secret, at most 63 characters.")
    ]
    name: Annotated[str, Field(max_length=253, description="Name of the Secret, at most 253 characters.")]
    key: Annotated[str, Field(max_length=253, description="Key within the Secret, at most 253 characters.")]


class ClusterQdrant(ApiModel):
    """How to reach the Qdrant server."""

    rules: ClassVar = cluster_rules.QDRANT_RULES

    url: Annotated[
        str,
        Field(
            max_length=512,
            description="REST address without credentials, http(s)://host:port, at most 512 characters.",
        ),
    ]
    api_key_secret_ref: Annotated[SecretRef | None, Field(description="The API key. Absent: none is sent.")] = None
    ca_secret_ref: Annotated[
        SecretRef | None,
        Field(description="Certificates (PEM) of the authority that signed the server's. Absent: the system's."),
    ] = None
    request_timeout_seconds: Annotated[
        int | None,
        whole(1, 300, "How long one request may take, 1-300. Absent: the operator's."),
    ] = None
    max_concurrent_requests: Annotated[
        int | None,
        whole(1, 256, "Requests to this server at the same time, 1-256. Default: 32."),
    ] = None


class ClusterRay(ApiModel):
    """Ray compute: one that is there, or a template for one RayCluster a namespace."""

    rules: ClassVar = cluster_rules.RAY_RULES

    head_node_url: Annotated[
        str | None,
        Field(
            max_length=512,
            description="Head node, ray://host:port, at most 512 characters. Absent: RayClusters from the template.",
        ),
    ] = None
    dashboard_url: Annotated[
        str | None,
        Field(
            max_length=512,
            description="Dashboard of headNodeUrl, http(s)://host:port, at most 512 characters. Absent: none is told.",
        ),
    ] = None
    template: Annotated[
        Mapping[str, JsonValue] | None,
        Field(
            description="A spec of ray.io/v1 RayCluster with headGroupSpec and one entry of workerGroupSpecs, from"
            " which each dedicated namespace gets a RayCluster of its own. Absent: headNodeUrl is used.",
            json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
        ),
    ] = None


class ClusterTier(TierProfile):
    """A tier that this cluster serves, with what it gives instead of the operator's profile of that tier."""

    name: Annotated[ComputeTier, Field(description="The tier.")]


class LabelSelector(ApiModel):
    """Kubernetes namespaces by their labels."""

    rules: ClassVar = cluster_rules.SELECTOR_RULES

    match_labels: Annotated[
        _Labels,
        Field(
            default_factory=dict,
            description="Labels that a Kubernetes namespace must have, all of them; required, at most 16.",
        ),
    ]


class AllowedOrganizations(ApiModel):
    """Organizations (Kubernetes namespaces) by name or by label: one of both is enough."""

    rules: ClassVar = cluster_rules.ALLOWED_RULES

    names: Annotated[
        tuple[Annotated[str, Field(max_length=63)], ...],
        Field(
            max_length=1024,
            description="Kubernetes namespaces by name, at most 1024 of at most 63 characters. Absent: none.",
        ),
        set_list(),
        AbsentAsEmpty,
    ] = ()
    namespace_selector: Annotated[
        LabelSelector | None, Field(description="Kubernetes namespaces by label. Absent: none.")
    ] = None


class InfrastructureClusterSpec(ApiModel):
    """The wanted connection, and who may use it for what."""

    rules: ClassVar = cluster_rules.CLUSTER_SPEC_RULES
    transition_rules: ClassVar = cluster_rules.CLUSTER_SPEC_TRANSITIONS

    cluster_id: Annotated[
        str,
        Field(
            max_length=names.CLUSTER_ID_MAX,
            description="What spec.clusterId of a Namespace names: iclstr_ and 3-32 lower-case letters or digits, at"
            " most 39 characters. Unique and immutable.",
        ),
    ]
    qdrant: Annotated[ClusterQdrant, Field(description="The Qdrant server.")]
    ray: Annotated[ClusterRay | None, Field(description="Ray compute. Absent: none.")] = None
    tiers: Annotated[
        tuple[ClusterTier, ...],
        Field(
            max_length=3,
            description="Tiers it serves, at most 3, each with what differs from the operator's profile. Absent: all.",
        ),
        map_list("name"),
        AbsentAsEmpty,
    ] = ()
    allowed_organizations: Annotated[
        AllowedOrganizations | None, Field(description="Who may live here. Absent: every organization.")
    ] = None
    default: Annotated[
        StrictBool | None,
        Field(
            description="Namespaces that name no server live here: those of the allowed organizations, or of all where"
            " none are named. Default: false."
        ),
    ] = None


class InfrastructureClusterStatus(ConditionedStatus):
    """The cluster as the operator last found it."""

    version: Annotated[str | None, Field(description="Version of the Qdrant server.")] = None
    server_id: Annotated[str | None, Field(description="Which server it is, by its marker collection.")] = None
    collections: Annotated[Count | None, Field(description="Collections on the server, whoever made them.")] = None
    namespaces: Annotated[
        Count | None, Field(description="Namespaces of this operator on it, retained ones included.")
    ] = None
    used_by: Annotated[
        tuple[str, ...],
        AbsentAsEmpty,
        Field(description="Some of those namespaces, as organization/name; at most ten."),
    ] = ()
    last_checked: Annotated[
        Timestamp | None,
        Field(description="When the server was last looked at, at most five minutes before the last look. UTC."),
    ] = None
