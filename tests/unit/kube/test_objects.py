"""The live objects, and what of them a reconcile acts on."""

from __future__ import annotations

import copy
import json
import tracemalloc
from typing import Any

import pytest

from namespace_operator.api.annotations import PAUSED
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import InvalidSpec
from namespace_operator.kube.objects import Incarnation, LiveObjects, to_subject

KEY = Key("acme", "films")

INCARNATION = Incarnation("k8s-uid")


def obj(version: int, **changes: Any) -> dict[str, Any]:
    """An object; changes of metadata by name, of spec and status as a whole."""
    spec, status = changes.pop("spec", {}), changes.pop("status", {})
    metadata = {"namespace": "acme", "name": "films", "uid": "u1", "generation": 1, "resourceVersion": str(version)}
    return {"metadata": metadata | changes, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("change", "concerns"),
    [
        ({"status": {"namespaceId": "ns_0123456789"}}, False),
        ({"labels": {"a": "b"}}, False),
        ({"managedFields": [{"manager": "kubectl"}]}, False),
        ({"generation": 2}, True),
        ({"deletionTimestamp": "2026-11-23T00:00:00Z"}, True),
        ({"finalizers": ["mixpeek.com/namespace"]}, True),
        ({"uid": "u2"}, True),
    ],
)
def test_what_concerns_a_reconcile(change: dict[str, Any], concerns: bool) -> None:
    objects = LiveObjects()
    assert objects.put(obj(10))
    assert objects.put(obj(11, **change)) is concerns
    known = objects.get(KEY)
    assert known is not None
    assert known["metadata"]["resourceVersion"] == "11"


def test_of_an_object_is_kept_what_is_used() -> None:
    used = {
        "creationTimestamp": "2026-11-23T12:00:00Z",
        "deletionTimestamp": "2026-11-23T13:00:00Z",
        "finalizers": ["other"],
    }
    unused = {"labels": {"a": "b"}, "managedFields": [{"manager": "kubectl"}], "ownerReferences": [{"name": "a"}]}
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", PAUSED: "true"}
    spec = {"description": "Müller", "payloadIndexes": [{"fieldName": "a", "fieldOfANewerSchema": 1.5}]}
    status = {"namespaceId": "ns_0123456789", "conditions": []}
    put = obj(10, **used, **unused, annotations=annotations, spec=spec, status=status)
    before = copy.deepcopy(put)
    objects = LiveObjects()
    objects.put(put)
    kept = obj(10, **used, annotations={PAUSED: "true"}, spec=spec, status=status)
    assert objects.get(KEY) == kept
    assert objects.metadata(KEY) == kept["metadata"]
    assert put == before


def test_an_unknown_object_has_no_metadata() -> None:
    assert LiveObjects().metadata(KEY) is None


def test_an_object_without_spec_and_status_stays_without() -> None:
    put = obj(10)
    del put["spec"], put["status"]
    objects = LiveObjects()
    objects.put(put)
    assert objects.get(KEY) == put


def test_ten_thousand_objects_fit_into_memory() -> None:
    """As dictionaries these take 18 kB each, as they are kept 1 kB."""
    indexes = [{"fieldName": f"field_{n}", "type": "keyword", "isProtected": False, "points": n} for n in range(20)]

    def listed(n: int) -> dict[str, Any]:
        put = obj(
            10, name=f"films-{n}", uid=f"u{n}", spec={"payloadIndexes": indexes}, status={"payloadIndexes": indexes}
        )
        text = json.dumps(put)
        put["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": text}
        parsed: dict[str, Any] = json.loads(json.dumps(put))
        return parsed

    objects = LiveObjects()
    tracemalloc.start()
    try:
        for n in range(100):
            objects.put(listed(n))
        each = tracemalloc.get_traced_memory()[0] / 100
    finally:
        tracemalloc.stop()
    assert each < 3_000


@pytest.mark.parametrize("version", [9, 10])
def test_an_older_version_does_not_replace_a_newer_one(version: int) -> None:
    objects = LiveObjects()
    objects.put(obj(10, generation=3))
    assert not objects.put(obj(version, generation=2))
    known = objects.get(KEY)
    assert known is not None
    assert known["metadata"]["generation"] == 3


