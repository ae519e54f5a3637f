"""A patch that does not apply, and one that is refused: the client tells the API server's answers apart."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import pytest

from namespace_operator.api.resource import FINALIZER, GROUP, PLURAL, VERSION
from namespace_operator.controller.cluster import ObjectChanged, Refused
from namespace_operator.kube.client import KubeClient, Object
from tests.integration.support import Organization, Platform

POLICY = "refuses-one-object"


@pytest.fixture
async def client(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeClient]:
    """A client of the stack's API server, as its administrator."""
    monkeypatch.setenv("KUBECONFIG", str(platform.stack.kubeconfig))
    client = KubeClient()
    yield client
    await client.close()


def _patch(metadata: Object, finalizer: str = FINALIZER) -> list[Object]:
    return [
        {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "add", "path": "/metadata/finalizers", "value": [finalizer]},
    ]


async def test_a_patch_of_a_changed_object_does_not_apply(client: KubeClient, organization: Organization) -> None:
    path, metadata = _settled(organization, "changed")
    for name, other in (("uid", "another"), ("resourceVersion", "1")):
        with pytest.raises(ObjectChanged):
            await client.json_patch(path, _patch(metadata | {name: other}))


async def test_an_invalid_patch_is_refused(client: KubeClient, organization: Organization) -> None:
    path, metadata = _settled(organization, "invalid")
    with pytest.raises(Refused, match=r"metadata\.finalizers: Invalid value"):
        await client.json_patch(path, _patch(metadata, "not a finalizer"))


@pytest.mark.parametrize("reason", ["Invalid", "Forbidden"])
async def test_a_policys_denial_is_a_refusal(
    platform: Platform, client: KubeClient, organization: Organization, reason: str
) -> None:
    path, metadata = _settled(organization, "denied")
    policy = _policy(organization.name, reason)
    platform.stack.kubectl("apply", "-f", "-", stdin=json.dumps(policy))
    try:
        refusal = await _refusal(client, path, metadata)
        assert "denied request: nobody may hold this back" in refusal
        with pytest.raises(ObjectChanged):
            await client.json_patch(path, _patch(metadata | {"resourceVersion": "1"}))
    finally:
        platform.stack.kubectl("delete", "-f", "-", stdin=json.dumps(policy))


async def _refusal(client: KubeClient, path: str, metadata: Object) -> str:
    """The words of the policy, which the API server takes some time to apply. It lets pass a dry run until then."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            await client.json_patch(f"{path}?dryRun=All", _patch(metadata))
        except Refused as error:
            return str(error)
    raise AssertionError("the policy was not applied within 30 s")


def _settled(organization: Organization, name: str) -> tuple[str, Object]:
    organization.create(name)
    organization.ready(name)
    metadata: Object = organization.get(name)["metadata"]
    return f"/apis/{GROUP}/{VERSION}/namespaces/{organization.name}/{PLURAL}/{name}", metadata


def _policy(organization: str, reason: str) -> Object:
    kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": organization}}
    rule = {"apiGroups": [GROUP], "apiVersions": [VERSION], "operations": ["UPDATE"], "resources": [PLURAL]}
    policy = {
        **kind,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": POLICY},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
            "validations": [{"expression": "false", "message": "nobody may hold this back", "reason": reason}],
        },
    }
    binding = {
        **kind,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": POLICY},
        "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
    }
    return {"apiVersion": "v1", "kind": "List", "items": [policy, binding]}
