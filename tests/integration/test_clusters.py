"""InfrastructureClusters with the real operator: what is found of their servers, rotation, and their end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from devstack import stores
from devstack.release import RELEASE, RELEASE_NAMESPACE
from namespace_operator.api.cluster import CLUSTER_FINALIZER, CLUSTER_KIND, CLUSTER_PLURAL
from namespace_operator.api.resource import API_VERSION, GROUP, VERSION
from tests.integration.conftest import OPERATOR
from tests.integration.support import Object, Organization, Platform, condition, eventually

PLACE = "clusters-platform"
TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IN_TIME = 30.0


@dataclass
class Clusters:
    """The platform team, with a Kubernetes namespace for its Secrets."""

    platform: Platform

    def write_key(self, name: str, value: str) -> None:
        """Put a key into the Secret of a cluster."""
        metadata = {"name": name, "namespace": PLACE}
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"api-key": value}})

    def create(self, name: str, server: stores.Qdrant, **spec: Any) -> None:
        """Create an InfrastructureCluster."""
        secret = {"namespace": PLACE, "name": name, "key": "api-key"}
        qdrant = {"url": server.url, "apiKeySecretRef": secret}
        cluster = {"apiVersion": API_VERSION, "kind": CLUSTER_KIND, "metadata": {"name": name}}
        self.apply({**cluster, "spec": {"clusterId": f"iclstr_{name}", "qdrant": qdrant, **spec}})

    def apply(self, manifest: Object) -> None:
        """Apply a manifest without keeping a copy of it in an annotation."""
        self.platform.stack.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(manifest))

    def find(self, name: str) -> Object | None:
        """The object, or None."""
        try:
            found: Object = self.platform.objects.get_cluster_custom_object(GROUP, VERSION, CLUSTER_PLURAL, name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return found

    def reason(self, name: str, reason: str, also: Callable[[Object], bool] = lambda _: True) -> Object:
        """The status, once Ready has this reason."""

        def look() -> Object | None:
            status = (self.find(name) or {}).get("status")
            if not status or condition(status, "Ready")["reason"] != reason or not also(status):
                return None
            found: Object = status
            return found

        return eventually(look, f"Ready reason {reason} of {name}", IN_TIME + 5)

    def begin_removal(self, name: str) -> None:
        """Delete an object without waiting for its end."""
        self.platform.objects.delete_cluster_custom_object(GROUP, VERSION, CLUSTER_PLURAL, name)


@pytest.fixture(scope="module")
def clusters(platform: Platform) -> Iterator[Clusters]:
    """The operator may read the Secrets of the platform team."""
    clusters = Clusters(platform)
    platform.stack.kubectl("create", "namespace", PLACE)
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "operator", "namespace": PLACE}}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}
    account = {"kind": "ServiceAccount", "name": RELEASE, "namespace": RELEASE_NAMESPACE}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"}
    clusters.apply({**role, "kind": "Role", "rules": [rule]})
    clusters.apply({**role, "kind": "RoleBinding", "roleRef": ref, "subjects": [account]})
    yield clusters
    platform.stack.kubectl("delete", "infrastructureclusters", "--all", "--timeout=60s")
    platform.stack.kubectl("delete", "namespace", PLACE)


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
    stack.install_operator({"operator": {**OPERATOR, "watchNamespaces": [organization.name]}})
    try:
        clusters.write_key("west", server.api_key)
        clusters.create("west", server)
        clusters.reason("west", "Ready")
    finally:
        stack.helm("rollback", RELEASE, "--namespace", RELEASE_NAMESPACE, "--wait", "--timeout", "120s")
