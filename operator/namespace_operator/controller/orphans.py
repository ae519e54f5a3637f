"""Orphans: collections, and partitions of shared ones, that nobody accounts for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from namespace_operator.api.names import ID_PREFIX
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.reporter import Reporter
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.observed import Collection
from namespace_operator.stores.errors import StoreError

_ID = re.compile(rf"{ID_PREFIX}\w{{3,64}}", re.ASCII)
_SHOWN = 10
"""How many are named in an event."""


@dataclass(slots=True)
class Orphans:
    """Reports collections with a mark of ours and without a document, after two looks in a row. It removes none.

    ``announce`` makes an event of the operator itself, from a reason and a message.
    """

    fleet: Fleet
    reporter: Reporter
    now: Callable[[], datetime]
    announce: Callable[[str, str], Awaitable[None]]
    _seen: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    _reported: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    async def report(self) -> None:
        """One look. Raises ``StoreError``."""
        strays = await self._strays()
        names = frozenset(strays)
        lasting = [stray for place, stray in strays.items() if place in self._seen]
        copies = [stray for stray in lasting if _is_copy(stray)]
        self.reporter.orphans_found(len(lasting) - len(copies), len(copies), self.now())
        confirmed = names & self._seen
        if confirmed - self._reported:
            await self.announce("OrphanCollections", _describe(lasting))
        self._seen, self._reported = names, confirmed

    async def _strays(self) -> Mapping[tuple[str, str], Collection]:
        """The strays of every server that answers, by connection and name. Raises ``StoreError`` if none does."""
        found: dict[tuple[str, str], Collection] = {}
        failures: list[StoreError] = []
        endpoints = await self.fleet.everywhere()
        for endpoint in endpoints:
            try:
                server = await self.fleet.server(endpoint)
                found.update({(endpoint.name, stray.name): stray for stray in await server.strays.look_again()})
            except StoreError as error:
                failures.append(error)
            except SecretUnavailable as error:
                structlog.get_logger().warning("no orphans looked for", connection=endpoint.name, error=str(error))
        if failures and len(failures) == len(endpoints):
            raise failures[0]
        for failure in failures:
            structlog.get_logger().warning("no orphans looked for", error=str(failure))
        return found


def orphan_partitions(points: Mapping[str, int], members: Names[str]) -> Mapping[str, int]:
    """The points in a shared collection of namespace ids that are no members of it, by id."""
    known = frozenset(members)
    return {namespace_id: count for namespace_id, count in points.items() if count and namespace_id not in known}


@dataclass(slots=True)
class OrphanPartitions:
    """Reports points of namespaces that are no members of the shared collection, after two looks in a row.

    Whoever joins or leaves while a look is under way is in one of them only. Nothing is removed.
    """

    reporter: Reporter
    announce: Callable[[str, str], Awaitable[None]]
    _seen: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    _reported: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    async def report(self, found: Mapping[str, Mapping[str, int]]) -> None:
        """Tell of one look: the points of ``orphan_partitions`` by shared collection."""
        partitions = {(name, one): points for name, orphans in found.items() for one, points in orphans.items()}
        lasting = {partition: points for partition, points in partitions.items() if partition in self._seen}
        self.reporter.orphan_partitions_found(len(lasting))
        if lasting.keys() - self._reported:
            await self.announce("OrphanPartitions", _describe_partitions(lasting))
        self._seen, self._reported = frozenset(partitions), frozenset(lasting)


def _describe_partitions(partitions: Mapping[tuple[str, str], int]) -> str:
    listed = [f"{_shown(one)} in {name} ({points})" for (name, one), points in sorted(partitions.items())]
    return f"Shared collections have points of namespaces that are no members of theirs: {_some(listed)}"


def _shown(namespace_id: str) -> str:
    """An id that is one: anybody who writes points can write anything there, and this goes into log and event."""
    return namespace_id if _ID.fullmatch(namespace_id) else "something else than an id"


def _is_copy(collection: Collection) -> bool:
    return collection.mark is not None and collection.mark.collection != collection.name


def _describe(strays: list[Collection]) -> str:
    def one(stray: Collection) -> str:
        assert stray.mark is not None
        members = ", ".join(sorted(stray.mark.members)) or "nobody"
        copy = f", a copy of {stray.mark.collection}" if _is_copy(stray) else ""
        return f"{stray.name} (of {members}{copy})"

    listed = _some([one(stray) for stray in strays])
    return f"Collections in Qdrant carry this operator's mark, but MongoDB has no document for them: {listed}"


def _some(listed: Sequence[str]) -> str:
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return "; ".join(listed[:_SHOWN]) + more
