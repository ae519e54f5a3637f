"""Carrying out one plan: each action is one write, and the result is what the world looks like afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from namespace_operator.controller.cluster import Cluster
from namespace_operator.controller.fleet import Server
from namespace_operator.controller.observe import Observer
from namespace_operator.controller.removal import Removal, verify_deletion, verify_expiry
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    AddVector,
    CollectionAction,
    CreateCollection,
    DeleteCollection,
    DeleteDependents,
    DeletePoints,
    DeleteResource,
    DropIndex,
    InsertDocument,
    InsertShared,
    JoinCollection,
    KubernetesAction,
    MarkCollection,
    MarkMember,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
    ReplaceShared,
    UnmarkCollection,
    UnmarkMembers,
    UpdateCollection,
)
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.identity import is_marked
from namespace_operator.domain.observed import Observed, Place, Subject
from namespace_operator.domain.shared import SharedCollection
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
                await self._apply_to_qdrant(action, world, last=last)
                self.done(action)
                continue
            try:
                await self._apply_to_qdrant(action, world, last=last)
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
            await (await self._vectors(world)).update_collection(action.collection, action.changes)
        except Rejected as error:
            rejected = {**before.rejected_parameters, **dict.fromkeys(action.attempts, str(error))}
            return replace(world, observed=replace(before, rejected_parameters=rejected))
        self.done(action)
        tried = before.tried_parameters | action.attempts
        return replace(world, observed=replace(before, tried_parameters=tried))

    async def _read_back(
        self, done: Sequence[CollectionAction], accepted: Set[str], rejected: Mapping[str, str], world: World
    ) -> World:
        vectors = await self._vectors(world)
        # Only an accepted last request has waited for those before it: otherwise they may not be visible yet.
        waited = not (isinstance(done[-1], PutIndex) and done[-1].attempt in rejected)
        observed = replace(
            world.observed,
            collection=await vectors.read(done[0].collection),
            server_version=await vectors.version(),
            tried_indexes=world.observed.tried_indexes | (accepted if waited else frozenset()),
            rejected_indexes={**world.observed.rejected_indexes, **rejected},
            dropped_indexes=world.observed.dropped_indexes.union(
                action.field_name for action in done if isinstance(action, DropIndex)
            ),
            delete_sent=world.observed.delete_sent or any(isinstance(action, DeleteCollection) for action in done),
            joined=world.observed.joined or any(isinstance(action, MarkMember) for action in done),
        )
        observed = await self.observer.with_newcomers(world.subject, observed)
        if any(isinstance(action, DeletePoints) for action in done):
            observed = await self.observer.count(
                done[0].collection, world.subject, replace(observed, points_deleted=True)
            )
        return replace(world, observed=observed)

    async def _apply_elsewhere(self, action: Action, world: World) -> World:
        match action:
            case AddFinalizer() | RemoveFinalizer() | DeleteResource():
                return replace(world, subject=await self._apply_to_object(action, world.subject))
            case InsertDocument(document):
                await self.metadata.insert(document)
                return await self._with_document(document, world)
            case ReplaceDocument(document):
                await self.metadata.replace(document)
                return await self._with_document(document, world)
            case InsertShared(shared):
                await self.metadata.insert(shared)
                return await self._with_shared(shared, world)
            case ReplaceShared(shared):
                await self.metadata.replace(shared)
                return await self._with_shared(shared, world)
            case JoinCollection(document_id, namespace_id):
                return await self._with_shared(await self.metadata.join(document_id, namespace_id), world)
            case DeleteDependents(namespace_id, collections):
                for collection in collections:
                    await self._delete_dependents(collection, namespace_id, world.subject)
                return replace(world, observed=replace(world.observed, dependents_deleted=True))
            case _:
                raise AssertionError(f"not a document or Kubernetes action: {action}")

    async def _apply_to_object(self, action: KubernetesAction, subject: Subject) -> Subject:
        match action:
            case AddFinalizer():
                return await self.cluster.add_finalizer(subject)
            case RemoveFinalizer():
                return await self.cluster.remove_finalizer(subject)
            case DeleteResource(namespace_id):
                # The object itself is verified by the request.
                await verify_expiry(self.metadata, namespace_id, subject)
                return await self.cluster.delete(subject)

    async def _delete_dependents(self, collection: str, namespace_id: str, subject: Subject) -> None:
        left = True
        while left:
            # Many chunks take their time, and the user may think better of it.
            await verify_deletion(self.metadata, self.cluster, namespace_id, subject)
            left = await self.metadata.delete_dependents(collection, namespace_id)

    async def _with_document(self, document: NamespaceDocument, world: World) -> World:
        before, observed = world.observed.document, replace(world.observed, document=document)
        made_up = before is None and not document.bound and document.collection == document.namespace_id
        moved = isinstance(before, NamespaceDocument) and before.binding != document.binding
        if moved and isinstance(observed.asked, Place):
            observed = replace(observed, place=observed.asked, delete_sent=False)
        elif observed.looked_at == document.collection:
            if document.sharing and isinstance(before, NamespaceDocument):
                observed = await self.observer.after_announcement(before, document, world.subject, observed)
            return replace(world, observed=observed)
        if made_up:
            # Nothing can have the name of an id that was made up a moment ago.
            observed = replace(observed, collection=None, looked_at=document.collection)
        else:
            observed = await self.observer.look(document.collection, world.subject, observed)
        return replace(world, observed=observed)

    async def _with_shared(self, shared: SharedCollection, world: World) -> World:
        observed = await self.observer.contest(world.subject, replace(world.observed, shared=shared))
        if world.subject.deleting and observed.collection is not None:
            observed = await self.observer.count(shared.collection, world.subject, observed)
        return replace(world, observed=observed)

    async def _mark_member(self, action: MarkMember, server: Server) -> None:
        """Add to what still is the shared collection that was meant."""
        live = await server.vectors.read(action.collection)
        if live is None or not action.mark.surrounds(live.mark):
            raise Outdated(f"collection {action.collection} is not the shared one any more")
        await server.vectors.set_metadata(action.collection, action.mark.of_members())

    async def _vectors(self, world: World) -> VectorStore:
        """The server that the namespace lives on."""
        return (await self.observer.server(world.observed)).vectors

    async def _apply_to_qdrant(self, action: CollectionAction, world: World, *, last: bool) -> None:
        server = await self.observer.server(world.observed)
        match action:
            case CreateCollection(collection, vectors, metadata, parameters):
                await server.vectors.create_collection(collection, vectors, metadata, parameters)
            case MarkCollection():
                await self._mark_collection(action, server)
            case MarkMember():
                await self._mark_member(action, server)
            case AddVector(collection, vector):
                await server.vectors.add_vector(collection, vector)
            case PutIndex(collection, field_name, schema):
                await server.vectors.put_index(collection, field_name, schema, wait=last)
            case UnmarkCollection() | UnmarkMembers() | DeletePoints() | DropIndex() | DeleteCollection():
                await Removal(self.cluster, self.metadata, server.vectors).remove(action, world.subject, wait=last)

    async def _mark_collection(self, action: MarkCollection, server: Server) -> None:
        """Mark only what still is as it was when the mark was decided on."""
        live = await server.vectors.read(action.collection)
        if live is None or live.mark != action.expected:
            raise Outdated(f"collection {action.collection} changed hands or is gone")
        if action.expected is None and is_marked(live.metadata):
            raise Outdated(f"collection {action.collection} carries a mark")
        await server.vectors.set_metadata(action.collection, action.mark.to_metadata())
        server.strays.forget(action.collection)
