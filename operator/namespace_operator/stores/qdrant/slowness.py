"""Fields of slow requests, from what Qdrant tells of itself: evidence of use, never a count of it.

``/issues`` names fields without an index that slow searches filtered by. ``/profiler/slow_requests`` has the requests
themselves: their bodies may hold anything and are never logged; only the fields that they filter by are taken out.
Both may look otherwise in another version. What is not understood is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_UNINDEXED = "UNINDEXED_FIELD"
_COMPARISONS = frozenset({"match", "range", "geo_radius", "geo_bounding_box", "geo_polygon", "values_count"})
_MAX_DEPTH = 32

Fields = Mapping[str, frozenset[str]]


def together(answers: Sequence[Any]) -> Fields:
    """The fields in the results of both requests, by collection; None stands for no answer."""
    fields: defaultdict[str, set[str]] = defaultdict(set)
    for answer in answers:
        for collection, field_name in (*_of_issues(answer), *_of_requests(answer)):
            fields[collection].add(field_name)
    return {collection: frozenset(names) for collection, names in fields.items()}


def _of_issues(answer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """An issue's id is its kind, the collection and the field, with slashes in between."""
    for issue in _listed(answer, "issues"):
        kind, _, rest = str(issue.get("id", "")).partition("/")
        collection, _, field_name = rest.partition("/")
        if kind == _UNINDEXED and collection and field_name:
            yield collection, field_name


def _of_requests(answer: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    for request in _listed(answer, "requests"):
        collection = request.get("collection_name")
        if isinstance(collection, str):
            yield from ((collection, field_name) for field_name in _filtered(request.get("request_body"), "", 0))


def _listed(answer: Any, name: str) -> list[Mapping[str, Any]]:  # noqa: ANN401 - JSON
    listed = answer.get(name) if isinstance(answer, Mapping) else None
    return [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []


def _filtered(value: Any, prefix: str, depth: int) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The fields of all conditions in a request, those of nested ones with the path to them."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for one in value:
            yield from _filtered(one, prefix, depth + 1)
    if not isinstance(value, Mapping):
        return
    key = value.get("key")
    if isinstance(key, str) and value.keys() & _COMPARISONS:
        yield prefix + key
    if isinstance(key, str) and "filter" in value:
        yield from _filtered(value["filter"], f"{prefix}{key.removesuffix('[]')}[].", depth + 1)
        return
    for part in value.values():
        yield from _filtered(part, prefix, depth + 1)
