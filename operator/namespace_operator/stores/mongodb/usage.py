"""The use of filters, as recorders write it. What the documents mean is in docs/filter-usage.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure, PyMongoError

from namespace_operator.domain.usage import (
    DAY,
    WEEK,
    FieldUse,
    FilterUsage,
    Heartbeat,
    MatchKind,
    first_hour,
    watched_since,
)
from namespace_operator.usage.contract import KEPT

_AT_ONCE = 10
"""Namespaces an aggregation. A counter costs some 10 µs on a busy machine, and forty processes that filter ten
namespaces by eight fields make 540,000 a week: more than an operation's timeout may have room for, see ``_read``.
"""
_FIELDS = 1_000
"""Of a namespace with more fields than that only those are told of that were used most, or last."""
_SENSIBLE = 1e15
_KINDS = [kind.value for kind in MatchKind]
_HOUR = timedelta(hours=1)
_BEGIN_OF_TIME, _END_OF_TIME = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""Other dates cannot be read, and one of them would keep everything else from being read."""
_INDEX_OPTIONS_CONFLICT = 85

Raw = dict[str, Any]
Usage = AsyncCollection[Raw]


async def make_usage_indexes(usage: Usage) -> None:
    """The indexes by which counters are found, and those by which what is old goes."""
    await usage.create_index([("namespace_id", 1), ("hour", 1)], name="namespace_hour")
    for field, kept in KEPT.items():
        seconds = int(kept.total_seconds())
        try:
            await usage.create_index(field, name=field, sparse=True, expireAfterSeconds=seconds)
        except OperationFailure as error:
            if error.code != _INDEX_OPTIONS_CONFLICT:
                raise
            # Made by another version, which kept them for another time.
            change = {"name": field, "expireAfterSeconds": seconds}
            await usage.database.command("collMod", usage.name, index=change)


async def read_usage(usage: Usage, namespace_ids: Names[str], now: datetime) -> Mapping[str, FilterUsage]:
    """Two aggregations for each so many namespaces, and one read of the services' heartbeats."""
    since = watched_since(await _heartbeats(usage, now), now)
    ordered, found = sorted(namespace_ids), dict[str, FilterUsage]()
    for start in range(0, len(ordered), _AT_ONCE):
        found |= await _read(usage, ordered[start : start + _AT_ONCE], since, now)
    return found


async def _read(
    usage: Usage, namespace_ids: Sequence[str], since: datetime | None, now: datetime
) -> dict[str, FilterUsage]:
    try:
        counted, last_used = await _counted(usage, namespace_ids, now), await _last_used(usage, namespace_ids)
    except PyMongoError as error:
        half = len(namespace_ids) // 2
        if not error.timeout or half == 0:
            raise
        # Too much for one operation. A server that does not answer at all fails the first half, down to one namespace.
        first = await _read(usage, namespace_ids[:half], since, now)
        return first | await _read(usage, namespace_ids[half:], since, now)
    return {each: _usage(counted.get(each, ()), last_used.get(each, {}), since) for each in namespace_ids}


def _usage(rows: Sequence[Raw], last_used: Mapping[str, datetime], since: datetime | None) -> FilterUsage:
    fields = _fields(rows)
    counted = {name: use.last_seen for name, use in fields.items()}
    latest = {name: max(at, counted.get(name, at)) for name, at in {**counted, **last_used}.items()}
    return FilterUsage(fields, latest, since)


async def _heartbeats(usage: Usage, now: datetime) -> Sequence[Heartbeat]:
    found = await usage.find({"at": {"$gte": now - KEPT["at"], "$lt": _END_OF_TIME}}, {"since": 1, "at": 1}).to_list()
    return [Heartbeat(_date(row.get("since"), now), row["at"]) for row in found]


async def _counted(usage: Usage, namespace_ids: Sequence[str], now: datetime) -> Mapping[str, Sequence[Raw]]:
    """The sums of each namespace by field and kind. A recorder whose clock is ahead may be an hour early."""
    in_day = {"$gte": ["$hour", first_hour(now, DAY)]}
    week = {"$gte": first_hour(now, WEEK), "$lte": now + _HOUR}
    pipeline: list[Raw] = [
        {
            "$match": {
                "namespace_id": {"$in": namespace_ids},
                "hour": week,
                "field": {"$type": "string"},
                "kind": {"$in": _KINDS},
                "count": {"$gt": 0, "$lt": _SENSIBLE},
            }
        },
        {
            "$group": {
                "_id": {"namespace_id": "$namespace_id", "field": "$field", "kind": "$kind"},
                "day": {"$sum": {"$cond": [in_day, "$count", 0]}},
                "week": {"$sum": "$count"},
                "first": {"$min": "$hour"},
                "last": {"$max": "$hour"},
            }
        },
        {"$replaceWith": {"$mergeObjects": ["$_id", "$$ROOT"]}},
        _most("week", "field", "kind", "day", "first", "last"),
    ]
    return {row["_id"]: row["rows"] async for row in await usage.aggregate(pipeline)}


async def _last_used(usage: Usage, namespace_ids: Sequence[str]) -> Mapping[str, Mapping[str, datetime]]:
    # Only counters have an hour: so the index on it finds the others.
    match = {"namespace_id": {"$in": namespace_ids}, "hour": None}
    sensible = {"field": {"$type": "string"}, "last_used_at": {"$lt": _END_OF_TIME, "$gt": _BEGIN_OF_TIME}}
    cursor = await usage.aggregate([{"$match": {**match, **sensible}}, _most("last_used_at", "field")])
    return {row["_id"]: {each["field"]: each["last_used_at"] for each in row["rows"]} async for row in cursor}


def _most(of: str, *fields: str) -> Raw:
    """Rows by namespace: a tenant who filters by fields that he makes up fills neither an answer nor our memory."""
    output = {field: f"${field}" for field in (of, *fields)}
    top = {"n": _FIELDS, "sortBy": {of: -1}, "output": output}
    return {"$group": {"_id": "$namespace_id", "rows": {"$topN": top}}}


def _fields(rows: Sequence[Raw]) -> Mapping[str, FieldUse]:
    by_field = defaultdict[str, list[Raw]](list)
    for row in rows:
        by_field[row["field"]].append(row)
    return {field: _use(of_field) for field, of_field in by_field.items()}


def _use(rows: Sequence[Raw]) -> FieldUse:
    return FieldUse(
        last_day={MatchKind(row["kind"]): int(row["day"]) for row in rows if row["day"] >= 1},
        last_week=sum(int(row["week"]) for row in rows),
        first_seen=min(row["first"] for row in rows),
        last_seen=max(row["last"] for row in rows),
        week_kinds=frozenset(MatchKind(row["kind"]) for row in rows),
    )


def _date(value: object, otherwise: datetime) -> datetime:
    return value if isinstance(value, datetime) else otherwise
