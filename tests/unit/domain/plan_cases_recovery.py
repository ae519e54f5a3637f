"""The planner's tables of what was lost, in one store or in both; and of finalizers."""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import Adoption
from namespace_operator.domain.observed import Observed
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    OTHER_ID,
    another_document,
    chosen,
    collection,
    document,
    in_collection,
    observed,
    spec,
    status_of,
    subject,
)
from tests.unit.domain.plan_case import DELETES, HAS_TEXT, STATUS_OF_TEXT, WANTS_TEXT, Case, lost, marked

FINALIZERS = (
    Case("added before the first write to a store", subject(DELETES), Observed(), ("AddFinalizer",)),
    Case("then the document", subject(DELETES, finalized=True), Observed(), ("InsertDocument provisioning r1",)),
    Case("added when the policy becomes Delete", subject(DELETES), observed(document()), ("AddFinalizer",)),
    Case("removed when the policy becomes Retain", subject(finalized=True), observed(document()), ("RemoveFinalizer",)),
    Case("settled under Delete", subject(DELETES, finalized=True), observed(document())),
)

ADOPTED = in_collection(document(adoption=Adoption()))

RECOVERY = (
    Case(
        "document lost",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(collection(HAS_TEXT)),
        ("InsertDocument provisioning r1",),
    ),
    Case(
        "document lost, a mark of the first version",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(marked(HAS_TEXT, **{"organization-uid": None})),
        ("InsertDocument provisioning r1",),
    ),
    Case(
        "document of an adopted collection lost: all that is there was there before",
        subject(chosen(), status=status_of(ADOPTED)),
        lost(collection(ADOPTED)),
        (
            "InsertDocument provisioning r1 in products adopting "
            "bucket_id, collection_id, document_id, internal_id, namespace_id",
        ),
    ),
    Case(
        "document lost, and its collection claimed by another",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(
            collection(HAS_TEXT),
            claimed_collection=NAMESPACE_ID,
            collection_holder=in_collection(another_document(), NAMESPACE_ID),
        ),
        reasons=(Reason.COLLECTION_CONFLICT,),
        says=f"Collection {NAMESPACE_ID} is held by {OTHER_ID}",
    ),
    Case(
        "document lost and its name taken",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(collection(HAS_TEXT), name_chain=(another_document(),)),
        reasons=(Reason.NAME_CONFLICT,),
    ),
    Case(
        "both lost",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(None),
        reasons=(Reason.COLLECTION_LOST,),
        says="both stores lost it",
    ),
    Case(
        "both lost of an object with an id in its spec",
        subject(spec(namespaceId=NAMESPACE_ID), status=STATUS_OF_TEXT),
        lost(None),
        reasons=(Reason.COLLECTION_LOST,),
    ),
    *(
        Case(
            f"document lost, the collection {what}",
            subject(WANTS_TEXT, status=STATUS_OF_TEXT),
            lost(live),
            reasons=(Reason.COLLECTION_NOT_OWNED,),
            says=f"MongoDB has no document for {NAMESPACE_ID}, and collection {NAMESPACE_ID} does not carry its mark",
        )
        for what, live in {
            "of another instance": marked(HAS_TEXT, instance="other-cluster:default"),
            "a copy under another name": marked(HAS_TEXT, collection="ns_original00"),
            "of an earlier Kubernetes namespace": marked(HAS_TEXT, **{"organization-uid": "earlier"}),
            "without a mark": replace(collection(HAS_TEXT), metadata={}),
        }.items()
    ),
    Case(
        "document and status lost, one collection carries the object's mark",
        subject(WANTS_TEXT),
        lost(None, marked=(collection(HAS_TEXT),)),
        ("InsertDocument provisioning r1",),
    ),
    Case(
        "document and status lost, two collections carry it",
        subject(WANTS_TEXT),
        lost(None, marked=(collection(HAS_TEXT), collection(document(namespace_id=OTHER_ID, collection=OTHER_ID)))),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
        says=f"more than one collection carries its mark ({NAMESPACE_ID}, {OTHER_ID})",
    ),
)
