"""One request to Qdrant, and what its failure means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from namespace_operator.stores.errors import Backend, Rejected, Unauthorized, Unavailable

_ERROR_TEXT_LIMIT = 300


class QdrantHttp:
    """A session with one server. Redirects are not followed: the key goes to this server only."""

    def __init__(self, url: str, api_key: str | None, timeout_seconds: float, connections: int) -> None:
        self._base = URL(url)
        headers = {"api-key": api_key} if api_key else {}
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            connector=aiohttp.TCPConnector(limit=connections),
        )

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
    ) -> tuple[int, Any]:
        """Status and JSON answer for a path given by its segments, which are percent-encoded here.

        A status outside 2xx raises unless it is in ``accept``.
        """
        url = (
            self._base / "" if not path else self._base.joinpath(*(_encode(segment) for segment in path), encoded=True)
        )
        url = url.with_query(query)
        where = f"{method} {url.path}"
        try:
            async with self._session.request(method, url, json=body, allow_redirects=False) as response:
                status, text = response.status, await response.text()
        except TimeoutError as error:
            raise Unavailable(Backend.QDRANT, f"Qdrant did not answer {where} in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(
                Backend.QDRANT, f"Qdrant cannot be reached for {where} ({type(error).__name__})"
            ) from error
        return status, _answer(status, text, where, accept)


def _encode(segment: str) -> str:
    return quote(segment, safe="")


def _answer(status: int, text: str, where: str, accept: tuple[int, ...]) -> Any:  # noqa: ANN401 - JSON
    if status in (401, 403):
        raise Unauthorized(
            Backend.QDRANT, f"Qdrant refuses {where} with {status}: {_error_text(text)}; check the API key"
        )
    if status >= 500:
        raise Unavailable(Backend.QDRANT, f"Qdrant failed {where} with {status}: {_error_text(text)}")
    if status >= 300 and status not in accept:
        raise Rejected(Backend.QDRANT, f"Qdrant refuses {where} with {status}: {_error_text(text)}")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Rejected(Backend.QDRANT, f"Qdrant answered {where} with something that is not JSON") from error


def _error_text(text: str) -> str:
    try:
        status = json.loads(text)["status"]
        text = str(status["error"])
    except (ValueError, KeyError, TypeError):
        pass
    return text[:_ERROR_TEXT_LIMIT]
