"""The values that a payload has at a path, as Qdrant finds them for an index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_TOKEN = re.compile(r'\.?(?:"(?P<quoted>[^"]+)"|(?P<bare>[^.\[\]"]+))|\[(?P<index>\d*)\]')
_NUMBERED = re.compile(r"\[\d+\]")

_EVERY = object()


def values_at(payload: Mapping[str, Any], path: str) -> list[Any]:
    """What an index on the path sees of a payload, nulls included: of an array its elements, one level deep.

    A key is looked for in objects only, not in the objects of an array; that takes ``[]`` in the path.
    """
    return [element for value in _found(payload, _steps(path)) for element in _elements(value)]


def hollow_at(payload: Mapping[str, Any], path: str) -> bool:
    """Whether the payload has an array of nothing but nulls there: a value for Qdrant, but for no index."""
    found = _found(payload, _steps(path))
    return any(isinstance(value, list) and value and all(one is None for one in value) for value in found)


def projection(path: str) -> str:
    """The path to ask for, so that the answer has all that is at ``path``: Qdrant cannot cut out one element."""
    numbered = _NUMBERED.search(path)
    return path if numbered is None else path[: numbered.start()]


def _steps(path: str) -> Sequence[object]:
    steps: list[object] = []
    for token in _TOKEN.finditer(path):
        index = token["index"]
        if index is None:
            steps.append(token["quoted"] or token["bare"])
        else:
            steps.append(int(index) if index else _EVERY)
    return steps


def _found(value: Any, steps: Sequence[object]) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if isinstance(value, Mapping) and step in value:
            yield from _found(value[step], rest)
    elif isinstance(value, list):
        chosen = value if step is _EVERY else value[step : step + 1] if isinstance(step, int) else ()
        for one in chosen:
            yield from _found(one, rest)


def _elements(value: Any) -> Sequence[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else (value,)
