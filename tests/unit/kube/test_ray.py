"""RayClusters over the client: what answers mean, and what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged, Refused
from namespace_operator.controller.ray import KindMissing
from namespace_operator.kube.client import Forbidden, NotServed
from namespace_operator.kube.ray import KubeRayClusters
from tests.unit.kube.api_server import Answer, ApiServer, denied

GROUP = "/apis/ray.io/v1"
ALL = f"{GROUP}/namespaces/acme/rayclusters"
PATH = f"{ALL}/ray-films"
CREATE = f"{ALL}?fieldManager=namespace-operator&fieldValidation=Strict"
APPLY = f"{PATH}?fieldManager=namespace-operator&fieldValidation=Strict&force=true"
UNKNOWN_PATH = Answer(404, "404 page not found\n")
GONE = Answer(404, {"kind": "Status", "code": 404, "message": "not found"})


def ray_cluster(**metadata: Any) -> dict[str, Any]:
    """One with a name."""
    return {"metadata": {"name": "ray-films", "namespace": "acme", **metadata}, "spec": {}}


OURS = ray_cluster(uid="u1", resourceVersion="7")


def resources(*names: str) -> Answer:
    """What discovery tells."""
    return Answer(200, {"kind": "APIResourceList", "resources": [{"name": name} for name in names]})


@pytest.mark.parametrize(
    ("answer", "discovery", "found"),
    [
        (Answer(200, OURS), GONE, OURS),
        (GONE, GONE, None),
        (UNKNOWN_PATH, UNKNOWN_PATH, KindMissing),
        (UNKNOWN_PATH, GONE, KindMissing),
        (UNKNOWN_PATH, resources("rayjobs", "rayclusters/status"), KindMissing),
        (UNKNOWN_PATH, resources("rayclusters"), NotServed),
        (UNKNOWN_PATH, Answer(503, {"message": "starting"}), ClusterUnavailable),
        (denied(403), GONE, Forbidden),
    ],
    ids=[
        "there",
        "not there",
        "no group",
        "no group, in words",
        "another kind of the group",
        "just now installed",
        "nobody can say",
        "no right",
    ],
)
async def test_read(monkeypatch: pytest.MonkeyPatch, answer: Answer, discovery: Answer, found: Any) -> None:
    api = ApiServer()
    api.on("GET", PATH, answer)
    api.on("GET", GROUP, discovery)
    async with api.client(monkeypatch) as client:
        clusters = KubeRayClusters(client)
        if not isinstance(found, type):
            assert await clusters.read("acme", "ray-films") == found
            assert len(api.requests) == 1, "discovery is for trouble"
            return
        with pytest.raises(found) as raised:
            await clusters.read("acme", "ray-films")
    assert type(raised.value) is found


async def test_a_new_one_is_made_and_recorded_as_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("POST", CREATE, Answer(201, OURS))
    api.on("PATCH", PATH, Answer(200, OURS))
    async with api.client(monkeypatch) as client:
        assert await KubeRayClusters(client).apply(ray_cluster()) == OURS
    assert api.calls() == [("POST", CREATE), ("PATCH", PATH)]
    operations = json.loads(api.requests[1].body)
    assert operations[0] == {"op": "test", "path": "/metadata/uid", "value": "u1"}
    assert operations[-1]["value"] == "Apply"


async def test_one_of_ours_is_applied_over_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("PATCH", APPLY, Answer(200, OURS))
    async with api.client(monkeypatch) as client:
        assert await KubeRayClusters(client).apply(OURS) == OURS
    assert api.calls() == [("PATCH", APPLY)]
    assert api.requests[0].headers["Content-Type"] == "application/apply-patch+yaml"
    assert json.loads(api.requests[0].body) == OURS


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(409, {"message": "already exists"}), ObjectChanged),
        (Answer(422, {"message": "spec.headGroupSpec: Required value"}), Refused),
        (denied(403), Forbidden),
        (UNKNOWN_PATH, KindMissing),
    ],
    ids=["somebody was faster", "invalid", "no right", "no such kind"],
)
async def test_one_that_is_not_made(monkeypatch: pytest.MonkeyPatch, answer: Answer, meaning: type[Exception]) -> None:
    api = ApiServer()
    api.on("POST", CREATE, answer)
    async with api.client(monkeypatch) as client:
        with pytest.raises(meaning) as raised:
            await KubeRayClusters(client).apply(ray_cluster())
    assert type(raised.value) is meaning


async def test_only_what_was_read_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("DELETE", PATH, Answer(200, {}), GONE, Answer(409, {"message": "precondition"}))
    async with api.client(monkeypatch) as client:
        clusters = KubeRayClusters(client)
        await clusters.delete(OURS)
        await clusters.delete(OURS)
        with pytest.raises(ObjectChanged):
            await clusters.delete(OURS)
    options = json.loads(api.requests[0].body)
    assert options["preconditions"] == {"uid": "u1", "resourceVersion": "7"}
