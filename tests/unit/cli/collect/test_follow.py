"""Following Namespaces: each change that is seen is told once, whatever becomes of the watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from namespace_operator.cli.collect import follow as follow_module
from namespace_operator.cli.collect.follow import Follower
from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged, Refused
from namespace_operator.kube.client import KubeClient

Object = dict[str, Any]


def obj(name: str, documents: int = 0, **metadata: Any) -> Object:
    """An object that has so many documents."""
    known = {"name": name, "namespace": "acme", "creationTimestamp": "2026-01-01T00:00:00Z", **metadata}
    return {"metadata": known, "status": {"documentCount": documents}}


@dataclass
class _Client:
    """Lists and watches as they were prepared; in the end the watch hangs."""

    lists: list[list[Object]]
    watches: list[list[Object | Exception]]
    versions: list[str] = field(default_factory=list)

    async def pages(self, _path: str, _query: str) -> AsyncIterator[Object]:
        yield {"metadata": {"resourceVersion": str(len(self.lists))}, "items": self.lists.pop(0)}

    async def watch(self, _path: str, version: str, _query: str) -> AsyncIterator[Object]:
        self.versions.append(version)
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event
        if not self.watches:
            await asyncio.Event().wait()


async def told(client: _Client, count: int) -> list[tuple[str, int | None]]:
    """The first changes, each as name and documents."""
    found: list[tuple[str, int | None]] = []
    async for key, state in Follower(cast("KubeClient", client), "/path").changes():
        found.append((key.name, state.documents if state else None))
        if len(found) == count:
            break
    return found


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_module, "_AGAIN_SECONDS", 0.0)


async def test_what_is_there_comes_first_and_then_what_changes() -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}
    client = _Client(
        [[obj("a"), obj("b")]],
        [
            [
                bookmark,
                {"type": "MODIFIED", "object": obj("a", 1)},
                {"type": "MODIFIED", "object": obj("a", 1, labels={"not": "shown"})},
                {"type": "DELETED", "object": obj("b")},
                {"type": "ADDED", "object": obj("c", 2)},
            ]
        ],
    )

    assert await told(client, 5) == [("a", 0), ("b", 0), ("a", 1), ("b", None), ("c", 2)]


@pytest.mark.parametrize("broken", [ClusterUnavailable("cut"), ObjectChanged("too old")])
async def test_after_a_break_only_the_difference_is_told(broken: Exception) -> None:
    change = {"type": "MODIFIED", "object": obj("c", 3)}
    client = _Client([[obj("a"), obj("b")], [obj("a"), obj("c")]], [[broken], [change]])

    assert await told(client, 5) == [("a", 0), ("b", 0), ("b", None), ("c", 0), ("c", 3)]
    assert client.versions == ["2", "1"]


async def test_who_may_not_look_is_told_so() -> None:
    client = _Client([[obj("a")]], [[Refused("403 you may not")]])

    with pytest.raises(Refused):
        await told(client, 2)
