"""Which fields a filter asks for what: of a model of qdrant-client, or of its JSON.

Nothing here imports qdrant-client: a model's ``__dict__`` has the fields of its JSON, so that one walk serves both.
It runs in every query of a service, so it is written to be quick: kinds are plain strings until somebody looks at
them, and ``issubclass`` is asked of types where ``isinstance`` would also ask a model what it pretends to be.
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
        for clause, conditions in (node if issubclass(type(node), dict) else node.__dict__).items():
            if conditions is None or clause not in _CLAUSES:
                continue
            listed = conditions if type(conditions) is list else _listed(clause, conditions)
            if len(listed) > left:
                listed = listed[:left]
            left -= len(listed)
            for condition in listed:
                asked = condition if issubclass(type(condition), dict) else condition.__dict__
                key = asked.get("key")
                if key is None:
                    _descend(asked, prefix, filters)
                elif path := path_below(prefix, key) if prefix else field_path(key):
                    _add_kinds(found, path, asked)
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


def _add_kinds(found: Uses, path: str, asked: dict[str, Any]) -> None:
    """What one condition asks of its field."""
    match = asked.get("match")
    if match is not None:
        for name, wanted in (match if issubclass(type(match), dict) else match.__dict__).items():
            if wanted is not None and (kind := _MATCHES.get(name)) is not None:
                may_be_uuid = kind is _EXACT and (type(wanted) is not str or len(wanted) == _UUID_LENGTH)
                found.add((path, _UUIDS if may_be_uuid and _are_uuids(wanted) else kind))
                break
        # One condition may ask for both; the JSON of one that does not has but a key and a match.
        if len(asked) == 2:
            return
    bounds = asked.get("range")
    if bounds is not None:
        for bound in (bounds if issubclass(type(bounds), dict) else bounds.__dict__).values():
            if bound is not None:
                if (kind := _BOUNDS.get(type(bound)) or _kind_of_odd(bound)) is not None:
                    found.add((path, kind))
                return
    elif asked.get("geo_radius") or asked.get("geo_bounding_box") or asked.get("geo_polygon"):
        found.add((path, _PLACE))


def _are_uuids(wanted: object) -> bool:
    if isinstance(wanted, str):
        return len(wanted) == _UUID_LENGTH and _UUID(wanted) is not None
    if not isinstance(wanted, list | tuple) or not wanted:
        return False
    first = wanted[0]
    if not isinstance(first, str) or len(first) != _UUID_LENGTH:
        return False
    return all(isinstance(value, str) and _are_uuids(value) for value in wanted[:_MAX_VALUES])


def _kind_of_odd(bound: object) -> str | None:
    """What other libraries' numbers and times are; a boolean is neither."""
    of_type = (kind for type_, kind in _BOUNDS.items() if isinstance(bound, type_) and not isinstance(bound, bool))
    return next(of_type, None)
