"""What was changed by hand, and what becomes of it within the resync interval."""

from __future__ import annotations

import pytest
from qdrant_client import models

from tests.integration.support import Object, Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
TEXT_VECTOR = "text_extractor_v1_embedding"


@pytest.fixture
def settled(organization: Organization) -> Object:
    """The status of a Namespace that is Ready."""
    organization.create(
        "drifts",
        description="as declared",
        featureExtractors=[TEXT],
        payloadIndexes=[{"fieldName": "lang", "type": "keyword"}],
    )
    return organization.ready("drifts")


def test_a_dropped_index_comes_back(platform: Platform, settled: Object) -> None:
    platform.qdrant.delete_payload_index(settled["collection"], "lang", wait=True)
    eventually(lambda: "lang" in platform.qdrant.get_collection(settled["collection"]).payload_schema, "the index")


def test_a_dropped_system_index_comes_back(platform: Platform, settled: Object) -> None:
    platform.qdrant.delete_payload_index(settled["collection"], "namespace_id", wait=True)
    eventually(
        lambda: "namespace_id" in platform.qdrant.get_collection(settled["collection"]).payload_schema, "the index"
    )


def test_a_changed_index_is_changed_back(platform: Platform, settled: Object) -> None:
    platform.qdrant.create_payload_index(settled["collection"], "lang", models.PayloadSchemaType.INTEGER, wait=True)

    def restored() -> bool:
        return platform.qdrant.get_collection(settled["collection"]).payload_schema["lang"].data_type == "keyword"

    eventually(restored, "the keyword index")


def test_an_index_nobody_declared_is_kept_and_reported(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    platform.qdrant.create_payload_index(settled["collection"], "extra", models.PayloadSchemaType.FLOAT, wait=True)
    eventually(lambda: organization.get("drifts")["status"].get("unmanagedIndexes") == ["extra"], "the report")
    assert condition(organization.ready("drifts"), "Ready")["status"] == "True"
    assert "extra" in platform.qdrant.get_collection(settled["collection"]).payload_schema


def test_a_missing_vector_is_reported_and_not_made_again(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    platform.qdrant.delete_vector_name(settled["collection"], TEXT_VECTOR)
    status = organization.reason("drifts", "VectorMissing")
    assert TEXT_VECTOR in condition(status, "VectorsSynced")["message"]
    assert TEXT_VECTOR not in platform.vectors(settled["collection"])


def test_a_lost_collection_is_reported_and_not_made_again(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    platform.qdrant.delete_collection(settled["collection"])
    status = organization.reason("drifts", "CollectionLost")
    assert status.get("documentCount") is None
    assert status.get("qdrantStatus") is None
    assert not platform.qdrant.collection_exists(settled["collection"])


def test_a_collection_without_our_mark_is_not_written_to(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    collection = settled["collection"]
    metadata = platform.qdrant.get_collection(collection).config.metadata or {}
    platform.qdrant.update_collection(collection, metadata={"mixpeek.com/instance": None})
    organization.reason("drifts", "CollectionNotOwned")
    organization.edit("drifts", payloadIndexes=[{"fieldName": "other", "type": "keyword"}])
    organization.reason("drifts", "CollectionNotOwned")
    assert "other" not in platform.qdrant.get_collection(collection).payload_schema

    platform.qdrant.update_collection(collection, metadata={"mixpeek.com/instance": metadata["mixpeek.com/instance"]})
    organization.ready("drifts")
    assert "other" in platform.qdrant.get_collection(collection).payload_schema


def test_our_fields_of_the_document_are_set_back_and_foreign_ones_stay(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    documents = platform.database["namespaces"]
    edit = {"description": "by hand", "billing": {"plan": "pro"}}
    documents.update_one({"_id": settled["namespaceId"]}, {"$set": edit})
    eventually(lambda: organization.document("drifts")["description"] == "as declared", "our field")
    assert organization.document("drifts")["billing"] == {"plan": "pro"}


def test_a_lost_document_is_made_again_under_the_same_id(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    before = organization.document("drifts")
    platform.database["namespaces"].delete_one({"_id": settled["namespaceId"]})
    eventually(lambda: (organization.find_document("drifts") or {}).get("state") == "ready", "the document")
    after = organization.document("drifts")
    volatile = {"revision", "updated_at"}
    assert {k: v for k, v in after.items() if k not in volatile} == {
        k: v for k, v in before.items() if k not in volatile
    }


def test_a_malformed_document_is_reported_and_not_overwritten(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    documents = platform.database["namespaces"]
    documents.update_one({"_id": settled["namespaceId"]}, {"$set": {"owner": "somebody"}})
    status = organization.reason("drifts", "MalformedDocument")
    assert "owner" in condition(status, "Ready")["message"]
    assert documents.count_documents({"_id": settled["namespaceId"], "owner": "somebody"}) == 1
