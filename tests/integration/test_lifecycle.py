"""From apply to Ready, through edits, to the end: on the real stack."""

from __future__ import annotations

import pytest
from qdrant_client import models

from namespace_operator.domain.indexes import SYSTEM_INDEXES
from namespace_operator.usage import Recorder
from tests.integration.support import Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IMAGE = {"featureExtractorName": "image_extractor", "version": "v1"}
TEXT_VECTOR = "text_extractor_v1_embedding"
IMAGE_VECTOR = "image_extractor_v1_embedding"


def test_a_namespace_becomes_ready_with_collection_vectors_indexes_and_document(
    platform: Platform, organization: Organization
) -> None:
    organization.create(
        "articles",
        description="Articles",
        featureExtractors=[TEXT],
        payloadIndexes=[{"fieldName": "lang", "type": "keyword"}],
    )
    status = organization.ready("articles")

    collection = platform.qdrant.get_collection(status["collection"])
    vector = platform.vectors(status["collection"])[TEXT_VECTOR]
    assert vector.size == 1024
    assert vector.distance == models.Distance.COSINE
    assert set(collection.payload_schema) == {"lang", *SYSTEM_INDEXES}
    document = organization.document("articles")
    assert document["_id"] == status["namespaceId"] == status["collection"]
    assert document["state"] == "ready"
    assert document["description"] == "Articles"
    assert document["namespace_name"] == status["namespaceName"] == "articles"
    assert status["vectorInferenceMap"] == {TEXT_VECTOR: "multilingual_e5_large_instruct_v1"}
    assert status["documentCount"] == 0
    assert status["bucketCount"] == status["collectionCount"] == status["objectCount"] == 0
    assert status["payloadIndexCount"] == 1
    assert status["deletionPolicy"] == "Retain"
    assert status["qdrantStatus"]["status"] == "green"
    assert {found["status"] for found in status["conditions"]} == {"True"}
    assert "finalizers" not in organization.get("articles")["metadata"]


def test_an_added_extractor_gets_its_vector_and_the_points_stay(platform: Platform, organization: Organization) -> None:
    organization.create("grows", featureExtractors=[TEXT])
    collection = organization.ready("grows")["collection"]
    points = [models.PointStruct(id=n, vector={TEXT_VECTOR: [0.1] * 1024}, payload={"n": n}) for n in range(20)]
    platform.qdrant.upsert(collection, points, wait=True)

    organization.edit("grows", featureExtractors=[TEXT, IMAGE])
    status = organization.ready("grows")

    vectors = platform.vectors(collection)
    assert vectors[IMAGE_VECTOR].size == 768
    assert platform.qdrant.count(collection, exact=True).count == 20
    assert set(status["vectorInferenceMap"]) == {TEXT_VECTOR, IMAGE_VECTOR}
    eventually(lambda: organization.get("grows")["status"]["documentCount"] == 20, "the count of 20 documents", 90)


def test_an_extractor_removed_from_the_spec_stays_registered(platform: Platform, organization: Organization) -> None:
    organization.create("keeps", featureExtractors=[TEXT, IMAGE])
    collection = organization.ready("keeps")["collection"]

    organization.edit("keeps", featureExtractors=[TEXT])
    status = organization.ready("keeps")

    in_spec = {e["featureExtractorId"]: e["inSpec"] for e in status["featureExtractors"]}
    assert in_spec == {"text_extractor_v1": True, "image_extractor_v1": False}
    assert set(platform.vectors(collection)) == {TEXT_VECTOR, IMAGE_VECTOR}


SCHEMAS = [
    {"type": "keyword", "isTenant": True, "onDisk": True},
    {"type": "integer", "lookup": True, "range": False},
    {"type": "integer", "isPrincipal": True},
    {"type": "float", "isPrincipal": True, "onDisk": True},
    {"type": "bool", "enableHnsw": False},
    {"type": "geo", "onDisk": True},
    {"type": "datetime", "isPrincipal": True},
    {"type": "uuid", "isTenant": True},
    {
        "type": "text",
        "tokenizer": "multilingual",
        "minTokenLen": 3,
        "maxTokenLen": 20,
        "lowercase": False,
        "asciiFolding": True,
        "phraseMatching": True,
        "stopwords": {"languages": ["english"], "custom": ["foo"]},
        "stemmer": {"type": "snowball", "language": "english"},
    },
]


