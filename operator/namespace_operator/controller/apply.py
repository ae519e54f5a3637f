"""Carrying out one plan: each action is one write, and the result is what the world looks like afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from namespace_operator.controller.cluster import Cluster
from namespace_operator.controller.observe import Observer
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    AddVector,
    CollectionAction,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DropIndex,
    InsertDocument,
    MarkCollection,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
    UnmarkCollection,
    UpdateCollection,
)
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import is_marked
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.stores.errors import Outdated, Rejected
from namespace_operator.stores.protocols import MetadataStore, VectorStore


@dataclass(frozen=True, slots=True)
class World:
    """The object and both stores, as far as this reconcile has seen or changed them."""

    subject: Subject
    observed: Observed


@dataclass(frozen=True, slots=True)
class Applier:
    """Carries out actions one after the other and stops at the first that fails.

    ``done`` gets each action that was carried out.
    """

    cluster: Cluster
    metadata: MetadataStore
    vectors: VectorStore
    observer: Observer
    done: Callable[[Action], None]

    async def apply(self, actions: Sequence[Action], world: World) -> World:
        """The world after all the actions. What they made in Qdrant is read back, not assumed."""
        in_qdrant = [action for action in actions if isinstance(action, CollectionAction)]
        accepted: set[str] = set()
        rejected: dict[str, str] = {}
        for action in actions:
            if not isinstance(action, CollectionAction):
                world = await self._apply_elsewhere(action, world)
                self.done(action)
                continue
            if isinstance(action, UpdateCollection):
                world = await self._update_collection(action, world)
                continue
            last = action is in_qdrant[-1]
            if not isinstance(action, PutIndex):
                await self._apply_to_qdrant(action, world.subject, last=last)
                self.done(action)
                continue
            try:
                await self._apply_to_qdrant(action, world.subject, last=last)
                accepted.add(action.attempt)
                self.done(action)
            except Rejected as error:
                # One index that the server refuses is no reason to go without the others.
                rejected[action.attempt] = str(error)
        return await self._read_back(in_qdrant, accepted, rejected, world) if in_qdrant else world

    async def _update_collection(self, action: UpdateCollection, world: World) -> World:
        """Change parameters; what the server refuses keeps nothing else from being done."""
        before = world.observed
        try:
            await self.vectors.update_collection(action.collection, action.changes)
        except Rejected as error:
            rejected = {**before.rejected_parameters, **dict.fromkeys(action.attempts, str(error))}
            return replace(world, observed=replace(before, rejected_parameters=rejected))
        self.done(action)
        tried = before.tried_parameters | action.attempts
        return replace(world, observed=replace(before, tried_parameters=tried))

    async def _read_back(
        self, done: Sequence[CollectionAction], accepted: Set[str], rejected: Mapping[str, str], world: World
    ) -> World:
        # Only an accepted last request has waited for those before it: otherwise they may not be visible yet.
        waited = not (isinstance(done[-1], PutIndex) and done[-1].attempt in rejected)
        observed = replace(
            world.observed,
            collection=await self.vectors.read(done[0].collection),
            server_version=await self.vectors.version(),
            tried_indexes=world.observed.tried_indexes | (accepted if waited else frozenset()),
            rejected_indexes={**world.observed.rejected_indexes, **rejected},
            delete_sent=world.observed.delete_sent or any(isinstance(action, DeleteCollection) for action in done),
        )
        return replace(world, observed=observed)

    async def _apply_elsewhere(self, action: Action, world: World) -> World:
        match action:
            case AddFinalizer():
                return replace(world, subject=await self.cluster.add_finalizer(world.subject))
            case RemoveFinalizer():
                return replace(world, subject=await self.cluster.remove_finalizer(world.subject))
            case InsertDocument(document):
                await self.metadata.insert(document)
                return await self._with_document(document, world, minted=not document.bound)
            case ReplaceDocument(document):
                await self.metadata.replace(document)
                return await self._with_document(document, world, minted=False)
            case DeleteDependents(namespace_id, collections):
                for collection in collections:
                    await self._delete_dependents(collection, namespace_id, world.subject)
                return replace(world, observed=replace(world.observed, dependents_deleted=True))
            case _:
                raise AssertionError(f"not a document or Kubernetes action: {action}")

    async def _delete_dependents(self, collection: str, namespace_id: str, subject: Subject) -> None:
        left = True
        while left:
            # Many chunks take their time, and the user may think better of it.
            await self._verify_deletion(namespace_id, subject)
            left = await self.metadata.delete_dependents(collection, namespace_id)

    async def _with_document(self, document: NamespaceDocument, world: World, *, minted: bool) -> World:
        observed = replace(world.observed, document=document)
        if observed.looked_at == document.collection:
            return replace(world, observed=observed)
        if minted and document.collection == document.namespace_id:
            # Nothing can have the name of an id that was made up a moment ago.
            observed = replace(observed, collection=None, looked_at=document.collection)
        else:
            observed = await self.observer.look(document.collection, world.subject, observed)
        return replace(world, observed=observed)

    async def _apply_to_qdrant(self, action: CollectionAction, subject: Subject, *, last: bool) -> None:
        match action:
            case CreateCollection(collection, vectors, metadata, parameters):
                await self.vectors.create_collection(collection, vectors, metadata, parameters)
            case MarkCollection():
                await self._mark_collection(action)
            case UnmarkCollection():
                await self._unmark_collection(action, subject)
            case AddVector(collection, vector):
                await self.vectors.add_vector(collection, vector)
            case PutIndex(collection, field_name, schema):
                await self.vectors.put_index(collection, field_name, schema, wait=last)
            case DropIndex(collection, field_name):
                await self.vectors.drop_index(collection, field_name, wait=last)
            case DeleteCollection():
                await self._delete_collection(action, subject)

    async def _mark_collection(self, action: MarkCollection) -> None:
        """Mark only what still is as it was when the mark was decided on."""
        live = await self.vectors.read(action.collection)
        if live is None or live.mark != action.expected:
            raise Outdated(f"collection {action.collection} changed hands or is gone")
        if action.expected is None and is_marked(live.metadata):
            raise Outdated(f"collection {action.collection} carries a mark")
        await self.vectors.set_metadata(action.collection, action.mark.to_metadata())
        self.observer.strays.forget(action.collection)

    async def _unmark_collection(self, action: UnmarkCollection, subject: Subject) -> None:
        (namespace_id,) = action.mark.members
        await self._verify_deletion(namespace_id, subject)
        live = await self.vectors.read(action.collection)
        if live is None or not action.mark.is_on(live.mark):
            raise Outdated(f"collection {action.collection} does not carry the mark of {namespace_id}")
        await self.vectors.set_metadata(action.collection, dict.fromkeys(action.mark.to_metadata()))

    async def _delete_collection(self, action: DeleteCollection, subject: Subject) -> None:
        """Delete only on what all three say right now.

        The API server: the object is the one that was read. MongoDB: the intent is live. Qdrant: the mark is ours, or
        there is nothing that could have one.
        """
        (namespace_id,) = action.mark.members
        document = await self._verify_deletion(namespace_id, subject)
        if document.collection != action.collection or document.mark != action.mark:
            raise Outdated(f"{namespace_id} does not own collection {action.collection}")
        live = await self.vectors.read(action.collection)
        if live is None and action.collection != namespace_id:
            return
        if live is not None and not action.mark.is_on(live.mark):
            raise Outdated(f"collection {action.collection} does not carry the mark of {namespace_id}")
        await self.vectors.delete_collection(action.collection)

    async def _verify_deletion(self, namespace_id: str, subject: Subject) -> NamespaceDocument:
        """The document, if right now it says that it is being deleted and the API server has the object as read."""
        document = await self.metadata.get(namespace_id)
        if not isinstance(document, NamespaceDocument) or document.state is not State.DELETING:
            raise Outdated(f"{namespace_id} is no longer being deleted")
        await self.cluster.verify(subject)
        return document
