"""Metrics as Prometheus scrapes them from the running server."""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from prometheus_client import REGISTRY, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from devstack.ports import free_ports
from namespace_operator.controller.reporter import Account
from namespace_operator.telemetry.catalog import METRICS, OPERATIONS, Outcome
from namespace_operator.telemetry.health import HealthServer
from namespace_operator.telemetry.metrics import Metrics

SWEPT = datetime(2026, 1, 1, tzinfo=UTC)
RECONCILES = "namespace_operator_reconciles_total"
ORPHANS = "namespace_operator_orphan_collections"
PARTITIONS = "namespace_operator_orphan_partitions"
SWEPT_AT = "namespace_operator_orphan_sweep_timestamp_seconds"
QDRANT = "namespace_operator_qdrant"


class Probe:
    """The server, and somebody who asks it."""

    def __init__(self, port: int, metrics: Metrics | None) -> None:
        self.alive = self.ready = True
        self.metrics = metrics
        self.url = f"http://127.0.0.1:{port}"
        self.server = HealthServer(
            "127.0.0.1", port, alive=lambda: self.alive, ready=lambda: self.ready, metrics=metrics
        )

    async def get(self, path: str, accept: str = "*/*") -> tuple[int, str, str]:
        """Status, content type and text."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}{path}", headers={"Accept": accept}) as response,
        ):
            return response.status, response.headers["Content-Type"], await response.text()

    async def scrape(self) -> dict[str, float]:
        """Value by sample, as a query would spell it."""
        status, _, text = await self.get("/metrics")
        assert status == 200
        return samples(text_string_to_metric_families(text))


def samples(families: Iterable[Metric]) -> dict[str, float]:
    """Value by name and labels, as a query would spell them, of the operator's own."""
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sample.labels.items()): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("namespace_operator")
    }


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    """A server that runs, with metrics."""
    probe = Probe(free_ports(1)[0], Metrics("1.2.3"))
    await probe.server.start()
    yield probe
    await probe.server.stop()


@dataclass
class Change:
    """What a scrape shows that the one before it did not."""

    probe: Probe
    before: dict[str, float] = field(default_factory=dict)

    async def seen(self) -> dict[str, float]:
        """Samples that are new or have another value; one that is gone is nan."""
        after = await self.probe.scrape()
        changed = {name: value for name, value in after.items() if self.before.get(name) != value}
        gone = dict.fromkeys(self.before.keys() - after.keys(), math.nan)
        self.before = after
        return changed | gone


@pytest.fixture
async def change(probe: Probe) -> Change:
    """From here on."""
    return Change(probe, await probe.scrape())


@pytest.fixture
def metrics(probe: Probe) -> Metrics:
    """What the server serves."""
    assert probe.metrics is not None
    return probe.metrics


async def test_before_anything_happened_closed_sets_are_zero_and_what_is_unknown_is_absent(probe: Probe) -> None:
    found = await probe.scrape()
    assert found.pop("namespace_operator_build_info{version=1.2.3}") == 1.0
    assert set(found.values()) == {0.0}
    closed = [info for info in METRICS if info.initial and "reason" not in info.labels]
    expected = {"namespace_operator_leader"}
    for info in closed:
        suffix = "_total" if info.kind == "counter" else "_count"
        for values in itertools.product(*(label.values for label in info.labels.values())):
            labels = "".join(f"{{{name}={value}}}" for name, value in zip(info.labels, values, strict=True))
            expected.add(f"{info.full_name}{suffix}{labels}")
    assert {name for name in found if "_bucket" not in name and "_sum" not in name} == expected


async def test_all_reasons_are_there_from_the_start() -> None:
    text = Metrics("1", ("CollectionLost", "InternalError")).exposition("")[0].decode()
    for reason in ("CollectionLost", "InternalError"):
        assert f'namespace_operator_reconcile_findings_total{{reason="{reason}"}} 0.0' in text