def test_every_index_type_lives_with_its_parameters(platform: Platform, organization: Organization) -> None:
    indexes = [{"fieldName": f"field_{n}", "fieldSchema": schema} for n, schema in enumerate(SCHEMAS)]
    organization.create("indexed", payloadIndexes=indexes)
    status = organization.ready("indexed")

    live = {index["fieldName"]: index for index in status["payloadIndexes"]}
    schema = platform.qdrant.get_collection(status["collection"]).payload_schema
    for n, wanted in enumerate(SCHEMAS):
        field = f"field_{n}"
        assert schema[field].data_type.value == wanted["type"]
        defaults = {"lookup": True, "range": True, "lowercase": True, "enableHnsw": True}
        expected = {name: value for name, value in wanted.items() if defaults.get(name) != value}
        assert live[field]["fieldSchema"] == expected


@pytest.mark.parametrize("kind", ["keyword", "integer", "float", "bool", "geo", "datetime", "text", "uuid"])
def test_an_index_given_by_its_type_alone_becomes_ready(organization: Organization, kind: str) -> None:
    organization.create("plain", payloadIndexes=[{"fieldName": "field", "type": kind}])
    live = {index["fieldName"]: index for index in organization.ready("plain")["payloadIndexes"]}
    assert live["field"]["type"] == kind


def test_the_type_of_an_index_changes_and_a_removed_one_goes(platform: Platform, organization: Organization) -> None:
    organization.create(
        "edited",
        payloadIndexes=[{"fieldName": "price", "type": "keyword"}, {"fieldName": "brand", "type": "keyword"}],
    )
    collection = organization.ready("edited")["collection"]

    organization.edit("edited", payloadIndexes=[{"fieldName": "price", "type": "float"}])
    organization.ready("edited")
    schema = platform.qdrant.get_collection(collection).payload_schema
    assert schema["price"].data_type.value == "float"
    assert "brand" not in schema

    organization.edit("edited", payloadIndexes=None)
    organization.ready("edited")
    assert set(platform.qdrant.get_collection(collection).payload_schema) == set(SYSTEM_INDEXES)


def test_a_rename_changes_the_name_and_not_the_collection(organization: Organization) -> None:
    organization.create("named", namespaceName="first-name")
    before = organization.ready("named")
    organization.edit("named", namespaceName="second-name")
    after = organization.ready("named")
    assert after["namespaceName"] == "second-name"
    assert after["collection"] == before["collection"]
    assert organization.document("named")["namespace_name"] == "second-name"


def test_the_second_holder_of_a_name_waits_until_it_is_free(organization: Organization) -> None:
    organization.create("holder", namespaceName="wanted")
    organization.ready("holder")
    organization.create("loser", namespaceName="wanted")
    status = organization.reason("loser", "NameConflict")
    assert f"{organization.name}/holder" in condition(status, "Ready")["message"]
    assert organization.find_document("loser") is None

    organization.edit("holder", namespaceName="other")
    organization.ready("loser")


def test_an_index_that_qdrant_refuses_does_not_hold_up_the_rest(platform: Platform, organization: Organization) -> None:
    organization.create("limited")
    collection = organization.ready("limited")["collection"]
    limit = models.StrictModeConfig(enabled=True, max_payload_index_count=len(SYSTEM_INDEXES) + 1)
    platform.qdrant.update_collection(collection, strict_mode_config=limit)

    organization.edit("limited", payloadIndexes=[{"fieldName": name, "type": "keyword"} for name in ("a", "b")])
    status = organization.reason("limited", "IndexRejected")
    assert "maximum number of payload indices" in condition(status, "IndexesSynced")["message"]
    assert "a" in platform.qdrant.get_collection(collection).payload_schema

    platform.qdrant.update_collection(collection, strict_mode_config=models.StrictModeConfig(enabled=False))
    organization.ready("limited")
    assert "b" in platform.qdrant.get_collection(collection).payload_schema


