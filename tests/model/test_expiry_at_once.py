"""Many ends at once, and many that an operator slept through: the real queue and reconciler in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from namespace_operator.controller.clock import Clock
from namespace_operator.controller.queue import Next, WorkQueue
from namespace_operator.domain.identity import Key
from tests.world.virtual_time import now, run
from tests.world.world import EPOCH, World

MANY = 500
SLEPT = 100
WORKERS = 16
COST = 0.5
"""Virtual seconds that a reconcile takes, more than on a slow machine."""


@dataclass
class Running:
    """An operator whose time is that of the loop, from ``begin`` seconds on. ``ends`` has when each object went."""

    world: World
    begin: float = 0.0
    ends: dict[Key, float] = field(default_factory=dict)
    order: list[Key] = field(default_factory=list)
    """What was reconciled."""
    queue: WorkQueue[Key] = field(init=False)
    started: float = field(default_factory=now)

    def __post_init__(self) -> None:
        self.queue = WorkQueue(self._process, random=lambda: 0.5, workers=WORKERS)
        self.world.start_operator()
        assert self.world.operator is not None
        self.operator = self.world.operator
        reconciler = self.operator.reconciler
        reconciler.agenda.resync_interval = 1e6
        reconciler.clock = reconciler.agenda.clock = Clock(
            now=lambda: (EPOCH + timedelta(seconds=self.seconds)).replace(microsecond=0),
            monotonic=now,
            exact=lambda: EPOCH + timedelta(seconds=self.seconds),
        )

    @property
    def seconds(self) -> float:
        """The time of the world."""
        return self.begin + now() - self.started

    async def _process(self, key: Key) -> Next:
        self.order.append(key)
        await asyncio.sleep(COST)
        following = await self.operator.reconciler.reconcile(key)
        if key not in self.world.api.objects:
            self.ends.setdefault(key, self.seconds)
        return following

    async def until(self, seconds: float) -> None:
        """Work until then; the watch shows every object at the beginning."""
        self.operator.cluster.deliver()
        for key in sorted(self.world.api.objects):
            self.queue.add(key)
        task = asyncio.create_task(self.queue.run())
        await asyncio.sleep(seconds - self.seconds)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run in virtual time."""

    async def main() -> None:
        await scenario()

    run(main())


def key(number: int) -> Key:
    """The key of one of many."""
    return Key("acme", f"shop-{number:03}")


def make(world: World, ttls: dict[int, int]) -> None:
    """Apply namespaces that live so long."""
    for number, ttl in ttls.items():
        world.api.apply(key(number), {"ttlSeconds": ttl})


def test_many_that_end_in_the_same_second() -> None:
    async def scenario() -> None:
        world = World()
        make(world, dict.fromkeys(range(MANY), 3600))
        running = Running(world)
        before = len(asyncio.all_tasks())
        work = asyncio.create_task(running.until(3700))
        await asyncio.sleep(1800)
        assert len(asyncio.all_tasks()) <= before + 3, "a task for each object"
        await work
        made = {raw["owner"]["cr_name"]: raw["expires_at"] for raw in world.metadata.namespaces()}
        late = [end - (made[key.name] - EPOCH).total_seconds() for key, end in running.ends.items()]
        assert len(late) == MANY
        assert min(late) >= 0, "none before its time"
        assert max(late) <= MANY * COST / WORKERS + 2 * COST
        assert len([event for event in world.api.events if event.reason == "ExpiringSoon"]) == MANY

    play(scenario)


def test_a_single_one_ends_in_time() -> None:
    async def scenario() -> None:
        world = World()
        make(world, {0: 3600})
        running = Running(world, begin=0.4)
        await running.until(3700)
        expires_at = world.metadata.namespaces()[0]["expires_at"]
        assert 0 <= running.ends[key(0)] - (expires_at - EPOCH).total_seconds() <= 2 * COST

    play(scenario)


def test_what_was_slept_through_ends_within_a_minute_the_oldest_first_and_after_what_is_fresh() -> None:
    async def scenario() -> None:
        world = World()
        ttls = {number: 7200 + (number * 7919) % 5000 for number in range(SLEPT)}
        make(world, ttls)
        await Running(world).until(100)
        world.stop_operator()
        # Numbered last, so that those that are over come before it in the first look.
        world.api.apply(key(999), {})

        again = Running(world, begin=100_000)
        await again.until(100_060)
        assert len(again.ends) == SLEPT
        made = {raw["owner"]["cr_name"]: raw["expires_at"] for raw in world.metadata.namespaces()}
        first, then = again.order[: SLEPT + 1], again.order[SLEPT + 1 :]
        assert key(999) in first, "what is fresh waits for what is over"
        ends = [made[each.name] for each in then if each != key(999)]
        # Younger ones come first only where free workers took them while the last of the first look were under way.
        assert all(sum(other > end for other in ends[:at]) <= WORKERS for at, end in enumerate(ends))
        assert len(ends) == SLEPT

    play(scenario)
