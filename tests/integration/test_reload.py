"""The platform changes the catalog and the tiers under a running operator: no Pod is replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from devstack.commands import CommandError
from devstack.release import RELEASE, RELEASE_NAMESPACE
from namespace_operator.domain.catalog import builtin_catalog_text
from tests.integration.support import Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
OURS = {"featureExtractorName": "our_extractor", "version": "v1"}
SECOND = {"featureExtractorName": "our_extractor", "version": "v2"}
SLOW = 150.0
"""A kubelet may take its time until a volume has what a ConfigMap says."""


def catalog_with(*versions: str) -> str:
    """The built-in catalog, with an extractor of our own in these versions."""
    catalog: dict[str, Any] = yaml.safe_load(builtin_catalog_text())
    for version in versions:
        vector = {"name": f"ours_{version}", "size": 8, "distance": "cosine", "inference_service": f"ours-{version}"}
        catalog["extractors"].append({"name": "our_extractor", "version": version, "vectors": [vector]})
    return yaml.safe_dump(catalog)


def operators(platform: Platform) -> dict[str, int]:
    """How often each of the operator's Pods that stay was started again, by the Pod's uid."""
    pods = platform.core.list_namespaced_pod(RELEASE_NAMESPACE).items
    return {
        pod.metadata.uid: sum(each.restart_count for each in pod.status.container_statuses or ())
        for pod in pods
        if pod.metadata.deletion_timestamp is None
    }


def write_catalog(platform: Platform, text: str) -> None:
    """Edit the ConfigMap itself, past helm and its checks."""
    patch = json.dumps({"data": {"catalog.yaml": text}})
    platform.stack.kubectl("patch", "configmap", f"{RELEASE}-catalog", "-n", RELEASE_NAMESPACE, "--patch", patch)


@pytest.fixture
def restored(platform: Platform) -> Iterator[None]:
    """The release as it was, afterwards."""
    yield
    # Helm does not write over what somebody else wrote.
    platform.stack.kubectl("delete", "configmap", f"{RELEASE}-catalog", "-n", RELEASE_NAMESPACE)
    platform.install()


@pytest.mark.usefixtures("restored")
def test_a_new_extractor_counts_without_a_new_pod_and_a_broken_catalog_does_not_count(
    platform: Platform, organization: Organization
) -> None:
    organization.create("settled", featureExtractors=[TEXT])
    organization.ready("settled")
    before = operators(platform)

    platform.install({"catalog": catalog_with("v1")})
    # The policy knows it a moment after helm has written it, the operator a little later.
    eventually(lambda: _is_taken(organization, OURS), "the policy with the new catalog")
    organization.create("ours", featureExtractors=[TEXT, OURS])
    status = organization.ready("ours", SLOW)
    assert platform.vectors(status["collection"])["ours_v1"].size == 8

    write_catalog(platform, catalog_with("v1").replace("size: 8", "size: eight"))
    told = eventually(lambda: platform.announcements("ConfigurationKept") or None, "an event that tells of it", SLOW)
    assert "(entry our_extractor v1)" in told
    assert 'namespace_operator_config_last_reload_successful{file="catalog"} 0.0' in platform.metrics()
    organization.create("also", featureExtractors=[OURS])
    organization.ready("also")

    # The policy goes by what helm was given. Who waits for an extractor, because the policy was not there to refuse it,
    # gets it as soon as the operator knows it.
    assert not _is_taken(organization, SECOND)
    platform.stack.kubectl("delete", "validatingadmissionpolicybinding", f"{RELEASE}-catalog.mixpeek.com")
    eventually(lambda: _is_taken(organization, SECOND), "the end of the policy's force")
    organization.create("waits", featureExtractors=[SECOND])
    message = condition(organization.reason("waits", "UnknownExtractor"), "Ready")["message"]
    assert "our_extractor_v1" in message
    write_catalog(platform, catalog_with("v1", "v2"))
    organization.ready("waits", SLOW)
    assert 'namespace_operator_config_last_reload_successful{file="catalog"} 1.0' in platform.metrics()

    for name in ("settled", "ours", "also"):
        organization.ready(name)
    assert operators(platform) == before


@pytest.mark.usefixtures("restored")
def test_tiers_that_change_are_those_of_the_next_look(platform: Platform, organization: Organization) -> None:
    organization.create("films", featureExtractors=[TEXT])
    collection = organization.ready("films")["collection"]
    before = operators(platform)

    platform.install({"tiers": {"shared": {"collection": {"indexingThreshold": 12345}}}})

    def threshold() -> bool:
        config = platform.qdrant.get_collection(collection).config
        return config.optimizer_config.indexing_threshold == 12345

    eventually(threshold, "the tier's new value in Qdrant", SLOW)
    organization.ready("films")
    assert operators(platform) == before


def _is_taken(organization: Organization, extractor: dict[str, str]) -> bool:
    manifest = {
        "apiVersion": "mixpeek.com/v1",
        "kind": "Namespace",
        "metadata": {"name": "sample", "namespace": organization.name},
        "spec": {"featureExtractors": [extractor]},
    }
    try:
        organization.platform.stack.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))
    except CommandError:
        return False
    return True
