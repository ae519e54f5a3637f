"""What the integration tests share: the stack's servers, and a Kubernetes namespace to work in."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import pymongo
from kubernetes import client as kubernetes
from kubernetes import config
from kubernetes.client.exceptions import ApiException
from pymongo.database import Database
from qdrant_client import QdrantClient, models

from devstack.release import MONGODB_DATABASE, RELEASE, RELEASE_NAMESPACE, merged
from devstack.rights import Intended
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION
from tests.integration.usual import USUAL

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
    killed: set[int] = field(default_factory=set)
    intended_denials: list[Intended] = field(default_factory=list)

    def __enter__(self) -> Self:
        # The client's functions are not typed to the objects they carry.
        new_client: Any = config.new_client_from_config
        api = new_client(str(self.stack.kubeconfig))
        self.core: Any = kubernetes.CoreV1Api(api)
        self.objects: Any = kubernetes.CustomObjectsApi(api)
        self.qdrant = QdrantClient(
            url=self.stack.qdrant_url, api_key=self.stack.qdrant_api_key, timeout=30, check_compatibility=False
        )
        self._mongodb: pymongo.MongoClient[Object] = pymongo.MongoClient(self.stack.mongodb_uri, tz_aware=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.qdrant.close()
        self._mongodb.close()

    @property
    def database(self) -> Database[Object]:
        """The operator's database."""
        return self._mongodb[MONGODB_DATABASE]

    def vectors(self, collection: str) -> dict[str, models.VectorParams]:
        """The named dense vectors of a collection."""
        vectors = self.qdrant.get_collection(collection).config.params.vectors
        assert isinstance(vectors, dict)
        return vectors

    def install(self, values: Mapping[str, Any] | None = None) -> None:
        """Give the release these values over the usual ones; none put it back as every other test expects it."""
        self.stack.install_operator(merged(USUAL, values or {}))

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
        """End the operator's process as a node failure would, once there is one that was not killed before."""
        for pid in eventually(lambda: set(self.stack.operator_pids()) - self.killed, "an operator process"):
            os.kill(pid, signal.SIGKILL)
            self.killed.add(pid)

    def intend_denials(self, verbs: tuple[str, ...], resource: str, namespace: str, because: str) -> None:
        """Say that from now on the operator may ask for what it has no right to; all else it must never be denied.

        `resource` is written as kubectl does, with its group behind a dot. Use a Kubernetes namespace of the
        test's own.
        """
        name, _, group = resource.partition(".")
        self.intended_denials.append(Intended(verbs, group, name, namespace, because, datetime.now(UTC)))

    @contextmanager
    def narrowing(self) -> Iterator[None]:
        """Change the release, within, to one with fewer rights: the operator loses them before it is replaced."""
        began = datetime.now(UTC)
        yield
        ended = datetime.now(UTC)
        for verbs, group, resource in (
            (("create",), "", "events"),
            (("list", "watch"), "", "secrets"),
            (("get", "create", "patch", "delete"), "ray.io", "rayclusters"),
            (("get",), "", "namespaces"),
        ):
            because = "its rights went before it was replaced"
            self.intended_denials.append(Intended(verbs, group, resource, None, because, began, ended))

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

    def announcements(self, reason: str) -> str:
        """The messages of the operator's own events of this reason."""
        events = self.core.list_namespaced_event(RELEASE_NAMESPACE).items
        return "\n".join(event.message for event in events if event.reason == reason)

    def metrics(self) -> str:
        """What the operator's Pod tells a scraper."""
        pods = self.core.list_namespaced_pod(RELEASE_NAMESPACE).items
        # One that a rollout replaced may not be gone yet.
        staying = (pod for pod in pods if pod.metadata.deletion_timestamp is None)
        (address,) = (pod.status.pod_ip for pod in staying if pod.status.phase == "Running")
        with urllib.request.urlopen(f"http://{address}:8080/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def leads(self) -> bool:
        """Whether the operator's process works, and does not wait for the Lease of one that was killed."""
        try:
            return "namespace_operator_leader 1.0" in self.metrics().splitlines()
        except (OSError, ValueError):
            return False

    def secrets(self) -> list[str]:
        """What must never be read anywhere: the key, and the connection string."""
        return [secret for secret in (self.stack.qdrant_api_key, self.stack.mongodb_uri) if secret]

    def operator_requests(self) -> list[Object]:
        """The operator's requests to the API server so far, but for the Lease that it renews, from the audit log."""
        user = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
        entries = map(json.loads, self.stack.audit_log.read_text().splitlines())
        theirs = (entry for entry in entries if entry["user"]["username"] == user)
        return [entry for entry in theirs if entry.get("objectRef", {}).get("resource") != "leases"]


@dataclass
class Organization:
    """A Kubernetes namespace and the Mixpeek namespaces in it."""

    platform: Platform
    name: str

    def create(self, name: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> None:
        """Create a Namespace; annotations are the operator's, without their prefix."""
        asked = {f"mixpeek.com/{key}": value for key, value in (annotations or {}).items()}
        metadata = {"name": name, "annotations": asked}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        self._objects.create_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL, body)

    def put(self, name: str, spec: Object, annotations: Mapping[str, str | None]) -> None:
        """Create the object, or replace its spec and these annotations (None takes one away) in one write."""
        given = {key: value for key, value in annotations.items() if value is not None}
        found = self.find(name)
        if found is None:
            body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name, "annotations": given}}
            self._objects.create_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL, {**body, "spec": spec})
            return
        patch = [
            {"op": "add", "path": "/spec", "value": spec},
            {"op": "add", "path": "/metadata/annotations", "value": given},
        ]
        self._objects.patch_namespaced_custom_object(
            GROUP, VERSION, self.name, PLURAL, name, patch, _content_type="application/json-patch+json"
        )

    def edit(self, name: str, **spec: Any) -> None:
        """Change fields of the spec; None removes one."""
        self._patch(name, {"spec": spec})

    def _patch(self, name: str, body: Object) -> None:
        self._objects.patch_namespaced_custom_object(
            GROUP, VERSION, self.name, PLURAL, name, body, _content_type="application/merge-patch+json"
        )

    @property
    def _objects(self) -> Any:
        return self.platform.objects

    def get(self, name: str) -> Object:
        """The object."""
        found = self.find(name)
        assert found is not None, f"there is no Namespace {self.name}/{name}"
        return found

    def find(self, name: str) -> Object | None:
        """The object, or None."""
        try:
            found: Object = self._objects.get_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL, name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return found

    def list(self) -> list[Object]:
        """Every Namespace of the organization."""
        found: list[Object] = self._objects.list_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL)["items"]
        return found

    def put_status(self, name: str, status: Object) -> None:
        """Write the status of an object, as a backup tool does that restores it."""
        self._objects.patch_namespaced_custom_object_status(
            GROUP, VERSION, self.name, PLURAL, name, {"status": status}, _content_type="application/merge-patch+json"
        )

    def begin_removal(self, name: str) -> None:
        """Delete a Namespace without waiting for its end."""
        self._objects.delete_namespaced_custom_object(GROUP, VERSION, self.name, PLURAL, name)

    def remove(self, name: str, timeout: float = TIMEOUT_SECONDS) -> None:
        """Delete a Namespace and wait until it is gone."""
        self.begin_removal(name)
        eventually(lambda: self.find(name) is None, f"deletion of {name}", timeout)

    def ready(self, name: str, timeout: float = TIMEOUT_SECONDS) -> Object:
        """The status, once Ready is True for the current generation."""
        return self.reason(name, "Ready", timeout)

    def reason(self, name: str, reason: str, timeout: float = TIMEOUT_SECONDS) -> Object:
        """The status, once Ready has this reason for the current generation."""

        def look() -> Object | None:
            obj = self.find(name)
            status = obj.get("status") if obj else None
            if not obj or not status or status["observedGeneration"] != obj["metadata"]["generation"]:
                return None
            return status if condition(status, "Ready")["reason"] == reason else None

        try:
            return eventually(look, f"Ready reason {reason} of {name}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; last seen: {(self.find(name) or {}).get('status')}") from None

    def document(self, name: str) -> Object:
        """The namespace document of a custom resource."""
        found = self.find_document(name)
        assert found is not None, f"there is no document of {self.name}/{name}"
        return found

    def find_document(self, name: str) -> Object | None:
        """The namespace document of a custom resource, or None if there is none or only a tombstone."""
        living = {"owner.organization": self.name, "owner.cr_name": name, "state": {"$ne": "deleted"}}
        return self.platform.database["namespaces"].find_one(living)

    def find_tombstone(self, name: str) -> Object | None:
        """What is left of the document of a deleted namespace, or None."""
        dead = {"owner.organization": self.name, "owner.cr_name": name, "state": "deleted"}
        return self.platform.database["namespaces"].find_one(dead)

    def annotate(self, name: str, **annotations: str | None) -> None:
        """Set annotations of the operator, dashes written as underscores; None takes one away."""
        named = {f"mixpeek.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
        self._patch(name, {"metadata": {"annotations": named}})

    def abandon(self) -> None:
        """Delete the Kubernetes namespace, and let it go in its own time."""
        self.platform.core.delete_namespace(self.name)

    def delete(self) -> None:
        """Delete the Kubernetes namespace and wait until it is gone."""
        self.abandon()
        eventually(self.is_gone, f"deletion of the Kubernetes namespace {self.name}")

    def is_gone(self) -> bool:
        """Whether there is no Kubernetes namespace of this name any more."""
        try:
            self.platform.core.read_namespace(self.name)
        except ApiException as error:
            return bool(error.status == 404)
        return False


def condition(status: Object, kind: str) -> Object:
    """One condition of a status."""
    return next(found for found in status["conditions"] if found["type"] == kind)
