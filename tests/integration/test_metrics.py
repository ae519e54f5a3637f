"""What the running operator tells a scraper, after something happened to it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from namespace_operator.telemetry.catalog import PREFIX
from tests.integration.support import Organization, Platform, eventually

INDEXES = [{"fieldName": "lang", "type": "keyword"}]


def told(platform: Platform, name: str, **labels: str) -> float:
    """The sum over the series of a name with these labels; nothing is 0."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(platform.metrics())
        for sample in family.samples
        if sample.name == f"{PREFIX}{name}" and labels.items() <= sample.labels.items()
    )


def test_it_leads_hears_and_reaches_its_servers(platform: Platform, organization: Organization) -> None:
    organization.create("told", description="as declared", payloadIndexes=INDEXES)
    organization.ready("told")
    assert told(platform, "leader") == 1
    eventually(
        lambda: told(platform, "mongodb_up") == 1 and told(platform, "qdrant_up", connection="default") == 1, "up"
    )
    for backend, operation in (("kubernetes", "update_status"), ("qdrant", "create_collection"), ("mongodb", "insert")):
        assert told(platform, "requests_total", backend=backend, operation=operation, outcome="ok") >= 1
        assert told(platform, "request_duration_seconds_count", backend=backend, operation=operation) >= 1
    assert told(platform, "watch_lag_seconds_count", resource="mixpeeknamespaces") >= 1
    text = platform.metrics()
    for resource in ("mixpeeknamespaces", "infrastructureclusters"):
        assert f'{PREFIX}watch_silence_seconds{{resource="{resource}"}}' in text
    assert told(platform, "queue_scheduled", queue="namespaces") >= 1
    assert told(platform, "reconcile_duration_seconds_count", result="ready") >= 1
    assert "process_resident_memory_bytes" in text


def test_namespaces_are_counted_by_what_their_status_says(platform: Platform, organization: Organization) -> None:
    def ready() -> float:
        return told(platform, "namespaces", tier="shared", ready="True", reason="Ready")

    before = ready()
    organization.create("well")
    organization.ready("well")
    eventually(lambda: ready() == before + 1, "one more that is ready")
    organization.create("paused", annotations={"paused": "true"})
    eventually(lambda: told(platform, "namespaces", reason="Paused") >= 1, "one that is paused")
    organization.remove("well")
    eventually(lambda: ready() == before, "as many as before")


def test_drift_is_counted_when_it_is_found_and_when_it_is_put_back(
    platform: Platform, organization: Organization
) -> None:
    organization.create("drifts", payloadIndexes=INDEXES)
    collection = organization.ready("drifts")["collection"]
    before = told(platform, "drift_repaired_total", kind="index")
    platform.qdrant.delete_payload_index(collection, "lang", wait=True)
    organization.annotate("drifts", reconcile_requested_at="now")
    eventually(lambda: told(platform, "drift_repaired_total", kind="index") == before + 1, "the repair")
    assert told(platform, "drift_found_total", kind="index") >= 1
