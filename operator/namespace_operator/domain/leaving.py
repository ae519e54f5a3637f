"""Leaving a shared collection: first its points, then the membership, at last the collection if nobody is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from namespace_operator.domain.actions import (
    CollectionAction,
    DeleteCollection,
    DeletePoints,
    DropIndex,
    InsertShared,
    ReplaceShared,
    UnmarkMembers,
)
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.observed import Collection, Observed
from namespace_operator.domain.planning import Plan
from namespace_operator.domain.recreation import plan_following
from namespace_operator.domain.shared import SharedCollection, SharedState
from namespace_operator.domain.sharing import recovered, without_member


def plan_leaving(document: NamespaceDocument, observed: Observed, now: datetime) -> Plan | Finding | None:
    """The next step for a member that is being deleted; None once nothing of its membership is left."""
    shared, live = observed.shared, observed.collection
    if shared is None or not shared.is_of(document.owner):
        is_lost = shared is None and live is not None and document.mark.surrounds(live.mark)
        return Plan((InsertShared(recovered(document, live, now)),)) if is_lost and live is not None else None
    following = plan_following(document, shared, now)
    if following is not None:
        return following
    if document.namespace_id in shared.members:
        return _plan_departure(document, shared, observed, now)
    if shared.state is SharedState.DELETING:
        return _plan_removal(document, shared, observed, now)
    if shared.state is SharedState.DELETED:
        return None
    return _plan_rest(document, shared, observed, now)


def _plan_departure(
    document: NamespaceDocument, shared: SharedCollection, observed: Observed, now: datetime
) -> Plan | Finding:
    live = observed.collection
    if live is None and not document.bound:
        return Plan(
            (ReplaceShared(without_member(document.namespace_id, shared, observed.wanted_elsewhere, live, now)),)
        )
    if live is None:
        message = (
            f"Shared collection {document.collection} is missing in Qdrant, perhaps only not loaded, so that the "
            f"points of {document.namespace_id} cannot be deleted; look at the server's log"
        )
        return Finding(Reason.COLLECTION_LOST, message)
    if observed.alias_of is not None or not document.mark.surrounds(live.mark):
        message = f"Collection {document.collection} lacks the mark of the shared collection; put it back"
        return Finding(Reason.COLLECTION_NOT_OWNED, message)
    if observed.points is None:
        message = f"Points of {document.namespace_id} in {document.collection} cannot be counted; see the server's log"
        return Finding(Reason.QDRANT_REJECTED, message)
    if observed.points and observed.points_deleted:
        message = (
            f"Points of {document.namespace_id} keep coming into the shared collection {document.collection}; stop "
            "the service that writes them"
        )
        return Finding(Reason.QDRANT_REJECTED, message)
    if observed.points:
        return Plan((DeletePoints(document.collection, document.mark),))
    return Plan((ReplaceShared(without_member(document.namespace_id, shared, observed.wanted_elsewhere, live, now)),))


def _plan_rest(
    document: NamespaceDocument, shared: SharedCollection, observed: Observed, now: datetime
) -> Plan | Finding | None:
    """What a former member still has to clear away, and whether there is anybody left."""
    live = observed.collection
    if live is not None and observed.alias_of is None and document.mark.surrounds(live.mark):
        actions = clearing(shared, live, observed.wanted_elsewhere)
        if actions:
            return Plan(tuple(actions))
        # With nothing left to clear away, none of these fields has an index that nobody wants.
        if shared.dropping:
            return Plan((ReplaceShared(shared.changed(now, dropping=())),))
    empty = live is None and not shared.bound if observed.total is None else observed.total == 0
    if shared.members or not empty:
        return None
    if observed.aliases:
        message = f"Collection {document.collection} has aliases ({', '.join(observed.aliases)}); remove them"
        return Finding(Reason.ALIASES_EXIST, message)
    return Plan((ReplaceShared(shared.changed(now, state=SharedState.DELETING)),))


def _plan_removal(
    document: NamespaceDocument, shared: SharedCollection, observed: Observed, now: datetime
) -> Plan | Finding:
    live = observed.collection
    if live is None:
        return Plan((ReplaceShared(shared.changed(now, state=SharedState.DELETED)),))
    if not document.mark.surrounds(live.mark):
        message = f"Collection {document.collection} lacks the mark of the shared collection; put it back"
        return Finding(Reason.COLLECTION_NOT_OWNED, message)
    if observed.delete_sent:
        message = f"Qdrant took the request to delete {document.collection} and still has it; see the server's log"
        return Finding(Reason.QDRANT_REJECTED, message)
    return Plan((DeleteCollection(document.collection, document.mark, shared=shared.document_id),))


def clearing(
    shared: SharedCollection, live: Collection, wanted_elsewhere: Mapping[str, str]
) -> tuple[CollectionAction, ...]:
    """What members that left and indexes that nobody wants have left in Qdrant."""
    mark = live.mark
    strangers = tuple(sorted(set(mark.members) - set(shared.members))) if mark is not None else ()
    unmark = (UnmarkMembers(live.name, shared.document_id, strangers),) if strangers else ()
    return (*(DropIndex(live.name, name, shared) for name in still_there(shared, live, wanted_elsewhere)), *unmark)


def still_there(shared: SharedCollection, live: Collection, wanted_elsewhere: Mapping[str, str]) -> tuple[str, ...]:
    """The fields among ``dropping`` that have an index in Qdrant which nobody wants."""
    return tuple(name for name in shared.dropping if name in live.indexes and name not in wanted_elsewhere)
