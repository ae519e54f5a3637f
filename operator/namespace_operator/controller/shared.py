"""One question at a time, whoever asks: an answer, or a failure, is everybody's who waited for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Shared(Generic[T]):
    """An answer that is believed for ``max_age`` seconds.

    While a server does not answer, many who ask wait for one timeout together and not for one after the other; each
    of them waits within ``waiting``, which may end that.
    """

    ask: Callable[[], Awaitable[T]]
    monotonic: Callable[[], float]
    max_age: float
    waiting: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    _answer: T | None = None
    _asked: float | None = None
    _asking: asyncio.Task[T] | None = None

    async def get(self, *, fresh: bool = False) -> T:
        """The answer; with ``fresh`` one that is asked for from now on. Raises what asking raises."""
        if not fresh and self._asked is not None and self.monotonic() - self._asked < self.max_age:
            assert self._answer is not None
            return self._answer
        async with self.waiting():
            if fresh and self._asking is not None:
                await asyncio.wait([self._asking])
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
                self._asking.add_done_callback(_hear)
            return await asyncio.shield(self._asking)

    @property
    def is_asking(self) -> bool:
        """Whether somebody waits for an answer."""
        return self._asking is not None

    def forget(self) -> None:
        """Drop an answer that is believed no longer."""
        if self._asked is not None and self.monotonic() - self._asked >= self.max_age:
            self._answer = self._asked = None

    async def _ask(self) -> T:
        # It may be large, and there is no need to have it and its successor at once.
        self.forget()
        try:
            self._answer = await self.ask()
            self._asked = self.monotonic()
            return self._answer
        except BaseException:
            self._asked = None
            raise
        finally:
            self._asking = None


def _hear(asked: asyncio.Task[T]) -> None:
    """Take note of a failure: all who waited for the answer may have given up before."""
    if not asked.cancelled():
        asked.exception()
