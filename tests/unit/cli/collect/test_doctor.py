"""What the doctor says of what it finds: tables of facts and verdicts."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from namespace_operator import __version__
from namespace_operator.api.crd import NAMESPACES, custom_resource_definition
from namespace_operator.cli.collect.checks import Check, Verdict, examine
from namespace_operator.cli.collect.doctor_cluster import (
    definitions,
    judge_clock,
    judge_definition,
    judge_lease,
    judge_policies,
    judge_version,
    operator,
    rights,
    rights_of,
)
from namespace_operator.cli.collect.doctor_stores import judge_marker, judge_mongodb, judge_qdrant
from namespace_operator.cli.release import Release
from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.observed import ServerIdentity
from namespace_operator.stores.mongodb.facts import MongoFacts
from tests.unit.kube.api_server import Answer, ApiServer, denied

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
HERE = Endpoint("default", "http://qdrant:6333")


def verdicts(*checks: Check) -> list[Verdict]:
    """The verdicts; whatever is not well says what to do."""
    assert all(check.remedy for check in checks if check.verdict is not OK)
    return [check.verdict for check in checks]


@pytest.mark.parametrize(("version", "verdict"), [("v1.36.3", OK), ("v1.30.0", WARN), ("v1.29.9", FAIL), ("?", FAIL)])
def test_versions_of_kubernetes(version: str, verdict: Verdict) -> None:
    assert verdicts(judge_version(version, "https://x")) == [verdict]


@pytest.mark.parametrize(("seconds", "verdict"), [(0, OK), (-5, OK), (6, WARN), (-3600, WARN)])
def test_clocks(seconds: int, verdict: Verdict) -> None:
    assert verdicts(judge_clock("clock", "a clock", NOW + timedelta(seconds=seconds), NOW)) == [verdict]


@pytest.mark.parametrize(("version", "verdict"), [("1.18.3", OK), ("1.20.0", OK), ("1.17.9", FAIL)])
def test_versions_of_qdrant(version: str, verdict: Verdict) -> None:
    assert verdicts(judge_qdrant(HERE, version, 3)) == [verdict]


@pytest.mark.parametrize(
    ("recorded", "found", "verdict"),
    [("a", "a", OK), (None, None, OK), ("a", "b", FAIL), ("a", None, FAIL)],
)
def test_markers(recorded: str | None, found: str | None, verdict: Verdict) -> None:
    assert verdicts(judge_marker(HERE, ServerIdentity(recorded, found))) == [verdict]


MONGODB = MongoFacts(
    version="6.0.5",
    replica_set="rs0",
    is_primary=True,
    members=3,
    local_time=NOW,
    indexes={"_id_": False, "claims": True, "owner_instance": False, "shared_instance": False},
    states={"ready": 2},
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [OK, OK, OK]),
        ({"version": "5.0.9"}, [FAIL, OK, OK]),
        ({"replica_set": None}, [FAIL, OK, OK]),
        ({"is_primary": False}, [FAIL, OK, OK]),
        ({"indexes": {}}, [OK, OK, OK]),
        ({"indexes": {"_id_": False}}, [OK, FAIL, OK]),
        ({"indexes": {**MONGODB.indexes, "claims": False}}, [OK, FAIL, OK]),
        ({"local_time": NOW - timedelta(minutes=5)}, [OK, OK, WARN]),
    ],
)
def test_mongodb(changes: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(*judge_mongodb(replace(MONGODB, **changes), "mixpeek", NOW)) == expected


def crd(**changes: Any) -> dict[str, Any]:
    """The definition of this version, changed."""
    made = copy.deepcopy(custom_resource_definition(NAMESPACES))
    made["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
    return {**made, **changes}


def test_a_definition_of_this_version() -> None:
    assert verdicts(judge_definition(NAMESPACES.name, crd())) == [OK]


def test_a_definition_that_lacks_a_field_names_it() -> None:
    old = crd()
    del old["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["ttlSeconds"]

    check = judge_definition(NAMESPACES.name, old)

    assert (check.verdict, "spec.ttlSeconds" in check.found) == (FAIL, True)


def test_a_definition_that_is_not_established() -> None:
    unborn = crd(status={"conditions": [{"type": "Established", "status": "False"}]})
    assert verdicts(judge_definition(NAMESPACES.name, unborn)) == [FAIL]


def test_a_definition_of_another_schema_version() -> None:
    later = crd()
    later["metadata"]["annotations"]["mixpeek.com/schema-version"] = "99"
    assert verdicts(judge_definition(NAMESPACES.name, later)) == [WARN]


async def test_definitions_that_are_missing_or_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAMESPACES.name}"
    server.on("GET", path, denied(403))
    async with server.client(monkeypatch) as client:
        assert verdicts(*await definitions(client)) == [WARN, FAIL]


RELEASE = Release(
    name="op",
    namespace="system",
    release="op",
    version=__version__,
    service_account="op",
    replicas=2,
    available=2,
    environment={"NAMESPACE_OPERATOR_MONGODB_URI_SECRET": "stores/uri"},
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [OK, OK]),
        ({"replicas": 0, "available": 0}, [FAIL, OK]),
        ({"available": 0}, [FAIL, OK]),
        ({"available": 1}, [WARN, OK]),
        ({"version": "99"}, [OK, WARN]),
        ({"version": None}, [OK, OK]),
    ],
)
def test_the_operator(changes: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(*operator(replace(RELEASE, **changes))) == expected


@pytest.mark.parametrize(
    ("spec", "verdict"),
    [
        ({"holderIdentity": "a", "renewTime": "2025-12-31T23:59:55Z", "leaseDurationSeconds": 8}, OK),
        ({"holderIdentity": "a", "renewTime": "2025-12-31T23:59:50Z", "leaseDurationSeconds": 8}, FAIL),
        ({"holderIdentity": "", "renewTime": "2026-01-01T00:00:00Z", "leaseDurationSeconds": 1}, FAIL),
        ({}, FAIL),
    ],
)
def test_the_lease(spec: dict[str, Any], verdict: Verdict) -> None:
    assert verdicts(judge_lease("op", spec, NOW)) == [verdict]


def policy(kind: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"op-{kind}.mixpeek.com"}, "status": status}


def binding(kind: str) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"policyName": f"op-{kind}.mixpeek.com"}}


KINDS = ("guards", "scope", "catalog", "infrastructure")


def test_policies_that_are_all_there() -> None:
    checks = judge_policies([policy(kind) for kind in KINDS], [binding(kind) for kind in KINDS])

    assert verdicts(*checks) == [OK] * 4


def test_policies_that_are_missing_not_bound_or_do_not_fit() -> None:
    misfit = policy("scope", typeChecking={"expressionWarnings": [{"warning": "undefined field"}]})

    checks = judge_policies([policy("guards"), misfit, policy("catalog")], [binding("scope"), binding("catalog")])

    assert verdicts(*checks) == [FAIL, WARN, OK, WARN]


def test_no_policies_at_all() -> None:
    assert verdicts(*judge_policies([], [])) == [WARN]


REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


async def test_rights_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    allowed = [Answer(body={"status": {"allowed": right.resource != "secrets"}}) for right in rights_of(RELEASE)]
    server.on("POST", REVIEWS, *allowed)
    async with server.client(monkeypatch) as client:
        (check,) = await rights(client, RELEASE)

    assert check.verdict is FAIL
    assert "may not list secrets stores in system, watch secrets stores in system" in check.found


async def test_rights_that_nobody_may_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ApiServer()
    server.on("POST", REVIEWS, denied(403))
    async with server.client(monkeypatch) as client:
        assert verdicts(*await rights(client, RELEASE)) == [WARN]


async def test_what_fails_while_it_is_looked_at_is_a_failure() -> None:
    async def look() -> list[Check]:
        raise ClusterUnavailable("no answer")

    assert list(await examine("area", "do", look)) == [Check("area", FAIL, "no answer", "do")]
