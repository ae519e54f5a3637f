"""The driver's lock survives that a wait is over and cancelled at once."""

from __future__ import annotations

import asyncio

import pymongo.lock
import pytest
from pymongo.lock import _async_cond_wait, _async_create_condition, _async_create_lock

from namespace_operator.stores.mongodb.waiting import wait_for


async def test_who_is_cancelled_as_the_time_is_over_leaves_the_lock_to_others() -> None:
    assert pymongo.lock.wait_for is wait_for  # type: ignore[attr-defined]
    lock = _async_create_lock()
    condition = _async_create_condition(lock)

    async def wait() -> None:
        async with condition:
            await _async_cond_wait(condition, 0.01)

    waits = asyncio.create_task(wait())
    await asyncio.sleep(0)
    async with lock:
        # The time is over, and what waits wants the lock back.
        await asyncio.sleep(0.05)
        waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    await asyncio.sleep(0.01)
    assert not lock.locked()


async def test_the_time_ends_a_wait_and_a_notice_does() -> None:
    condition = _async_create_condition(_async_create_lock())

    async def notify() -> None:
        async with condition:
            condition.notify()

    async with condition:
        assert not await _async_cond_wait(condition, 0.01)
        told = asyncio.create_task(notify())
        assert await _async_cond_wait(condition, 5.0)
    await told
