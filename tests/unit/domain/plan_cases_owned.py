"""The planner's tables of whose a document is: attached, named, taken over, guarded."""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.api.annotations import Adoption as AdoptionRequest
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import MalformedDocument, State
from namespace_operator.domain.observed import InvalidSpec, Observed
from tests.unit.domain.builders import (
    INSTANCE,
    NAMESPACE_ID,
    ORGANIZATION,
    OTHER_ID,
    UID,
    another_document,
    chosen,
    claims,
    collection,
    context,
    document,
    in_collection,
    observed,
    owner,
    spec,
    status_of,
    subject,
)
from tests.unit.domain.plan_case import HAS_TEXT, STATUS_OF_TEXT, WANTS_TEXT, Case, lost, marked

ELSEWHERE = owner(instance_id="other-cluster:default")
FORMER = owner(k8s_namespace_uid="earlier", cr_uid="cr-uid-0")
SIBLING = owner(cr_name="movies", cr_uid="cr-uid-0")

OF_ANOTHER_INSTANCE = HAS_TEXT.model_copy(update={"owner": ELSEWHERE})
OF_FORMER = HAS_TEXT.model_copy(update={"owner": FORMER})
OF_SIBLING = HAS_TEXT.model_copy(update={"owner": SIBLING})

RETAINED = {"state": State.RETAINED, "claims": claims(None)}
NAMES_ID = spec(
    featureExtractors=[{"featureExtractorName": "text_extractor", "version": "v1"}], namespaceId=NAMESPACE_ID
)

DOCUMENTS = (
    Case(
        "of an earlier Kubernetes namespace: it is retained first, nobody else would",
        subject(WANTS_TEXT),
        observed(OF_FORMER),
        ("ReplaceDocument retained r8",),
    ),
    Case(
        "of an earlier Kubernetes namespace, retained",
        subject(WANTS_TEXT),
        observed(OF_FORMER.model_copy(update=RETAINED)),
        reasons=(Reason.OWNED_ELSEWHERE,),
        says="belongs to Namespace acme/films of an earlier Kubernetes namespace (uid earlier)",
    ),
    Case(
        "of another instance",
        subject(WANTS_TEXT),
        observed(OF_ANOTHER_INSTANCE),
        reasons=(Reason.OWNED_ELSEWHERE,),
        says=f"take it over with the annotation mixpeek.com/take-over: {NAMESPACE_ID}",
    ),
    Case(
        "of another instance and an earlier Kubernetes namespace",
        subject(WANTS_TEXT),
        observed(HAS_TEXT.model_copy(update={"owner": owner(instance_id="other", k8s_namespace_uid="earlier")})),
        reasons=(Reason.OWNED_ELSEWHERE,),
        says="of another operator (instance other)",
    ),
    Case(
        "of another organization, of which nothing is told",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        observed(HAS_TEXT.model_copy(update={"owner": owner(organization="rivals", cr_name="secret")})),
        reasons=(Reason.OWNED_ELSEWHERE,),
        says=f"{NAMESPACE_ID} belongs to a Namespace of another organization; use another",
    ),
    Case(
        "of another id than status names",
        subject(WANTS_TEXT, status=status_of(HAS_TEXT, namespace_id=OTHER_ID)),
        observed(HAS_TEXT),
        reasons=(Reason.IDENTITY_CONFLICT,),
        says=f"Status says that this Namespace is {OTHER_ID}, the document in MongoDB that it is {NAMESPACE_ID}",
    ),
    Case(
        "of another id than status names, to be taken over",
        subject(WANTS_TEXT, status=status_of(HAS_TEXT, namespace_id=OTHER_ID), take_over=NAMESPACE_ID),
        observed(OF_ANOTHER_INSTANCE),
        reasons=(Reason.IDENTITY_CONFLICT,),
    ),
    Case(
        "of another Namespace, which the status names",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        observed(OF_SIBLING),
        reasons=(Reason.OWNED_ELSEWHERE,),
        says=f"{NAMESPACE_ID} belongs to Namespace acme/movies; use another metadata.name",
    ),
    Case(
        "of another Namespace that is gone, which only the status names",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        observed(OF_SIBLING.model_copy(update=RETAINED)),
        reasons=(Reason.OWNED_ELSEWHERE,),
    ),
    Case(
        "of a former object of the same name",
        subject(WANTS_TEXT, uid="cr-uid-new"),
        observed(HAS_TEXT.model_copy(update=RETAINED)),
        ("ReplaceDocument provisioning r8",),
    ),
    Case(
        "of a former object of the same name, which nobody has retained yet",
        subject(WANTS_TEXT, uid="cr-uid-new"),
        observed(HAS_TEXT),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "malformed",
        subject(WANTS_TEXT),
        Observed(document=MalformedDocument(NAMESPACE_ID, "owner: Field required")),
        reasons=(Reason.MALFORMED_DOCUMENT,),
        says=f"Document {NAMESPACE_ID} in MongoDB is not a namespace document (owner: Field required)",
    ),
    Case(
        "of an object whose spec is invalid",
        subject(InvalidSpec("spec.payloadIndexes[0].type: Input should be 'keyword'")),
        observed(document()),
        reasons=(Reason.INVALID_SPEC,),
        says="spec.payloadIndexes[0].type",
    ),
)

