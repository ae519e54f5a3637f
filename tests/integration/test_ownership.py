"""Whose things are, on the real stack: nothing is taken, nothing is lost."""

from __future__ import annotations

import pytest
from qdrant_client import models

from tests.integration.support import Object, Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
OWN = {"name": "own", "dimension": 4, "metric": "dot"}
KEYWORD = {"fieldName": "city", "fieldSchema": {"type": "keyword", "isTenant": True}}


def foreign_collection(platform: Platform, name: str) -> None:
    """A collection that somebody else made: a vector, an index, three points."""
    vectors = {"own": models.VectorParams(size=4, distance=models.Distance.DOT)}
    platform.qdrant.create_collection(name, vectors_config=vectors)
    platform.qdrant.create_payload_index(
        name, "city", models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True), wait=True
    )
    points = [models.PointStruct(id=n, vector={"own": [1.0, 0.0, 0.0, n]}, payload={"city": "x"}) for n in range(3)]
    platform.qdrant.upsert(name, points, wait=True)


def adopter(collection: str, **fields: object) -> Object:
    """A spec that fits the foreign collection."""
    return {
        "mode": "standalone",
        "vectorConfigs": [OWN],
        "payloadIndexes": [KEYWORD],
        "infrastructure": {"qdrantCollection": collection},
        **fields,
    }


def metadata(platform: Platform, collection: str) -> Object:
    """The metadata of a collection."""
    return platform.qdrant.get_collection(collection).config.metadata or {}


def test_a_foreign_collection_is_taken_without_permission(platform: Platform, organization: Organization) -> None:
    foreign_collection(platform, "foreign-untouched")
    organization.create("taker", **adopter("foreign-untouched"))
    status = organization.reason("taker", "CollectionNotOwned")
    message = condition(status, "Ready")["message"]
    assert "foreign-untouched" in message
    assert "mixpeek.com/adopt" in message
    assert "collection" not in status
    assert metadata(platform, "foreign-untouched") == {}

    organization.edit("taker", infrastructure={"qdrantCollection": f"{organization.name}-own"})
    assert organization.ready("taker")["collection"] == f"{organization.name}-own"


def test_adoption_changes_what_was_there_or_a_deletion_takes_it(platform: Platform, organization: Organization) -> None:
    foreign_collection(platform, "foreign-kept")
    before = platform.qdrant.get_collection("foreign-kept").payload_schema["city"]
    organization.create("adopts", **adopter("foreign-kept", deletionPolicy="Delete"))
    organization.annotate("adopts", adopt="true")
    status = organization.ready("adopts")
    assert status["documentCount"] == 3
    assert platform.qdrant.get_collection("foreign-kept").payload_schema["city"] == before

    organization.edit("adopts", payloadIndexes=[{"fieldName": "city", "type": "text"}])
    assert "city" in condition(organization.reason("adopts", "IndexConflict"), "IndexesSynced")["message"]
    assert platform.qdrant.get_collection("foreign-kept").payload_schema["city"] == before
    organization.edit("adopts", payloadIndexes=None)
    organization.ready("adopts")
    assert "city" in platform.qdrant.get_collection("foreign-kept").payload_schema

    organization.remove("adopts")
    assert platform.qdrant.count("foreign-kept", exact=True).count == 3
    assert metadata(platform, "foreign-kept") == {}


def test_an_adopted_collection_outlives_with_delete(platform: Platform, organization: Organization) -> None:
    foreign_collection(platform, "foreign-deleted")
    organization.create("adopts", **adopter("foreign-deleted", deletionPolicy="Delete"))
    organization.annotate("adopts", adopt="with-delete")
    organization.ready("adopts")
    organization.remove("adopts")
    assert not platform.qdrant.collection_exists("foreign-deleted")


def test_an_alias_is_taken_for_a_collection(platform: Platform, organization: Organization) -> None:
    foreign_collection(platform, "foreign-behind")
    create = models.CreateAlias(collection_name="foreign-behind", alias_name="foreign-alias")
    platform.qdrant.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])
    organization.create("aliased", **adopter("foreign-alias"))
    organization.annotate("aliased", adopt="true")
    status = organization.reason("aliased", "CollectionIsAlias")
    assert "foreign-alias is an alias" in condition(status, "Ready")["message"]
    assert metadata(platform, "foreign-behind") == {}


def test_two_namespaces_get_one_collection(platform: Platform, organization: Organization) -> None:
    chosen = {"qdrantCollection": f"{organization.name}-shared"}
    organization.create("first", infrastructure=chosen, deletionPolicy="Delete")
    assert organization.ready("first")["collection"] == chosen["qdrantCollection"]
    organization.create("second", infrastructure=chosen)
    status = organization.reason("second", "CollectionConflict")
    assert f"{organization.name}/first" in condition(status, "Ready")["message"]
    assert organization.find_document("second") is None

    organization.remove("first")
    organization.ready("second")
    mark = metadata(platform, chosen["qdrantCollection"])
    assert mark[f"mixpeek.com/member.{organization.get('second')['status']['namespaceId']}"] == "second"


