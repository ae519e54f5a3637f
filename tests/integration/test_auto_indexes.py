"""Queries that a service records bring indexes about: on the real stack, looked at every two seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from qdrant_client import models

from devstack.release import MONGODB_DATABASE
from namespace_operator.usage import Recorder
from tests.integration.support import Object, Organization, Platform, condition, eventually

CITY = models.FieldCondition(key="city", match=models.MatchValue(value="Berlin"))
PRICE = models.FieldCondition(key="price", range=models.Range(gte=2))
BODY = models.FieldCondition(key="body", match=models.MatchText(text="red"))
MIXED = models.FieldCondition(key="mixed", match=models.MatchValue(value="x"))
FILTER = models.Filter(must=[CITY, PRICE], should=[BODY, MIXED])


@pytest.fixture
def full(platform: Platform, organization: Organization) -> Object:
    """The status of a Namespace with points and an extractor's vector."""
    organization.create("films", featureExtractors=[{"featureExtractorName": "text_extractor", "version": "v1"}])
    status = organization.ready("films")
    write(platform, status["collection"], status["namespaceId"])
    return status


def write(platform: Platform, collection: str, namespace_id: str, first: int = 0) -> None:
    """A hundred points."""
    points = [
        models.PointStruct(
            id=first + number,
            vector={},
            payload={
                "namespace_id": namespace_id,
                "city": "Berlin" if number % 2 else "Paris",
                "price": number / 4 if number % 3 else number,
                "body": "red wine",
                "mixed": "x" if number % 2 else number,
            },
        )
        for number in range(100)
    ]
    platform.qdrant.upsert(collection, points=points, wait=True)


def query(platform: Platform, namespace_id: str, count: int) -> None:
    """A service answers so many queries."""
    with Recorder(platform.stack.mongodb_uri, MONGODB_DATABASE, "search") as recorder:
        for _ in range(count):
            recorder.record(namespace_id, FILTER)


def states(organization: Organization, name: str = "films") -> Mapping[str, str]:
    """What the status tells of each field."""
    status = organization.get(name).get("status", {})
    return {index["fieldName"]: index["state"] for index in status.get("autoIndexes", ())}


def found(platform: Platform, collection: str, wanted: models.FieldCondition) -> list[Any]:
    """The points that a filter finds."""
    points, _ = platform.qdrant.scroll(collection, models.Filter(must=[wanted]), limit=1000, with_payload=False)
    return [point.id for point in points]


def told(platform: Platform, organization: Organization, reason: str) -> str:
    """The messages of the events of this reason."""
    events = platform.core.list_namespaced_event(organization.name).items
    return "\n".join(event.message for event in events if event.reason == reason)


def test_recorded_queries_bring_indexes_and_change_no_answer(
    platform: Platform, organization: Organization, full: Object
) -> None:
    collection, namespace_id = full["collection"], full["namespaceId"]
    before = [found(platform, collection, wanted) for wanted in (CITY, PRICE, BODY, MIXED)]
    query(platform, namespace_id, 101)
    organization.edit("films", autoCreateIndexes=True)
    wanted = {"city": "created", "price": "created", "body": "suggested", "mixed": "suggested"}
    eventually(lambda: states(organization) == wanted, "the indexes from use")
    status = organization.ready("films")
    assert condition(status, "IndexesSynced")["status"] == "True"
    by_field = {index["fieldName"]: index for index in status["autoIndexes"]}
    city = by_field["city"]
    assert (city["type"], city["queriesLastDay"], city["matchKinds"]) == ("keyword", 101, ["exact"])
    assert city["sample"]["points"] >= 100
    assert city["sample"]["kinds"] == ["string"]
    assert by_field["price"]["type"] == "float"
    assert by_field["body"]["type"] == "text"
    assert "integer, string" in by_field["mixed"]["message"]
    assert status["unmanagedIndexes"] == []
    assert status["payloadIndexCount"] == 0
    assert "nextAutoIndexRun" in status
    schema = platform.qdrant.get_collection(collection).payload_schema
    assert {name: schema[name].points for name in ("city", "price")} == {"city": 100, "price": 100}
    assert "body" not in schema
    assert [found(platform, collection, wanted) for wanted in (CITY, PRICE, BODY, MIXED)] == before
    eventually(lambda: "city" in told(platform, organization, "AutoIndexCreated"), "the event")
    eventually(lambda: "finds words" in told(platform, organization, "AutoIndexSuggested"), "the event of a suggestion")

    # Adopted, kept while switched off, and the other one dropped where the spec says so.
    organization.edit("films", payloadIndexes=[{"fieldName": "city", "type": "keyword"}])
    eventually(lambda: "city" not in states(organization), "the adoption")
    organization.edit("films", autoCreateIndexes=None, dropAutoIndexesOnDisable=True)
    eventually(lambda: "price" not in platform.qdrant.get_collection(collection).payload_schema, "the drop")
    assert "city" in platform.qdrant.get_collection(collection).payload_schema
    eventually(lambda: "price" in told(platform, organization, "AutoIndexDropped"), "the event of the drop")


def test_values_of_another_kind_end_it(platform: Platform, organization: Organization, full: Object) -> None:
    collection, namespace_id = full["collection"], full["namespaceId"]
    query(platform, namespace_id, 101)
    organization.edit("films", autoCreateIndexes=True, maxAutoIndexes=1)
    eventually(lambda: sorted(states(organization).values()).count("created") == 1, "one index from use")
    eventually(lambda: sorted(states(organization).values()).count("limited") == 1, "one that is limited")
    (made,) = (name for name, state in states(organization).items() if state == "created")
    payload = {made: {"x": 1}}
    platform.qdrant.upsert(collection, points=[models.PointStruct(id=500, vector={}, payload=payload)], wait=True)
    eventually(lambda: states(organization)[made] == "suggested", "the end of the index")
    assert made not in platform.qdrant.get_collection(collection).payload_schema
    assert "object" in next(
        index["message"] for index in organization.get("films")["status"]["autoIndexes"] if index["fieldName"] == made
    )
