"""A server that does not answer: who waits for it, and who does not."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from namespace_operator.controller.shared import Shared
from namespace_operator.domain.observed import Collection
from namespace_operator.stores.errors import Unavailable
from namespace_operator.stores.qdrant import QdrantStore
from tests.unit.stores.server import serving

PATIENCE = 0.2
TIMEOUT = 2.0


@dataclass
class Hangs:
    """Answers nothing while it hangs."""

    hangs: bool = True
    asked: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one, or keep it waiting."""
        self.asked += 1
        if self.hangs:
            await self.woken.wait()
        return web.json_response({"status": {"error": "Not found: Collection `x` doesn't exist!"}}, status=404)


async def seconds_of(store: QdrantStore) -> float:
    """How long one read takes, however it ends."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with suppress(Unavailable):
        await store.read("x")
    return loop.time() - began


async def test_all_but_a_few_are_given_up_and_whoever_comes_next_at_once() -> None:
    server = Hangs()
    async with serving(server) as url:
        store = QdrantStore(url, timeout_seconds=TIMEOUT, patience_seconds=PATIENCE)
        first = [asyncio.create_task(seconds_of(store)) for _ in range(16)]
        done, waiting = await asyncio.wait(first, timeout=3 * PATIENCE)
        assert (len(done), len(waiting)) == (12, 4)
        assert max(task.result() for task in done) < 3 * PATIENCE
        assert await seconds_of(store) < PATIENCE / 2, "nobody waits in line"
        server.hangs = False
        server.woken.set()
        assert max([await task for task in waiting]) < TIMEOUT
        await asyncio.gather(*(seconds_of(store) for _ in range(16)))
        assert server.asked >= 20, "all are sent again once it answers"
        await store.close()


def shared_read(store: QdrantStore) -> Shared[Collection | None]:
    """One read for everybody, as that of a server's marker is."""
    return Shared(lambda: store.read("x"), asyncio.get_running_loop().time, 0.0, store.waiting)


async def seconds_of_shared(shared: Shared[Collection | None]) -> float:
    """How long one of those who wait for it waits, however it ends."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with suppress(Unavailable):
        await shared.get()
    return loop.time() - began


async def test_who_waits_for_the_request_of_another_is_given_up_like_whoever_asks() -> None:
    server = Hangs()
    async with serving(server) as url:
        store = QdrantStore(url, timeout_seconds=TIMEOUT, patience_seconds=PATIENCE)
        shared = shared_read(store)
        first = [asyncio.create_task(seconds_of_shared(shared)) for _ in range(16)]
        done, waiting = await asyncio.wait(first, timeout=3 * PATIENCE)
        assert (len(done), len(waiting), server.asked) == (13, 3, 1)
        assert await seconds_of_shared(shared) < PATIENCE / 2, "nobody waits in line"
        assert max([await task for task in waiting]) < 1.5 * TIMEOUT
        later = [asyncio.create_task(seconds_of_shared(shared)) for _ in range(16)]
        done, waiting = await asyncio.wait(later, timeout=PATIENCE)
        assert (len(done), len(waiting)) == (13, 3), "after a failure nobody waits in line either"
        assert server.asked == 2, "somebody finds out when it is back"
        server.hangs = False
        server.woken.set()
        assert max([await task for task in waiting]) < TIMEOUT
        assert max(await asyncio.gather(*(seconds_of_shared(shared) for _ in range(16)))) < PATIENCE
        await store.close()


async def test_who_waits_for_something_else_does_not_make_the_server_silent() -> None:
    async with serving(Hangs(hangs=False)) as url:
        store = QdrantStore(url, timeout_seconds=TIMEOUT, patience_seconds=PATIENCE)

        async def ask() -> Collection | None:
            await asyncio.sleep(3 * PATIENCE)
            return await store.read("x")

        shared = Shared(ask, asyncio.get_running_loop().time, 1.0, store.waiting)
        assert await asyncio.gather(*(shared.get() for _ in range(16))) == [None] * 16
        await store.close()


async def test_a_long_answer_does_not_make_the_server_silent_for_who_waits_for_something_else() -> None:
    server = Hangs()
    async with serving(server) as url:
        store = QdrantStore(url, timeout_seconds=TIMEOUT, patience_seconds=PATIENCE)

        async def ask() -> Collection | None:
            await asyncio.sleep(3 * PATIENCE)
            return None

        telemetry = asyncio.create_task(store.read_at_once(["x"]))
        shared = Shared(ask, asyncio.get_running_loop().time, 1.0, store.waiting)
        assert await asyncio.gather(*(shared.get() for _ in range(16))) == [None] * 16
        server.woken.set()
        assert await telemetry is None
        await store.close()


async def test_a_timeout_of_what_is_waited_for_is_not_the_servers() -> None:
    store = QdrantStore("http://nowhere")
    with pytest.raises(TimeoutError):
        async with store.waiting():
            raise TimeoutError
    await store.close()


async def test_who_is_cancelled_while_it_is_given_up_is_cancelled() -> None:
    async with serving(Hangs()) as url:
        store = QdrantStore(url, timeout_seconds=TIMEOUT, patience_seconds=PATIENCE)
        crowd = store._http._crowd

        async def wait() -> None:
            async with store.waiting():
                await asyncio.sleep(TIMEOUT)

        tasks = [asyncio.create_task(wait()) for _ in range(8)]
        asking = asyncio.create_task(store.read("x"))
        await asyncio.sleep(0.5 * PATIENCE)
        crowd._heard -= PATIENCE
        crowd._look()
        for task in (*tasks, asking):
            task.cancel()
        ended = await asyncio.gather(*tasks, asking, return_exceptions=True)
        assert {type(end) for end in ended} == {asyncio.CancelledError}
        assert not crowd._waiting, "nobody is left behind"
        await store.close()


async def test_a_slow_server_that_answers_is_not_taken_for_a_dead_one() -> None:
    server = Hangs(hangs=False)
    slow = asyncio.Semaphore(1)

    async def handle(request: web.Request) -> web.StreamResponse:
        async with slow:
            await asyncio.sleep(PATIENCE / 2)
        return await server.handle(request)

    @dataclass
    class Slow:
        async def handle(self, request: web.Request) -> web.StreamResponse:
            """One after the other."""
            return await handle(request)

    async with serving(Slow()) as url:
        store = QdrantStore(url, timeout_seconds=TIMEOUT, patience_seconds=PATIENCE)
        await asyncio.gather(*(store.read("x") for _ in range(10)))
        assert server.asked == 10
        await store.close()


async def test_a_few_wait_as_long_as_they_may() -> None:
    async with serving(Hangs()) as url:
        store = QdrantStore(url, timeout_seconds=3 * PATIENCE, patience_seconds=PATIENCE)
        taken = await asyncio.gather(*(seconds_of(store) for _ in range(4)))
        assert min(taken) >= 3 * PATIENCE - 0.05
        await store.close()