async def test_all_that_happened_in_a_reconcile_is_counted(change: Change, metrics: Metrics) -> None:
    for result in ("ready", "ready", "not_ready", "ready", "failed", "gone"):
        metrics.reconciled(Account(result, 0.0))
    seen = await change.seen()
    assert {name: value for name, value in seen.items() if name.startswith(RECONCILES)} == {
        f"{RECONCILES}{{result=ready}}": 3.0,
        f"{RECONCILES}{{result=not_ready}}": 1.0,
        f"{RECONCILES}{{result=failed}}": 1.0,
        f"{RECONCILES}{{result=gone}}": 1.0,
    }
    metrics.reconciled(
        Account(
            "not_ready",
            0.3,
            findings=("IndexMissing", "VectorMissing"),
            drift_found=("index", "vector"),
            drift_repaired=("index",),
            lateness=(-0.5, 7.0),
            auto_indexes=("created", "created"),
        )
    )
    seen = {name.removeprefix("namespace_operator_"): value for name, value in (await change.seen()).items()}
    assert seen == {
        "reconciles_total{result=not_ready}": 2.0,
        "reconcile_duration_seconds_count{result=not_ready}": 2.0,
        "reconcile_duration_seconds_sum{result=not_ready}": 0.3,
        **{
            f"reconcile_duration_seconds_bucket{{le={bound}}}{{result=not_ready}}": 2.0
            for bound in ("0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "+Inf")
        },
        "reconcile_findings_total{reason=IndexMissing}": 1.0,
        "reconcile_findings_total{reason=VectorMissing}": 1.0,
        "drift_found_total{kind=index}": 1.0,
        "drift_found_total{kind=vector}": 1.0,
        "drift_repaired_total{kind=index}": 1.0,
        "expiries_total": 2.0,
        "expiry_lateness_seconds_count": 2.0,
        "expiry_lateness_seconds_sum": 7.0,
        **{f"expiry_lateness_seconds_bucket{{le={bound}}}": 1.0 for bound in ("1.0", "5.0")},
        **{
            f"expiry_lateness_seconds_bucket{{le={bound}}}": 2.0
            for bound in ("10.0", "30.0", "60.0", "300.0", "900.0", "3600.0", "+Inf")
        },
        "auto_indexes_total{action=created}": 2.0,
    }


async def test_each_sweep_replaces_what_the_last_one_found(change: Change, metrics: Metrics) -> None:
    metrics.orphans_found(orphans=3, copies=1, at=SWEPT)
    assert await change.seen() == {
        f"{ORPHANS}{{kind=orphan}}": 3.0,
        f"{ORPHANS}{{kind=copy}}": 1.0,
        SWEPT_AT: SWEPT.timestamp(),
    }
    metrics.orphans_found(orphans=0, copies=0, at=SWEPT + timedelta(minutes=5))
    assert await change.seen() == {
        f"{ORPHANS}{{kind=orphan}}": 0.0,
        f"{ORPHANS}{{kind=copy}}": 0.0,
        SWEPT_AT: SWEPT.timestamp() + 300,
    }


async def test_what_is_told_once_it_is_known(change: Change, metrics: Metrics) -> None:
    for number in (2, 0):
        metrics.orphan_partitions_found(number)
        assert await change.seen() == {PARTITIONS: float(number)}
    for up in (True, False):
        metrics.mongodb_found(up=up)
        assert await change.seen() == {"namespace_operator_mongodb_up": float(up)}


async def test_the_content_of_a_file_that_counts_and_a_newer_one_that_does_not(
    change: Change, metrics: Metrics
) -> None:
    config = "namespace_operator_config"
    metrics.configuration_used("catalog", "0a")
    assert await change.seen() == {
        f"{config}_info{{file=catalog}}{{hash=0a}}": 1.0,
        f"{config}_last_reload_successful{{file=catalog}}": 1.0,
        f"{config}_reloads_total{{file=catalog}}{{result=used}}": 0.0,
        f"{config}_reloads_total{{file=catalog}}{{result=unusable}}": 0.0,
    }
    metrics.configuration_reloaded("catalog", "unusable")
    assert await change.seen() == {
        f"{config}_last_reload_successful{{file=catalog}}": 0.0,
        f"{config}_reloads_total{{file=catalog}}{{result=unusable}}": 1.0,
    }
    metrics.configuration_used("catalog", "1b")
    metrics.configuration_reloaded("catalog", "used")
    seen = await change.seen()
    assert math.isnan(seen.pop(f"{config}_info{{file=catalog}}{{hash=0a}}"))
    assert seen == {
        f"{config}_info{{file=catalog}}{{hash=1b}}": 1.0,
        f"{config}_last_reload_successful{{file=catalog}}": 1.0,
        f"{config}_reloads_total{{file=catalog}}{{result=used}}": 1.0,
    }


async def test_a_stand_by_tells_of_no_queue_and_no_namespaces(change: Change, metrics: Metrics) -> None:
    metrics.leads(True)
    metrics.server_found("default", up=True, namespaces=3, collections=7)
    metrics.orphans_found(orphans=3, copies=1, at=SWEPT)
    metrics.orphan_partitions_found(1)
    metrics.mongodb_found(up=True)
    found = await change.seen()
    assert found.pop("namespace_operator_leader") == 1.0
    metrics.leads(False)
    gone = await change.seen()
    assert gone.pop("namespace_operator_leader") == 0.0
    assert gone.keys() == found.keys()
    assert all(math.isnan(value) for value in gone.values())
    metrics.mongodb_found(up=True)
    assert await change.seen() == {"namespace_operator_mongodb_up": 1.0}
    metrics.watch_queue("namespaces", lambda: None)
    metrics.watch_objects(lambda: None)
    metrics.watch_silence("mixpeeknamespaces", lambda: None)
    assert await change.seen() == {}


async def test_each_server_is_told_of_as_it_was_last_found_and_no_longer_than_it_is_there(
    change: Change, metrics: Metrics
) -> None:
    metrics.server_found("default", up=True, namespaces=3, collections=7)
    metrics.server_found("iclstr_east", up=True, namespaces=1, collections=2)
    metrics.server_found("iclstr_east", up=False, namespaces=1, collections=None)
    assert await change.seen() == {
        f"{QDRANT}_up{{connection=default}}": 1.0,
        f"{QDRANT}_namespaces{{connection=default}}": 3.0,
        f"{QDRANT}_collections{{connection=default}}": 7.0,
        f"{QDRANT}_up{{connection=iclstr_east}}": 0.0,
        f"{QDRANT}_namespaces{{connection=iclstr_east}}": 1.0,
    }
    kept = metrics.meter("kubernetes")
    for meter in (kept, metrics.meter("qdrant", "iclstr_east"), metrics.meter("qdrant")):
        with meter.measure(next(iter(OPERATIONS[meter.backend])), lambda _: Outcome.UNAVAILABLE):
            pass
    await change.seen()
    metrics.server_gone("iclstr_east")
    gone = await change.seen()
    assert all(math.isnan(value) and "{connection=iclstr_east}" in name for name, value in gone.items())
    assert any("requests_total" in name for name in gone)
    with metrics.meter("qdrant", "iclstr_east").measure("read", lambda _: Outcome.UNAVAILABLE):
        pass
    back = await change.seen()
    assert (
        back["namespace_operator_requests_total{backend=qdrant}{connection=iclstr_east}{operation=read}{outcome=ok}"]
        == 1
    )
    metrics.server_gone("default")
    assert not any("{backend=kubernetes}" in name for name in await change.seen())


async def test_the_scraper_gets_the_format_it_asks_for(probe: Probe) -> None:
    _, plain, _ = await probe.get("/metrics")
    assert plain.startswith("text/plain; version=0.0.4")
    _, content_type, text = await probe.get("/metrics", "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = parse_openmetrics(text)  # type: ignore[no-untyped-call]
    assert samples(families) == await probe.scrape()


def test_two_operators_in_one_process_count_apart_and_not_in_the_global_registry() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.reconciled(Account("ready", 0.1))
    assert f'{RECONCILES}{{result="ready"}} 0.0' in other.exposition("")[0].decode()
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("namespace_operator")]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_answer_beside_the_metrics(probe: Probe, path: str) -> None:
    probe.alive = probe.ready = False
    assert await probe.get(path) == (503, "text/plain; charset=utf-8", "not yet\n")
    probe.alive, probe.ready = path == "/livez", path == "/readyz"
    assert await probe.get(path) == (200, "text/plain; charset=utf-8", "ok\n")


async def test_without_metrics_there_is_no_such_path() -> None:
    probe = Probe(free_ports(1)[0], None)
    await probe.server.start()
    try:
        status, _, _ = await probe.get("/metrics")
        assert status == 404
    finally:
        await probe.server.stop()
