"""Field paths as Qdrant reads them: two spellings of one path are one field."""

from __future__ import annotations

import re
from functools import lru_cache

from namespace_operator.usage.contract import MAX_FIELD

_KEY = r'(?:(?P<raw>[\w-]+)|"(?P<quoted>[^"\\]*)")'
_FIRST = re.compile(_KEY)
_NEXT = re.compile(rf"\.{_KEY}|\[(?P<index>[0-9]*)\]")
_NEEDS_NO_QUOTES = re.compile(r"[\w-]+")


@lru_cache(maxsize=8192)
def field_path(key: str) -> str:
    """The path in its one spelling; empty if Qdrant could not read it, or it is too long to have an index."""
    return _bounded(_canonical(key)) if len(key) <= MAX_FIELD else ""


@lru_cache(maxsize=8192)
def path_below(prefix: str, key: str) -> str:
    """The path of a key in the filter of a nested condition, whose ``prefix`` is what ``elements`` made."""
    path = field_path(key)
    return _bounded(f"{prefix}.{path}") if path else ""


def elements(path: str) -> str:
    """The elements of the array at a path: what the paths in a nested condition begin with."""
    return path if path.endswith("[]") else f"{path}[]"


def _bounded(path: str) -> str:
    try:
        return path if len(path.encode()) <= MAX_FIELD else ""
    except UnicodeEncodeError:
        # Half of a surrogate pair, which MongoDB would not take.
        return ""


def _canonical(key: str) -> str:
    match = _FIRST.match(key)
    parts: list[str] = []
    end = 0
    while match is not None:
        parts.append(_spell(match.groupdict(), first=not parts))
        end = match.end()
        match = _NEXT.match(key, end)
    return "".join(parts) if end == len(key) else ""


def _spell(found: dict[str, str | None], *, first: bool) -> str:
    index, raw, quoted = found.get("index"), found["raw"], found["quoted"]
    if index is not None:
        return f"[{int(index)}]" if index else "[]"
    name = raw if raw is not None else quoted or ""
    spelled = name if _NEEDS_NO_QUOTES.fullmatch(name) else f'"{name}"'
    return spelled if first else f".{spelled}"
