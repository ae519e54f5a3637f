"""The planner's tables of expiry: the warning, the end, what is left of it, and how it begins anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.status import Condition, NamespaceStatus
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.document_life import Life
from namespace_operator.domain.identity import collection_claim, resource_claim
from namespace_operator.domain.observed import InvalidSpec, Observed, Subject
from tests.unit.domain.builders import (
    INSTANCE,
    KEY,
    NAMESPACE_ID,
    NOW,
    T0,
    claims,
    context,
    document,
    observed,
    owner,
    spec,
    status_of,
    subject,
)
from tests.unit.domain.plan_case import Case

AGE = int((NOW - T0).total_seconds())
"""Seconds that the namespaces of these tables have lived, some days."""

ENDS = NOW
AWAITED = context(awaited=ENDS)


def ago(seconds: float) -> datetime:
    """A moment before now."""
    return NOW - timedelta(seconds=seconds)


def living(expires_at: datetime | None = ENDS, state: State = State.READY, **life: Any) -> NamespaceDocument:
    """A settled document that announces this end."""
    return document(state=state, expires_at=expires_at, life=Life(**life))


def asks(
    ttl: int | None = AGE,
    shows: datetime | None = ENDS,
    uid: str | None = None,
    reason: str | None = None,
    **fields: Any,
) -> Subject:
    """An object with this time to live, whose status shows this end; ``reason`` is what Ready says."""
    wanted: NamespaceSpec = spec(**({"ttlSeconds": ttl} if ttl else {}), **fields)
    known = status_of(document(), expires_at=shows, conditions=_states(reason))
    made = subject(wanted, status=known)
    return replace(made, uid=uid, status=NamespaceStatus()) if uid else made


def _states(reason: str | None) -> tuple[Condition, ...]:
    if reason is None:
        return ()
    # Ready has the first reason of all, and that may be another one.
    kind = {"Paused": "Paused", "ServerReplaced": "CollectionReady"}.get(reason, "Ready")
    return (Condition(type=kind, status="True", reason=reason, message="m", last_transition_time=T0),)


def finalized(who: Subject, *, deleting: bool = False) -> Subject:
    """With our finalizer."""
    return replace(who, finalized=True, deleting=deleting)


def renewing(who: Subject, text: str = "again") -> Subject:
    """With the annotation."""
    return replace(who, requests=replace(who.requests, renew=text))


OVER = living(warned_at=ago(3600), expired_at=ago(0))
LATE = AGE + 86_400
TOMBSTONE = living(state=State.DELETED, expired_at=ago(60)).model_copy(
    update={"claims": (collection_claim(NAMESPACE_ID), resource_claim(INSTANCE, KEY))}
)
AT_REST = TOMBSTONE.model_copy(
    update={
        "claims": (resource_claim(INSTANCE, KEY),),
        "life": Life(renewed="1", expired_at=ago(60), remembered_until=NOW + timedelta(days=30)),
    }
)
RETAINED = living(None, State.RETAINED, expired_at=ago(60)).model_copy(update={"claims": claims(None)})
AGAIN = "cr-uid-9"
FORMER = TOMBSTONE.model_copy(update={"owner": owner(k8s_namespace_uid="earlier")})

WARNINGS = (
    Case(
        "an end is announced",
        asks(LATE, None),
        observed(living(None)),
        ("ReplaceDocument ready r8 expires 11-24T12:00:00",),
    ),
    Case("an end that is announced", asks(LATE), observed(living(NOW + timedelta(days=1)))),
    Case(
        "the warning",
        asks(AGE + 1800, NOW + timedelta(minutes=30)),
        observed(living(NOW + timedelta(minutes=30))),
        ("ReplaceDocument ready r8 expires 11-23T12:30:00 warned_at set",),
    ),
    Case(
        "an end that was taken back",
        asks(None),
        observed(living(warned_at=ago(60))),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "an edit to an end that is past waits for its warning",
        asks(60),
        observed(living(NOW + timedelta(days=1))),
        ("ReplaceDocument ready r8 expires 11-23T13:00:00 warned_at set",),
        context=AWAITED,
    ),
    Case(
        "a renewal without an end",
        renewing(asks(None, None)),
        observed(living(None)),
        ("ReplaceDocument ready r8 renewed set renewed_at set",),
    ),
    Case(
        "a renewal in the last second",
        renewing(asks(86_400)),
        observed(living(NOW, warned_at=ago(3600))),
        ("ReplaceDocument ready r8 expires 11-24T12:00:00 renewed set renewed_at set",),
        context=AWAITED,
    ),
    Case(
        "a renewal that was acted upon",
        renewing(asks(None, None)),
        observed(living(None, renewed="again", renewed_at=ago(60))),
    ),
    Case(
        "a retained one that comes back to an end that is past",
        asks(60, uid=AGAIN),
        observed(living(None, State.RETAINED).model_copy(update={"claims": claims(None)})),
        ("ReplaceDocument provisioning r8 expires 11-23T13:00:00 warned_at set",),
        context=AWAITED,
    ),
)

ENDINGS = (
    Case("not before the others' turn", asks(), observed(living())),
    Case(
        "the document says so first",
        asks(),
        observed(living(warned_at=ago(3600))),
        ("ReplaceDocument ready r8 expires 11-23T12:00:00 warned_at set expired_at set",),
        context=AWAITED,
    ),
    Case("then the finalizer where the data goes", asks(), observed(OVER), ("AddFinalizer",)),
    Case("then the object", finalized(asks()), observed(OVER), ("DeleteResource, data goes",)),
    Case("under Delete", finalized(asks(deletionPolicy="Delete")), observed(OVER), ("DeleteResource, data goes",)),
    Case(
        "under Retain, if it is written", asks(deletionPolicy="Retain"), observed(OVER), ("DeleteResource, data stays",)
    ),
    Case(
        "under Retain no finalizer is left",
        finalized(asks(deletionPolicy="Retain")),
        observed(OVER),
        ("RemoveFinalizer",),
    ),
    Case(
        "then the data",
        finalized(asks(), deleting=True),
        observed(OVER),
        ("ReplaceDocument deleting r8 expires 11-23T12:00:00 warned_at set expired_at set",),
    ),
    Case(
        "the tombstone keeps the name of the resource",
        finalized(asks(), deleting=True),
        observed(
            OVER.model_copy(update={"state": State.DELETING}),
            collection=None,
            delete_sent=True,
            dependents_deleted=True,
        ),
        ("ReplaceDocument deleted r8 expires 11-23T12:00:00 warned_at set expired_at set",),
    ),
    Case(
        "then the finalizer",
        finalized(asks(), deleting=True),
        observed(TOMBSTONE, collection=None),
        ("RemoveFinalizer",),
    ),
    Case(
        "a deletion by hand without a policy retains",
        finalized(asks(), deleting=True),
        observed(living()),
        ("RemoveFinalizer",),
    ),
    Case("the same where the document is lost", finalized(asks(), deleting=True), Observed(), ("RemoveFinalizer",)),
    Case(
        "Retain, written in time, keeps the data",
        finalized(asks(deletionPolicy="Retain"), deleting=True),
        observed(OVER),
        ("RemoveFinalizer",),
    ),
    *(
        Case(
            f"deleted by hand after it was called off by {what}",
            finalized(who, deleting=True),
            observed(OVER),
            ("ReplaceDocument ready r8 expires 11-23T12:00:00 warned_at set",),
        )
        for what, who in (
            ("its removal", asks(None)),
            ("an edit", asks(LATE)),
            ("a renewal", renewing(asks())),
            ("a spec that cannot be read", replace(asks(), spec=InvalidSpec("bad"))),
        )
    ),
    Case("called off by an edit", finalized(asks(LATE)), observed(OVER), ("RemoveFinalizer",)),
    Case("and taken back", asks(LATE), observed(OVER), ("ReplaceDocument ready r8 expires 11-24T12:00:00",)),
    Case(
        "called off by a renewal",
        renewing(asks(86_400)),
        observed(OVER),
        ("ReplaceDocument ready r8 expires 11-24T12:00:00 renewed set renewed_at set",),
    ),
    Case(
        "not without a spec that can be read",
        replace(asks(), spec=InvalidSpec("bad")),
        observed(OVER),
        reasons=(Reason.INVALID_SPEC,),
        context=AWAITED,
    ),
)

_WAITS = ("ReplaceDocument ready r8 expires 11-23T13:00:00 warned_at set",)

HELD_UP = (
    *(
        Case(
            f"what was overdue under {reason} is warned of once more",
            asks(reason=reason),
            observed(living(warned_at=ago(3600))),
            _WAITS,
            context=AWAITED,
        )
        for reason in ("Paused", "InvalidSpec", "InvalidAnnotation", "NotGuarded", "ServerReplaced", "ClusterNotFound")
    ),
    Case(
        "an outage puts nothing off",
        asks(reason="QdrantUnavailable"),
        observed(living(warned_at=ago(3600))),
        ("ReplaceDocument ready r8 expires 11-23T12:00:00 warned_at set expired_at set",),
        context=AWAITED,
    ),
    Case(
        "a document from before a renewal",
        asks(shows=NOW + timedelta(days=9)),
        observed(living(warned_at=ago(3600))),
        _WAITS,
        context=AWAITED,
    ),
    Case(
        "a warning that the document has from a backup, and nobody saw",
        asks(AGE + 120, shows=NOW + timedelta(days=9)),
        observed(living(NOW + timedelta(minutes=2), warned_at=ago(3480))),
        _WAITS,
    ),
    Case(
        "the same beside a spec that wants an end before it",
        asks(60, shows=NOW + timedelta(days=9)),
        observed(living(NOW + timedelta(minutes=2), warned_at=ago(3000))),
        _WAITS,
    ),
    Case(
        "a warning that the status is about to show",
        asks(AGE + 120, shows=NOW + timedelta(days=9)),
        observed(living(NOW + timedelta(minutes=60), warned_at=ago(0))),
    ),
    Case(
        "an object restored without its status",
        asks(uid=AGAIN),
        observed(living(warned_at=ago(3600))),
        _WAITS,
        context=AWAITED,
    ),
)

AFTERWARDS = (
    Case(
        "made again",
        asks(uid=AGAIN),
        observed(TOMBSTONE, collection=None),
        reasons=(Reason.EXPIRED,),
        says="its data was deleted",
    ),
    Case(
        "made again long after",
        asks(uid=AGAIN),
        observed(AT_REST, collection=None),
        reasons=(Reason.EXPIRED,),
        says="mixpeek.com/renew",
    ),
    Case(
        "restored with its status",
        replace(asks(), uid=AGAIN),
        observed(AT_REST, collection=None),
        reasons=(Reason.EXPIRED,),
    ),
    Case(
        "made again over retained data",
        asks(uid=AGAIN, deletionPolicy="Retain"),
        observed(RETAINED),
        reasons=(Reason.EXPIRED,),
        says="its data is retained",
    ),
    Case(
        "made again before the data is retained",
        asks(uid=AGAIN, deletionPolicy="Retain"),
        observed(OVER),
        ("ReplaceDocument retained r8 expired_at set",),
    ),
    Case(
        "under Delete the finalizer is there all the same",
        asks(uid=AGAIN, deletionPolicy="Delete"),
        observed(RETAINED),
        ("AddFinalizer",),
    ),
    Case(
        "and the retained data goes",
        finalized(asks(uid=AGAIN, deletionPolicy="Delete"), deleting=True),
        observed(RETAINED),
        ("ReplaceDocument deleting r8 expired_at set",),
    ),
    Case(
        "what never expired is not inherited by a deletion",
        finalized(asks(uid=AGAIN, deletionPolicy="Delete"), deleting=True),
        observed(living(None, State.RETAINED)),
        ("RemoveFinalizer",),
    ),
    Case("one made again without a policy just goes", asks(uid=AGAIN), observed(RETAINED), reasons=(Reason.EXPIRED,)),
    Case(
        "a spent renewal", renewing(asks(uid=AGAIN), "1"), observed(AT_REST, collection=None), reasons=(Reason.EXPIRED,)
    ),
    Case(
        "a renewal frees the name",
        renewing(asks(uid=AGAIN), "2"),
        observed(AT_REST, collection=None),
        ("ReplaceDocument deleted r8 expires 11-23T12:00:00 renewed set expired_at set",),
    ),
    Case(
        "and a new namespace is made, which remembers it",
        renewing(asks(86_400, uid=AGAIN), "2"),
        observed(AT_REST.model_copy(update={"claims": ()}), collection=None),
        ("InsertDocument provisioning r1 expires 11-24T12:00:00 renewed set",),
    ),
    Case(
        "a renewal of retained data",
        renewing(asks(86_400, uid=AGAIN), "2"),
        observed(RETAINED),
        ("ReplaceDocument provisioning r8 expires 11-24T12:00:00 renewed set renewed_at set",),
    ),
    Case(
        "a Kubernetes namespace made again inherits no end",
        asks(uid=AGAIN),
        observed(FORMER, collection=None),
        ("ReplaceDocument deleted r8 expires 11-23T12:00:00 expired_at set",),
    ),
)
