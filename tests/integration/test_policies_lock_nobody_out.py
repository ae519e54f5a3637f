"""Whatever happens to the catalog and the policies: what is there can be changed, reported on and deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from devstack.release import RELEASE
from namespace_operator.api.resource import FINALIZER
from tests.integration.api_server import APPLY_PATCH, wait_until
from tests.integration.support import Object, Platform, condition, eventually
from tests.integration.tenants import (
    SYSTEM,
    TENANT,
    TEXT,
    UNKNOWN,
    Office,
    asking,
    finalizers,
    policies_in_force,
)

POLICIES = "/apis/admissionregistration.k8s.io/v1"
CATALOG = f"{RELEASE}-catalog.mixpeek.com"

LEAVING = {"featureExtractorName": "passthrough_extractor", "version": "v1"}
"""Has no vectors, so that nothing else in these tests depends on it."""


@contextmanager
def _catalog_without_it(office: Office) -> Iterator[None]:
    """An extractor gone from the catalog's policy, as after an upgrade that the operator does not know of yet."""
    path = f"{POLICIES}/validatingadmissionpolicies/{CATALOG}"
    usual = office.server.send("GET", path).accepted()
    del usual["status"]
    for stamp in ("managedFields", "resourceVersion", "uid"):
        del usual["metadata"][stamp]
    changed = deepcopy(usual)
    (registered,) = [each for each in changed["spec"]["variables"] if each["name"] == "registered"]
    ids = json.loads(registered["expression"])
    ids.remove(f"{LEAVING['featureExtractorName']}_{LEAVING['version']}")
    registered["expression"] = json.dumps(ids)

    def put(policy: Object) -> None:
        # In helm's name: of what somebody else wrote it would not write anything else.
        office.server.send("PATCH", path, policy, APPLY_PATCH, fieldManager="helm", force="true").accepted()

    put(changed)
    try:
        wait_until(lambda: _takes(office, LEAVING) == 422)
        yield
    finally:
        put(usual)
        wait_until(lambda: _takes(office, LEAVING) == 201)


def _takes(office: Office, extractor: Object) -> int:
    return office.create("probe", {"featureExtractors": [extractor]}, TENANT, dry=True).status


def test_an_extractor_that_left_the_catalog_locks_nothing(office: Office) -> None:
    office.create(spec={"featureExtractors": [TEXT, LEAVING], "deletionPolicy": "Delete"}, user=TENANT).accepted()
    office.organization.ready("sample")
    with _catalog_without_it(office):
        # The operator reports what changed, and lets go in the end: its own writes pass, too.
        office.merge("sample", {"spec": {"payloadIndexes": [{"fieldName": "a", "type": "text"}]}}, TENANT).accepted()
        assert office.organization.ready("sample")["payloadIndexCount"] == 1
        office.merge("sample", {"metadata": {"labels": {"a": "b"}}}, TENANT).accepted()
        # What is added is looked up all the same.
        both = {"spec": {"featureExtractors": [TEXT, LEAVING, UNKNOWN]}}
        assert "text_extractor_v99 not in the catalog" in office.merge("sample", both, TENANT).refused(422)
        office.delete("sample", TENANT).accepted()
        eventually(lambda: office.is_gone("sample"), "deletion")


def test_an_extractor_that_left_the_catalog_can_leave_the_spec(office: Office) -> None:
    office.create(spec={"featureExtractors": [TEXT, LEAVING]}, user=TENANT).accepted()
    with _catalog_without_it(office):
        office.merge("sample", {"spec": {"featureExtractors": [TEXT]}}, TENANT).accepted()
        office.merge("sample", {"spec": {"featureExtractors": [TEXT, LEAVING]}}, TENANT).refused(422)


def test_without_the_catalogs_policy_the_operator_finds_unknown_extractors_itself(office: Office) -> None:
    with _bindings_removed(office, "validatingadmissionpolicybindings"):
        index = {"fieldName": "lang", "type": "keyword"}
        spec = {"featureExtractors": [TEXT, UNKNOWN], "payloadIndexes": [index]}
        office.create(spec=spec, user=TENANT).accepted()
        status = office.organization.reason("sample", "UnknownExtractor")
    message = condition(status, "Ready")["message"]
    assert "text_extractor_v99" in message
    assert "text_extractor_v1" in message
    # The rest is done meanwhile.
    platform = office.organization.platform
    assert "text_extractor_v1_embedding" in platform.vectors(status["collection"])
    assert "lang" in platform.qdrant.get_collection(status["collection"]).payload_schema
    office.merge("sample", {"spec": {"featureExtractors": [TEXT]}}, TENANT).accepted()
    office.organization.ready("sample")


