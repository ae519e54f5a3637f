"""What is exposed is what the table says, under names that dashboards and alerts rest on, and in bounded numbers."""

from __future__ import annotations

import re

import pytest

from namespace_operator.kube.census import NOT_REPORTED, OTHER_REASON, PAUSED_REASON
from namespace_operator.telemetry.catalog import BY_NAME, METRICS, OPERATIONS, OUTCOMES, MetricInfo, Outcome
from tests.unit.telemetry.specimen import families, series_names, specimen

PINNED = {
    "build": ("info", "version"),
    "leader": ("gauge", ""),
    "config": ("info", "file hash"),
    "config_last_reload_successful": ("gauge", "file"),
    "config_reloads": ("counter", "file result"),
    "namespaces": ("gauge", "tier ready reason"),
    "not_ready_oldest_seconds": ("gauge", "reason"),
    "reconciles": ("counter", "result"),
    "reconcile_duration_seconds": ("histogram", "result"),
    "reconcile_findings": ("counter", "reason"),
    "queue_waiting": ("gauge", "queue"),
    "queue_running": ("gauge", "queue"),
    "queue_scheduled": ("gauge", "queue"),
    "queue_oldest_seconds": ("gauge", "queue"),
    "queue_longest_run_seconds": ("gauge", "queue"),
    "queue_retries": ("counter", "queue"),
    "watch_silence_seconds": ("gauge", "resource"),
    "watch_lag_seconds": ("histogram", "resource"),
    "request_duration_seconds": ("histogram", "backend connection operation"),
    "requests": ("counter", "backend connection operation outcome"),
    "requests_in_flight": ("gauge", "backend connection"),
    "mongodb_up": ("gauge", ""),
    "qdrant_up": ("gauge", "connection"),
    "qdrant_namespaces": ("gauge", "connection"),
    "qdrant_collections": ("gauge", "connection"),
    "drift_found": ("counter", "kind"),
    "drift_repaired": ("counter", "kind"),
    "expiries": ("counter", ""),
    "expiry_lateness_seconds": ("histogram", ""),
    "expiry_overdue_seconds": ("gauge", "reason"),
    "auto_indexes": ("counter", "action"),
    "orphan_collections": ("gauge", "kind"),
    "orphan_partitions": ("gauge", ""),
    "orphan_sweep_timestamp_seconds": ("gauge", ""),
}
"""Name, type and labels: whoever changes one of them breaks somebody's dashboard."""


def test_names_types_and_labels_are_what_others_rely_on() -> None:
    assert {info.name: (info.kind, " ".join(info.labels)) for info in METRICS} == PINNED


def test_all_of_the_table_is_exposed_and_nothing_else() -> None:
    found = {family.name: family for family in families(specimen())}
    assert {info.full_name for info in METRICS} == found.keys()
    for info in METRICS:
        family = found[info.full_name]
        assert (family.type, family.unit, family.documentation) == (info.kind, info.unit, info.help)
    names = series_names(specimen())
    expected = {name: frozenset(info.labels) for info in METRICS for name in info.series_names}
    assert {name: labels - {"le"} for name, labels in names.items()} == expected


@pytest.mark.parametrize("info", METRICS, ids=[info.name for info in METRICS])
def test_closed_labels_have_no_other_values(info: MetricInfo) -> None:
    (family,) = (family for family in families(specimen()) if family.name == info.full_name)
    for name, label in info.labels.items():
        if label.values:
            assert {sample.labels[name] for sample in family.samples} <= set(label.values)


def test_the_number_of_series_does_not_grow_with_the_number_of_namespaces() -> None:
    def lines(namespaces: int) -> list[str]:
        text = specimen(namespaces).exposition("")[0].decode()
        return sorted(re.sub(r" [^ ]+$", "", line) for line in text.splitlines() if line.startswith("namespace_op"))

    few, many = lines(3), lines(5_000)
    assert few == many
    # With one connection; a further one adds those of Qdrant's operations.
    assert len(few) < 1_200


def test_every_name_is_one_that_prometheus_asks_for() -> None:
    for info in METRICS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", info.name)
        assert not info.name.endswith(("_total", "_count", "_sum", "_info", "_bucket"))
        assert bool(info.buckets) == (info.kind == "histogram")
        assert info.help.endswith(".")
        assert list(info.buckets) == sorted(set(info.buckets))


def test_what_the_page_explains_is_what_there_is() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert OPERATIONS.keys() == set(BY_NAME["requests"].labels["backend"].values)
    meaning = BY_NAME["namespaces"].labels["reason"].meaning
    assert all(f"`{word}`" in meaning for word in (NOT_REPORTED, OTHER_REASON, PAUSED_REASON))
