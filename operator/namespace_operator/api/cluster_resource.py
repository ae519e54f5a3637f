"""The InfrastructureCluster as the API server hands it over."""

from typing import Annotated

from pydantic import Field

from namespace_operator.api.base import ApiModel
from namespace_operator.api.cluster import CLUSTER_PLURAL, InfrastructureClusterSpec, InfrastructureClusterStatus
from namespace_operator.api.resource import GROUP, ObjectMeta

CLUSTER_CRD_NAME = f"{CLUSTER_PLURAL}.{GROUP}"


class InfrastructureClusterResource(ApiModel):
    """A Qdrant server of the platform with its Ray compute, and the organizations that may live on it."""

    metadata: ObjectMeta
    spec: Annotated[InfrastructureClusterSpec, Field(description="The wanted connection, and who may use it.")]
    status: Annotated[
        InfrastructureClusterStatus | None, Field(description="The cluster as the operator last found it.")
    ] = None
