"""What the operator reads of the documents that recorders write: the model and the real store agree."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from bson.datetime_ms import DatetimeMS
from pymongo.errors import NetworkTimeout

from devstack.stores import MongoDB
from namespace_operator.domain.usage import MAX_SILENCE, FieldUse, FilterUsage, MatchKind
from namespace_operator.stores.errors import Unavailable
from namespace_operator.stores.mongodb import MongoStore
from namespace_operator.stores.mongodb import usage as usage_module
from tests.contract.stores.harness import MetadataServer

NOW = datetime(2026, 11, 26, 12, 35, tzinfo=UTC)
HOUR = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINE, THEIRS = "ns_1", "ns_2"


def counter(count: object = 1, **other: Any) -> dict[str, Any]:
    """A counter of this hour."""
    raw = {"object": "filter_counter", "namespace_id": MINE, "recorder": "search-1", "hour": HOUR, "field": "city"}
    return {"_id": uuid4().hex, **raw, "kind": "exact", "count": count, **other}


def last_use(at: object, **other: Any) -> dict[str, Any]:
    """When a field was used last."""
    raw = {"object": "filter_field", "namespace_id": MINE, "field": "city", "last_used_at": at}
    return {"_id": uuid4().hex, **raw, **other}


def heartbeat(service: str, since: object, at: object) -> dict[str, Any]:
    """A service that is or was alive."""
    return {"_id": f"service/{service}", "object": "filter_service", "service": service, "since": since, "at": at}


async def usage(metadata: MetadataServer, *rows: dict[str, Any]) -> FilterUsage:
    """What is read of ``MINE`` when these documents are there."""
    for row in rows:
        await metadata.write("filter_usage", row)
    found = await metadata.store.filter_usage([MINE, THEIRS], NOW)
    assert found.keys() == {MINE, THEIRS}
    return found[MINE]


async def test_without_recorders_nothing_is_known(metadata: MetadataServer) -> None:
    assert await usage(metadata) == FilterUsage()
    assert await metadata.store.filter_usage([], NOW) == {}


async def test_recorders_hours_and_kinds_add_up(metadata: MetadataServer) -> None:
    found = await usage(
        metadata,
        counter(70),
        counter(40, recorder="search-2"),
        counter(5, hour=HOUR - timedelta(hours=3)),
        counter(2, kind="text", hour=HOUR - timedelta(days=3)),
        counter(3, kind="range", field="price"),
        counter(1_000, namespace_id=THEIRS),
    )
    assert found.fields == {
        "city": FieldUse(
            last_day={MatchKind.EXACT: 115},
            last_week=117,
            first_seen=HOUR - timedelta(days=3),
            last_seen=HOUR,
            week_kinds=frozenset({MatchKind.EXACT, MatchKind.TEXT}),
        ),
        "price": FieldUse({MatchKind.RANGE: 3}, 3, HOUR, HOUR, frozenset({MatchKind.RANGE})),
    }


@pytest.mark.parametrize(
    ("hours_ago", "day", "week"),
    [(-2, None, None), (-1, 101, 101), (0, 101, 101), (24, 101, 101), (25, 0, 101), (168, 0, 101), (169, None, None)],
)
async def test_a_bucket_counts_as_long_as_a_part_of_it_is_in_the_window(
    metadata: MetadataServer, hours_ago: int, day: int | None, week: int | None
) -> None:
    """At 12:35 the bucket of 12:00 yesterday counts whole: its queries may all have come at 12:59."""
    found = await usage(metadata, counter(101, hour=HOUR - timedelta(hours=hours_ago)))
    use = found.fields.get("city")
    assert (use and use.last_day.get(MatchKind.EXACT, 0), use and use.last_week) == (day, week)


@pytest.mark.parametrize(
    "odd",
    [
        counter(0),
        counter(-5),
        counter("5"),
        counter(None),
        counter(float("inf")),
        counter(float("nan")),
        counter(kind="fuzzy"),
        counter(kind=None),
        counter(field=5),
        counter(field={"$gt": ""}),
        counter(hour="today"),
        counter(hour=None),
        {"_id": "odd"},
        {"_id": "odd", "namespace_id": MINE},
        last_use("yesterday"),
        last_use(NOW, field=7),
        heartbeat("odd", NOW, "always"),
        last_use(DatetimeMS(2**50)),
        last_use(DatetimeMS(-(2**50))),
        heartbeat("odd", NOW, DatetimeMS(2**50)),
    ],
    ids=repr,
)
async def test_what_is_no_sensible_counter_is_passed_over(metadata: MetadataServer, odd: dict[str, Any]) -> None:
    found = await usage(metadata, odd, counter(7, field="price"))
    assert found.fields.keys() == {"price"}
    assert found.last_used == {"price": HOUR}


async def test_the_last_use_is_known_for_longer_than_the_counters_are(metadata: MetadataServer) -> None:
    long_ago = NOW - timedelta(days=25)
    found = await usage(
        metadata,
        last_use(long_ago, field="country"),
        last_use(long_ago),
        counter(),
        last_use(NOW, field="price"),
        counter(field="price"),
        last_use(NOW, namespace_id=THEIRS, field="secret"),
    )
    assert found.last_used == {"country": long_ago, "city": HOUR, "price": NOW}


FORTNIGHT = NOW - timedelta(days=14)


@pytest.mark.parametrize(
    ("beats", "since"),
    [
        ({"search": (FORTNIGHT, NOW)}, FORTNIGHT),
        ({"search": (FORTNIGHT, NOW), "chat": (HOUR, NOW)}, HOUR),
        ({"search": (FORTNIGHT, NOW - MAX_SILENCE)}, FORTNIGHT),
        ({"search": (FORTNIGHT, NOW - MAX_SILENCE - timedelta(seconds=1))}, None),
        ({"search": (FORTNIGHT, NOW), "chat": (FORTNIGHT, NOW - timedelta(days=29))}, None),
        ({"search": (FORTNIGHT, NOW), "retired": (FORTNIGHT, NOW - timedelta(days=31))}, FORTNIGHT),
    ],
    ids=["one", "the youngest run counts", "as long as allowed", "silent", "one of two is silent", "one was retired"],
)
async def test_silence_is_no_evidence(
    metadata: MetadataServer, beats: dict[str, tuple[datetime, datetime]], since: datetime | None
) -> None:
    found = await usage(metadata, *(heartbeat(service, *beat) for service, beat in beats.items()))
    assert found.watched_since == since
    assert (await metadata.store.filter_usage([THEIRS], NOW))[THEIRS].watched_since == since


async def test_the_use_of_a_namespace_goes_with_it(metadata: MetadataServer) -> None:
    await usage(metadata, counter(), last_use(NOW), counter(namespace_id=THEIRS), heartbeat("search", FORTNIGHT, NOW))
    while await metadata.store.delete_dependents("filter_usage", MINE):
        pass
    found = await metadata.store.filter_usage([MINE, THEIRS], NOW)
    assert found[MINE] == FilterUsage(watched_since=FORTNIGHT)
    assert found[THEIRS].fields.keys() == {"city"}


@pytest.fixture
async def place(own_mongodb: MongoDB) -> AsyncIterator[tuple[MongoStore, Any]]:
    """A store, and its collection seen past it."""
    name = f"usage_{uuid4().hex[:12]}"
    store = MongoStore(own_mongodb.uri, name, timeout_seconds=30)
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(own_mongodb.uri)
    yield store, client[name]["filter_usage"]
    client.drop_database(name)
    client.close()
    await store.close()


async def test_a_tenant_who_makes_fields_up_does_not_fill_the_answer(place: tuple[MongoStore, Any]) -> None:
    store, collection = place
    rows = [counter(field=f"made.up{number}") for number in range(1_500)]
    used = [last_use(FORTNIGHT, field=f"made.up{number}") for number in range(1_500)]
    collection.insert_many([*rows, *used, counter(200), last_use(NOW)])
    found = (await store.filter_usage([MINE], NOW))[MINE]
    assert (len(found.fields), found.fields["city"].last_week) == (1_000, 200)
    assert found.last_used["city"] == NOW
    assert len(found.last_used) <= 2_000


async def test_what_is_old_goes_after_its_time_whatever_an_earlier_version_said(
    place: tuple[MongoStore, Any],
) -> None:
    store, collection = place
    collection.create_index("hour", name="hour", sparse=True, expireAfterSeconds=60)
    await store.prepare()
    await store.prepare()
    indexes = collection.index_information()
    kept = {name: index["expireAfterSeconds"] for name, index in indexes.items() if "expireAfterSeconds" in index}
    assert kept == {"hour": 8 * 86_400, "last_used_at": 90 * 86_400, "at": 30 * 86_400}


async def test_the_use_of_many_namespaces_is_read_at_once(place: tuple[MongoStore, Any]) -> None:
    store, collection = place
    collection.insert_many([counter(number, namespace_id=f"ns_{number}") for number in range(1, 121)])
    found = await store.filter_usage([f"ns_{number}" for number in range(1, 131)], NOW)
    counted = {name: use.fields["city"].last_week if use.fields else 0 for name, use in found.items()}
    assert counted == {f"ns_{number}": number if number <= 120 else 0 for number in range(1, 131)}


async def test_what_is_too_much_for_one_operation_is_read_in_parts(
    place: tuple[MongoStore, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, collection = place
    collection.insert_many([counter(number, namespace_id=f"ns_{number}") for number in range(1, 11)])
    counted, asked = usage_module._counted, list[int]()

    async def slow(usage: Any, namespace_ids: Sequence[str], now: datetime) -> Mapping[str, Sequence[Any]]:
        asked.append(len(namespace_ids))
        if len(namespace_ids) > most:
            raise NetworkTimeout("too much")
        return await counted(usage, namespace_ids, now)

    monkeypatch.setattr(usage_module, "_counted", slow)
    most = 4
    found = await store.filter_usage([f"ns_{number}" for number in range(1, 11)], NOW)
    assert all(use.fields for use in found.values())
    assert sorted(asked) == [2, 2, 3, 3, 5, 5, 10]
    most = 0
    with pytest.raises(Unavailable):
        await store.filter_usage([MINE], NOW)
