"""The kinds of values that a payload can have, as far as indexes tell them apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

_INT64 = range(-(2**63), 2**63)

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?:[Zz]|[+-](\d\d):(\d\d))")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

_MAX_OFFSET = (23, 59)


class ValueKind(StrEnum):
    """The kind of one value."""

    STRING = "string"
    DATETIME = "datetime"
    """A string that RFC 3339 takes for a moment: with date, time and offset."""
    UUID = "uuid"
    """A string of that form."""
    INTEGER = "integer"
    LARGE_INTEGER = "large-integer"
    """One beyond 64 bits with sign, which an index on integers holds as another number."""
    FLOAT = "float"
    BOOLEAN = "boolean"
    GEO = "geo"
    """An object with ``lat`` and ``lon`` on the globe."""
    OBJECT = "object"
    ARRAY = "array"
    """An array within an array, into which no index looks."""


TEXTS = frozenset({ValueKind.STRING, ValueKind.DATETIME, ValueKind.UUID})
NUMBERS = frozenset({ValueKind.INTEGER, ValueKind.LARGE_INTEGER, ValueKind.FLOAT})


def kind_of(value: Any) -> ValueKind:  # noqa: ANN401 - JSON
    """The kind of a value that is not null. A boolean is no integer, and 1.0 is none either."""
    match value:
        case bool():
            return ValueKind.BOOLEAN
        case int():
            return ValueKind.INTEGER if value in _INT64 else ValueKind.LARGE_INTEGER
        case float():
            return ValueKind.FLOAT
        case str():
            return _kind_of_text(value)
        case Mapping():
            return ValueKind.GEO if _is_place(value) else ValueKind.OBJECT
        case _:
            return ValueKind.ARRAY


def _kind_of_text(text: str) -> ValueKind:
    if _UUID.fullmatch(text):
        return ValueKind.UUID
    return ValueKind.DATETIME if _is_moment(text) else ValueKind.STRING


def _is_moment(text: str) -> bool:
    found = _RFC3339.fullmatch(text)
    if found is None or (found[3] is not None and (int(found[3]), int(found[4])) > _MAX_OFFSET):
        return False
    try:
        datetime.fromisoformat(f"{found[1]}T{found[2]}")
    except ValueError:
        return False
    return found[4] is None or int(found[4]) <= _MAX_OFFSET[1]


def _is_place(value: Mapping[str, Any]) -> bool:
    return _within(value.get("lat"), 90) and _within(value.get("lon"), 180)


def _within(value: object, limit: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= limit
