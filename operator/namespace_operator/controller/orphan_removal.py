"""Removing orphans that somebody names: what carries our mark, or lies among our points, and belongs to nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from namespace_operator.api.names import MARKER_COLLECTION
from namespace_operator.controller.fleet import Server
from namespace_operator.domain.document import DEFAULT_CONNECTION, NamespaceDocument, State
from namespace_operator.domain.identity import Key, Mark, collection_claim
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.stores.protocols import MetadataStore


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a custom resource could claim: namespace ids with the keys of their objects, and a collection."""

    ids: Mapping[str, Key | None]
    collection: str | None = None


Claimant = Callable[[Claimed], Awaitable[str | None]]
"""Asks the API server who claims any of it; None: nobody."""


class NotAnOrphan(Exception):
    """It is accounted for, or cannot be told to be an orphan. The message says why."""


@dataclass(frozen=True, slots=True)
class OrphanRemoval:
    """Removes one orphan at a time. All is read again right before; what is claimed by anybody stays."""

    instance_id: str
    metadata: MetadataStore
    claimant: Claimant

    async def remove_collection(self, server: Server, name: str) -> int:
        """Delete a collection with our mark and without a document; how many points it had.

        Raises ``NotAnOrphan``.
        """
        first = await self._read(server, name)
        points = await server.vectors.count_points(name)
        await self._verify_documents(server, first)
        await self._verify_unclaimed(Claimed(_members(first), name))
        # Right before: all of the above takes its time.
        if (await self._read(server, name)).metadata != first.metadata:
            raise NotAnOrphan(f"the metadata of {name} changed meanwhile; look again")
        await server.vectors.delete_collection(name)
        return points

    async def remove_partition(self, server: Server, collection: str, namespace_id: str) -> int:
        """Delete the points of a namespace id that is no member of a shared collection; how many these were.

        Raises ``NotAnOrphan``.
        """
        points = await server.vectors.count_points(collection, namespace_id)
        if not points:
            raise NotAnOrphan(f"{collection} has no points of {namespace_id}")
        await self._verify_unclaimed(Claimed({namespace_id: None}))
        live = await server.vectors.read(collection)
        mark = live.mark if live is not None else None
        if mark is None or mark.instance_id != self.instance_id or not mark.shared:
            raise NotAnOrphan(f"{collection} is no shared collection of this operator")
        shared = await self._shared(server, collection)
        if shared is None:
            raise NotAnOrphan(f"MongoDB has no document of the shared collection {collection}")
        if namespace_id in shared.members:
            raise NotAnOrphan(f"{namespace_id} is a member of {collection}")
        document = await self.metadata.get(namespace_id)
        if document is not None and not (isinstance(document, NamespaceDocument) and document.state is State.DELETED):
            raise NotAnOrphan(f"MongoDB has a document of {namespace_id}")
        await server.vectors.delete_points(collection, namespace_id)
        return points

    async def _read(self, server: Server, name: str) -> Collection:
        live = await server.vectors.read(name)
        if live is None or name == MARKER_COLLECTION:
            raise NotAnOrphan(f"{server.endpoint.name} has no collection {name} that could be one")
        if live.mark is None or live.mark.instance_id != self.instance_id:
            raise NotAnOrphan(f"{name} does not carry the mark of this operator; it is not ours to delete")
        target = await server.vectors.alias_target(name)
        if target is not None:
            raise NotAnOrphan(f"{name} is an alias of {target}")
        aliases = await server.vectors.aliases(name)
        if aliases:
            raise NotAnOrphan(f"{name} has aliases ({', '.join(aliases)}), so somebody reads it; remove them first")
        return live

    async def _verify_documents(self, server: Server, live: Collection) -> None:
        """That no document of any state has the collection, on whatever server: a name too many is kept, not lost."""
        async for document in self.metadata.owned(self.instance_id):
            if document.collection == live.name:
                raise NotAnOrphan(f"{document.namespace_id} has {live.name} as its collection")
        async for shared in self.metadata.shared_of(self.instance_id):
            if shared.collection == live.name:
                raise NotAnOrphan(f"{live.name} is a shared collection of {', '.join(shared.members) or 'nobody'}")
        scope = (await server.check.peek()).recorded or ""
        for holder in await self.metadata.find([collection_claim(live.name), collection_claim(live.name, scope)]):
            who = holder.namespace_id if isinstance(holder, NamespaceDocument) else holder.document_id
            raise NotAnOrphan(f"{who} claims {live.name}")
        for namespace_id in _members(live):
            if await self.metadata.get(namespace_id) is not None:
                raise NotAnOrphan(f"MongoDB has a document of {namespace_id}, whose mark {live.name} carries")

    async def _shared(self, server: Server, collection: str) -> SharedCollection | None:
        async for shared in self.metadata.shared_of(self.instance_id):
            connection = shared.binding.connection if shared.binding else DEFAULT_CONNECTION
            if (shared.collection, connection) == (collection, server.endpoint.name):
                return shared
        return None

    async def _verify_unclaimed(self, claimed: Claimed) -> None:
        who = await self.claimant(claimed)
        if who is not None:
            raise NotAnOrphan(f"it is claimed by {who}")


def is_copy(name: str, mark: Mark) -> bool:
    """Whether a collection was restored under another name than its own."""
    return mark.collection != name


def _members(live: Collection) -> Mapping[str, Key]:
    """Whose it is by its mark; that of a copy tells of the original."""
    mark = live.mark
    if mark is None or is_copy(live.name, mark):
        return {}
    return {namespace_id: Key(mark.organization, name) for namespace_id, name in mark.members.items()}
