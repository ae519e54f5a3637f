"""What a request to the API server asks for, as one of a few words: how it is counted."""

from __future__ import annotations

_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def operation(method: str, path: str) -> str:
    """The word for a request; ``path`` is with its query."""
    where, _, query = path.partition("?")
    if where.startswith("/apis/coordination.k8s.io/"):
        return "lease"
    if method == "GET":
        return "list" if "limit=" in query or "fieldSelector=" in query else "get"
    if method == "POST" and where.endswith("/events"):
        return "event"
    if method == "PUT" and where.endswith("/status"):
        return "update_status"
    return "apply" if method == "PATCH" and "fieldManager=" in query else _WRITES[method]
