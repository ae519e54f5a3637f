"""Secrets are followed as they change, and nothing of them is told."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import kopf
import pytest
from aiohttp import ClientTimeout
from pydantic import SecretStr

from namespace_operator.controller.queue import Backoff
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.kube import client as client_module
from namespace_operator.kube import secrets as secrets_module
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.secrets import SecretWatcher
from tests.unit.kube.secret_server import SecretServer
from tests.unit.stores.server import serving

CANARY = "value-CANARY"
KEY = SecretKey("acme", "qdrant", "api-key")
OTHER = SecretKey("acme", "qdrant", "read-only")


@dataclass
class Scene:
    """A watcher of a server's Secrets. ``ahead`` moves its clock."""

    server: SecretServer
    watcher: SecretWatcher
    changed: list[SecretKey]
    ahead: list[float] = field(default_factory=lambda: [0.0])

    async def reason(self, key: SecretKey = KEY) -> str | None:
        """Why there is no value, None if there is one."""
        (failure,) = await asyncio.gather(self.watcher.value(key), return_exceptions=True)
        if not isinstance(failure, SecretUnavailable):
            return None
        assert CANARY not in "".join(traceback.format_exception(failure))
        return str(failure)

    async def text(self, key: SecretKey = KEY) -> str:
        """The value in plain."""
        return (await self.watcher.value(key)).get_secret_value()

    async def changes(self, count: int) -> None:
        """Until so many changes were told."""
        await until(lambda: len(self.changed) >= count)


