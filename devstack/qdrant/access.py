"""The API key and the read-only key, as the server asks for them."""

import os
from dataclasses import dataclass

from aiohttp import web

from devstack.qdrant.errors import ApiError

_OPEN = {"/", "/healthz", "/livez", "/readyz"}
_READS = ("/points/count", "/points/scroll", "/points/query", "/facet", "/points")


@dataclass(frozen=True)
class Access:
    """Who may do what. Without a key everybody may do everything."""

    api_key: str | None = None
    read_only_api_key: str | None = None

    @classmethod
    def from_environment(cls) -> "Access":
        """The keys, by the variables of the real server."""
        key, read_only = (os.environ.get(f"QDRANT__SERVICE__{n}API_KEY") or None for n in ("", "READ_ONLY_"))
        return cls(key, read_only)

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a request that may not be served, or None."""
        if self.api_key is None or request.path in _OPEN:
            return None
        given = request.headers.get("api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            return web.Response(status=401, text="Must provide an API key or an Authorization bearer token")
        if given == self.api_key:
            return None
        if given != self.read_only_api_key:
            return web.Response(status=401, text="Invalid API key or JWT")
        if request.method == "GET" or (request.method == "POST" and request.path.endswith(_READS)):
            return None
        raise ApiError(403, "Forbidden: Global manage access is required")
