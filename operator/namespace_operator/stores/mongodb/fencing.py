"""The fence at the last moment before the driver writes to a connection.

The driver looks at an operation's deadline before it encodes a message, and then lets other tasks run before it writes
it. A process that is frozen in between would write when it wakes. There is no hook at this place, so the driver's
protocol is replaced by one that asks first; a contract test fails if that does not hold any more.
"""

from __future__ import annotations

from contextvars import ContextVar

from pymongo import pool_shared
from pymongo.network_layer import PyMongoProtocol

from namespace_operator.stores.fence import UNFENCED, Fence

FENCE: ContextVar[Fence] = ContextVar("fence", default=UNFENCED)
"""What the operation that runs is fenced by; tasks that the driver starts for it inherit it."""


class FencedProtocol(PyMongoProtocol):
    """One connection of the driver."""

    async def write(self, message: bytes) -> None:
        """Write a message, unless the term is over."""
        FENCE.get().check()
        await super().write(message)


pool_shared.PyMongoProtocol = FencedProtocol  # type: ignore[attr-defined]