def test_retained_data_is_found_again(platform: Platform, organization: Organization) -> None:
    organization.create("kept", featureExtractors=[TEXT])
    before = organization.ready("kept")
    point = models.PointStruct(id=1, vector={TEXT_VECTOR: [0.5] * 1024}, payload={})
    platform.qdrant.upsert(before["collection"], [point], wait=True)

    organization.remove("kept", timeout=5)
    eventually(lambda: organization.document("kept")["state"] == "retained", "state retained")
    assert platform.qdrant.count(before["collection"]).count == 1

    organization.create("kept", featureExtractors=[TEXT])
    after = organization.ready("kept")
    assert after["namespaceId"] == before["namespaceId"]
    assert after["documentCount"] == 1
    assert organization.document("kept")["state"] == "ready"


def test_a_retained_namespace_frees_its_name(organization: Organization) -> None:
    organization.create("old", namespaceName="taken")
    organization.ready("old")
    organization.remove("old")
    organization.create("new", namespaceName="taken")
    organization.ready("new")


def test_delete_leaves_nothing_in_either_store(platform: Platform, organization: Organization) -> None:
    organization.create("gone", featureExtractors=[TEXT], deletionPolicy="Delete")
    status = organization.ready("gone")
    assert organization.get("gone")["metadata"]["finalizers"] == ["mixpeek.com/namespace"]
    with Recorder(platform.stack.mongodb_uri, platform.database.name, "search") as recorder:
        recorder.record(status["namespaceId"], {"must": {"key": "city", "match": {"value": "Berlin"}}})
    used = {"namespace_id": status["namespaceId"]}
    assert platform.database["filter_usage"].count_documents(used) == 2

    organization.remove("gone")
    assert platform.database["filter_usage"].count_documents(used) == 0
    assert not platform.qdrant.collection_exists(status["collection"])
    assert organization.find_document("gone") is None
    claim = {"claims": f"collection/{status['collection']}"}
    assert platform.database["namespaces"].count_documents(claim) == 1, "the name is free while a request may be late"
    eventually(lambda: platform.database["namespaces"].count_documents(claim) == 0, "the tombstone's end")


def test_the_finalizer_follows_the_deletion_policy(organization: Organization) -> None:
    organization.create("flips", deletionPolicy="Delete")
    organization.ready("flips")
    organization.edit("flips", deletionPolicy="Retain")
    organization.ready("flips")
    assert not organization.get("flips")["metadata"].get("finalizers")
    organization.edit("flips", deletionPolicy="Delete")
    organization.ready("flips")
    assert organization.get("flips")["metadata"]["finalizers"] == ["mixpeek.com/namespace"]


def test_deleting_the_kubernetes_namespace_ends_with_both_policies_served(platform: Platform) -> None:
    organization = platform.create_organization("org-leaving")
    organization.create("stays", featureExtractors=[TEXT])
    organization.create("goes", featureExtractors=[TEXT], deletionPolicy="Delete")
    stays, goes = organization.ready("stays"), organization.ready("goes")

    organization.delete()

    eventually(lambda: organization.document("stays")["state"] == "retained", "state retained")
    assert platform.qdrant.collection_exists(stays["collection"])
    assert not platform.qdrant.collection_exists(goes["collection"])
    assert organization.find_document("goes") is None


def test_a_kubernetes_namespace_made_again_inherits_nothing(platform: Platform) -> None:
    first = platform.create_organization("org-again")
    first.create("data", featureExtractors=[TEXT])
    old = first.ready("data")
    first.delete()
    eventually(lambda: first.document("data")["state"] == "retained", "state retained")

    second = platform.create_organization("org-again")
    second.create("data", featureExtractors=[TEXT])
    status = second.reason("data", "OwnedElsewhere")
    assert "namespaceId" not in status
    assert old["namespaceId"] in condition(status, "Ready")["message"]
    assert second.document("data")["state"] == "retained"
    second.delete()


def test_fifty_namespaces_at_once_all_become_ready(platform: Platform, organization: Organization) -> None:
    names = [f"many-{n}" for n in range(50)]
    for name in names:
        organization.create(name, featureExtractors=[TEXT], payloadIndexes=[{"fieldName": "lang", "type": "keyword"}])
    statuses = [organization.ready(name, timeout=120) for name in names]
    assert len({status["namespaceId"] for status in statuses}) == 50
    assert all(platform.qdrant.collection_exists(status["collection"]) for status in statuses)