async def until(done: Callable[[], bool]) -> None:
    """Until it is so."""
    async with asyncio.timeout(10):
        while not done():  # noqa: ASYNC110 - servers have no event for it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _scene(server: SecretServer, monkeypatch: pytest.MonkeyPatch, patience: float = 5.0) -> AsyncIterator[Scene]:
    monkeypatch.setattr(secrets_module, "_BACKOFF", Backoff(base=0.02, cap=0.05))
    async with serving(server) as url:
        info = kopf.ConnectionInfo(server=url, scheme="Bearer", token="token")
        monkeypatch.setattr(client_module, "connection_info", lambda: info)
        client, changed, ahead = KubeClient(), list[SecretKey](), [0.0]
        loop = asyncio.get_running_loop()
        watcher = SecretWatcher(
            client, changed.append, lambda: loop.time() + ahead[0], lambda: 1.0, patience=patience, forget_after=60
        )
        try:
            yield Scene(server, watcher, changed, ahead)
        finally:
            await watcher.close()
            await client.close()


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A Secret with two keys."""
    server = SecretServer()
    server.put("acme", "qdrant", {"api-key": f"{CANARY}\n", "read-only": "other", "bytes": b"\xff", "empty": "\n"})
    async with _scene(server, monkeypatch) as scene:
        yield scene


async def test_a_value_is_text_without_the_line_break_at_its_end(scene: Scene) -> None:
    value = await scene.watcher.value(KEY)
    assert value == SecretStr(CANARY)
    assert scene.changed == []


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (SecretKey("acme", "none", "k"), "key k of Secret acme/none is not there: create the Secret"),
        (SecretKey("acme", "qdrant", "k"), "key k of Secret acme/qdrant is not there: the Secret has no such key"),
        (SecretKey("acme", "qdrant", "bytes"), "key bytes of Secret acme/qdrant is no UTF-8 text"),
        (SecretKey("acme", "qdrant", "empty"), "key empty of Secret acme/qdrant is empty"),
    ],
)
async def test_reasons(scene: Scene, key: SecretKey, reason: str) -> None:
    assert (await scene.reason(key) or "").startswith(reason)


async def test_a_crowd_costs_one_list(scene: Scene) -> None:
    assert set(await asyncio.gather(*(scene.text() for _ in range(50)))) == {CANARY}
    await until(lambda: len(scene.server.streams) == 1)
    assert scene.server.requests == ["list", "watch"]


async def test_only_what_was_asked_for_is_kept(scene: Scene) -> None:
    assert await scene.text(OTHER) == "other"
    watched = scene.watcher._watched["acme", "qdrant"]
    assert watched.answers.keys() == {"read-only"}
    assert await scene.text() == CANARY
    assert watched.answers.keys() == {"read-only", "api-key"}
    await until(lambda: len(scene.server.streams) == 1)
    assert scene.server.requests.count("list") == 2


async def test_a_rotated_a_removed_and_a_returning_secret(scene: Scene) -> None:
    await scene.text()
    await until(lambda: bool(scene.server.streams))
    scene.server.put("acme", "qdrant", {"api-key": "second"})
    await scene.changes(1)
    assert await scene.text() == "second"
    scene.server.put("acme", "qdrant", {"other": "key"})
    await scene.changes(2)
    assert "no such key" in (await scene.reason() or "")
    scene.server.remove("acme", "qdrant")
    await scene.changes(3)
    assert "create the Secret" in (await scene.reason() or "")
    scene.server.put("acme", "qdrant", {"api-key": "third"})
    await scene.changes(4)
    assert await scene.text() == "third"
    assert set(scene.changed) == {KEY}


async def test_what_does_not_concern_the_key_is_not_told(scene: Scene) -> None:
    await scene.text()
    await until(lambda: bool(scene.server.streams))
    scene.server.put("acme", "qdrant", {"api-key": CANARY, "more": "x"})
    scene.server.put("acme", "qdrant", {"api-key": "second"})
    await scene.changes(1)
    assert scene.changed == [KEY]


async def test_a_watch_that_ends_is_followed_by_a_list(scene: Scene) -> None:
    await scene.text()
    await until(lambda: bool(scene.server.streams))
    scene.server.hang_up()
    await until(lambda: scene.server.requests.count("watch") == 2)
    scene.server.put("acme", "qdrant", {"api-key": "second"})
    await scene.changes(1)
    assert scene.server.requests.count("list") >= 2


async def test_a_watch_from_an_expired_version(scene: Scene) -> None:
    scene.server.oldest = scene.server.version + 1
    await scene.text()
    await until(lambda: scene.server.requests.count("watch") >= 3)
    scene.server.put("acme", "qdrant", {"api-key": "second"})
    await scene.changes(1)
    assert await scene.text() == "second"


async def test_a_watch_that_falls_silent_is_followed_by_a_list(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    watches = scene.watcher.client._watches
    monkeypatch.setattr(watches, "_timeout", ClientTimeout(total=None, sock_read=0.2))
    await scene.text()
    await until(lambda: scene.server.requests.count("watch") >= 3)
    assert await scene.text() == CANARY


async def test_a_broken_line_is_not_the_end(scene: Scene) -> None:
    await scene.text()
    await until(lambda: bool(scene.server.streams))
    scene.server.streams[0].put_nowait(b'{"type": "MODIFIED", "object": {"data": {"api-key": "not base64"}}}\n{"ty\n')
    await scene.changes(2)
    assert await scene.text() == CANARY


async def test_a_large_secret_passes(scene: Scene) -> None:
    await scene.text()
    await until(lambda: bool(scene.server.streams))
    scene.server.put("acme", "qdrant", {"api-key": "second", "large": "x" * 1_000_000})
    await scene.changes(1)
    assert await scene.text() == "second"


async def test_a_known_value_outlives_an_outage_and_a_server_that_has_just_started(scene: Scene) -> None:
    await scene.text()
    await until(lambda: bool(scene.server.streams))
    scene.server.refusals.extend([403, 403, 503, 500, 401, 429, 503])
    scene.server.hang_up()
    await until(lambda: not scene.server.refusals)
    assert await scene.text() == CANARY
    assert scene.changed == []


async def test_a_right_that_is_taken_and_given_back(scene: Scene) -> None:
    await scene.text()
    await until(lambda: bool(scene.server.streams))
    scene.server.status = 403
    scene.server.hang_up()
    await scene.changes(1)
    assert await scene.reason() == (
        "key api-key of Secret acme/qdrant may not be read: let the operator get, list and watch Secret acme/qdrant"
    )
    scene.server.status = 200
    await scene.changes(2)
    assert await scene.text() == CANARY


async def test_a_secret_that_may_never_be_read_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _scene(SecretServer(status=403), monkeypatch) as scene:
        async with asyncio.timeout(2):
            assert "may not be read" in (await scene.reason() or "")


async def test_those_who_ask_wait_together_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _scene(SecretServer(status=503), monkeypatch, patience=0.3) as scene:
        loop = asyncio.get_running_loop()
        started = loop.time()
        reasons = await asyncio.gather(*(scene.reason() for _ in range(20)))
        waited = loop.time() - started
        assert await scene.reason() in reasons
        assert 0.25 < waited < 2
        assert loop.time() - started - waited < 0.2
        assert set(reasons) == {"key api-key of Secret acme/qdrant is not known: the API server does not answer"}
        scene.server.put("acme", "qdrant", {"api-key": CANARY})
        scene.server.status = 200
        await scene.changes(1)
        assert await scene.text() == CANARY


async def test_what_nobody_asks_for_is_forgotten(scene: Scene) -> None:
    await scene.text()
    await scene.text(OTHER)
    scene.ahead[0] += 50
    await scene.text()
    scene.ahead[0] += 20
    scene.watcher.forget_unused()
    assert scene.watcher._watched["acme", "qdrant"].answers.keys() == {"api-key"}
    scene.ahead[0] += 61
    scene.watcher.forget_unused()
    assert scene.watcher._watched == {}
    await until(lambda: not scene.server.streams)
    assert await scene.text() == CANARY


async def test_no_word_of_a_value_anywhere(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        value = await scene.watcher.value(KEY)
        await until(lambda: bool(scene.server.streams))
        scene.server.streams[0].put_nowait(f'{{"type": "MODIFIED", "object": "{CANARY}"}}\n'.encode())
        scene.server.streams[0].put_nowait(f'"{CANARY}\n'.encode())
        await until(lambda: scene.server.requests.count("list") >= 2)
        assert CANARY not in f"{value!r} {value} {scene.watcher!r} {scene.watcher._watched!r}"
    assert CANARY not in caplog.text
