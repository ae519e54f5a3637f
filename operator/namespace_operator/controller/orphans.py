"""Late arrivals and orphans: what a request in flight left behind its deletion, and collections nobody accounts for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.reporter import Reporter
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.controller.waiting import Waiting
from namespace_operator.domain.document import NamespaceDocument, OwnedDocument, State
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.placement import Organization, Site
from namespace_operator.stores.errors import StoreError
from namespace_operator.stores.protocols import MetadataStore


@dataclass(slots=True)
class Tombstones:
    """Buries deleted namespaces: once no request can arrive any more, what arrived is removed, then the tombstone.

    ``age`` in seconds is longer than any request to Qdrant may take. A collection is removed only if it carries the
    deleted namespace's own mark and an exact count says that it is empty, which is what a late create leaves.
    """

    metadata: MetadataStore
    fleet: Fleet
    waiting: Waiting
    now: Callable[[], datetime]
    age: float = 120.0

    async def bury_all(self, owned: Iterable[OwnedDocument]) -> None:
        """Bury those whose time has come; one that fails does not keep the others."""
        for document in owned:
            try:
                if document.state == State.DELETED:
                    await self.bury(document)
                elif document.departed:
                    await self.settle_departures(document.namespace_id)
            except (StoreError, SecretUnavailable) as error:
                structlog.get_logger().warning(
                    "cannot bury a deleted namespace", namespace_id=document.namespace_id, error=str(error)
                )

    async def bury(self, dead: OwnedDocument) -> None:
        """Bury one, if its time has come."""
        if self.now() - dead.updated_at < timedelta(seconds=self.age):
            return
        document = await self.metadata.get(dead.namespace_id)
        if not isinstance(document, NamespaceDocument) or document.state is not State.DELETED:
            return
        await self._undo_late(document)
        await self.metadata.delete(document.namespace_id, document.revision)
        self.waiting.release(document.claims)

    async def settle_departures(self, namespace_id: str) -> None:
        """The same for a server that a living namespace left, and what it remembers of it."""
        document = await self.metadata.get(namespace_id)
        if not isinstance(document, NamespaceDocument):
            return
        due = [left for left in document.departures if self.now() - left.at >= timedelta(seconds=self.age)]
        if not due:
            return
        for left in due:
            former = document.model_copy(update={"binding": left.binding, "incarnation": left.incarnation})
            await self._undo_late(former)
        kept = tuple(left for left in document.departures if left not in due)
        await self.metadata.replace(document.changed(self.now(), departures=kept))

    async def _undo_late(self, document: NamespaceDocument) -> None:
        """Remove what a late create left of a collection that was deleted, if its server can still be found."""
        site = self.fleet.landscape().bound(document.binding, Organization(document.owner.organization))
        if not isinstance(site, Site):
            return
        vectors = (await self.fleet.server(site.endpoint)).vectors
        live = await vectors.read(document.collection)
        is_late = live is not None and document.mark.is_on(live.mark)
        if is_late and await vectors.count_points(document.collection) == 0:
            structlog.get_logger().warning("a late create was undone", collection=document.collection)
            await vectors.delete_collection(document.collection)


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


def _is_copy(collection: Collection) -> bool:
    return collection.mark is not None and collection.mark.collection != collection.name


def _describe(strays: list[Collection]) -> str:
    def one(stray: Collection) -> str:
        assert stray.mark is not None
        members = ", ".join(sorted(stray.mark.members)) or "nobody"
        copy = f", a copy of {stray.mark.collection}" if _is_copy(stray) else ""
        return f"{stray.name} (of {members}{copy})"

    shown = "; ".join(one(stray) for stray in strays[:10])
    more = f" and {len(strays) - 10} more" if len(strays) > 10 else ""
    return f"Collections in Qdrant carry this operator's mark, but MongoDB has no document for them: {shown}{more}"
