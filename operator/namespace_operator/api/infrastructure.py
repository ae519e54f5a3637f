"""Where a namespace lives and what serves it: the infrastructure of a spec."""

from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from namespace_operator.api import infrastructure_rules, names
from namespace_operator.api.base import ApiModel, whole
from namespace_operator.api.profile import CollectionParameters, ComputeTier


class LocalSecretRef(ApiModel):
    """A key of a Secret in the Namespace's own Kubernetes namespace."""

    rules: ClassVar = infrastructure_rules.LOCAL_SECRET_RULES

    name: Annotated[str, Field(max_length=253, description="Name of the Secret, at most 253 characters.")]
    key: Annotated[str, Field(max_length=253, description="Key within the Secret, at most 253 characters.")]


class Infrastructure(ApiModel):
    """Where the namespace lives, and what serves it."""

    rules: ClassVar = infrastructure_rules.INFRASTRUCTURE_RULES

    description: Annotated[
        str | None, Field(max_length=500, description="Free text for people, at most 500 characters. Absent: none.")
    ] = None
    compute_tier: Annotated[
        ComputeTier | None,
        Field(
            description="shared: servers of the platform. dedicated_cpu, dedicated_gpu: servers of its own, which"
            " clusterId or qdrantUrl names. Default: shared."
        ),
    ] = None
    qdrant_collection: Annotated[
        str | None,
        Field(
            min_length=names.COLLECTION_MIN,
            max_length=names.COLLECTION_MAX,
            description="Name of the Qdrant collection, 3-128 letters, digits, _, - or dots; it belongs to this"
            " namespace alone, unless sharing is true, and cannot change once it is bound. Absent: a collection named"
            " by the namespace id.",
        ),
    ] = None
    sharing: Annotated[
        StrictBool | None,
        Field(
            description="Share the collection of this name with the other namespaces of the organization that do so"
            " too; each has its own points. Only on the shared tier. Cannot change once the collection is bound."
            " Default: false."
        ),
    ] = None
    collection: Annotated[
        CollectionParameters | None,
        Field(description="Parameters of the collection where the tier lets them be chosen. Absent: the tier's."),
    ] = None
    qdrant_url: Annotated[
        str | None,
        Field(
            max_length=512,
            description="Qdrant server of this namespace, http(s)://host:port, where the platform allows the host; at"
            " most 512 characters. Needs qdrantApiKeySecretRef. Absent: the cluster's.",
        ),
    ] = None
    qdrant_api_key_secret_ref: Annotated[
        LocalSecretRef | None,
        Field(description="The API key for qdrantUrl, in a Secret of this Kubernetes namespace; required with it."),
    ] = None
    ray_cluster_id: Annotated[
        str | None,
        Field(
            max_length=68,
            description="Id of the Ray cluster for the job services: ray_ and 3-64 letters, digits or _, at most 68"
            " characters. Absent: none.",
        ),
    ] = None
    ray_head_node_url: Annotated[
        str | None,
        Field(
            max_length=512,
            description="dedicated tiers: Ray head node, ray://host:port, where the platform allows the host; at most"
            " 512 characters. Absent: the cluster's, or a RayCluster that the operator makes.",
        ),
    ] = None
    ray_dashboard_url: Annotated[
        str | None,
        Field(
            max_length=512,
            description="dedicated tiers: Ray dashboard, http(s)://host:port, where the platform allows the host; at"
            " most 512 characters. Absent: that of the cluster.",
        ),
    ] = None
    autoscaling_enabled: Annotated[
        StrictBool | None,
        Field(description="dedicated tiers: let Ray scale the workers. Ignored on the shared tier. Default: true."),
    ] = None
    min_workers: Annotated[
        int | None,
        whole(0, 100, "dedicated tiers: fewest Ray workers, 0-100, at most maxWorkers. Default: 1."),
    ] = None
    max_workers: Annotated[
        int | None,
        whole(1, 100, "dedicated tiers: most Ray workers, 1-100. Default: 10."),
    ] = None
    gpu_type: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            description="dedicated_gpu: kind of GPU, such as A100 or T4, as the platform names it, 1-64 characters;"
            " required there.",
        ),
    ] = None
    gpus_per_worker: Annotated[
        int | None,
        whole(0, 8, "dedicated_gpu: GPUs of each worker, 0-8; required there, and at least 1."),
    ] = None
    max_concurrent_jobs: Annotated[
        int | None,
        whole(1, 1000, "Jobs of this namespace at the same time, 1-1000; read by the job services. Default: 10."),
    ] = None
    max_custom_plugins: Annotated[
        int | None,
        whole(0, 100, "Custom plugins of this namespace, 0-100; read by the job services. Default: 0."),
    ] = None
    max_custom_models: Annotated[
        int | None,
        whole(
            0,
            50,
            "Custom models of this namespace, 0-50, more than 0 only on dedicated tiers; read by the job"
            " services. Default: 0.",
        ),
    ] = None
    s3_vector_bucket: Annotated[
        str | None,
        Field(
            min_length=3,
            max_length=63,
            description="S3 bucket of vectors, 3-63 characters, for the job services. Absent: none.",
        ),
    ] = None
    s3_plugin_bucket: Annotated[
        str | None,
        Field(
            min_length=3,
            max_length=63,
            description="S3 bucket of plugins, 3-63 characters, for the job services. Default: mixpeek-plugins.",
        ),
    ] = None
    s3_plugin_prefix: Annotated[
        str | None,
        Field(
            max_length=512,
            description="Prefix within the bucket of plugins, at most 512 characters, for the job services. Absent: the"
            " namespace id and a /.",
        ),
    ] = None

    @property
    def tier(self) -> ComputeTier:
        """The tier in force."""
        return self.compute_tier or ComputeTier.SHARED


NOTHING_CHOSEN = Infrastructure()
"""What a Namespace without `spec.infrastructure` asks for."""
