"""A small client for the API server: kopf watches, but offers no requests of its own."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp
import kopf
from yarl import URL

from namespace_operator.controller.cluster import ClusterError, ClusterUnavailable, ObjectChanged, Refused
from namespace_operator.kube.connection import certificate_files, connection_info
from namespace_operator.kube.requests import operation
from namespace_operator.kube.server_clock import ServerClock
from namespace_operator.stores.fence import UNFENCED, Fence, fenced_request
from namespace_operator.telemetry.catalog import Outcome
from namespace_operator.telemetry.requests import UNMEASURED, Meter

FIELD_MANAGER = "namespace-operator"

_CONNECTIONS = 32
_TIMEOUT_SECONDS = 30.0
_CREDENTIALS_TTL_SECONDS = 60.0
_PAGE = 500
_WATCH_SECONDS = 300
# The server sends a bookmark about every minute; where none comes the connection may be dead.
_SILENCE_SECONDS = 75.0
_LINE_LIMIT = 8 * 1024 * 1024
# A connection that the network dropped without a word is found out within 20 seconds.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 2))
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

# All that the API server says when a test of a JSON patch fails. Where the object would become invalid or a policy
# denies the change, the code is 422 as well, but the message names the object, and looking again would not help.
_PATCH_DOES_NOT_APPLY = "the server rejected our request due to an error in our request"

# How the answer begins to an apply that does not fit the schema. The code is 500, but trying again would not help.
_APPLY_DOES_NOT_FIT = "failed to create typed patch object"

Object = dict[str, Any]


class NotFound(ObjectChanged):
    """There is no such object."""


class NotServed(ClusterUnavailable):
    """The API server knows no such path: the kind is not there, or not yet."""


class Unauthenticated(ClusterUnavailable):
    """The API server refuses the credentials; they are read anew, and may be others then."""


class Forbidden(Refused):
    """The API server forbids it: we lack the right, or admission denied the change."""


class KubeClient:
    """Requests to the API server with the credentials of ``login``, at most ``connections`` at a time.

    Its ``clock`` has the server's time, as the answers tell it; several clients may share one. ``fence`` is asked
    right before each request and ``meter`` measures it, but for those of watches. ``timeout_seconds`` bounds a whole
    request.

    Watches have connections of their own, without a limit, so that they hold up no request.
    """

    def __init__(
        self,
        login: Callable[[], kopf.ConnectionInfo] | None = None,
        *,
        clock: ServerClock | None = None,
        fence: Fence = UNFENCED,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        connections: int = _CONNECTIONS,
        meter: Meter = UNMEASURED,
    ) -> None:
        self._meter = meter
        self._login = login
        info = self._log_in()
        self._server = info.server.rstrip("/")
        self._headers = info.as_http_headers()
        self._certificates = certificate_files(info)
        self._tls = info.as_ssl_context()
        self._credentials_read = asyncio.get_running_loop().time()
        self.clock = clock or ServerClock(asyncio.get_running_loop().time)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            request_class=fenced_request(fence),
        )

        self._watches = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=_kept_alive),
            timeout=aiohttp.ClientTimeout(total=None, connect=_TIMEOUT_SECONDS, sock_read=_SILENCE_SECONDS),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
        await self._watches.close()

    async def get(self, path: str) -> Object:
        """One object. Raises ``NotFound``."""
        answer, _ = await self._request("GET", path)
        return answer

    async def get_with_date(self, path: str) -> tuple[Object, str]:
        """One object, and the time of the answer by the server's own clock (an HTTP date)."""
        return await self._request("GET", path)

    async def put(self, path: str, body: Object) -> Object:
        """Replace an object. Raises ``ObjectChanged`` if it is not at the version in the body."""
        answer, _ = await self._request("PUT", path, body)
        return answer

    async def post(self, path: str, body: Object) -> Object:
        """Create an object."""
        answer, _ = await self._request("POST", path, body)
        return answer

    async def json_patch(self, path: str, operations: list[Object]) -> Object:
        """Patch an object. Raises ``ObjectChanged`` if one of the patch's tests fails."""
        answer, _ = await self._request("PATCH", path, operations, {"Content-Type": "application/json-patch+json"})
        return answer

    async def set_finalizers(
        self, path: str, uid: str, resource_version: str, finalizers: Sequence[str], more: Sequence[Object] = ()
    ) -> Object:
        """Replace an object's finalizers, and do ``more`` operations in the same patch.

        Raises ``ObjectChanged`` if it is not at this uid and version.
        """
        operations: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version},
            {"op": "add", "path": "/metadata/finalizers", "value": list(finalizers)},
            *more,
        ]
        return await self.json_patch(path, operations)

    async def server_side_apply(self, path: str, body: Object, *, force: bool) -> Object:
        """Make the object's fields what the body says, and ours; a field that the kind does not have is refused.

        Raises ``ObjectChanged`` if the object is not at the uid and version in the body, or if a field belongs to
        somebody else and ``force`` does not take it from him.
        """
        query = f"?fieldManager={FIELD_MANAGER}&fieldValidation=Strict&force={str(force).lower()}"
        answer, _ = await self._request("PATCH", path + query, body, {"Content-Type": "application/apply-patch+yaml"})
        return answer

    async def delete(self, path: str, uid: str, resource_version: str) -> Object:
        """Delete an object; the result is the object while finalizers hold it, else a ``Status``.

        Raises ``NotFound``, and ``ObjectChanged`` if it is not at this uid and version.
        """
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        options = {"preconditions": preconditions, "propagationPolicy": "Background"}
        answer, _ = await self._request("DELETE", path, options)
        return answer

    async def patch(self, path: str, body: Object, kind: str) -> Object:
        """Patch an object; ``kind`` is the media type without its beginning, such as ``merge-patch+json``."""
        answer, _ = await self._request("PATCH", path, body, {"Content-Type": f"application/{kind}"})
        return answer

    async def pages(self, path: str, query: str = "") -> AsyncIterator[Object]:
        """A list in pages, each as the API server has it; ``query`` is a selector such as ``labelSelector=…``."""
        more = f"&{query}" if query else ""
        token = ""
        while True:
            following = f"&continue={quote(token, safe='')}" if token else ""
            page = await self.get(f"{path}?limit={_PAGE}{more}{following}")
            yield page
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    async def list_objects(self, path: str, query: str = "") -> list[Object]:
        """Every object of a list."""
        return [item async for page in self.pages(path, query) for item in page["items"] or ()]

    async def list_metadata(self, path: str) -> AsyncIterator[Object]:
        """The metadata of every object, in pages."""
        query = f"?limit={_PAGE}"
        while True:
            page, _ = await self._request("GET", f"{path}{query}", None, {"Accept": _METADATA_ONLY})
            # The API server writes an empty list of metadata as null.
            for item in page["items"] or ():
                yield item["metadata"]
            token = page["metadata"].get("continue")
            if not token:
                return
            query = f"?limit={_PAGE}&continue={quote(token, safe='')}"

    async def watch(self, path: str, resource_version: str, query: str = "") -> AsyncIterator[Object]:
        """The events since that version, bookmarks included, until the server ends the watch after five minutes.

        Raises like a request, also for an event of type ERROR; ``query`` is a selector such as ``fieldSelector=…``.
        """
        more = f"&{query}" if query else ""
        full = f"{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}{more}"
        url = f"{self._server}{full}&resourceVersion={quote(resource_version, safe='')}"
        try:
            self._read_credentials()
            async with self._watches.get(URL(url, encoded=True), headers=self._headers, ssl=self._tls) as response:
                if response.status >= 300:
                    raise self._refused(response.status, await response.json(content_type=None), f"GET {full}")
                async for line in _lines(response.content):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise self._refused(int(event["object"].get("code", 500)), event["object"], f"GET {full}")
                    yield event
        except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
            raise ClusterUnavailable(f"GET {full}: {type(error).__name__}") from error

    async def _request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Object, str]:
        with self._meter.measure(operation(method, path), _outcome):
            return await self._ask(method, path, body, headers)

    async def _ask(self, method: str, path: str, body: object, headers: Mapping[str, str] | None) -> tuple[Object, str]:
        url = self._server + path
        sent = asyncio.get_running_loop().time()
        try:
            self._read_credentials()
            async with self._session.request(
                method, url, json=body, headers={**self._headers, **(headers or {})}, ssl=self._tls
            ) as response:
                received, date = asyncio.get_running_loop().time(), response.headers.get("Date", "")
                text = await response.text()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ClusterUnavailable(f"{method} {path}: {type(error).__name__}") from error
        try:
            answer = json.loads(text)
        except ValueError as error:
            # What is not the API server's own answer is not JSON, and neither is its answer of a path it does not know.
            kind = NotServed if response.status == 404 else ClusterUnavailable
            raise kind(f"{method} {path}: {response.status} {type(error).__name__}") from error
        self.clock.hear(date, sent, received)
        if response.status < 300:
            return answer, date
        raise self._refused(response.status, answer, f"{method} {path}")

    def _refused(self, status: int, answer: object, request: str) -> ClusterError:
        """What the answer means; credentials that are refused are read anew the next time."""
        if status == 401:
            self._credentials_read = float("-inf")
        return _refusal(status, _message(answer), request)

    def _log_in(self) -> kopf.ConnectionInfo:
        return connection_info() if self._login is None else self._login()

    def _read_credentials(self) -> None:
        """Read token and certificates anew once a minute: the kubelet replaces their files while we run."""
        now = asyncio.get_running_loop().time()
        if now - self._credentials_read <= _CREDENTIALS_TTL_SECONDS:
            return
        info = self._log_in()
        certificates = certificate_files(info)
        # A new TLS context costs new connections.
        if certificates != self._certificates:
            self._tls, self._certificates = info.as_ssl_context(), certificates
        self._headers, self._credentials_read = info.as_http_headers(), now


def _refusal(status: int, words: str, request: str) -> ClusterError:
    message = f"{request}: {status} {words}"
    match status:
        case 404:
            return NotFound(message)
        case 409:
            return ObjectChanged(message)
        case 422 if words == _PATCH_DOES_NOT_APPLY:
            return ObjectChanged(message)
        case 500 if words.startswith(_APPLY_DOES_NOT_FIT):
            return Refused(message)
        case 401:
            return Unauthenticated(message)
        case 429 | 500 | 502 | 503 | 504:
            return ClusterUnavailable(message)
        case 403:
            return Forbidden(message)
        case _:
            return Refused(message)


def _outcome(error: BaseException) -> Outcome:
    """How a request ended that raised this."""
    match error, error.__cause__:
        case NotFound(), _:
            return Outcome.NOT_FOUND
        case ObjectChanged(), _:
            return Outcome.CONFLICT
        case Unauthenticated(), _:
            return Outcome.UNAUTHORIZED
        case Refused(), _:
            return Outcome.REFUSED
        case ClusterError(), aiohttp.ClientConnectorCertificateError():
            return Outcome.UNTRUSTED
        case ClusterError(), TimeoutError():
            return Outcome.TIMEOUT
        case ClusterError(), _:
            return Outcome.UNAVAILABLE
        case _:
            return Outcome.ABANDONED


def _message(answer: object) -> str:
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""


def _kept_alive(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; the reader's own are limited to less than an object can have."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE_LIMIT:
            raise ValueError("an event too large")
        for line in lines:
            if line.strip():
                yield line
