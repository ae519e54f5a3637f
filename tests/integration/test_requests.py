"""What people ask for by annotations, on the real stack."""

from __future__ import annotations

from tests.integration.support import Object, Organization, Platform, condition, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
IMAGE = {"featureExtractorName": "image_extractor", "version": "v1"}
LANG = {"fieldName": "lang", "type": "keyword"}


def reasons(organization: Organization, name: str) -> list[str]:
    """The reasons of an object's events."""
    events = organization.platform.core.list_namespaced_event(organization.name).items
    return [event.reason for event in events if event.involved_object.name == name]


def test_a_dry_run_writes_to_a_store_or_keeps_its_plan(platform: Platform, organization: Organization) -> None:
    organization.create("planned", annotations={"dry-run": "true"}, featureExtractors=[TEXT], payloadIndexes=[LANG])
    status = organization.reason("planned", "DryRun")
    actions = [step["action"] for step in status["plan"]]
    assert actions[:2] == ["InsertDocument", "CreateCollection"]
    assert {"ns_new/lang", "ns_new/namespace_id"} <= {step["target"] for step in status["plan"]}
    assert organization.find_document("planned") is None
    assert platform.marked_collections(organization.name) == set()

    organization.annotate("planned", dry_run=None)
    assert "plan" not in organization.ready("planned")

    document = organization.document("planned")
    organization.annotate("planned", dry_run="true")
    organization.edit("planned", featureExtractors=[TEXT, IMAGE])
    status = organization.reason("planned", "DryRun")
    assert [step["action"] for step in status["plan"]] == ["ReplaceDocument", "AddVector", "ReplaceDocument"]
    assert condition(status, "CollectionReady")["status"] == "True"
    assert condition(status, "VectorsSynced")["reason"] == "DryRun"
    assert organization.document("planned") == document
    assert set(platform.vectors(status["collection"])) == {"text_extractor_v1_embedding"}


def test_a_paused_namespace_is_written_to_or_deleted(platform: Platform, organization: Organization) -> None:
    organization.create("paused", featureExtractors=[TEXT], deletionPolicy="Delete")
    collection = organization.ready("paused")["collection"]
    organization.annotate("paused", paused="true")

    def is_paused() -> bool:
        conditions = organization.get("paused")["status"]["conditions"]
        return any((c["type"], c["status"]) == ("Paused", "True") for c in conditions)

    eventually(is_paused, "condition Paused")
    document = organization.document("paused")
    organization.edit("paused", featureExtractors=[TEXT, IMAGE])
    organization.begin_removal("paused")
    platform.kill_operator()
    organization.create("witness")
    organization.ready("witness")
    assert organization.document("paused") == document
    assert platform.qdrant.collection_exists(collection)
    assert condition(organization.get("paused")["status"], "Ready")["status"] == "True"

    organization.annotate("paused", paused=None)
    eventually(lambda: organization.find("paused") is None, "the deletion after the pause")
    assert not platform.qdrant.collection_exists(collection)


def test_a_requested_reconcile_waits_for_the_resync(organization: Organization) -> None:
    organization.create("asked", featureExtractors=[TEXT])
    organization.ready("asked")
    organization.annotate("asked", reconcile_requested_at="2026-01-01T00:00:00Z")

    def handled() -> bool:
        status: Object = organization.get("asked")["status"]
        return status.get("lastHandledReconcileAt") == "2026-01-01T00:00:00Z"

    eventually(handled, "the echo of the request", 5)


def test_nobody_is_told_why_a_removed_extractor_stays(organization: Organization) -> None:
    organization.create("keeps", featureExtractors=[TEXT, IMAGE])
    organization.ready("keeps")
    organization.edit("keeps", featureExtractors=[TEXT])
    organization.ready("keeps")
    organization.edit("keeps", description="again")
    organization.ready("keeps")
    eventually(lambda: reasons(organization, "keeps").count("ExtractorKept") == 1, "one event", 5)


def test_a_deletion_waits_for_a_qdrant_that_never_returns(platform: Platform, organization: Organization) -> None:
    organization.create("stuck", featureExtractors=[TEXT], deletionPolicy="Delete")
    collection = organization.ready("stuck")["collection"]
    platform.stack.qdrant.kill()
    try:
        organization.begin_removal("stuck")
        status = organization.reason("stuck", "QdrantUnavailable", 90)
        message = condition(status, "Ready")["message"]
        assert "mixpeek.com/force-release" in message
        assert "deletionPolicy: Retain" in message
        organization.annotate("stuck", force_release="true")
        eventually(lambda: organization.find("stuck") is None, "the release by force")
        eventually(lambda: organization.document("stuck")["state"] == "retained", "state retained")
        assert "ForceReleased" in reasons(organization, "stuck")
    finally:
        platform.stack.qdrant.start()
        platform.stack.qdrant.wait_ready()
    assert platform.qdrant.collection_exists(collection)
