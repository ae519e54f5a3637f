"""The queue of one collection's operations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from devstack.qdrant.errors import ApiError, wrong_input
from devstack.qdrant.operations import LAG_SECONDS, OperationQueue


def noted(log: list[int], number: int) -> Callable[[], Awaitable[None]]:
    """An operation that notes that it was done, after a pause in which another could overtake it."""

    async def act() -> None:
        await asyncio.sleep(0.001)
        log.append(number)

    return act


async def refused() -> None:
    """An operation that cannot be done."""
    raise wrong_input("no")


async def test_operations_keep_their_order() -> None:
    queue, log = OperationQueue(), list[int]()
    for number in range(20):
        queue.submit(noted(log, number), awaited=number % 3 == 0)
    await queue.submit(noted(log, 20), awaited=True)
    assert log == list(range(21))


async def test_one_that_nobody_awaits_is_put_off_and_done_all_the_same() -> None:
    queue, log = OperationQueue(), list[int]()
    done = queue.submit(noted(log, 0), awaited=False)
    await asyncio.sleep(0.02)
    assert log == []
    await asyncio.wait_for(done, 5)
    assert log == [0]


async def test_one_that_is_awaited_hurries_those_before_it() -> None:
    queue, log = OperationQueue(), list[int]()
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(3):
        queue.submit(noted(log, number), awaited=False)
    await asyncio.sleep(0.005)  # the worker sleeps by now
    await queue.submit(noted(log, 3), awaited=True)
    assert log == [0, 1, 2, 3]
    assert loop.time() - started < LAG_SECONDS


async def test_a_refusal_reaches_its_own_caller_only() -> None:
    queue, log = OperationQueue(), list[int]()
    bad = queue.submit(refused, awaited=True)
    await queue.submit(noted(log, 1), awaited=True)
    with pytest.raises(ApiError):
        await bad
    assert log == [1]


async def test_drain_leaves_nothing_and_the_queue_can_be_used_again() -> None:
    queue, log = OperationQueue(), list[int]()
    await queue.drain()
    queue.submit(noted(log, 0), awaited=False)
    await queue.drain()
    assert (log, len(queue)) == ([0], 0)
    await queue.submit(noted(log, 1), awaited=True)
    assert log == [0, 1]
