"""Which fields a filter asks for what: of a model of qdrant-client, or of its JSON.

Nothing here imports qdrant-client: a model's ``__dict__`` has the fields of its JSON, so that one walk serves both.
It runs in every query of a service, so it is written to be quick: kinds are plain strings until somebody looks at them.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from namespace_operator.domain.usage import MatchKind
from namespace_operator.usage.paths import elements, field_path, path_below

Uses = set[tuple[str, str]]

_MAX_CONDITIONS = 1_000
"""What is beyond that in one filter is not looked at: a caller's query must not wait for us."""
_MAX_VALUES = 16
"""Of a longer list of values only the first so many are asked whether they are UUIDs."""
_CLAUSES = frozenset({"must", "should", "must_not", "min_should"})
_EXACT, _UUIDS = MatchKind.EXACT.value, MatchKind.UUID.value
_RANGE, _DATETIME = MatchKind.RANGE.value, MatchKind.DATETIME.value
_MATCHES = {
    **dict.fromkeys(("value", "any", "except", "except_"), _EXACT),
    **dict.fromkeys(("text", "phrase", "text_any", "prefix", "substring"), MatchKind.TEXT.value),
}
_BOUNDS: dict[type, str] = {int: _RANGE, float: _RANGE, str: _DATETIME, datetime: _DATETIME, date: _DATETIME}
_PLACE = MatchKind.GEO.value
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}").fullmatch
_UUID_LENGTH = 36


def used_fields(query_filter: object) -> frozenset[tuple[str, MatchKind]]:
    """Each field that the filter has a condition on, once with each kind of condition.

    Conditions that an index on a field is not needed for (``is_empty``, ``is_null``, ``values_count``, ``has_id``,
    ``has_vector``) do not count. What is not understood is passed over; what Qdrant could not read either may make
    the whole filter count for nothing.
    """
    try:
        return frozenset((path, MatchKind(kind)) for path, kind in walk(query_filter))
    except Exception:
        return frozenset()


def walk(query_filter: object) -> Uses:
    """The same with the kinds as strings. Raises where something is neither JSON nor a model, or has another shape."""
    found: Uses = set()
    filters: list[tuple[Any, str]] = [(query_filter, "")] if query_filter is not None else []
    left = _MAX_CONDITIONS
    while filters:
        node, prefix = filters.pop()
        for clause, conditions in (node if isinstance(node, dict) else node.__dict__).items():
            if conditions is None or clause not in _CLAUSES:
                continue
            listed = conditions if type(conditions) is list else _listed(clause, conditions)
            if len(listed) > left:
                listed = listed[:left]
            left -= len(listed)
            for condition in listed:
                asked = condition if isinstance(condition, dict) else condition.__dict__
                key = asked.get("key")
                if key is None:
                    _descend(asked, prefix, filters)
                elif path := path_below(prefix, key) if prefix else field_path(key):
                    match = asked.get("match")
                    kind = None if match is None else _match_kind(match)
                    if kind is not None:
                        found.add((path, kind))
                    # One condition may ask for both; the JSON of one that does not has but a key and a match.
                    if (match is None or len(asked) > 2) and (kind := _other_kind(asked)) is not None:
                        found.add((path, kind))
    return found


def _listed(clause: str, conditions: object) -> list[Any]:
    """The conditions of a clause that is no list: a single one, or one that says how many of them have to be met."""
    if clause == "min_should":
        fields = conditions if isinstance(conditions, dict) else conditions.__dict__
        conditions = fields.get("conditions") or []
    return list(conditions) if isinstance(conditions, list | tuple) else [conditions]


def _descend(asked: dict[str, Any], prefix: str, filters: list[tuple[Any, str]]) -> None:
    """Look into a filter among the conditions, or into that of a nested condition, later."""
    nested = asked.get("nested")
    if nested is None:
        filters.append((asked, prefix))
        return
    inner = nested if isinstance(nested, dict) else nested.__dict__
    key = inner["key"]
    path = path_below(prefix, key) if prefix else field_path(key)
    if path:
        filters.append((inner["filter"], elements(path)))


def _match_kind(match: object) -> str | None:
    for name, wanted in (match if isinstance(match, dict) else match.__dict__).items():
        kind = _MATCHES.get(name)
        if kind is not None and wanted is not None:
            if kind is not _EXACT or (type(wanted) is str and len(wanted) != _UUID_LENGTH):
                return kind
            return _UUIDS if _are_uuids(wanted) else kind
    return None


def _are_uuids(wanted: object) -> bool:
    if isinstance(wanted, str):
        return len(wanted) == _UUID_LENGTH and _UUID(wanted) is not None
    if not isinstance(wanted, list | tuple) or not wanted:
        return False
    return all(isinstance(value, str) and _are_uuids(value) for value in wanted[:_MAX_VALUES])


def _other_kind(asked: dict[str, Any]) -> str | None:
    bounds = asked.get("range")
    if bounds is not None:
        for bound in (bounds if isinstance(bounds, dict) else bounds.__dict__).values():
            if bound is not None:
                return _BOUNDS.get(type(bound)) or _kind_of_odd(bound)
        return None
    has_place = asked.get("geo_radius") or asked.get("geo_bounding_box") or asked.get("geo_polygon")
    return None if has_place is None else _PLACE


def _kind_of_odd(bound: object) -> str | None:
    """What other libraries' numbers and times are; a boolean is neither."""
    of_type = (kind for type_, kind in _BOUNDS.items() if isinstance(bound, type_) and not isinstance(bound, bool))
    return next(of_type, None)
