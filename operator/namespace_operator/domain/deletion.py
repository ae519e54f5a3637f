"""Planning the end: a custom resource that is being deleted, one that is already gone, and a tombstone."""

from __future__ import annotations

from datetime import datetime

from namespace_operator.api.annotations import FORCE_RELEASE, Adoption
from namespace_operator.api.spec import DeletionPolicy
from namespace_operator.domain.actions import (
    DeleteCollection,
    DeleteDependents,
    InsertDocument,
    MarkCollection,
    RemoveFinalizer,
    ReplaceDocument,
    UnmarkCollection,
)
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, Owner, State
from namespace_operator.domain.identity import is_marked, name_claim
from namespace_operator.domain.leaving import plan_leaving
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.ownership import collection_conflict, identity_conflict
from namespace_operator.domain.planning import Context, Plan
from namespace_operator.domain.recovery import recover_document
from namespace_operator.domain.term import is_of_expiry
from namespace_operator.domain.usage import FILTER_USAGE

LET_GO = (
    f"or let the Namespace go and keep the data: set deletionPolicy: Retain, or the annotation {FORCE_RELEASE}: 'true'"
)
"""The way out that every message about a deletion that cannot go on ends with."""


def plan_deletion(subject: Subject, observed: Observed, context: Context) -> Plan:
    """The next step for an object with a deletion timestamp.

    Under Delete and for an expiry: the document says ``deleting`` (the live intent), then the collection goes, then
    what belongs to the namespace in ``dependents`` and how its filters were used, then the document becomes a tombstone
    without claims but the collection's (and after an expiry the resource's), then the finalizer goes. An object that is
    let go loses its finalizer only; the document follows once the object is gone.
    """
    document, owner = observed.document, subject.owner(context.instance_id)
    if not subject.finalized:
        return Plan()
    if subject.lets_go:
        return Plan((RemoveFinalizer(),))
    if isinstance(document, MalformedDocument):
        message = f"Document {document.document_id} in MongoDB is malformed ({document.problem}); repair or remove it"
        return _stop(Reason.MALFORMED_DOCUMENT, message)
    if document is None:
        return _plan_without_document(subject, observed, owner, context.now)
    apart = _plan_apart(document, subject, owner, context.now)
    if apart is not None:
        return apart
    obstacle = _unreachable(observed) or identity_conflict(subject, document) or _server_replaced(document, observed)
    if obstacle is not None:
        return _stop(obstacle.reason, obstacle.message)
    if document.state is not State.DELETING:
        return Plan((ReplaceDocument(document.changed(context.now, state=State.DELETING)),))
    of_data = _plan_data(subject, document, observed, context)
    if of_data is not None:
        return of_data
    # What was never bound may be of an id that somebody else's data has.
    if document.bound and not observed.dependents_deleted:
        dependents = dict.fromkeys((*context.dependents, FILTER_USAGE))
        return Plan((DeleteDependents(document.namespace_id, tuple(dependents)),))
    return Plan((ReplaceDocument(_tombstone(document, context.now)),))


def _plan_apart(document: NamespaceDocument, subject: Subject, owner: Owner, now: datetime) -> Plan | None:
    """The next step where the document is not this object's to delete: another's, gone already, or not expired."""
    if _is_inherited(document, subject, owner):
        return Plan((ReplaceDocument(document.changed(now, owner=owner, state=State.DELETING)),))
    by_hand = subject.deletion_policy is DeletionPolicy.RETAIN and not is_of_expiry(subject, document)
    if document.owner != owner or document.state is State.DELETED:
        return Plan((RemoveFinalizer(),))
    if by_hand and document.life.expired_at is not None:
        called_off = document.life.model_copy(update={"expired_at": None})
        return Plan((ReplaceDocument(document.changed(now, life=called_off)),))
    return Plan((RemoveFinalizer(),)) if by_hand else None


def _is_inherited(document: NamespaceDocument, subject: Subject, owner: Owner) -> bool:
    """Whether an object, made again under Delete, takes along what an expiry under Retain left."""
    is_left = document.life.expired_at is not None and document.state is State.RETAINED
    return is_left and subject.deletion_policy is DeletionPolicy.DELETE and document.owner.is_but_for_its_uid(owner)


def _plan_data(subject: Subject, document: NamespaceDocument, observed: Observed, context: Context) -> Plan | None:
    """The next step until nothing is left in Qdrant that this deletion has to remove."""
    if document.sharing:
        leaving = plan_leaving(document, observed, context.now)
        return _stop(leaving.reason, leaving.message) if isinstance(leaving, Finding) else leaving
    if _is_collection_done(document, observed):
        return None
    return _plan_collection(subject, document, observed, context)


def _unreachable(observed: Observed) -> Finding | None:
    """Why the server that the namespace lives on is not even known."""
    return observed.asked if isinstance(observed.asked, Finding) else None


