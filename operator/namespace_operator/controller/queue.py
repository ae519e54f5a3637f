"""A deduplicating work queue: many changes of one object are one run, and one object never runs twice at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with jitter: ``base`` seconds, doubled by each further failure, at most ``cap``, times
    0.5 to 1.
    """

    base: float = 0.5
    cap: float = 300.0

    def delay(self, failures: int, jitter: float) -> float:
        """Seconds to wait after this many failures in a row; ``jitter`` is uniform in 0..1."""
        return float(min(self.cap, self.base * 2 ** min(failures - 1, 30))) * (0.5 + jitter / 2)


@dataclass(slots=True)
class _Record:
    running: bool = False
    queued: bool = False
    again: bool = False
    failures: int = 0
    due: float | None = None
    """When the key runs without further cause; None when it waits for one."""
    since: float = 0.0
    """When it began to wait or, while it runs, when the run began."""
    check: bool = False
    """Whether the run that is due, or under way, is a mere check."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much a queue has to do.

    ``waiting`` keys could run, ``scheduled`` ones wait for their time; ``retries`` are the runs that failed since the
    start. ``oldest`` is for how many seconds the oldest key has waited, ``longest_run`` for how many the longest run
    has gone on; None: there is none.
    """

    waiting: int
    running: int
    scheduled: int
    retries: int
    oldest: float | None
    longest_run: float | None


@dataclass(frozen=True, slots=True)
class Next:
    """What a run says of the next one.

    ``failed`` counts towards the back-off and comes back after it, or after ``after`` if that is sooner; otherwise
    ``after`` is the delay in seconds, and None means that only a new cause brings the key back. A delay below zero is
    a moment in the past: the key comes after what is fresh, and before what was due later. ``check`` says that the next
    run, should no other cause come before it, only looks whether everything is still as it was.
    """

    failed: bool = False
    after: float | None = None
    check: bool = False


