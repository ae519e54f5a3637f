"""An API server that gives prepared answers by method and path, one after the other."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import kopf
import pytest
from aiohttp import web

from namespace_operator.kube import client as client_module
from namespace_operator.kube.client import KubeClient
from namespace_operator.telemetry.requests import UNMEASURED, Meter
from tests.unit.stores.server import Request, serving


@dataclass(frozen=True)
class Answer:
    """A status and a body: JSON, or text as it is."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


# What kube-apiserver 1.36 answers to a JSON patch one of whose tests fails, whatever is tested.
PATCH_DOES_NOT_APPLY = {
    "kind": "Status",
    "status": "Failure",
    "message": "the server rejected our request due to an error in our request",
    "reason": "Invalid",
    "details": {},
    "code": 422,
}


def denied(code: int) -> Answer:
    """What kube-apiserver 1.36 answers where a policy denies a change; the policy's author chooses the code."""
    message = "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: nobody may hold this back"
    body = {
        "kind": "Status",
        "status": "Failure",
        "message": f'mixpeeknamespaces.mixpeek.com "films" is forbidden: {message}',
        "reason": {422: "Invalid", 403: "Forbidden"}[code],
        "details": {
            "name": "films",
            "group": "mixpeek.com",
            "kind": "mixpeeknamespaces",
            "causes": [{"message": message}],
        },
        "code": code,
    }
    return Answer(code, body)


@dataclass
class ApiServer:
    """Gives each route's answers in their order, the last one for good; unknown routes are not found."""

    answers: defaultdict[tuple[str, str], list[Answer]] = field(default_factory=lambda: defaultdict(list))
    requests: list[Request] = field(default_factory=list)
    tokens: list[str] = field(default_factory=lambda: ["token-1"])
    """What the service account's file holds, one reading after the other."""

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Prepare a route, its path with its query."""
        self.answers[method, path].extend(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Remember and answer."""
        self.requests.append(Request(request.method, request.raw_path, dict(request.headers), await request.text()))
        prepared = self.answers.get((request.method, request.raw_path))
        if not prepared:
            return web.json_response({"kind": "Status", "code": 404, "message": "not found"}, status=404)
        answer = prepared.pop(0) if len(prepared) > 1 else prepared[0]
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        return web.Response(status=answer.status, text=text, headers=answer.headers)

    def calls(self) -> list[tuple[str, str]]:
        """Method and path of every request."""
        return [(request.method, request.path) for request in self.requests]

    @asynccontextmanager
    async def client(self, monkeypatch: pytest.MonkeyPatch, meter: Meter = UNMEASURED) -> AsyncIterator[KubeClient]:
        """A client of this server, with the server's own idea of credentials."""
        async with serving(self) as url:

            def connection_info() -> kopf.ConnectionInfo:
                token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
                return kopf.ConnectionInfo(server=f"{url}/", scheme="Bearer", token=token)

            monkeypatch.setattr(client_module, "connection_info", connection_info)
            client = KubeClient(meter=meter)
            try:
                yield client
            finally:
                await client.close()
