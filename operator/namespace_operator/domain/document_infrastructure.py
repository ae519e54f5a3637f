"""What other services read of a namespace's infrastructure: a part of the namespace document, in its spelling."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from namespace_operator.api.infrastructure import NOTHING_CHOSEN
from namespace_operator.api.infrastructure_rules import MAX_WORKERS, MIN_WORKERS
from namespace_operator.api.profile import ComputeTier
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.ray_status import RayAddresses

MAX_CONCURRENT_JOBS = 10
S3_PLUGIN_BUCKET = "mixpeek-plugins"
GPUS_PER_WORKER = 1


class DocumentInfrastructure(BaseModel):
    """Values in force: what the spec says, else the defaults of the namespace API, and where Ray is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    compute_tier: ComputeTier
    cluster_id: str | None = None
    ray_cluster_id: str | None = None
    ray_head_node_url: str | None = None
    ray_dashboard_url: str | None = None
    autoscaling_enabled: bool = True
    min_workers: int = MIN_WORKERS
    max_workers: int = MAX_WORKERS
    gpu_type: str | None = None
    gpus_per_worker: int = GPUS_PER_WORKER
    max_concurrent_jobs: int = MAX_CONCURRENT_JOBS
    max_custom_plugins: int = 0
    max_custom_models: int = 0
    s3_vector_bucket: str | None = None
    s3_plugin_bucket: str = S3_PLUGIN_BUCKET
    s3_plugin_prefix: str


_AS_IN_THE_SPEC = (
    "ray_cluster_id",
    "autoscaling_enabled",
    "min_workers",
    "max_workers",
    "gpu_type",
    "gpus_per_worker",
    "max_concurrent_jobs",
    "max_custom_plugins",
    "max_custom_models",
    "s3_vector_bucket",
    "s3_plugin_bucket",
    "s3_plugin_prefix",
)


_OF_THE_COLLECTION = frozenset(
    {"description", "qdrant_collection", "sharing", "collection", "qdrant_url", "qdrant_api_key_secret_ref"}
)


def document_infrastructure(
    spec: NamespaceSpec, namespace_id: str, addresses: RayAddresses
) -> DocumentInfrastructure | None:
    """What the document says of it; None where the spec says nothing that the job services need to know."""
    asked = spec.infrastructure or NOTHING_CHOSEN
    if spec.cluster_id is None and not asked.model_fields_set - _OF_THE_COLLECTION:
        return None
    said = {name: value for name in _AS_IN_THE_SPEC if (value := getattr(asked, name)) is not None}
    return DocumentInfrastructure.model_validate(
        {
            "compute_tier": asked.tier,
            "cluster_id": spec.cluster_id,
            "ray_head_node_url": addresses.head_node_url,
            "ray_dashboard_url": addresses.dashboard_url,
            "s3_plugin_prefix": f"{namespace_id}/",
            **said,
        }
    )
