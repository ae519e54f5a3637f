"""Requests as they are measured: by the client of the API server, of Qdrant, and by MongoDB's driver."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from namespace_operator.domain.placement import is_own
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.requests import operation as kubernetes_operation
from namespace_operator.stores.mongodb.monitoring import failed_as
from namespace_operator.stores.qdrant import QdrantStore
from namespace_operator.stores.qdrant.http import QdrantHttp
from namespace_operator.stores.qdrant.requests import operation as qdrant_operation
from namespace_operator.telemetry.catalog import KUBERNETES, MONGODB, OPERATIONS, OTHER, QDRANT, Outcome
from namespace_operator.telemetry.metrics import Metrics
from tests.unit.kube.api_server import Answer, ApiServer
from tests.unit.stores.server import Answers, serving

REQUESTS = "namespace_operator_requests_total"
DURATIONS = "namespace_operator_request_duration_seconds_count"
IN_FLIGHT = "namespace_operator_requests_in_flight"


def told(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a name that are not 0, by the values of their labels but backend and connection."""
    text = metrics.exposition("")[0].decode()
    return {
        tuple(value for label, value in sample.labels.items() if label not in ("backend", "connection")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.value
    }


@pytest.fixture
def metrics() -> Metrics:
    """Nothing measured yet."""
    return Metrics("1", (), is_own)


async def ignore(request: Awaitable[Any]) -> None:
    """Send it, whatever becomes of it."""
    try:
        await request
    except Exception:
        return


PATH = "/apis/mixpeek.com/v1/namespaces/acme/mixpeeknamespaces/films"
UNAVAILABLE = Answer(503, {"message": "starting"})
SENT: dict[str, tuple[str, str, Answer, Callable[[KubeClient], Awaitable[Any]], tuple[str, Outcome]]] = {
    "read": ("GET", PATH, Answer(), lambda c: c.get(PATH), ("get", Outcome.OK)),
    "missing": ("GET", PATH, Answer(404), lambda c: c.get(PATH), ("get", Outcome.NOT_FOUND)),
    "a status": (
        "PUT",
        f"{PATH}/status",
        Answer(),
        lambda c: c.put(f"{PATH}/status", {}),
        ("update_status", Outcome.OK),
    ),
    "outdated": ("PUT", PATH, Answer(409), lambda c: c.put(PATH, {}), ("update", Outcome.CONFLICT)),
    "refused": ("POST", "/x", Answer(422), lambda c: c.post("/x", {}), ("create", Outcome.REFUSED)),
    "forbidden": ("POST", "/x/events", Answer(403), lambda c: c.post("/x/events", {}), ("event", Outcome.REFUSED)),
    "expired token": ("PATCH", PATH, Answer(401), lambda c: c.json_patch(PATH, []), ("patch", Outcome.UNAUTHORIZED)),
    "down": ("DELETE", PATH, UNAVAILABLE, lambda c: c.delete(PATH, "u", "1"), ("delete", Outcome.UNAVAILABLE)),
    "no JSON": ("GET", PATH, Answer(200, "<html>"), lambda c: c.get(PATH), ("get", Outcome.UNAVAILABLE)),
}


@pytest.mark.parametrize(("method", "path", "answer", "send", "counted"), SENT.values(), ids=SENT)
async def test_a_request_to_the_api_server_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
    metrics: Metrics,
    method: str,
    path: str,
    answer: Answer,
    send: Callable[[KubeClient], Awaitable[Any]],
    counted: tuple[str, Outcome],
) -> None:
    api = ApiServer()
    api.on(method, path, answer)
    async with api.client(monkeypatch, meter=metrics.meter(KUBERNETES)) as client:
        await ignore(send(client))
    assert told(metrics, REQUESTS) == {counted: 1.0}
    assert told(metrics, DURATIONS) == {counted[:1]: 1.0}
    assert told(metrics, IN_FLIGHT) == {}


