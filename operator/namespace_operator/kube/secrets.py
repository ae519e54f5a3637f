"""Secrets that connections name: each is watched, as the kubelet does it, and only what was asked for is kept."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import structlog
from pydantic import SecretStr

from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.queue import Backoff
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.kube.client import Forbidden, KubeClient, Object

_BACKOFF = Backoff(base=0.5, cap=20.0)
"""A Secret that may be read again, or an API server that is back, is noticed in less than half a minute."""

_SHORT_SECONDS = 5.0
"""A watch that ends sooner counts as a failure: something on the way does not let it live."""

_REFUSALS = 3
"""So many in a row before a value that is known is given up: an API server that has just started refuses everybody."""

_Name = tuple[str, str]
_Answer = SecretStr | str
"""A value, or the reason why there is none."""


@dataclass(slots=True)
class _Watched:
    """One Secret: when its keys were last asked for, and what is known of them.

    ``since`` is the time at which the first one asked for something that is not known.
    """

    since: float
    asked: dict[str, float] = field(default_factory=dict)
    answers: dict[str, _Answer] = field(default_factory=dict)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    problem: str = "the API server has not answered yet"


@dataclass(slots=True)
class SecretWatcher:
    """Keeps the keys of Secrets that are asked for up to date, with one watch a Secret.

    ``on_change`` is told of every key whose value, or the reason for having none, became another one. The first
    question for a key waits up to ``patience`` seconds, all who ask together. A Secret nobody has asked for in
    ``forget_after`` seconds is forgotten, with its watch, when ``forget_unused`` is called.
    """

    client: KubeClient
    on_change: Callable[[SecretKey], None]
    monotonic: Callable[[], float]
    random: Callable[[], float]
    patience: float = 5.0
    forget_after: float = 900.0
    _watched: dict[_Name, _Watched] = field(default_factory=dict)

    async def value(self, key: SecretKey) -> SecretStr:
        """The value: UTF-8 text without line breaks at its end. Raises ``SecretUnavailable``."""
        now = self.monotonic()
        name = (key.namespace, key.name)
        watched = self._watched.get(name)
        if watched is None:
            watched = self._watched[name] = _Watched(since=now)
        if key.key not in watched.asked:
            # What else the Secret holds was not kept, so that it is read once more.
            self._restart(name, watched, now)
        watched.asked[key.key] = now
        answer = await self._answer(watched, key.key)
        if isinstance(answer, SecretStr):
            return answer
        raise SecretUnavailable(f"{key} {answer}")

    def forget_unused(self) -> None:
        """Forget the Secrets that nobody asks for any more."""
        limit = self.monotonic() - self.forget_after
        for name, watched in list(self._watched.items()):
            watched.asked = {key: asked for key, asked in watched.asked.items() if asked > limit}
            watched.answers = {key: answer for key, answer in watched.answers.items() if key in watched.asked}
            if not watched.asked:
                del self._watched[name]
                _cancel(watched)

    async def close(self) -> None:
        """End all watches."""
        tasks = [watched.task for watched in self._watched.values() if watched.task is not None]
        for watched in self._watched.values():
            _cancel(watched)
        self._watched.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _restart(self, name: _Name, watched: _Watched, now: float) -> None:
        _cancel(watched)
        watched.since = now
        watched.told.clear()
        watched.task = asyncio.create_task(self._follow(name, watched))

    async def _answer(self, watched: _Watched, key: str) -> _Answer:
        """What is known of the key; the first that ask wait for it, and those after them not once more."""
        while key not in watched.answers:
            left = watched.since + self.patience - self.monotonic()
            if left <= 0:
                return f"is not known: {watched.problem}"
            try:
                async with asyncio.timeout(left):
                    await watched.told.wait()
            except TimeoutError:
                continue
        return watched.answers[key]

    async def _follow(self, name: _Name, watched: _Watched) -> None:
        """List and watch until cancelled."""
        failures = refusals = 0
        while True:
            started = self.monotonic()
            try:
                await self._list_and_watch(name, watched)
                refusals = 0
            except Forbidden:
                refusals += 1
                if refusals >= _REFUSALS or not _has_value(watched):
                    self._tell(name, watched, dict.fromkeys(watched.asked, _refused(name)))
            except ClusterError as error:
                watched.problem = "the API server does not answer"
                structlog.get_logger().debug("secret not watched", secret="/".join(name), error=str(error))
            except Exception as error:
                # Its text could hold a part of what was read.
                structlog.get_logger().error("secret not watched", secret="/".join(name), kind=type(error).__name__)
            lasted = self.monotonic() - started
            failures = 0 if lasted >= _SHORT_SECONDS and not refusals else failures + 1
            await asyncio.sleep(_BACKOFF.delay(failures, self.random()) if failures else 0)

    async def _list_and_watch(self, name: _Name, watched: _Watched) -> None:
        path = f"/api/v1/namespaces/{quote(name[0], safe='')}/secrets"
        # As a list of one, a right that names the Secret is enough for list and watch.
        selector = f"fieldSelector=metadata.name%3D{quote(name[1], safe='')}"
        listed = await self.client.get(f"{path}?{selector}")
        items = listed.get("items") or ()
        self._tell(name, watched, _read(items[0] if items else None, watched.asked))
        async for event in self.client.watch(path, listed["metadata"]["resourceVersion"], selector):
            if event["type"] in ("ADDED", "MODIFIED"):
                self._tell(name, watched, _read(event["object"], watched.asked))
            elif event["type"] == "DELETED":
                self._tell(name, watched, _read(None, watched.asked))

    def _tell(self, name: _Name, watched: _Watched, answers: Mapping[str, _Answer]) -> None:
        late = self.monotonic() >= watched.since + self.patience
        for key, answer in answers.items():
            before = watched.answers.get(key)
            watched.answers[key] = answer
            if before != answer and (before is not None or late):
                self.on_change(SecretKey(*name, key))
        watched.told.set()


def _read(secret: Object | None, keys: Mapping[str, float]) -> dict[str, _Answer]:
    """What the Secret says of the keys."""
    if secret is None:
        return dict.fromkeys(keys, "is not there: create the Secret")
    data = secret.get("data") or {}
    return {key: _decode(data.get(key)) for key in keys}


def _decode(encoded: str | None) -> _Answer:
    if encoded is None:
        return "is not there: the Secret has no such key, add it"
    try:
        text = base64.b64decode(encoded, validate=True).decode().rstrip("\r\n")
    except (binascii.Error, UnicodeDecodeError):
        # Without the cause, which holds what was to be decoded.
        return "is no UTF-8 text: correct it"
    return SecretStr(text) if text else "is empty: set it"


def _refused(name: _Name) -> str:
    return f"may not be read: let the operator get, list and watch Secret {'/'.join(name)}"


def _has_value(watched: _Watched) -> bool:
    return any(isinstance(answer, SecretStr) for answer in watched.answers.values())


def _cancel(watched: _Watched) -> None:
    if watched.task is not None:
        watched.task.cancel()
