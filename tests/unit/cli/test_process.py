"""The probes of a process: what makes it ready, and each thing that can be wedged."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from devstack.ports import free_ports
from namespace_operator.cli.process import Process
from namespace_operator.cli.term import Lasting, Term, Terms
from namespace_operator.controller.cluster_status import ClusterStatus
from namespace_operator.controller.queue import Next, WorkQueue
from namespace_operator.controller.sweep import Sweep
from namespace_operator.domain.identity import Key
from namespace_operator.kube.pulse import Pulse
from namespace_operator.telemetry.health import HealthServer
from tests.unit.controller.lease_server import Candidate, LeaseServer, watched
from tests.world.virtual_time import now, run

KEY = Key("acme", "shop")


@dataclass
class Bench:
    """A process whose parts are moved by hand."""

    candidate: Candidate = field(default_factory=lambda: Candidate(LeaseServer(), "a"))
    pulse: Pulse = field(default_factory=lambda: Pulse(now))
    queue: WorkQueue[Key] = field(init=False)
    terms: Terms = field(init=False)
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.queue = WorkQueue(self._never, random=lambda: 0.5, workers=1)
        self.terms = Terms(cast("Lasting", None))
        self.process = Process(self.pulse, self.terms, self.candidate.elector)

    async def _never(self, _: Key) -> Next:
        await asyncio.Event().wait()
        return Next()

    def begin(self) -> None:
        """Watch and stand for election."""
        self.pulse.expect(())
        self.candidate.start()

    def lead(self) -> None:
        """Begin the work of a term."""
        self.terms.current = Term(self.queue, cast("Sweep", None), cast("ClusterStatus", None))

    def list_everything(self) -> None:
        """Complete the first lists."""
        for path in list(self.pulse._moved):
            self.pulse.streams(path)

    async def minutes(self, count: float, *, watching: bool = True) -> None:
        """Let time pass, with a bookmark a minute."""
        for _ in range(round(count * 6)):
            await asyncio.sleep(10)
            if watching:
                for path in list(self.pulse._moved):
                    self.pulse.moved(path)


def test_before_the_start_it_lives_and_is_not_ready() -> None:
    process = Process(Pulse(now))
    assert process.is_alive()
    assert not process.is_ready()


def test_a_stand_by_is_ready_with_a_warm_watch_once_it_knows_who_leads() -> None:
    async def main() -> None:
        rival, bench = Candidate(LeaseServer(), "rival"), Bench()
        rival.start()
        await watched(1, rival)
        bench.candidate.elector.store = rival.server
        bench.begin()
        bench.list_everything()
        assert not bench.process.is_ready(), "it does not know who leads"
        await watched(2, rival, bench.candidate)
        assert not bench.candidate.leads
        assert bench.process.is_ready()

    run(main())


def test_a_leader_is_ready_when_its_work_has_begun_and_the_watch_is_warm() -> None:
    async def main() -> None:
        bench = Bench()
        bench.begin()
        await watched(1, bench.candidate)
        assert bench.candidate.leads
        assert not bench.process.is_ready()
        bench.lead()
        assert not bench.process.is_ready(), "the first lists are not complete"
        bench.list_everything()
        assert bench.process.is_ready()

    run(main())


def test_while_the_api_server_is_down_it_lives_and_stays_ready() -> None:
    async def main() -> None:
        bench = Bench()
        bench.begin()
        bench.list_everything()
        await watched(1, bench.candidate)
        bench.candidate.server.down = True
        await bench.minutes(30)
        assert not bench.candidate.leads
        assert bench.process.is_alive()
        assert bench.process.is_ready(), "as a stand-by"

    run(main())


def test_a_queue_that_does_not_move_is_death_after_a_minute() -> None:
    async def main() -> None:
        bench = Bench()
        bench.begin()
        bench.lead()
        working = asyncio.create_task(bench.queue.run())
        bench.queue.add(KEY)
        await bench.minutes(5)
        assert bench.process.is_alive(), "nothing waits"
        bench.queue.add(Key("acme", "behind"))
        await asyncio.sleep(59)
        assert bench.process.is_alive()
        await asyncio.sleep(2)
        assert not bench.process.is_alive()
        bench.terms.current = None
        assert bench.process.is_alive(), "the queue went with its term"
        working.cancel()

    run(main())


def test_a_watch_that_is_silent_is_death_after_three_minutes() -> None:
    async def main() -> None:
        bench = Bench()
        bench.begin()
        await bench.minutes(10)
        assert bench.process.is_alive()
        await bench.minutes(2.9, watching=False)
        assert bench.process.is_alive()
        await bench.minutes(0.2, watching=False)
        assert not bench.process.is_alive()

    run(main())


def test_an_election_that_hangs_is_death_after_a_minute() -> None:
    async def main() -> None:
        bench = Bench()
        bench.begin()
        await watched(1, bench.candidate)
        bench.candidate.kill()
        await bench.minutes(1.2)
        assert not bench.process.is_alive()

    run(main())


@contextmanager
def served(process: Process) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """The probes of a process, on an event loop of their own."""
    (port,) = free_ports(1)
    loop = asyncio.new_event_loop()
    health = HealthServer("127.0.0.1", port, alive=process.is_alive, ready=process.is_ready)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(health.start(), loop).result(5)
    try:
        yield f"http://127.0.0.1:{port}/livez", loop
    finally:
        asyncio.run_coroutine_threadsafe(health.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_an_event_loop_that_hangs_answers_no_probe() -> None:
    blocked = threading.Event()
    with served(Process(Pulse(time.monotonic))) as (url, loop):
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.status == 200
        loop.call_soon_threadsafe(blocked.wait, 3.0)
        with pytest.raises((TimeoutError, urllib.error.URLError)):
            urllib.request.urlopen(url, timeout=0.5)
        blocked.set()
