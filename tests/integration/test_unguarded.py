"""A release without the admission policies: the operator finds by itself what they would have refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from qdrant_client import models

from tests.integration.support import Organization, Platform, condition

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}


@pytest.fixture(scope="module", autouse=True)
def without_policies(platform: Platform) -> Iterator[None]:
    """The chart without its policies while these tests run."""
    platform.install({"admissionPolicies": {"enabled": False}})
    yield
    platform.install()


def test_an_unknown_extractor_is_accepted_in_silence(organization: Organization) -> None:
    unknown = {"featureExtractorName": "no_such_extractor", "version": "v9"}
    organization.create("unknown", featureExtractors=[TEXT, unknown])
    message = condition(organization.reason("unknown", "UnknownExtractor"), "Ready")["message"]
    assert "no_such_extractor_v9" in message


def test_anybody_can_write_what_needs_a_verb(platform: Platform, organization: Organization) -> None:
    name = f"{organization.name}-foreign"
    platform.qdrant.create_collection(name, vectors_config={"own": models.VectorParams(size=4, distance="Dot")})
    organization.create("adopts", annotations={"adopt": "with-delete"}, infrastructure={"qdrantCollection": name})
    organization.create("system", scope="system")
    organization.create("stated", namespaceId="ns_stated01")
    for resource, asked in (("adopts", "mixpeek.com/adopt"), ("system", "scope: system"), ("stated", "namespaceId")):
        status = organization.reason(resource, "NotGuarded")
        assert asked in condition(status, "Ready")["message"]
        assert organization.find_document(resource) is None
    assert not platform.qdrant.get_collection(name).config.metadata
    assert not platform.qdrant.collection_exists("ns_stated01")


def test_a_value_that_is_not_understood_is_guessed(organization: Organization) -> None:
    organization.create("typo", featureExtractors=[TEXT])
    organization.ready("typo")
    organization.annotate("typo", paused="yes")
    assert "mixpeek.com/paused" in condition(organization.reason("typo", "InvalidAnnotation"), "Ready")["message"]
    organization.annotate("typo", paused=None)
    organization.ready("typo")