def test_the_operator_looks_after_system_namespaces(office: Office) -> None:
    """It has none of the verbs: finalizer, status and the end of a deletion pass because it is the operator."""
    keeper = office.grant("keeper", "manage-system")
    with _bindings_removed(office, "mutatingadmissionpolicybindings"):
        office.create(spec=SYSTEM | {"featureExtractors": [TEXT], "deletionPolicy": "Delete"}, user=keeper).accepted()
        status = office.organization.ready("sample")
        # Nobody else could have added it.
        assert finalizers(office.get("sample")) == [FINALIZER]
        office.merge("sample", {"spec": {"deletionPolicy": "Retain"}}, keeper).accepted()
        eventually(lambda: finalizers(office.get("sample")) == [], "removal of the finalizer")
        office.merge("sample", {"spec": {"deletionPolicy": "Delete"}}, keeper).accepted()
        eventually(lambda: finalizers(office.get("sample")) == [FINALIZER], "return of the finalizer")
    office.delete("sample", keeper).accepted()
    eventually(lambda: office.is_gone("sample"), "deletion")
    assert not office.organization.platform.qdrant.collection_exists(status["collection"])


def test_a_kubernetes_namespace_goes_with_the_system_namespaces_in_it(platform: Platform, office: Office) -> None:
    """The namespace controller deletes all objects, and has none of the verbs."""
    leaving = platform.create_organization(f"{office.organization.name}-leaving")
    there = Office(office.server, leaving)
    there.create("kept", SYSTEM | {"featureExtractors": [TEXT]}).accepted()
    there.create("removed", SYSTEM | {"featureExtractors": [TEXT, LEAVING], "deletionPolicy": "Delete"}).accepted()
    leaving.ready("kept")
    removed = leaving.ready("removed")
    with _catalog_without_it(office):
        leaving.delete()
    assert not platform.qdrant.collection_exists(removed["collection"])


def test_garbage_collection_takes_system_namespaces(platform: Platform, office: Office) -> None:
    owner = {"metadata": {"name": "owner"}}
    owner = office.server.send("POST", f"/api/v1/namespaces/{office.organization.name}/configmaps", owner).accepted()
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    for name, policy in (("kept", "Retain"), ("removed", "Delete")):
        spec = SYSTEM | {"featureExtractors": [TEXT], "deletionPolicy": policy}
        office.create(name, spec, ownerReferences=[reference]).accepted()
        office.organization.ready(name)
    office.server.send("DELETE", f"/api/v1/namespaces/{office.organization.name}/configmaps/owner").accepted()
    eventually(lambda: office.is_gone("kept") and office.is_gone("removed"), "garbage collection")


def test_what_was_written_without_policies_stays_editable_with_them(office: Office) -> None:
    """Values that the policies refuse when somebody writes them hold up nobody who leaves them alone."""
    given = asking(paused="true", dry_run="perhaps", force_release="maybe", take_over="nonsense", adopt="true")
    spec = {"featureExtractors": [UNKNOWN], "namespaceId": "ns_of_the_past"}
    with _bindings_removed(office, "validatingadmissionpolicybindings"):
        office.create(spec=spec, user=TENANT, annotations=given).accepted()
    office.merge("sample", {"spec": {"description": "b"}}, TENANT).accepted()
    office.annotate("sample", TENANT, renew="", paused="false").accepted()
    office.annotate("sample", TENANT, take_over=None).accepted()
    office.delete("sample", TENANT).accepted()


def test_without_policies_everything_stays_editable(office: Office) -> None:
    office.create(spec=SYSTEM | {"deletionPolicy": "Delete"}, annotations=asking(adopt="true")).accepted()
    with _bindings_removed(office, "validatingadmissionpolicybindings", "mutatingadmissionpolicybindings"):
        office.merge("sample", {"spec": {"description": "b"}}, TENANT).accepted()
        office.annotate("sample", TENANT, adopt=None).accepted()
        office.delete("sample", TENANT).accepted()
        eventually(lambda: office.is_gone("sample"), "deletion")


@contextmanager
def _bindings_removed(office: Office, *kinds: str) -> Iterator[None]:
    """The release's policies, not in force for a while."""
    removed: list[tuple[str, Object]] = []
    for kind in kinds:
        for binding in office.server.send("GET", f"{POLICIES}/{kind}").accepted()["items"]:
            if binding["metadata"]["name"].startswith(f"{RELEASE}-"):
                office.server.send("DELETE", f"{POLICIES}/{kind}/{binding['metadata']['name']}").accepted()
                removed.append((kind, binding))
    assert removed
    try:
        wait_until(lambda: _nothing_is_in_force(office, kinds))
        yield
    finally:
        for kind, binding in removed:
            for stamp in ("resourceVersion", "uid"):
                del binding["metadata"][stamp]
            office.server.send("POST", f"{POLICIES}/{kind}", binding).accepted()
        policies_in_force(office.server)


def _nothing_is_in_force(office: Office, kinds: tuple[str, ...]) -> bool:
    refused = SYSTEM | {"namespaceId": "ns_abc", "featureExtractors": [UNKNOWN]}
    if "validatingadmissionpolicybindings" in kinds and office.create("probe", refused, TENANT, dry=True).status != 201:
        return False
    changed = office.create("probe", {"deletionPolicy": "Delete"}, TENANT, dry=True).accepted()
    return "mutatingadmissionpolicybindings" not in kinds or finalizers(changed) == []
