"""Events: what happened to a namespace, told once. Nothing that merely is the case makes one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from namespace_operator.api.annotations import RECREATE_COLLECTION
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.actions import (
    Action,
    AddVector,
    Announced,
    DeleteCollection,
    DeletePoints,
    DeleteResource,
    DropIndex,
    MarkCollection,
    Purpose,
    RemoveFinalizer,
    ReplaceDocument,
    UnmarkCollection,
)
from namespace_operator.domain.auto_index_report import auto_index_events
from namespace_operator.domain.conditions import ConditionType
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.event_reasons import EVENTS, EventReason
from namespace_operator.domain.observed import Subject


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an object."""

    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


def _told(reason: EventReason, message: str) -> Event:
    return Event(EVENTS[reason].kind, reason, message)


def events(subject: Subject, status: NamespaceStatus, done: Sequence[Action]) -> tuple[Event, ...]:
    """What is to tell of one reconcile. ``subject`` has the status from before, ``status`` is the new one."""
    before = subject.status
    automatic = (_told(reason, message) for reason, message in auto_index_events(before, status))
    return (
        *_of_actions(subject, done),
        *_of_repairs(done),
        *_of_extractors(before, status),
        *automatic,
        *_of_warning(before, status),
        *_of_ready(before, status),
    )


def events_of_release(subject: Subject, done: Sequence[Action]) -> tuple[Event, ...]:
    """What is to tell of a reconcile after which the object is gone."""
    return tuple(_of_actions(subject, done))


def _of_actions(subject: Subject, done: Sequence[Action]) -> Iterator[Event]:
    expires = subject.may_have_expired or any(isinstance(action, DeleteResource) for action in done)
    cause = "the namespace expired" if expires else "deletionPolicy: Delete"
    for action in done:
        match action:
            case MarkCollection(collection, _, None):
                yield _told(EventReason.ADOPTED, f"Collection {collection} was adopted; nothing in it was changed")
            case MarkCollection(collection):
                yield _told(EventReason.TAKEN_OVER, f"Collection {collection} was taken over from its former owner")
            case UnmarkCollection(collection):
                message = f"The adopted collection {collection} stays; it no longer carries this operator's mark"
                yield _told(EventReason.COLLECTION_RELEASED, message)
            case DeletePoints(collection):
                message = f"The points of this namespace were deleted from the shared collection {collection}"
                yield _told(EventReason.POINTS_DELETED, message)
            case DeleteCollection(collection, empty=True):
                message = f"The empty collection {collection} was removed: the namespace moves to another server"
                yield _told(EventReason.MOVED, message)
            case DeleteCollection(collection, _, True):
                yield _told(EventReason.COLLECTION_DELETED, f"Collection {collection} was deleted ({cause})")
            case DeleteResource(namespace_id, expires_at, keeps_data):
                data = "retained (deletionPolicy: Retain)" if keeps_data else "deleted"
                message = f"{namespace_id} expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}; its data is {data}"
                yield _told(EventReason.EXPIRED, message)
            case RemoveFinalizer() if subject.deleting and subject.requests.force_release:
                what = subject.status.namespace_id or "whatever it had"
                message = f"The Namespace was let go by force; the data of {what} stays in Qdrant and MongoDB"
                yield _told(EventReason.FORCE_RELEASED, message)


def _of_repairs(done: Sequence[Action]) -> Iterator[Event]:
    written = [action.document.repairs for action in done if isinstance(action, ReplaceDocument)]
    repaired = {name for repairs in written for name in (*repairs.missing_vectors, *repairs.added_vectors)}
    for action in done:
        match action:
            case ReplaceDocument(document) if _begins_again(document):
                message = (
                    f"Collection {document.collection} was lost and is made again, empty, as the annotation "
                    f"{RECREATE_COLLECTION} asks"
                )
                yield _told(EventReason.COLLECTION_RECREATED, message)
            case DropIndex(collection, field_name, announced=Announced(purpose=Purpose.PRUNE)):
                message = (
                    f"The index on {field_name} of collection {collection} was dropped: nobody declared it "
                    "(pruneUnmanagedIndexes)"
                )
                yield _told(EventReason.INDEX_PRUNED, message)
            case AddVector(collection, vector) if vector.name in repaired:
                message = (
                    f"Vector {vector.name} was missing in collection {collection} and was added again, empty; process "
                    "the documents again"
                )
                yield _told(EventReason.VECTOR_REPAIRED, message)


def _begins_again(document: NamespaceDocument) -> bool:
    """Whether this write of the document announces another making of a lost collection."""
    recreation = document.repairs.recreation
    is_new = recreation is not None and recreation.spent and recreation.at == document.updated_at
    return is_new and not document.bound


def _of_extractors(before: NamespaceStatus, after: NamespaceStatus) -> Iterator[Event]:
    listed = {extractor.feature_extractor_id for extractor in before.feature_extractors if extractor.in_spec}
    for extractor in after.feature_extractors:
        if not extractor.in_spec and extractor.feature_extractor_id in listed:
            message = (
                f"{extractor.feature_extractor_id} was removed from the spec but stays registered with its vectors: "
                "a collection's vectors and the documents in them are never dropped"
            )
            yield _told(EventReason.EXTRACTOR_KEPT, message)


def _of_warning(before: NamespaceStatus, after: NamespaceStatus) -> Iterator[Event]:
    """The warning of the end, and again where it says another one."""
    told = [condition.message for condition in before.conditions if condition.type == ConditionType.EXPIRING_SOON]
    for condition in after.conditions:
        if condition.type == ConditionType.EXPIRING_SOON and condition.message not in told:
            yield _told(EventReason.EXPIRING_SOON, condition.message)


def _of_ready(before: NamespaceStatus, after: NamespaceStatus) -> Iterator[Event]:
    """An event when the reason of Ready changes, not each time it is confirmed."""
    was = {condition.type: condition for condition in before.conditions}.get(ConditionType.READY)
    ready = next((condition for condition in after.conditions if condition.type == ConditionType.READY), None)
    if ready is None or (was is not None and (was.status, was.reason) == (ready.status, ready.reason)):
        return
    yield Event("Normal" if ready.status == "True" else "Warning", ready.reason, ready.message)