@pytest.mark.parametrize("count", [2, 3])
def test_a_ring_of_renames_waits_forever(organization: Organization, count: int) -> None:
    for n in range(count):
        organization.create(f"ring-{n}", namespaceName=f"name-{n}")
    before = [organization.ready(f"ring-{n}") for n in range(count)]
    for n in range(count):
        organization.edit(f"ring-{n}", namespaceName=f"name-{(n + 1) % count}")
    after = [organization.ready(f"ring-{n}") for n in range(count)]
    assert [status["namespaceName"] for status in after] == [f"name-{(n + 1) % count}" for n in range(count)]
    assert [status["collection"] for status in after] == [status["collection"] for status in before]


def test_a_released_name_is_found_only_after_the_resync(organization: Organization) -> None:
    organization.create("holds", namespaceName="wanted")
    organization.ready("holds")
    for n in range(3):
        organization.create(f"waits-{n}", namespaceName="wanted")
        organization.reason(f"waits-{n}", "NameConflict")
    organization.edit("holds", namespaceName="other")
    winner = eventually(
        lambda: next((n for n in range(3) if organization.find_document(f"waits-{n}")), None), "an heir of the name", 5
    )
    organization.ready(f"waits-{winner}")


def test_another_team_gets_the_data_of_a_former_one_or_nobody_ever_does(platform: Platform) -> None:
    first = platform.create_organization("org-former")
    first.create("data", featureExtractors=[TEXT])
    old = first.ready("data")
    point = models.PointStruct(id=1, vector={"text_extractor_v1_embedding": [0.5] * 1024}, payload={})
    platform.qdrant.upsert(old["collection"], [point], wait=True)
    first.delete()

    second = platform.create_organization("org-former")
    second.create("data", featureExtractors=[TEXT])
    status = second.reason("data", "OwnedElsewhere")
    message = condition(status, "Ready")["message"]
    assert f"mixpeek.com/take-over: {old['namespaceId']}" in message
    assert second.document("data")["state"] == "retained"
    second.annotate("data", take_over=old["namespaceId"])
    after = second.ready("data")
    assert (after["namespaceId"], after["documentCount"]) == (old["namespaceId"], 1)
    uid = platform.core.read_namespace("org-former").metadata.uid
    assert metadata(platform, old["collection"])["mixpeek.com/organization-uid"] == uid
    second.delete()


def test_a_stated_id_does_not_find_its_retained_data(platform: Platform, organization: Organization) -> None:
    organization.create("before", featureExtractors=[TEXT])
    old = organization.ready("before")
    organization.remove("before")
    eventually(lambda: organization.document("before")["state"] == "retained", "state retained")

    organization.create("after", featureExtractors=[TEXT], namespaceId=old["namespaceId"])
    status = organization.ready("after")
    assert (status["namespaceId"], status["collection"]) == (old["namespaceId"], old["collection"])
    assert metadata(platform, old["collection"])[f"mixpeek.com/member.{old['namespaceId']}"] == "after"


def test_a_standalone_namespace_lacks_one_kind_of_vector(platform: Platform, organization: Organization) -> None:
    organization.create("own", mode="standalone", vectorConfigs=[OWN])
    collection = organization.ready("own")["collection"]
    platform.qdrant.upsert(collection, [models.PointStruct(id=1, vector={"own": [1.0] * 4}, payload={})], wait=True)
    sparse, multi = {"name": "words", "kind": "sparse"}, {"name": "tokens", "kind": "multi_dense", "dimension": 2}
    organization.edit("own", vectorConfigs=[OWN, sparse, multi])
    status = organization.ready("own")
    assert status["vectorInferenceMap"] == {}
    params = platform.qdrant.get_collection(collection).config.params
    assert params.sparse_vectors is not None
    assert set(params.sparse_vectors) == {"words"}
    assert platform.vectors(collection)["tokens"].multivector_config is not None
    assert platform.qdrant.count(collection, exact=True).count == 1


def test_a_namespace_made_again_with_another_scope_or_type_changes_silently(organization: Organization) -> None:
    organization.create("typed", namespaceType="marketplace", featureExtractors=[TEXT])
    organization.ready("typed")
    organization.remove("typed")
    eventually(lambda: organization.document("typed")["state"] == "retained", "state retained")
    organization.create("typed", featureExtractors=[TEXT])
    status = organization.reason("typed", "ImmutableField")
    assert "spec.namespaceType is standard" in condition(status, "Ready")["message"]
    assert organization.document("typed")["namespace_type"] == "marketplace"