def test_the_words_for_requests_to_the_api_server_are_those_of_the_table() -> None:
    asked = {
        ("GET", PATH): "get",
        ("GET", f"{PATH}?limit=500"): "list",
        ("GET", "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Db"): "list",
        ("POST", PATH): "create",
        ("POST", "/api/v1/namespaces/acme/events"): "event",
        ("PUT", PATH): "update",
        ("PUT", f"{PATH}/status"): "update_status",
        ("PATCH", PATH): "patch",
        ("PATCH", f"{PATH}?fieldManager=a&force=true"): "apply",
        ("DELETE", PATH): "delete",
        ("GET", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b"): "lease",
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b"): "lease",
        ("GET", "/api/v1/namespaces/leases"): "get",
    }
    assert {request: kubernetes_operation(*request) for request in asked} == asked
    assert set(asked.values()) == set(OPERATIONS[KUBERNETES])


OVERLOADED = b'{"status": {"error": "overloaded"}}'
ANSWERED: dict[str, tuple[Answers, Outcome]] = {
    "well": (Answers(body=b'{"result": {"collections": []}}'), Outcome.OK),
    "without a right": (Answers(403, b"Forbidden"), Outcome.UNAUTHORIZED),
    "with a refusal": (Answers(422, b'{"status": {"error": "no"}}'), Outcome.REFUSED),
    "with a failure": (Answers(500, OVERLOADED), Outcome.UNAVAILABLE),
    "with something else": (Answers(200, b"<html>"), Outcome.REFUSED),
    "too late": (Answers(delay=1.0), Outcome.TIMEOUT),
}


@pytest.mark.parametrize(("answers", "outcome"), ANSWERED.values(), ids=ANSWERED)
async def test_a_request_to_qdrant_is_counted_by_how_it_is_answered(
    metrics: Metrics, answers: Answers, outcome: Outcome
) -> None:
    async with serving(answers) as url:
        store = QdrantStore(url, timeout_seconds=0.2, meter=metrics.meter(QDRANT))
        await ignore(store.names())
        await store.close()
    assert told(metrics, REQUESTS) == {("list", outcome): 1.0}
    assert told(metrics, DURATIONS) == {("list",): 1.0}


async def test_a_server_that_is_not_there_is_unavailable(metrics: Metrics) -> None:
    store = QdrantStore("http://127.0.0.1:1", meter=metrics.meter(QDRANT))
    await ignore(store.names())
    await store.close()
    assert told(metrics, REQUESTS) == {("list", Outcome.UNAVAILABLE): 1.0}


async def test_what_is_under_way_and_what_is_given_up(metrics: Metrics) -> None:
    async with serving(Answers(delay=30.0)) as url:
        http = QdrantHttp(url, None, 60.0, 2, meter=metrics.meter(QDRANT))
        tasks = [asyncio.create_task(http.request("GET", "collections", str(number))) for number in range(3)]
        await asyncio.sleep(0.1)
        assert told(metrics, IN_FLIGHT) == {(): 3.0}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await http.close()
    assert told(metrics, IN_FLIGHT) == {}
    assert told(metrics, REQUESTS) == {("read", Outcome.ABANDONED): 3.0}


def test_the_words_for_requests_to_qdrant_are_those_of_the_table() -> None:
    path = ("collections", "points")
    asked = {
        ("GET",): "version",
        ("GET", "collections"): "list",
        ("GET", *path): "read",
        ("GET", "telemetry"): "telemetry",
        ("GET", "issues"): "telemetry",
        ("GET", "profiler", "slow_requests"): "telemetry",
        ("GET", "aliases"): "aliases",
        ("GET", *path, "aliases"): "aliases",
        ("POST", *path, "points", "count"): "count",
        ("POST", *path, "facet"): "facet",
        ("POST", *path, "points", "query", "batch"): "sample",
        ("PUT", *path): "create_collection",
        ("PATCH", *path): "update_collection",
        ("DELETE", *path): "delete_collection",
        ("PUT", *path, "index"): "put_index",
        ("DELETE", *path, "index", "points"): "drop_index",
        ("PUT", *path, "vectors", "index"): "add_vector",
        ("POST", *path, "points", "delete"): "delete_points",
        ("PUT", "collections", "a", "snapshots", "b"): OTHER,
    }
    assert {request: qdrant_operation(request[0], request[1:]) for request in asked} == asked
    assert set(asked.values()) == set(OPERATIONS[QDRANT])


def test_the_servers_that_namespaces_brought_are_one_connection(metrics: Metrics) -> None:
    for number in range(50):
        with metrics.meter(QDRANT, f"own/acme/n{number}").measure("read", lambda _: Outcome.REFUSED):
            pass
    text = metrics.exposition("")[0].decode()
    assert f'{REQUESTS}{{backend="qdrant",connection="own",operation="read",outcome="ok"}} 50.0' in text
    assert text.count(f"{IN_FLIGHT}{{") == 1


FAILED: dict[str, tuple[dict[str, Any], Outcome]] = {
    "a connection that broke": ({"errmsg": "x", "errtype": "AutoReconnect"}, Outcome.UNAVAILABLE),
    "no answer": ({"errmsg": "x", "errtype": "NetworkTimeout"}, Outcome.TIMEOUT),
    "too slow": ({"ok": 0.0, "code": 50}, Outcome.TIMEOUT),
    "another primary": ({"ok": 0.0, "code": 10107}, Outcome.UNAVAILABLE),
    "no right": ({"ok": 0.0, "code": 13}, Outcome.UNAUTHORIZED),
    "a wrong password": ({"ok": 0.0, "code": 18}, Outcome.UNAUTHORIZED),
    "a claim that is taken": ({"ok": 0.0, "code": 11000}, Outcome.CONFLICT),
    "a request that is not understood": ({"ok": 0.0, "code": 9}, Outcome.REFUSED),
    "given up": ({"errmsg": "", "errtype": "CancelledError"}, Outcome.ABANDONED),
}


@pytest.mark.parametrize(("failure", "outcome"), FAILED.values(), ids=FAILED)
def test_what_a_command_of_mongodb_that_fails_is_counted_as(failure: dict[str, Any], outcome: Outcome) -> None:
    assert failed_as(failure) is outcome


def test_a_command_that_the_table_does_not_have_is_another(metrics: Metrics) -> None:
    meter = metrics.meter(MONGODB)
    for name in ("find", "ping", "whatsmyuri"):
        meter.began()
        meter.ended(name, Outcome.OK, 0.1)
    assert told(metrics, REQUESTS) == {("find", Outcome.OK): 1.0, (OTHER, Outcome.OK): 2.0}


def test_all_outcomes_of_what_was_asked_for_are_there(metrics: Metrics) -> None:
    with metrics.meter(QDRANT).measure("read", lambda _: Outcome.REFUSED):
        pass
    text = metrics.exposition("")[0].decode()
    assert [outcome for outcome in Outcome if f'outcome="{outcome}"' not in text] == []
