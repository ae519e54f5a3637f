"""How long a queue has not moved, which the liveness probe asks, and what the end of a term does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from namespace_operator.controller.queue import Next, WorkQueue
from namespace_operator.stores.fence import Deposed
from tests.world.virtual_time import run


def play(process: Callable[[str], Awaitable[Next]], scenario: Callable[[WorkQueue[str]], Awaitable[None]]) -> None:
    """Run a scenario beside a queue with one worker."""

    async def main() -> None:
        queue: WorkQueue[str] = WorkQueue(process=process, random=lambda: 0.5, workers=1)
        working = asyncio.create_task(queue.run())
        await scenario(queue)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    run(main())


async def wedge_or_settle(key: str) -> Next:
    """Never end for one key, and end at once for the others, to come back after five minutes."""
    if key == "wedged":
        await asyncio.Event().wait()
    return Next(after=300)


def test_a_queue_is_stuck_while_keys_wait_and_nothing_moves() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        assert queue.stuck_for == 0
        await asyncio.sleep(100)
        assert queue.stuck_for == 0, "nothing waits"
        queue.add("wedged")
        await asyncio.sleep(100)
        assert queue.stuck_for == 0, "one that runs is no one that waits"
        queue.add("behind")
        await asyncio.sleep(59)
        assert queue.stuck_for == 59
        queue.add("another")
        await asyncio.sleep(2)
        assert queue.stuck_for == 61, "that more come is no movement"

    play(wedge_or_settle, scenario)


def test_a_queue_with_what_is_due_later_is_not_stuck() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("settled")
        await asyncio.sleep(299)
        assert queue.stuck_for == 0
        queue.add("wedged")
        await asyncio.sleep(51)
        assert queue.stuck_for == 50, "since the other one was due"

    play(wedge_or_settle, scenario)


def test_a_run_that_ends_is_movement() -> None:
    async def slow(_: str) -> Next:
        await asyncio.sleep(40)
        return Next()

    async def scenario(queue: WorkQueue[str]) -> None:
        for number in range(10):
            queue.add(str(number))
        for _ in range(35):
            await asyncio.sleep(10)
            assert queue.stuck_for <= 40

    play(slow, scenario)


def test_a_run_that_the_fence_ends_holds_up_no_other() -> None:
    processed: list[str] = []

    async def process(key: str) -> Next:
        processed.append(key)
        if key == "late":
            raise Deposed
        return Next()

    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("late")
        queue.add("other")
        await asyncio.sleep(1000)

    play(process, scenario)
    assert processed == ["late", "other"]
