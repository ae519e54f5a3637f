"""Backups that are played back, and servers that are replaced: no point is lost, and conditions say what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qdrant_client import models

from namespace_operator.api.names import MARKER_COLLECTION
from tests.integration.support import Object, Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IMAGE = {"featureExtractorName": "image_extractor", "version": "v1"}
LANG = {"fieldName": "lang", "type": "keyword"}
TEXT_VECTOR = "text_extractor_v1_embedding"


def fill(platform: Platform, collection: str) -> None:
    """Three points."""
    points = [models.PointStruct(id=n, vector={TEXT_VECTOR: [0.5] * 1024}, payload={"lang": "en"}) for n in range(3)]
    platform.qdrant.upsert(collection, points, wait=True)


def documents_of(organization: Organization) -> list[Object]:
    """Every document of the organization."""
    return list(organization.platform.database["namespaces"].find({"owner.organization": organization.name}))


def restore(organization: Organization, backup: list[Object]) -> None:
    """MongoDB holds for this organization what it held when the backup was made."""
    namespaces = organization.platform.database["namespaces"]
    namespaces.delete_many({"owner.organization": organization.name})
    namespaces.insert_many(backup)


@contextmanager
def operator_down(platform: Platform) -> Iterator[None]:
    """The operator is stopped meanwhile."""
    platform.stop_operator()
    try:
        yield
    finally:
        platform.start_operator()


def test_a_mongodb_from_before_forgets_a_namespace(platform: Platform, organization: Organization) -> None:
    organization.create("old", featureExtractors=[TEXT])
    fill(platform, organization.ready("old")["collection"])
    backup = documents_of(organization)
    organization.edit("old", featureExtractors=[TEXT, IMAGE])
    old = organization.ready("old")
    organization.create("late", featureExtractors=[TEXT], payloadIndexes=[LANG])
    late = organization.ready("late")
    fill(platform, late["collection"])
    with operator_down(platform):
        restore(organization, backup)
        uid = organization.get("late")["metadata"]["uid"]
        organization.begin_removal("late")
        eventually(lambda: organization.find("late") is None, "the removal of an object under Retain")
    # The object comes back from its manifest, without a status: only the collection still knows the id.
    organization.create("late", featureExtractors=[TEXT], payloadIndexes=[LANG])
    after = organization.ready("late")
    assert organization.get("late")["metadata"]["uid"] != uid
    assert (after["namespaceId"], after["collection"]) == (late["namespaceId"], late["collection"])
    assert platform.qdrant.count(late["collection"], exact=True).count == 3
    eventually(lambda: len(organization.document("old")["feature_extractors"]) == 2, "the document's repair")
    assert organization.ready("old")["namespaceId"] == old["namespaceId"]
    assert platform.qdrant.count(old["collection"], exact=True).count == 3


def test_a_qdrant_from_before_is_repaired_by_wiping(platform: Platform, organization: Organization) -> None:
    organization.create("grown", featureExtractors=[TEXT, IMAGE], payloadIndexes=[LANG])
    grown = organization.ready("grown")["collection"]
    organization.create("gone", featureExtractors=[TEXT])
    gone = organization.ready("gone")["collection"]
    mark = platform.qdrant.get_collection(grown).config.metadata
    with operator_down(platform):
        # The snapshot was taken before the second extractor, the index, and the second namespace.
        platform.qdrant.delete_collection(gone)
        platform.qdrant.delete_collection(grown)
        vectors = {TEXT_VECTOR: models.VectorParams(size=1024, distance=models.Distance.COSINE)}
        platform.qdrant.create_collection(grown, vectors_config=vectors, metadata=mark)
        fill(platform, grown)
    status = organization.reason("grown", "VectorMissing")
    assert "image_extractor_v1_embedding" in condition(status, "VectorsSynced")["message"]
    assert "lang" in platform.qdrant.get_collection(grown).payload_schema
    assert platform.qdrant.count(grown, exact=True).count == 3
    status = organization.reason("gone", "CollectionLost")
    assert gone in condition(status, "CollectionReady")["message"]
    assert not platform.qdrant.collection_exists(gone)


def test_a_copy_under_another_name_is_taken_for_the_original(platform: Platform, organization: Organization) -> None:
    organization.create("copied", featureExtractors=[TEXT])
    collection = organization.ready("copied")["collection"]
    copy = f"{collection}-restored"
    vectors = {TEXT_VECTOR: models.VectorParams(size=1024, distance=models.Distance.COSINE)}
    mark = platform.qdrant.get_collection(collection).config.metadata
    platform.qdrant.create_collection(copy, vectors_config=vectors, metadata=mark)
    fill(platform, copy)
    eventually(lambda: f"a copy of {collection}" in platform.announcements("OrphanCollections"), "an event")
    assert 'namespace_operator_orphan_collections{kind="copy"} 1.0' in platform.metrics()
    assert platform.qdrant.count(copy, exact=True).count == 3
    platform.qdrant.delete_collection(copy)


def test_a_replaced_server_is_filled_with_empty_collections(platform: Platform, organization: Organization) -> None:
    organization.create("there", featureExtractors=[TEXT], deletionPolicy="Delete")
    collection = organization.ready("there")["collection"]
    fill(platform, collection)
    marker = platform.qdrant.get_collection(MARKER_COLLECTION).config.metadata
    platform.qdrant.delete_collection(MARKER_COLLECTION)
    try:
        status = organization.reason("there", "ServerReplaced")
        assert str((marker or {})["mixpeek.com/server"]) in condition(status, "CollectionReady")["message"]
        organization.create("new", featureExtractors=[TEXT])
        organization.reason("new", "ServerReplaced")
        organization.begin_removal("there")
        eventually(
            lambda: "force-release" in condition(organization.get("there")["status"], "Ready")["message"],
            "a deletion that waits",
        )
        assert organization.find_document("new") is None
        assert platform.qdrant.count(collection, exact=True).count == 3
    finally:
        platform.qdrant.create_collection(MARKER_COLLECTION, vectors_config={}, metadata=marker)
    organization.ready("new")
    eventually(lambda: organization.find("there") is None, "the deletion that had waited")
    assert not platform.qdrant.collection_exists(collection)
