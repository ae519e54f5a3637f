"""Fields of a Pod that its containers may read (`fieldRef`)."""

import re
from typing import Any

from devstack.node.errors import UnsupportedError

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")

_PATHS = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "metadata.uid": ("metadata", "uid"),
    "spec.nodeName": ("spec", "nodeName"),
    "spec.serviceAccountName": ("spec", "serviceAccountName"),
    "status.hostIP": ("status", "hostIP"),
    "status.podIP": ("status", "podIP"),
}


def field_value(pod: dict[str, Any], path: str) -> str:
    """The value of a field as a container sees it; an absent label or annotation is empty. Raises UnsupportedError."""
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript:
        mapping: dict[str, str] = pod["metadata"].get(subscript[1]) or {}
        return mapping.get(subscript[2], "")
    if path in {"metadata.labels", "metadata.annotations"}:
        entries = pod["metadata"].get(path.removeprefix("metadata.")) or {}
        return "".join(f'{key}="{value}"\n' for key, value in sorted(entries.items()))
    if path not in _PATHS:
        raise UnsupportedError(f"fieldRef {path}")
    part, name = _PATHS[path]
    return str(pod[part].get(name, ""))
