"""Strict mode: what a collection's limits refuse."""

import re
from collections.abc import Iterator
from typing import Any

from devstack.qdrant.body import Json
from devstack.qdrant.errors import ApiError, bad_request, index_required
from devstack.qdrant.filters import conditions

_UUID = re.compile(r"(urn:uuid:)?\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)

# A use of an index, and the type that serves it.
_TYPE_OF = {
    "match bool": "bool",
    "match integer": "integer",
    "match keyword": "keyword",
    "match uuid": "uuid",
    "match text": "text",
    "match phrase": "text",
    "range datetime": "datetime",
    "range float": "float",
    "range integer": "integer",
    "geo": "geo",
}


class StrictMode:
    """The limits of one collection; all are off unless `enabled` is set."""

    def __init__(self, config: Json) -> None:
        settings = config.get("strict_mode_config") or {}
        self._settings: Json = settings if settings.get("enabled") else {}

    def check_read(self, fields: Json, indexes: Json) -> None:
        """Raises ApiError if a read is not allowed."""
        self._check_maximum(fields.get("limit"), "max_query_limit", "limit")
        self._check_filter(fields.get("filter"), indexes, "unindexed_filtering_retrieve")
        params = fields.get("params") or {}
        self._check_maximum(params.get("hnsw_ef"), "search_max_hnsw_ef", "hnsw_ef")
        if self._settings.get("search_allow_exact") is False and params.get("exact"):
            raise bad_request("Exact search disabled!", "Set exact=false.")

    def check_update(self, fields: Json, indexes: Json) -> None:
        """Raises ApiError if a change of points is not allowed."""
        self._check_filter(fields.get("filter"), indexes, "unindexed_filtering_update")
        if "filter" not in fields:
            self._check_maximum(len(fields.get("points") or []), "upsert_max_batchsize", "upsert limit")

    def check_new_index(self, field: str, indexes: Json) -> None:
        """Raises ApiError if there may be no further index."""
        limit = self._settings.get("max_payload_index_count")
        if limit is not None and field not in indexes and len(indexes) >= limit:
            raise bad_request(
                f"Collection already has the maximum number of payload indices ({limit})",
                "Please delete an existing index before creating a new one.",
            )

    def _check_maximum(self, value: Any, setting: str, name: str) -> None:
        limit = self._settings.get(setting)
        if limit is not None and value is not None and value > limit:
            text = f'Limit exceeded {value} > {limit} for "{name}"'
            raise bad_request(text, f'Reduce the "{name}" parameter to or below {limit}.')

    def _check_filter(self, value: Json | None, indexes: Json, permission: str) -> None:
        if not value:
            return
        limit = self._settings.get("filter_max_conditions")
        count = sum(1 for _ in _leaves(value))
        if limit is not None and count > limit:
            text = f"Filter condition limit reached ({count} > {limit})"
            raise bad_request(text, "Reduce the amount of conditions of your filter.")
        if self._settings.get(permission) is False:
            _require_indexes(value, indexes)


def _require_indexes(value: Json, indexes: Json) -> None:
    for field, condition in _leaves(value):
        uses = _uses(condition)
        if field and uses and not uses & _served_by(indexes.get(field)):
            raise _missing_index(field, uses)


def _missing_index(field: str, uses: set[str]) -> ApiError:
    return index_required(field, sorted({_TYPE_OF[use] for use in uses}))


def _leaves(value: Json, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """The conditions that are no filters themselves, each with the field it looks at, if any."""
    for condition in conditions(value):
        if "nested" in condition:
            nested = condition["nested"]
            yield from _leaves(nested["filter"], f"{prefix}{nested['key'].removesuffix('[]')}[].")
        elif "is_empty" in condition and isinstance(condition["is_empty"], dict):
            yield prefix + condition["is_empty"]["key"], condition
        elif "is_null" in condition and isinstance(condition["is_null"], dict):
            yield prefix + condition["is_null"]["key"], condition
        elif "key" in condition:
            yield prefix + condition["key"], condition
        elif condition.keys() & {"has_id", "has_vector"}:
            yield "", condition
        else:
            yield from _leaves(condition, prefix)


def _uses(condition: Json) -> set[str]:
    """The uses of an index of which one is enough for the condition; none where it needs no index."""
    uses: set[str] = set()
    if condition.get("match"):
        uses |= _match_uses(condition["match"])
    if condition.get("range"):
        dates = any(isinstance(bound, str) for bound in condition["range"].values())
        uses |= {"range datetime"} if dates else {"range float", "range integer"}
    if any(name.startswith("geo_") for name in condition):
        uses.add("geo")
    if condition.keys() & {"values_count", "is_empty", "is_null"}:
        uses |= _TYPE_OF.keys()
    return uses


def _match_uses(match: Json) -> set[str]:
    if "text" in match or "text_any" in match:
        return {"match text"}
    if "phrase" in match:
        return {"match phrase"}
    values = [match["value"]] if "value" in match else match.get("any") or match.get("except") or []
    if all(isinstance(value, bool) for value in values):
        return {"match bool"} if values else set()
    if all(isinstance(value, int) for value in values):
        return {"match integer"}
    uuids = all(isinstance(value, str) and _UUID.fullmatch(value) for value in values)
    return {"match keyword", "match uuid"} if uuids else {"match keyword"}


def _served_by(entry: Json | None) -> set[str]:
    """What an index can be used for."""
    if entry is None:
        return set()
    kind, params = entry["data_type"], entry.get("params", {})
    uses = {use for use, served in _TYPE_OF.items() if served == kind}
    if kind == "integer" and params.get("lookup") is False:
        uses.discard("match integer")
    if kind == "integer" and params.get("range") is False:
        uses.discard("range integer")
    if kind == "text" and not params.get("phrase_matching"):
        uses.discard("match phrase")
    return uses
