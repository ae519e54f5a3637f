"""Orphans: collections, and partitions of shared ones, that nobody accounts for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import structlog

from namespace_operator.api.names import ID_PREFIX
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.reporter import Reporter
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.event_reasons import EventReason
from namespace_operator.domain.observed import Collection
from namespace_operator.stores.errors import StoreError

_ID = re.compile(rf"{ID_PREFIX}\w{{3,64}}", re.ASCII)
_SHOWN = 10
"""How many are named in an event."""

_T = TypeVar("_T")
_Place = tuple[str, str]
"""On which server, or in which shared collection, and under which name."""


@dataclass(slots=True)
class _Looks:
    """Where something was found, look after look: what is found twice in a row lasts, and is told of when it is new."""

    _seen: frozenset[_Place] = field(default_factory=frozenset)
    _told: frozenset[_Place] = field(default_factory=frozenset)

    def lasting(self, found: Mapping[_Place, _T]) -> Mapping[_Place, _T]:
        """What of it the last look found as well."""
        return {place: value for place, value in found.items() if place in self._seen}

    async def end(self, found: Names[_Place], lasting: Names[_Place], tell: Callable[[], Awaitable[None]]) -> None:
        """Tell of what lasts if some of it is new."""
        if frozenset(lasting) - self._told:
            await tell()
        self._seen, self._told = frozenset(found), frozenset(lasting)


@dataclass(slots=True)
class Orphans:
    """Reports collections with a mark of ours and without a document, after two looks in a row. It removes none.

    ``announce`` makes an event of the operator itself, from a reason and a message.
    """

    fleet: Fleet
    reporter: Reporter
    now: Callable[[], datetime]
    announce: Callable[[str, str], Awaitable[None]]
    _looks: _Looks = field(default_factory=_Looks)

    async def report(self) -> None:
        """One look. Raises ``StoreError``."""
        strays = await self._strays()
        lasting = self._looks.lasting(strays)
        copies = sum(_is_copy(stray) for stray in lasting.values())
        self.reporter.orphans_found(len(lasting) - copies, copies, self.now())
        await self._looks.end(
            strays, lasting, lambda: self.announce(EventReason.ORPHAN_COLLECTIONS, _describe(list(lasting.values())))
        )

    async def _strays(self) -> Mapping[_Place, Collection]:
        """The strays of every server that answers, by connection and name. Raises ``StoreError`` if none does."""
        found: dict[_Place, Collection] = {}
        failures: list[StoreError] = []
        endpoints = self.fleet.everywhere()
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
    _looks: _Looks = field(default_factory=_Looks)

    async def report(self, found: Mapping[str, Mapping[str, int]]) -> None:
        """Tell of one look: the points of ``orphan_partitions`` by shared collection."""
        partitions = {(name, one): points for name, orphans in found.items() for one, points in orphans.items()}
        lasting = self._looks.lasting(partitions)
        self.reporter.orphan_partitions_found(len(lasting))
        await self._looks.end(
            partitions, lasting, lambda: self.announce(EventReason.ORPHAN_PARTITIONS, _describe_partitions(lasting))
        )


def _describe_partitions(partitions: Mapping[_Place, int]) -> str:
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
