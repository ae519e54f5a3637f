"""The command on the real stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from devstack.release import RELEASE, RELEASE_NAMESPACE
from namespace_operator.api.resource import API_VERSION, KIND
from tests.integration.commanding import Command
from tests.integration.support import Organization, Platform

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
    assert heading.split() == "NAME TIER READY REASON DOCUMENTS OBJECTS AGE DRIFT MESSAGE".split()
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


def _documents(organization: Organization) -> list[str]:
    found = organization.platform.database["namespaces"].find({"owner.organization": organization.name})
    return sorted(json.dumps(each, default=str) for each in found)