IDS = (
    Case("an id whose data is still to come", subject(NAMES_ID), Observed(), ("InsertDocument provisioning r1",)),
    Case(
        "an id whose retained document is another CR's",
        subject(NAMES_ID),
        observed(OF_SIBLING.model_copy(update=RETAINED)),
        ("ReplaceDocument provisioning r8 taken from cluster-uid:default/acme/movies",),
    ),
    Case(
        "an id whose document belongs to a living sibling",
        subject(NAMES_ID),
        observed(OF_SIBLING),
        reasons=(Reason.OWNED_ELSEWHERE,),
    ),
    Case(
        "an id of another instance",
        subject(NAMES_ID),
        observed(OF_ANOTHER_INSTANCE.model_copy(update=RETAINED)),
        reasons=(Reason.OWNED_ELSEWHERE,),
    ),
    Case(
        "an id of an earlier Kubernetes namespace",
        subject(NAMES_ID),
        observed(OF_FORMER.model_copy(update=RETAINED)),
        reasons=(Reason.OWNED_ELSEWHERE,),
    ),
    Case(
        "an id whose collection is marked as ours",
        subject(NAMES_ID),
        lost(collection(HAS_TEXT)),
        ("InsertDocument provisioning r1",),
    ),
    Case(
        "an id whose collection is another's",
        subject(NAMES_ID),
        lost(marked(HAS_TEXT, instance="other-cluster:default")),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "an id with a chosen collection that somebody else made is for the adoption to decide",
        subject(chosen(namespaceId=NAMESPACE_ID)),
        lost(replace(collection(in_collection(document())), metadata={"team": "search"})),
        ("InsertDocument provisioning r1 in products",),
    ),
    Case(
        "an id that the object never had",
        subject(spec(namespaceId=OTHER_ID)),
        observed(document()),
        reasons=(Reason.IMMUTABLE_FIELD,),
        says=f"spec.namespaceId is {OTHER_ID}, but {NAMESPACE_ID} was made with {NAMESPACE_ID}",
    ),
)

TAKEN = HAS_TEXT.model_copy(update={"previous_owner": ELSEWHERE})
"""Announced as ours; the collection still carries the mark of before."""
BEFORE = collection(OF_ANOTHER_INSTANCE)
TAKES_OVER = subject(WANTS_TEXT, take_over=NAMESPACE_ID)

