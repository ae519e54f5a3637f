"""What the integration tests share: the stack's servers, and a Kubernetes namespace to work in."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import pymongo
from kubernetes import client as kubernetes
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from pymongo.database import Database
from qdrant_client import QdrantClient

from devstack.release import MONGODB_DATABASE, RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION

T = TypeVar("T")
Object = dict[str, Any]

TIMEOUT_SECONDS = 60.0


def eventually(look: Callable[[], T | None], what: str, timeout: float = TIMEOUT_SECONDS) -> T:
    """The first result of ``look`` that is neither None nor False; an AssertionError with ``what`` in the end."""
    deadline = time.monotonic() + timeout
    while True:
        result = look()
        if result is not None and result is not False:
            return result
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout:.0f} s"
        time.sleep(0.1)


@dataclass
class Platform:
    """The stack's servers, reached the way a user or an administrator reaches them."""

    stack: Stack

    def __enter__(self) -> Self:
        api = config.new_client_from_config(str(self.stack.kubeconfig))
        self.core = kubernetes.CoreV1Api(api)
        self.objects = kubernetes.CustomObjectsApi(api)
        self.qdrant = QdrantClient(url=self.stack.qdrant_url, api_key=self.stack.qdrant_api_key, timeout=30, check_compatibility=False)
        self._mongodb: pymongo.MongoClient[Object] = pymongo.MongoClient(self.stack.mongodb_uri, tz_aware=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.qdrant.close()
        self._mongodb.close()

    @property
    def database(self) -> Database[Object]:
        """The operator's database."""
        return self._mongodb[MONGODB_DATABASE]

    def create_organization(self, name: str) -> Organization:
        """Make a Kubernetes namespace."""
        self.core.create_namespace({"metadata": {"name": name}})
        return Organization(self, name)


    def stop_operator(self) -> None:
        """Scale the operator to nothing and wait until its process has ended."""
        self._scale_operator(0)
        eventually(lambda: not self.stack.operator_pids(), "the operator's end")

    def start_operator(self) -> None:
        """Scale the operator to one; it need not be ready yet."""
        self._scale_operator(1)

    def kill_operator(self) -> None:
        """End the operator's process as a node failure would, once there is one; it is started again."""
        for pid in eventually(self.stack.operator_pids, "an operator process"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _scale_operator(self, replicas: int) -> None:
        scale = ("scale", "deployment", RELEASE, f"--replicas={replicas}", "-n", RELEASE_NAMESPACE)
        self.stack.kubectl(*scale)

    def marked_collections(self, organization: str) -> set[str]:
        """The collections whose mark names the organization."""
        return {
            collection.name
            for collection in self.qdrant.get_collections().collections
            if self._metadata(collection.name).get("mixpeek.com/organization") == organization
        }

    def _metadata(self, collection: str) -> Object:
        return self.qdrant.get_collection(collection).config.metadata or {}

    def secrets(self) -> list[str]:
        """What must never be read anywhere: the key, and the connection string."""
        return [secret for secret in (self.stack.qdrant_api_key, self.stack.mongodb_uri) if secret]

    def operator_requests(self) -> list[Object]:
        """The operator's requests to the API server so far, from the audit log."""
        user = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
        entries = map(json.loads, self.stack.audit_log.read_text().splitlines())
        return [entry for entry in entries if entry["user"]["username"] == user]


@dataclass
class Organization:
    """A Kubernetes namespace and the Mixpeek namespaces in it."""

    platform: Platform
    name: str

    def create(self, name: str, **spec: Any) -> Object:
        """Create a Namespace."""
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
        return self.platform.objects.create_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL, body)

    def edit(self, name: str, **spec: Any) -> Object:
        """Change fields of the spec; None removes one."""
        return self.platform.objects.patch_namespaced_custom_object(
            GROUP, VERSION, self.name, PLURAL, name, {"spec": spec}, _content_type="application/merge-patch+json"
        )

    def get(self, name: str) -> Object | None:
        """The object, or None."""
        try:
            return self.platform.objects.get_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL, name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def list(self) -> list[Object]:
        """Every Namespace of the organization."""
        return self.platform.objects.list_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL)["items"]

    def remove(self, name: str, timeout: float = TIMEOUT_SECONDS) -> None:
        """Delete a Namespace and wait until it is gone."""
        self.platform.objects.delete_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL, name)
        eventually(lambda: self.get(name) is None, f"deletion of {name}", timeout)

    def ready(self, name: str, timeout: float = TIMEOUT_SECONDS) -> Object:
        """The status, once Ready is True for the current generation."""
        return self.reason(name, "Ready", timeout)

    def reason(self, name: str, reason: str, timeout: float = TIMEOUT_SECONDS) -> Object:
        """The status, once Ready has this reason for the current generation."""

        def look() -> Object | None:
            obj = self.get(name)
            status = obj.get("status") if obj else None
            if not obj or not status or status["observedGeneration"] != obj["metadata"]["generation"]:
                return None
            return status if condition(status, "Ready")["reason"] == reason else None

        try:
            return eventually(look, f"Ready reason {reason} of {name}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; last seen: {(self.get(name) or {}).get('status')}") from None

    def document(self, name: str) -> Object | None:
        """The namespace document of a custom resource."""
        return self.platform.database["namespaces"].find_one({"owner.organization": self.name, "owner.cr_name": name})

    def abandon(self) -> None:
        """Delete the Kubernetes namespace, and let it go in its own time."""
        self.platform.core.delete_namespace(self.name)

    def delete(self) -> None:
        """Delete the Kubernetes namespace and wait until it is gone."""
        self.abandon()
        eventually(self._is_gone, f"deletion of the Kubernetes namespace {self.name}")

    def _is_gone(self) -> bool:
        try:
            self.platform.core.read_namespace(self.name)
        except ApiException as error:
            return bool(error.status == 404)
        return False


def condition(status: Object, kind: str) -> Object:
    """One condition of a status."""
    return next(found for found in status["conditions"] if found["type"] == kind)
