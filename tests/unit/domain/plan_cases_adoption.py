"""The planner's table of adoption: a collection that somebody else made becomes ours, and nothing in it changes."""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.api.annotations import Adoption as AdoptionRequest
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import (
    Adoption,
    DeclaredIndex,
    NamespaceDocument,
    State,
    UnsupportedIndex,
)
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.vectors import NamedVector
from tests.unit.domain.builders import (
    INSTANCE,
    ORGANIZATION,
    SERVER_VERSION,
    chosen,
    collection,
    document,
    extractor,
    in_collection,
    index,
    observed,
    subject,
    with_indexes,
)
from tests.unit.domain.plan_case import (
    KEYWORD,
    NEW,
    SYSTEM_PUTS,
    TENANT,
    Case,
    marked,
)

CHOSEN = in_collection(document())
UNBOUND = CHOSEN.model_copy(update={"state": State.PROVISIONING, "bound": False})

ADOPT = AdoptionRequest.KEEP
OWN = NamedVector(name="own", size=4, distance="dot")
"""A vector that stands in the collection of somebody else."""


def foreign(**schemas: IndexSchema) -> Collection:
    """A collection of somebody else's, with these indexes."""
    there = Collection("products", "green", 3, 0, 1, {"own": OWN}, {}, {"team": "search"})
    return with_indexes(there, **schemas)


def found(**schemas: IndexSchema) -> Adoption:
    """The record of what stood there."""
    return Adoption(
        indexes=tuple(DeclaredIndex(field_name=name, field_schema=schema) for name, schema in schemas.items())
    )


def ours(adopted: NamespaceDocument, **schemas: IndexSchema | None) -> Collection:
    """The adopted collection: ours beside what stood there before, and ``schemas`` as they are now."""
    live = collection(adopted)
    before: dict[str, IndexSchema | None] = {**adopted.adopted_indexes, **schemas}
    vectors = {**live.vectors, "own": OWN}
    return with_indexes(replace(live, vectors=vectors, metadata={**live.metadata, "team": "search"}), **before)


ADOPTED = CHOSEN.model_copy(update={"adoption": found(city=KEYWORD)})
ADOPTED_WITH_BRAND = in_collection(document(indexes={"brand": KEYWORD})).model_copy(
    update={"adoption": found(brand=TENANT, city=KEYWORD)}
)
ADOPTED_NAMESPACE_ID = CHOSEN.model_copy(update={"adoption": found(namespace_id=KEYWORD)})
WITH_BRAND = chosen(payloadIndexes=[index("brand")])
NOT_RECORDED = UNBOUND.model_copy(update={"adoption": found(), "occupied": True})
RECORDED = UNBOUND.model_copy(update={"adoption": found(city=KEYWORD), "occupied": True})
TAKEN = UNBOUND.model_copy(update={"occupied": True})
BY_MARK = UNBOUND.model_copy(update={"adoption": Adoption()}).mark.to_metadata()

