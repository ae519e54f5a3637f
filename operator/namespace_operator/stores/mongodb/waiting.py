"""How the driver waits for a free connection, mended for Python 3.11.

There `asyncio.wait_for` waits in a task of its own. Where the time is over and the wait is cancelled at once, as after
a freeze, whoever waited goes on before that task has taken the lock back, and gives up a lock that is not his. Then the
task takes it for good, and nobody gets a connection any more. From Python 3.12 on it waits as it does here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from pymongo import lock

T = TypeVar("T")


async def wait_for(awaited: Coroutine[object, object, T], timeout: float | None) -> T:  # noqa: ASYNC109 - as asyncio's
    """Await something in this very task. Raises ``TimeoutError``."""
    async with asyncio.timeout(timeout):
        return await awaited


lock.wait_for = wait_for  # type: ignore[assignment, attr-defined]