TAKE_OVER = (
    *(
        Case(
            f"of {what}: it is announced first",
            TAKES_OVER,
            observed(of),
            (f"ReplaceDocument {of.state.replace('retained', 'provisioning')} r8 taken from {whose}",),
        )
        for what, of, whose in (
            ("another instance", OF_ANOTHER_INSTANCE, "other-cluster:default/acme/films"),
            (
                "an earlier Kubernetes namespace",
                OF_FORMER.model_copy(update=RETAINED),
                "cluster-uid:default/acme/films",
            ),
            ("a sibling", OF_SIBLING, "cluster-uid:default/acme/movies"),
        )
    ),
    Case(
        "then the mark is written over that of before",
        TAKES_OVER,
        observed(TAKEN, BEFORE),
        (f"MarkCollection {NAMESPACE_ID} for {INSTANCE}/{ORGANIZATION}/films, was other-cluster:default/acme/films",),
    ),
    Case(
        "then it is confirmed",
        TAKES_OVER,
        observed(TAKEN, collection(HAS_TEXT)),
        ("ReplaceDocument ready r8",),
    ),
    Case("then it is settled", TAKES_OVER, observed(HAS_TEXT)),
    Case(
        "it goes on without the annotation",
        subject(WANTS_TEXT),
        observed(TAKEN, BEFORE),
        (f"MarkCollection {NAMESPACE_ID} for {INSTANCE}/{ORGANIZATION}/films, was other-cluster:default/acme/films",),
    ),
    Case(
        "a mark of the first version is one of before too",
        TAKES_OVER,
        observed(TAKEN, marked(OF_ANOTHER_INSTANCE, **{"organization-uid": None})),
        (f"MarkCollection {NAMESPACE_ID} for {INSTANCE}/{ORGANIZATION}/films, was other-cluster:default/acme/films",),
    ),
    *(
        Case(
            f"a collection that {what} is not marked",
            TAKES_OVER,
            observed(TAKEN, live),
            reasons=(Reason.COLLECTION_NOT_OWNED,),
        )
        for what, live in {
            "belongs to a third": marked(HAS_TEXT, instance="third-cluster:default"),
            "carries no mark": replace(BEFORE, metadata={}),
        }.items()
    ),
    Case(
        "taken over again before it was done, the mark of the first is the one to replace",
        TAKES_OVER,
        observed(OF_SIBLING.model_copy(update={"previous_owner": ELSEWHERE})),
        ("ReplaceDocument ready r8 taken from other-cluster:default/acme/films",),
    ),
    Case(
        "who was taken over from asks in vain: the request was granted once",
        TAKES_OVER,
        observed(OF_SIBLING.model_copy(update={"former_uids": (UID,)})),
        reasons=(Reason.OWNED_ELSEWHERE,),
        says="it was taken over from this object since; delete and apply this Namespace again to take it back",
    ),
    Case(
        "who is made again may ask again",
        replace(TAKES_OVER, uid="cr-uid-new"),
        observed(OF_SIBLING.model_copy(update={"former_uids": (UID,)})),
        ("ReplaceDocument ready r8 taken from cluster-uid:default/acme/movies",),
    ),
    Case(
        "of another id while the document of the own one is lost",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT, take_over=OTHER_ID),
        lost(collection(HAS_TEXT)),
        ("InsertDocument provisioning r1",),
    ),
    Case(
        "of a retained one whose name was taken meanwhile",
        TAKES_OVER,
        observed(OF_FORMER.model_copy(update=RETAINED), name_chain=(another_document(namespace_name="films"),)),
        reasons=(Reason.NAME_CONFLICT,),
    ),
    Case(
        "of an id that nobody knows",
        subject(WANTS_TEXT, take_over="ns_unknown000"),
        Observed(),
        reasons=(Reason.TAKE_OVER_REFUSED,),
        says="mixpeek.com/take-over names ns_unknown000, but MongoDB has no document of it",
    ),
    Case(
        "of another id than the object has: the rest goes on",
        subject(WANTS_TEXT, take_over=OTHER_ID),
        observed(HAS_TEXT),
        reasons=(Reason.TAKE_OVER_REFUSED,),
        says=f"names {OTHER_ID}, but this Namespace already has {NAMESPACE_ID}; remove it",
    ),
    Case(
        "of another id while a foreign document is in the way",
        subject(WANTS_TEXT, take_over=OTHER_ID),
        observed(OF_ANOTHER_INSTANCE),
        reasons=(Reason.OWNED_ELSEWHERE,),
    ),
)

UNGUARDED = context(guarded=False)
SYSTEM = {"scope": "system"}

GUARDS = (
    *(
        Case(
            f"{what} is not acted upon",
            asks,
            seen,
            reasons=(Reason.NOT_GUARDED,),
            says=says,
            context=UNGUARDED,
        )
        for what, asks, seen, says in (
            ("adopt", subject(chosen(), adopt=AdoptionRequest.KEEP), Observed(), "the annotation mixpeek.com/adopt is"),
            ("take-over", TAKES_OVER, observed(OF_ANOTHER_INSTANCE), "the annotation mixpeek.com/take-over is"),
            ("force-release", subject(force_release=True), Observed(), "the annotation mixpeek.com/force-release is"),
            ("namespaceId", subject(NAMES_ID), Observed(), "spec.namespaceId (verb set-id) is"),
            ("scope system", subject(spec(**SYSTEM)), Observed(), "spec.scope: system (verb manage-system) is"),
        )
    ),
    Case(
        "all that is asked is named",
        subject(spec(namespaceId=NAMESPACE_ID, **SYSTEM), take_over=NAMESPACE_ID),
        Observed(),
        reasons=(Reason.NOT_GUARDED,),
        says="the annotation mixpeek.com/take-over, spec.namespaceId (verb set-id), spec.scope: system",
        context=UNGUARDED,
    ),
    Case("what needs no verb is done", subject(WANTS_TEXT), observed(HAS_TEXT), context=UNGUARDED),
    Case(
        "a value that is not understood",
        subject(WANTS_TEXT, problems=("metadata.annotations[mixpeek.com/paused] is 'yes'",)),
        observed(document()),
        reasons=(Reason.INVALID_ANNOTATION,),
        says="metadata.annotations[mixpeek.com/paused] is 'yes'",
    ),
    Case(
        "a value that is not understood comes before an invalid spec",
        subject(InvalidSpec("bad"), problems=("one", "two")),
        observed(document()),
        reasons=(Reason.INVALID_ANNOTATION,),
        says="one; two",
    ),
)
