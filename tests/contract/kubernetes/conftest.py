"""The API server, the real one beside its model. It has the definition of our resource, and no operator."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from devstack.stack import Stack
from namespace_operator.api.crd import NAMESPACES, custom_resource_definition
from tests.contract.kubernetes.harness import Kubernetes, ModelKubernetes, RealKubernetes
from tests.integration.api_server import Server

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def api_server() -> Iterator[tuple[Stack, Server]]:
    """A control plane that serves our resource."""
    with Stack() as stack:
        server = Server(stack)
        with server.installed(custom_resource_definition(NAMESPACES)):
            yield stack, server
        server.close()


@pytest.fixture(params=["model", "kubernetes"])
async def kubernetes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kubernetes]:
    """An API server with an empty Kubernetes namespace, and an operator's view of it."""
    organization = f"contract-{next(_numbers)}"
    if request.param == "model":
        yield ModelKubernetes(organization)
        return
    stack, server = request.getfixturevalue("api_server")
    monkeypatch.setenv("KUBECONFIG", str(stack.kubeconfig))
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": organization}}
    server.send("POST", "/api/v1/namespaces", manifest).accepted()
    real = RealKubernetes(server, organization)
    yield real
    await real.close()
