"""Interleavings: many reconciles at once, and before each operation whoever's turn it is, as a seed decides."""

from __future__ import annotations

import asyncio
import inspect
import random
from typing import Any

_PAUSES = (0, 0, 1, 3, 20, 80)
"""Turns of the event loop to wait before an operation: often none, sometimes as many as another reconcile takes."""


class Gate:
    """Lets others go first before each operation. The same seed gives the same order."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def turn(self) -> None:
        """Wait a few turns of the event loop."""
        for _ in range(self._chance.choice(_PAUSES)):
            await asyncio.sleep(0)

    def through(self, target: Any) -> Any:
        """A stand-in for a store or cluster, each operation of which waits for its turn."""
        return _Through(target, self)


class _Through:
    def __init__(self, target: Any, gate: Gate) -> None:
        self._target = target
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._gate.turn()
            return await attribute(*args, **kwargs)

        return call
