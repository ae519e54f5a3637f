"""Whose turn it is: before each operation of an operator something decides when it may begin."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from namespace_operator.stores.fence import Deposed

_PAUSES = (0, 0, 1, 3, 20, 80)
"""Turns of the event loop to wait before an operation: often none, sometimes as many as another reconcile takes."""


class Turns(Protocol):
    """Decides when each operation of an operator may begin; ``at_once``: whether its reconciles run all at once."""

    at_once: bool

    async def turn(self) -> None:
        """Wait until the next operation may begin."""


class Gate:
    """Lets others go first before each operation. The same seed gives the same order."""

    at_once = True

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def turn(self) -> None:
        """Wait a few turns of the event loop."""
        for _ in range(self._chance.choice(_PAUSES)):
            await asyncio.sleep(0)


class Frozen:
    """An operator that is frozen right before one of its operations, while its place is taken by another one.

    When it wakes up, the request that it had begun to send still arrives; for the next one its term is over.
    """

    at_once = False

    def __init__(self, number: int) -> None:
        self._number = number
        self.turns = 0
        self.frozen = asyncio.Event()
        self.awake = asyncio.Event()

    async def turn(self) -> None:
        """Freeze before the operation of the number, and end before the next one."""
        self.turns += 1
        if self.turns > self._number:
            raise Deposed("the term is over")
        if self.turns == self._number:
            self.frozen.set()
            await self.awake.wait()


class Polite:
    """Lets everybody else go first before each operation, as far as they can."""

    at_once = False

    async def turn(self) -> None:
        """Wait for two turns of the event loop: one to wake up, one to send."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)


class Schedule:
    """Two operators take turns as a plan says: ``(0, 3), (1, 2)`` is three operations of the first, two of the second.

    After the plan each goes to its end, in the order of the plan's last turn and the other.
    """

    def __init__(self, plan: Sequence[tuple[int, int]]) -> None:
        self._plan = [who for who, count in plan for _ in range(count)]
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {0: deque(), 1: deque()}
        self.taken = [0, 0]

    def of(self, who: int) -> Turns:
        """The turns of one of the two."""
        return _Turns(self, who)

    async def run(self, first: Awaitable[object], second: Awaitable[object]) -> None:
        """Run both to their ends, one operation after the other."""
        tasks = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
        last = 0
        while True:
            await self._quiet(tasks)
            able = [who for who in (0, 1) if not tasks[who].done()]
            if not able:
                break
            planned = self._plan.pop(0) if self._plan else last
            last = planned if planned in able else able[0]
            self.taken[last] += 1
            self._waiting[last].popleft().set_result(None)
        await asyncio.gather(*tasks)

    async def wait(self, who: int) -> None:
        """Wait for the turn."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting[who].append(turn)
        await turn

    async def _quiet(self, tasks: Sequence[asyncio.Future[object]]) -> None:
        """Until each has come to its next operation, or to its end."""
        while any(not task.done() and not self._waiting[who] for who, task in enumerate(tasks)):  # noqa: ASYNC110
            await asyncio.sleep(0)


class _Turns:
    at_once = False

    def __init__(self, schedule: Schedule, who: int) -> None:
        self._schedule = schedule
        self._who = who

    async def turn(self) -> None:
        await self._schedule.wait(self._who)


class Numbered:
    """Tells which of the operations are writes, by their numbers among all."""

    at_once = False

    def __init__(self, written: Callable[[], int]) -> None:
        self._written = written
        self._before: list[int] = []

    async def turn(self) -> None:
        """Note how much was written so far."""
        self._before.append(self._written())

    def writes(self) -> list[int]:
        """The numbers of the operations that wrote."""
        after = [*self._before[1:], self._written()]
        return [number for number, (one, other) in enumerate(zip(self._before, after, strict=True), 1) if one != other]


def through(target: Any, turns: Turns) -> Any:
    """A stand-in for a store or cluster, each operation of which waits for its turn."""
    return _Through(target, turns)


class _Through:
    def __init__(self, target: Any, gate: Turns) -> None:
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