@dataclass(slots=True)
class WorkQueue(Generic[K]):
    """Keys to process, with ``workers`` runs at a time.

    ``process`` is awaited for one key at a time and never twice at once for the same key; a key added while it runs
    runs once more afterwards. What is added (a change) comes before what is due (a drift check). An exception of
    ``process`` is logged and counts as a failure.
    """

    process: Callable[[K], Awaitable[Next]]
    random: Callable[[], float]
    workers: int = 16
    backoff: Backoff = field(default_factory=Backoff)
    _records: dict[K, _Record] = field(default_factory=dict)
    _fresh: deque[K] = field(default_factory=deque)
    _due: list[tuple[float, int, K]] = field(default_factory=list)
    _retries: int = 0
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Semaphore = field(init=False)
    _moved: float = 0.0
    """When a run began or ended, or the first of those that wait came, by the event loop's clock."""

    def __post_init__(self) -> None:
        self._idle = asyncio.Semaphore(self.workers)

    def add(self, key: K) -> None:
        """Process the key as soon as a worker is free."""
        record = self._records.setdefault(key, _Record())
        if record.running:
            record.again = True
        elif not record.queued:
            record.queued = True
            record.due, record.check = None, False
            if not self._fresh:
                self._move()
            record.since = asyncio.get_running_loop().time()
            self._fresh.append(key)
            self._wake.set()

    def hurry(self) -> None:
        """Process at once what waits for another try after a failure: its cause may just have gone."""
        for key, record in list(self._records.items()):
            if record.failures and record.due is not None:
                self.add(key)

    def look(self, key: K) -> None:
        """Compare the key, behind what is fresh: nobody knows that it changed."""
        record = self._records.setdefault(key, _Record())
        if record.running:
            record.again = True
        elif not record.queued:
            self._schedule(key, record, 0.0, check=record.failures == 0)

    def ensure(self, key: K) -> None:
        """Compare the key if nothing is to become of it: that it has come to its end is what a run said of it."""
        if key not in self._records:
            self.look(key)

    def recheck(self) -> None:
        """Compare all keys again, behind what is fresh: something changed that may concern any of them."""
        for key in list(self._records):
            self.look(key)

    def unfinished(self) -> frozenset[K]:
        """The keys that wait, run, or are to run again."""
        return frozenset(self._records)

    def is_check(self, key: K) -> bool:
        """Whether the run of this key that is under way was announced as a mere check, and has no other cause."""
        record = self._records.get(key)
        return record is not None and record.running and record.check and not record.again

    def __len__(self) -> int:
        return len(self._fresh)

    @property
    def stuck_for(self) -> float:
        """Seconds in which keys waited for a free worker and no run began or ended."""
        if not self._fresh and not self._due:
            return 0.0
        since = self._moved if self._fresh else self._due[0][0]
        return max(0.0, asyncio.get_running_loop().time() - max(self._moved, since))

    def _move(self) -> None:
        self._moved = asyncio.get_running_loop().time()

    def backlog(self) -> Backlog:
        """How much there is to do, counted in one pass over all keys."""
        now = asyncio.get_running_loop().time()
        running: list[float] = []
        waiting: list[float] = []
        scheduled = 0
        for record in self._records.values():
            if record.running:
                running.append(record.since)
            elif record.queued:
                waiting.append(record.since)
            elif record.due is not None and record.due <= now:
                waiting.append(max(record.since, record.due))
            else:
                scheduled += 1
        return Backlog(
            waiting=len(waiting),
            running=len(running),
            scheduled=scheduled,
            retries=self._retries,
            oldest=now - min(waiting) if waiting else None,
            longest_run=now - min(running) if running else None,
        )

    async def run(self) -> None:
        """Process keys until cancelled; then the running ones are cancelled too."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._idle.acquire()
                try:
                    key = await self._next()
                except BaseException:
                    self._idle.release()
                    raise
                group.create_task(self._run_one(key))

    async def _next(self) -> K:
        loop = asyncio.get_running_loop()
        while True:
            if self._fresh:
                return self._take(self._fresh.popleft())
            now = loop.time()
            while self._due and self._stale(self._due[0]):
                heapq.heappop(self._due)
            if self._due and self._due[0][0] <= now:
                return self._take(heapq.heappop(self._due)[2])
            self._wake.clear()
            timeout = self._due[0][0] - now if self._due else None
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _take(self, key: K) -> K:
        # Running from here on, not from the first step of its task: a cause that comes in between must not start it
        # a second time.
        record = self._records[key]
        record.running, record.queued, record.due = True, False, None
        self._move()
        record.since = asyncio.get_running_loop().time()
        return key

    def _stale(self, entry: tuple[float, int, K]) -> bool:
        due, _, key = entry
        record = self._records.get(key)
        return record is None or record.due != due

    def _schedule(self, key: K, record: _Record, seconds: float, *, check: bool = False) -> None:
        record.check, record.since = check, asyncio.get_running_loop().time()
        record.due = record.since + seconds
        heapq.heappush(self._due, (record.due, next(self._order), key))
        self._wake.set()

    async def _run_one(self, key: K) -> None:
        record = self._records[key]
        try:
            following = await self.process(key)
        except Exception:
            structlog.get_logger().exception("reconcile failed", key=str(key))
            following = Next(failed=True)
        finally:
            record.running = False
            self._move()
            self._idle.release()
        self._follow(key, record, following)

    def _follow(self, key: K, record: _Record, following: Next) -> None:
        record.failures = record.failures + 1 if following.failed else 0
        self._retries += following.failed
        if record.again:
            record.again = False
            self.add(key)
        elif following.failed:
            delay = self.backoff.delay(record.failures, self.random())
            self._schedule(key, record, delay if following.after is None else min(delay, following.after))
        elif following.after is not None:
            self._schedule(key, record, following.after, check=following.check)
        else:
            del self._records[key]