def _server_replaced(document: NamespaceDocument, observed: Observed) -> Finding | None:
    if not observed.server.replaced:
        return None
    message = f"The Qdrant server is not {observed.server.recorded}, on which {document.collection} lives; restore it"
    return Finding(Reason.SERVER_REPLACED, message)


def plan_retained(document: NamespaceDocument, now: datetime) -> tuple[NamespaceDocument, ...]:
    """The document to write when its custom resource is gone: id and data stay, the name becomes free.

    That goes for one in state ``deleting`` too: its object went before the deletion was done, let go or with the
    finalizer removed by hand. Only an object being deleted drives a deletion, and nothing else would ever give the
    name back. A chosen collection that never became this namespace's is not kept from others.
    """
    if document.state in (State.RETAINED, State.DELETED):
        return ()
    is_nobodys = not document.bound and document.adoption is None and document.collection != document.namespace_id
    if is_nobodys and not document.sharing:
        return (_tombstone(document, now),)
    life = document.life.model_copy(update={"warned_at": None})
    # Without a resource there is nobody to be warned, and no end.
    return (_without_name(document.changed(now, state=State.RETAINED, expires_at=None, life=life)),)


def _is_collection_done(document: NamespaceDocument, observed: Observed) -> bool:
    """Whether nothing of the collection is left that this deletion has to remove."""
    collection = observed.collection
    if collection is None:
        # What is not listed may only have failed to load, and would come back: unless its name could be another's by
        # now, it is deleted all the same.
        return observed.delete_sent or document.collection != document.namespace_id
    if document.mark.is_on(collection.mark) or document.is_half_taken_over(collection.mark):
        return False
    # Never made ours, or handed back.
    return not document.bound or (document.adoption is not None and not is_marked(collection.metadata))


def _plan_collection(subject: Subject, document: NamespaceDocument, observed: Observed, context: Context) -> Plan:
    collection = observed.collection
    if collection is None:
        return Plan((DeleteCollection(document.collection, document.mark, listed=False),))
    if observed.alias_of is not None:
        message = (
            f"{document.collection} is an alias of {observed.alias_of}, which a deletion does not follow; remove it"
        )
        return _stop(Reason.COLLECTION_IS_ALIAS, message)
    if document.is_half_taken_over(collection.mark):
        return Plan((MarkCollection(document.collection, document.mark, expected=collection.mark),))
    if not document.mark.is_on(collection.mark):
        message = f"Collection {document.collection} lacks the mark of {document.namespace_id}; put it back"
        return _stop(Reason.COLLECTION_NOT_OWNED, message)
    goes_too = context.guarded and subject.requests.adopt is Adoption.WITH_DELETE
    if document.adoption is not None and not goes_too:
        return Plan((UnmarkCollection(document.collection, document.mark),))
    if observed.aliases:
        names = ", ".join(observed.aliases)
        message = f"Collection {document.collection} has aliases ({names}); remove them"
        return _stop(Reason.ALIASES_EXIST, message)
    if observed.delete_sent:
        message = f"Qdrant took the request to delete {document.collection} and still has it; see the server's log"
        return _stop(Reason.QDRANT_REJECTED, message)
    return Plan((DeleteCollection(document.collection, document.mark),))


def _plan_without_document(subject: Subject, observed: Observed, owner: Owner, now: datetime) -> Plan:
    """Without a document there is nothing to delete, unless it was lost and the collection still says it is ours."""
    asks = subject.status.namespace_id is not None and subject.deletion_policy is DeletionPolicy.DELETE
    unreachable = _unreachable(observed) if asks else None
    if unreachable is not None:
        return _stop(unreachable.reason, unreachable.message)
    keeps = subject.deletion_policy is DeletionPolicy.RETAIN
    if observed.collection is None or subject.status.namespace_id is None or keeps:
        return Plan((RemoveFinalizer(),))
    shared = observed.shared
    is_member = shared is not None and shared.is_of(owner) and subject.status.namespace_id in shared.members
    taken = None if is_member else collection_conflict(subject, observed)
    if taken is not None:
        return _stop(taken.reason, taken.message)
    recovered = recover_document(subject, observed, owner, now)
    if isinstance(recovered, Finding):
        return Plan((RemoveFinalizer(),))
    # Its name may be another's by now, and what is being deleted needs none.
    return Plan((InsertDocument(_without_name(recovered).model_copy(update={"state": State.DELETING})),))


def _tombstone(document: NamespaceDocument, now: datetime) -> NamespaceDocument:
    expired = document.life.expired_at is not None
    claims = (document.home_claim, *((document.resource_claim,) if expired else ()))
    return document.changed(now, state=State.DELETED, claims=claims, requested_name=None)


def _without_name(document: NamespaceDocument) -> NamespaceDocument:
    owner = document.owner
    held = name_claim(owner.instance_id, owner.organization, document.namespace_name)
    return document.model_copy(
        update={"claims": tuple(claim for claim in document.claims if claim != held), "requested_name": None}
    )


def _stop(reason: Reason, message: str) -> Plan:
    return Plan((), (Finding(reason, f"{message}, {LET_GO}", halts=True),))
