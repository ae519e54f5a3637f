"""Ray in the reconcile: what job services read of it, and what stands in nobody's way."""

from __future__ import annotations

from typing import Any

from namespace_operator.domain.ray import RayOptions
from tests.model.scenario import run
from tests.model.steps import Step, annotate, apply, delete
from tests.world.checks import check_at_rest
from tests.world.sites import cluster
from tests.world.vectors import ModelVectorStore
from tests.world.world import World

_POD = {"spec": {"containers": [{"name": "ray", "image": "ray"}]}}
_TEMPLATE = {
    "headGroupSpec": {"rayStartParams": {}, "template": _POD},
    "workerGroupSpecs": [{"groupName": "workers", "rayStartParams": {}, "template": _POD}],
}


def dedicated(**infrastructure: Any) -> Step:
    """A namespace of a dedicated tier on the cluster east."""
    return apply("shop", clusterId="iclstr_east", infrastructure={"computeTier": "dedicated_cpu", **infrastructure})


def world_of(*, served: bool) -> World:
    """A world with the cluster east, a template of RayClusters, and KubeRay or not."""
    world, east = World(ray_options=RayOptions(_TEMPLATE)), cluster("iclstr_east")
    world.servers[east.endpoint.url] = ModelVectorStore(world.faults)
    world.landscape = type(world.landscape)(world.landscape.operator, {east.name: east})
    world.ray.served = served
    return world


async def test_a_dedicated_namespace_gets_its_ray_cluster_and_job_services_read_where_it_is() -> None:
    world = await run((dedicated(maxConcurrentJobs=40),), world_of(served=True))
    assert world.condition("shop") == ("True", "Ready")
    assert list(world.ray.objects) == [("acme", "ray-shop")]
    status = world.status("shop")["infrastructure"]
    assert status["rayCluster"]["state"] == "ready"
    read = world.document("shop")["infrastructure"]
    assert read["ray_head_node_url"] == status["rayHeadNodeUrl"]
    assert read["ray_head_node_url"].startswith("ray://ray-shop-head-svc.acme")
    assert read["max_concurrent_jobs"] == 40
    assert read["compute_tier"] == status["computeTier"] == "dedicated_cpu"
    await check_at_rest(world)


async def test_without_kuberay_all_else_works_and_it_heals_by_itself() -> None:
    world = await run((dedicated(),), world_of(served=False))
    assert world.condition("shop", "InfrastructureReady") == ("False", "RayOperatorMissing")
    assert world.condition("shop", "CollectionReady") == ("True", "Available")
    world.ray.served = True
    await world.settle()
    assert world.condition("shop") == ("True", "Ready")


async def test_on_the_shared_tier_again_it_has_no_ray_cluster() -> None:
    world = await run((dedicated(), apply("shop", clusterId="iclstr_east")), world_of(served=True))
    assert world.condition("shop") == ("True", "Ready")
    assert world.ray.objects == {}
    assert world.document("shop")["infrastructure"]["ray_head_node_url"] is None


async def test_what_does_nothing_on_the_shared_tier_is_said_in_the_condition_that_is_true() -> None:
    seed = {
        "autoscalingEnabled": True,
        "computeTier": "shared",
        "description": "Shared development namespace",
        "maxConcurrentJobs": 10,
        "qdrantCollection": "ns_dev",
        "rayHeadNodeUrl": "ray://shared-cluster:10001",
    }
    world = await run((apply("shop", infrastructure=seed),), World())
    assert world.condition("shop") == ("True", "Ready")
    assert "autoscalingEnabled is ignored" in world.message("shop", "InfrastructureReady")
    assert "rayHeadNodeUrl" in world.message("shop", "InfrastructureReady")
    assert world.document("shop")["infrastructure"]["ray_head_node_url"] is None
    await check_at_rest(world)


async def test_a_dry_run_makes_no_ray_cluster_and_says_it_would() -> None:
    world = world_of(served=True)
    world.start_operator()
    apply("shop")(world)
    await world.settle()
    annotate("shop", dry_run="true")(world)
    await run((apply("shop", infrastructure={"computeTier": "dedicated_cpu"}, clusterId="iclstr_east"),), world)
    assert world.ray.objects == {}
    await run((annotate("shop", dry_run=None), delete("shop")), world)
