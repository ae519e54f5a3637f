"""The planner's tables of the end: who is let go, in which order things go, and what a deletion stops at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from namespace_operator.api.annotations import Adoption as AdoptionRequest
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import Adoption, MalformedDocument, NamespaceDocument, State
from namespace_operator.domain.identity import collection_claim
from namespace_operator.domain.observed import Collection, InvalidSpec, Observed, Subject
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    claims,
    collection,
    context,
    document,
    in_collection,
    observed,
    owner,
    registered,
    spec,
    status_of,
    subject,
)
from tests.unit.domain.plan_case import Case, marked
from tests.unit.domain.plan_cases_collections import FOREIGN_MARKS
from tests.world.sites import answering

READY = document([registered("text_extractor_v1")])
DELETING = READY.model_copy(update={"state": State.DELETING})
RETAINED = READY.model_copy(update={"state": State.RETAINED, "claims": claims(None)})
DELETED = READY.model_copy(update={"state": State.DELETED, "claims": (collection_claim(NAMESPACE_ID),)})
CHOSEN = in_collection(DELETING)
ADOPTED = CHOSEN.model_copy(update={"adoption": Adoption()})
NEVER_BOUND = {"bound": False, "bound_vectors": ()}

DELETE = subject(spec(deletionPolicy="Delete"), deleting=True, finalized=True)
RETAIN = subject(deleting=True, finalized=True)
KNOWN = replace(DELETE, status=status_of(READY))

BEFORE = DELETING.model_copy(update={"owner": owner(instance_id="other")})
HALF = DELETING.model_copy(update={"previous_owner": BEFORE.owner})
"""Taken over; the collection may still carry the mark of before."""

UNMARKED: dict[str, Any] = {"metadata": {"team": "search"}}
REPLACED = answering("server-1", None)
UNGUARDED = context(guarded=False)
DEPENDENTS = context(dependents=("buckets", "objects"))
ALL_GONE: dict[str, Any] = {"delete_sent": True, "dependents_deleted": True}


def asks(by: Subject = DELETE, **requests: Any) -> Subject:
    """The object, with annotations."""
    return replace(by, requests=replace(by.requests, **requests))


def live(of: NamespaceDocument, **changes: Any) -> Collection:
    """Its collection, with changes."""
    return replace(collection(of), **changes)


LETTING_GO = (
    Case("nothing to do without our finalizer", subject(deleting=True), observed(READY)),
    Case("Retain", RETAIN, observed(READY), ("RemoveFinalizer",)),
    Case("Retain, without a look at any store", RETAIN, Observed(), ("RemoveFinalizer",)),
    Case("Retain calls off what Delete began", RETAIN, observed(DELETING), ("RemoveFinalizer",)),
    Case(
        "Retain beside a malformed document",
        RETAIN,
        Observed(document=MalformedDocument("x", "bad")),
        ("RemoveFinalizer",),
    ),
    Case("Retain on a replaced server", RETAIN, observed(READY, place=REPLACED), ("RemoveFinalizer",)),
    Case("Retain of an invalid spec", replace(DELETE, spec=InvalidSpec("bad")), observed(READY), ("RemoveFinalizer",)),
    Case("Retain beside a bad annotation", asks(RETAIN, problems=("bad",)), observed(READY), ("RemoveFinalizer",)),
    Case(
        "Retain beside a guarded annotation that nobody checks",
        asks(RETAIN, adopt=AdoptionRequest.KEEP, force_release=True),
        observed(READY),
        ("RemoveFinalizer",),
        context=UNGUARDED,
    ),
    Case("force-release, without a look at any store", asks(force_release=True), Observed(), ("RemoveFinalizer",)),
    Case(
        "force-release in the middle of a deletion", asks(force_release=True), observed(DELETING), ("RemoveFinalizer",)
    ),
)

DELETIONS = (
    Case("Delete writes its intent first", DELETE, observed(READY), ("ReplaceDocument deleting r8",)),
    Case("then the collection goes", DELETE, observed(DELETING), (f"DeleteCollection {NAMESPACE_ID}",)),
    Case(
        "then how its filters were used",
        DELETE,
        observed(DELETING, collection=None, delete_sent=True),
        (f"DeleteDependents {NAMESPACE_ID} in filter_usage",),
    ),
    Case(
        "then the document becomes a tombstone",
        DELETE,
        observed(DELETING, collection=None, **ALL_GONE),
        ("ReplaceDocument deleted r8",),
    ),
    Case("then the finalizer goes", KNOWN, observed(DELETED, collection=None), ("RemoveFinalizer",)),
    Case(
        "what belongs to the namespace elsewhere goes before the tombstone",
        DELETE,
        observed(DELETING, collection=None, delete_sent=True),
        (f"DeleteDependents {NAMESPACE_ID} in buckets, objects, filter_usage",),
        context=DEPENDENTS,
    ),
    Case(
        "and after the collection",
        DELETE,
        observed(DELETING),
        (f"DeleteCollection {NAMESPACE_ID}",),
        context=DEPENDENTS,
    ),
    Case(
        "not what belongs to an id that was never bound: it may be somebody else's",
        DELETE,
        observed(DELETING.model_copy(update=NEVER_BOUND), collection=None, delete_sent=True),
        ("ReplaceDocument deleted r8",),
        context=DEPENDENTS,
    ),
    Case(
        "and once",
        DELETE,
        observed(DELETING, collection=None, **ALL_GONE),
        ("ReplaceDocument deleted r8",),
        context=DEPENDENTS,
    ),
    Case("never had a document", DELETE, Observed(), ("RemoveFinalizer",)),
    Case("the document is gone", KNOWN, Observed(), ("RemoveFinalizer",)),
    Case(
        "provisioning is deleted too",
        DELETE,
        observed(READY.model_copy(update={"state": State.PROVISIONING, "bound": False}), collection=None),
        ("ReplaceDocument deleting r8",),
    ),
    Case(
        "an invalid spec still has its policy",
        replace(DELETE, spec=InvalidSpec("bad", DELETE.deletion_policy)),
        observed(READY),
        ("ReplaceDocument deleting r8",),
    ),
    Case(
        "guarded fields of the spec are not acted upon any more",
        replace(DELETE, spec=spec(deletionPolicy="Delete", namespaceId=NAMESPACE_ID, scope="system")),
        observed(READY),
        ("ReplaceDocument deleting r8",),
        context=UNGUARDED,
    ),
    *(
        Case(
            f"document of another: {what}",
            DELETE,
            observed(READY.model_copy(update={"owner": owner(**{what: "another"})})),
            ("RemoveFinalizer",),
        )
        for what in ("cr_uid", "cr_name", "organization", "k8s_namespace_uid", "instance_id")
    ),
    Case(
        "another object's deletion is not carried on",
        DELETE,
        observed(DELETING.model_copy(update={"owner": owner(cr_uid="an-earlier-object")})),
        ("RemoveFinalizer",),
    ),
    Case(
        "a document that was lost is written first, so that there is an intent",
        KNOWN,
        Observed(collection=collection(READY)),
        ("InsertDocument deleting r1",),
    ),
    Case(
        "document lost, collection not ours", KNOWN, Observed(collection=live(READY, **UNMARKED)), ("RemoveFinalizer",)
    ),
    Case(
        "no document, and the spec's id alone is no proof of data",
        replace(DELETE, spec=spec(deletionPolicy="Delete", namespaceId=NAMESPACE_ID)),
        Observed(collection=collection(READY)),
        ("RemoveFinalizer",),
    ),
)

COLLECTIONS = (
    Case(
        "named by the id and not listed: it may only have failed to load, so one DELETE is sent",
        DELETE,
        observed(DELETING, collection=None),
        (f"DeleteCollection {NAMESPACE_ID}, not listed",),
    ),
    Case(
        "named by the id, never made: a request in flight may have made it",
        DELETE,
        observed(DELETING.model_copy(update=NEVER_BOUND), collection=None),
        (f"DeleteCollection {NAMESPACE_ID}, not listed",),
    ),
    Case(
        "of a chosen name and not listed: the name may be another's by now",
        DELETE,
        observed(CHOSEN, collection=None),
        (f"DeleteDependents {NAMESPACE_ID} in filter_usage",),
    ),
    Case("of a chosen name", DELETE, observed(CHOSEN), ("DeleteCollection products",)),
    Case(
        "with a mark of the first version",
        DELETE,
        observed(DELETING, marked(DELETING, **{"organization-uid": None})),
        (f"DeleteCollection {NAMESPACE_ID}",),
    ),
    Case(
        "never bound, but marked as ours",
        DELETE,
        observed(CHOSEN.model_copy(update=NEVER_BOUND), collection(CHOSEN)),
        ("DeleteCollection products",),
    ),
    Case(
        "half taken over: the mark is made ours first",
        DELETE,
        observed(HALF, collection(BEFORE)),
        (f"MarkCollection {NAMESPACE_ID} for cluster-uid:default/acme/films, was other/acme/films",),
    ),
    Case(
        "half taken over from who had not confirmed it yet",
        DELETE,
        observed(HALF.model_copy(update=NEVER_BOUND), collection(BEFORE)),
        (f"MarkCollection {NAMESPACE_ID} for cluster-uid:default/acme/films, was other/acme/films",),
    ),
    Case("taken over, and marked", DELETE, observed(HALF), (f"DeleteCollection {NAMESPACE_ID}",)),
    *(
        Case(
            f"never bound, of somebody else: {what}",
            DELETE,
            observed(CHOSEN.model_copy(update=NEVER_BOUND), there),
            ("ReplaceDocument deleted r8 in products",),
        )
        for what, there in {
            "unmarked": live(CHOSEN, **UNMARKED),
            "another operator's": marked(CHOSEN, instance="other"),
        }.items()
    ),
)

ADOPTIONS = (
    Case("stays, without our mark", DELETE, observed(ADOPTED), ("UnmarkCollection products",)),
    Case(
        "stays, when it was asked to be kept",
        asks(adopt=AdoptionRequest.KEEP),
        observed(ADOPTED),
        ("UnmarkCollection products",),
    ),
    Case(
        "stays, aliases or not",
        DELETE,
        observed(ADOPTED, aliases=("live",)),
        ("UnmarkCollection products",),
    ),
    Case(
        "goes if that was allowed",
        asks(adopt=AdoptionRequest.WITH_DELETE),
        observed(ADOPTED),
        ("DeleteCollection products",),
    ),
    Case(
        "stays if that was asked, but nobody checks who did",
        asks(adopt=AdoptionRequest.WITH_DELETE),
        observed(ADOPTED),
        ("UnmarkCollection products",),
        context=UNGUARDED,
    ),
    Case(
        "then the document becomes a tombstone",
        DELETE,
        observed(ADOPTED, live(ADOPTED, **UNMARKED), dependents_deleted=True),
        ("ReplaceDocument deleted r8 in products adopting nothing",),
    ),
    Case(
        "gone by itself",
        DELETE,
        observed(ADOPTED, collection=None, dependents_deleted=True),
        ("ReplaceDocument deleted r8 in products adopting nothing",),
    ),
)

BLOCKED = (
    Case(
        "collection without our mark",
        DELETE,
        observed(DELETING, live(DELETING, **UNMARKED)),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
        says=f"Collection {NAMESPACE_ID} lacks the mark of {NAMESPACE_ID}; put it back",
    ),
    *(
        Case(
            f"collection with another mark: {what}",
            DELETE,
            observed(DELETING, marked(DELETING, **changes)),
            reasons=(Reason.COLLECTION_NOT_OWNED,),
        )
        for what, changes in FOREIGN_MARKS.items()
    ),
    Case(
        "adopted, and another operator's by now",
        DELETE,
        observed(ADOPTED, marked(ADOPTED, instance="other")),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "collection with aliases",
        DELETE,
        observed(DELETING, aliases=("live", "old")),
        reasons=(Reason.ALIASES_EXIST,),
        says="has aliases (live, old); remove them",
    ),
    Case(
        "adopted, to be deleted, with aliases",
        asks(adopt=AdoptionRequest.WITH_DELETE),
        observed(ADOPTED, aliases=("live",)),
        reasons=(Reason.ALIASES_EXIST,),
    ),
    *(
        Case(
            f"an alias, of {what}",
            DELETE,
            observed(of, alias_of="elsewhere"),
            reasons=(Reason.COLLECTION_IS_ALIAS,),
            says=f"{of.collection} is an alias of elsewhere, which a deletion does not follow; remove it",
        )
        for what, of in {"ours": DELETING, "what was adopted": ADOPTED, "what is half taken over": HALF}.items()
    ),
    Case(
        "Qdrant took the request and still has the collection",
        DELETE,
        observed(DELETING, delete_sent=True),
        reasons=(Reason.QDRANT_REJECTED,),
        says=f"Qdrant took the request to delete {NAMESPACE_ID} and still has it; see the server's log",
    ),
    Case(
        "malformed document",
        DELETE,
        Observed(document=MalformedDocument("x", "bad")),
        reasons=(Reason.MALFORMED_DOCUMENT,),
        says="Document x in MongoDB is malformed (bad); repair or remove it",
    ),
    *(
        Case(
            f"server replaced, document {of.state}",
            DELETE,
            observed(of, collection=None, place=REPLACED),
            reasons=(Reason.SERVER_REPLACED,),
            says=f"The Qdrant server is not server-1, on which {NAMESPACE_ID} lives; restore it",
        )
        for of in (READY, DELETING)
    ),
)

UNCLEAR = (
    Case(
        "a bad annotation under Delete",
        asks(problems=("metadata.annotations[mixpeek.com/adopt] is 'yes'",)),
        observed(DELETING),
        reasons=(Reason.INVALID_ANNOTATION,),
    ),
    Case(
        "force-release that nobody checks",
        asks(force_release=True),
        observed(DELETING),
        reasons=(Reason.NOT_GUARDED,),
        says="the annotation mixpeek.com/force-release is for people with a verb of their own",
        context=UNGUARDED,
    ),
)
