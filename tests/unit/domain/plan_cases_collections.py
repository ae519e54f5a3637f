"""The planner's tables of collections: ours or not, lost, chosen, and on which server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import (
    MalformedDocument,
    State,
)
from namespace_operator.domain.observed import Observed
from namespace_operator.domain.parsing import FoundDocument
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    another_document,
    chosen,
    collection,
    document,
    in_collection,
    index,
    observed,
    owner,
    shared_collection,
    spec,
    status_of,
    subject,
    with_indexes,
)
from tests.unit.domain.plan_case import (
    DELETES,
    HAS_BRAND,
    HAS_TEXT,
    NEW,
    STATUS_OF_TEXT,
    SYSTEM_PUTS,
    TEXT,
    WANTS_BRAND,
    WANTS_TEXT,
    Case,
    lost,
    marked,
)
from tests.world.sites import answering

FOREIGN_MARKS: dict[str, dict[str, object]] = {
    "without a whole mark": dict.fromkeys(("instance", "organization", "collection", "incarnation")),
    "another instance": {"instance": "other-cluster:default"},
    "another organization": {"organization": "rivals"},
    "an earlier incarnation of the organization": {"organization-uid": "earlier"},
    "a copy under another name": {"collection": "ns_original00"},
    "another incarnation": {"incarnation": 2},
    "another member": {f"member.{NAMESPACE_ID}": None, "member.ns_aaaaaaaaaa": "films"},
    "another name of the member": {f"member.{NAMESPACE_ID}": "movies"},
    "a second member": {"member.ns_aaaaaaaaaa": "films"},
    "adopted": {"adopted": True},
    "a mark of the wrong shape": {"incarnation": "1"},
}
"""Changes of our mark, without the prefix of its keys; None takes a key away."""

FIRST_VERSION = {"organization-uid": None}
"""Marks of the first version did not name the incarnation of the Kubernetes namespace."""


OCCUPIED = NEW.model_copy(update={"occupied": True})
"""Somebody else's collection was seen under the name."""

OWNERSHIP = (
    Case(
        "gone after it was bound",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says="restore it from a snapshot",
    ),
    Case(
        "gone of a retained one that comes back",
        subject(WANTS_TEXT),
        observed(HAS_TEXT.model_copy(update={"state": State.PROVISIONING}), collection=None),
        reasons=(Reason.COLLECTION_LOST,),
    ),
    Case(
        "gone, and the status remembers its indexes though an older document does not know it",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        observed(NEW, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says="was there and Qdrant no longer has it",
    ),
    Case(
        "not made yet, and the status remembers the indexes of nobody",
        subject(WANTS_TEXT, status=status_of(HAS_TEXT, namespace_id=None)),
        observed(NEW, collection=None),
        (f"CreateCollection {NAMESPACE_ID} [text]", *SYSTEM_PUTS),
    ),
    Case(
        "not made yet, and the status remembers no index",
        subject(WANTS_TEXT, status=status_of(HAS_TEXT, payload_indexes=())),
        observed(NEW, collection=None),
        (f"CreateCollection {NAMESPACE_ID} [text]", *SYSTEM_PUTS),
    ),
    *(
        Case(
            f"not owned: {what}",
            subject(WANTS_TEXT),
            observed(OCCUPIED, replace(marked(NEW, **metadata), vectors={}, indexes={})),
            reasons=(Reason.COLLECTION_NOT_OWNED,),
            says="nothing is written to it until the mark is back",
        )
        for what, metadata in FOREIGN_MARKS.items()
        if what != "adopted"
    ),
    Case(
        "that somebody else's is there is written down first: should it vanish, it may only have failed to load",
        subject(WANTS_TEXT),
        observed(NEW, marked(NEW, instance="other-cluster:default")),
        ("ReplaceDocument provisioning r8 occupied",),
    ),
    Case(
        "somebody else's was there and is not listed any more",
        subject(WANTS_TEXT),
        observed(OCCUPIED, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says="choose another collection, or delete this Namespace and apply it again if it went on purpose",
    ),
    Case(
        "somebody else's was there, and ours is now",
        subject(WANTS_TEXT),
        observed(OCCUPIED),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "bound, and every mark is gone",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, replace(collection(HAS_TEXT), metadata={})),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
        says="'mixpeek.com/instance': 'cluster-uid:default'",
    ),
    Case(
        "a mark of the first version is ours",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, marked(HAS_TEXT, **FIRST_VERSION)),
    ),
    Case(
        "a mark of the first version that is not ours",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, marked(HAS_TEXT, instance="other-cluster:default", **FIRST_VERSION)),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
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
)


