"""The API server, asked without a generated method between a test and the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes import config

from devstack.stack import Stack
from namespace_operator.api.crd import DEFINITIONS as KINDS
from namespace_operator.api.crd import NAMESPACES, Definition, custom_resource_definition
from namespace_operator.api.resource import GROUP, VERSION

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

TENANTS = "tenants"
"""The group of impersonated users."""


@dataclass(frozen=True)
class Answer:
    """What the API server answered, refusals included."""

    status: int
    body: dict[str, Any]
    warnings: str = ""
    """The header by which the API server warns of what it accepts."""

    def causes(self) -> list[dict[str, str]]:
        """The refused fields, none if the object was accepted."""
        if self.status < 300:
            return []
        assert self.status == 422, self.body
        # Beside the causes proper may stand one without a field: rules were left out because of the others.
        proper = [cause for cause in self.body["details"]["causes"] if cause["field"] != "<nil>"]
        assert proper, self.body
        return proper

    def accepted(self) -> dict[str, Any]:
        """The object as it is now."""
        assert self.status < 300, self.body
        return self.body

    def refused(self, status: int) -> str:
        """The words of a refusal with this code."""
        assert self.status == status, self.body
        return str(self.body["message"])


class Server:
    """Requests as the administrator, or as another user whom the administrator impersonates."""

    def __init__(self, stack: Stack) -> None:
        # The client's functions carry no types.
        new_client: Any = config.new_client_from_config
        self._connection = new_client(str(stack.kubeconfig))

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str | None = None,
        user: str | None = None,
        **query: str,
    ) -> Answer:
        """One request. Unknown fields are refused."""
        query = {"fieldValidation": "Strict"} | query if body is not None else query
        impersonation = {"Impersonate-User": user, "Impersonate-Group": TENANTS} if user else {}
        request = self._connection.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={
                "Accept": "application/json",
                "Content-Type": content_type or "application/json",
                **impersonation,
            },
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._connection.call_api(*request)
        text = answer.read()
        # The way to a group that is not served yet ends in plain text.
        is_json = answer.getheader("Content-Type", "").startswith("application/json")
        warnings = answer.getheader("Warning", "")
        return Answer(answer.status, json.loads(text) if is_json else {"message": text.decode()}, warnings)

    def close(self) -> None:
        """Give the connections back."""
        self._connection.close()

    @contextmanager
    def installed(self, manifest: dict[str, Any]) -> Iterator[None]:
        """A CustomResourceDefinition, served."""
        self.send("POST", DEFINITIONS, manifest).accepted()
        try:
            spec = manifest["spec"]
            path = f"/apis/{spec['group']}/{VERSION}/{spec['names']['plural']}"
            wait_until(lambda: self.send("GET", path).status == 200)
            yield
        finally:
            self.send("DELETE", f"{DEFINITIONS}/{manifest['metadata']['name']}").accepted()


@contextmanager
def serving(stack: Stack, group: str) -> Iterator[Server]:
    """The stack's API server, with our schemas served under a group on whose objects no operator acts."""
    server = Server(stack)
    try:
        with ExitStack() as served:
            for kind in KINDS:
                served.enter_context(server.installed(definition(group, kind)))
            yield server
    finally:
        server.close()


def definition(group: str, kind: Definition = NAMESPACES) -> dict[str, Any]:
    """Our CustomResourceDefinition of a kind under another group, on whose objects no operator acts."""
    manifest = custom_resource_definition(kind)
    manifest["metadata"]["name"] = f"{kind.plural}.{group}"
    manifest["spec"]["group"] = group
    # The names of the operator's own resource stay unambiguous for kubectl.
    manifest["spec"]["names"] |= {"shortNames": [], "categories": []}
    return manifest


def objects_path(group: str = GROUP, namespace: str = "default", kind: Definition = NAMESPACES) -> str:
    """Where the objects of a kind are, in this Kubernetes namespace if they are in one."""
    within = f"namespaces/{namespace}/" if kind.scope == "Namespaced" else ""
    return f"/apis/{group}/{VERSION}/{within}{kind.plural}"


def manifest(
    name: str, spec: object, group: str = GROUP, kind: Definition = NAMESPACES, **metadata: Any
) -> dict[str, Any]:
    """An object to send."""
    return {"apiVersion": f"{group}/{VERSION}", "kind": kind.kind, "metadata": {"name": name, **metadata}, "spec": spec}


def wait_until(done: Callable[[], bool], seconds: float = 20) -> None:
    """Until the control plane has taken something over, which it does in its own time."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"the control plane did not take it over in {seconds:.0f} s"
        time.sleep(0.1)
