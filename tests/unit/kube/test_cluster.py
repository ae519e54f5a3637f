"""The cluster as the controller sees it: what is read, what is written, what an answer is worth."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from namespace_operator.api.crd import CLUSTERS, DEFINITIONS, Definition, custom_resource_definition
from namespace_operator.api.resource import CRD_NAME, FINALIZER
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged, Refreshed, Refused
from namespace_operator.domain.identity import Key
from namespace_operator.kube.bootstrap import check_crd, cluster_uid
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.cluster import KubeCluster
from namespace_operator.kube.connection import UnusableCluster
from namespace_operator.kube.objects import Incarnation, LiveObjects, to_subject
from namespace_operator.kube.organizations import Organizations
from tests.unit.kube.api_server import PATCH_DOES_NOT_APPLY, Answer, ApiServer, denied
from tests.unit.kube.test_objects import KEY, obj

PATH = "/apis/mixpeek.com/v1/namespaces/acme/mixpeeknamespaces/films"
LIST = "/apis/mixpeek.com/v1/mixpeeknamespaces?limit=500"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CRD = f"{CRDS}/{CRD_NAME}"

INCARNATION = Incarnation("k8s-uid")


def live(version: int, **changes: Any) -> dict[str, Any]:
    """An object as the API server has it."""
    return obj(version, creationTimestamp="2026-11-23T12:00:00Z", **changes)


def organization(uid: str = "k8s-uid") -> Answer:
    """The Kubernetes namespace."""
    return Answer(200, {"metadata": {"uid": uid}})


def cluster(client: KubeClient, *known: dict[str, Any], watched: tuple[str, ...] = ()) -> KubeCluster:
    """A cluster whose watch has shown these objects."""
    objects = LiveObjects()
    for one in known:
        objects.put(one)
    return KubeCluster(client, objects, Organizations(client, objects), watched)


async def test_a_known_object_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("GET", "/api/v1/namespaces/acme", organization())
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10))
        for _ in range(3):
            subject = await seen.subject(KEY)
    assert subject is not None
    assert subject.k8s_namespace_uid == "k8s-uid"
    assert api.calls() == [("GET", "/api/v1/namespaces/acme")]


async def test_an_object_being_deleted_is_asked_for_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    stale = live(10, deletionTimestamp="2026-11-23T13:00:00Z", finalizers=[FINALIZER])
    fresh = live(11, deletionTimestamp="2026-11-23T13:00:00Z", finalizers=[FINALIZER])
    api.on("GET", PATH, Answer(200, fresh), Answer(404, {}))
    api.on("GET", "/api/v1/namespaces/acme", organization())
    async with api.client(monkeypatch) as client:
        seen = cluster(client, stale)
        subject = await seen.subject(KEY)
        assert subject is not None
        assert subject.resource_version == "11"
        assert await seen.subject(KEY) is None
        assert seen.objects.keys() == frozenset()


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        (Answer(200, live(10)), True),
        (Answer(200, live(11)), False),
        (Answer(200, live(10, uid="u2")), False),
        (Answer(404, {}), False),
    ],
    ids=["same", "changed", "another", "gone"],
)
async def test_only_the_object_that_was_read_is_verified(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, same: bool
) -> None:
    api = ApiServer()
    api.on("GET", PATH, answer)
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10))
        with contextlib.nullcontext() if same else pytest.raises(ObjectChanged):
            await seen.verify(to_subject(live(10), INCARNATION))
        assert (seen.objects.get(KEY) is not None) is same


async def test_an_unknown_object_is_asked_for_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("GET", PATH, Answer(200, live(10)))
    api.on("GET", "/api/v1/namespaces/acme", organization())
    async with api.client(monkeypatch) as client:
        seen = cluster(client)
        assert await seen.subject(KEY) == await seen.subject(KEY)
        assert await seen.subject(Key("acme", "series")) is None
    assert api.calls().count(("GET", PATH)) == 1


async def test_a_status_is_put_at_the_version_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"namespaceName": "movies", "fieldOfANewerSchema": 1}
    api = ApiServer()
    api.on("PUT", f"{PATH}/status", Answer(200, live(11, spec=spec)))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10, spec=spec))
        subject = to_subject(live(10, spec=spec), INCARNATION)
        await seen.write_status(subject, NamespaceStatus(namespace_id="ns_0123456789"))
        known = seen.objects.get(KEY)
    sent = json.loads(api.requests[0].body)
    assert sent["metadata"] == {"name": "films", "namespace": "acme", "uid": "u1", "resourceVersion": "10"}
    assert sent["status"]["namespaceId"] == "ns_0123456789"
    assert sent["spec"] == spec
    assert known is not None
    assert known["metadata"]["resourceVersion"] == "11", "the echo of our own write must find it known"


@pytest.mark.parametrize(("code", "asked"), [(200, 1), (409, 2)], ids=["written", "refused"])
async def test_an_organization_is_not_asked_for_after_a_status_was_written_in_it(
    monkeypatch: pytest.MonkeyPatch, code: int, asked: int
) -> None:
    api = ApiServer()
    api.on("GET", "/api/v1/namespaces/acme", organization())
    api.on("PUT", f"{PATH}/status", Answer(code, live(12)))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10))
        subject = await seen.subject(KEY)
        assert subject is not None
        seen.objects.put(live(11, name="series", uid="u2"))
        with contextlib.nullcontext() if code == 200 else pytest.raises(ObjectChanged):
            await seen.write_status(subject, NamespaceStatus())
        await seen.subject(Key("acme", "series"))
    assert api.calls().count(("GET", "/api/v1/namespaces/acme")) == asked


@pytest.mark.parametrize("code", [404, 409])
async def test_an_object_that_changed_is_read_anew(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    api = ApiServer()
    api.on("PUT", f"{PATH}/status", Answer(code, {"message": "conflict"}))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10))
        with pytest.raises(ObjectChanged):
            await seen.write_status(to_subject(live(10), INCARNATION), NamespaceStatus())
        assert seen.objects.get(KEY) is None


async def test_a_refused_patch_is_not_a_change_of_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("PATCH", PATH, *(denied(code) for code in (422, 403)), Answer(422, PATCH_DOES_NOT_APPLY))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10))
        subject = to_subject(live(10), INCARNATION)
        for _ in range(2):
            with pytest.raises(Refused, match=r"denied request: nobody may hold this back$"):
                await seen.add_finalizer(subject)
            assert seen.objects.get(KEY) is not None
        with pytest.raises(ObjectChanged):
            await seen.add_finalizer(subject)
        assert seen.objects.get(KEY) is None, "an object that changed is read anew"


@pytest.mark.parametrize("known", [(), (live(12, uid="u2"),)], ids=["gone", "replaced"])
async def test_nothing_is_written_for_an_object_that_is_not_the_known_one(
    monkeypatch: pytest.MonkeyPatch, known: tuple[dict[str, Any], ...]
) -> None:
    api = ApiServer()
    async with api.client(monkeypatch) as client:
        seen = cluster(client, *known)
        subject = to_subject(live(10), INCARNATION)
        for write in (seen.add_finalizer(subject), seen.remove_finalizer(subject)):
            with pytest.raises(ObjectChanged):
                await write
        with pytest.raises(ObjectChanged):
            await seen.write_status(subject, NamespaceStatus())
    assert api.requests == []


async def test_finalizers_of_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    added = live(11, finalizers=["other", FINALIZER])
    api.on("PATCH", PATH, Answer(200, added), Answer(200, live(12, finalizers=["other"])))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10, finalizers=["other"]))
        subject = await seen.add_finalizer(to_subject(live(10, finalizers=["other"]), INCARNATION))
        assert (subject.finalized, subject.resource_version, subject.k8s_namespace_uid) == (True, "11", "k8s-uid")
        subject = await seen.remove_finalizer(subject)
        assert not subject.finalized
    guard = {"op": "test", "path": "/metadata/uid", "value": "u1"}
    patches = [json.loads(request.body) for request in api.requests]
    assert [patch[0] for patch in patches] == [guard, guard]
    assert [patch[1]["value"] for patch in patches] == ["10", "11"]
    assert [patch[2]["value"] for patch in patches] == [["other", FINALIZER], ["other"]]


async def test_the_last_finalizer_of_a_deleted_object_takes_it_along(monkeypatch: pytest.MonkeyPatch) -> None:
    deleting = live(10, finalizers=[FINALIZER], deletionTimestamp="2026-11-23T13:00:00Z")
    gone = live(11, finalizers=[], deletionTimestamp="2026-11-23T13:00:00Z")
    api = ApiServer()
    api.on("PATCH", PATH, Answer(200, gone))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, deleting)
        await seen.remove_finalizer(to_subject(deleting, INCARNATION))
        assert seen.objects.get(KEY) is None


@pytest.mark.parametrize(
    ("answer", "finalized", "is_known"),
    [
        (
            live(11, finalizers=[FINALIZER], deletionTimestamp="2026-11-23T13:00:00Z") | {"kind": "Namespace"},
            True,
            True,
        ),
        ({"kind": "Status", "status": "Success"}, False, False),
    ],
)
async def test_an_object_is_deleted_at_the_version_that_was_read(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], finalized: bool, is_known: bool
) -> None:
    api = ApiServer()
    api.on("DELETE", PATH, Answer(200, answer))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10))
        left = await seen.delete(to_subject(live(10), INCARNATION))
        assert (left.deleting, left.finalized) == (True, finalized)
        assert (seen.objects.get(KEY) is not None) is is_known
    assert json.loads(api.requests[0].body)["preconditions"] == {"uid": "u1", "resourceVersion": "10"}


async def test_an_object_that_changed_is_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("DELETE", PATH, Answer(409, {"kind": "Status", "message": "the UID or the version is another"}))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10))
        with pytest.raises(ObjectChanged):
            await seen.delete(to_subject(live(10), INCARNATION))
        assert seen.objects.get(KEY) is None


def _list_of(organization: str) -> str:
    return f"/apis/mixpeek.com/v1/namespaces/{organization}/mixpeeknamespaces?limit=500"


def _listed(*objects: dict[str, Any]) -> Answer:
    return Answer(200, {"metadata": {}, "items": [{"metadata": one["metadata"]} for one in objects]})


@pytest.mark.parametrize(
    ("known", "listed", "missed"),
    [
        ([live(10)], [live(10)], set()),
        ([live(10)], [live(15, labels={"a": "b"})], set()),
        ([live(10)], [live(15, generation=2)], {KEY}),
        ([live(10)], [live(15, deletionTimestamp="2026-11-23T13:00:00Z")], {KEY}),
        ([live(10)], [live(15, uid="u2")], {KEY}),
        ([live(10)], [], {KEY}),
        ([], [live(10)], {KEY}),
        ([], [], set()),
    ],
)
async def test_a_list_finds_what_the_watch_missed(
    monkeypatch: pytest.MonkeyPatch, known: list[dict[str, Any]], listed: list[dict[str, Any]], missed: set[Key]
) -> None:
    api = ApiServer()
    api.on("GET", LIST, _listed(*listed))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, *known)
        refreshed = await seen.refresh()
        remembered = seen.objects.keys()
    assert refreshed == Refreshed(frozenset(KEY for _ in listed), frozenset(missed))
    assert not remembered & missed


async def test_only_watched_namespaces_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    for name in ("acme", "rivals"):
        api.on("GET", _list_of(name), _listed())
    async with api.client(monkeypatch) as client:
        await cluster(client, watched=("acme", "rivals")).refresh()
    assert len(api.requests) == 2


@pytest.mark.parametrize("code", [403, 404])
async def test_a_namespace_that_may_not_be_listed_holds_up_no_other(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    theirs = live(10, namespace="rivals", uid="u2")
    api = ApiServer()
    api.on("GET", _list_of("acme"), Answer(code, {"message": "told by the server"}))
    api.on("GET", _list_of("rivals"), _listed())
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10), theirs, watched=("acme", "rivals"))
        seen.objects.drop(Key("acme", "ended"), "ended")
        with capture_logs() as logs:
            refreshed = await seen.refresh()
        assert seen.objects.keys() == {KEY}, "of what was not listed nothing is known, and the object stays"
        assert seen.objects.put(live(11, name="ended", uid="ended")), "deleted uids are not kept forever"
    assert refreshed == Refreshed(frozenset(), frozenset({Key("rivals", "films")}), frozenset({"acme"}))
    (entry,) = logs
    assert (entry["event"], entry["log_level"], entry["organization"]) == ("cannot list", "warning", "acme")
    assert entry["error"].endswith("told by the server")


async def test_what_was_listed_before_a_refusal_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Answer(200, {"metadata": {"continue": "more"}, "items": [{"metadata": live(10)["metadata"]}]})
    api = ApiServer()
    api.on("GET", _list_of("acme"), page)
    api.on("GET", f"{_list_of('acme')}&continue=more", Answer(403))
    async with api.client(monkeypatch) as client:
        refreshed = await cluster(client, watched=("acme",)).refresh()
    assert refreshed == Refreshed(frozenset(), frozenset(), frozenset({"acme"}))


@pytest.mark.parametrize(("watched", "code"), [((), 403), (("acme",), 503), (("acme",), 401)])
async def test_a_list_without_an_answer_is_no_list(
    monkeypatch: pytest.MonkeyPatch, watched: tuple[str, ...], code: int
) -> None:
    api = ApiServer()
    api.on("GET", _list_of("acme") if watched else LIST, Answer(code))
    async with api.client(monkeypatch) as client:
        seen = cluster(client, live(10), watched=watched)
        with pytest.raises(ClusterUnavailable):
            await seen.refresh()
        assert seen.objects.keys() == {KEY}


async def test_an_event_names_its_object_and_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("POST", "/api/v1/namespaces/acme/events", Answer(201))
    async with api.client(monkeypatch) as client:
        await cluster(client).emit_event(to_subject(live(10), INCARNATION), "Warning", "CollectionLost", "x" * 5000)
    event = json.loads(api.requests[0].body)
    assert (event["type"], event["reason"], len(event["message"])) == ("Warning", "CollectionLost", 1024)
    assert event["involvedObject"]["uid"] == "u1"


async def test_an_event_that_is_refused_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("POST", "/api/v1/namespaces/acme/events", Answer(403, {"message": "namespace is being terminated"}))
    async with api.client(monkeypatch) as client:
        await cluster(client).emit_event(to_subject(live(10), INCARNATION), "Normal", "Ready", "in place")
    assert len(api.requests) == 1


@pytest.mark.parametrize("missing", DEFINITIONS, ids=lambda definition: definition.kind)
async def test_a_missing_crd_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, missing: Definition) -> None:
    api = ApiServer()
    for definition in DEFINITIONS:
        if definition is not missing:
            api.on("GET", f"{CRDS}/{definition.name}", Answer(200, custom_resource_definition(definition)))
    async with api.client(monkeypatch) as client:
        with pytest.raises(UnusableCluster, match=f"the CRD {missing.name} is not installed; install it with the"):
            await check_crd(client)


async def test_an_older_crd_names_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = custom_resource_definition()
    schema = installed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    del schema["spec"]["properties"]["description"]
    del schema["status"]["properties"]["qdrantStatus"]["properties"]["segmentsCount"]
    clusters = custom_resource_definition(CLUSTERS)
    del clusters["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["usedBy"]
    api = ApiServer()
    api.on("GET", CRD, Answer(200, installed), Answer(200, custom_resource_definition()))
    api.on("GET", f"{CRDS}/{CLUSTERS.name}", Answer(200, clusters), Answer(200, custom_resource_definition(CLUSTERS)))
    async with api.client(monkeypatch) as client:
        with pytest.raises(UnusableCluster, match=f"{CRD_NAME} is older") as raised:
            await check_crd(client)
        assert "lacks spec.description, status.qdrantStatus.segmentsCount; upgrade the CRD" in str(raised.value)
        with pytest.raises(UnusableCluster, match=f"{CLUSTERS.name} is older .* lacks status.usedBy;"):
            await check_crd(client)
        await check_crd(client)


async def test_the_cluster_is_named_by_its_system_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer()
    api.on("GET", "/api/v1/namespaces/kube-system", Answer(200, {"metadata": {"uid": "cluster-uid"}}))
    async with api.client(monkeypatch) as client:
        assert await cluster_uid(client) == "cluster-uid"