CHOSEN = in_collection(document())
UNBOUND = CHOSEN.model_copy(update={"state": State.PROVISIONING, "bound": False})
TAKEN = UNBOUND.model_copy(update={"occupied": True})
UNBOUND_BY_ID = document(state=State.PROVISIONING, bound=False)


def on(holder: FoundDocument) -> Observed:
    """Nothing of ours, and the chosen collection claimed by another document."""
    return Observed(collection_holder=holder, claimed_collection="products")


CHOICES = (
    Case("a free name is announced", subject(chosen()), Observed(), ("InsertDocument provisioning r1 in products",)),
    Case(
        "and made",
        subject(chosen()),
        observed(UNBOUND, collection=None),
        ("CreateCollection products []", *SYSTEM_PUTS),
    ),
    Case("settled", subject(chosen()), observed(CHOSEN)),
    Case(
        "of a living namespace",
        subject(chosen()),
        on(in_collection(another_document())),
        reasons=(Reason.COLLECTION_CONFLICT,),
        says="Collection products is held by ns_9876543210 (Namespace acme/series); choose another one",
    ),
    Case(
        "of a retained namespace",
        subject(chosen()),
        on(in_collection(another_document(state=State.RETAINED))),
        reasons=(Reason.COLLECTION_CONFLICT,),
        says="retained: its Namespace is gone",
    ),
    Case(
        "of another organization, of which nothing is told",
        subject(chosen()),
        on(in_collection(another_document(owner=owner(organization="rivals", cr_name="secret")))),
        reasons=(Reason.COLLECTION_CONFLICT,),
        says="Collection products is held by a namespace of another organization; choose",
    ),
    Case(
        "of one deleted moments ago",
        subject(chosen()),
        on(in_collection(another_document(state=State.DELETED))),
        reasons=(Reason.COLLECTION_CONFLICT,),
        says="deleted moments ago); it becomes free by itself",
    ),
    Case(
        "shared by others",
        subject(chosen()),
        on(shared_collection(in_collection(another_document()))),
        reasons=(Reason.COLLECTION_CONFLICT,),
        says="Collection products is shared by namespaces of this organization; choose another one, or set",
    ),
    Case(
        "claimed by a malformed document",
        subject(chosen()),
        on(MalformedDocument("x", "state: bad")),
        reasons=(Reason.COLLECTION_CONFLICT,),
        says="held by a malformed document, which must be repaired first",
    ),
    Case(
        "made by somebody else",
        subject(chosen()),
        observed(TAKEN, replace(collection(CHOSEN), metadata={"team": "search"})),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
        says="adopt it with the annotation mixpeek.com/adopt",
    ),
    Case(
        "an alias, of which is not told",
        subject(chosen()),
        observed(TAKEN, replace(collection(CHOSEN), metadata={}), alias_of="ns_9876543210"),
        reasons=(Reason.COLLECTION_IS_ALIAS,),
        says="products is an alias; choose the name of a collection",
    ),
    Case(
        "an alias of our own collection",
        subject(chosen()),
        observed(TAKEN, collection(document()), alias_of=NAMESPACE_ID),
        reasons=(Reason.COLLECTION_IS_ALIAS,),
    ),
    Case(
        "another choice while nothing was made",
        subject(chosen("others")),
        observed(TAKEN, replace(collection(CHOSEN), metadata={})),
        ("ReplaceDocument provisioning r8 in others",),
    ),
    Case(
        "no choice any more while nothing was made",
        subject(),
        observed(UNBOUND, collection=None),
        ("ReplaceDocument provisioning r8",),
    ),
    Case(
        "a first choice while nothing was made",
        subject(chosen()),
        observed(UNBOUND_BY_ID, collection=None),
        ("ReplaceDocument provisioning r8 in products",),
    ),
    Case(
        "another choice after it was made but not yet confirmed comes too late",
        subject(chosen("others")),
        observed(UNBOUND),
        ("ReplaceDocument ready r8 in products",),
    ),
    Case(
        "another choice that is held, while the first is another's",
        subject(chosen("others")),
        observed(
            TAKEN,
            replace(collection(CHOSEN), metadata={}),
            collection_holder=in_collection(another_document(), "others"),
        ),
        reasons=(Reason.COLLECTION_CONFLICT,),
    ),
    Case(
        "another choice once it is bound",
        subject(chosen("others")),
        observed(CHOSEN),
        reasons=(Reason.IMMUTABLE_FIELD,),
        says=f"spec.infrastructure.qdrantCollection is others, but {NAMESPACE_ID} was made with products; restore it",
    ),
    Case(
        "another choice once it is bound and lost does not begin anew",
        subject(chosen("others")),
        observed(CHOSEN, collection=None),
        reasons=(Reason.IMMUTABLE_FIELD, Reason.COLLECTION_LOST),
    ),
    Case(
        "another choice that is held does not hold up an index of one that is bound",
        subject(chosen("others", payloadIndexes=[index("brand")])),
        observed(
            in_collection(HAS_BRAND),
            with_indexes(collection(in_collection(HAS_BRAND)), brand=None),
            collection_holder=in_collection(another_document(), "others"),
        ),
        ("PutIndex brand keyword",),
    ),
    Case(
        "marked by somebody else, and nothing speaks of data of ours",
        subject(chosen()),
        lost(marked(CHOSEN, instance="other-cluster:default")),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
        says="carries the mark of another namespace",
    ),
    Case("no choice any more once it is bound", subject(), observed(CHOSEN), reasons=(Reason.IMMUTABLE_FIELD,)),
    Case(
        "a choice for a namespace that is bound under its id",
        subject(chosen()),
        observed(document()),
        reasons=(Reason.IMMUTABLE_FIELD,),
        says=f"was made with {NAMESPACE_ID}",
    ),
    Case(
        "another choice once it is bound does not hold up an index",
        subject(chosen("others", payloadIndexes=[index("brand")])),
        observed(in_collection(HAS_BRAND), replace(collection(in_collection(HAS_BRAND)), indexes={})),
        (*("PutIndex brand keyword",), *SYSTEM_PUTS),
    ),
)


