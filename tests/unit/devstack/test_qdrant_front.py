"""A stand-in for Qdrant of several processes behaves as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from devstack.qdrant.front import process_of
from devstack.stores import Qdrant, prepare_qdrant

PROCESSES = 3
NAMES = [f"ns_{number}" for number in range(12)]


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qdrant]:
    """One of three processes, with collections in each."""
    directory = tmp_path_factory.mktemp("stand-in")
    (directory / "logs").mkdir()
    made = prepare_qdrant(directory, processes=PROCESSES)
    assert made.process is not None
    made.process.start()
    try:
        made.process.wait_ready()
        for name in NAMES:
            assert ask(made, "PUT", f"/collections/{name}", {"vectors": {}})[0] == 200
        yield made
    finally:
        made.process.kill()


def ask(qdrant: Qdrant, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    """Status and answer."""
    headers = {"api-key": key or str(qdrant.api_key)}
    answer = urllib3.request(method, qdrant.url + path, headers=headers, json=body, timeout=10.0, retries=False)
    return answer.status, answer.json() if answer.headers["content-type"].startswith(
        "application/json"
    ) else answer.data


def test_every_process_has_some_of_the_collections(qdrant: Qdrant) -> None:
    assert {process_of(name, PROCESSES) for name in NAMES} == set(range(PROCESSES))
    status, answer = ask(qdrant, "GET", "/collections")
    assert (status, sorted(each["name"] for each in answer["result"]["collections"])) == (200, sorted(NAMES))


def test_a_collection_is_found_where_it_was_made(qdrant: Qdrant) -> None:
    for name in NAMES:
        index = {"field_name": "city", "field_schema": "keyword"}
        assert ask(qdrant, "PUT", f"/collections/{name}/index?wait=true", index)[0] == 200
        assert ask(qdrant, "GET", f"/collections/{name}")[1]["result"]["payload_schema"].keys() == {"city"}
    assert ask(qdrant, "GET", "/collections/ns_of_nobody")[0] == 404


def test_a_name_that_is_percent_encoded_is_the_same_name(qdrant: Qdrant) -> None:
    assert ask(qdrant, "PUT", "/collections/with%20space", {"vectors": {}})[0] == 200
    assert "with space" in {each["name"] for each in ask(qdrant, "GET", "/collections")[1]["result"]["collections"]}
    assert ask(qdrant, "DELETE", "/collections/with%20space")[1]["result"] is True


def test_telemetry_is_that_of_all(qdrant: Qdrant) -> None:
    ask(qdrant, "GET", "/collections/ns_0/exists")
    told = ask(qdrant, "GET", "/telemetry?details_level=4")[1]["result"]
    assert told["collections"]["number_of_collections"] == len(NAMES)
    assert sorted(each["id"] for each in told["collections"]["collections"]) == sorted(NAMES)
    puts = told["requests"]["rest"]["responses"]["PUT /collections/{collection_name}"]["200"]
    assert puts["count"] >= len(NAMES)
    assert puts["avg_duration_micros"] > 0


def test_a_wrong_key_is_refused_whoever_would_answer(qdrant: Qdrant) -> None:
    for path in ("/collections", "/telemetry", *(f"/collections/{name}" for name in NAMES)):
        assert ask(qdrant, "GET", path, key="wrong")[0] == 401


def test_aliases_are_refused_and_not_lost(qdrant: Qdrant) -> None:
    action = {"create_alias": {"collection_name": "ns_0", "alias_name": "a"}}
    assert ask(qdrant, "POST", "/collections/aliases", {"actions": [action]})[0] == 501
    assert ask(qdrant, "GET", "/aliases")[1]["result"] == {"aliases": []}


def test_what_was_made_is_there_after_a_restart(qdrant: Qdrant) -> None:
    assert qdrant.process is not None
    qdrant.process.restart()
    assert len(ask(qdrant, "GET", "/collections")[1]["result"]["collections"]) == len(NAMES)
