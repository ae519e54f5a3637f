"""The API server gives the verdicts and the words of the table that the models are held to."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from devstack.stack import Stack
from namespace_operator.api.cluster import InfrastructureClusterStatus
from namespace_operator.api.crd import CLUSTERS, NAMESPACES, Definition, missing_fields
from namespace_operator.api.crd import DEFINITIONS as KINDS
from namespace_operator.api.resource import PLURAL
from namespace_operator.api.status import Condition, IndexStatus, NamespaceStatus
from tests.integration.api_server import (
    DEFINITIONS,
    JSON_PATCH,
    MERGE_PATCH,
    Server,
    definition,
    manifest,
    objects_path,
    serving,
    wait_until,
)
from tests.unit.api.cases import CASES, CHANGES, Case, Change, Refusal
from tests.unit.api.cases_clusters import CLUSTER_EXAMPLE

# Groups of their own: no operator acts on these objects, whatever else is installed.
GROUP = "admission.test"
OLDER_GROUP = "older.admission.test"


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Server]:
    """The stack's API server, with the schema served under the group of these tests."""
    with serving(stack, GROUP) as server:
        yield server


@contextmanager
def _stored(
    server: Server,
    spec: Mapping[str, Any],
    name: str | None = None,
    status: Mapping[str, Any] | None = None,
    kind: Definition = NAMESPACES,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """An object in the API server, with its path."""
    name = name or f"admission-{uuid.uuid4().hex[:8]}"
    objects = objects_path(GROUP, kind=kind)
    path = f"{objects}/{name}"
    stored = server.send("POST", objects, manifest(name, spec, GROUP, kind)).accepted()
    try:
        if status is not None:
            stored = server.send("PUT", f"{path}/status", stored | {"status": status}).accepted()
        yield path, stored
    finally:
        server.send("DELETE", path).accepted()


def _assert_refused_for(causes: list[dict[str, str]], refusals: tuple[Refusal, ...]) -> None:
    assert {cause["field"] for cause in causes} == {refusal.path for refusal in refusals}, causes
    for refusal in refusals:
        words = [cause["message"] for cause in causes if cause["field"] == refusal.path]
        # Our words stand behind "Invalid value: <the value>: ".
        assert any(message.endswith(f": {refusal.message}") for message in words) or refusal.message is None, words


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_create(server: Server, case: Case) -> None:
    kind = case.definition
    objects = objects_path(GROUP, kind=kind)
    answer = server.send("POST", objects, manifest(case.name, case.spec, GROUP, kind), dryRun="All")
    _assert_refused_for(answer.causes(), case.refusals)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.id)
def test_change(server: Server, change: Change) -> None:
    with _stored(server, change.old, status=change.status, kind=change.definition) as (path, stored):
        answer = server.send("PUT", path, stored | {"spec": change.new}, dryRun="All")
        _assert_refused_for(answer.causes(), change.refusals)


def test_missing_spec_is_refused(server: Server) -> None:
    without = manifest("sample", {}, GROUP)
    del without["spec"]
    _assert_refused_for(server.send("POST", objects_path(GROUP), without).causes(), (Refusal("spec"),))


def test_misspelt_field_is_named(server: Server) -> None:
    answer = server.send("POST", objects_path(GROUP), manifest("sample", {"payloadIndex": []}, GROUP))
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert 'unknown field "spec.payloadIndex"' in answer.body["message"]


def test_nothing_is_added_to_what_was_written(server: Server) -> None:
    """A stored default would make every `kubectl apply` of the same file a change."""
    spec: dict[str, Any] = {
        "featureExtractors": [{"featureExtractorName": "a", "version": "v1"}],
        "payloadIndexes": [{"fieldName": "a", "fieldSchema": {"type": "text", "stopwords": {"custom": ["a"]}}}],
    }
    with _stored(server, spec) as (_, stored):
        assert stored["spec"] == spec


def test_name_in_force_cannot_become_unusable(server: Server) -> None:
    with _stored(server, {"namespaceName": "abc"}, name="a.b.c") as (path, stored):
        causes = server.send("PUT", path, stored | {"spec": {}}, dryRun="All").causes()
        assert [cause["field"] for cause in causes] == ["spec.namespaceName"]


def test_object_an_older_schema_let_in_stays_writable(server: Server) -> None:
    """Its metadata.name is no namespaceName; that must not block its finalizers, status and other fields."""
    older = definition(OLDER_GROUP)
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"]
    objects, path = objects_path(OLDER_GROUP), f"{objects_path(OLDER_GROUP)}/a.b.c"
    with server.installed(older):
        server.send("POST", objects, manifest("a.b.c", {}, OLDER_GROUP)).accepted()
        versions = [{"op": "replace", "path": "/spec/versions", "value": definition(OLDER_GROUP)["spec"]["versions"]}]
        server.send("PATCH", f"{DEFINITIONS}/{PLURAL}.{OLDER_GROUP}", versions, JSON_PATCH).accepted()
        another = manifest("d.e.f", {}, OLDER_GROUP)
        wait_until(lambda: server.send("POST", objects, another, dryRun="All").status == 422)

        finalizer = [{"op": "add", "path": "/metadata/finalizers", "value": ["admission.test/held"]}]
        server.send("PATCH", path, finalizer, JSON_PATCH).accepted()
        server.send("PATCH", f"{path}/status", {"status": {"namespaceId": "ns_0123456789"}}, MERGE_PATCH).accepted()
        server.send("PATCH", path, {"spec": {"description": "b"}}, MERGE_PATCH).accepted()
        server.send("PATCH", path, [{"op": "remove", "path": "/metadata/finalizers"}], JSON_PATCH).accepted()


def test_status_holds_what_the_models_report(server: Server) -> None:
    ready = {"type": "Ready", "status": "True", "reason": "Synced", "message": "", "lastTransitionTime": "2026-01-02"}
    status = NamespaceStatus(
        observed_generation=1,
        conditions=(Condition.model_validate(ready),),
        vector_inference_map={"text_extractor_v1_embedding": "gemini-embedding-2"},
        document_count=2**40,
        payload_indexes=(
            IndexStatus(field_name="a b", type="later", field_schema={"minTokenLen": 9, "new": [1]}, points=0),
        ),
        unmanaged_indexes=("by.hand",),
    )
    with _stored(server, {}) as (path, stored):
        answer = server.send("PUT", f"{path}/status", stored | {"status": status.to_kubernetes()}).accepted()
        assert answer["status"] == status.to_kubernetes()


def test_status_of_a_cluster_holds_what_the_models_report(server: Server) -> None:
    ready = {"type": "Ready", "status": "True", "reason": "Usable", "message": "", "lastTransitionTime": "2026-01-02"}
    status = InfrastructureClusterStatus(
        observed_generation=1,
        conditions=(Condition.model_validate(ready),),
        version="1.18.3",
        server_id="abc",
        collections=0,
        namespaces=2,
        used_by=("team-search/articles",),
        last_checked=datetime(2026, 1, 2, tzinfo=UTC),
    )
    with _stored(server, CLUSTER_EXAMPLE, kind=CLUSTERS) as (path, stored):
        assert stored["spec"] == CLUSTER_EXAMPLE
        answer = server.send("PUT", f"{path}/status", stored | {"status": status.to_kubernetes()}).accepted()
        assert answer["status"] == status.to_kubernetes()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_stored_definition_misses_nothing(server: Server, kind: Definition) -> None:
    stored = server.send("GET", f"{DEFINITIONS}/{kind.plural}.{GROUP}").accepted()
    assert missing_fields(stored, kind) == []
    conditions = {condition["type"]: condition["status"] for condition in stored["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions
