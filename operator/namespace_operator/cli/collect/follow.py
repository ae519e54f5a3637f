"""The states of Namespaces as they change: a list, then a watch from there, and again when that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from namespace_operator.cli.collect.status import NamespaceState, state_of, states_of
from namespace_operator.controller.cluster import ClusterUnavailable, ObjectChanged, Refused
from namespace_operator.domain.identity import Key
from namespace_operator.kube.client import KubeClient

_AGAIN_SECONDS = 1.0

Change = tuple[Key, NamespaceState | None]
"""None stands for one that is gone."""


@dataclass(slots=True)
class Follower:
    """Follows the Namespaces of a path; ``query`` is a selector."""

    client: KubeClient
    path: str
    query: str = ""
    _known: dict[Key, NamespaceState] = field(default_factory=dict)

    async def changes(self) -> AsyncIterator[Change]:
        """What there is, and each change of what is shown, until cancelled. Raises ``Refused``."""
        while True:
            try:
                version, current = await self._list()
                for change in self._differences(current):
                    yield change
                async for change in self._watch(version):
                    yield change
            except Refused:
                raise
            except (ClusterUnavailable, ObjectChanged):
                # The watch broke, or the version is too old: list again.
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _list(self) -> tuple[str, dict[Key, NamespaceState]]:
        version = ""
        current: dict[Key, NamespaceState] = {}
        async for page in self.client.pages(self.path, self.query):
            version = page["metadata"]["resourceVersion"]
            current |= {state.key: state for state in states_of(page["items"] or ())}
        return version, current

    def _differences(self, current: dict[Key, NamespaceState]) -> list[Change]:
        gone: list[Change] = [(key, None) for key in sorted(self._known.keys() - current.keys())]
        changed: list[Change] = [(key, state) for key, state in current.items() if self._known.get(key) != state]
        self._known = current
        return [*gone, *changed]

    async def _watch(self, version: str) -> AsyncIterator[Change]:
        async for event in self.client.watch(self.path, version, self.query):
            if event["type"] == "BOOKMARK":
                continue
            state = state_of(event["object"])
            if event["type"] == "DELETED":
                self._known.pop(state.key, None)
                yield state.key, None
            elif self._known.get(state.key) != state:
                self._known[state.key] = state
                yield state.key, state
