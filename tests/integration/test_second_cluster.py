"""A restored cluster: a second operator, in a cluster of its own, on the same MongoDB and Qdrant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.external import External
from devstack.stack import Stack
from devstack.stores import MongoDB, Qdrant
from tests.integration.support import Object, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IMAGE = {"featureExtractorName": "image_extractor", "version": "v1"}


@pytest.fixture(scope="module")
def second(platform: Platform) -> Iterator[Platform]:
    """Another control plane and operator over the first one's stores."""
    key = platform.stack.qdrant_api_key
    stores = External(qdrant=Qdrant(platform.stack.qdrant_url, key, key), mongodb=MongoDB(platform.stack.mongodb_uri))
    with Stack(stores) as stack, Platform(stack) as second:
        second.install()
        yield second


def test_a_restored_cluster_takes_what_the_first_one_owns(platform: Platform, second: Platform) -> None:
    name = "org-restored"
    first = platform.create_organization(name)
    first.create("data", featureExtractors=[TEXT], namespaceName="shared-name", deletionPolicy="Delete")
    owned = first.ready("data")
    first.create("gone", featureExtractors=[TEXT])
    gone = first.ready("gone")
    first.remove("gone")
    eventually(lambda: first.document("gone")["state"] == "retained", "state retained")
    before = _stored(platform, name)

    # With the status, as a backup tool restores it before the operator runs; and from the manifest alone.
    second.stop_operator()
    restored = second.create_organization(name)
    restored.create("data", featureExtractors=[TEXT, IMAGE], namespaceName="renamed", deletionPolicy="Delete")
    restored.put_status("data", first.get("data")["status"])
    restored.create("gone", featureExtractors=[TEXT])
    restored.put_status("gone", {**gone, "conditions": []})
    restored.create("fresh", featureExtractors=[TEXT], namespaceName="shared-name")
    second.start_operator()

    restored.reason("data", "OwnedElsewhere")
    message = condition(restored.reason("gone", "OwnedElsewhere"), "Ready")["message"]
    assert "of another operator" in message
    assert restored.ready("fresh")["namespaceId"] != owned["namespaceId"]
    assert _stored(platform, name) == before

    # A deletion in the restored cluster ends without the data of the first one.
    restored.remove("data")
    assert platform.qdrant.collection_exists(owned["collection"])
    assert first.ready("data")["namespaceId"] == owned["namespaceId"]

    # With permission the second takes it, and the first one leaves it alone from then on.
    restored.create("data", annotations={"take-over": owned["namespaceId"]}, featureExtractors=[TEXT])
    taken = restored.ready("data")
    assert (taken["namespaceId"], taken["collection"]) == (owned["namespaceId"], owned["collection"])
    first.reason("data", "OwnedElsewhere")
    first.remove("data")
    assert platform.qdrant.collection_exists(owned["collection"])
    assert restored.ready("data")["namespaceId"] == owned["namespaceId"]


def _stored(platform: Platform, organization: str) -> Object:
    """Everything in both stores that the first cluster's operator owns in this organization."""
    cluster = platform.core.read_namespace("kube-system").metadata.uid
    mine = {"owner.organization": organization, "owner.instance_id": f"{cluster}:default"}
    documents = list(platform.database["namespaces"].find(mine).sort("_id"))
    names = sorted(document["collection"] for document in documents)
    collections = {name: platform.qdrant.get_collection(name).model_dump() for name in names}
    return {"documents": documents, "collections": collections}
