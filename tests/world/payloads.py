"""What the model server makes of payloads: which have a value at a path, and which of them an index takes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from namespace_operator.domain.indexes import IndexSchema

_PART = re.compile(r'"([^"]+)"|([^."\[\]]+)|\[(\d*)\]')


def has_value(payload: Mapping[str, Any], path: str) -> bool:
    """Whether a filter for what is empty leaves this payload out."""
    return any(value not in (None, []) for value in _found(payload, path))


def indexed(payloads: Iterable[Mapping[str, Any]], path: str, schema: IndexSchema) -> int:
    """Of how many payloads an index has at least one value."""
    takes, root = _TAKES[str(schema["type"])], root_of(path)
    # Some tests have hundreds of thousands, nearly all of them without the field.
    having = (payload for payload in payloads if root in payload)
    return sum(any(takes(value) for value in _each(payload, path, root)) for payload in having)


def _each(payload: Mapping[str, Any], path: str, root: str) -> list[Any]:
    """The values at a path, those of arrays one by one."""
    found = [payload[root]] if path == root else _found(payload, path)
    return [one for value in found for one in (value if isinstance(value, list) else [value])]


@cache
def root_of(path: str) -> str:
    """The first key of a path."""
    found = _PART.match(path)
    assert found is not None
    return found[1] or found[2]


def _found(payload: Any, path: str) -> list[Any]:
    values = [payload]
    for quoted, bare, index in _PART.findall(path):
        values = list(_step(values, quoted or bare, index))
    return values


def _step(values: list[Any], key: str, index: str) -> Iterator[Any]:
    for value in values:
        if key:
            if isinstance(value, dict) and key in value:
                yield value[key]
        elif isinstance(value, list):
            yield from value[int(index) : int(index) + 1] if index else value


def _is_whole(value: Any) -> bool:
    # The index takes 1.0 for 1, 2.5 for nothing, and 2^63 for the largest number that it knows.
    return _is_number(value) and abs(value) <= 2**63 and value == int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _is_place(value: Any) -> bool:
    return isinstance(value, dict) and _is_number(value.get("lat")) and _is_number(value.get("lon"))


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


_TAKES: Mapping[str, Callable[[Any], bool]] = {
    "keyword": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "float": _is_number,
    "datetime": _is_moment,
    "geo": _is_place,
    "uuid": _is_uuid,
}
