"""Letting objects go: what is patched, and what is told where it does not hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.api.annotations import RELEASED
from namespace_operator.api.cluster import CLUSTER_FINALIZER, CLUSTER_KIND
from namespace_operator.api.resource import FINALIZER, KIND
from namespace_operator.cli.collect.letting_go import chosen, is_running, let_go, patch_for
from namespace_operator.cli.release import Release
from tests.unit.kube.api_server import PATCH_DOES_NOT_APPLY, Answer, ApiServer, denied

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PATH = "/apis/mixpeek.com/v1/namespaces/acme/mixpeeknamespaces/films"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/system/leases/op"


def obj(*finalizers: str, policy: str | None = "Delete", kind: str = KIND, **metadata: Any) -> dict[str, Any]:
    """An object as a list has it."""
    place = {} if kind == CLUSTER_KIND else {"namespace": "acme"}
    known = {"name": "films", "uid": "u", "resourceVersion": "1", "finalizers": list(finalizers), **place, **metadata}
    return {"kind": kind, "metadata": known, "spec": {"deletionPolicy": policy} if policy else {}}


def changes(given: dict[str, Any]) -> dict[str, Any] | None:
    """What a patch sets, by its path."""
    operations = patch_for(given)
    return None if operations is None else {o["path"]: o["value"] for o in operations if o["op"] == "add"}


def test_only_our_finalizer_goes_and_the_policy_is_told() -> None:
    made = changes(obj(FINALIZER, "others", annotations={"a": "b"}))

    assert made == {"/metadata/finalizers": ["others"], "/metadata/annotations": {"a": "b", RELEASED: "true"}}


def test_one_that_is_being_deleted_needs_no_annotation() -> None:
    assert changes(obj(FINALIZER, deletionTimestamp="x")) == {"/metadata/finalizers": []}


def test_one_under_retain_needs_no_annotation() -> None:
    assert changes(obj(FINALIZER, policy=None)) == {"/metadata/finalizers": []}


def test_one_without_the_finalizer_yet_is_marked_too() -> None:
    assert changes(obj()) == {"/metadata/annotations": {RELEASED: "true"}}


def test_a_cluster_loses_its_own() -> None:
    made = changes(obj(CLUSTER_FINALIZER, FINALIZER, policy=None, kind=CLUSTER_KIND))

    assert made == {"/metadata/finalizers": [FINALIZER]}


@pytest.mark.parametrize(
    "given", [obj(policy=None), obj("others", policy="Retain"), obj(annotations={RELEASED: "true"})]
)
def test_where_nothing_of_ours_is_left_nothing_is_patched(given: dict[str, Any]) -> None:
    assert patch_for(given) is None


async def test_it_is_looked_at_again_where_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("PATCH", PATH, Answer(422, PATCH_DOES_NOT_APPLY), Answer(body=obj()))
    server.on("GET", PATH, Answer(body=obj(FINALIZER, resourceVersion="2")))
    async with server.client(monkeypatch) as client:
        done = await let_go(client, obj(FINALIZER))

    assert (done.result, done.problem) == ("released", None)


async def test_a_finalizer_that_is_put_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("PATCH", PATH, Answer(body=obj(FINALIZER)))
    async with server.client(monkeypatch) as client:
        done = await let_go(client, obj(FINALIZER))

    assert done.result == "failed"
    assert "put back" in (done.problem or "")


async def test_a_refusal_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("PATCH", f"{PATH}?dryRun=All", denied(403))
    async with server.client(monkeypatch) as client:
        done = await let_go(client, obj(FINALIZER), pretend=True)

    assert (done.result, "nobody may hold this back" in (done.problem or "")) == ("failed", True)


def release(replicas: int) -> Release:
    """An operator that is scaled like this."""
    return Release("op", "system", "op", None, "op", replicas, 0, {})


@pytest.mark.parametrize(
    ("replicas", "lease", "said"),
    [
        (1, None, "scaled to 1"),
        (0, None, None),
        (0, {"holderIdentity": "pod", "renewTime": "2025-12-31T23:59:58Z", "leaseDurationSeconds": 8}, "pod holds"),
        (0, {"holderIdentity": "pod", "renewTime": "2025-12-31T23:59:00Z", "leaseDurationSeconds": 8}, None),
        (0, {"holderIdentity": "", "renewTime": "2026-01-01T00:00:00Z", "leaseDurationSeconds": 8}, None),
    ],
)
async def test_whether_an_operator_runs(
    monkeypatch: pytest.MonkeyPatch, replicas: int, lease: dict[str, Any] | None, said: str | None
) -> None:
    server = ApiServer()
    if lease is not None:
        server.on("GET", LEASE, Answer(body={"spec": lease}))
    async with server.client(monkeypatch) as client:
        found = await is_running(client, release(replicas), NOW)

    assert said in found if said and found else found == said


def test_names_that_are_not_there_are_told() -> None:
    assert chosen([obj()], ["films", "books"]) == ([obj()], ["books"])
    assert chosen([obj()], []) == ([obj()], [])
