"""Many Namespaces made from one that the operator made: the same values under other names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def substituted(value: Any, names: Mapping[str, str]) -> Any:
    """A copy of a value as JSON or BSON has it, with each name replaced wherever it stands in a text or a key.

    Names are replaced in the order of the mapping; none may be a part of what another one becomes.
    """
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, Mapping):
        return {substituted(key, names): substituted(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [substituted(each, names) for each in value]
    return value
