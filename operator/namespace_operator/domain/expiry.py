"""Planning an expiry: the end of a namespace's time, what is left of it, and how it begins anew.

The document says ``expired_at`` first. Then the custom resource is deleted, with our finalizer on it where the data
goes too, and the ordinary deletion does the rest. What is left, a tombstone or a retained document, keeps the claim on
the resource's name: one that is applied again finds it there and waits for a renewal.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from namespace_operator.api.annotations import RENEW
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.domain.actions import AddFinalizer, DeleteResource, RemoveFinalizer, ReplaceDocument
from namespace_operator.domain.conditions import ConditionType, Finding, Reason
from namespace_operator.domain.deletion import plan_retained
from namespace_operator.domain.document import NamespaceDocument, Owner, State
from namespace_operator.domain.document_life import Life
from namespace_operator.domain.observed import Observed, Subject
from namespace_operator.domain.ownership import attaches
from namespace_operator.domain.planning import Context, Plan
from namespace_operator.domain.term import is_renewed, known_term, new_term, term

_HELD_UP = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.INVALID_ANNOTATION,
        Reason.NOT_GUARDED,
        Reason.MALFORMED_DOCUMENT,
        Reason.IDENTITY_CONFLICT,
        Reason.CLUSTER_NOT_FOUND,
        Reason.CLUSTER_NOT_ALLOWED,
        Reason.TIER_NOT_SERVED,
        Reason.VERSION_UNSUPPORTED,
        Reason.SERVER_REPLACED,
    }
)
"""Reasons under which nothing ends and of no end is warned, until somebody puts it right.

What was overdue meanwhile is warned of once more. Each of them has to keep every end from coming, or none would ever
come. A dry run is none of them: it shows the expiry that comes with its end.
"""


def new_life(subject: Subject, spec: NamespaceSpec, now: datetime) -> dict[str, Any]:
    """The fields of the time of a namespace that is made now. A renewal that is asked for already is spent."""
    return {"expires_at": new_term(now, spec.ttl_seconds).expires_at, "life": Life(renewed=subject.requests.renew)}


def life_as_announced(
    subject: Subject, spec: NamespaceSpec, document: NamespaceDocument, now: datetime
) -> dict[str, Any]:
    """The fields of the time of a living namespace, as the document is to announce them."""
    life = document.life.changed(expired_at=None)
    if is_renewed(subject, document):
        life = life.changed(renewed=subject.requests.renew, renewed_at=now, warned_at=None)
    before = document if life is document.life else document.model_copy(update={"life": life})
    after = term(before, spec.ttl_seconds, now, shown=_is_shown(subject, document))
    return {"expires_at": after.expires_at, "life": life.changed(warned_at=after.warned_at)}


def plan_expiry(
    subject: Subject, spec: NamespaceSpec, document: NamespaceDocument | None, owner: Owner, context: Context
) -> Plan | None:
    """The next step of a namespace whose time is over; None while it lives on, or while it is the turn of others."""
    if document is None or document.owner != owner or not is_over(subject, spec, document, context.now):
        return None
    if document.life.expired_at is None:
        if context.awaited != document.expires_at:
            return None
        life = document.life.model_copy(update={"expired_at": context.now})
        return Plan((ReplaceDocument(document.changed(context.now, life=life)),))
    assert document.expires_at is not None
    keeps_data = spec.deletion_policy is DeletionPolicy.RETAIN
    if subject.finalized == keeps_data:
        return Plan((RemoveFinalizer() if keeps_data else AddFinalizer(),))
    return Plan((DeleteResource(document.namespace_id, document.expires_at, keeps_data),))


def is_over(subject: Subject, spec: NamespaceSpec, document: NamespaceDocument, now: datetime) -> bool:
    """Whether the announced end has come, is still what the spec asks for, and was there to be seen in the status."""
    known, shown = known_term(document), _is_shown(subject, document)
    if known.expires_at is None or now < known.expires_at or not shown or is_renewed(subject, document):
        return False
    return term(document, spec.ttl_seconds, now, shown=shown) == known


def _is_shown(subject: Subject, document: NamespaceDocument) -> bool:
    """Whether the status has told of the announced end all along, and nobody had the operator look away meanwhile."""
    told = subject.status.conditions
    held_up = any(condition.type == ConditionType.PAUSED or condition.reason in _HELD_UP for condition in told)
    return subject.status.expires_at == document.expires_at and not held_up


def told_end(subject: Subject, document: NamespaceDocument, now: datetime) -> datetime | None:
    """The end that the status shows of a namespace: the document's, unless another one has to be announced first.

    A document from a backup may be read while something else keeps the plan from correcting it.
    """
    if not isinstance(subject.spec, NamespaceSpec):
        return subject.status.expires_at
    announced = life_as_announced(subject, subject.spec, document, now)["expires_at"]
    return document.expires_at if announced == document.expires_at else subject.status.expires_at


def plan_after_expiry(subject: Subject, observed: Observed, owner: Owner, context: Context) -> Plan | None:
    """What to do for an object that was made again after its namespace expired; None if there was no expiry."""
    document = observed.document
    if not isinstance(document, NamespaceDocument) or not is_left_of_expiry(document):
        return None
    if document.state is not State.DELETED and (document.owner == owner or not attaches(document, subject, owner)):
        return None
    if document.state is State.DELETED and not document.owner.is_but_for_its_uid(owner):
        # A Kubernetes namespace that was made again inherits nothing, and no end either.
        return Plan((ReplaceDocument(without_memory(document, context.now)),))
    if is_renewed(subject, document):
        is_tombstone = document.state is State.DELETED
        return Plan((ReplaceDocument(without_memory(document, context.now)),)) if is_tombstone else None
    retained = plan_retained(document, context.now)
    if retained:
        return Plan(tuple(ReplaceDocument(changed) for changed in retained))
    wants_finalizer = subject.deletion_policy is DeletionPolicy.DELETE
    if wants_finalizer != subject.finalized:
        return Plan((AddFinalizer() if wants_finalizer else RemoveFinalizer(),))
    return Plan((), (_expired(document),))


def is_left_of_expiry(document: NamespaceDocument) -> bool:
    """Whether an end came, and a resource of its name finds what is left of the namespace."""
    return document.life.expired_at is not None and document.resource_claim in document.claims


def laid_to_rest(document: NamespaceDocument, memory: timedelta, now: datetime) -> NamespaceDocument:
    """The tombstone of an expired namespace once nothing else is left of it than that it was."""
    until = (document.life.expired_at or now) + memory
    life = document.life.model_copy(update={"remembered_until": until})
    return document.changed(now, claims=(document.resource_claim,), life=life)


def without_memory(document: NamespaceDocument, now: datetime) -> NamespaceDocument:
    """The tombstone of an expired namespace as any other one: the name of its resource is free."""
    claims = tuple(claim for claim in document.claims if claim != document.resource_claim)
    return document.changed(now, claims=claims, life=document.life.model_copy(update={"remembered_until": None}))


def _expired(document: NamespaceDocument) -> Finding:
    assert document.life.expired_at is not None
    data = "its data was deleted" if document.state is State.DELETED else "its data is retained"
    message = (
        f"{document.namespace_id} expired at {document.life.expired_at:%Y-%m-%dT%H:%M:%SZ}, {data}, and this Namespace "
        f"does not bring it back by itself; delete it, or begin a new life with the annotation {RENEW}: '<a new text>'"
    )
    return Finding(Reason.EXPIRED, message, halts=True)
