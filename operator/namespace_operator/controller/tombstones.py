"""Late arrivals: what a request in flight left behind a deletion, and shared collections that everybody left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.controller.waiting import Waiting
from namespace_operator.domain.document import Binding, NamespaceDocument, OwnedDocument, State
from namespace_operator.domain.expiry import is_left_of_expiry, laid_to_rest
from namespace_operator.domain.identity import Key, Mark
from namespace_operator.domain.shared import SharedCollection, SharedState
from namespace_operator.domain.sharing import without_member
from namespace_operator.stores.errors import StoreError
from namespace_operator.stores.protocols import MetadataStore


@dataclass(slots=True)
class Tombstones:
    """Buries deleted namespaces: once no request can arrive any more, what arrived is removed, then the tombstone.

    ``age`` in seconds is longer than any request to Qdrant may take. A collection is removed only if it carries the
    deleted namespace's own mark and an exact count says that it is empty, which is what a late create leaves. That of
    an expired namespace is remembered for ``memory`` seconds and as long as there is a resource of its name.
    """

    metadata: MetadataStore
    fleet: Fleet
    waiting: Waiting
    now: Callable[[], datetime]
    age: float = 120.0
    memory: float = 2_592_000.0

    async def bury_all(self, owned: Iterable[OwnedDocument], is_gone: Callable[[Key], bool]) -> None:
        """Bury those whose time has come; one that fails does not keep the others.

        ``is_gone`` says of a resource that a full list just showed that there is none.
        """
        for document in owned:
            try:
                if document.remembered_until is not None:
                    await self._forget(document, is_gone)
                elif document.state == State.DELETED:
                    await self.bury(document)
                elif document.departed:
                    await self.settle_departures(document.namespace_id)
            except (StoreError, SecretUnavailable) as error:
                _complain(document.namespace_id, error)

    async def bury(self, dead: OwnedDocument) -> None:
        """Bury one, if its time has come."""
        if self.now() - dead.updated_at < timedelta(seconds=self.age):
            return
        document = await self.metadata.get(dead.namespace_id)
        if not isinstance(document, NamespaceDocument) or document.state is not State.DELETED:
            return
        await self._undo_late(document)
        if is_left_of_expiry(document):
            rest = laid_to_rest(document, timedelta(seconds=self.memory), self.now())
            await self.metadata.replace(rest)
            self.waiting.release(set(document.claims) - set(rest.claims))
            return
        await self.metadata.delete(document.namespace_id, document.revision)
        self.waiting.release(document.claims)

    async def _forget(self, dead: OwnedDocument, is_gone: Callable[[Key], bool]) -> None:
        """Remove the last trace of an expired namespace, once nobody can come upon it."""
        if dead.remembered_until is None or self.now() < dead.remembered_until or not is_gone(dead.key):
            return
        document = await self.metadata.get(dead.namespace_id)
        if isinstance(document, NamespaceDocument) and document.life.remembered_until == dead.remembered_until:
            await self.metadata.delete(document.namespace_id, document.revision)

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
        """Remove what a late create left of a collection that was deleted; a member never had one of its own."""
        if not document.sharing:
            await self.remove_empty(document.collection, document.mark, document.binding, document.owner.organization)

    async def remove_empty(self, collection: str, mark: Mark, binding: Binding | None, organization: str) -> bool:
        """Delete a collection with this mark if it has no point. False if there may still be something."""
        server = await self.fleet.server_of(binding, organization)
        if server is None:
            return False
        vectors = server.vectors
        live = await vectors.read(collection)
        if live is None or not (mark.surrounds if mark.shared else mark.is_on)(live.mark):
            return True
        if await vectors.count_points(collection) > 0:
            return False
        structlog.get_logger().warning("a late create was undone", collection=collection)
        await vectors.delete_collection(collection)
        return True


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Looks after shared collections where no namespace does any more.

    Members without a document are struck off: a request to join arrived late. A collection without members is closed,
    if it is empty, and its tombstone buried. All of it after ``age`` seconds without a change.
    """

    tombstones: Tombstones

    async def settle_all(self, collections: Iterable[SharedCollection], living: Names[str]) -> None:
        """Look at each; ``living`` are the ids of all namespaces that have a document and are no tombstones."""
        for shared in collections:
            try:
                await self._settle(shared, living)
            except (StoreError, SecretUnavailable) as error:
                _complain(shared.document_id, error)

    async def _settle(self, shared: SharedCollection, living: Names[str]) -> None:
        metadata, now = self.tombstones.metadata, self.tombstones.now()
        if now - shared.updated_at < timedelta(seconds=self.tombstones.age):
            return
        strangers = [member for member in shared.members if member not in living]
        if strangers:
            await metadata.replace(await self._without(shared, strangers))
        elif shared.members:
            return
        elif shared.state is SharedState.DELETED:
            await self._remove(shared)
            await metadata.delete(shared.document_id, shared.revision)
            self.tombstones.waiting.release(shared.claims)
        elif shared.state is SharedState.DELETING:
            if await self._remove(shared):
                await metadata.replace(shared.changed(now, state=SharedState.DELETED))
        elif not shared.bound or await self._is_empty(shared):
            await metadata.replace(shared.changed(now, state=SharedState.DELETING))

    async def _without(self, shared: SharedCollection, strangers: Sequence[str]) -> SharedCollection:
        others = [member for member in shared.members if member not in strangers]
        fields = [index.field_name for index in shared.indexes if index.by in strangers]
        wanted = await self.tombstones.metadata.wanted_by(others, fields) if others and fields else {}
        changed = shared
        for stranger in strangers:
            changed = without_member(stranger, changed, wanted, None, self.tombstones.now())
        return changed.model_copy(update={"revision": shared.revision + 1})

    async def _remove(self, shared: SharedCollection) -> bool:
        return await self.tombstones.remove_empty(shared.collection, shared.mark, shared.binding, shared.organization)

    async def _is_empty(self, shared: SharedCollection) -> bool:
        server = await self.tombstones.fleet.server_of(shared.binding, shared.organization)
        if server is None:
            return False
        vectors = server.vectors
        live = await vectors.read(shared.collection)
        # What answers 404 may only have failed to load.
        return live is not None and await vectors.count_points(shared.collection) == 0


def _complain(what: str, error: Exception) -> None:
    structlog.get_logger().warning("cannot settle a deletion", of=what, error=str(error))
