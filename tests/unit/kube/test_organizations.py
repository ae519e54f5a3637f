"""Which incarnation of a Kubernetes namespace an object belongs to, and how often that is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.kube import organizations as module
from namespace_operator.kube.client import KubeClient, Object
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.organizations import Organizations
from tests.unit.kube.test_objects import obj


@dataclass
class Asked:
    """A client whose answers are given when the test says so."""

    open: list[asyncio.Future[Object]] = field(default_factory=list)
    """What was asked and is not answered."""
    paths: list[str] = field(default_factory=list)

    async def get(self, path: str) -> Object:
        self.paths.append(path)
        answer: asyncio.Future[Object] = asyncio.get_running_loop().create_future()
        self.open.append(answer)
        return await answer

    def answer(self, uid: str, **labels: str) -> None:
        """Answer the oldest."""
        self.open.pop(0).set_result({"metadata": {"uid": uid, "labels": labels}})

    def fail(self) -> None:
        """Let the oldest fail."""
        self.open.pop(0).set_exception(ClusterUnavailable("the API server does not answer"))


@dataclass
class World:
    """What the watch showed, and who asks for the Kubernetes namespaces of it."""

    asked: Asked
    objects: LiveObjects
    organizations: Organizations
    _tasks: list[asyncio.Task[str]] = field(default_factory=list)

    def see(self, name: str, organization: str = "acme", version: int = 1, uid: str | None = None) -> Object:
        """Metadata of an object that the watch shows."""
        shown = obj(version, name=name, namespace=organization, uid=uid or f"uid of {name}")
        self.objects.put(shown)
        metadata: Object = shown["metadata"]
        return metadata

    async def ask(self, metadata: Object) -> asyncio.Task[str]:
        """Begin to ask for the uid of an object's Kubernetes namespace."""

        async def uid() -> str:
            number = self.objects.number(metadata)
            return (await self.organizations.get(metadata["namespace"], number)).uid

        task = asyncio.create_task(uid())
        self._tasks.append(task)
        await settle()
        return task

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def settle() -> None:
    """Let every task go as far as it goes."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def a_world(labels_matter: Callable[[], bool] = lambda: False) -> AsyncIterator[World]:
    objects, asked = LiveObjects(), Asked()
    client: KubeClient = asked  # type: ignore[assignment] # the one method that is used
    world = World(asked, objects, Organizations(client, objects, labels_matter))
    try:
        yield world
    finally:
        await world.end()


async def test_one_answer_holds_for_all_that_were_seen_before_it_was_asked_for() -> None:
    async with a_world() as world:
        seen = [world.see(f"films-{number}") for number in range(1_000)]
        first = await world.ask(seen[0])
        others = [await world.ask(metadata) for metadata in seen[1:]]
        world.asked.answer("first")
        assert {await task for task in (first, *others)} == {"first"}
        assert world.asked.paths == ["/api/v1/namespaces/acme"]


async def test_an_answer_says_nothing_of_an_object_that_was_seen_later() -> None:
    async with a_world() as world:
        known = world.see("films")
        task = await world.ask(known)
        # It comes while the request is under way, which may have been answered before there was such an object.
        later = await world.ask(world.see("series"))
        world.asked.answer("first")
        assert await task == "first"
        await settle()
        assert not later.done()
        world.asked.answer("second")
        assert await later == "second"
        assert await (await world.ask(known)) == "second"
        assert len(world.asked.paths) == 2


async def test_those_who_come_meanwhile_share_the_next_request() -> None:
    async with a_world() as world:
        first = await world.ask(world.see("films"))
        later = [await world.ask(world.see(f"series-{number}")) for number in range(50)]
        world.asked.answer("first")
        await settle()
        world.asked.answer("second")
        assert await first == "first"
        assert {await task for task in later} == {"second"}
        assert len(world.asked.paths) == 2


async def test_another_object_of_the_same_name_was_not_seen_before() -> None:
    async with a_world() as world:
        task = await world.ask(world.see("films", uid="u1"))
        world.asked.answer("first")
        assert await task == "first"
        again = await world.ask(world.see("films", version=2, uid="u1"))
        assert await again == "first"
        task = await world.ask(world.see("films", version=3, uid="u2"))
        world.asked.answer("second")
        assert await task == "second"


@pytest.mark.parametrize("uid", [None, "u1"], ids=["forgotten", "deleted"])
async def test_an_object_that_is_not_known_any_more_counts_as_seen_now(uid: str | None) -> None:
    async with a_world() as world:
        metadata = world.see("films", uid="u1")
        task = await world.ask(metadata)
        world.asked.answer("first")
        await task
        world.objects.drop(next(iter(world.objects.keys())), uid)
        task = await world.ask(metadata)
        assert len(world.asked.paths) == 2
        world.asked.answer("second")
        assert await task == "second"


async def test_organizations_do_not_wait_for_each_other() -> None:
    async with a_world() as world:
        acme, umbrella = world.see("films"), world.see("films", "umbrella")
        one, other = await world.ask(acme), await world.ask(umbrella)
        assert world.asked.paths == ["/api/v1/namespaces/acme", "/api/v1/namespaces/umbrella"]
        world.asked.answer("of acme")
        world.asked.answer("of umbrella")
        assert (await one, await other) == ("of acme", "of umbrella")


async def test_who_waits_does_not_give_up_with_the_one_that_asks() -> None:
    async with a_world() as world:
        cancelled, *others = [await world.ask(world.see(f"films-{number}")) for number in range(3)]
        cancelled.cancel()
        await settle()
        world.asked.open.pop(0)
        world.asked.answer("first")
        assert [await task for task in others] == ["first", "first"]
        assert cancelled.cancelled()


async def test_who_waits_fails_with_the_one_that_asks_and_who_comes_later_asks_again() -> None:
    async with a_world() as world:
        seen = [world.see(f"films-{number}") for number in range(4)]
        waiting = [await world.ask(metadata) for metadata in seen[:3]]
        world.asked.fail()
        for task in waiting:
            with pytest.raises(ClusterUnavailable):
                await task
        assert len(world.asked.paths) == 1
        later = await world.ask(seen[3])
        world.asked.answer("first")
        assert await later == "first"


async def test_one_that_waits_may_give_up() -> None:
    async with a_world() as world:
        asks, gives_up, waits = [await world.ask(world.see(f"films-{number}")) for number in range(3)]
        gives_up.cancel()
        await settle()
        world.asked.answer("first")
        assert await asks == "first"
        await settle()
        world.asked.answer("second")
        assert await waits == "second"


@pytest.mark.parametrize(("uid", "seen", "asked"), [("first", 2, 1), ("first", 1, 2), ("another", 2, 2)])
async def test_a_write_to_an_object_of_an_incarnation_shows_that_it_is_there(uid: str, seen: int, asked: int) -> None:
    async with a_world() as world:
        task = await world.ask(world.see("films"))
        world.asked.answer("first")
        await task
        later = world.see("series")
        world.organizations.confirm("acme", uid, seen)
        world.organizations.confirm("umbrella", uid, seen)
        task = await world.ask(later)
        assert len(world.asked.paths) == asked
        if asked > 1:
            world.asked.answer("second")
        assert await task == ("first" if asked == 1 else "second")


@pytest.mark.parametrize("matter", [True, False])
async def test_labels_hold_for_a_time_where_they_matter(monkeypatch: pytest.MonkeyPatch, matter: bool) -> None:
    monkeypatch.setattr(module, "_LABELS_TTL_SECONDS", 0.0)
    async with a_world(lambda: matter) as world:
        metadata = world.see("films")
        task = await world.ask(metadata)
        world.asked.answer("first", tier="gold")
        await task
        task = await world.ask(metadata)
        assert task.done() is not matter
        if matter:
            world.asked.answer("first", tier="lead")
            await task
            assert len(world.asked.paths) == 2
