"""The infrastructure in the namespace document."""

from __future__ import annotations

from typing import Any

import pytest

from namespace_operator.api.infrastructure import Infrastructure
from namespace_operator.domain.document_infrastructure import DocumentInfrastructure, document_infrastructure
from namespace_operator.domain.ray_status import RayAddresses
from tests.unit.domain.builders import NAMESPACE_ID, spec

DEFAULTS = {
    "compute_tier": "shared",
    "cluster_id": None,
    "ray_cluster_id": None,
    "ray_head_node_url": None,
    "ray_dashboard_url": None,
    "autoscaling_enabled": True,
    "min_workers": 1,
    "max_workers": 10,
    "gpu_type": None,
    "gpus_per_worker": 1,
    "max_concurrent_jobs": 10,
    "max_custom_plugins": 0,
    "max_custom_models": 0,
    "s3_vector_bucket": None,
    "s3_plugin_bucket": "mixpeek-plugins",
    "s3_plugin_prefix": f"{NAMESPACE_ID}/",
}
EVERYTHING = {
    "computeTier": "dedicated_gpu",
    "rayClusterId": "ray_films",
    "autoscalingEnabled": False,
    "minWorkers": 0,
    "maxWorkers": 4,
    "gpuType": "T4",
    "gpusPerWorker": 2,
    "maxConcurrentJobs": 50,
    "maxCustomPlugins": 3,
    "maxCustomModels": 2,
    "s3VectorBucket": "vectors",
    "s3PluginBucket": "plugins",
    "s3PluginPrefix": "films/",
}


def dumped(addresses: RayAddresses | None = None, **fields: Any) -> dict[str, Any] | None:
    """What the document holds for a spec."""
    made = document_infrastructure(spec(**fields), NAMESPACE_ID, addresses or RayAddresses())
    return None if made is None else made.model_dump(mode="json")


def test_a_namespace_that_says_nothing_has_none() -> None:
    assert dumped() is None
    assert dumped(infrastructure={"qdrantCollection": "films", "sharing": True, "description": "sells"}) is None
    assert dumped(addresses=RayAddresses("ray://head:10001")) is None


@pytest.mark.parametrize(
    ("fields", "different"),
    [
        ({"infrastructure": {"computeTier": "shared"}}, {}),
        ({"clusterId": "iclstr_films"}, {"cluster_id": "iclstr_films"}),
        (
            {"clusterId": "iclstr_films", "infrastructure": EVERYTHING},
            {
                "cluster_id": "iclstr_films",
                "compute_tier": "dedicated_gpu",
                "ray_cluster_id": "ray_films",
                "autoscaling_enabled": False,
                "min_workers": 0,
                "max_workers": 4,
                "gpu_type": "T4",
                "gpus_per_worker": 2,
                "max_concurrent_jobs": 50,
                "max_custom_plugins": 3,
                "max_custom_models": 2,
                "s3_vector_bucket": "vectors",
                "s3_plugin_bucket": "plugins",
                "s3_plugin_prefix": "films/",
            },
        ),
    ],
    ids=["defaults", "a cluster alone", "everything"],
)
def test_values_in_force(fields: dict[str, Any], different: dict[str, Any]) -> None:
    assert dumped(**fields) == DEFAULTS | different


def test_addresses_are_those_in_force_not_those_asked_for() -> None:
    asked = {"rayHeadNodeUrl": "ray://not-allowed:10001", "rayDashboardUrl": "http://not-allowed:8265"}
    found = dumped(RayAddresses("ray://head:10001", "http://head:8265"), infrastructure=asked)
    assert found == DEFAULTS | {"ray_head_node_url": "ray://head:10001", "ray_dashboard_url": "http://head:8265"}


def test_it_is_read_back_as_it_was_written() -> None:
    found = dumped(clusterId="iclstr_films", infrastructure=EVERYTHING)
    assert DocumentInfrastructure.model_validate(found).model_dump(mode="json") == found


def test_every_field_of_the_spec_is_passed_on_or_has_its_place_elsewhere() -> None:
    elsewhere = {"description", "qdrant_collection", "sharing", "collection", "qdrant_url", "qdrant_api_key_secret_ref"}
    assert set(Infrastructure.model_fields) - set(DocumentInfrastructure.model_fields) == elsewhere
