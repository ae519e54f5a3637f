"""The API server gives the verdicts and the words of the table that the models are held to."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes import config

from devstack.stack import Stack
from namespace_operator.api.crd import custom_resource_definition, missing_fields
from namespace_operator.api.resource import KIND, PLURAL, VERSION
from namespace_operator.api.status import Condition, IndexStatus, NamespaceStatus
from tests.unit.api.cases import CASES, CHANGES, Case, Change, Refusal

# The client's functions carry no types.
new_client: Any = config.new_client_from_config

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

# Groups of their own: no operator acts on these objects, whatever else is installed.
GROUP = "admission.test"
OLDER_GROUP = "older.admission.test"


@dataclass(frozen=True)
class Answer:
    """What the API server answered, refusals included."""

    status: int
    body: dict[str, Any]

    def causes(self) -> list[dict[str, str]]:
        """The refused fields, none if the object was accepted."""
        if self.status < 300:
            return []
        assert self.status == 422, self.body
        # Beside the causes proper may stand one without a field: rules were left out because of the others.
        proper = [cause for cause in self.body["details"]["causes"] if cause["field"] != "<nil>"]
        assert proper, self.body
        return proper

    def accepted(self) -> dict[str, Any]:
        """The object as it is now."""
        assert self.status < 300, self.body
        return self.body


class Server:
    """The API server, asked without a generated method between the table and the wire."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(
        self, method: str, path: str, body: object = None, content_type: str | None = None, **query: str
    ) -> Answer:
        """One request. Unknown fields are refused."""
        query = {"fieldValidation": "Strict"} | query if body is not None else query
        request = self._connection.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": content_type or "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._connection.call_api(*request)
        text = answer.read()
        # The way to a group that is not served yet ends in plain text.
        is_json = answer.getheader("Content-Type", "").startswith("application/json")
        return Answer(answer.status, json.loads(text) if is_json else {"message": text.decode()})


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[Server]:
    """The stack's API server, with the schema served under the group of these tests."""
    connection = new_client(str(stack.kubeconfig))
    server = Server(connection)
    with _installed(server, _definition(GROUP)):
        yield server
    connection.close()


def _definition(group: str) -> dict[str, Any]:
    manifest = custom_resource_definition()
    manifest["metadata"]["name"] = f"{PLURAL}.{group}"
    manifest["spec"]["group"] = group
    # The names of the operator's own resource stay unambiguous for kubectl.
    manifest["spec"]["names"] |= {"shortNames": [], "categories": []}
    return manifest


@contextmanager
def _installed(server: Server, manifest: dict[str, Any]) -> Iterator[None]:
    server.send("POST", DEFINITIONS, manifest).accepted()
    try:
        _wait_until(lambda: server.send("GET", _objects(manifest["spec"]["group"])).status == 200)
        yield
    finally:
        server.send("DELETE", f"{DEFINITIONS}/{manifest['metadata']['name']}").accepted()


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, "the API server did not take the definition over in 20 s"
        time.sleep(0.1)


def _objects(group: str = GROUP) -> str:
    return f"/apis/{group}/{VERSION}/namespaces/default/{PLURAL}"


def _manifest(name: str, spec: object, group: str = GROUP) -> dict[str, Any]:
    return {"apiVersion": f"{group}/{VERSION}", "kind": KIND, "metadata": {"name": name}, "spec": spec}


@contextmanager
def _stored(
    server: Server, spec: Mapping[str, Any], name: str | None = None, status: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """An object in the API server, with its path."""
    name = name or f"admission-{uuid.uuid4().hex[:8]}"
    path = f"{_objects()}/{name}"
    stored = server.send("POST", _objects(), _manifest(name, spec)).accepted()
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
    answer = server.send("POST", _objects(), _manifest(case.name, case.spec), dryRun="All")
    _assert_refused_for(answer.causes(), case.refusals)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.id)
def test_change(server: Server, change: Change) -> None:
    with _stored(server, change.old, status=change.status) as (path, stored):
        answer = server.send("PUT", path, stored | {"spec": change.new}, dryRun="All")
        _assert_refused_for(answer.causes(), change.refusals)


def test_missing_spec_is_refused(server: Server) -> None:
    manifest = _manifest("sample", {})
    del manifest["spec"]
    _assert_refused_for(server.send("POST", _objects(), manifest).causes(), (Refusal("spec"),))


def test_misspelt_field_is_named(server: Server) -> None:
    answer = server.send("POST", _objects(), _manifest("sample", {"payloadIndex": []}))
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
    older = _definition(OLDER_GROUP)
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"]
    objects, path = _objects(OLDER_GROUP), f"{_objects(OLDER_GROUP)}/a.b.c"
    with _installed(server, older):
        server.send("POST", objects, _manifest("a.b.c", {}, OLDER_GROUP)).accepted()
        versions = [{"op": "replace", "path": "/spec/versions", "value": _definition(OLDER_GROUP)["spec"]["versions"]}]
        server.send("PATCH", f"{DEFINITIONS}/{PLURAL}.{OLDER_GROUP}", versions, JSON_PATCH).accepted()
        another = _manifest("d.e.f", {}, OLDER_GROUP)
        _wait_until(lambda: server.send("POST", objects, another, dryRun="All").status == 422)

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


def test_stored_definition_misses_nothing(server: Server) -> None:
    stored = server.send("GET", f"{DEFINITIONS}/{PLURAL}.{GROUP}").accepted()
    assert missing_fields(stored) == []
    conditions = {condition["type"]: condition["status"] for condition in stored["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions
