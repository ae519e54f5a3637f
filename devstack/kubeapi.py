"""A small client of the Kubernetes API for the stack's own parts: JSON in, JSON out, one bearer token."""

import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml

JSON = dict[str, Any]

STRATEGIC_MERGE = "application/strategic-merge-patch+json"

_TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)


class KubeApiError(Exception):
    """The API server refused a request, or could not be reached (`status` 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def not_found(self) -> bool:
        """Whether the object, or its whole kind, does not exist."""
        return self.status == 404

    @property
    def conflict(self) -> bool:
        """Whether the object exists already or was changed by somebody else in between."""
        return self.status == 409


class KubeApi:
    """Requests to one API server as one user. Safe to use from several threads."""

    def __init__(self, server: str, token: str, ca_file: Path) -> None:
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._pool = urllib3.PoolManager(
            maxsize=16, ssl_context=ssl.create_default_context(cafile=str(ca_file)), timeout=_TIMEOUT, retries=False
        )

    @classmethod
    def from_kubeconfig(cls, path: Path) -> "KubeApi":
        """The client for the first cluster and the current context's user of a kubeconfig that the stack wrote."""
        config = yaml.safe_load(path.read_text())
        cluster = config["clusters"][0]["cluster"]
        context = {entry["name"]: entry["context"] for entry in config["contexts"]}[config["current-context"]]
        user = {entry["name"]: entry["user"] for entry in config["users"]}[context["user"]]
        return cls(cluster["server"], user["token"], Path(cluster["certificate-authority"]))

    def get(self, path: str, **query: str) -> JSON:
        """The object or list at `path`."""
        return self._request("GET", path, query=query)

    def create(self, path: str, body: Mapping[str, Any]) -> JSON:
        """POST an object to a collection or subresource."""
        return self._request("POST", path, body=body)

    def patch(self, path: str, body: Mapping[str, Any], content_type: str = STRATEGIC_MERGE) -> JSON:
        """PATCH an object; a strategic merge unless `content_type` says otherwise."""
        return self._request("PATCH", path, body=body, content_type=content_type)

    def delete(self, path: str, body: Mapping[str, Any] | None = None) -> JSON:
        """DELETE an object; `body` holds DeleteOptions."""
        return self._request("DELETE", path, body=body)

    def is_ready(self) -> bool:
        """Whether the server answers /readyz with 200."""
        try:
            return self._send("GET", "/readyz", {}, None, "").status == 200
        except KubeApiError:
            return False

    def watch(self, path: str, resource_version: str, seconds: int = 300) -> Iterator[JSON]:
        """Watch events from `resource_version` on, until the server ends the stream after `seconds` at most."""
        query = {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": str(seconds)}
        answer = self._send("GET", path, query, None, "", stream=True)
        try:
            if answer.status != 200:
                raise _refusal(answer)
            pending = b""
            for chunk in answer.stream(65_536):
                *lines, pending = (pending + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line.strip())
        except urllib3.exceptions.HTTPError as error:
            raise KubeApiError(0, str(error)) from error
        finally:
            answer.close()

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> JSON:
        answer = self._send(method, path, query or {}, body, content_type)
        if answer.status >= 400:
            raise _refusal(answer)
        document: JSON = json.loads(answer.data)
        return document

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None,
        content_type: str,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self._server}{path}"
        if query:
            url += "?" + "&".join(f"{name}={value}" for name, value in query.items())
        headers = {**self._headers, "Content-Type": content_type} if body is not None else self._headers
        try:
            return self._pool.request(
                method,
                url,
                headers=headers,
                body=json.dumps(body) if body is not None else None,
                preload_content=not stream,
                timeout=urllib3.Timeout(connect=5.0, read=None) if stream else _TIMEOUT,
            )
        except urllib3.exceptions.HTTPError as error:
            raise KubeApiError(0, f"{method} {path}: {error}") from error


def _refusal(answer: urllib3.BaseHTTPResponse) -> KubeApiError:
    try:
        message = json.loads(answer.data)["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.data.decode(errors="replace")[:500]
    return KubeApiError(answer.status, f"{answer.status}: {message}")
