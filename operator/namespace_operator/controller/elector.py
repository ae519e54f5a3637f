"""Who of several operators leads: the one that holds the Lease. The others stand by.

The rules are client-go's, so that its tools and people's experience apply. Other than there a process that loses the
Lease does not exit: it stands by, with all it knows, and may lead again. Otherwise an API server that does not answer
for some seconds would put every replica into CrashLoopBackOff.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from namespace_operator.controller.cluster import ClusterError, ObjectChanged
from namespace_operator.controller.leadership import Leadership
from namespace_operator.domain.lease import LeaseRecord, Sighting, first_record

_RELEASE_SECONDS = 2.0
_JITTER = 0.2

Lead = Callable[[Leadership], Awaitable[None]]
"""The work of a term, until cancelled."""


@dataclass(frozen=True, slots=True)
class StoredLease:
    """The Lease as the API server has it."""

    record: LeaseRecord
    manifest: Mapping[str, Any]


class LeaseStore(Protocol):
    """The one Lease. Every method may raise ``ClusterError``, and answers or fails within seconds."""

    async def read(self) -> StoredLease | None:
        """The Lease, None if there is none."""

    async def create(self, record: LeaseRecord) -> StoredLease:
        """Make the Lease. Raises ``ObjectChanged`` if there is one."""

    async def replace(self, stored: StoredLease, record: LeaseRecord) -> StoredLease:
        """Write another record. Raises ``ObjectChanged`` if the Lease is not as it was read, or gone."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds: how long the Lease is good for, when a leader gives up renewing it, how often all try.

    ``stop`` is how long the work of a term may take to end. Then the Lease is left to run out, rather than given up.
    """

    duration: int = 8
    renew_deadline: float = 5.0
    retry: float = 1.0
    stop: float = 5.0


@dataclass(slots=True)
class Elector:
    """Takes the Lease when it is free, keeps it while it leads, gives it up when it ends.

    ``identity`` is this process's own and no other's, ever. ``clock`` must go on while the process is frozen, ``now``
    is the time that stands in the Lease for people. ``told`` hears of every beginning and end of a term, and
    once more when its work has ended too.
    """

    store: LeaseStore
    identity: str
    timing: Timing
    clock: Callable[[], float]
    now: Callable[[], datetime]
    random: Callable[[], float]
    told: Callable[[bool], None] = lambda _leads: None
    _stored: StoredLease | None = None
    _sighting: Sighting | None = None
    _term: Leadership | None = None
    _complaint: str = ""
    _turned: float | None = None
    _asked: bool = False
    """Whether it ever tried to take the Lease, with whatever result."""
    _log: Any = field(default_factory=structlog.get_logger)

    @property
    def leads(self) -> bool:
        """Whether a term is under way."""
        return self._term is not None and not self._term.is_over

    @property
    def knows(self) -> bool:
        """Whether the Lease was ever seen: until then nobody can say who leads."""
        return self._sighting is not None

    @property
    def still_for(self) -> float:
        """Seconds since it last tried to do something, which it does all the time."""
        return 0.0 if self._turned is None else self.clock() - self._turned

    async def run(self, lead: Lead) -> None:
        """Lead whenever the Lease allows it, until cancelled; then the Lease is given up.

        Raises what ``lead`` raises, which must not end by itself.
        """
        try:
            while True:
                await self._serve(await self._campaign(), lead)
        finally:
            if self._term is None:
                await self._release()

    async def _campaign(self) -> Leadership:
        """Wait for the Lease and take it."""
        while True:
            wait = self._pause()
            try:
                term = await self._try()
                self._complaint = ""
                if term is not None:
                    return term
                if self._sighting is not None:
                    wait = max(0.0, min(wait, self._sighting.free_in(self.identity, self.clock())))
            except ObjectChanged:
                pass
            except ClusterError as error:
                self._complain(str(error))
            await asyncio.sleep(wait)

    async def _try(self) -> Leadership | None:
        """Take the Lease, if it is free."""
        sent = self.clock()
        stored = await self.store.read()
        if stored is None:
            await self._create(first_record(self.identity, self.timing.duration, self.now()))
            return Leadership(self.clock, self.timing.duration, sent)
        sighting = self._saw(stored)
        sent = self.clock()
        if sighting.free_in(self.identity, sent) > 0:
            return None
        await self._write(stored)
        return Leadership(self.clock, self.timing.duration, sent)

    async def _serve(self, term: Leadership, lead: Lead) -> None:
        """Lead and keep the Lease, until it is lost."""
        self._term = term
        self._log.info("leading", identity=self.identity)
        self.told(True)
        work = asyncio.ensure_future(lead(term))
        try:
            await self._keep(term, work)
        finally:
            term.end()
            work.cancel()
            self.told(False)
            await asyncio.wait({work}, timeout=self.timing.stop)
            if not work.done():
                raise RuntimeError("the work of a term does not end")
            self._term = None
            # What the work found out while it ended is known no longer either.
            self.told(False)
            if not work.cancelled() and (error := work.exception()) is not None:
                raise error

    async def _keep(self, term: Leadership, work: asyncio.Future[None]) -> None:
        while True:
            await asyncio.wait({work}, timeout=self._pause())
            if work.cancelled():
                self._log.warning("standing by: the Lease ended while this process was frozen")
                return
            if work.done():
                work.result()
                raise RuntimeError("the work of a term ended by itself")
            left = term.renewed + self.timing.renew_deadline - self.clock()
            if term.is_over or left <= 0:
                self._log.warning("standing by: the Lease could not be renewed in time", problem=self._complaint)
                return
            try:
                async with asyncio.timeout(left):
                    kept = await self._renew(term)
            except TimeoutError:
                self._complain("the API server does not answer in time")
                continue
            except ObjectChanged:
                continue
            except ClusterError as error:
                self._complain(str(error))
                continue
            self._complaint = ""
            if not kept:
                self._log.warning("standing by: another has the Lease", holder=self._holder())
                return

    async def _renew(self, term: Leadership) -> bool:
        """Write the record anew; False if the Lease is another's."""
        sent = self.clock()
        try:
            assert self._stored is not None, "whoever leads has seen the Lease"
            await self._write(self._stored)
        except ObjectChanged:
            # Written by somebody else, or by a request of ours whose answer was lost.
            sent = self.clock()
            stored = await self.store.read()
            if stored is None:
                assert self._stored is not None
                await self._create(self._mine(self._stored.record))
            elif self._saw(stored).record.holder in ("", self.identity):
                await self._write(stored)
            else:
                return False
        term.renew(sent)
        return True

    async def _release(self) -> None:
        """Give the Lease up, if it is ours, so that nobody has to wait for its end."""
        if not self._asked:
            return
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._empty()
        except (ClusterError, TimeoutError) as error:
            self._log.info("the Lease runs out by itself", error=str(error))

    async def _empty(self) -> None:
        """Write the Lease without a holder. A renewal that was under way may have come before, or still come."""
        while (stored := await self.store.read()) is not None and stored.record.holder == self.identity:
            with suppress(ObjectChanged):
                self._saw(await self.store.replace(stored, stored.record.released(self.now())))
                self._log.info("the Lease is given up")
                return

    async def _create(self, record: LeaseRecord) -> None:
        self._asked = True
        self._saw(await self.store.create(record))

    async def _write(self, stored: StoredLease) -> None:
        self._asked = True
        self._saw(await self.store.replace(stored, self._mine(stored.record)))

    def _mine(self, record: LeaseRecord) -> LeaseRecord:
        return record.held_by(self.identity, self.timing.duration, self.now())

    def _saw(self, stored: StoredLease) -> Sighting:
        now, record = self.clock(), stored.record
        self._stored = stored
        self._sighting = Sighting(record, now) if self._sighting is None else self._sighting.seen(record, now)
        return self._sighting

    def _pause(self) -> float:
        self._turned = self.clock()
        return self.timing.retry * (1 - _JITTER + 2 * _JITTER * self.random())

    def _holder(self) -> str:
        return self._stored.record.holder if self._stored is not None else ""

    def _complain(self, problem: str) -> None:
        if problem != self._complaint:
            self._complaint = problem
            self._log.warning("the Lease cannot be read or written", error=problem)
