"""Making a lost collection again, empty, because somebody with the right to do so said that it is to be given up.

The document counts the makings of its collection (``incarnation``), and the mark says which one it is: what comes back
of the former one, from a snapshot or from a server that had only failed to load it, is told apart.
"""

from __future__ import annotations

from datetime import datetime

from namespace_operator.api.annotations import RECREATE_COLLECTION
from namespace_operator.domain.actions import ReplaceDocument, ReplaceShared
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.document_repair import Recreation, Repairs
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.planning import Plan
from namespace_operator.domain.shared import SharedCollection


def plan_recreation(subject: Subject, document: NamespaceDocument, observed: Observed, now: datetime) -> Plan | None:
    """The first step towards a new collection in place of the lost one; None if that was not asked for.

    Of a shared collection its document comes first, and each member follows.
    """
    repairs = with_recreation_noted(document.repairs, subject, document, lost=True)
    if repairs != document.repairs:
        return Plan((ReplaceDocument(document.changed(now, repairs=repairs)),))
    if not _is_asked(subject, document) or _is_spent(document) or _was_anothers(document):
        return None
    shared = observed.shared
    if document.sharing and shared is not None:
        anew = shared.changed(now, incarnation=shared.incarnation + 1, bound=False, bound_vectors=(), dropping=())
        return Plan((ReplaceShared(anew),))
    anew_document = _anew(document, document.incarnation + 1, Recreation(at=now), now)
    return Plan((ReplaceDocument(anew_document),))


def plan_following(
    document: NamespaceDocument, shared: SharedCollection | None, now: datetime, subject: Subject | None = None
) -> Plan | None:
    """A member's document follows where its shared collection is made again; None if it does already."""
    if shared is None or not shared.is_of(document.owner) or shared.incarnation <= document.incarnation:
        return None
    asked = subject is not None and _is_asked(subject, document)
    recreation = Recreation(at=now) if asked else document.repairs.recreation
    return Plan((ReplaceDocument(_anew(document, shared.incarnation, recreation, now)),))


def with_recreation_noted(repairs: Repairs, subject: Subject, document: NamespaceDocument, *, lost: bool) -> Repairs:
    """What the document says of the annotation: it is spent where nothing is ``lost``.

    Once it is gone or names something else that is forgotten: set again, it asks again.
    """
    known, asked = repairs.recreation, _is_asked(subject, document)
    if asked == (known is not None and known.spent) or (asked and lost):
        return repairs
    return repairs.model_copy(update={"recreation": (known or Recreation()).model_copy(update={"spent": asked})})


def collection_lost(subject: Subject, document: NamespaceDocument) -> Finding:
    """What is to say of a collection that was there, with the ways out."""
    gone = f"Collection {document.collection} was there and Qdrant no longer has it; it is not made again, because that"
    message = f"{gone} would wipe data the server only failed to load: {_way_out(document)}"
    asked = subject.requests.recreate_collection
    if asked is not None and not _was_anothers(document):
        if asked != document.namespace_id:
            message += f"; the annotation {RECREATE_COLLECTION} names {asked}, but this is {document.namespace_id}"
        elif _is_spent(document):
            message += f"; the annotation {RECREATE_COLLECTION} was there before the loss: remove it, then set it again"
    return Finding(Reason.COLLECTION_LOST, message, halts=True)


def _way_out(document: NamespaceDocument) -> str:
    if _was_anothers(document):
        return "choose another collection, or delete this Namespace and apply it again if it went on purpose"
    return (
        "look at the server's log and restore it from a snapshot, or give up what it held with the annotation "
        f"{RECREATE_COLLECTION}: {document.namespace_id}, which makes it again, empty"
    )


def _is_asked(subject: Subject, document: NamespaceDocument) -> bool:
    return subject.requests.recreate_collection == document.namespace_id


def _is_spent(document: NamespaceDocument) -> bool:
    return document.repairs.recreation is not None and document.repairs.recreation.spent


def _was_anothers(document: NamespaceDocument) -> bool:
    """Whether all that was ever seen under the name is somebody else's."""
    return document.occupied and not document.bound


def _anew(
    document: NamespaceDocument, incarnation: int, recreation: Recreation | None, now: datetime
) -> NamespaceDocument:
    """The document as it reads before the collection of this incarnation is made."""
    repairs = document.repairs.in_a_new_collection()
    return document.changed(
        now,
        state=State.PROVISIONING if document.state is State.READY else document.state,
        bound=False,
        bound_vectors=(),
        adoption=None,
        unsupported_indexes=(),
        unsupported_parameters=(),
        vector_inference_map={},
        incarnation=incarnation,
        repairs=repairs.model_copy(update={"recreation": recreation}),
    )
