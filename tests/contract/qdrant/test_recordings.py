"""Every recorded request, sent again: the answer is the recorded one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from devstack.qdrant.unserved import PER_COLLECTION_STATISTICS, UNSERVED
from tests.contract.qdrant.replay import RECORDINGS, Exchange, actual, exchanges, stable

FILES = {path.stem: exchanges(path) for path in sorted(RECORDINGS.glob("*.jsonl"))}
EXCHANGES = [exchange for file in FILES.values() for exchange in file]
NOT_SERVED_ENDPOINTS = {("GET /issues", "200")}
AGAINST_A_SERVER = bool(os.environ.get("QDRANT_URL"))


class Replay:
    """Sends each file in its order, because later lines depend on earlier ones, and remembers the answers."""

    def __init__(self, connect: Callable[[], httpx.Client]) -> None:
        self._connect = connect
        self._clients: dict[str, httpx.Client] = {}
        self._answers: dict[str, list[httpx.Response]] = {}
        self.bystanders: frozenset[str] = frozenset()

    def answer(self, exchange: Exchange) -> httpx.Response:
        """The answer to one line, after all lines before it."""
        if exchange.file not in self._clients:
            self._begin(exchange.file)
        answers = self._answers[exchange.file]
        for following in FILES[exchange.file][len(answers) : exchange.line]:
            answers.append(following.send(self._clients[exchange.file]))
        return answers[exchange.line - 1]

    def ask(self, file: str, path: str) -> Any:
        """The result of a further read after a whole file."""
        self.answer(FILES[file][-1])
        return self._clients[file].get(path).raise_for_status().json()["result"]

    def clean(self) -> None:
        """Remove what the recordings made, from a server that outlives the test."""
        for file, client in self._clients.items():
            for name in _created(file):
                client.delete(f"/collections/{name}")
        self._clients.clear()
        self._answers.clear()

    def _begin(self, file: str) -> None:
        if AGAINST_A_SERVER:
            self.clean()  # every file starts without what the others made
        client = self._connect()
        listed = client.get("/collections").json()["result"]["collections"]
        self.bystanders = frozenset(collection["name"] for collection in listed)
        taken = _created(file) & self.bystanders
        assert not taken, f"the server already has collections that the recordings make: {sorted(taken)}"
        self._clients[file], self._answers[file] = client, []


@pytest.fixture(scope="module")
def replay(fresh_server: Callable[[], httpx.Client]) -> Iterator[Replay]:
    replaying = Replay(fresh_server)
    yield replaying
    replaying.clean()


def test_the_recordings_are_all_there() -> None:
    assert {file: len(lines) for file, lines in FILES.items()} == {
        "aliases": 12,
        "collections": 30,
        "indexes-and-points": 53,
        "server": 15,
        "strict-mode": 6,
        "vectors": 22,
    }


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_the_answer_is_the_recorded_one(exchange: Exchange, replay: Replay) -> None:
    response = replay.answer(exchange)
    reason = _reason_not_to_serve(exchange)
    if reason is not None and not AGAINST_A_SERVER:
        assert response.status_code == 501
        assert reason in response.json()["status"]["error"]
    elif reason is not None:
        # Figures of the running process.
        assert response.status_code == exchange.recorded["status"]
    else:
        assert actual(response, replay.bystanders) == exchange.expected()


def test_few_lines_are_unserved() -> None:
    unserved = [str(exchange) for exchange in EXCHANGES if _reason_not_to_serve(exchange) is not None]
    assert len(unserved) == 7, unserved


def test_telemetry_describes_collections_as_recorded(replay: Replay) -> None:
    recorded = next(exchange.recorded["answer"] for exchange in EXCHANGES if exchange.is_cut_off)
    (collection,) = (
        collection
        for collection in replay.ask("indexes-and-points", "/telemetry?details_level=4")["collections"]["collections"]
        if collection["id"] == "ns_i"
    )
    local = collection["shards"][0]["local"]
    assert stable(collection["config"]) == stable(_part(recorded, "config"))
    assert local["num_points"] == _part(recorded, "num_points")
    segments = [segment["info"]["index_schema"] for segment in local["segments"]]
    for field, expected in _part(recorded, "index_schema").items():
        points = [schema[field].pop("points") for schema in segments]
        assert sum(points) == expected.pop("points")
        assert all(schema[field] == expected for schema in segments)


def test_telemetry_counts_the_recorded_endpoints(replay: Replay) -> None:
    def statuses(telemetry: Any) -> set[tuple[str, str]]:
        by_endpoint = telemetry["requests"]["rest"]["responses"]
        return {(endpoint, status) for endpoint, by_status in by_endpoint.items() for status in by_status}

    recorded = next(exchange for exchange in FILES["server"] if exchange.path == "/telemetry")
    assert statuses(recorded.recorded["answer"]["result"]) - NOT_SERVED_ENDPOINTS <= statuses(
        replay.ask("server", "/telemetry")
    )


def _reason_not_to_serve(exchange: Exchange) -> str | None:
    if exchange.path.startswith("/telemetry?") and "per_collection=true" in exchange.path:
        return PER_COLLECTION_STATISTICS
    return UNSERVED.get((exchange.method, _template(exchange.path)))


def _part(text: str, name: str) -> Any:
    """The first value of that name in the text of an answer that was cut off."""
    value, _ = json.JSONDecoder().raw_decode(text, text.index(f'"{name}":') + len(name) + 3)
    return value


def _template(path: str) -> str:
    parts = urlsplit(path).path.split("/")
    if len(parts) > 3 and parts[1] == "collections":
        parts[2] = "{collection}"
    return "/".join(parts)


def _created(file: str) -> set[str]:
    return {
        unquote(exchange.path.split("/")[2])
        for exchange in FILES[file]
        if exchange.method == "PUT" and exchange.path.count("/") == 2 and exchange.recorded["status"] == 200
    }