def test_versions_are_numbers() -> None:
    objects = LiveObjects()
    objects.put(obj(9))
    assert objects.put(obj(10, generation=2))


def test_a_dropped_object_is_forgotten() -> None:
    objects = LiveObjects()
    objects.put(obj(10))
    objects.drop(KEY)
    assert objects.get(KEY) is None
    assert objects.keys() == frozenset()
    assert objects.put(obj(10))


def test_the_end_of_an_earlier_object_does_not_drop_its_successor() -> None:
    objects = LiveObjects()
    objects.put(obj(10, uid="u2"))
    objects.drop(KEY, "u1")
    assert objects.keys() == {KEY}
    objects.drop(KEY, "u2")
    assert objects.keys() == frozenset()


def test_dropping_what_is_not_known_is_fine() -> None:
    LiveObjects().drop(KEY)


def test_subject() -> None:
    raw = obj(
        10,
        spec={"namespaceName": "movies", "deletionPolicy": "Delete"},
        status={"namespaceId": "ns_0123456789"},
        finalizers=["other", "mixpeek.com/namespace"],
        deletionTimestamp="2026-11-23T00:00:00Z",
    )
    subject = to_subject(raw, INCARNATION)
    assert (subject.key, subject.uid, subject.resource_version, subject.generation) == (KEY, "u1", "10", 1)
    assert subject.k8s_namespace_uid == "k8s-uid"
    assert subject.spec == NamespaceSpec(namespace_name="movies", deletion_policy=DeletionPolicy.DELETE)
    assert subject.status.namespace_id == "ns_0123456789"
    assert subject.deleting
    assert subject.finalized


def test_a_subject_without_spec_and_status() -> None:
    raw = obj(10)
    del raw["spec"], raw["status"]
    subject = to_subject(raw, INCARNATION)
    assert (subject.spec, subject.status) == (NamespaceSpec(), NamespaceStatus())
    assert not subject.deleting
    assert not subject.finalized
    assert subject.deletion_policy is DeletionPolicy.RETAIN


@pytest.mark.parametrize(
    ("spec", "problem", "policy"),
    [
        ({"namespaceName": "x"}, "spec.namespaceName: ", DeletionPolicy.RETAIN),
        (
            {"payloadIndexes": [{"fieldName": "a", "type": "nope"}], "deletionPolicy": "Delete"},
            "spec.payloadIndexes[0].type: ",
            DeletionPolicy.DELETE,
        ),
        ({"deletionPolicy": "Shred"}, "spec.deletionPolicy: ", DeletionPolicy.RETAIN),
        ({"featureExtractors": "text"}, "spec.featureExtractors: ", DeletionPolicy.RETAIN),
    ],
)
def test_an_invalid_spec_keeps_its_policy(spec: dict[str, Any], problem: str, policy: DeletionPolicy) -> None:
    subject = to_subject(obj(10, spec=spec), INCARNATION)
    assert isinstance(subject.spec, InvalidSpec)
    assert subject.spec.problem.startswith(problem)
    assert subject.deletion_policy is policy


@pytest.mark.parametrize(
    "status",
    [{"conditions": "none"}, {"documentCount": "many"}, {"createdAt": "yesterday"}, {"payloadIndexes": [{"a": 1}]}],
)
def test_a_status_that_cannot_be_read_counts_as_none(status: dict[str, Any]) -> None:
    assert to_subject(obj(10, status=status), INCARNATION).status == NamespaceStatus()


def test_reading_a_subject_changes_nothing() -> None:
    raw = obj(10, spec={"namespaceName": "movies"}, finalizers=["other"])
    before = copy.deepcopy(raw)
    to_subject(raw, INCARNATION)
    assert raw == before


def test_a_late_answer_does_not_bring_a_deleted_object_back() -> None:
    objects = LiveObjects()
    objects.put(obj(10))
    objects.drop(KEY, "u1")
    assert not objects.put(obj(11))
    assert objects.get(KEY) is None
    assert objects.put(obj(12, uid="u2")), "another object of the name is another object"
    objects.forget_deleted()
    assert objects.put(obj(13))
