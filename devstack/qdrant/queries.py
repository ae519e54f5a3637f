"""Reads of points: from a request's fields to the engine's requests."""

from dataclasses import dataclass
from typing import Any

import qdrant_edge as engine

from devstack.qdrant.body import Json
from devstack.qdrant.errors import invalid_body, malformed_body, not_served, unknown_vector
from devstack.qdrant.filters import parse_filter
from devstack.qdrant.points import parse_vector, point_id, point_ids
from devstack.qdrant.vectors import Vectors

_DEFAULT_LIMIT = 10
_MAX_NUMBER = 2**31


@dataclass(frozen=True)
class Retrieve:
    """Points by their identifiers."""

    ids: list[Any]
    with_payload: Any
    with_vector: Any


def parse_count(fields: Json) -> engine.CountRequest:
    """POST …/points/count."""
    _refuse(fields, "shard_key")
    return engine.CountRequest(exact=_flag(fields, "exact", default=True), filter=parse_filter(fields.get("filter")))


def parse_scroll(fields: Json) -> engine.ScrollRequest:
    """POST …/points/scroll."""
    _refuse(fields, "shard_key", "order_by")
    offset = fields.get("offset")
    return engine.ScrollRequest(
        offset=None if offset is None else point_id(offset),
        limit=_limit(fields),
        filter=parse_filter(fields.get("filter")),
        with_payload=_with_payload(fields, default=True),
        with_vector=_with_vector(fields),
    )


def parse_retrieve(fields: Json) -> Retrieve:
    """POST …/points."""
    _refuse(fields, "shard_key")
    return Retrieve(point_ids(fields.get("ids")), _with_payload(fields, default=True), _with_vector(fields))


def parse_facet(fields: Json) -> engine.FacetRequest:
    """POST …/facet."""
    _refuse(fields, "shard_key")
    key = fields.get("key")
    if not isinstance(key, str):
        raise malformed_body("missing field `key`")
    try:
        return engine.FacetRequest(
            key,
            limit=_limit(fields),
            exact=_flag(fields, "exact", default=False),
            filter=parse_filter(fields.get("filter")),
        )
    except ValueError:
        raise malformed_body(f"Invalid json path: '{key}'") from None


def parse_query(fields: Json, vectors: Vectors) -> engine.QueryRequest:
    """POST …/points/query, for the nearest points to a vector, for random points and for any."""
    _refuse(fields, "shard_key", "prefetch", "lookup_from")
    using = fields.get("using") or ""
    query = fields.get("query")
    if isinstance(query, dict) and query.keys() == {"sample"}:
        return _parse_sample(fields, query["sample"])
    if isinstance(query, dict) and query.keys() == {"nearest"}:
        query = query["nearest"]
    if isinstance(query, str | int | float) or (isinstance(query, dict) and not query.keys() & {"indices", "values"}):
        raise not_served("queries other than for the nearest points to a vector")
    if not isinstance(using, str):
        raise malformed_body("invalid type for `using`: expected a string")
    if query is not None and using not in vectors:
        raise unknown_vector(using)
    threshold = fields.get("score_threshold")
    if threshold is not None and not isinstance(threshold, int | float):
        raise malformed_body("invalid type for `score_threshold`: expected a number")
    return engine.QueryRequest(
        limit=_limit(fields),
        offset=_number(fields, "offset", 0),
        query=None if query is None else engine.Query.Nearest(parse_vector(query, using, vectors), using=using),
        filter=parse_filter(fields.get("filter")),
        score_threshold=threshold,
        params=_search_params(fields.get("params")),
        with_payload=_with_payload(fields, default=False),
        with_vector=_with_vector(fields),
    )


def parse_batch(fields: Json, vectors: Vectors) -> list[engine.QueryRequest]:
    """POST …/points/query/batch."""
    searches = fields.get("searches")
    if not isinstance(searches, list) or not all(isinstance(search, dict) for search in searches):
        raise malformed_body("missing field `searches`")
    return [parse_query(search, vectors) for search in searches]


def _parse_sample(fields: Json, method: Any) -> engine.QueryRequest:
    if method != "random":
        raise malformed_body(f"query.sample: unknown variant `{method}`, expected `random`")
    return engine.QueryRequest(
        limit=_limit(fields),
        offset=_number(fields, "offset", 0),
        query=engine.Sample.Random,
        filter=parse_filter(fields.get("filter")),
        with_payload=_with_payload(fields, default=False),
        with_vector=_with_vector(fields),
    )


def _search_params(value: Any) -> engine.SearchParams | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise malformed_body("invalid type for `params`: expected a map")
    # The engine searches exactly here, so what trades accuracy for speed has nothing to act on.
    _refuse(value, "quantization", "acorn", "idf")
    return engine.SearchParams(
        hnsw_ef=_number(value, "hnsw_ef", None),
        exact=_flag(value, "exact", default=False),
        indexed_only=_flag(value, "indexed_only", default=False),
    )


def _refuse(fields: Json, *unserved: str) -> None:
    for name in unserved:
        if fields.get(name) is not None:
            raise not_served(f"`{name}` in a read of points")


def _limit(fields: Json) -> int:
    limit = _number(fields, "limit", _DEFAULT_LIMIT)
    if limit == 0:
        raise invalid_body("limit", "value 0 invalid, must be 1 or larger")
    return int(limit)


def _number(fields: Json, name: str, default: int | None) -> Any:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_NUMBER:
        raise malformed_body(f"invalid value for `{name}`: expected an unsigned integer")
    return value


def _flag(fields: Json, name: str, *, default: bool) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise malformed_body(f"invalid type for `{name}`: expected a boolean")
    return default if value is None else value


def _with_payload(fields: Json, *, default: bool) -> Any:
    value = fields.get("with_payload")
    if value is None or isinstance(value, bool):
        return default if value is None else value
    selectors = {"include": engine.PayloadSelector.Include, "exclude": engine.PayloadSelector.Exclude}
    kind = next(iter(value), "") if isinstance(value, dict) else "include"
    keys: Any = value.get(kind) if isinstance(value, dict) else value
    try:
        return selectors[kind](keys)
    except (KeyError, TypeError, ValueError):
        raise malformed_body("data did not match any variant of untagged enum WithPayloadInterface") from None


def _with_vector(fields: Json) -> Any:
    value = fields.get("with_vector", fields.get("with_vectors"))
    if value is None or isinstance(value, bool):
        return bool(value)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise malformed_body("data did not match any variant of untagged enum WithVector")
    return value
