"""Whose things are: who may have a document, a name, a collection, and what to say to who may not."""

from __future__ import annotations

from namespace_operator.api.annotations import ADOPT, TAKE_OVER
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.desired import Desired
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, Owner, State
from namespace_operator.domain.identity import is_marked
from namespace_operator.domain.observed import Collection, Document, Observed, Subject
from namespace_operator.domain.shared import SharedCollection

_MAX_CYCLE = 8
"""Longest ring of namespaces, each asking for the next one's name, that is resolved; see ``steps_aside``."""


def attaches(document: NamespaceDocument, subject: Subject, owner: Owner) -> bool:
    """Whether the document is this object's without anybody's permission.

    It is if only the object was made again, in the same incarnation of its Kubernetes namespace, and if an
    authorised ``spec.namespaceId`` names one of a former object of that Kubernetes namespace under another name.
    """
    if document.owner.is_but_for_its_uid(owner):
        return True
    renamed = document.owner.model_copy(update={"cr_name": owner.cr_name})
    named = subject.stated_id == document.namespace_id
    return renamed.is_but_for_its_uid(owner) and named and document.state is State.RETAINED


def is_of_former_namespace(document: NamespaceDocument, owner: Owner) -> bool:
    """Whether the document's object lived in an earlier incarnation of this Kubernetes namespace, and so is gone."""
    same_place = (document.owner.instance_id, document.owner.key) == (owner.instance_id, owner.key)
    return same_place and document.owner.k8s_namespace_uid != owner.k8s_namespace_uid


def may_take_over(document: NamespaceDocument, subject: Subject) -> bool:
    """Whether the object asks for this namespace with a request that is not spent: it works once for an object.

    One that shares its collection stays in its organization, with all others that do.
    """
    return (
        not document.sharing and subject.take_over == document.namespace_id and subject.uid not in document.former_uids
    )


def take_over_refused(subject: Subject, document: NamespaceDocument | None) -> Finding | None:
    """What is to say if the take-over that is asked for cannot be had."""
    asked = subject.requests.take_over
    own = document.namespace_id if document is not None else subject.status.namespace_id
    if asked is None or own == asked:
        return None
    if own is None:
        message = f"annotation {TAKE_OVER} names {asked}, but MongoDB has no document of it; correct or remove it"
        return Finding(Reason.TAKE_OVER_REFUSED, message, halts=True)
    message = (
        f"annotation {TAKE_OVER} names {asked}, but this Namespace already has {own}; remove it, or put it on a "
        "Namespace that has no data yet"
    )
    return Finding(Reason.TAKE_OVER_REFUSED, message)


def identity_conflict(subject: Subject, document: NamespaceDocument) -> Finding | None:
    """Status names another id than the document that MongoDB has for this object: one is older than the other."""
    known = subject.status.namespace_id
    if known in (None, document.namespace_id):
        return None
    message = (
        f"Status says that this Namespace is {known}, the document in MongoDB that it is {document.namespace_id}: one "
        f"was restored from before; restore the document of {known}, or remove that of {document.namespace_id} from "
        "MongoDB, or remove namespaceId from status to go on with it"
    )
    return Finding(Reason.IDENTITY_CONFLICT, message, halts=True)


def owned_elsewhere(document: NamespaceDocument, subject: Subject, owner: Owner) -> Finding:
    """The document belongs to another object, and stays untouched."""
    theirs = document.owner
    if theirs.instance_id != owner.instance_id:
        whose = f"{_describe_owner(theirs, subject)}, of another operator (instance {theirs.instance_id})"
    elif is_of_former_namespace(document, owner):
        whose = f"Namespace {theirs.key} of an earlier Kubernetes namespace (uid {theirs.k8s_namespace_uid})"
    else:
        whose = _describe_owner(theirs, subject)
    if document.sharing:
        way = (
            f"it shares collection {document.collection} there and cannot be taken over: use another metadata.name, "
            "and re-index"
        )
    elif subject.uid in document.former_uids:
        way = "it was taken over from this object since; delete and apply this Namespace again to take it back"
    else:
        way = (
            "use another metadata.name for a new namespace, or take it over with the annotation "
            f"{TAKE_OVER}: {document.namespace_id}"
        )
    return Finding(Reason.OWNED_ELSEWHERE, f"{document.namespace_id} belongs to {whose}; {way}", halts=True)


def name_conflict(subject: Subject, observed: Observed, wanted: Desired) -> Finding | None:
    """The wanted namespaceName is another namespace's."""
    if not observed.name_chain:
        return None
    message = (
        f"namespaceName {wanted.namespace_name} is held by {_describe(observed.name_chain[0], subject, is_near=True)}; "
        "choose another namespaceName, or rename or delete that one"
    )
    return Finding(Reason.NAME_CONFLICT, message)


