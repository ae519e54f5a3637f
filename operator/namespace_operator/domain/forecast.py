"""A dry run: every step from here to rest, without doing any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

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
from namespace_operator.domain.conditions import Finding
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.identity import MARK_PREFIX, MEMBER_PREFIX
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection, LiveIndex, Observed, Place, Subject
from namespace_operator.domain.parameters import applied, flat, for_vectors
from namespace_operator.domain.plan import plan
from namespace_operator.domain.planning import Context
from namespace_operator.domain.vectors import NamedVector

_MAX_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Forecast:
    """The steps to rest, what would still stand in the way then, and the world as it would be."""

    actions: tuple[Action, ...]
    findings: tuple[Finding, ...]
    subject: Subject
    observed: Observed


def as_asked(schema: IndexSchema) -> IndexSchema:
    """A server that makes every index as it is asked to."""
    return schema


def forecast(
    subject: Subject,
    observed: Observed,
    context: Context,
    make_index: Callable[[IndexSchema], IndexSchema] = as_asked,
) -> Forecast:
    """Plan and imagine until nothing is left to do. ``make_index`` is what the server makes of a wanted schema."""
    done: list[Action] = []
    for _ in range(_MAX_ROUNDS):
        step = plan(subject, observed, context)
        if not step.actions:
            return Forecast(tuple(done), step.findings, subject, observed)
        for action in step.actions:
            done.append(action)
            subject, observed = after(action, subject, observed, make_index)
    raise RuntimeError(f"the plan does not come to rest: {step.actions}")


def after(
    action: Action,
    subject: Subject,
    observed: Observed,
    make_index: Callable[[IndexSchema], IndexSchema] = as_asked,
) -> tuple[Subject, Observed]:
    """The world as it reads once this action was done."""
    match action:
        case AddFinalizer() | RemoveFinalizer():
            return replace(subject, finalized=isinstance(action, AddFinalizer)), observed
        case DeleteResource():
            return replace(subject, deleting=True), observed
        case InsertShared(shared) | ReplaceShared(shared):
            return subject, replace(observed, shared=shared)
        case InsertDocument(document) | ReplaceDocument(document):
            return subject, _with_document(observed, document)
        case JoinCollection(_, namespace_id):
            assert observed.shared is not None
            members = tuple(sorted({*observed.shared.members, namespace_id}))
            return subject, replace(observed, shared=observed.shared.model_copy(update={"members": members}))
        case DeletePoints():
            return subject, replace(observed, points=0, total=_without_points(observed), points_deleted=True)
        case DeleteDependents():
            return subject, replace(observed, dependents_deleted=True)
        case DeleteCollection():
            return subject, replace(observed, collection=None, delete_sent=True)
        case CreateCollection():
            assert observed.collection is None, "a put of an existing name can wipe it"
            return subject, replace(observed, collection=_made(action))
        case _:
            assert observed.collection is not None
            changes = _changes(action, observed.collection, make_index)
            observed = replace(observed, collection=replace(observed.collection, **changes))
            return subject, _tried(observed, action)


def _made(action: CreateCollection) -> Collection:
    named = {vector.name: NamedVector(**vector.model_dump()) for vector in action.vectors}
    config = applied({}, for_vectors(flat(action.parameters), action.vectors))
    return Collection(action.collection, "green", 0, 0, 1, named, {}, action.metadata, config)


def _tried(observed: Observed, action: Action) -> Observed:
    match action:
        case PutIndex():
            return replace(observed, tried_indexes=observed.tried_indexes | {action.attempt})
        case DropIndex():
            return replace(observed, dropped_indexes=observed.dropped_indexes | {action.field_name})
        case UpdateCollection():
            return replace(observed, tried_parameters=observed.tried_parameters | action.attempts)
        case _:
            return observed


def _without_points(observed: Observed) -> int | None:
    return None if observed.total is None else observed.total - (observed.points or 0)


def _with_document(observed: Observed, document: NamespaceDocument) -> Observed:
    before = observed.document
    if not isinstance(before, NamespaceDocument):
        return replace(observed, document=document)
    changes_server = before.binding != document.binding
    moved = before.collection != document.collection or changes_server
    place = observed.asked if changes_server and isinstance(observed.asked, Place) else observed.place
    collection = observed.elsewhere if moved else observed.collection
    return replace(observed, document=document, collection=collection, place=place)


def _changes(
    action: CollectionAction, collection: Collection, make_index: Callable[[IndexSchema], IndexSchema]
) -> dict[str, Any]:
    match action:
        case MarkCollection(_, mark):
            return {"metadata": {**collection.metadata, **mark.to_metadata()}}
        case MarkMember(_, mark):
            return {"metadata": {**collection.metadata, **mark.of_members()}}
        case UnmarkMembers(_, _, namespace_ids):
            gone = {f"{MEMBER_PREFIX}{namespace_id}" for namespace_id in namespace_ids}
            return {"metadata": {key: value for key, value in collection.metadata.items() if key not in gone}}
        case UnmarkCollection():
            kept = {key: value for key, value in collection.metadata.items() if not key.startswith(MARK_PREFIX)}
            return {"metadata": kept}
        case AddVector(_, vector):
            assert vector.name not in collection.vectors
            return {"vectors": {**collection.vectors, vector.name: NamedVector(**vector.model_dump())}}
        case PutIndex(_, name, schema):
            return {"indexes": {**collection.indexes, name: LiveIndex(make_index(schema), 0)}}
        case DropIndex(_, name):
            return {"indexes": {field: live for field, live in collection.indexes.items() if field != name}}
        case UpdateCollection(_, changes):
            return {"config": applied(collection.config or {}, changes)}
        case _:
            raise AssertionError(f"changes no collection: {action}")
