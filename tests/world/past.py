"""What the stores held before their last change: what a replica that is behind answers with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tests.world.vectors import ModelVectorStore, StoredCollection
from tests.world.world import World

T = TypeVar("T")


@dataclass(slots=True)
class Past:
    """The stores of a world as they were before the last change of either."""

    world: World
    _before: dict[str, Any] | None = None

    def remember(self) -> None:
        """Take what is there now for the past: a change is about to happen."""
        self._before = self._held()

    def changing(self, change: Callable[[World], None]) -> Callable[[World], None]:
        """A step, noted as a change if it changed the stores. What it lost is lost in every replica."""

        def act(world: World) -> None:
            before = self._held()
            change(world)
            now = self._held()
            if _names(before) - _names(now):
                self._before = now
            elif now != before:
                self._before = before

        return act

    def look(self, look: Callable[[], T]) -> T:
        """Read as if the last change had not happened."""
        if self._before is None:
            return look()
        now = self._held(copied=False)
        self._put(self._before)
        try:
            return look()
        finally:
            self._put(now)

    def _servers(self) -> list[ModelVectorStore]:
        return [self.world.vectors, *self.world.servers.values()]

    def _held(self, *, copied: bool = True) -> dict[str, Any]:
        metadata = self.world.metadata
        servers = [
            (_copies(server.collections) if copied else server.collections, dict(server.alias_targets))
            for server in self._servers()
        ]
        return {"documents": dict(metadata.documents), "records": dict(metadata.servers), "servers": servers}

    def _put(self, held: dict[str, Any]) -> None:
        self.world.metadata.documents = held["documents"]
        self.world.metadata.servers = held["records"]
        # Servers that have come since then are as they are.
        for server, (collections, aliases) in zip(self._servers(), held["servers"], strict=False):
            server.collections, server.alias_targets = collections, aliases


def _names(held: dict[str, Any]) -> set[tuple[int, str]]:
    """What there is: documents, and collections by the number of their server."""
    servers = enumerate((collections for collections, _ in held["servers"]), 1)
    return {(0, name) for name in held["documents"]} | {(at, name) for at, there in servers for name in there}


def _copies(collections: dict[str, StoredCollection]) -> dict[str, StoredCollection]:
    """The collections as they are seen, without what is accepted and has not happened."""
    return {name: copy.deepcopy(replace(stored, queue=[])) for name, stored in collections.items()}
