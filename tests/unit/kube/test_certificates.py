"""The certificate authority of the API server is replaced while the operator runs."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kopf
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.kube import client as client_module
from namespace_operator.kube.client import KubeClient


@dataclass(frozen=True)
class Issued:
    """Files of a certificate authority and of a server's certificate that it issued, with key."""

    authority: Path
    server: Path


async def test_the_new_one_is_trusted_after_a_minute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed, port = tmp_path / "ca.crt", 0

    def connection_info() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=f"https://127.0.0.1:{port}", ca_path=installed)

    monkeypatch.setattr(client_module, "connection_info", connection_info)
    old, new = _certificate(tmp_path / "old"), _certificate(tmp_path / "new")
    _install(installed, old, seconds=1)
    async with _serving(old, port) as port:
        client = KubeClient()
        await client.get("/")
    async with _serving(new, port):
        _install(installed, new, seconds=2)
        with pytest.raises(ClusterUnavailable):
            await client.get("/")
        _a_minute_passes(client)
        await client.get("/")
    await client.close()


async def test_an_unchanged_one_costs_no_new_connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = _certificate(tmp_path / "same")
    async with _serving(certificate) as port:
        info = kopf.ConnectionInfo(server=f"https://127.0.0.1:{port}", ca_path=certificate.authority)
        monkeypatch.setattr(client_module, "connection_info", lambda: info)
        client = KubeClient()
        peers = set()
        for _ in range(3):
            peers.add(str(await client.get("/")))
            _a_minute_passes(client)
        await client.close()
    assert len(peers) == 1, "the server saw one connection"


def _a_minute_passes(client: KubeClient) -> None:
    client._credentials_read -= client_module._CREDENTIALS_TTL_SECONDS + 1


def _certificate(stem: Path) -> Issued:
    """A certificate for the client's address, from an authority of its own."""
    authority = trustme.CA()
    files = Issued(stem.with_suffix(".crt"), stem.with_suffix(".pem"))
    authority.cert_pem.write_to_path(files.authority)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(files.server)
    return files


def _install(file: Path, certificate: Issued, seconds: int) -> None:
    shutil.copy(certificate.authority, file)
    os.utime(file, (seconds, seconds))


@asynccontextmanager
async def _serving(certificate: Issued, port: int = 0) -> AsyncIterator[int]:
    """Serve the client's address with this certificate; the port."""
    application: Any = web.Application()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        return web.json_response({"peer": request.transport.get_extra_info("peername")})

    application.router.add_get("/", answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.server)
    server = TestServer(application, port=port or None)
    await server.start_server(ssl=context)
    try:
        assert server.port is not None
        yield server.port
    finally:
        await server.close()
