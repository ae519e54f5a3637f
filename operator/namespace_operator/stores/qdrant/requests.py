"""How a request to Qdrant is counted: by what it asks for, as one of a few words, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from namespace_operator.stores.errors import Rejected, Unauthorized, Unavailable
from namespace_operator.telemetry.catalog import OTHER, Outcome

_WORDS: Mapping[str, str] = {
    "GET": "version",
    "GET collections": "list",
    "GET collections *": "read",
    "PUT collections *": "create_collection",
    "PATCH collections *": "update_collection",
    "DELETE collections *": "delete_collection",
    "GET collections * aliases": "aliases",
    "GET aliases": "aliases",
    "GET telemetry": "telemetry",
    "GET issues": "telemetry",
    "GET profiler *": "telemetry",
    "POST collections * facet": "facet",
    "POST collections * points count": "count",
    "POST collections * points query": "sample",
    "POST collections * points delete": "delete_points",
    "PUT collections * index": "put_index",
    "DELETE collections * index": "drop_index",
    "PUT collections * vectors": "add_vector",
}


def operation(method: str, path: tuple[str, ...]) -> str:
    """The word for a request to the path with these segments, of which the second one is a name."""
    kind = path[2:4] if path[2:3] == ("points",) else path[2:3]
    return _WORDS.get(" ".join((method, *path[:1], *("*" for _ in path[1:2]), *kind)), OTHER)


def outcome(error: BaseException) -> Outcome:
    """How a request ended that raised this."""
    match error, error.__cause__:
        case Unauthorized(), _:
            return Outcome.UNAUTHORIZED
        case Rejected(), _:
            return Outcome.REFUSED
        case Unavailable(), aiohttp.ClientConnectorCertificateError():
            return Outcome.UNTRUSTED
        case Unavailable(), TimeoutError():
            return Outcome.TIMEOUT
        case Unavailable(), _:
            return Outcome.UNAVAILABLE
        case _:
            return Outcome.ABANDONED
