"""The command on the real stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from qdrant_client import models

from devstack import build
from devstack.release import RELEASE, RELEASE_NAMESPACE
from namespace_operator.api.resource import API_VERSION, KIND
from tests.integration.commanding import Command, Done
from tests.integration.support import Organization, Platform, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
PRICE = {"fieldName": "price", "type": "float"}


@pytest.fixture(scope="module")
def command(platform: Platform) -> Command:
    return Command(platform.stack, tuple(platform.secrets()))


def manifest(name: str, **spec: Any) -> str:
    """A Namespace as a file has it."""
    return yaml.safe_dump({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec})


def test_status_tells_of_ready_ones_and_of_those_that_are_not(command: Command, organization: Organization) -> None:
    organization.create("articles", featureExtractors=[TEXT])
    organization.create("odd", vectorConfigs=[], infrastructure={"clusterId": None, "qdrantCollection": "odd"})
    organization.ready("articles")

    done = command("status", "-n", organization.name)

    assert done.code == 0, done.err
    heading, *rows = done.out.splitlines()
    assert heading.split() == ["NAME", "TIER", "READY", "REASON", "DOCUMENTS", "OBJECTS", "AGE", "DRIFT", "MESSAGE"]
    assert rows[0].split()[:5] == ["articles", "shared", "True", "Ready", "0"]
    (only,) = command("status", "articles", "-n", organization.name, "-o", "json").value["items"]
    assert only["collection"] == organization.get("articles")["status"]["collection"]
    assert command("status", "none", "-n", organization.name).code == 1


def test_plan_writes_nothing_and_tells_what_apply_does(command: Command, organization: Organization) -> None:
    before = _documents(organization)

    new = command("plan", "-n", organization.name, "-f", "-", stdin=manifest("articles", featureExtractors=[TEXT]))

    assert new.code == 2, new.out + new.err
    assert "CreateCollection" in new.out
    assert "text_extractor_v1_embedding" in new.out
    assert organization.find("articles") is None
    assert _documents(organization) == before

    organization.create("articles", featureExtractors=[TEXT])
    status = organization.ready("articles")
    same = command("plan", "-n", organization.name, "-f", "-", stdin=manifest("articles", featureExtractors=[TEXT]))
    assert (same.code, same.err) == (0, ""), same.out
    more = manifest("articles", featureExtractors=[TEXT], payloadIndexes=[PRICE])
    done = command("plan", "-n", organization.name, "-f", "-", "-o", "json", stdin=more)
    assert done.code == 2, done.err
    (plan,) = done.value["plans"]
    assert [step["action"] for step in plan["steps"]] == ["ReplaceDocument", "PutIndex"]
    assert any(line.startswith("+    price:") for line in plan["diff"]), plan["diff"]
    assert organization.get("articles")["status"] == status


def test_plan_shows_what_the_api_server_refuses(command: Command, organization: Organization) -> None:
    done = command("plan", "-n", organization.name, "-f", "-", stdin=manifest("articles", mode="sometimes"))

    assert done.code == 1
    assert "refused by the API server" in done.out
    assert "spec.mode" in done.out


def test_why_names_the_remedy_and_the_next_step(command: Command, organization: Organization) -> None:
    organization.create("first", namespaceName="articles")
    organization.ready("first")
    organization.create("second", namespaceName="articles")
    organization.reason("second", "NameConflict")

    done = command("why", "second", "-n", organization.name)

    assert done.code == 1
    assert "what to do: Choose another `namespaceName`" in done.out
    assert done.out.splitlines()[-1].startswith("next: Choose another")
    well = command("why", "first", "-n", organization.name, "-o", "json")
    assert well.code == 0, well.out + well.err
    assert well.value["live"] == {"steps": [], "diff": [], "obstacles": []}
    assert well.value["nextStep"].startswith("Nothing")


def test_kubectl_finds_the_command(platform: Platform, organization: Organization) -> None:
    organization.create("articles")
    organization.ready("articles")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**platform.stack.environment(), "PATH": path}
    kubectl = str(build.ensure(["kubectl"]).kubectl)
    done = subprocess.run(
        [kubectl, "mns", "status", "-n", organization.name], env=environment, capture_output=True, text=True, check=True
    )

    assert "articles  shared  True" in done.stdout


def test_who_may_read_little_is_told_what_is_left_out(command: Command, organization: Organization) -> None:
    organization.create("articles")
    organization.ready("articles")
    place = ("-n", organization.name, "--context", "tenant")
    nothing = command("status", *place)
    assert (nothing.code, nothing.out) == (1, "")
    assert nothing.err.count("\n") == 1
    assert "have somebody grant you this right" in nothing.err
    rights = ("--clusterrole=view", "--user=tenant", "-n", organization.name)
    organization.platform.stack.kubectl("create", "rolebinding", "tenant", *rights)

    done = eventually(lambda: _if(command("why", "articles", *place), lambda done: done.code == 0), "the right to view")

    assert "not looked at: stores: the operator cannot be looked for" in done.out
    assert done.out.splitlines()[-1] == "next: Nothing: it is as declared."


def test_status_follows_changes(command: Command, organization: Organization) -> None:
    environment = {**os.environ, "KUBECONFIG": str(command.stack.kubeconfig)}
    line = [sys.executable, "-m", "namespace_operator.cli.main", "status", "-w", "-n", organization.name]
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        try:
            organization.create("articles")
            organization.ready("articles")
            assert watching.stdout is not None
            seen = next(line for line in watching.stdout if "True" in line)
            assert seen.split()[:4] == ["articles", "shared", "True", "Ready"]
        finally:
            watching.terminate()


def test_doctor_finds_all_well(command: Command, organization: Organization) -> None:
    done = command("doctor", "-o", "json")

    failed = [check for check in done.value["checks"] if check["verdict"] == "fail"]
    assert (done.code, failed) == (0, []), done.out
    areas = {check["area"] for check in done.value["checks"]}
    assert areas >= {"api-server", "crd", "operator", "leader", "policies", "rights", "qdrant", "mongodb", "clock"}


def test_catalog_is_that_of_the_release(command: Command) -> None:
    done = command("catalog", "list", "-o", "json", "--operator-namespace", RELEASE_NAMESPACE, "--release", RELEASE)

    assert done.code == 0, done.err
    assert done.value["name"] == f"ConfigMap {RELEASE_NAMESPACE}/{RELEASE}-catalog"
    assert any(each["extractor"] == "text_extractor_v1" for each in done.value["extractors"])


def _if(done: Done, holds: Callable[[Done], bool]) -> Done | None:
    return done if holds(done) else None


def _documents(organization: Organization) -> list[str]:
    found = organization.platform.database["namespaces"].find({"owner.organization": organization.name})
    return sorted(json.dumps(each, default=str) for each in found)


def test_retained_data_is_told_of_brought_back_and_deleted(command: Command, organization: Organization) -> None:
    organization.create("articles", featureExtractors=[TEXT], payloadIndexes=[PRICE])
    namespace_id = organization.ready("articles")["namespaceId"]
    add_points(organization.platform, namespace_id, 3)
    refused = command("retained", "delete", namespace_id, "--yes")
    assert (refused.code, "is ready" in refused.err) == (1, True), refused.err
    organization.remove("articles")
    retained(organization, namespace_id)

    (item,) = command("retained", "list", "-n", organization.name, "-o", "json").value["items"]

    assert (item["namespaceId"], item["state"], item["points"]) == (namespace_id, "retained", 3)
    assert item["bytesAtMost"] == 3 * 1024 * 4
    organization.platform.stack.kubectl("apply", "-f", "-", stdin=json.dumps(item["back"]))
    assert organization.ready("articles")["namespaceId"] == namespace_id
    organization.remove("articles")
    retained(organization, namespace_id)
    asks = command("retained", "delete", namespace_id, stdin="")
    assert (asks.code, "--yes" in asks.err) == (1, True)
    assert organization.platform.qdrant.collection_exists(namespace_id)

    done = command("retained", "delete", namespace_id, "--yes")

    assert done.code == 0, done.out + done.err
    assert not organization.platform.qdrant.collection_exists(namespace_id)
    assert organization.find_document("articles") is None
    assert command("retained", "delete", namespace_id, "--yes").code == 1


def test_orphans_are_told_of_and_deleted_by_their_id(command: Command, organization: Organization) -> None:
    platform = organization.platform
    organization.create("lost")
    organization.create("kept")
    lost, kept = organization.ready("lost")["namespaceId"], organization.ready("kept")["namespaceId"]
    organization.remove("lost")
    retained(organization, lost)
    platform.database["namespaces"].delete_one({"_id": lost})
    name = f"shared-{organization.name}"
    organization.create("member", infrastructure={"qdrantCollection": name, "sharing": True})
    organization.ready("member")
    add_points(platform, name, 2, namespace_id="ns_alien00001")

    found = command("orphans", "list", "-o", "json").value["items"]

    by_id = {each["id"]: each for each in found}
    assert by_id[f"collection/default/{lost}"]["back"]["metadata"]["name"] == "lost"
    assert by_id[f"partition/default/{name}/ns_alien00001"]["points"] == 2
    assert f"collection/default/{kept}" not in by_id
    refused = command("orphans", "delete", f"collection/default/{kept}", "--yes")
    assert (refused.code, "is not deleted" in refused.err) == (1, True), refused.err
    for identifier in (f"collection/default/{lost}", f"partition/default/{name}/ns_alien00001"):
        done = command("orphans", "delete", identifier, "--yes")
        assert done.code == 0, done.err
    assert not platform.qdrant.collection_exists(lost)
    assert platform.qdrant.count(name).count == 0
    assert platform.qdrant.collection_exists(kept)


def test_an_exported_collection_is_adopted_without_a_change(command: Command, organization: Organization) -> None:
    platform, name = organization.platform, f"legacy-{organization.name}"
    vector = models.VectorParams(size=1024, distance=models.Distance.COSINE)
    platform.qdrant.create_collection(name, vectors_config={"text_extractor_v1_embedding": vector})
    platform.qdrant.create_payload_index(name, "price", models.PayloadSchemaType.FLOAT, wait=True)
    tokens = models.TextIndexParams(type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD)
    platform.qdrant.create_payload_index(name, "title", tokens, wait=True)
    add_points(platform, name, 2)
    before = platform.qdrant.get_collection(name)

    exported = command("export", "-c", name, "-n", organization.name)

    assert exported.code == 0, exported.err
    assert "# the index on title" in exported.out
    made = yaml.safe_load(exported.out)
    assert made["spec"]["featureExtractors"] == [TEXT]
    assert made["spec"]["payloadIndexes"] == [PRICE]
    platform.stack.kubectl("apply", "-f", "-", stdin=exported.out)
    organization.ready(made["metadata"]["name"])
    after = platform.qdrant.get_collection(name)
    assert after.config.params == before.config.params
    assert after.points_count == before.points_count
    assert before.payload_schema.items() <= after.payload_schema.items()
    again = command("plan", "-f", "-", "-n", organization.name, stdin=exported.out)
    assert again.code == 0, again.out


def test_documents_of_the_namespace_api_become_namespaces(command: Command, organization: Organization) -> None:
    platform, namespace_id = organization.platform, "ns_5eed000001"
    vector = models.VectorParams(size=1024, distance=models.Distance.COSINE)
    platform.qdrant.create_collection(namespace_id, vectors_config={"text_extractor_v1_embedding": vector})
    add_points(platform, namespace_id, 2)
    extractor = {"feature_extractor_name": "text_extractor", "version": "v1", "params": None}
    known = {"namespace_id": namespace_id, "namespace_name": "Articles", "feature_extractors": [extractor]}
    legacy = platform.database.client["legacy"]["namespaces"]
    legacy.insert_many([{**known, "internal_id": "org_1"}, {"namespace_id": "ns_other", "internal_id": "org_2"}])
    chosen = ("--from-database", "legacy", "--where", "internal_id=org_1")

    exported = command("export", *chosen, "-n", organization.name)

    assert exported.code == 0, exported.err
    made = yaml.safe_load(exported.out)
    assert made["spec"]["namespaceId"] == namespace_id
    platform.stack.kubectl("apply", "-f", "-", stdin=exported.out)
    status = organization.ready(made["metadata"]["name"])
    assert (status["namespaceId"], status["namespaceName"], status["documentCount"]) == (namespace_id, "Articles", 2)


def test_an_exported_document_finds_its_data_again(command: Command, organization: Organization) -> None:
    spec: dict[str, Any] = {
        "namespaceName": "Articles",
        "featureExtractors": [TEXT],
        "payloadIndexes": [PRICE],
        "description": "A",
    }
    organization.create("articles", **spec)
    namespace_id = organization.ready("articles")["namespaceId"]

    exported = command("export", "-n", organization.name, "-o", "json").value

    (item,) = exported["items"]
    assert item["spec"] == spec
    organization.remove("articles")
    organization.platform.stack.kubectl("apply", "-f", "-", stdin=json.dumps(exported))
    assert organization.ready("articles")["namespaceId"] == namespace_id


def test_released_objects_go_without_an_operator(command: Command, platform: Platform) -> None:
    organization, other = (platform.create_organization(name) for name in ("org-released", "org-taken-back"))
    for place in (organization, other):
        place.create("articles", deletionPolicy="Delete")
        place.ready("articles")
    namespace_id = organization.get("articles")["status"]["namespaceId"]
    refused = command("release", "-n", organization.name)
    assert (refused.code, "kubectl scale deployment" in refused.err) == (1, True), refused.err

    platform.stop_operator()
    try:
        for place in (organization, other):
            let_go(command, place)
        # A write by somebody else does not bring it back.
        organization.edit("articles", description="changed")
        assert not organization.get("articles")["metadata"].get("finalizers")
        organization.delete()
        assert platform.qdrant.collection_exists(namespace_id)
    finally:
        platform.start_operator()
    eventually(lambda: other.get("articles")["metadata"].get("finalizers"), "the finalizer of an operator that is back")
    assert "mixpeek.com/released" not in other.get("articles")["metadata"].get("annotations", {})
    other.delete()


def test_nothing_hangs_after_the_uninstallation(command: Command, platform: Platform) -> None:
    organization = platform.create_organization("org-left")
    organization.create("articles", deletionPolicy="Delete")
    namespace_id = organization.ready("articles")["namespaceId"]
    platform.stop_operator()
    platform.stack.helm("uninstall", RELEASE, "-n", RELEASE_NAMESPACE, "--wait")
    try:
        organization.abandon()
        let_go(command, organization)
        eventually(organization.is_gone, "the end of its Kubernetes namespace")
        assert platform.qdrant.collection_exists(namespace_id)
    finally:
        platform.install()


def let_go(command: Command, organization: Organization) -> None:
    """Release all in a Kubernetes namespace, once nobody holds the Lease any more."""
    pretended = eventually(
        lambda: _if(command("release", "-n", organization.name, "--dry-run"), lambda done: done.code == 0),
        "the end of the last operator's Lease",
    )
    assert "would be released" in pretended.out
    done = command("release", "-n", organization.name)
    assert done.code == 0, done.out + done.err


def add_points(platform: Platform, collection: str, count: int, **payload: Any) -> None:
    """Points without vectors."""
    points = [models.PointStruct(id=number, vector={}, payload=payload) for number in range(count)]
    platform.qdrant.upsert(collection, points, wait=True)


def retained(organization: Organization, namespace_id: str) -> None:
    """Wait until the operator has seen that the object is gone."""
    documents = organization.platform.database["namespaces"]
    eventually(lambda: documents.find_one({"_id": namespace_id, "state": "retained"}), f"{namespace_id} is retained")
