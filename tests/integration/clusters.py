"""The platform team: InfrastructureClusters, and the Secrets with their keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes.client.exceptions import ApiException

from devstack import stores
from namespace_operator.api.cluster import CLUSTER_KIND, CLUSTER_PLURAL
from namespace_operator.api.resource import API_VERSION, GROUP, VERSION
from tests.integration.support import Object, Platform, condition, eventually

PLACE = "clusters-platform"
TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IN_TIME = 30.0
"""Seconds within which a change of a Secret or a cluster counts."""


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
