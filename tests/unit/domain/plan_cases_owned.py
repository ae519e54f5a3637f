"""The planner's tables of whose things are: ownership, names, finalizers, recovery."""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import MalformedDocument, State
from namespace_operator.domain.observed import InvalidSpec, Observed
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    another_document,
    claims,
    collection,
    document,
    index,
    observed,
    owner,
    spec,
    subject,
    with_indexes,
)
from tests.unit.domain.plan_case import (
    DELETES,
    HAS_BRAND,
    HAS_TEXT,
    NEW,
    STATUS_OF_TEXT,
    WANTS_BRAND,
    WANTS_TEXT,
    Case,
    lost,
    marked,
)

FOREIGN_MARKS: dict[str, dict[str, object]] = {
    "without a mark": dict.fromkeys(("instance", "organization", "collection", "incarnation")),
    "another instance": {"instance": "other-cluster:default"},
    "another organization": {"organization": "rivals"},
    "a copy under another name": {"collection": "ns_original00"},
    "another incarnation": {"incarnation": 2},
    "another member": {f"member.{NAMESPACE_ID}": None, "member.ns_aaaaaaaaaa": "films"},
    "a second member": {"member.ns_aaaaaaaaaa": "films"},
    "a mark of the wrong shape": {"incarnation": "1"},
}
"""Changes of our mark, without the prefix of its keys; None takes a key away."""


OWNERSHIP = (
    Case(
        "collection gone after it was bound",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says="restore it from a snapshot",
    ),
    Case(
        "collection gone of a retained one that comes back",
        subject(WANTS_TEXT),
        observed(HAS_TEXT.model_copy(update={"state": State.PROVISIONING}), collection=None),
        reasons=(Reason.COLLECTION_LOST,),
    ),
    *(
        Case(
            f"not owned: {what}",
            subject(WANTS_TEXT),
            observed(NEW, replace(marked(NEW, **metadata), vectors={}, indexes={})),
            reasons=(Reason.COLLECTION_NOT_OWNED,),
            says="nothing is written to it until the mark is back",
        )
        for what, metadata in FOREIGN_MARKS.items()
    ),
    Case(
        "red",
        subject(),
        observed(document(), replace(collection(document()), status="red")),
        reasons=(Reason.COLLECTION_RED,),
        says="see the server's log",
    ),
    *(
        Case(f"{status} is no problem", subject(), observed(document(), replace(collection(document()), status=status)))
        for status in ("yellow", "grey")
    ),
    Case(
        "red does not keep an index from being made",
        subject(WANTS_BRAND),
        observed(HAS_BRAND, with_indexes(replace(collection(HAS_BRAND), status="red"), brand=None)),
        ("PutIndex brand keyword",),
    ),
    Case(
        "document of an earlier Kubernetes namespace",
        subject(WANTS_TEXT),
        observed(HAS_TEXT.model_copy(update={"owner": owner(k8s_namespace_uid="earlier"), "state": State.RETAINED})),
        reasons=(Reason.OWNED_ELSEWHERE,),
        says="uid earlier",
    ),
    Case(
        "document of another instance",
        subject(WANTS_TEXT),
        observed(HAS_TEXT.model_copy(update={"owner": owner(instance_id="other-cluster:default")})),
        reasons=(Reason.OWNED_ELSEWHERE,),
    ),
    Case(
        "re-created object takes its document back",
        subject(WANTS_TEXT, uid="cr-uid-new"),
        observed(HAS_TEXT.model_copy(update={"state": State.RETAINED, "claims": claims(None)})),
        ("ReplaceDocument provisioning r8",),
    ),
    Case(
        "malformed document",
        subject(WANTS_TEXT),
        Observed(document=MalformedDocument(NAMESPACE_ID, "owner: Field required")),
        reasons=(Reason.MALFORMED_DOCUMENT,),
        says=f"Document {NAMESPACE_ID} in MongoDB is not a namespace document (owner: Field required)",
    ),
    Case(
        "invalid spec",
        subject(InvalidSpec("spec.payloadIndexes[0].type: Input should be 'keyword'")),
        observed(document()),
        reasons=(Reason.INVALID_SPEC,),
        says="spec.payloadIndexes[0].type",
    ),
)

NAMES = (
    Case(
        "new under a name that is held",
        subject(DELETES),
        Observed(name_chain=(another_document(),)),
        reasons=(Reason.NAME_CONFLICT,),
        says="held by ns_9876543210 (Namespace acme/series)",
    ),
    Case(
        "new under a name a malformed document holds",
        subject(),
        Observed(name_chain=(MalformedDocument("x", "state: bad"),)),
        reasons=(Reason.NAME_CONFLICT,),
        says="held by the malformed document x (state: bad)",
    ),
    Case(
        "renamed to a name that is held keeps its own",
        subject(spec(namespaceName="series")),
        observed(document(), name_chain=(another_document(),)),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "renamed to a name that is held: the rest is done",
        subject(spec(namespaceName="series", payloadIndexes=[index("brand")])),
        observed(
            HAS_BRAND.model_copy(update={"requested_name": "series"}),
            with_indexes(collection(HAS_BRAND), brand=None),
            name_chain=(another_document(),),
        ),
        ("PutIndex brand keyword",),
    ),
    Case(
        "renamed to a free name",
        subject(spec(namespaceName="movies")),
        observed(document()),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "retained, and its name was taken meanwhile",
        subject(uid="cr-uid-new"),
        observed(
            document(state=State.RETAINED, claims=claims(None)),
            name_chain=(another_document(namespace_name="films"),),
        ),
        reasons=(Reason.NAME_CONFLICT,),
    ),
)

FINALIZERS = (
    Case("added before the first write to a store", subject(DELETES), Observed(), ("AddFinalizer",)),
    Case("then the document", subject(DELETES, finalized=True), Observed(), ("InsertDocument provisioning r1",)),
    Case("added when the policy becomes Delete", subject(DELETES), observed(document()), ("AddFinalizer",)),
    Case("removed when the policy becomes Retain", subject(finalized=True), observed(document()), ("RemoveFinalizer",)),
    Case("settled under Delete", subject(DELETES, finalized=True), observed(document())),
)

RECOVERY = (
    Case(
        "document lost",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(collection(HAS_TEXT)),
        ("InsertDocument provisioning r1",),
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
        "document lost, collection of another",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(marked(HAS_TEXT, instance="other-cluster:default")),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "document lost, the collection a copy under another name",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(marked(HAS_TEXT, collection="ns_original00")),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
)
