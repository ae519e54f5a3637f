"""Secrets on the real API server: followed by one watch each, under rights that name them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from devstack.stack import Stack
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.kube import client as client_module
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.secrets import SecretWatcher
from tests.integration.accounts import connection_as
from tests.integration.support import eventually

PLACE = "secret-place"
READER = f"system:serviceaccount:{PLACE}:reader"
KEY = SecretKey(PLACE, "qdrant", "api-key")
IN_TIME = 30.0

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "reader", "namespace": PLACE},
    "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["qdrant"], "verbs": ["list", "watch"]}],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "reader", "namespace": PLACE},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": PLACE}],
}


@dataclass
class Place:
    """A Kubernetes namespace with a Secret, and an account that may read just that one."""

    stack: Stack

    def write(self, value: str, key: str = KEY.key, name: str = KEY.name) -> None:
        """Create or replace a Secret."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": PLACE}}
        self.apply({**secret, "stringData": {key: value}}, "replace", "--force")

    def apply(self, manifest: dict[str, Any], *how: str) -> None:
        """Apply a manifest."""
        self.stack.kubectl(*(how or ("apply",)), "-f", "-", stdin=json.dumps(manifest))

    def remove(self, kind: str, name: str) -> None:
        """Delete an object."""
        self.stack.kubectl("delete", kind, name, f"--namespace={PLACE}", "--ignore-not-found")


@pytest.fixture
def place(stack: Stack) -> Iterator[Place]:
    """A fresh place."""
    place = Place(stack)
    stack.kubectl("create", "namespace", PLACE)
    stack.kubectl("create", "serviceaccount", "reader", f"--namespace={PLACE}")
    place.apply(ROLE)
    place.apply(BINDING)
    place.write("first")
    yield place
    stack.kubectl("delete", "namespace", PLACE)


@asynccontextmanager
async def reading(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SecretWatcher]:
    """A watcher with the account's token."""
    info = connection_as(stack, PLACE, "reader")
    monkeypatch.setattr(client_module, "connection_info", lambda: info)
    client = KubeClient()
    watcher = SecretWatcher(client, lambda _: None, time.monotonic, lambda: 1.0)
    try:
        yield watcher
    finally:
        await watcher.close()
        await client.close()


async def seen(watcher: SecretWatcher, key: SecretKey = KEY) -> str:
    """The value, or the reason for having none."""
    try:
        return (await watcher.value(key)).get_secret_value()
    except SecretUnavailable as error:
        return str(error)


async def sees(watcher: SecretWatcher, what: str, key: SecretKey = KEY) -> None:
    """Until the value or the reason has this in it."""
    async with asyncio.timeout(IN_TIME):
        while what not in await seen(watcher, key):  # noqa: ASYNC110 - this is what is measured
            await asyncio.sleep(0.1)


def _audited(stack: Stack, wanted: tuple[str, str, str]) -> list[tuple[str, str, str]] | None:
    """The reader's requests of Secrets: verb, name and the decision about its right. None before the wanted one."""
    audited = [json.loads(line) for line in stack.audit_log.read_text().splitlines()]
    mine = [
        (event["verb"], event["objectRef"].get("name"), event["annotations"]["authorization.k8s.io/decision"])
        for event in audited
        if event["user"]["username"] == READER and event["objectRef"]["resource"] == "secrets"
    ]
    return mine if wanted in mine else None


async def test_list_and_watch_by_name_are_allowed_by_a_right_that_names_the_secret(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("another's", name="other")
    async with reading(place.stack, monkeypatch) as watcher:
        assert await seen(watcher) == "first"
        other = SecretKey(PLACE, "other", KEY.key)
        assert "may not be read" in await seen(watcher, other)
        assert "may not be read" in await seen(watcher, SecretKey("kube-system", "qdrant", KEY.key))
        # Only the watch can tell of it.
        place.write("second")
        await sees(watcher, "second")
    # What the API server answered is in its log when the request is over, which a watch is when it is broken off.
    mine = eventually(lambda: _audited(place.stack, ("watch", "qdrant", "allow")), "the watch in the audit log")
    assert ("list", "qdrant", "allow") in mine
    assert {decision for _, name, decision in mine if name == "other"} == {"forbid"}


async def test_a_value_is_followed_through_everything_that_happens_to_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(action: Any, *arguments: Any) -> asyncio.Future[None]:
        return asyncio.ensure_future(asyncio.to_thread(action, *arguments))

    async with reading(place.stack, monkeypatch) as watcher:
        assert await seen(watcher) == "first"
        patch = json.dumps({"stringData": {KEY.key: "second\n"}})
        await edit(place.stack.kubectl, "patch", "secret", "qdrant", f"--namespace={PLACE}", f"--patch={patch}")
        await sees(watcher, "second")
        await edit(place.remove, "secret", "qdrant")
        await sees(watcher, "create the Secret")
        await edit(place.write, "third")
        await sees(watcher, "third")
        await edit(place.write, "fourth", "another-key")
        await sees(watcher, "the Secret has no such key")
        await edit(place.write, "fifth")
        await sees(watcher, "fifth")

        await edit(place.stack.apiserver.restart)
        await edit(place.write, "sixth")
        await sees(watcher, "sixth")

        await edit(place.remove, "rolebinding", "reader")
        # The right is looked at when a watch begins: this one is ended by hand.
        await edit(place.stack.apiserver.restart)
        await sees(watcher, "may not be read")
        await edit(place.apply, BINDING)
        await sees(watcher, "sixth")
