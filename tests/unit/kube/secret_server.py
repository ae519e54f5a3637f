"""An API server that has nothing but Secrets: it lists and watches one by its name, and can be disturbed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class SecretServer:
    """Secrets by namespace and name.

    ``refusals`` are statuses that the next requests are answered with, ``status`` one for all of them.
    """

    secrets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    version: int = 100
    oldest: int = 0
    """Watches from before this version are refused with 410."""
    status: int = 200
    refusals: deque[int] = field(default_factory=deque)
    requests: list[str] = field(default_factory=list)
    streams: list[asyncio.Queue[bytes | None]] = field(default_factory=list)

    def put(self, namespace: str, name: str, data: Mapping[str, str | bytes]) -> None:
        """Create or change a Secret."""
        encoded = {key: base64.b64encode(v.encode() if isinstance(v, str) else v).decode() for key, v in data.items()}
        self.version += 1
        kind = "MODIFIED" if (namespace, name) in self.secrets else "ADDED"
        secret = {"metadata": {"name": name, "resourceVersion": str(self.version)}, "data": encoded}
        self.secrets[namespace, name] = secret
        self.send({"type": kind, "object": secret})

    def remove(self, namespace: str, name: str) -> None:
        """Delete a Secret."""
        self.version += 1
        self.send({"type": "DELETED", "object": self.secrets.pop((namespace, name))})

    def send(self, event: dict[str, Any]) -> None:
        """Send an event to every watch."""
        for stream in self.streams:
            stream.put_nowait(json.dumps(event).encode() + b"\n")

    def hang_up(self) -> None:
        """End all watches."""
        for stream in self.streams:
            stream.put_nowait(None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a list or a watch."""
        watching = "watch" in request.query
        self.requests.append("watch" if watching else "list")
        status = self.refusals.popleft() if self.refusals else self.status
        if status != 200:
            return web.json_response({"kind": "Status", "code": status, "message": "refused"}, status=status)
        namespace = request.path.split("/")[4]
        name = request.query["fieldSelector"].removeprefix("metadata.name=")
        if watching:
            return await self._stream(request)
        items = [secret for key, secret in self.secrets.items() if key == (namespace, name)]
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        if int(request.query["resourceVersion"]) < self.oldest:
            gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
            await response.write(json.dumps(gone).encode() + b"\n")
            return response
        stream = asyncio.Queue[bytes | None]()
        self.streams.append(stream)
        try:
            while (line := await stream.get()) is not None:
                await response.write(line)
        finally:
            self.streams.remove(stream)
        return response
