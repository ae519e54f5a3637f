"""An operator that watches some Kubernetes namespaces only, with the rights the chart gives it then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.support import Organization, Platform, eventually
from tests.integration.test_expiry import expire

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}


@pytest.fixture
def watched(platform: Platform) -> Iterator[tuple[Organization, Organization]]:
    """Two Kubernetes namespaces, and an operator that watches no others until the test is over."""
    first, second = platform.create_organization("org-watched"), platform.create_organization("org-watched-too")
    with platform.narrowing():
        platform.install({"operator": {"watchNamespaces": [first.name, second.name]}})
    yield first, second
    platform.install()
    second.abandon()


def test_a_watched_namespace_goes_and_the_other_is_looked_after(
    platform: Platform, organization: Organization, watched: tuple[Organization, Organization]
) -> None:
    leaving, staying = watched
    organization.create("elsewhere", featureExtractors=[TEXT])
    leaving.create("goes", featureExtractors=[TEXT], deletionPolicy="Delete")
    leaving.create("kept", featureExtractors=[TEXT])
    staying.create("stays", featureExtractors=[TEXT])
    goes, kept = leaving.ready("goes"), leaving.ready("kept")
    staying.ready("stays")

    gone = "the Role there goes before the Namespaces do, which are cleaned up by rights in the whole cluster"
    platform.intend_denials(("create",), "events", leaving.name, because=gone)
    leaving.delete()

    assert not platform.qdrant.collection_exists(goes["collection"])
    assert leaving.find_document("goes") is None
    claim = {"claims": f"collection/{goes['collection']}"}
    eventually(lambda: platform.database["namespaces"].count_documents(claim) == 0, "the tombstone's end")
    eventually(lambda: leaving.document("kept")["state"] == "retained", "state retained")
    assert platform.qdrant.collection_exists(kept["collection"])

    _forget(platform, staying, "stays")
    staying.create("late", featureExtractors=[TEXT])
    staying.ready("late")
    assert "status" not in organization.get("elsewhere"), "it is not watched"
    # By a right that it has nowhere else.
    expire(staying, "late")
    eventually(lambda: staying.find("late") is None, "the end of what expired")


def _forget(platform: Platform, organization: Organization, name: str) -> None:
    """Let a Namespace vanish unseen: only the sweep can find that its document has no object any more."""
    platform.stop_operator()
    organization.remove(name, timeout=5)
    platform.start_operator()
    eventually(lambda: organization.document(name)["state"] == "retained", "state retained by the sweep")
