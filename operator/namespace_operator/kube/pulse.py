"""Whether the watches live: kopf tells of neither a finished list nor of bookmarks, so its connections are listened to.

An idle watch moves about once a minute, because the API server sends a bookmark. One that fails and is tried again
moves as well: that the API server is down is no reason to start anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import kopf

from namespace_operator.api.cluster import CLUSTER_PLURAL
from namespace_operator.api.resource import GROUP, PLURAL, VERSION

_ROOT = f"/apis/{GROUP}/{VERSION}"


@dataclass(slots=True)
class Pulse:
    """When each watch last moved; they are known by the path that they list and watch. ``monotonic`` in seconds."""

    monotonic: Callable[[], float]
    _moved: dict[str, float] = field(default_factory=dict)
    _streaming: set[str] = field(default_factory=set)

    def expect(self, namespaces: Collection[str]) -> None:
        """The watches begin: of these Kubernetes namespaces, or of all where none is given."""
        places = [f"{_ROOT}/namespaces/{name}/{PLURAL}" for name in namespaces] or [f"{_ROOT}/{PLURAL}"]
        self._moved = dict.fromkeys((*places, f"{_ROOT}/{CLUSTER_PLURAL}"), self.monotonic())

    def moved(self, path: str) -> None:
        """Something went out or came in for this path."""
        if path in self._moved:
            self._moved[path] = self.monotonic()

    def streams(self, path: str) -> None:
        """The list of this path is complete, because what follows it has begun."""
        self._streaming.add(path)

    @property
    def warm(self) -> bool:
        """Whether everything there was at the start is known."""
        return bool(self._moved) and self._streaming >= self._moved.keys()

    def silence_of(self, resource: str) -> float | None:
        """Seconds in which the most silent watch of a resource, by its plural, has not moved; None: there is none."""
        moved = [at for path, at in self._moved.items() if path in self._streaming and path.endswith(f"/{resource}")]
        return self.monotonic() - min(moved) if moved else None

    @property
    def silence(self) -> float:
        """Seconds in which the most silent of the watches has not moved."""
        return self.monotonic() - min(self._moved.values()) if self._moved else 0.0


class _Heard:
    """The content of an answer, each piece of which is told of; otherwise as it is."""

    def __init__(self, content: aiohttp.StreamReader, tell: Callable[[], None]) -> None:
        self._content = content
        self._tell = tell

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for chunk in self._content.iter_chunked(size):
            self._tell()
            yield chunk

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a stream has
        return getattr(self._content, name)


def listened_to(info: kopf.ConnectionInfo, pulse: Pulse) -> kopf.AiohttpSession:
    """What kopf would make of these credentials, with an ear on it."""

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
            await super().start(connection)
            path = self.url.path
            pulse.moved(path)
            if self.status < 300 and self.url.query.get("watch") == "true":
                pulse.streams(path)
            self.content = _Heard(self.content, lambda: pulse.moved(path))  # type: ignore[assignment]
            return self

    async def begins(_: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestStartParams) -> None:
        pulse.moved(request.url.path)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begins)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trust_env=info.trust_env,
        response_class=Response,
        trace_configs=[trace],
    )
    return kopf.AiohttpSession(
        aiohttp_session=session,
        server=info.server,
        default_namespace=info.default_namespace,
        priority=info.priority,
        expiration=info.expiration,
    )
