"""The end of ttlSeconds on the real stack: warned of, in time, remembered, renewed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial

from qdrant_client import models

from tests.integration.support import Object, Organization, Platform, condition, eventually
from tests.integration.test_requests import reasons

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
TEXT_VECTOR = "text_extractor_v1_embedding"

TTL = 60
AGE = timedelta(seconds=55)


def _warned(organization: Organization, name: str) -> Object | None:
    """The status, while the warning stands."""
    status: Object = organization.get(name)["status"]
    return status if any(each["type"] == "ExpiringSoon" for each in status["conditions"]) else None


def _told(organization: Organization, name: str) -> bool:
    """Whether warning and end were told."""
    return {"ExpiringSoon", "Expired"} <= set(reasons(organization, name))


def expire(organization: Organization, *names: str) -> dict[str, datetime]:
    """Let a minute's life be nearly over, and wait for the warning; the ends that are announced, by name."""
    documents = organization.platform.database["namespaces"]
    for name in names:
        # The least life is a minute. These are made older, so that nobody waits for it; the warning takes its time.
        made = organization.document(name)
        documents.update_one({"_id": made["_id"]}, {"$set": {"created_at": made["created_at"] - AGE}})
        organization.edit(name, ttlSeconds=TTL)
    found = {name: eventually(partial(_warned, organization, name), f"warning of {name}") for name in names}
    return {name: datetime.fromisoformat(status["expiresAt"]) for name, status in found.items()}


def test_namespaces_expire_in_time_and_come_back_only_when_they_are_renewed(
    platform: Platform, organization: Organization
) -> None:
    specs: dict[str, Object] = {
        "plain": {"featureExtractors": [TEXT]},
        "kept": {"deletionPolicy": "Retain"},
        "system": {"scope": "system", "deletionPolicy": "Delete"},
        "spared": {},
    }
    for name, spec in specs.items():
        organization.create(name, **spec)
    before = {name: organization.ready(name) for name in specs}
    point = models.PointStruct(id=1, vector={TEXT_VECTOR: [0.1] * 1024}, payload={"n": 1})
    platform.qdrant.upsert(before["plain"]["collection"], [point], wait=True)

    ends = expire(organization, *specs)
    assert condition(organization.get("plain")["status"], "Ready")["status"] == "True"
    organization.edit("spared", ttlSeconds=86_400)
    gone: dict[str, datetime] = {}

    def all_gone() -> bool:
        for name in ("plain", "kept", "system"):
            if name not in gone and organization.find(name) is None:
                gone[name] = datetime.now(UTC)
        return len(gone) == 3

    eventually(all_gone, "the end of all three", 30)
    for name, moment in gone.items():
        late = (moment - ends[name]).total_seconds()
        assert 0 <= late < 10, f"{name} went {late:.1f} s after its end"
        eventually(partial(_told, organization, name), f"the events of {name}", 10)
    assert not platform.qdrant.collection_exists(before["plain"]["collection"])
    assert not platform.qdrant.collection_exists(before["system"]["collection"])
    assert platform.qdrant.collection_exists(before["kept"]["collection"])
    eventually(lambda: organization.document("kept")["state"] == "retained", "state retained")
    tombstone = organization.find_tombstone("plain")
    assert tombstone is not None
    assert tombstone["life"]["expired_at"] >= ends["plain"]

    eventually(lambda: _warned(organization, "spared") is None, "the warning's end")
    assert organization.ready("spared")["namespaceId"] == before["spared"]["namespaceId"]

    for name in ("plain", "kept"):
        organization.create(name, **specs[name], ttlSeconds=TTL)
        message = condition(organization.reason(name, "Expired"), "Ready")["message"]
        assert "mixpeek.com/renew" in message
        organization.annotate(name, renew="1")
    plain, kept = organization.ready("plain"), organization.ready("kept")
    assert plain["namespaceId"] != before["plain"]["namespaceId"]
    assert kept["namespaceId"] == before["kept"]["namespaceId"]
    for status in (plain, kept):
        left = datetime.fromisoformat(status["expiresAt"]).timestamp() - time.time()
        assert TTL - 15 < left <= TTL + 1
