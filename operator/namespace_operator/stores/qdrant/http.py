"""One request to Qdrant, and what its failure means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from namespace_operator.domain.endpoints import is_inner
from namespace_operator.stores.errors import Backend, Rejected, Unauthorized, Unavailable
from namespace_operator.stores.fence import UNFENCED, Fence, fenced_request
from namespace_operator.stores.qdrant.crowd import PATIENCE_SECONDS, Crowd
from namespace_operator.stores.qdrant.reach import InnerAddress, connector
from namespace_operator.stores.qdrant.requests import operation, outcome
from namespace_operator.telemetry.requests import UNMEASURED, Meter

_ERROR_TEXT_LIMIT = 300
_OVERLOADED = (408, 429)
_HIDDEN = "<API key>"


class QdrantHttp:
    """A session with one server. Redirects are not followed: the key goes to this server only.

    ``ca`` is PEM text, None for the system's authorities. ``forbidden`` are addresses that a host name may not lead
    to beside the inner ones, None where it may lead anywhere. What cannot be used of these is told by the requests.
    ``fence`` is asked right before each request, ``meter`` measures it.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        timeout_seconds: float,
        connections: int,
        *,
        ca: str | None = None,
        forbidden: Collection[str] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        fence: Fence = UNFENCED,
        meter: Meter = UNMEASURED,
    ) -> None:
        self._meter = meter
        self._base = URL(url)
        self._api_key = api_key
        self._timeout_seconds = timeout_seconds
        self._unusable = _unusable_key(api_key)
        # No resolver is asked about a host that is an address itself.
        self._is_inner = forbidden is not None and is_inner((self._base.host or "").lower().rstrip("."), forbidden)
        headers = {"api-key": api_key} if api_key and self._unusable is None else {}
        try:
            session_connector = connector(connections, ca, forbidden)
        except ValueError as error:
            self._unusable, session_connector = str(error), connector(connections, None, forbidden)
        # Each request has a deadline of its own.
        no_timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(
            headers=headers, connector=session_connector, timeout=no_timeout, request_class=fenced_request(fence)
        )
        self._crowd = Crowd(patience_seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def request(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        accept: tuple[int, ...] = (),
        timeout_seconds: float | None = None,
    ) -> tuple[int, Any]:
        """Status and JSON answer for a path given by its segments, which are percent-encoded here.

        A status outside 2xx raises unless it is in ``accept``. ``timeout_seconds`` is for a request that may rightly
        take longer than others.
        """
        with self._meter.measure(operation(method, path), outcome):
            request, status, text = await self._ask(method, path, query, body, timeout_seconds)
            self._check(status, text, request, accept)
            return status, self._json(text, request)

    async def text(self, method: str, *path: str, query: Mapping[str, str] | None = None) -> str:
        """The answer as it is, where it is too long to be read in one go. A status outside 2xx raises.

        It may take its time, within the timeout, and says nothing of whether the server answers others.
        """
        with self._meter.measure(operation(method, path), outcome):
            request, status, text = await self._ask(method, path, query, None, self._timeout_seconds)
            self._check(status, text, request, ())
            return text

    async def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str] | None,
        body: object,
        timeout_seconds: float | None,
    ) -> tuple[str, int, str]:
        """What was asked, and status and text of the answer."""
        url = (
            self._base / "" if not path else self._base.joinpath(*(_encode(segment) for segment in path), encoded=True)
        )
        url = url.with_query(query)
        request = f"{method} {url.path}"
        if self._unusable is not None:
            raise Unauthorized(Backend.QDRANT, f"{self._unusable}, so nothing is sent to {self._base}", request)
        if self._is_inner:
            raise self._too_close(request)
        try:
            status, text = await self._send(method, url, body, timeout_seconds)
        except TimeoutError as error:
            raise self._too_late(request) from error
        except InnerAddress:
            raise self._too_close(request) from None
        except aiohttp.ClientConnectorCertificateError as error:
            message = (
                f"Qdrant at {self._base} has a certificate that is not trusted; check the Secret with the authority's"
                " certificates, and that the certificate is valid for this host"
            )
            raise Unavailable(Backend.QDRANT, message, request) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(Backend.QDRANT, f"Qdrant at {self._base} cannot be reached", request) from error
        return request, status, text

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait within it for what another asks the server: it ends where too many wait for one that answers nothing."""
        deadline = asyncio.timeout(None)
        try:
            async with deadline:
                self._crowd.join(deadline)
                try:
                    yield
                finally:
                    self._crowd.leave(deadline)
        except TimeoutError as error:
            if not deadline.expired():
                # Of what is waited for, and perhaps of another server.
                raise
            raise self._too_late("waiting for another's request") from error

    async def _send(self, method: str, url: URL, body: object, timeout_seconds: float | None) -> tuple[int, str]:
        """Status and text. Raises ``TimeoutError`` also where too many wait for a server that does not answer."""
        seconds, answered = max(self._timeout_seconds, timeout_seconds or 0), False
        async with asyncio.timeout(seconds) as deadline:
            if timeout_seconds is None:
                self._crowd.enter(deadline)
            try:
                async with self._session.request(method, url, json=body, allow_redirects=False) as response:
                    # Proxies answer in any encoding; what cannot be read is shown as such.
                    found = response.status, (await response.read()).decode(errors="replace")
                    answered = True
                    return found
            finally:
                self._crowd.leave(deadline, answered=answered)

    def _check(self, status: int, text: str, request: str, accept: tuple[int, ...]) -> None:
        """Raise what a status outside 2xx means, unless it is accepted."""
        server = f"Qdrant at {self._base}"
        if status in (401, 403):
            message = f"{server} refuses the API key ({self._error_text(text)}); check the Secret with the key"
            raise Unauthorized(Backend.QDRANT, message, request)
        if status >= 500 or status in _OVERLOADED:
            # What stands in a proxy's page may differ each time, and a condition should not.
            error = _qdrants_error(text)
            said = self._shown(error) if isinstance(error, str) else "no word from Qdrant itself"
            raise Unavailable(Backend.QDRANT, f"{server} fails with {status}: {said}", request)
        if status >= 300 and status not in accept:
            raise Rejected(
                Backend.QDRANT, f"{server} refuses {request} with {status}: {self._error_text(text)}", request
            )

    def _json(self, text: str, request: str) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(text)
        except ValueError as error:
            message = f"Qdrant at {self._base} answers with something that is not JSON"
            raise Rejected(Backend.QDRANT, message, request) from error

    def _too_late(self, request: str) -> Unavailable:
        return Unavailable(Backend.QDRANT, f"Qdrant at {self._base} does not answer in time", request)

    def _too_close(self, request: str) -> Rejected:
        message = (
            f"The host of {self._base} is, or leads to, an address within the operator's own surroundings, so nothing"
            " is sent there; have the host named without a wildcard in allowedEndpoints, or use another one"
        )
        return Rejected(Backend.QDRANT, message, request)

    def _error_text(self, text: str) -> str:
        error = _qdrants_error(text)
        return self._shown(text if error is None else str(error))

    def _shown(self, text: str) -> str:
        # A proxy's error page may repeat the headers it was sent.
        return (text.replace(self._api_key, _HIDDEN) if self._api_key else text)[:_ERROR_TEXT_LIMIT]


def _unusable_key(api_key: str | None) -> str | None:
    """Why a key cannot stand in a header, None if it can."""
    if api_key is None or (api_key.isascii() and api_key.isprintable()):
        return None
    return "The API key holds a line break or another character that no key has; check the Secret with the key"


def _qdrants_error(text: str) -> object:
    """What Qdrant itself says of an error, None if the answer is not in its form."""
    with suppress(ValueError, KeyError, TypeError):
        error: object = json.loads(text)["status"]["error"]
        return error
    return None


def _encode(segment: str) -> str:
    return quote(segment, safe="")
