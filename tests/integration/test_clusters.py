"""InfrastructureClusters with the real operator: what is found of their servers, rotation, and their end."""

from __future__ import annotations

import json
from contextlib import closing

from devstack import stores
from namespace_operator.api.cluster import CLUSTER_FINALIZER, CLUSTER_PLURAL
from namespace_operator.api.resource import GROUP, VERSION
from tests.integration.api_server import Server
from tests.integration.clusters import IN_TIME, TEXT, Clusters
from tests.integration.rays import RAY_PATH, TEMPLATE, kuberay_installed
from tests.integration.support import Organization, condition, eventually


def test_a_cluster_lives_through_rotation_and_stays_while_it_is_used(
    clusters: Clusters, organization: Organization
) -> None:
    platform = clusters.platform
    server = platform.stack.add_qdrant("east")
    assert server.api_key is not None
    clusters.create("east", server)
    assert "create the Secret" in condition(clusters.reason("east", "SecretNotFound"), "Authenticated")["message"]
    clusters.write_key("east", server.api_key)
    status = clusters.reason("east", "Ready")
    assert (status["version"], status["namespaces"], status["collections"]) == ("1.18.3", 0, 1)
    assert status["serverId"]
    east = clusters.find("east")
    assert east is not None
    assert east["metadata"]["finalizers"] == [CLUSTER_FINALIZER]

    organization.create("films", featureExtractors=[TEXT], clusterId="iclstr_east", deletionPolicy="Delete")
    organization.ready("films")
    full_name = f"{organization.name}/films"
    status = clusters.reason("east", "Ready", lambda status: status["namespaces"] == 1)
    assert status["usedBy"] == [full_name]
    assert 'namespace_operator_qdrant_up{connection="iclstr_east"} 1.0' in platform.metrics()
    assert 'namespace_operator_qdrant_up{connection="default"} 1.0' in platform.metrics()

    rotated = stores.rotate(server)
    assert rotated.api_key is not None
    clusters.reason("east", "Unauthorized")
    clusters.write_key("east", rotated.api_key)
    clusters.reason("east", "Ready")

    clusters.begin_removal("east")
    status = clusters.reason("east", "InUse")
    assert full_name in condition(status, "Ready")["message"]
    organization.remove("films")
    eventually(lambda: clusters.find("east") is None, "the cluster's end", IN_TIME + 5)
    eventually(lambda: "iclstr_east" not in platform.metrics(), "the end of its metrics")

    told = json.dumps([clusters.platform.objects.list_cluster_custom_object(GROUP, VERSION, CLUSTER_PLURAL)])
    told += "".join(log.read_text(errors="replace") for log in (platform.stack.logs / "pods").rglob("*.log"))
    told += platform.metrics() + platform.stack.kubectl("get", "events", "-A", "-o", "json")
    told += json.dumps(list(platform.database["namespaces"].find()), default=str)
    for key in (server.api_key, rotated.api_key, server.read_only_api_key, rotated.read_only_api_key):
        assert key is not None
        assert key not in told


def test_servers_that_cannot_be_used_say_why(clusters: Clusters) -> None:
    old, silent = clusters.platform.stack.add_qdrant("old", "1.17.0"), clusters.platform.stack.add_qdrant("silent")
    assert old.api_key is not None
    assert silent.read_only_api_key is not None
    assert silent.process is not None
    clusters.write_key("old", old.api_key)
    clusters.write_key("silent", silent.read_only_api_key)
    clusters.create("old", old)
    clusters.create("silent", silent)
    # Of two of the same second the first by name would be taken for the older.
    clusters.create("same-id", silent, clusterId="iclstr_old")
    status = clusters.reason("old", "VersionUnsupported")
    assert status["version"] == "1.17.0"
    assert condition(status, "Reachable")["status"] == "True"
    assert condition(clusters.reason("silent", "Unauthorized"), "Reachable")["status"] == "True"
    assert "InfrastructureCluster old" in condition(clusters.reason("same-id", "ClusterIdConflict"), "Ready")["message"]
    silent.process.kill()
    clusters.reason("silent", "Unreachable")


def test_clusters_are_watched_where_only_some_kubernetes_namespaces_are(
    clusters: Clusters, organization: Organization
) -> None:
    stack = clusters.platform.stack
    server = stack.add_qdrant("west")
    assert server.api_key is not None
    watching = {"operator": {"watchNamespaces": [organization.name]}, "ray": {"template": TEMPLATE}}
    with closing(Server(stack)) as api, kuberay_installed(api):
        with clusters.platform.narrowing():
            clusters.platform.install(watching)
        try:
            clusters.write_key("west", server.api_key)
            clusters.create("west", server)
            clusters.reason("west", "Ready")
            _has_a_ray_while_it_is_dedicated(organization, api)
        finally:
            clusters.platform.install()


def _has_a_ray_while_it_is_dedicated(organization: Organization, api: Server) -> None:
    path = f"{RAY_PATH.format(organization.name)}/ray-films"
    organization.create(
        "films", clusterId="iclstr_west", infrastructure={"computeTier": "dedicated_cpu"}, deletionPolicy="Delete"
    )
    organization.reason("films", "RayClusterNotReady")
    assert api.send("GET", path).accepted()["spec"]["workerGroupSpecs"][0]["minReplicas"] == 1
    organization.edit("films", infrastructure={"computeTier": "dedicated_cpu", "minWorkers": 2})

    def follows() -> bool:
        return bool(api.send("GET", path).accepted()["spec"]["workerGroupSpecs"][0]["minReplicas"] == 2)

    eventually(follows, "the new minimum", IN_TIME)
    organization.edit("films", infrastructure=None)
    organization.ready("films", IN_TIME)
    assert api.send("GET", path).status == 404
    organization.remove("films")
