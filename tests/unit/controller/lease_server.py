"""A Lease as the API server keeps it, with a hand in its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged
from namespace_operator.controller.elector import Elector, StoredLease, Timing
from namespace_operator.controller.leadership import Leadership
from namespace_operator.domain.lease import LeaseRecord
from tests.world.virtual_time import now

START = datetime(2026, 1, 1, tzinfo=UTC)
LATENCY = 0.01


@dataclass
class LeaseServer:
    """One Lease and its versions. ``down`` fails every request, ``losing`` answers none of the writes that happen."""

    record: LeaseRecord | None = None
    version: int = 0
    down: bool = False
    losing: bool = False
    latency: float = LATENCY
    writes: int = 0

    def edit(self, record: LeaseRecord | None) -> None:
        """What somebody does to the Lease by hand; None deletes it."""
        self.record, self.version = record, self.version + 1

    async def _ask(self, act: Callable[[], StoredLease | None], *, write: bool = False) -> StoredLease | None:
        await asyncio.sleep(self.latency / 2)
        if self.down:
            raise ClusterUnavailable("the API server does not answer")
        answer = act()
        self.writes += write
        await asyncio.sleep(self.latency / 2)
        if write and self.losing:
            raise ClusterUnavailable("the answer was lost")
        return answer

    def _stored(self) -> StoredLease:
        assert self.record is not None
        return StoredLease(self.record, {"version": self.version})

    async def read(self) -> StoredLease | None:
        """The Lease."""
        return await self._ask(lambda: None if self.record is None else self._stored())

    async def create(self, record: LeaseRecord) -> StoredLease:
        """Make it."""

        def act() -> StoredLease:
            if self.record is not None:
                raise ObjectChanged("there is one")
            self.edit(record)
            return self._stored()

        return _there(await self._ask(act, write=True))

    async def replace(self, stored: StoredLease, record: LeaseRecord) -> StoredLease:
        """Write it at the version that was read."""

        def act() -> StoredLease:
            if self.record is None or stored.manifest["version"] != self.version:
                raise ObjectChanged("not at this version")
            self.edit(record)
            return self._stored()

        return _there(await self._ask(act, write=True))


def _there(stored: StoredLease | None) -> StoredLease:
    assert stored is not None
    return stored


@dataclass
class Candidate:
    """An elector, and the terms it had: when each began and ended."""

    server: LeaseServer
    name: str
    ahead: float = 0.0
    """How far its clock is ahead of the others', to be changed at any time."""
    random: float = 0.5
    timing: Timing = field(default_factory=Timing)
    terms: list[list[float]] = field(default_factory=list)
    work: Callable[[Leadership], Awaitable[None]] | None = None
    term: Leadership | None = None
    task: asyncio.Task[None] | None = None
    elector: Elector = field(init=False)

    def __post_init__(self) -> None:
        self.elector = Elector(
            store=self.server,
            identity=self.name,
            timing=self.timing,
            clock=lambda: now() + self.ahead,
            now=lambda: START + timedelta(seconds=now() + self.ahead),
            random=lambda: self.random,
        )

    def start(self) -> None:
        """Take part."""
        self.task = asyncio.create_task(self.elector.run(self._lead))

    async def stop(self) -> None:
        """End cleanly."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def kill(self) -> None:
        """End without giving anything up: its requests fail from now on."""
        self.elector.store = _Dead()
        assert self.task is not None
        self.task.cancel()

    async def _lead(self, term: Leadership) -> None:
        self.term = term
        self.terms.append([now()])
        try:
            await (self.work(term) if self.work is not None else asyncio.Event().wait())
        finally:
            self.terms[-1].append(now())

    @property
    def leads(self) -> bool:
        """Whether it would send a request now."""
        return self.term is not None and not self.term.is_over


class _Dead:
    async def read(self) -> StoredLease | None:
        raise ClusterUnavailable("dead")

    async def create(self, record: LeaseRecord) -> StoredLease:
        raise ClusterUnavailable("dead")

    async def replace(self, stored: StoredLease, record: LeaseRecord) -> StoredLease:
        raise ClusterUnavailable("dead")


async def watched(seconds: float, *candidates: Candidate) -> list[Any]:
    """Let time pass, and see at each hundredth of a second that at most one of them would send a request."""
    leaders: list[Any] = []
    for _ in range(round(seconds * 100)):
        await asyncio.sleep(0.01)
        leading = [each.name for each in candidates if each.leads]
        assert len(leading) <= 1, f"{leading} lead at {now():.2f}"
        leaders += [leading[0] if leading else None]
    return leaders
