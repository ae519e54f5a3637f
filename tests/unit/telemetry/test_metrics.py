"""Metrics as Prometheus scrapes them from the running server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from prometheus_client import REGISTRY, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from devstack.ports import free_ports
from namespace_operator.telemetry.health import HealthServer
from namespace_operator.telemetry.metrics import Metrics

SWEPT = datetime(2026, 1, 1, tzinfo=UTC)
RECONCILES = "namespace_operator_reconciles_total"
ORPHANS = "namespace_operator_orphan_collections"
PARTITIONS = "namespace_operator_orphan_partitions"
SWEPT_AT = "namespace_operator_orphan_sweep_timestamp_seconds"
LEADER = "namespace_operator_leader"


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
    """Value by name and labels, without the creation times the library adds."""
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sample.labels.items()): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    """A server that runs, with metrics."""
    probe = Probe(free_ports(1)[0], Metrics("1.2.3"))
    await probe.server.start()
    yield probe
    await probe.server.stop()


@pytest.fixture
def metrics(probe: Probe) -> Metrics:
    """What the server serves."""
    assert probe.metrics is not None
    return probe.metrics


QDRANT = "namespace_operator_qdrant"

NOTHING_HAPPENED = {
    LEADER: 0.0,
    "namespace_operator_build_info{version=1.2.3}": 1.0,
    f"{RECONCILES}{{result=ready}}": 0.0,
    f"{RECONCILES}{{result=not_ready}}": 0.0,
    f"{RECONCILES}{{result=failed}}": 0.0,
}


async def test_before_anything_happened_counts_are_zero_and_what_is_unknown_is_absent(probe: Probe) -> None:
    assert await probe.scrape() == NOTHING_HAPPENED


async def test_reconciles_are_counted_by_their_result(probe: Probe, metrics: Metrics) -> None:
    for result in ("ready", "ready", "not_ready", "ready", "failed", "failed"):
        metrics.reconciled(result)
    assert await probe.scrape() == NOTHING_HAPPENED | {
        f"{RECONCILES}{{result=ready}}": 3.0,
        f"{RECONCILES}{{result=not_ready}}": 1.0,
        f"{RECONCILES}{{result=failed}}": 2.0,
    }


async def test_each_sweep_replaces_what_the_last_one_found(probe: Probe, metrics: Metrics) -> None:
    metrics.orphans_found(orphans=3, copies=1, at=SWEPT)
    assert await probe.scrape() == NOTHING_HAPPENED | {
        f"{ORPHANS}{{kind=orphan}}": 3.0,
        f"{ORPHANS}{{kind=copy}}": 1.0,
        SWEPT_AT: SWEPT.timestamp(),
    }
    metrics.orphans_found(orphans=0, copies=0, at=SWEPT + timedelta(minutes=5))
    assert await probe.scrape() == NOTHING_HAPPENED | {
        f"{ORPHANS}{{kind=orphan}}": 0.0,
        f"{ORPHANS}{{kind=copy}}": 0.0,
        SWEPT_AT: SWEPT.timestamp() + 300,
    }


async def test_orphaned_partitions_are_absent_until_somebody_has_looked(probe: Probe, metrics: Metrics) -> None:
    for number in (2, 0):
        metrics.orphan_partitions_found(number)
        assert await probe.scrape() == NOTHING_HAPPENED | {PARTITIONS: float(number)}


async def test_who_leads_says_so(probe: Probe, metrics: Metrics) -> None:
    metrics.leads(True)
    assert (await probe.scrape())[LEADER] == 1.0
    metrics.leads(False)
    assert (await probe.scrape())[LEADER] == 0.0


async def test_every_metric_says_what_it_is(probe: Probe, metrics: Metrics) -> None:
    metrics.orphans_found(orphans=0, copies=0, at=SWEPT)
    metrics.orphan_partitions_found(0)
    _, _, text = await probe.get("/metrics")
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    types = {family.name: family.type for family in families if not family.name.endswith("_created")}
    assert types == {
        "namespace_operator_build_info": "gauge",
        "namespace_operator_reconciles": "counter",
        LEADER: "gauge",
        ORPHANS: "gauge",
        PARTITIONS: "gauge",
        SWEPT_AT: "gauge",
        f"{QDRANT}_up": "gauge",
        f"{QDRANT}_namespaces": "gauge",
        f"{QDRANT}_collections": "gauge",
    }


async def test_each_server_is_told_of_as_it_was_last_found_and_no_longer_than_it_is_there(
    probe: Probe, metrics: Metrics
) -> None:
    metrics.server_found("default", up=True, namespaces=3, collections=7)
    metrics.server_found("iclstr_east", up=True, namespaces=1, collections=2)
    metrics.server_found("iclstr_east", up=False, namespaces=1, collections=None)
    assert await probe.scrape() == NOTHING_HAPPENED | {
        f"{QDRANT}_up{{connection=default}}": 1.0,
        f"{QDRANT}_namespaces{{connection=default}}": 3.0,
        f"{QDRANT}_collections{{connection=default}}": 7.0,
        f"{QDRANT}_up{{connection=iclstr_east}}": 0.0,
        f"{QDRANT}_namespaces{{connection=iclstr_east}}": 1.0,
    }
    metrics.server_gone("iclstr_east")
    metrics.server_gone("default")
    assert await probe.scrape() == NOTHING_HAPPENED


async def test_the_scraper_gets_the_format_it_asks_for(probe: Probe) -> None:
    _, plain, _ = await probe.get("/metrics")
    assert plain.startswith("text/plain; version=0.0.4")
    _, content_type, text = await probe.get("/metrics", "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = parse_openmetrics(text)  # type: ignore[no-untyped-call]
    assert samples(families) == NOTHING_HAPPENED


def test_two_operators_in_one_process_count_apart_and_not_in_the_global_registry() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.reconciled("ready")
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