def collection_conflict(subject: Subject, observed: Observed) -> Finding | None:
    """The collection is another namespace's: the chosen one, or the one in which a lost document's data must be."""
    holder = observed.collection_holder
    if holder is None:
        return None
    if isinstance(holder, SharedCollection):
        message = f"Collection {observed.claimed_collection} is shared by namespaces of this organization"
        if holder.organization != subject.key.organization:
            message = f"Collection {observed.claimed_collection} is held by another organization"
            return Finding(Reason.COLLECTION_CONFLICT, f"{message}; choose another one")
        return Finding(
            Reason.COLLECTION_CONFLICT, f"{message}; choose another one, or set infrastructure.sharing: true"
        )
    is_far = isinstance(holder, NamespaceDocument) and holder.owner.organization != subject.key.organization
    if is_far and isinstance(subject.spec, NamespaceSpec) and subject.spec.is_sharing:
        message = f"Collection {observed.claimed_collection} is not this organization's"
        return Finding(Reason.COLLECTION_NOT_OWNED, f"{message}; choose another one", halts=True)
    message = f"Collection {observed.claimed_collection} is held by {_describe(holder, subject, is_near=False)}"
    if isinstance(holder, NamespaceDocument) and holder.state is State.DELETED:
        return Finding(Reason.COLLECTION_CONFLICT, f"{message}; it becomes free by itself within minutes")
    return Finding(
        Reason.COLLECTION_CONFLICT,
        f"{message}; choose another one in infrastructure.qdrantCollection, or delete that namespace",
    )


def steps_aside(document: NamespaceDocument, observed: Observed) -> bool:
    """Whether this namespace gives up its name first, so that a ring of renames can go on.

    In a ring everybody waits for the next one's name. The namespace with the smallest id takes its own id for a name
    meanwhile.
    """
    ring: list[str] = []
    for other in observed.name_chain[:_MAX_CYCLE]:
        if isinstance(other, MalformedDocument) or other.state in (State.RETAINED, State.DELETING):
            return False
        ring.append(other.namespace_id)
        if other.requested_name == document.namespace_name:
            return document.namespace_id < min(ring)
    return False


def foreign_collection(document: NamespaceDocument, collection: Collection, observed: Observed) -> Finding:
    """The collection is not this namespace's by its mark."""
    if observed.alias_of is not None:
        return _alias(collection)
    if not document.bound and not is_marked(collection.metadata):
        message = (
            f"Collection {collection.name} exists and was not made by this operator; choose another collection, or "
            f"adopt it with the annotation {ADOPT}: 'true' (it then outlives the Namespace) or 'with-delete'"
        )
        return Finding(Reason.COLLECTION_NOT_OWNED, message, halts=True)
    message = (
        f"Collection {document.collection} does not carry the mark of {document.namespace_id} in its metadata "
        f"(wanted: {document.mark.to_metadata()}); nothing is written to it until the mark is back"
    )
    return Finding(Reason.COLLECTION_NOT_OWNED, message, halts=True)


def marked_by_another(observed: Observed) -> Finding | None:
    """The collection that a new namespace would have carries a mark, and so is not to be had."""
    collection = observed.collection
    if collection is None or not is_marked(collection.metadata):
        return None
    if observed.alias_of is not None:
        return _alias(collection)
    message = f"Collection {collection.name} carries the mark of another namespace in its metadata; choose another one"
    return Finding(Reason.COLLECTION_NOT_OWNED, message)


def _alias(collection: Collection) -> Finding:
    message = (
        f"infrastructure.qdrantCollection {collection.name} is an alias; choose the name of a collection, or of one to "
        "be made"
    )
    return Finding(Reason.COLLECTION_IS_ALIAS, message, halts=True)


def _describe(holder: Document, subject: Subject, *, is_near: bool) -> str:
    if isinstance(holder, MalformedDocument):
        what = f"the malformed document {holder.document_id} ({holder.problem})" if is_near else "a malformed document"
        return f"{what}, which must be repaired first"
    life = {
        State.RETAINED: ", retained: its Namespace is gone",
        State.DELETING: ", being deleted",
        State.DELETED: ", deleted moments ago",
    }.get(holder.state, "")
    if holder.owner.organization != subject.key.organization:
        return f"a namespace of another organization{life}"
    return f"{holder.namespace_id} (Namespace {holder.owner.key}{life})"


def _describe_owner(owner: Owner, subject: Subject) -> str:
    """Organizations are told nothing of each other."""
    is_near = owner.organization == subject.key.organization
    return f"Namespace {owner.key}" if is_near else "a Namespace of another organization"
