"""The Lease at the API server: which requests are sent, and what their answers mean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged
from namespace_operator.domain.lease import LeaseRecord
from namespace_operator.kube.client import Forbidden
from namespace_operator.kube.lease import KubeLease
from tests.unit.kube.api_server import Answer, ApiServer

LEASES = "/apis/coordination.k8s.io/v1/namespaces/operators/leases"
PATH = f"{LEASES}/operator"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = LeaseRecord("me", 8, NOW, NOW, 2)
METADATA = {"name": "operator", "namespace": "operators", "uid": "uid-1", "resourceVersion": "7"}


def lease(record: LeaseRecord = RECORD, **more: Any) -> dict[str, Any]:
    """As the API server has it."""
    spec = {**record.to_spec(), **more}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": METADATA, "spec": spec}


async def test_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    async with server.client(monkeypatch) as client:
        assert await KubeLease(client, "operators", "operator").read() is None
        server.on("GET", PATH, Answer(body=lease()))
        stored = await KubeLease(client, "operators", "operator").read()
        assert stored is not None
        assert stored.record == RECORD


async def test_it_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    exists = Answer(409, {"kind": "Status", "reason": "AlreadyExists", "message": "exists", "code": 409})
    server.on("POST", LEASES, Answer(201, lease()), exists)
    async with server.client(monkeypatch) as client:
        kube = KubeLease(client, "operators", "operator")
        assert (await kube.create(RECORD)).record == RECORD
        sent = json.loads(server.requests[0].body)
        assert sent["kind"] == "Lease"
        assert sent["spec"] == RECORD.to_spec()
        with pytest.raises(ObjectChanged):
            await kube.create(RECORD)


async def test_it_is_written_at_the_version_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    conflict = Answer(409, {"kind": "Status", "reason": "Conflict", "message": "modified", "code": 409})
    server.on("GET", PATH, Answer(body=lease(strategy="OldestEmulationVersion")))
    server.on("PUT", PATH, Answer(body=lease(replace(RECORD, transitions=3))), conflict)
    async with server.client(monkeypatch) as client:
        kube = KubeLease(client, "operators", "operator")
        stored = await kube.read()
        assert stored is not None
        written = await kube.replace(stored, RECORD.released(NOW))
        assert written.record.transitions == 3, "what the server answers counts"
        sent = json.loads(server.requests[-1].body)
        assert sent["metadata"]["resourceVersion"] == "7"
        assert sent["metadata"]["uid"] == "uid-1"
        assert sent["spec"]["holderIdentity"] == ""
        assert sent["spec"]["strategy"] == "OldestEmulationVersion", "what is not ours stays"
        with pytest.raises(ObjectChanged):
            await kube.replace(stored, RECORD)


async def test_one_that_is_gone_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("GET", PATH, Answer(body=lease()))
    async with server.client(monkeypatch) as client:
        kube = KubeLease(client, "operators", "operator")
        stored = await kube.read()
        assert stored is not None
        with pytest.raises(ObjectChanged):
            await kube.replace(stored, RECORD)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(403, {"kind": "Status", "message": "cannot get resource leases", "code": 403}), Forbidden),
        (Answer(500, {"kind": "Status", "message": "etcd", "code": 500}), ClusterUnavailable),
        (Answer(503, "unavailable"), ClusterUnavailable),
    ],
)
async def test_no_answer_says_that_it_is_free(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, error: type[Exception]
) -> None:
    server = ApiServer()
    server.on("GET", PATH, answer)
    async with server.client(monkeypatch) as client:
        with pytest.raises(error):
            await KubeLease(client, "operators", "operator").read()
