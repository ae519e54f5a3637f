"""Requests that were in flight when their sender died: held in a proxy, released after the restart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from qdrant_client import models

from devstack.proxy import HoldingProxy
from tests.integration.support import Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
TEXT_VECTOR = "text_extractor_v1_embedding"


@pytest.fixture(scope="module")
def proxy(platform: Platform) -> Iterator[HoldingProxy]:
    """A proxy through which the operator reaches Qdrant while these tests run."""
    with HoldingProxy(platform.stack.qdrant_url) as proxy:
        platform.install({"qdrant": {"url": proxy.url, "timeoutSeconds": 2}})
        yield proxy
    platform.install()


def is_create(method: str, path: str) -> bool:
    """Whether a request makes the collection of a namespace."""
    return method == "PUT" and path.startswith("/collections/ns_") and path.count("/") == 2


def held_by(proxy: HoldingProxy) -> str:
    """Method and path of the request that is held, once there is one."""
    return eventually(lambda: next(iter(proxy.held), None), "a held request")


def test_a_create_that_arrives_after_its_deletion_leaves_an_orphan(
    proxy: HoldingProxy, platform: Platform, organization: Organization
) -> None:
    proxy.hold(is_create)
    organization.create("late", featureExtractors=[TEXT], deletionPolicy="Delete")
    collection = held_by(proxy).removeprefix("PUT /collections/")
    platform.kill_operator()
    organization.remove("late")
    assert proxy.release() == [200]
    assert platform.qdrant.collection_exists(collection)

    eventually(lambda: not platform.qdrant.collection_exists(collection), "the late collection's end")
    eventually(lambda: organization.find_tombstone("late") is None, "the tombstone's end")


def test_a_late_create_with_points_in_it_is_removed(
    proxy: HoldingProxy, platform: Platform, organization: Organization
) -> None:
    proxy.hold(is_create)
    organization.create("filled", featureExtractors=[TEXT], deletionPolicy="Delete")
    collection = held_by(proxy).removeprefix("PUT /collections/")
    platform.kill_operator()
    organization.remove("filled")
    proxy.release()
    point = models.PointStruct(id=1, vector={TEXT_VECTOR: [0.5] * 1024}, payload={})
    platform.qdrant.upsert(collection, [point], wait=True)

    eventually(lambda: organization.find_tombstone("filled") is None, "the tombstone's end")
    eventually(lambda: collection in platform.announcements("OrphanCollections"), "an event of the operator")
    assert platform.qdrant.count(collection, exact=True).count == 1
    platform.qdrant.delete_collection(collection)


def test_a_create_that_arrives_after_the_restart_makes_a_second_collection(
    proxy: HoldingProxy, platform: Platform, organization: Organization
) -> None:
    proxy.hold(is_create)
    organization.create("twice", featureExtractors=[TEXT])
    held_by(proxy)
    platform.kill_operator()
    status = organization.ready("twice")
    assert proxy.release() == [409]
    assert organization.ready("twice")["collection"] == status["collection"]
    assert platform.marked_collections(organization.name) == {status["collection"]}


def test_a_deletion_that_arrives_late_hits_the_heir_of_the_name(
    proxy: HoldingProxy, platform: Platform, organization: Organization
) -> None:
    chosen = {"qdrantCollection": f"{organization.name}-products"}
    organization.create("first", infrastructure=chosen, featureExtractors=[TEXT], deletionPolicy="Delete")
    organization.ready("first")
    proxy.hold(lambda method, path: method == "DELETE" and path.endswith(chosen["qdrantCollection"]))
    organization.begin_removal("first")
    held_by(proxy)
    platform.kill_operator()
    eventually(lambda: organization.find("first") is None, "the deletion by the next operator")

    organization.create("heir", infrastructure=chosen, featureExtractors=[TEXT])
    status = organization.reason("heir", "CollectionConflict")
    assert "becomes free by itself" in condition(status, "Ready")["message"]
    proxy.release()
    organization.ready("heir")
    assert platform.qdrant.collection_exists(chosen["qdrantCollection"])


def test_an_index_that_arrives_late_stays(proxy: HoldingProxy, platform: Platform, organization: Organization) -> None:
    organization.create("indexed", payloadIndexes=[{"fieldName": "lang", "type": "keyword"}])
    collection = organization.ready("indexed")["collection"]
    proxy.hold(lambda method, path: method == "PUT" and path.endswith("/index"))
    organization.edit("indexed", payloadIndexes=[{"fieldName": "lang", "type": "text"}])
    held_by(proxy)
    platform.kill_operator()
    organization.edit("indexed", payloadIndexes=[{"fieldName": "lang", "type": "integer"}])
    organization.ready("indexed")
    assert proxy.release() == [200]

    def is_integer() -> bool:
        live = platform.qdrant.get_collection(collection).payload_schema["lang"]
        return live.data_type is models.PayloadSchemaType.INTEGER

    eventually(is_integer, "the index that the spec asks for")
