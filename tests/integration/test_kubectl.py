"""What people do with kubectl beyond create and delete: explain, wait, and applying one object from two places."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.commands import CommandError
from namespace_operator.api.crd import DEFINITIONS, custom_resource_definition
from namespace_operator.api.resource import API_VERSION, KIND
from tests.integration.support import Organization, Platform, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IMAGE = {"featureExtractorName": "image_extractor", "version": "v1"}


def _fields(part: str) -> dict[str, Any]:
    schema: Any = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(schema["properties"][part]["properties"])


def _leaves(properties: dict[str, Any]) -> set[str]:
    names = set()
    for name, field in properties.items():
        below = field.get("items", field).get("properties", {})
        names |= {name} | _leaves(below)
    return names


@pytest.mark.parametrize("part", ["spec", "status"])
def test_explain_knows_every_field(platform: Platform, part: str) -> None:
    kubectl = platform.stack.kubectl
    # The description of a new kind is published in its own time.
    eventually(lambda: _explained(platform, f"mns.{part}"), "publication of the schema")
    shown = {line.split("\t")[0].strip() for line in kubectl("explain", f"mns.{part}", "--recursive").splitlines()}
    assert _leaves(_fields(part)) <= shown
    words = " ".join(kubectl("explain", f"mns.{part}").split())
    for name, field in _fields(part).items():
        assert " ".join(field["description"].split()) in words, name


def _explained(platform: Platform, path: str) -> bool:
    try:
        platform.stack.kubectl("explain", path)
    except CommandError:
        return False
    return True


def test_explain_reaches_the_parameters_of_an_index(platform: Platform) -> None:
    eventually(lambda: _explained(platform, "mns.spec"), "publication of the schema")
    words = platform.stack.kubectl("explain", "mns.spec.payloadIndexes.fieldSchema.minTokenLen")
    assert "1-65535 characters" in words
    assert "2 if" in words


def test_wait_is_content_with_the_spec_in_force_only(platform: Platform, organization: Organization) -> None:
    kubectl = platform.stack.kubectl
    organization.create("sample", featureExtractors=[TEXT])
    waiting = ("wait", "-n", organization.name, "--for=condition=Ready", "mns/sample")
    kubectl(*waiting, "--timeout=30s")
    platform.stop_operator()
    try:
        organization.edit("sample", payloadIndexes=[{"fieldName": "a", "type": "text"}])
        with pytest.raises(CommandError, match="timed out"):
            kubectl(*waiting, "--timeout=1s")
    finally:
        platform.start_operator()
    kubectl(*waiting, "--timeout=60s")
    assert organization.get("sample")["status"]["payloadIndexCount"] == 1


class Applier:
    """Somebody who applies a part of the Namespace `shared` under a name of their own."""

    def __init__(self, platform: Platform, organization: Organization, name: str) -> None:
        self._platform = platform
        self._organization = organization
        self._name = name

    def apply(self, *options: str, **spec: Any) -> str:
        """Apply these fields, and no longer what was applied before and is not among them."""
        metadata = {"name": "shared", "namespace": self._organization.name}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        manager = ("--server-side", f"--field-manager={self._name}")
        return self._platform.stack.kubectl("apply", *manager, *options, "-f", "-", stdin=json.dumps(body))


@pytest.fixture
def appliers(platform: Platform, organization: Organization) -> tuple[Applier, Applier]:
    """Two teams."""
    return Applier(platform, organization, "team-a"), Applier(platform, organization, "team-b")


def _index(field: str, **schema: Any) -> dict[str, Any]:
    return {"fieldName": field, "fieldSchema": {"type": "text", **schema}}


def test_two_appliers_each_own_their_items(organization: Organization, appliers: tuple[Applier, Applier]) -> None:
    first, second = appliers
    first.apply(featureExtractors=[TEXT], payloadIndexes=[_index("a"), _index("b")])
    second.apply(featureExtractors=[IMAGE], payloadIndexes=[_index("c")])
    status = organization.ready("shared")
    assert {e["featureExtractorName"] for e in status["featureExtractors"]} == {"text_extractor", "image_extractor"}
    assert _declared(organization) == ["a", "b", "c"]

    # Each changes and withdraws what is theirs, and nothing else.
    first.apply(featureExtractors=[TEXT], payloadIndexes=[_index("b", lowercase=False)])
    assert _declared(organization) == ["b", "c"]
    second.apply()
    assert _declared(organization) == ["b"]
    status = organization.ready("shared")
    in_spec = {e["featureExtractorName"]: e["inSpec"] for e in status["featureExtractors"]}
    assert in_spec == {"text_extractor": True, "image_extractor": False}


def _declared(organization: Organization) -> list[str]:
    return sorted(entry["fieldName"] for entry in organization.get("shared")["spec"]["payloadIndexes"])


def test_two_appliers_of_one_index_get_a_conflict_that_names_it(
    organization: Organization, appliers: tuple[Applier, Applier]
) -> None:
    first, second = appliers
    first.apply(payloadIndexes=[_index("a"), _index("b")])
    with pytest.raises(CommandError) as refused:
        second.apply(payloadIndexes=[_index("a", lowercase=False)])
    assert 'conflict with "team-a"' in refused.value.stderr
    assert '.spec.payloadIndexes[fieldName="a"]' in refused.value.stderr
    assert '[fieldName="b"]' not in refused.value.stderr

    second.apply("--force-conflicts", payloadIndexes=[_index("a", lowercase=False)])
    (entry,) = [e for e in organization.get("shared")["spec"]["payloadIndexes"] if e["fieldName"] == "a"]
    # As one of the two wrote it, never a mixture.
    assert entry == _index("a", lowercase=False)
    with pytest.raises(CommandError, match='conflict with "team-b"'):
        first.apply(payloadIndexes=[_index("a"), _index("b")])
    organization.ready("shared")


def test_two_appliers_of_one_extractor_may_agree(organization: Organization, appliers: tuple[Applier, Applier]) -> None:
    first, second = appliers
    first.apply(featureExtractors=[TEXT])
    second.apply(featureExtractors=[TEXT])
    # Who withdraws it leaves it to the other.
    first.apply()
    assert organization.get("shared")["spec"]["featureExtractors"] == [TEXT]
    with pytest.raises(CommandError, match=r"conflict with \"team-b\""):
        first.apply(featureExtractors=[TEXT | {"params": {"embedding_model": "all_minilm_l6_v2_v1"}}])


def test_applying_the_same_again_changes_nothing(organization: Organization, appliers: tuple[Applier, Applier]) -> None:
    """Defaults inside list items would make each apply a change and never let Argo CD be in sync."""
    first, _ = appliers
    spec: dict[str, Any] = {"featureExtractors": [TEXT], "payloadIndexes": [_index("a", stopwords={"custom": ["b"]})]}
    first.apply(**spec, deletionPolicy="Retain")
    organization.ready("shared")
    before = organization.get("shared")["metadata"]
    first.apply(**spec, deletionPolicy="Retain")
    assert organization.get("shared")["metadata"]["generation"] == before["generation"]


def test_the_resources_are_found_by_their_names(platform: Platform) -> None:
    listed = platform.stack.kubectl("api-resources", "--categories=mixpeek", "-o", "name").split()
    assert sorted(listed) == sorted(definition.name for definition in DEFINITIONS)
