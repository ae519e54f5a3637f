"""Many pieces of work by a few workers, as the floors of the benchmarks need it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def at_once(count: int, workers: int, work: Callable[[int], Awaitable[None]]) -> None:
    """The work of every number below ``count``, by so many workers."""
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await work(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(one_after_the_other())
