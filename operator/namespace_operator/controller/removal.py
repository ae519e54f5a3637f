"""What destroys or hands over, each on what all three say right before: API server, MongoDB and Qdrant."""

from __future__ import annotations

from dataclasses import dataclass

from namespace_operator.controller.cluster import Cluster
from namespace_operator.domain.actions import (
    Announced,
    DeleteCollection,
    DeletePoints,
    DropIndex,
    Purpose,
    UnmarkCollection,
    UnmarkMembers,
)
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import MEMBER_PREFIX
from namespace_operator.domain.observed import Collection, Subject
from namespace_operator.domain.rebuild import was_adopted
from namespace_operator.domain.shared import SharedCollection, SharedState
from namespace_operator.domain.unmanaged import prunable_fields
from namespace_operator.stores.errors import Outdated
from namespace_operator.stores.protocols import MetadataStore, VectorStore

Removing = UnmarkCollection | UnmarkMembers | DeletePoints | DropIndex | DeleteCollection


async def verify_deletion(
    metadata: MetadataStore, cluster: Cluster, namespace_id: str, subject: Subject, *, leaving: bool = False
) -> NamespaceDocument:
    """The document, if right now it says that its data goes and the API server has the object as it was read.

    With ``leaving`` the empty collection goes because the namespace moves, else because it is being deleted. Raises
    ``Outdated`` and ``ObjectChanged``.
    """
    document = await metadata.get(namespace_id)
    if not isinstance(document, NamespaceDocument):
        raise Outdated(f"{namespace_id} has no document")
    if not (document.leaving if leaving else document.state is State.DELETING):
        raise Outdated(f"the data of {namespace_id} is no longer to go")
    await cluster.verify(subject)
    return document


async def verify_expiry(metadata: MetadataStore, namespace_id: str, subject: Subject) -> None:
    """Raise ``Outdated`` unless the document says right now that its namespace expired and is this object's."""
    document = await metadata.get(namespace_id)
    if not isinstance(document, NamespaceDocument) or document.life.expired_at is None:
        raise Outdated(f"{namespace_id} has not expired")
    if document.owner.cr_uid != subject.uid:
        raise Outdated(f"{namespace_id} belongs to another object")


