"""Carrying out one plan: each action is one write, and the result is what the world looks like afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from namespace_operator.controller.cluster import Cluster
from namespace_operator.domain.actions import (
    Action,
    AddFinalizer,
    AddVector,
    CollectionAction,
    CreateCollection,
    DeleteCollection,
    DeleteDocument,
    DropIndex,
    InsertDocument,
    PutIndex,
    RemoveFinalizer,
    ReplaceDocument,
)
from namespace_operator.domain.document import NamespaceDocument, State
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
    """Carries out actions one after the other and stops at the first that fails."""

    cluster: Cluster
    metadata: MetadataStore
    vectors: VectorStore

    async def apply(self, actions: Sequence[Action], world: World) -> World:
        """The world after all the actions. What they made in Qdrant is read back, not assumed."""
        in_qdrant = [action for action in actions if isinstance(action, CollectionAction)]
        accepted: set[str] = set()
        rejected: dict[str, str] = {}
        for action in actions:
            if not isinstance(action, CollectionAction):
                world = await self._apply_elsewhere(action, world)
                continue
            last = action is in_qdrant[-1]
            if not isinstance(action, PutIndex):
                await self._apply_to_qdrant(action, world.subject, last=last)
                continue
            try:
                await self._apply_to_qdrant(action, world.subject, last=last)
                accepted.add(action.attempt)
            except Rejected as error:
                # One index that the server refuses is no reason to go without the others.
                rejected[action.attempt] = str(error)
        return await self._read_back(in_qdrant, accepted, rejected, world) if in_qdrant else world

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
        )
        return replace(world, observed=observed)

    async def _apply_elsewhere(self, action: Action, world: World) -> World:
        observed = world.observed
        match action:
            case AddFinalizer():
                return replace(world, subject=await self.cluster.add_finalizer(world.subject))
            case RemoveFinalizer():
                return replace(world, subject=await self.cluster.remove_finalizer(world.subject))
            case InsertDocument(document):
                await self.metadata.insert(document)
                return replace(world, observed=replace(observed, document=document))
            case ReplaceDocument(document):
                await self.metadata.replace(document)
                return replace(world, observed=replace(observed, document=document))
            case DeleteDocument(namespace_id, revision):
                await self.metadata.delete(namespace_id, revision)
                return replace(world, observed=replace(observed, document=None))
            case _:
                raise AssertionError(f"not a document or Kubernetes action: {action}")

    async def _apply_to_qdrant(self, action: CollectionAction, subject: Subject, *, last: bool) -> None:
        match action:
            case CreateCollection(collection, vectors, metadata):
                await self.vectors.create_collection(collection, vectors, metadata)
            case AddVector(collection, vector):
                await self.vectors.add_vector(collection, vector)
            case PutIndex(collection, field_name, schema):
                await self.vectors.put_index(collection, field_name, schema, wait=last)
            case DropIndex(collection, field_name):
                await self.vectors.drop_index(collection, field_name, wait=last)
            case DeleteCollection():
                await self._delete_collection(action, subject)

    async def _delete_collection(self, action: DeleteCollection, subject: Subject) -> None:
        """Delete only on what all three say right now.

        The API server: the object is the one that was read. MongoDB: the intent is live. Qdrant: the mark is ours.
        """
        (namespace_id,) = action.mark.members
        document = await self.metadata.get(namespace_id)
        if not isinstance(document, NamespaceDocument) or document.state is not State.DELETING:
            raise Outdated(f"{namespace_id} is no longer being deleted")
        if document.collection != action.collection or document.mark != action.mark:
            raise Outdated(f"{namespace_id} does not own collection {action.collection}")
        await self.cluster.verify(subject)
        live = await self.vectors.read(action.collection)
        if live is None:
            return
        if live.mark != action.mark:
            raise Outdated(f"collection {action.collection} does not carry the mark of {namespace_id}")
        await self.vectors.delete_collection(action.collection)
