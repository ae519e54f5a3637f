"""What was lost or left behind in Qdrant, and is repaired, rebuilt, pruned or made again on request."""

from __future__ import annotations

from typing import Any

import pytest
from qdrant_client import models

from tests.integration.support import Object, Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
TEXT_VECTOR = "text_extractor_v1_embedding"
LANG = {"fieldName": "lang", "type": "keyword"}


@pytest.fixture
def settled(platform: Platform, organization: Organization) -> Object:
    """The status of a Namespace that is Ready, with two points."""
    organization.create("worn", featureExtractors=[TEXT], payloadIndexes=[LANG])
    status = organization.ready("worn")
    size = platform.vectors(status["collection"])[TEXT_VECTOR].size
    points = [models.PointStruct(id=number, vector={TEXT_VECTOR: [1.0] * size}, payload={}) for number in (1, 2)]
    platform.qdrant.upsert(status["collection"], points, wait=True)
    return status


def test_a_lost_vector_is_told_of_repaired_once_and_told_of_again(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    collection = settled["collection"]
    platform.qdrant.delete_vector_name(collection, TEXT_VECTOR)
    platform.qdrant.delete_payload_index(collection, "lang", wait=True)
    status = organization.reason("worn", "VectorMissing")
    assert "mixpeek.com/repair-requested-at" in condition(status, "VectorsSynced")["message"]

    organization.annotate("worn", repair_requested_at="once")
    status = organization.ready("worn")
    assert status["lastRepair"]["added"] == [TEXT_VECTOR]
    assert status["lastHandledRepairAt"] == "once"
    assert {TEXT_VECTOR} <= platform.vectors(collection).keys()
    assert "lang" in platform.qdrant.get_collection(collection).payload_schema
    eventually(lambda: _with_vector(organization) == 0, "no point has the vector")

    platform.qdrant.delete_vector_name(collection, TEXT_VECTOR)
    organization.reason("worn", "VectorMissing")
    organization.edit("worn", repairVectors=True)
    organization.ready("worn")
    size = platform.vectors(collection)[TEXT_VECTOR].size
    again = [models.PointVectors(id=number, vector={TEXT_VECTOR: [1.0] * size}) for number in (1, 2)]
    platform.qdrant.update_vectors(collection, again, wait=True)
    eventually(lambda: not organization.document("worn")["repairs"]["late"], "that all points have it is seen")


def _with_vector(organization: Organization) -> Any:
    (extractor,) = organization.get("worn")["status"]["featureExtractors"]
    return extractor.get("pointsWithVector")


def test_indexes_are_rebuilt_one_by_one_and_those_nobody_declared_go(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    collection = settled["collection"]
    platform.qdrant.create_payload_index(collection, "extra", models.PayloadSchemaType.FLOAT, wait=True)
    eventually(lambda: organization.get("worn")["status"].get("unmanagedIndexes") == ["extra"], "the report")
    organization.annotate("worn", rebuild_indexes_requested_at="1 force")

    def rebuilt() -> bool:
        rebuild = organization.get("worn")["status"].get("indexRebuild", {})
        return bool(rebuild.get("total") == 6 and rebuild["done"] == 6 and rebuild["force"])

    eventually(rebuilt, "the rebuild")
    schema = platform.qdrant.get_collection(collection).payload_schema
    assert schema.keys() == {
        "lang",
        "extra",
        "internal_id",
        "namespace_id",
        "collection_id",
        "document_id",
        "bucket_id",
    }

    organization.edit("worn", pruneUnmanagedIndexes=True)
    eventually(lambda: "extra" not in platform.qdrant.get_collection(collection).payload_schema, "the pruning")
    assert organization.ready("worn").get("unmanagedIndexes", []) == []


def test_a_lost_collection_is_made_again_once_for_each_time_it_is_asked_for(
    platform: Platform, organization: Organization, settled: Object
) -> None:
    platform.qdrant.delete_collection(settled["collection"])
    organization.reason("worn", "CollectionLost")
    organization.annotate("worn", recreate_collection="ns_0123456789")
    eventually(
        lambda: "but this is" in condition(organization.get("worn")["status"], "Ready")["message"], "the wrong id"
    )
    assert not platform.qdrant.collection_exists(settled["collection"])

    organization.annotate("worn", recreate_collection=settled["namespaceId"])
    status = organization.ready("worn")
    assert status["namespaceId"] == settled["namespaceId"]
    made = platform.qdrant.get_collection(settled["collection"])
    assert (made.config.metadata or {})["mixpeek.com/incarnation"] == 2
    assert made.points_count == 0

    platform.qdrant.delete_collection(settled["collection"])
    status = organization.reason("worn", "CollectionLost")
    assert "was there before the loss" in condition(status, "Ready")["message"]
    assert not platform.qdrant.collection_exists(settled["collection"])
