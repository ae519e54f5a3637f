"""Servers that stop, freeze or refuse, and an operator that is killed: it shows, nothing is lost, and it heals."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from qdrant_client import models

from namespace_operator.domain.indexes import SYSTEM_INDEXES
from tests.integration.support import Organization, Platform, condition, eventually
from tests.integration.usual import RESYNC_SECONDS

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
TEXT_VECTOR = "text_extractor_v1_embedding"
INDEXES = [{"fieldName": "lang", "type": "keyword"}]


def test_qdrant_down_is_told_and_heals(platform: Platform, organization: Organization) -> None:
    organization.create("live", featureExtractors=[TEXT], payloadIndexes=INDEXES)
    collection = organization.ready("live")["collection"]
    point = models.PointStruct(id=1, vector={TEXT_VECTOR: [0.5] * 1024}, payload={})
    platform.qdrant.upsert(collection, [point], wait=True)

    platform.stack.qdrant.kill()
    organization.create("born-in-the-dark", featureExtractors=[TEXT], payloadIndexes=INDEXES)
    for name in ("live", "born-in-the-dark"):
        status = organization.reason(name, "QdrantUnavailable")
        assert condition(status, "CollectionReady")["status"] == "Unknown"
        assert status.get("qdrantStatus") is None
    platform.stack.qdrant.start()

    for name in ("live", "born-in-the-dark"):
        organization.ready(name)
    assert platform.qdrant.count(collection, exact=True).count == 1


def test_a_frozen_mongod_is_told_and_heals(platform: Platform, organization: Organization) -> None:
    organization.create("live", featureExtractors=[TEXT])
    before = organization.ready("live")

    platform.stack.mongod.freeze()
    try:
        organization.create("born-in-the-dark", featureExtractors=[TEXT])
        for name in ("live", "born-in-the-dark"):
            status = organization.reason(name, "MongoDBUnavailable")
            assert condition(status, "MetadataSynced")["status"] == "Unknown"
        assert status.get("documentCount") is None
    finally:
        platform.stack.mongod.resume()

    assert organization.ready("live")["namespaceId"] == before["namespaceId"]
    organization.ready("born-in-the-dark")
    names = platform.database["namespaces"].distinct("_id", {"owner.organization": organization.name})
    assert len(names) == 2


def test_a_deletion_waits_for_qdrant(platform: Platform, organization: Organization) -> None:
    organization.create("leaving", featureExtractors=[TEXT], deletionPolicy="Delete")
    collection = organization.ready("leaving")["collection"]
    platform.stack.qdrant.kill()
    try:
        platform.stack.kubectl("delete", "mns", "leaving", "-n", organization.name, "--wait=false")
        status = organization.reason("leaving", "QdrantUnavailable")
        assert condition(status, "Ready")["status"] == "False"
    finally:
        platform.stack.qdrant.start()
    eventually(lambda: organization.find("leaving") is None, "the deletion")
    assert not platform.qdrant.collection_exists(collection)


def test_a_deletion_while_the_operator_is_down_is_noticed(platform: Platform, organization: Organization) -> None:
    organization.create("unseen", featureExtractors=[TEXT])
    organization.ready("unseen")
    platform.stop_operator()
    organization.remove("unseen", timeout=5)
    platform.start_operator()
    eventually(lambda: organization.document("unseen")["state"] == "retained", "state retained")


@pytest.fixture
def short_lease(platform: Platform) -> Iterator[None]:
    """A Lease that is soon over after the operator was killed."""
    lease = {"durationSeconds": 2, "renewDeadlineSeconds": 1.5, "retrySeconds": 0.3}
    platform.install({"lease": lease})
    yield
    platform.install()


@pytest.mark.usefixtures("short_lease")
def test_an_operator_killed_at_ten_random_moments_loses_and_leaves_nothing(
    platform: Platform, organization: Organization
) -> None:
    moments = random.Random(1)
    names = [f"crash-{n}" for n in range(10)]
    for name in names:
        eventually(platform.leads, "an operator at work")
        organization.create(name, featureExtractors=[TEXT], payloadIndexes=INDEXES, deletionPolicy="Delete")
        time.sleep(moments.uniform(0.0, 0.4))
        platform.kill_operator()
    statuses = {name: organization.ready(name, timeout=120) for name in names}
    for status in statuses.values():
        collection = platform.qdrant.get_collection(status["collection"])
        assert set(collection.payload_schema) == {"lang", *SYSTEM_INDEXES}
        assert set(platform.vectors(status["collection"])) == {TEXT_VECTOR}
    ours = {"owner.organization": organization.name}
    assert platform.database["namespaces"].count_documents(ours) == len(names)
    assert platform.marked_collections(organization.name) == {status["collection"] for status in statuses.values()}

    for name in names[:5]:
        eventually(platform.leads, "an operator at work")
        platform.stack.kubectl("delete", "mns", name, "-n", organization.name, "--wait=false")
        time.sleep(moments.uniform(0.0, 0.2))
        platform.kill_operator()
    eventually(lambda: len(organization.list()) == 5, "five deletions", 120)
    eventually(lambda: platform.database["namespaces"].count_documents(ours) == 5, "the end of five tombstones")
    left = {statuses[name]["collection"] for name in names[5:]}
    assert platform.marked_collections(organization.name) == left


def test_steady_state_writes_nothing_to_the_api_server(platform: Platform, organization: Organization) -> None:
    for n in range(5):
        organization.create(f"still-{n}", featureExtractors=[TEXT], payloadIndexes=INDEXES, deletionPolicy="Delete")
    for n in range(5):
        organization.ready(f"still-{n}")
    time.sleep(2 * RESYNC_SECONDS)
    before = platform.operator_requests()
    time.sleep(3 * RESYNC_SECONDS)
    after = platform.operator_requests()[len(before) :]
    assert [request for request in after if request["verb"] not in ("get", "list", "watch")] == []
    assert any(request["verb"] == "list" for request in after), "the audit log shows no sweep: is the operator alive?"


def test_no_secret_is_written_anywhere(platform: Platform, organization: Organization) -> None:
    organization.create("witness", featureExtractors=[TEXT])
    organization.ready("witness")
    secrets = platform.secrets()
    assert secrets
    logs = [path.read_text(errors="replace") for path in platform.stack.logs.rglob("*.log")]
    written = [*logs, str(organization.list()), str(platform.core.list_event_for_all_namespaces())]
    for secret in secrets:
        assert not any(secret in text for text in written)
