"""How far a connection leads: authorities, inner addresses, and keys that cannot be sent."""

from __future__ import annotations

import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from namespace_operator.stores.errors import BackendError, Rejected, Unauthorized, Unavailable
from namespace_operator.stores.qdrant import QdrantStore
from tests.unit.stores.server import Answers, serving

KEY = "qdrant-key-CANARY"
VERSION = b'{"title": "qdrant", "version": "1.18.3"}'


async def version(url: str, key: str | None = KEY, **options: Any) -> str:
    """What the server's version is found to be."""
    store = QdrantStore(url, key, timeout_seconds=5, **options)
    try:
        return await store.version()
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("host", "forbidden", "reached"),
    [
        ("127.0.0.1", None, True),
        ("localhost", None, True),
        ("127.0.0.1", (), False),
        ("localhost", (), False),
        ("2130706433", (), False),
        ("inside.test", (), False),
    ],
)
async def test_inner_addresses(
    monkeypatch: pytest.MonkeyPatch, host: str, forbidden: tuple[str, ...] | None, reached: bool
) -> None:
    async def resolve(*_: object, **__: object) -> list[dict[str, object]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
    answers = Answers(body=VERSION)
    async with serving(answers) as url:
        port = int(url.rpartition(":")[2])
        if reached:
            assert await version(f"http://{host}:{port}", forbidden=forbidden) == "1.18.3"
            return
        with pytest.raises(BackendError) as raised:
            await version(f"http://{host}:{port}", forbidden=forbidden)
    assert answers.requests == []
    if host != "2130706433":
        assert type(raised.value) is Rejected
        assert "allowedEndpoints" in str(raised.value)


async def test_an_address_that_the_platform_forbids(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["203.0.113.7"]

    async def resolve(*_: object, **__: object) -> list[dict[str, object]]:
        return [{"hostname": "h", "host": host, "port": 1, "family": 2, "proto": 0, "flags": 0} for host in found]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
    for url in ("http://api.test:1", "http://203.0.113.7:1"):
        with pytest.raises(Rejected, match="allowedEndpoints"):
            await version(url, forbidden={"203.0.113.7"})
    found[:] = ["198.51.100.9", "::ffff:127.0.0.1"]
    with pytest.raises(Rejected, match="allowedEndpoints"):
        await version("http://two.test:1", forbidden={"203.0.113.7"})


async def test_a_certificate_of_a_named_authority() -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    async with _serving_tls(authority) as url:
        assert await version(url, ca=authority.cert_pem.bytes().decode()) == "1.18.3"
        for ca in (stranger.cert_pem.bytes().decode(), None):
            with pytest.raises(Unavailable, match="certificate that is not trusted"):
                await version(url, ca=ca)


@pytest.mark.parametrize("ca", ["PEM-CANARY", "", "-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----\n"])
async def test_authorities_that_cannot_be_read(ca: str) -> None:
    answers = Answers(body=VERSION)
    async with serving(answers) as url:
        with pytest.raises(Unauthorized, match="check the Secret") as raised:
            await version(url, ca=ca)
    assert answers.requests == []
    assert "CANARY" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("key", ["two\nlines-CANARY", "CANARY-größer", "CANARY\x00"])
async def test_a_key_that_no_header_can_hold(key: str) -> None:
    answers = Answers(body=VERSION)
    async with serving(answers) as url:
        with pytest.raises(Unauthorized, match="check the Secret with the key") as raised:
            await version(url, key)
    assert answers.requests == []
    assert "CANARY" not in "".join(traceback.format_exception(raised.value))


@asynccontextmanager
async def _serving_tls(authority: trustme.CA) -> AsyncIterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=VERSION)

    application = web.Application()
    application.router.add_get("/", answer)
    server = TestServer(application, scheme="https")
    await server.start_server(ssl=context)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()