def server(recorded: str | None, answers: str | None) -> dict[str, Any]:
    """Which server is meant, and which one answers."""
    return {"place": answering(recorded, answers)}


REPLACED = server("server-1", None)

SERVERS = (
    Case("the one that is meant", subject(WANTS_TEXT), observed(HAS_TEXT, **server("s", "s"))),
    Case(
        "without a marker",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, collection=None, **REPLACED),
        reasons=(Reason.SERVER_REPLACED,),
        says="The Qdrant server has no marker of this operator, but the namespaces live on server server-1",
    ),
    Case(
        "another one",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, collection=None, **server("server-1", "server-2")),
        reasons=(Reason.SERVER_REPLACED,),
        says="carries the marker of server server-2",
    ),
    Case(
        "another one with a collection that looks like ours",
        subject(WANTS_BRAND),
        observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None), **REPLACED),
        reasons=(Reason.SERVER_REPLACED,),
    ),
    Case(
        "nothing is announced meanwhile",
        subject(WANTS_TEXT),
        observed(document(), **REPLACED),
        reasons=(Reason.SERVER_REPLACED,),
    ),
    Case("nothing new is made", subject(DELETES), Observed(**REPLACED), reasons=(Reason.SERVER_REPLACED,)),
    Case(
        "nothing lost is made again",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        lost(collection(HAS_TEXT), **REPLACED),
        reasons=(Reason.SERVER_REPLACED,),
    ),
    Case(
        "the unfinished collection is not made there",
        subject(WANTS_TEXT),
        observed(NEW, collection=None, **REPLACED),
        reasons=(Reason.SERVER_REPLACED,),
    ),
    Case(
        "what is wrong besides is told too",
        subject(spec(mode="standalone", featureExtractors=[])),
        observed(document([TEXT]), **REPLACED),
        reasons=(Reason.IMMUTABLE_FIELD, Reason.SERVER_REPLACED),
    ),
)
