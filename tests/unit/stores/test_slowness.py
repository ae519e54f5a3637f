"""What is taken out of Qdrant's own reports of slow requests, and that nothing else is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from namespace_operator.stores.qdrant import QdrantStore
from namespace_operator.stores.qdrant.slowness import together

ISSUES = {
    "issues": [
        {"id": "UNINDEXED_FIELD/films/city", "description": "…", "solution": {"immediate": {}}, "timestamp": "…"},
        {"id": "UNINDEXED_FIELD/films/a/b", "related_collection": "films"},
        {"id": "SOMETHING_ELSE/films/price"},
        {"id": "UNINDEXED_FIELD/films"},
        {"id": 5},
        "UNINDEXED_FIELD/films/text",
    ]
}
BODY = {
    "searches": [
        {
            "query": {"nearest": [0.1]},
            "params": {"key": "no condition"},
            "filter": {
                "must": [
                    {"key": "price", "range": {"gte": 5}},
                    {"nested": {"key": "cast", "filter": {"should": [{"key": "name", "match": {"value": "secret"}}]}}},
                    {"must_not": {"key": "place", "geo_radius": {}}},
                    {"is_empty": {"key": "empty"}},
                ]
            },
        }
    ]
}
REQUESTS = {"requests": [{"collection_name": "films", "request_body": BODY, "duration": 0.1}, {"request_body": BODY}]}


def test_the_fields_of_both_reports_are_taken_together() -> None:
    assert together([ISSUES, REQUESTS]) == {"films": {"city", "a/b", "price", "cast[].name", "place"}}


_BODIES: tuple[Any, ...] = (None, "x", 5, [], [[[]]], {"key": 1})


@pytest.mark.parametrize(
    "answer",
    [
        *(
            None,
            [],
            {},
            "issues",
            5,
            {"issues": None},
            {"issues": {}},
            {"requests": [None, {}, {"collection_name": 5}]},
        ),
        {"requests": [{"collection_name": "films", "request_body": body} for body in _BODIES]},
    ],
)
def test_what_is_not_understood_is_left_out(answer: Any) -> None:
    assert together([answer]) == {}


def test_a_body_without_end_is_looked_into_no_further() -> None:
    body: dict[str, Any] = {"key": "deep", "match": {"value": 1}}
    for _ in range(10_000):
        body = {"must": [body]}
    assert together([{"requests": [{"collection_name": "films", "request_body": body}]}]) == {}


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def _store(handler: Handler) -> Any:
    app = web.Application()
    app.router.add_route("GET", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address, *_) = runner.addresses
    store = QdrantStore(f"http://127.0.0.1:{address[1]}", "key", timeout_seconds=2)
    try:
        yield store
    finally:
        await store.close()
        await runner.cleanup()


def _answers() -> Iterator[tuple[str, web.Response]]:
    for status in (401, 403, 404, 500, 501, 503):
        yield str(status), web.json_response({"status": {"error": "secret"}}, status=status)
    yield "no JSON", web.Response(text="secret")
    yield "no result", web.json_response(["secret"])


@pytest.mark.parametrize("name", [name for name, _ in _answers()])
async def test_a_server_that_does_not_tell_is_no_failure_and_nothing_is_logged(name: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return dict(_answers())[name]

    async with _store(answer) as store:
        with capture_logs() as logs:
            assert await store.slow_fields() == {}
        assert logs == []


async def test_one_report_is_enough() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/issues":
            return web.json_response({"result": ISSUES, "status": "ok"})
        return web.json_response({"status": {"error": "Forbidden"}}, status=403)

    async with _store(answer) as store:
        assert await store.slow_fields() == {"films": {"city", "a/b"}}