ADOPTION = (
    Case(
        "what is there is recorded first",
        subject(chosen(), adopt=ADOPT),
        observed(UNBOUND, foreign(city=KEYWORD)),
        ("ReplaceDocument provisioning r8 in products occupied adopting city",),
    ),
    Case(
        "recorded again if it changed meanwhile",
        subject(chosen(), adopt=ADOPT),
        observed(NOT_RECORDED, foreign(city=KEYWORD)),
        ("ReplaceDocument provisioning r8 in products occupied adopting city",),
    ),
    Case(
        "recorded again if it was recorded without that it is there",
        subject(chosen(), adopt=ADOPT),
        observed(RECORDED.model_copy(update={"occupied": False}), foreign(city=KEYWORD)),
        ("ReplaceDocument provisioning r8 in products occupied adopting city",),
    ),
    *(
        Case(
            f"then it is marked ({asked})",
            subject(chosen(), adopt=asked),
            observed(RECORDED, foreign(city=KEYWORD)),
            (f"MarkCollection products for {INSTANCE}/{ORGANIZATION}/films, was unmarked",),
        )
        for asked in AdoptionRequest
    ),
    Case(
        "then what is wanted is added",
        subject(chosen(featureExtractors=[extractor("text_extractor_v1")]), adopt=ADOPT),
        observed(
            in_collection(NEW).model_copy(update={"adoption": found(city=KEYWORD)}),
            replace(ours(ADOPTED), indexes={}),
        ),
        ("AddVector text dense 1024 cosine float32", *SYSTEM_PUTS),
    ),
    Case("then it is settled, with or without the annotation", subject(chosen()), observed(ADOPTED, ours(ADOPTED))),
    Case(
        "not without being asked, though it was announced",
        subject(chosen()),
        observed(RECORDED, foreign(city=KEYWORD)),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "not what is gone by now: it may only have failed to load",
        subject(chosen(), adopt=ADOPT),
        observed(RECORDED, collection=None),
        reasons=(Reason.COLLECTION_LOST,),
        says="choose another collection",
    ),
    Case(
        "not through an alias",
        subject(chosen(), adopt=ADOPT),
        observed(TAKEN, foreign(), alias_of="theirs"),
        reasons=(Reason.COLLECTION_IS_ALIAS,),
    ),
    Case(
        "not once a collection of our own was bound",
        subject(chosen(), adopt=ADOPT),
        observed(CHOSEN, foreign()),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    *(
        Case(
            f"not with a mark, even {what}",
            subject(chosen(), adopt=ADOPT),
            observed(TAKEN, replace(foreign(), metadata=metadata)),
            reasons=(Reason.COLLECTION_NOT_OWNED,),
        )
        for what, metadata in {
            "another operator's": marked(CHOSEN, instance="other").metadata,
            "a broken one": {"mixpeek.com/instance": 5},
            "that of the server": {"mixpeek.com/server": "server-1"},
        }.items()
    ),
    Case(
        "again where somebody took our mark off, with what was recorded at first",
        subject(chosen(), adopt=ADOPT),
        observed(ADOPTED.model_copy(update={"occupied": True}), foreign(later=KEYWORD)),
        (f"MarkCollection products for {INSTANCE}/{ORGANIZATION}/films, was unmarked",),
    ),
    Case(
        "not again without being asked",
        subject(chosen()),
        observed(ADOPTED, foreign(city=KEYWORD)),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "a document from before learns of its adoption by the mark, without being asked",
        subject(chosen()),
        observed(UNBOUND, replace(foreign(city=KEYWORD), metadata=BY_MARK)),
        ("ReplaceDocument provisioning r8 in products adopting city",),
    ),
    Case(
        "a mark of an adoption is not that of a collection that was made here",
        subject(chosen()),
        observed(CHOSEN, replace(foreign(city=KEYWORD), metadata=BY_MARK)),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "an index that was there in other parameters is told, and not changed",
        subject(WITH_BRAND),
        observed(ADOPTED_WITH_BRAND, ours(ADOPTED_WITH_BRAND)),
        reasons=(Reason.INDEX_CONFLICT,),
        says="what was there is never changed: declare it as it is, or drop it in Qdrant",
    ),
    Case(
        "so is a system index",
        subject(chosen()),
        observed(ADOPTED_NAMESPACE_ID, ours(ADOPTED_NAMESPACE_ID)),
        reasons=(Reason.INDEX_CONFLICT,),
        says="has an index on namespace_id",
    ),
    Case(
        "an index that was there as wanted is fine",
        subject(chosen(payloadIndexes=[index("brand")])),
        observed(
            ADOPTED_WITH_BRAND.model_copy(update={"adoption": found(brand=KEYWORD)}),
            ours(ADOPTED_WITH_BRAND, brand=KEYWORD),
        ),
    ),
    Case(
        "an index that was there is dropped by nobody: it is only forgotten",
        subject(chosen()),
        observed(ADOPTED_WITH_BRAND, ours(ADOPTED_WITH_BRAND)),
        ("ReplaceDocument ready r8 in products adopting brand, city",),
    ),
    Case(
        "an index that was there and was dropped by hand is made as wanted",
        subject(WITH_BRAND),
        observed(ADOPTED_WITH_BRAND, ours(ADOPTED_WITH_BRAND, brand=None)),
        ("PutIndex brand keyword",),
    ),
    Case(
        "an index that was changed since the adoption is ours to change",
        subject(WITH_BRAND),
        observed(ADOPTED_WITH_BRAND, ours(ADOPTED_WITH_BRAND, brand={"type": "integer"})),
        ("PutIndex brand keyword",),
    ),
    Case(
        "and ours to drop",
        subject(chosen()),
        observed(ADOPTED_WITH_BRAND, ours(ADOPTED_WITH_BRAND, brand=KEYWORD)),
        ("DropIndex brand",),
    ),
    Case(
        "a conflict is not recorded as something the server cannot do",
        subject(WITH_BRAND),
        observed(
            ADOPTED_WITH_BRAND.model_copy(
                update={
                    "unsupported_indexes": (
                        UnsupportedIndex(
                            field_name="brand", field_schema=KEYWORD, server_version=SERVER_VERSION, made=TENANT
                        ),
                    )
                }
            ),
            ours(ADOPTED_WITH_BRAND),
        ),
        ("ReplaceDocument ready r8 in products adopting brand, city",),
    ),
)
