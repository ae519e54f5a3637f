"""The certificate authority of the API server is replaced while the operator runs."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.kube import client as client_module
from namespace_operator.kube.client import KubeClient

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificates are made with openssl")


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
        info = kopf.ConnectionInfo(server=f"https://127.0.0.1:{port}", ca_path=certificate)
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


def _certificate(stem: Path) -> Path:
    """A file with a certificate that signs itself, and its key."""
    key, certificate = stem.with_suffix(".key"), stem.with_suffix(".crt")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", f"/CN={stem.name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate


def _install(file: Path, certificate: Path, seconds: int) -> None:
    shutil.copy(certificate, file)
    os.utime(file, (seconds, seconds))


@asynccontextmanager
async def _serving(certificate: Path, port: int = 0) -> AsyncIterator[int]:
    """Serve the client's address with this certificate; the port."""
    application: Any = web.Application()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        return web.json_response({"peer": request.transport.get_extra_info("peername")})

    application.router.add_get("/", answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = TestServer(application, port=port or None)
    await server.start_server(ssl=context)
    try:
        assert server.port is not None
        yield server.port
    finally:
        await server.close()
