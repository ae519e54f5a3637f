"""The order in which the operations of one collection are applied."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from devstack.qdrant.errors import ApiError

_log = logging.getLogger(__name__)

LAG_SECONDS = 0.1
"""How long an operation that nobody waits for is put off: a real server seldom shows one at the next read."""


@dataclass
class _Entry:
    act: Callable[[], Awaitable[None]]
    done: "asyncio.Future[None]"
    due: float


class OperationQueue:
    """Applies operations one after the other, in the order they were submitted."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque()
        self._hurry = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def submit(self, act: Callable[[], Awaitable[None]], *, awaited: bool) -> "asyncio.Future[None]":
        """Queue an operation; the future tells its outcome. One that is awaited hurries those before it."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        entry = _Entry(act, loop.create_future(), now if awaited else now + LAG_SECONDS)
        # Read here, because nobody may ever ask for the outcome.
        entry.done.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._entries.append(entry)
        if awaited:
            for earlier in self._entries:
                earlier.due = now
            self._hurry.set()
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return entry.done

    async def drain(self) -> None:
        """Apply everything that waits, now."""
        for entry in self._entries:
            entry.due = 0.0
        self._hurry.set()
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        while self._entries:
            entry = self._entries[0]
            await self._until_due(entry)
            try:
                await entry.act()
            except Exception as error:
                if not isinstance(error, ApiError):
                    _log.exception("an operation failed")
                entry.done.set_exception(error)
            else:
                entry.done.set_result(None)
            self._entries.popleft()
        self._worker = None

    async def _until_due(self, entry: _Entry) -> None:
        loop = asyncio.get_running_loop()
        while (left := entry.due - loop.time()) > 0:
            self._hurry.clear()
            try:
                await asyncio.wait_for(self._hurry.wait(), left)
            except TimeoutError:
                return
