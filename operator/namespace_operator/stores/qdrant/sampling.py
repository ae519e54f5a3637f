"""Random samples of payload, by Qdrant's query API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from namespace_operator.domain.evidence import Draw, Payload
from namespace_operator.domain.payload_path import projection

_NAMESPACE_ID = "namespace_id"


def batch(field_names: Sequence[str], draws: Sequence[Draw]) -> dict[str, Any]:
    """The request for all the draws."""
    include = sorted({projection(name) for name in field_names})
    return {"searches": [_search(include, draw) for draw in draws]}


def payloads(answer: Sequence[Mapping[str, Any]]) -> tuple[Payload, ...]:
    """The payloads of all the points that were drawn, of each once."""
    return tuple({point["id"]: point.get("payload") or {} for drawn in answer for point in drawn["points"]}.values())


def having(field_name: str) -> dict[str, Any]:
    """The filter on points that have a value in a field."""
    return {"must_not": [{"is_empty": {"key": field_name}}]}


def _search(include: Sequence[str], draw: Draw) -> dict[str, Any]:
    conditions: dict[str, Any] = {} if draw.field_name is None else having(draw.field_name)
    if draw.namespace_id is not None:
        conditions["must"] = [{"key": _NAMESPACE_ID, "match": {"value": draw.namespace_id}}]
    return {
        "query": {"sample": "random"},
        "limit": draw.limit,
        "with_payload": {"include": list(include)},
        "with_vector": False,
        **({"filter": conditions} if conditions else {}),
    }
