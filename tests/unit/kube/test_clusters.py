"""InfrastructureClusters at the API server: what is remembered of them, and what is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from namespace_operator.api.cluster import CLUSTER_FINALIZER, InfrastructureClusterSpec, InfrastructureClusterStatus
from namespace_operator.controller.cluster import ObjectChanged
from namespace_operator.domain.landscape import InvalidCluster
from namespace_operator.kube.client import KubeClient, NotFound
from namespace_operator.kube.clusters import KubeClusters, to_cluster
from namespace_operator.stores.fence import Deposed
from tests.unit.kube.api_server import PATCH_DOES_NOT_APPLY, Answer, ApiServer

LIST = "/apis/mixpeek.com/v1/infrastructureclusters"
EAST = f"{LIST}/east"
SPEC = {"clusterId": "iclstr_east", "qdrant": {"url": "http://east:6333"}}


def obj(version: int, name: str = "east", status: Any = None, spec: Any = SPEC, **metadata: Any) -> dict[str, Any]:
    """An object as the API server has it."""
    given = {
        "name": name,
        "uid": f"uid-of-{name}",
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-11-20T08:00:00Z",
        **metadata,
    }
    return {"metadata": given, "spec": spec} | ({"status": status} if status is not None else {})


def test_what_counts_as_a_change() -> None:
    clusters = KubeClusters(client=None)  # type: ignore[arg-type] # nothing is asked
    assert clusters.put(obj(10))
    before = clusters.all()
    assert clusters.all() is before
    assert not clusters.put(obj(11, status={"version": "1.18.3"}))
    assert clusters.all() is not before
    assert not clusters.put(obj(10, generation=9))
    assert clusters.put(obj(12, generation=2))
    assert clusters.put(obj(13, generation=2, finalizers=[CLUSTER_FINALIZER]))
    assert clusters.put(obj(14, generation=2, finalizers=[CLUSTER_FINALIZER], deletionTimestamp="2026-11-21T08:00:00Z"))
    found = clusters.get("east")
    assert found is not None
    assert (found.deleting, found.finalized) == (True, True)
    clusters.drop("east", "another")
    assert clusters.get("east") is not None
    clusters.drop("east", "uid-of-east")
    assert clusters.all() == ()
    assert not clusters.put(obj(15))


def test_what_the_models_refuse() -> None:
    broken = to_cluster(obj(10, spec=SPEC | {"qdrant": {"url": "ftp://host"}}, status={"collections": "many"}))
    assert isinstance(broken.spec, InvalidCluster)
    assert broken.spec.cluster_id == "iclstr_east"
    assert broken.spec.problem.startswith("spec.qdrant.url: ")
    assert broken.status == InfrastructureClusterStatus()
    nothing = to_cluster(obj(10, spec={"clusterId": 1}))
    assert isinstance(nothing.spec, InvalidCluster)
    assert nothing.cluster_id is None
    assert isinstance(to_cluster(obj(10)).spec, InfrastructureClusterSpec)


async def test_the_finalizer_goes_on_and_off_the_object_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    theirs = "example.com/theirs"
    api.on("PATCH", EAST, Answer(200, obj(11, finalizers=[theirs, CLUSTER_FINALIZER])))
    api.on("PATCH", EAST, Answer(200, obj(12, finalizers=[theirs])))
    async with api.client(monkeypatch) as client:
        clusters = KubeClusters(client)
        clusters.put(obj(10, finalizers=[theirs]))
        found = clusters.get("east")
        assert found is not None
        added = await clusters.add_finalizer(found)
        assert added.finalized
        await clusters.remove_finalizer(added)
        with pytest.raises(ObjectChanged):
            await clusters.remove_finalizer(added)
    first, second = (json.loads(request.body) for request in api.requests)
    assert first == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-of-east"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "10"},
        {"op": "add", "path": "/metadata/finalizers", "value": [theirs, CLUSTER_FINALIZER]},
    ]
    assert second[2]["value"] == [theirs]


async def test_the_last_finalizer_takes_the_object_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("PATCH", EAST, Answer(200, obj(11)))
    async with api.client(monkeypatch) as client:
        clusters = KubeClusters(client)
        clusters.put(obj(10, finalizers=[CLUSTER_FINALIZER], deletionTimestamp="2026-11-21T08:00:00Z"))
        await clusters.remove_finalizer(clusters.all()[0])
        assert clusters.all() == ()


async def test_a_status_is_put_at_the_version_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("PUT", f"{EAST}/status", Answer(200, obj(11, status={"version": "1.18.3"})), Answer(409, {}))
    api.on("GET", EAST, Answer(200, obj(13, generation=2)))
    async with api.client(monkeypatch) as client:
        clusters = KubeClusters(client)
        clusters.put(obj(10))
        await clusters.write_status(clusters.all()[0], InfrastructureClusterStatus(version="1.18.3"))
        assert clusters.all()[0].status.version == "1.18.3"
        # Another one wrote: the object is read anew, so that the next try does not fail as well.
        with pytest.raises(ObjectChanged):
            await clusters.write_status(clusters.all()[0], InfrastructureClusterStatus())
        assert clusters.all()[0].generation == 2
    body = json.loads(api.requests[0].body)
    assert body["metadata"] == {"name": "east", "uid": "uid-of-east", "resourceVersion": "10"}
    assert (body["kind"], body["spec"], body["status"]["version"]) == ("InfrastructureCluster", SPEC, "1.18.3")


async def test_a_write_to_one_that_is_gone_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    async with api.client(monkeypatch) as client:
        clusters = KubeClusters(client)
        clusters.put(obj(10))
        with pytest.raises(NotFound):
            await clusters.write_status(clusters.all()[0], InfrastructureClusterStatus())
        assert clusters.all() == ()


async def test_a_failed_test_of_a_patch_is_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("PATCH", EAST, Answer(422, PATCH_DOES_NOT_APPLY))
    api.on("GET", EAST, Answer(200, obj(12)))
    async with api.client(monkeypatch) as client:
        clusters = KubeClusters(client)
        clusters.put(obj(10))
        with pytest.raises(ObjectChanged):
            await clusters.add_finalizer(clusters.all()[0])
        assert clusters.all()[0].resource_version == "12"


async def test_a_list_tells_what_the_watch_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    items = [obj(10, "same"), obj(12, "changed", generation=2), obj(13, "new"), obj(14, "status")]
    listed = [{"metadata": item["metadata"]} for item in items]
    api.on("GET", f"{LIST}?limit=500", Answer(200, {"metadata": {}, "items": listed}))
    api.on("GET", f"{LIST}/changed", Answer(200, items[1]))
    api.on("GET", f"{LIST}/new", Answer(200, items[2]))
    async with api.client(monkeypatch) as client:
        clusters = KubeClusters(client)
        for known in (obj(10, "same"), obj(11, "changed"), obj(9, "gone"), obj(8, "status")):
            clusters.put(known)
        assert await clusters.refresh() == {"changed", "new", "gone"}
        assert {cluster.name for cluster in clusters.all()} == {"same", "changed", "new", "status"}


async def test_a_look_keeps_the_client_that_it_began_with() -> None:
    """A term may begin meanwhile, and end again: its client refuses then, which is not the stand-by's affair."""

    class Over:
        async def get(self, _: str) -> dict[str, Any]:
            raise Deposed("the term is over")

    class Own:
        async def list_metadata(self, _: str) -> AsyncIterator[dict[str, Any]]:
            clusters.client = cast("KubeClient", Over())
            yield obj(13)["metadata"]

        async def get(self, _: str) -> dict[str, Any]:
            return obj(13)

    clusters = KubeClusters(cast("KubeClient", Own()))
    assert await clusters.refresh() == {"east"}
    assert clusters.get("east") is not None
