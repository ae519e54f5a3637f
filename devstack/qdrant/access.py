"""The API key and the read-only key, as the server asks for them."""

from dataclasses import dataclass

from aiohttp import web

from devstack.qdrant.errors import ApiError

_OPEN = {"/", "/healthz", "/livez", "/readyz"}
_READS = ("/points", "/points/count", "/points/scroll", "/points/query", "/points/query/batch", "/facet")


@dataclass(frozen=True)
class Access:
    """Who may do what. Without keys everybody may do everything."""

    api_key: str | None = None
    read_only_api_key: str | None = None

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a request without a valid key, None if it may go on. Raises ApiError for a forbidden write."""
        keys = {self.api_key, self.read_only_api_key} - {None}
        if not keys or request.path in _OPEN:
            return None
        given = request.headers.get("api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            return web.Response(status=401, text="Must provide an API key or an Authorization bearer token")
        if given not in keys:
            return web.Response(status=401, text="Invalid API key or JWT")
        if given == self.api_key or request.method == "GET":
            return None
        if request.method == "POST" and request.path.endswith(_READS):
            return None
        raise ApiError(403, "Forbidden: Global manage access is required")
