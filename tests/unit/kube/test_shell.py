"""What kopf is given: events become keys, and logins keep their distance."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import kopf
import pytest

from namespace_operator.domain.identity import Key
from namespace_operator.kube import shell
from namespace_operator.kube.clusters import KubeClusters
from namespace_operator.kube.hearing import Hearing
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.pulse import Pulse
from namespace_operator.kube.shell import Logins, Watch
from tests.unit.kube.test_objects import KEY, obj
from tests.world.virtual_time import now, run


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> kopf.ConnectionInfo:
    """What every login finds."""
    info = kopf.ConnectionInfo(server="https://127.0.0.1", token="token-1")
    monkeypatch.setattr(shell, "connection_info", lambda: info)
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    return info


def test_refused_credentials_are_replaced_ever_more_slowly(credentials: kopf.ConnectionInfo) -> None:
    async def main() -> list[float]:
        logins, times = Logins(), []
        for _ in range(9):
            assert await logins.next() == credentials
            times.append(now())
        return times

    assert run(main()) == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]


@pytest.mark.usefixtures("credentials")
def test_credentials_that_held_are_replaced_at_once() -> None:
    async def main() -> list[float]:
        logins, waited = Logins(), []
        for held in (0.0, 1.0, 1.0, 61.0, 1.0):
            await asyncio.sleep(held)
            asked = now()
            await logins.next()
            waited.append(now() - asked)
        return waited

    assert run(main()) == [0.0, 0.5, 1.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("events", "keys", "looked", "known"),
    [
        ([(None, obj(10))], [], [KEY], {KEY}),
        ([("ADDED", obj(10)), (None, obj(10))], [KEY], [], {KEY}),
        ([("ADDED", obj(10)), (None, obj(11, generation=2))], [KEY], [KEY], {KEY}),
        ([("ADDED", obj(10)), ("MODIFIED", obj(11, generation=2))], [KEY, KEY], [], {KEY}),
        ([("ADDED", obj(10)), ("MODIFIED", obj(11, status={"namespaceId": "ns_0123456789"}))], [KEY], [], {KEY}),
        ([("MODIFIED", obj(11)), (None, obj(10))], [KEY], [], {KEY}),
        ([("ADDED", obj(10)), ("DELETED", obj(11))], [KEY, KEY], [], set()),
        ([("DELETED", obj(11))], [KEY], [], set()),
    ],
    ids=[
        "listed",
        "listed as known",
        "listed as changed",
        "changed",
        "our own status",
        "an older one",
        "deleted",
        "deleted unseen",
    ],
)
def test_an_event_becomes_a_key(
    events: list[tuple[str | None, dict[str, Any]]], keys: list[Key], looked: list[Key], known: set[Key]
) -> None:
    objects, enqueued, listed = LiveObjects(), list[Key](), list[Key]()
    clusters = cast("KubeClusters", None)
    pulse, news = Pulse(now), _hearing()
    watch = Watch(objects, enqueued.append, listed.append, _nothing, _nothing, clusters, pytest.fail, pulse, news)
    for kind, changed in events:
        watch._on_event(kind, changed)
    assert enqueued == keys
    assert listed == looked
    assert objects.keys() == known


async def _nothing() -> None:
    pass


def _hearing() -> Hearing:
    return Hearing(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda *_: None)
