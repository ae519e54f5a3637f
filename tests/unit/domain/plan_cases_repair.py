"""The planner's tables of repairs: vectors, indexes, what nobody declared, and a lost collection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from namespace_operator.api.status import IndexRebuildStatus
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import Adoption, NamespaceDocument
from namespace_operator.domain.document_repair import IndexRebuild, LateVector, Recreation, Repairs, VectorRepair
from namespace_operator.domain.observed import Collection, LateCounts
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    OTHER_ID,
    T0,
    chosen,
    collection,
    document,
    extractor,
    in_collection,
    index,
    observed,
    spec,
    status_of,
    subject,
    with_indexes,
    with_vectors,
)
from tests.unit.domain.plan_case import (
    FILM,
    HAS_BRAND,
    HAS_TEXT,
    KEYWORD,
    NEW,
    STATUS_OF_TEXT,
    SYSTEM_PUTS,
    TENANT,
    TEXT,
    WANTS_BRAND,
    WANTS_TEXT,
    Case,
    marked,
)
from tests.world.sites import answering

REPAIRS = spec(featureExtractors=[extractor("text_extractor_v1")], repairVectors=True)
WANTS_BOTH = spec(featureExtractors=[extractor("text_extractor_v1"), extractor("film_extractor_v1")])
HAS_BOTH = document([TEXT, FILM])
PRUNES = spec(payloadIndexes=[index("brand")], pruneUnmanagedIndexes=True)


def with_repairs(of: NamespaceDocument, **parts: Any) -> NamespaceDocument:
    """The document with something under way or done."""
    return of.model_copy(update={"repairs": Repairs(**parts)})


def without(of: NamespaceDocument, *vectors: str) -> Collection:
    """The collection of a document that lost these vectors."""
    return with_vectors(collection(of), **dict.fromkeys(vectors))


def repaired(**parts: Any) -> VectorRepair:
    """A repair that was begun some time ago."""
    return VectorRepair(at=T0, **parts)


_LOST_TEXT = without(HAS_TEXT, "text")
_TEXT_OF_8 = with_vectors(
    collection(HAS_TEXT), text=collection(HAS_TEXT).vectors["text"].model_copy(update={"size": 8})
)
_ADDING_TEXT = with_repairs(HAS_TEXT, vectors=repaired(missing=("text",)))
_LATE = LateVector(name="text", since=T0)
_LATE_TEXT = with_repairs(HAS_TEXT, late=(_LATE,))
_ADD_TEXT = "AddVector text dense 1024 cosine float32"

VECTOR_REPAIR = (
    Case(
        "a missing vector is told of with the ways out",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, _LOST_TEXT),
        reasons=(Reason.VECTOR_MISSING,),
        says="set repairVectors: true or, for once, the annotation mixpeek.com/repair-requested-at to a new text",
    ),
    Case(
        "it is announced before it is added",
        subject(REPAIRS),
        observed(HAS_TEXT, _LOST_TEXT),
        ("ReplaceDocument ready r8 adding text",),
    ),
    Case("what is announced is added", subject(REPAIRS), observed(_ADDING_TEXT, _LOST_TEXT), (_ADD_TEXT,)),
    Case(
        "what was announced is added though nobody asks for it any more",
        subject(WANTS_TEXT),
        observed(_ADDING_TEXT, _LOST_TEXT),
        (_ADD_TEXT,),
    ),
    Case(
        "what is live again was added, and the points lack it",
        subject(REPAIRS),
        observed(_ADDING_TEXT),
        ("ReplaceDocument ready r8 added text late text",),
    ),
    Case(
        "an empty collection lacks nothing",
        subject(REPAIRS),
        observed(_ADDING_TEXT, replace(collection(HAS_TEXT), points_count=0)),
        ("ReplaceDocument ready r8 added text",),
    ),
    Case(
        "what somebody else made of it meanwhile was not added",
        subject(REPAIRS),
        observed(_ADDING_TEXT, _TEXT_OF_8),
        ("ReplaceDocument ready r8",),
    ),
    Case("a standing repair of nothing writes nothing", subject(REPAIRS), observed(HAS_TEXT)),
    Case(
        "a standing repair leaves a mismatch alone and writes nothing",
        subject(REPAIRS),
        observed(HAS_TEXT, _TEXT_OF_8),
        reasons=(Reason.VECTOR_MISMATCH,),
        says="is dense 8 cosine float32, registered is dense 1024 cosine float32; it is never changed: restore",
    ),
    Case(
        "one that was lost once more",
        subject(REPAIRS),
        observed(with_repairs(HAS_TEXT, vectors=repaired(added=("text",))), _LOST_TEXT),
        ("ReplaceDocument ready r8 adding text",),
    ),
    Case(
        "another one is lost while the first is being added",
        subject(spec(**{**WANTS_BOTH.model_dump(by_alias=True, exclude_none=True), "repairVectors": True})),
        observed(with_repairs(HAS_BOTH, vectors=repaired(missing=("text",))), without(HAS_BOTH, "frames")),
        ("ReplaceDocument ready r8 adding frames added text late text",),
    ),
    Case(
        "asked for once",
        subject(WANTS_TEXT, repair_requested_at="now"),
        observed(HAS_TEXT, _LOST_TEXT),
        ("ReplaceDocument ready r8 adding text",),
    ),
    Case(
        "asked for with nothing to do: that it ran is written down",
        subject(WANTS_TEXT, repair_requested_at="now"),
        observed(HAS_TEXT),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "the same text asks once",
        subject(WANTS_TEXT, repair_requested_at="now"),
        observed(with_repairs(HAS_TEXT, vectors=repaired(token="now")), _LOST_TEXT),
        reasons=(Reason.VECTOR_MISSING,),
    ),
    Case(
        "another text asks again",
        subject(WANTS_TEXT, repair_requested_at="and again"),
        observed(with_repairs(HAS_TEXT, vectors=repaired(token="now")), _LOST_TEXT),
        ("ReplaceDocument ready r8 adding text",),
    ),
    Case(
        "the status remembers the text for a document that was lost",
        subject(WANTS_TEXT, repair_requested_at="now", status=status_of(HAS_TEXT, last_handled_repair_at="now")),
        observed(HAS_TEXT),
    ),
    Case(
        "late while some points lack it",
        subject(WANTS_TEXT),
        observed(_LATE_TEXT, late=LateCounts(3, {_LATE: 2})),
    ),
    Case("late while nobody knows", subject(WANTS_TEXT), observed(_LATE_TEXT)),
    Case(
        "forgotten once all points have it",
        subject(WANTS_TEXT),
        observed(_LATE_TEXT, late=LateCounts(3, {_LATE: 3})),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "forgotten once there is no point",
        subject(WANTS_TEXT),
        observed(_LATE_TEXT, replace(collection(HAS_TEXT), points_count=0)),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "a count from before it was lost again says nothing",
        subject(WANTS_TEXT),
        observed(_LATE_TEXT, late=LateCounts(3, {LateVector(name="text", since=T0.replace(year=2025)): 3})),
    ),
    Case(
        "an extractor that comes to points is late",
        subject(WANTS_BOTH),
        observed(document([TEXT, FILM], bound_vectors=("text",), vector_inference_map={})),
        ("ReplaceDocument ready r8 late frames, patches, words",),
    ),
)

_FIELDS = ("brand", "bucket_id", "collection_id", "document_id", "internal_id", "namespace_id")


def rebuild(*pending: str, force: bool = False, **changes: Any) -> NamespaceDocument:
    """The document of a rebuild that was begun as "1" with six indexes."""
    begun = IndexRebuild(token="1", force=force, at=T0, total=6, pending=pending)
    return with_repairs(HAS_BRAND, indexes=begun.model_copy(update=changes))


_ALL_PUTS = ("PutIndex brand keyword", *(put for put in sorted(SYSTEM_PUTS)))
_LIVE = collection(HAS_BRAND)
_FOUND = HAS_BRAND.model_copy(
    update={"adoption": Adoption.model_validate({"indexes": [{"field_name": "brand", "field_schema": KEYWORD}]})}
)

_STATUS_OF_REBUILD = status_of(
    HAS_BRAND, index_rebuild=IndexRebuildStatus(requested_at="1", force=True, total=6, done=6, at=T0)
)

REBUILDS = (
    Case(
        "begins in the document",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(HAS_BRAND),
        ("ReplaceDocument ready r8 rebuilt 0/6",),
    ),
    Case(
        "puts every index again",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild(*_FIELDS)),
        _ALL_PUTS,
    ),
    Case(
        "is done with those that were put",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild(*_FIELDS), tried_indexes=frozenset({"brand [('type', 'keyword')]"})),
        ("ReplaceDocument ready r8 rebuilt 1/6",),
    ),
    Case(
        "goes on in another reconcile",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand"), tried_indexes=frozenset(f"tried {number}" for number in range(16))),
    ),
    Case(
        "one that is refused is told of and keeps no other from being put",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand"), rejected_indexes={"brand [('type', 'keyword')]": "too many indexes"}),
        reasons=(Reason.INDEX_REJECTED,),
        says="Index on brand, which is there and was to be put again: too many indexes; remove the annotation",
    ),
    Case(
        "settled",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild()),
    ),
    Case(
        "the status remembers the text for a document that was lost",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1", status=_STATUS_OF_REBUILD),
        observed(HAS_BRAND),
    ),
    Case(
        "another text begins another one",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="Force: 2"),
        observed(rebuild("brand")),
        ("ReplaceDocument ready r8 rebuilt by force 0/6",),
    ),
    Case(
        "ends where the annotation goes",
        subject(WANTS_BRAND),
        observed(rebuild(*_FIELDS, force=True, dropped=True), with_indexes(_LIVE, brand=None)),
        ("ReplaceDocument ready r8 rebuilt by force 6/6",),
    ),
    Case("by force: nothing of one that is done", subject(WANTS_BRAND), observed(rebuild(force=True))),
    Case(
        "by force: the first is dropped",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand", "bucket_id", force=True)),
        ("DropIndex brand to rebuild",),
    ),
    Case(
        "by force: that it is gone is written down",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand", "bucket_id", force=True), with_indexes(_LIVE, brand=None)),
        ("ReplaceDocument ready r8 rebuilt by force 4/6 dropped",),
    ),
    Case(
        "by force: it is made again like any that is missing",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand", "bucket_id", force=True, dropped=True), with_indexes(_LIVE, brand=None)),
        ("PutIndex brand keyword",),
    ),
    Case(
        "by force: once it is live the next one is due",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand", "bucket_id", force=True, dropped=True)),
        ("ReplaceDocument ready r8 rebuilt by force 5/6",),
    ),
    Case(
        "by force: never two missing at once",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(
            rebuild("bucket_id", force=True),
            with_indexes(_LIVE, brand=None),
            rejected_indexes={"brand [('type', 'keyword')]": "too many indexes"},
        ),
        reasons=(Reason.INDEX_REJECTED,),
    ),
    Case(
        "by force: two in one reconcile",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand", force=True), dropped_indexes=frozenset({"a", "b"})),
    ),
    Case(
        "by force: a drop without effect is not repeated at once",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="1"),
        observed(rebuild("brand", force=True), dropped_indexes=frozenset({"brand"})),
    ),
    Case(
        "by force: what was undeclared meanwhile is not made again",
        subject(rebuild_indexes_requested_at="1"),
        observed(rebuild("brand", "bucket_id", force=True, dropped=True), with_indexes(_LIVE, brand=None)),
        ("ReplaceDocument ready r8 rebuilt by force 5/6",),
    ),
    Case(
        "by force: what an adopted collection had stays",
        subject(WANTS_BRAND, rebuild_indexes_requested_at="force"),
        observed(_FOUND),
        ("ReplaceDocument ready r8 adopting brand rebuilt by force 0/5",),
    ),
)

_EXTRA = with_indexes(_LIVE, extra=KEYWORD, more=TENANT)
_HAD_EXTRA = HAS_BRAND.model_copy(
    update={"adoption": Adoption.model_validate({"indexes": [{"field_name": "extra", "field_schema": TENANT}]})}
)

PRUNING = (
    Case("left alone", subject(WANTS_BRAND), observed(HAS_BRAND, _EXTRA)),
    Case(
        "announced first",
        subject(PRUNES),
        observed(HAS_BRAND, _EXTRA),
        ("ReplaceDocument ready r8 pruning extra, more",),
    ),
    Case(
        "announced is dropped",
        subject(PRUNES),
        observed(with_repairs(HAS_BRAND, pruning=("extra", "more")), _EXTRA),
        ("DropIndex extra to prune", "DropIndex more to prune"),
    ),
    Case(
        "gone is confirmed",
        subject(PRUNES),
        observed(with_repairs(HAS_BRAND, pruning=("extra", "more"))),
        ("ReplaceDocument ready r8",),
    ),
    Case("settled", subject(PRUNES), observed(HAS_BRAND)),
    Case(
        "taken back before it was done",
        subject(WANTS_BRAND),
        observed(with_repairs(HAS_BRAND, pruning=("extra", "more")), _EXTRA),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "a drop without effect is not repeated at once",
        subject(PRUNES),
        observed(
            with_repairs(HAS_BRAND, pruning=("extra", "more")), _EXTRA, dropped_indexes=frozenset({"extra", "more"})
        ),
    ),
    Case(
        "never what an adopted collection had, whatever became of it",
        subject(PRUNES),
        observed(_HAD_EXTRA, replace(_EXTRA, metadata=_HAD_EXTRA.mark.to_metadata())),
        ("ReplaceDocument ready r8 adopting extra pruning more",),
    ),
)

_AGAIN = HAS_TEXT.model_copy(
    update={"bound": False, "bound_vectors": (), "incarnation": 2, "repairs": Repairs(recreation=Recreation(at=T0))}
)
_OCCUPIED = in_collection(NEW.model_copy(update={"occupied": True}))

RECREATION = (
    Case(
        "lost: the message names the annotation",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says=f"the annotation mixpeek.com/recreate-collection: {NAMESPACE_ID}, which makes it again, empty",
    ),
    Case(
        "asked for: announced as the next incarnation",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(HAS_TEXT, collection=None),
        ("ReplaceDocument provisioning r8 made again",),
    ),
    Case(
        "made again with the next incarnation in its mark",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID, status=STATUS_OF_TEXT),
        observed(_AGAIN, collection=None),
        (f"CreateCollection {NAMESPACE_ID} [text]", *SYSTEM_PUTS),
    ),
    Case(
        "made again although the annotation went meanwhile",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        observed(_AGAIN, collection=None),
        (f"CreateCollection {NAMESPACE_ID} [text]", *SYSTEM_PUTS),
    ),
    Case(
        "made again is confirmed",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(_AGAIN),
        ("ReplaceDocument ready r8 made again",),
    ),
    Case(
        "what comes back of the former one is told apart",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(_AGAIN.model_copy(update={"occupied": True}), collection(HAS_TEXT)),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "another id",
        subject(WANTS_TEXT, recreate_collection=OTHER_ID),
        observed(HAS_TEXT, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says=f"names {OTHER_ID}, but this is {NAMESPACE_ID}",
    ),
    Case(
        "nothing is lost: it is spent, and decides about no later loss",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(HAS_TEXT),
        ("ReplaceDocument ready r8 made again",),
    ),
    Case(
        "nothing is lost, and that is written down",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(with_repairs(HAS_TEXT, recreation=Recreation())),
    ),
    Case(
        "lost again with the annotation left in place",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(with_repairs(HAS_TEXT, recreation=Recreation(at=T0)), collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says="was there before the loss: remove it, then set it again",
    ),
    Case(
        "the annotation went",
        subject(WANTS_TEXT),
        observed(with_repairs(HAS_TEXT, recreation=Recreation(at=T0))),
        ("ReplaceDocument ready r8 may be made again",),
    ),
    Case(
        "the annotation went while it is lost again",
        subject(WANTS_TEXT),
        observed(with_repairs(HAS_TEXT, recreation=Recreation(at=T0)), collection=None),
        ("ReplaceDocument ready r8 may be made again",),
    ),
    Case(
        "lost again, and the annotation is gone and comes again",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(with_repairs(HAS_TEXT, recreation=Recreation(at=T0, spent=False)), collection=None),
        ("ReplaceDocument provisioning r8 made again",),
    ),
    Case(
        "not on a server that was replaced",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(HAS_TEXT, collection=None, place=answering("s", None)),
        reasons=(Reason.SERVER_REPLACED,),
    ),
    Case(
        "not what was never ours",
        subject(chosen(featureExtractors=[extractor("text_extractor_v1")]), recreate_collection=NAMESPACE_ID),
        observed(_OCCUPIED, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says="choose another collection",
    ),
    Case(
        "the status remembers it, and an older document does not",
        subject(WANTS_TEXT, status=status_of(HAS_TEXT), recreate_collection=NAMESPACE_ID),
        observed(NEW, collection=None),
        ("ReplaceDocument provisioning r8 made again",),
    ),
    Case(
        "not while it is there under another mark",
        subject(WANTS_TEXT, recreate_collection=NAMESPACE_ID),
        observed(HAS_TEXT, replace(marked(HAS_TEXT), metadata={})),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
)
