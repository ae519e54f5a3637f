"""The work queue, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from namespace_operator.controller.queue import Backlog, Backoff, Next, WorkQueue
from tests.world.virtual_time import now, run

Behaviour = Callable[[str], Awaitable[Next]]


@dataclass
class Recorder:
    """Processes keys and writes down when each run began and ended."""

    behaviour: Behaviour
    began: list[tuple[str, float]] = field(default_factory=list)
    ended: list[tuple[str, float]] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    most_at_once: int = 0
    twice_at_once: set[str] = field(default_factory=set)
    cancelled: list[str] = field(default_factory=list)

    async def __call__(self, key: str) -> Next:
        if key in self.running:
            self.twice_at_once.add(key)
        self.running.append(key)
        self.most_at_once = max(self.most_at_once, len(self.running))
        self.began.append((key, now()))
        try:
            return await self.behaviour(key)
        except asyncio.CancelledError:
            self.cancelled.append(key)
            raise
        finally:
            self.running.remove(key)
            self.ended.append((key, now()))

    @property
    def order(self) -> list[str]:
        """The keys in the order their runs began."""
        return [key for key, _ in self.began]

    @property
    def times(self) -> list[float]:
        """When runs began."""
        return [time for _, time in self.began]


def taking(seconds: float, following: Next | None = None) -> Behaviour:
    """Every run takes this long and asks for this next one."""

    async def behaviour(_: str) -> Next:
        await asyncio.sleep(seconds)
        return following or Next()

    return behaviour


Scenario = Callable[[WorkQueue[str]], Awaitable[None]]


def play(
    behaviour: Behaviour, scenario: Scenario, *, workers: int = 16, backoff: Backoff | None = None
) -> tuple[Recorder, WorkQueue[str]]:
    """Run the queue until the scenario is over."""
    recorder = Recorder(behaviour)

    async def main() -> WorkQueue[str]:
        queue = WorkQueue(recorder, random=lambda: 1.0, workers=workers, backoff=backoff or Backoff())
        task = asyncio.create_task(queue.run())
        await scenario(queue)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return queue

    return recorder, run(main())


def test_a_key_added_many_times_runs_once() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        for _ in range(5):
            queue.add("a")
        assert len(queue) == 1
        await asyncio.sleep(10)

    recorder, _ = play(taking(1), scenario)
    assert recorder.began == [("a", 0.0)]


def test_a_key_added_while_it_runs_runs_once_more_afterwards() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(0.5)
        for _ in range(3):
            queue.add("a")
        await asyncio.sleep(10)

    recorder, _ = play(taking(1), scenario)
    assert recorder.began == [("a", 0.0), ("a", 1.0)]
    assert not recorder.twice_at_once


def test_a_key_added_between_its_choice_and_its_start_does_not_run_twice_at_once() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        for _ in range(10):
            await asyncio.sleep(0)
            queue.add("a")
        await asyncio.sleep(10)

    recorder, _ = play(taking(1), scenario)
    assert not recorder.twice_at_once
    assert recorder.began == [("a", 0.0), ("a", 1.0)]


def test_a_due_key_added_at_the_moment_it_comes_due_does_not_run_twice_at_once() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(3)
        for _ in range(10):
            queue.add("a")
            await asyncio.sleep(0)
        await asyncio.sleep(2)

    recorder, _ = play(taking(1, Next(after=2.0)), scenario)
    assert not recorder.twice_at_once
    assert recorder.times == [0.0, 3.0, 4.0]


def test_many_keys_with_few_workers_all_run_in_order() -> None:
    keys = [f"k{number}" for number in range(50)]

    async def scenario(queue: WorkQueue[str]) -> None:
        for key in keys:
            queue.add(key)
        await asyncio.sleep(60)

    recorder, _ = play(taking(1), scenario, workers=3)
    assert recorder.order == keys
    assert recorder.most_at_once == 3
    assert recorder.times[-1] == 16.0


def test_failures_back_off_to_a_cap_and_a_success_forgets_them() -> None:
    outcomes = iter([*[Next(failed=True)] * 6, Next(after=100.0), Next(failed=True), Next()])

    async def behaviour(_: str) -> Next:
        return next(outcomes)

    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(1000)

    recorder, _ = play(behaviour, scenario, backoff=Backoff(base=1.0, cap=8.0))
    waits = [after - before for before, after in zip(recorder.times, recorder.times[1:], strict=False)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 100.0, 1.0]


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 2.0), (0.5, 3.0), (1.0, 4.0)])
def test_jitter_takes_up_to_half_away(jitter: float, seconds: float) -> None:
    assert Backoff(base=1.0, cap=300.0).delay(3, jitter) == seconds


def test_back_off_does_not_overflow() -> None:
    assert Backoff(base=0.5, cap=300.0).delay(100_000, 1.0) == 300.0


def test_a_change_comes_before_the_end_of_the_back_off() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(5)
        queue.add("a")
        await asyncio.sleep(6)

    recorder, _ = play(taking(0, Next(failed=True)), scenario, backoff=Backoff(base=10.0))
    assert recorder.times == [0.0, 5.0]


def test_changes_come_before_drift_checks() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("drift1")
        queue.add("drift2")
        await asyncio.sleep(3.5)
        queue.add("blocker")
        await asyncio.sleep(0.9)
        queue.add("fresh")
        await asyncio.sleep(3)

    # One worker: both drift checks come due while it is busy with the blocker, and before the change was made.
    recorder, _ = play(taking(1, Next(after=3.0)), scenario, workers=1)
    assert recorder.order[:5] == ["drift1", "drift2", "blocker", "fresh", "drift1"]


def test_due_keys_run_in_the_order_they_are_due() -> None:
    delays = {"late": 9.0, "soon": 1.0, "middle": 5.0}

    async def behaviour(key: str) -> Next:
        return Next(after=delays.pop(key)) if key in delays else Next()

    async def scenario(queue: WorkQueue[str]) -> None:
        for key in list(delays):
            queue.add(key)
        await asyncio.sleep(20)

    recorder, _ = play(behaviour, scenario)
    assert recorder.began[3:] == [("soon", 1.0), ("middle", 5.0), ("late", 9.0)]


def test_a_moment_comes_before_the_end_of_the_back_off() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(12)

    recorder, _ = play(taking(0, Next(failed=True, after=5.0)), scenario, backoff=Backoff(base=4.0))
    assert recorder.times == [0.0, 4.0, 9.0]


def test_moments_in_the_past_come_in_their_order_after_what_is_fresh_and_before_what_is_due() -> None:
    delays = {"due": 1.0, "old": -50.0, "oldest": -60.0, "young": -40.0}

    async def behaviour(key: str) -> Next:
        await asyncio.sleep(1)
        return Next(after=delays.pop(key)) if key in delays else Next()

    async def scenario(queue: WorkQueue[str]) -> None:
        for key in ("due", "old", "oldest", "young", "fresh"):
            queue.add(key)
        await asyncio.sleep(20)

    recorder, _ = play(behaviour, scenario, workers=1)
    assert recorder.order == ["due", "old", "oldest", "young", "fresh", "oldest", "old", "young", "due"]


def test_an_exception_counts_as_a_failure_and_does_not_end_the_queue() -> None:
    async def behaviour(key: str) -> Next:
        if key == "bad":
            raise RuntimeError("broken")
        return Next()

    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("bad")
        queue.add("good")
        await asyncio.sleep(3.5)

    with capture_logs() as logs:
        recorder, _ = play(behaviour, scenario, backoff=Backoff(base=1.0))
    assert recorder.began == [("bad", 0.0), ("good", 0.0), ("bad", 1.0), ("bad", 3.0)]
    assert [(entry["event"], entry["key"]) for entry in logs] == [("reconcile failed", "bad")] * 3


def test_cancelling_the_queue_cancels_what_runs() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        queue.add("b")
        await asyncio.sleep(0.5)

    recorder, _ = play(taking(60), scenario)
    assert sorted(recorder.cancelled) == ["a", "b"]
    assert recorder.running == []


def test_keys_that_need_nothing_more_are_forgotten() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        for number in range(100):
            queue.add(f"k{number}")
        await asyncio.sleep(10)

    _, queue = play(taking(1), scenario)
    assert queue._records == {}


def test_a_key_waits_for_nothing_but_a_cause_after_a_plain_result() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(10_000)
        queue.add("a")
        await asyncio.sleep(1)

    recorder, _ = play(taking(0), scenario)
    assert recorder.times == [0.0, 10_000.0]


def test_what_failed_can_be_hurried_and_what_is_only_due_is_not() -> None:
    async def behaviour(key: str) -> Next:
        return Next(failed=True) if key == "bad" else Next(after=50)

    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("bad")
        queue.add("good")
        await asyncio.sleep(10)
        queue.hurry()
        queue.hurry()
        await asyncio.sleep(10)

    recorder, _ = play(behaviour, scenario, backoff=Backoff(base=100.0))
    assert recorder.began == [("bad", 0.0), ("good", 0.0), ("bad", 10.0)]


def play_checks(scenario: Scenario, *, fails: bool = False) -> list[tuple[str, bool]]:
    """What each run was told of itself, where every one takes a second and announces a check in ten, or the second
    fails.
    """
    told: list[tuple[str, bool]] = []

    async def main() -> None:
        async def process(key: str) -> Next:
            told.append((key, queue.is_check(key)))
            await asyncio.sleep(1.0)
            return Next(failed=True) if fails and len(told) == 2 else Next(after=10.0, check=True)

        queue: WorkQueue[str] = WorkQueue(process, random=lambda: 1.0)
        task = asyncio.create_task(queue.run())
        await scenario(queue)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())
    return told


def test_a_run_that_is_only_due_is_taken_for_one_with_a_cause() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(25.0)
        assert not queue.is_check("a"), "none is under way"
        assert not queue.is_check("never added")

    assert play_checks(scenario) == [("a", False), ("a", True), ("a", True)]


def test_a_change_before_a_check_or_during_one_is_taken_for_a_check() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(5.0)
        queue.add("a")
        await asyncio.sleep(11.5)
        queue.add("a")
        await asyncio.sleep(2.0)

    assert play_checks(scenario) == [("a", False), ("a", False), ("a", True), ("a", False)]


def test_another_try_after_a_failure_is_taken_for_a_check() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(14.0)

    assert play_checks(scenario, fails=True) == [("a", False), ("a", True), ("a", False)]


def test_a_fresh_change_waits_for_many_checks() -> None:
    order: list[str] = []

    async def behaviour(key: str) -> Next:
        order.append(key)
        await asyncio.sleep(0.1)
        return Next(after=20.0 - now(), check=True) if now() < 10.0 else Next()

    async def scenario(queue: WorkQueue[str]) -> None:
        for number in range(50):
            queue.add(f"settled-{number}")
        await asyncio.sleep(20.05)
        queue.add("changed")
        await asyncio.sleep(10.0)

    play(behaviour, scenario, workers=1)
    assert order.index("changed") == 51, "the first check was under way"
    assert len(order) == 101


def test_the_backlog_is_what_waits_what_runs_and_what_is_to_come() -> None:
    async def behaviour(key: str) -> Next:
        await asyncio.sleep(10.0)
        return {"later": Next(after=100.0), "failing": Next(failed=True)}.get(key, Next())

    seen: list[Backlog] = []

    async def scenario(queue: WorkQueue[str]) -> None:
        seen.append(queue.backlog())
        queue.add("later")
        await asyncio.sleep(1.0)
        for key in ("failing", "last"):
            queue.add(key)
        await asyncio.sleep(3.0)
        seen.append(queue.backlog())
        await asyncio.sleep(7.0)
        seen.append(queue.backlog())
        await asyncio.sleep(13.0)
        # The failed one is due since 0.5 s after its end, and waits for the worker.
        seen.append(queue.backlog())
        await asyncio.sleep(600.0)
        seen.append(queue.backlog())

    play(behaviour, scenario, workers=1, backoff=Backoff(base=0.5, cap=1000.0))
    assert seen[:4] == [
        Backlog(waiting=0, running=0, scheduled=0, retries=0, oldest=None, longest_run=None),
        Backlog(waiting=2, running=1, scheduled=0, retries=0, oldest=3.0, longest_run=4.0),
        Backlog(waiting=1, running=1, scheduled=1, retries=0, oldest=10.0, longest_run=1.0),
        Backlog(waiting=1, running=1, scheduled=1, retries=1, oldest=3.5, longest_run=4.0),
    ]
    assert seen[4].retries > 3


def test_what_is_overdue_waits_since_it_was_put_there() -> None:
    runs: list[float] = []

    async def behaviour(key: str) -> Next:
        runs.append(now())
        await asyncio.sleep(5.0)
        return Next(after=-1000.0) if key == "ended" and len(runs) == 1 else Next()

    seen: list[Backlog] = []

    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("ended")
        await asyncio.sleep(1.0)
        queue.add("fresh")
        await asyncio.sleep(6.0)
        seen.append(queue.backlog())

    play(behaviour, scenario, workers=1)
    assert seen == [Backlog(waiting=1, running=1, scheduled=0, retries=0, oldest=2.0, longest_run=2.0)]


def test_all_are_compared_again_at_once_and_behind_what_is_fresh() -> None:
    told: list[tuple[str, float, bool]] = []

    async def main() -> None:
        async def process(key: str) -> Next:
            told.append((key, now(), queue.is_check(key)))
            await asyncio.sleep(1.0)
            return {"bad": Next(failed=True), "resting": Next(after=100.0)}.get(key, Next())

        queue: WorkQueue[str] = WorkQueue(process, random=lambda: 1.0, workers=1, backoff=Backoff(base=100.0))
        task = asyncio.create_task(queue.run())
        for key in ("bad", "resting", "over"):
            queue.add(key)
        await asyncio.sleep(10.0)
        queue.recheck()
        queue.add("fresh")
        await asyncio.sleep(10.0)
        task.cancel()

    run(main())
    assert told == [
        ("bad", 0.0, False),
        ("resting", 1.0, False),
        ("over", 2.0, False),
        ("fresh", 10.0, False),
        ("bad", 11.0, False),
        ("resting", 12.0, True),
    ]


def test_what_a_list_showed_is_only_compared_and_behind_what_is_fresh() -> None:
    told: list[tuple[str, float, bool]] = []

    async def main() -> None:
        async def process(key: str) -> Next:
            told.append((key, now(), queue.is_check(key)))
            await asyncio.sleep(1.0)
            return Next(after=100.0)

        queue: WorkQueue[str] = WorkQueue(process, random=lambda: 1.0, workers=1)
        for key in ("listed", "changed", "listed and then changed"):
            queue.look(key)
        queue.add("changed")
        task = asyncio.create_task(queue.run())
        queue.add("listed and then changed")
        queue.look("changed")
        await asyncio.sleep(10.0)
        queue.look("listed")
        await asyncio.sleep(10.0)
        task.cancel()

    run(main())
    assert told == [
        ("changed", 0.0, False),
        ("listed and then changed", 1.0, False),
        ("listed", 2.0, True),
        ("listed", 10.0, True),
    ]


def test_what_runs_meanwhile_is_compared_once_more() -> None:
    async def scenario(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await asyncio.sleep(0.5)
        queue.recheck()
        await asyncio.sleep(10.0)

    recorder, _ = play(taking(1.0), scenario)
    assert recorder.times == [0.0, 1.0]


def test_what_nothing_is_to_become_of_is_compared_and_nothing_else() -> None:
    runs: list[tuple[str, float, bool]] = []

    async def main() -> None:
        async def process(key: str) -> Next:
            runs.append((key, now(), queue.is_check(key)))
            await asyncio.sleep(1.0)
            return {"resting": Next(after=100.0), "bad": Next(failed=True)}.get(key, Next())

        queue: WorkQueue[str] = WorkQueue(process, random=lambda: 1.0, workers=1, backoff=Backoff(base=100.0))
        task = asyncio.create_task(queue.run())
        for key in ("resting", "bad", "over"):
            queue.add(key)
        queue.ensure("over")
        await asyncio.sleep(10.0)
        for key in ("resting", "bad", "over", "unheard-of"):
            queue.ensure(key)
        await asyncio.sleep(10.0)
        task.cancel()

    run(main())
    assert runs[3:] == [("over", 10.0, True), ("unheard-of", 11.0, True)]