@dataclass(frozen=True, slots=True)
class Removal:
    """Reads the live state again before each step, and raises ``Outdated`` where it is not what was planned on."""

    cluster: Cluster
    metadata: MetadataStore
    vectors: VectorStore

    async def remove(self, action: Removing, subject: Subject, *, wait: bool) -> None:
        """Carry out one step; ``wait`` for what Qdrant does later otherwise."""
        match action:
            case UnmarkCollection():
                await self._unmark(action, subject)
            case UnmarkMembers():
                await self._unmark_members(action)
            case DeletePoints():
                await self._delete_points(action, subject)
            case DropIndex():
                await self._drop_index(action, subject, wait=wait)
            case DeleteCollection():
                await self._delete(action, subject)

    async def _verify(self, namespace_id: str, subject: Subject, *, leaving: bool = False) -> NamespaceDocument:
        return await verify_deletion(self.metadata, self.cluster, namespace_id, subject, leaving=leaving)

    async def _unmark(self, action: UnmarkCollection, subject: Subject) -> None:
        """Hand an adopted collection back."""
        (namespace_id,) = action.mark.members
        await self._verify(namespace_id, subject)
        live = await self.vectors.read(action.collection)
        if live is None or not action.mark.is_on(live.mark):
            raise Outdated(f"collection {action.collection} does not carry the mark of {namespace_id}")
        await self.vectors.set_metadata(action.collection, dict.fromkeys(action.mark.to_metadata()))

    async def _delete(self, action: DeleteCollection, subject: Subject) -> None:
        """Delete a collection with all in it, or one that has to be empty."""
        (namespace_id,) = action.mark.members
        document = await self._verify(namespace_id, subject, leaving=action.empty)
        if document.collection != action.collection or document.mark != action.mark:
            raise Outdated(f"{namespace_id} does not own collection {action.collection}")
        if action.shared is not None:
            await self._verify_abandoned(action.shared)
        live = await self.vectors.read(action.collection)
        has_to_be_empty = action.empty or action.shared is not None
        if live is None and (has_to_be_empty or action.collection != namespace_id):
            return
        is_ours = live is None or (action.mark.surrounds if action.shared else action.mark.is_on)(live.mark)
        if not is_ours:
            raise Outdated(f"collection {action.collection} does not carry the mark of {namespace_id}")
        if has_to_be_empty and await self.vectors.count_points(action.collection) > 0:
            raise Outdated(f"collection {action.collection} has got points")
        await self.vectors.delete_collection(action.collection)

    async def _delete_points(self, action: DeletePoints, subject: Subject) -> None:
        """Delete the points of a member that leaves."""
        (namespace_id,) = action.mark.members
        document = await self._verify(namespace_id, subject)
        live = await self.vectors.read(action.collection)
        if document.collection != action.collection or live is None or not action.mark.surrounds(live.mark):
            raise Outdated(f"collection {action.collection} is not the shared one of {namespace_id}")
        await self.vectors.delete_points(action.collection, namespace_id)

    async def _unmark_members(self, action: UnmarkMembers) -> None:
        """Take off the mark who is no member, as the document has it by now."""
        shared = await self.metadata.shared(action.document_id)
        if not isinstance(shared, SharedCollection):
            raise Outdated(f"{action.document_id} is not there")
        strangers = set(action.namespace_ids) - set(shared.members)
        if not strangers:
            raise Outdated(f"they joined {action.document_id} meanwhile")
        gone = (f"{MEMBER_PREFIX}{namespace_id}" for namespace_id in sorted(strangers))
        await self.vectors.set_metadata(action.collection, dict.fromkeys(gone))

    async def _drop_index(self, action: DropIndex, subject: Subject, *, wait: bool) -> None:
        """Drop an index: of a shared collection only if no member wants it by now, else as the document says, and one
        that was made from use only as it was made.
        """
        if action.shared is not None:
            await self._verify_unwanted(action.shared, action.field_name)
        if action.announced is not None:
            await self._verify_announced(action, action.announced, subject)
        if action.made is not None:
            live = await self.vectors.read(action.collection)
            found = live.indexes.get(action.field_name) if live is not None else None
            if found is None or found.schema != action.made:
                raise Outdated(f"the index on {action.field_name} is not the one that was made from use")
        await self.vectors.drop_index(action.collection, action.field_name, wait=wait)

    async def _verify_announced(self, action: DropIndex, announced: Announced, subject: Subject) -> None:
        """What nobody declared goes only while the object still says so, what is rebuilt only if it is next."""
        document = await self.metadata.get(announced.namespace_id)
        if not isinstance(document, NamespaceDocument) or not _says(document, action.field_name, announced.purpose):
            raise Outdated(f"the index on {action.field_name} is no longer to go")
        if announced.purpose is Purpose.PRUNE:
            await self.cluster.verify(subject)
        live = await self.vectors.read(action.collection)
        if live is None or document.collection != action.collection or not document.mark.is_on(live.mark):
            raise Outdated(f"collection {action.collection} does not carry the mark of {announced.namespace_id}")
        if announced.purpose is Purpose.PRUNE and action.field_name not in prunable_fields(document, live):
            raise Outdated(f"the index on {action.field_name} is somebody's")
        if announced.purpose is Purpose.REBUILD and was_adopted(action.field_name, document, live):
            raise Outdated(f"the index on {action.field_name} was there before the collection was adopted")
        if announced.purpose is Purpose.REBUILD and _is_anothers(action.field_name, document, live):
            raise Outdated(f"the index on {action.field_name} is not the one that was made from use")

    async def _verify_unwanted(self, planned: SharedCollection, field_name: str) -> None:
        shared = await self.metadata.shared(planned.document_id)
        if not isinstance(shared, SharedCollection) or field_name not in shared.dropping:
            raise Outdated(f"the index on {field_name} is no longer to go")
        if await self.metadata.wanted_by(shared.members, (field_name,)):
            raise Outdated(f"a member wants the index on {field_name}")

    async def _verify_abandoned(self, document_id: str) -> None:
        shared = await self.metadata.shared(document_id)
        closes = isinstance(shared, SharedCollection) and shared.state is SharedState.DELETING and not shared.members
        if not closes:
            raise Outdated(f"{document_id} is not left by everybody")


def _is_anothers(field_name: str, document: NamespaceDocument, live: Collection) -> bool:
    """Whether somebody made another index where one from use was."""
    declared = {index.field_name for index in document.payload_indexes}
    made, found = document.made_from_use.get(field_name), live.indexes.get(field_name)
    return field_name not in declared and made is not None and found is not None and found.schema != made.field_schema


def _says(document: NamespaceDocument, field_name: str, purpose: Purpose) -> bool:
    """Whether the document announces that this index goes now."""
    if purpose is Purpose.PRUNE:
        return field_name in document.repairs.pruning
    rebuild = document.repairs.indexes
    return rebuild is not None and rebuild.force and not rebuild.dropped and rebuild.pending[:1] == (field_name,)
