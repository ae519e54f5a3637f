"""Planning the end: a custom resource that is being deleted, and one that is already gone."""

from __future__ import annotations

from datetime import datetime

from namespace_operator.api.spec import DeletionPolicy
from namespace_operator.domain.actions import (
    Action,
    DeleteCollection,
    DeleteDocument,
    InsertDocument,
    RemoveFinalizer,
    ReplaceDocument,
)
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, Owner, State
from namespace_operator.domain.identity import name_claim
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.recovery import recover_document

Step = tuple[tuple[Action, ...], tuple[Finding, ...]]

_LET_GO = "or set deletionPolicy: Retain to let the Namespace go and keep the data"


def plan_deletion(subject: Subject, observed: Observed, instance_id: str, now: datetime) -> Step:
    """The next step for an object with a deletion timestamp.

    Under Delete: the document says ``deleting`` (the live intent), then the collection goes, then the document with
    its claims, then the finalizer. Under Retain only the finalizer goes; the document follows once the object is gone.
    """
    if not subject.finalized:
        return (), ()
    document = observed.document
    if subject.deletion_policy is DeletionPolicy.RETAIN:
        return _plan_letting_go(subject, document, now)
    if isinstance(document, MalformedDocument):
        message = f"Document {document.document_id} in MongoDB is malformed ({document.problem}); repair or remove it"
        return _stop(Reason.MALFORMED_DOCUMENT, message)
    owner = subject.owner(instance_id)
    if document is None:
        return _plan_without_document(subject, observed, owner, now)
    if document.owner != owner:
        return (RemoveFinalizer(),), ()
    if document.state is not State.DELETING:
        return (ReplaceDocument(_with_state(document, State.DELETING, now)),), ()
    if observed.collection is None:
        return (DeleteDocument(document.namespace_id, document.revision),), ()
    if observed.collection.mark != document.mark:
        message = f"Collection {document.collection} lacks the mark of {document.namespace_id}; put it back"
        return _stop(Reason.COLLECTION_NOT_OWNED, message)
    if observed.aliases:
        names = ", ".join(observed.aliases)
        message = f"Collection {document.collection} has aliases ({names}); remove them"
        return _stop(Reason.ALIASES_EXIST, message)
    return (DeleteCollection(document.collection, document.mark),), ()


def plan_retained(document: NamespaceDocument, now: datetime) -> tuple[NamespaceDocument, ...]:
    """The document to write when its custom resource is gone: id and data stay, the name becomes free.

    That goes for one in state ``deleting`` too: its object went before the deletion was done, the finalizer removed by
    hand, say. Only an object being deleted drives a deletion, and nothing else would ever give the name back.
    """
    if document.state is State.RETAINED:
        return ()
    return (_without_name(_with_state(document, State.RETAINED, now)),)


def _plan_letting_go(subject: Subject, document: NamespaceDocument | MalformedDocument | None, now: datetime) -> Step:
    """A deletion that was begun under Delete is called off first, while the object that drove it is still there."""
    if (
        isinstance(document, NamespaceDocument)
        and document.state is State.DELETING
        and document.owner.cr_uid == subject.uid
    ):
        return (ReplaceDocument(_without_name(_with_state(document, State.RETAINED, now))),), ()
    return (RemoveFinalizer(),), ()


def _plan_without_document(subject: Subject, observed: Observed, owner: Owner, now: datetime) -> Step:
    """Without a document there is nothing to delete, unless it was lost and the collection still says it is ours."""
    if observed.collection is None or subject.status.namespace_id is None:
        return (RemoveFinalizer(),), ()
    recovered = recover_document(subject, observed.collection, owner, now)
    if isinstance(recovered, Finding):
        return (RemoveFinalizer(),), ()
    # Its name may be another's by now, and what is being deleted needs none.
    return (InsertDocument(_without_name(recovered).model_copy(update={"state": State.DELETING})),), ()


def _without_name(document: NamespaceDocument) -> NamespaceDocument:
    owner = document.owner
    held = name_claim(owner.instance_id, owner.organization, document.namespace_name)
    return document.model_copy(update={"claims": tuple(claim for claim in document.claims if claim != held)})


def _with_state(document: NamespaceDocument, state: State, now: datetime) -> NamespaceDocument:
    return document.model_copy(update={"state": state, "revision": document.revision + 1, "updated_at": now})


def _stop(reason: Reason, message: str) -> Step:
    return (), (Finding(reason, f"{message}, {_LET_GO}", halts=True),)
