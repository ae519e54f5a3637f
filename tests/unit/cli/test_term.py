"""What a stand-by remembers for the term that may begin."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from namespace_operator.cli import term as term_module
from namespace_operator.cli.term import Lasting, Term, Terms
from namespace_operator.controller.cluster import ClusterUnavailable, Refreshed
from namespace_operator.controller.cluster_status import ClusterStatus
from namespace_operator.controller.leadership import Leadership
from namespace_operator.controller.queue import Next, WorkQueue
from namespace_operator.controller.sweep import Sweep
from namespace_operator.domain.identity import Key
from namespace_operator.kube.objects import LiveObjects
from tests.unit.kube.test_objects import KEY, obj
from tests.world.virtual_time import now, run

GONE = Key("acme", "gone")
OLD = Key("acme", "old")


class Quiet:
    """A loop that has nothing to do."""

    async def run(self) -> None:
        """Wait."""
        await asyncio.Event().wait()


class Outlasting:
    """Of what lives as long as the process, that which matters here."""

    def __init__(self) -> None:
        self.objects = LiveObjects()
        self.monotonic = now
        self.settings = self
        self.sweep_interval_seconds = 300.0
        self.clusters = self
        self.client = None
        self.missed: set[Key] = set()
        self.down = False
        self.looks = 0
        self.slow = 0.0

    def all(self) -> tuple[()]:
        """The InfrastructureClusters."""
        return ()

    def cluster(self, _: object) -> Outlasting:
        """Kubernetes."""
        return self

    async def refresh(self) -> Refreshed:
        """List all."""
        self.looks += 1
        await asyncio.sleep(self.slow)
        if self.down:
            raise ClusterUnavailable("down")
        return Refreshed(frozenset(), frozenset(self.missed))

    async def subject(self, key: Key) -> object | None:
        """Read one, which is there only if it is the known one."""
        if key != KEY:
            return None
        self.objects.put(obj(20))
        return object()


def terms() -> tuple[Terms, Outlasting]:
    """Terms over it."""
    lasting: Any = Outlasting()
    return Terms(cast("Lasting", lasting)), lasting


async def leading(terms: Terms, monkeypatch: pytest.MonkeyPatch, *, busy: bool = False) -> list[Key]:
    """What a term looks at that begins now; a busy one gets to the end of nothing."""
    looked: list[Key] = []

    async def process(key: Key) -> Next:
        looked.append(key)
        await asyncio.sleep(10 if busy else 0)
        return Next()

    class Opened:
        def __init__(self, *_: object) -> None:
            queue = WorkQueue(process=process, random=lambda: 0.5)
            self.term = Term(queue, cast("Sweep", Quiet()), cast("ClusterStatus", Quiet()))

        async def __aenter__(self) -> Term:
            return self.term

        async def __aexit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(term_module, "opened", Opened)
    work = asyncio.create_task(terms.lead(Leadership(now, 8, now())))
    await asyncio.sleep(1)
    assert terms.leads
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert not terms.leads
    return sorted(looked)


def test_a_term_begins_with_all_that_is_known_and_what_went_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> list[Key]:
        standing_by, lasting = terms()
        lasting.objects.put(obj(10))
        standing_by.enqueue(KEY)
        standing_by.enqueue(OLD)
        await asyncio.sleep(299)
        standing_by.enqueue(GONE)
        await asyncio.sleep(2)
        return await leading(standing_by, monkeypatch)

    assert run(main()) == sorted([KEY, GONE])


def test_what_was_remembered_for_one_term_is_no_news_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> tuple[list[Key], list[Key]]:
        standing_by, _ = terms()
        standing_by.enqueue(GONE)
        return await leading(standing_by, monkeypatch), await leading(standing_by, monkeypatch)

    assert run(main()) == ([GONE], [])


def test_a_stand_by_looks_for_what_its_watch_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> list[Key]:
        standing_by, lasting = terms()
        lasting.missed = {KEY, GONE}
        lasting.down = True
        looking = asyncio.create_task(standing_by.stay_current())
        await asyncio.sleep(301)
        assert lasting.looks == 1
        lasting.down = False
        await asyncio.sleep(300)
        looking.cancel()
        assert lasting.objects.keys() == {KEY}, "it was read anew"
        return await leading(standing_by, monkeypatch)

    assert run(main()) == sorted([KEY, GONE])


def test_a_look_that_a_term_overtakes_does_not_go_on_with_the_client_of_the_term() -> None:
    async def main() -> int:
        standing_by, lasting = terms()
        lasting.slow = 10.0
        looking = asyncio.create_task(standing_by.stay_current())
        await asyncio.sleep(305)
        standing_by.current = cast("Term", object())
        await asyncio.sleep(20)
        assert not looking.done()
        looking.cancel()
        return lasting.looks

    assert run(main()) == 1, "the InfrastructureClusters are read with the fenced client by then"


def test_what_a_look_finds_after_a_term_began_is_news_for_the_term() -> None:
    async def main() -> list[Key]:
        standing_by, lasting = terms()
        lasting.slow, lasting.missed = 10.0, {KEY}
        looked: list[Key] = []

        async def process(key: Key) -> Next:
            looked.append(key)
            return Next()

        queue = WorkQueue(process=process, random=lambda: 0.5)
        looking, working = asyncio.create_task(standing_by.stay_current()), asyncio.create_task(queue.run())
        await asyncio.sleep(305)
        standing_by.current = Term(queue, cast("Sweep", Quiet()), cast("ClusterStatus", Quiet()))
        await asyncio.sleep(20)
        for task in (looking, working):
            task.cancel()
        return looked

    assert run(main()) == [KEY]


def test_what_a_term_did_not_get_to_is_looked_at_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> list[Key]:
        standing_by, _ = terms()
        standing_by.enqueue(GONE)
        assert await leading(standing_by, monkeypatch, busy=True) == [GONE], "it was begun"
        return await leading(standing_by, monkeypatch)

    assert run(main()) == [GONE]


def test_a_stand_by_does_not_remember_deletions_for_ever() -> None:
    async def main() -> int:
        standing_by, _ = terms()
        for number in range(10_000):
            standing_by.enqueue(Key("acme", f"gone-{number % 5_000}"))
            await asyncio.sleep(1)
        return len(standing_by._remembered)

    assert run(main()) <= 301


def test_a_leader_leaves_that_to_its_sweep() -> None:
    async def main() -> None:
        leading, lasting = terms()
        leading.current = cast("Term", object())
        looking = asyncio.create_task(leading.stay_current())
        await asyncio.sleep(1000)
        assert lasting.looks == 0
        looking.cancel()

    run(main())
