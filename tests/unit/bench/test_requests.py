"""Whose requests are counted, and as what."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.requests import (
    EVENTS,
    FINALIZERS,
    READS,
    STATUS,
    AuditLog,
    api_server_kinds,
    between,
    mongodb_requests,
    of_server,
    qdrant_requests,
)


def _entry(user: str, agent: str, verb: str, resource: str, namespace: str = "n", subresource: str = "") -> str:
    about = {"resource": resource, "namespace": namespace, **({"subresource": subresource} if subresource else {})}
    return json.dumps({"user": {"username": user}, "userAgent": agent, "verb": verb, "objectRef": about}) + "\n"


def test_only_what_came_since_the_last_time_is_read(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(_entry("op", "a", "get", "things"))
    audit = AuditLog(log)
    audit.read()
    half = _entry("op", "a", "update", "things", subresource="status")
    with log.open("a") as file:
        file.write(half[:30])
    audit.read()
    assert audit.of(lambda *_: True) == Counter({"API server: get things": 1})
    with log.open("a") as file:
        file.write(half[30:])
    audit.read()
    audit.read()
    assert audit.of(lambda *_: True) == Counter({"API server: get things": 1, "API server: update things/status": 1})


def test_requests_are_counted_by_whom_and_about_which_namespace(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    lines = [
        _entry("op", "a", "get", "things"),
        _entry("admin", "script", "get", "things"),
        _entry("admin", "harness", "get", "things"),
        _entry("op", "a", "get", "things", namespace="other"),
        json.dumps({"user": {"username": "op"}, "verb": "get"}) + "\n",
    ]
    log.write_text("".join(lines))
    audit = AuditLog(log)
    audit.read()
    assert audit.of(lambda user, _, namespace: (user, namespace) == ("op", "n"))["API server: get things"] == 1
    assert audit.of(lambda _, agent, __: agent == "script") == Counter({"API server: get things": 1})


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("update things/status", STATUS),
        ("patch things/status", STATUS),
        ("create events", EVENTS),
        ("get namespaces", READS),
        ("list things", READS),
        ("patch things", FINALIZERS),
        ("delete things", FINALIZERS),
    ],
)
def test_requests_to_the_api_server_are_told_apart_by_purpose(what: str, kind: str) -> None:
    requests = Counter({f"API server: {what}": 3, "MongoDB: find": 7, "API server: watch things": 2})
    assert api_server_kinds(requests) == Counter({kind: 3})


def test_requests_of_one_server_are_added_up() -> None:
    requests = Counter({"Qdrant: GET /a": 2, "Qdrant: PUT /a": 3, "MongoDB: find": 7})
    assert of_server(requests, "Qdrant") == 5
    assert of_server(requests, "Qdrant", ["PUT /a"]) == 3
    assert of_server(requests, "API server") == 0


def test_only_what_came_in_between_is_there() -> None:
    assert between(Counter(a=1, b=2), Counter(a=1, b=5, c=1)) == Counter(b=3, c=1)


def test_what_qdrant_tells_of_others_is_not_counted() -> None:
    responses: dict[str, Any] = {
        "PUT /collections/{collection_name}": {"200": {"count": 3}, "409": {"count": 1}},
        "GET /telemetry": {"200": {"count": 50}},
    }
    telemetry = {"result": {"requests": {"rest": {"responses": responses}}}}
    assert qdrant_requests(telemetry) == Counter({"Qdrant: PUT /collections/{collection_name}": 4})


def test_what_mongodb_does_for_itself_is_not_counted() -> None:
    commands = {"find": {"total": 4}, "hello": {"total": 900}, "serverStatus": {"total": 3}}
    assert mongodb_requests({"metrics": {"commands": commands}}) == Counter({"MongoDB: find": 4})
