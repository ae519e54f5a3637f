"""The planner's tables of what is wanted: the beginning, extractors, indexes."""

from __future__ import annotations

from dataclasses import replace

from namespace_operator.domain.actions import PutIndex
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.observed import Observed
from namespace_operator.domain.vectors import NamedVector
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    collection,
    document,
    extractor,
    index,
    observed,
    registered,
    spec,
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
    SYSTEM_PUTS,
    TENANT,
    TEXT,
    UNSUPPORTED,
    WANTS_BRAND,
    WANTS_TEXT,
    Case,
)

BEGINNINGS = (
    Case("new", subject(WANTS_TEXT), Observed(), ("InsertDocument provisioning r1",)),
    Case(
        "provisioning without collection",
        subject(WANTS_TEXT),
        observed(NEW, collection=None),
        (f"CreateCollection {NAMESPACE_ID} [text]", *SYSTEM_PUTS),
    ),
    Case(
        "provisioning with a bare collection of ours",
        subject(WANTS_TEXT),
        observed(NEW, replace(collection(NEW), indexes={}, vectors={})),
        ("AddVector text dense 1024 cosine float32", *SYSTEM_PUTS),
    ),
    Case(
        "provisioning with a part of the indexes",
        subject(WANTS_TEXT),
        observed(NEW, with_indexes(collection(NEW), bucket_id=None)),
        ("PutIndex bucket_id keyword",),
    ),
    Case(
        "provisioning and complete is confirmed",
        subject(WANTS_TEXT),
        observed(NEW),
        ("ReplaceDocument ready r8",),
    ),
    Case("settled", subject(WANTS_TEXT), observed(HAS_TEXT)),
    Case("settled with an index", subject(WANTS_BRAND), observed(HAS_BRAND)),
    Case("nothing wanted is settled too", subject(), observed(document())),
)

EXTRACTORS = (
    Case("added is announced first", subject(WANTS_TEXT), observed(document()), ("ReplaceDocument ready r8",)),
    Case(
        "announced gets its vectors of every kind",
        subject(spec(featureExtractors=[extractor("film_extractor_v1")])),
        observed(document([FILM], bound_vectors=()), replace(collection(document([FILM])), vectors={})),
        (
            "AddVector frames dense 768 dot float32",
            "AddVector words sparse float32 idf",
            "AddVector patches multi_dense 128 cosine float32",
        ),
    ),
    Case("removed from the spec stays", subject(), observed(HAS_TEXT)),
    Case(
        "without vectors",
        subject(spec(featureExtractors=[extractor("plain_extractor_v1")])),
        Observed(),
        ("InsertDocument provisioning r1",),
    ),
    Case(
        "other params are locked",
        subject(spec(featureExtractors=[extractor("text_extractor_v1", model="minilm")])),
        observed(HAS_TEXT),
        reasons=(Reason.PARAMS_LOCKED,),
        says="restore them or add another version",
    ),
    Case(
        "empty params are none",
        subject(spec(featureExtractors=[{**extractor("text_extractor_v1"), "params": {}}])),
        observed(HAS_TEXT),
    ),
    Case(
        "unknown beside registered ones",
        subject(spec(featureExtractors=[extractor("text_extractor_v1"), extractor("nope_v1")])),
        observed(HAS_TEXT),
        reasons=(Reason.UNKNOWN_EXTRACTOR,),
        says="registered ones: film_extractor_v1, page_extractor_v1, plain_extractor_v1, text_extractor_v1",
    ),
    Case(
        "another version is another extractor",
        subject(spec(featureExtractors=[extractor("text_extractor_v2")])),
        observed(document()),
        reasons=(Reason.UNKNOWN_EXTRACTOR,),
        says="Unknown extractor text_extractor_v2",
    ),
    Case(
        "unknown does not keep an index from being made",
        subject(spec(featureExtractors=[extractor("nope_v1")], payloadIndexes=[index("brand")])),
        observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None)),
        ("PutIndex brand keyword",),
    ),
    Case(
        "params of no choice",
        subject(spec(featureExtractors=[extractor("text_extractor_v1", model="gpt")])),
        observed(document()),
        reasons=(Reason.INVALID_PARAMS,),
        says="allowed: bge, e5, minilm",
    ),
    Case(
        "a shared vector that agrees",
        subject(spec(featureExtractors=[extractor("text_extractor_v1"), extractor("page_extractor_v1")])),
        observed(document([TEXT, registered("page_extractor_v1")])),
    ),
    Case(
        "a shared vector of another size",
        subject(
            spec(featureExtractors=[extractor("page_extractor_v1"), extractor("text_extractor_v1", model="minilm")])
        ),
        observed(document([registered("page_extractor_v1")])),
        reasons=(Reason.VECTOR_MISMATCH,),
        says="dense 384 cosine float32",
    ),
    Case(
        "a shared vector of another model of the same size",
        subject(spec(featureExtractors=[extractor("page_extractor_v1"), extractor("text_extractor_v1", model="bge")])),
        observed(document([registered("page_extractor_v1")])),
        reasons=(Reason.VECTOR_MISMATCH,),
        says="bge",
    ),
    Case(
        "a vector that was there is missing",
        subject(WANTS_TEXT),
        observed(HAS_TEXT, with_vectors(collection(HAS_TEXT), text=None)),
        reasons=(Reason.VECTOR_MISSING,),
        says="Vector text (dense 1024 cosine float32) of collection ns_0123456789 is missing although it was there",
    ),
    Case(
        "a live vector of another size",
        subject(WANTS_TEXT),
        observed(
            HAS_TEXT, with_vectors(collection(HAS_TEXT), text=NamedVector(name="text", size=8, distance="cosine"))
        ),
        reasons=(Reason.VECTOR_MISMATCH,),
        says="is dense 8 cosine float32",
    ),
    Case(
        "a vector nobody registered is left alone",
        subject(),
        observed(
            document(), with_vectors(collection(document()), mine=NamedVector(name="mine", size=8, distance="dot"))
        ),
    ),
)

INDEXES = (
    Case("added is announced first", subject(WANTS_BRAND), observed(document()), ("ReplaceDocument ready r8",)),
    Case(
        "announced is made",
        subject(WANTS_BRAND),
        observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None)),
        ("PutIndex brand keyword",),
    ),
    Case(
        "changed is announced first",
        subject(spec(payloadIndexes=[index("brand", "integer", range=False)])),
        observed(HAS_BRAND),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "changed is made by one put",
        subject(spec(payloadIndexes=[index("brand", "integer", range=False)])),
        observed(document(indexes={"brand": {"type": "integer", "range": False}}), collection(HAS_BRAND)),
        ("PutIndex brand integer range=False",),
    ),
    Case("removed is dropped", subject(), observed(HAS_BRAND), ("DropIndex brand",)),
    Case(
        "removed and gone is forgotten",
        subject(),
        observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None)),
        ("ReplaceDocument ready r8",),
    ),
    Case("undeclared is kept", subject(), observed(document(), with_indexes(collection(document()), mine=KEYWORD))),
    Case(
        "a system index is missing",
        subject(),
        observed(document(), with_indexes(collection(document()), namespace_id=None)),
        ("PutIndex namespace_id keyword is_tenant=True",),
    ),
    Case(
        "a system index was changed",
        subject(),
        observed(document(), with_indexes(collection(document()), document_id=TENANT)),
        ("PutIndex document_id keyword",),
    ),
    Case(
        "tried without effect is recorded, not tried again",
        subject(WANTS_BRAND),
        observed(
            HAS_BRAND,
            with_indexes(collection(HAS_BRAND), brand=TENANT),
            tried_indexes=frozenset({PutIndex(NAMESPACE_ID, "brand", KEYWORD).attempt}),
        ),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "made and gone again is tried in the next reconcile, and not recorded",
        subject(WANTS_BRAND),
        observed(
            HAS_BRAND,
            collection(document()),
            tried_indexes=frozenset({PutIndex(NAMESPACE_ID, "brand", KEYWORD).attempt}),
        ),
        reasons=(Reason.INDEX_MISSING,),
        says="The index on brand was made and is gone again",
    ),
    Case(
        "rejected by the server is told with its words and not recorded",
        subject(WANTS_BRAND),
        observed(
            HAS_BRAND,
            collection(document()),
            rejected_indexes={PutIndex(NAMESPACE_ID, "brand", KEYWORD).attempt: "too many"},
        ),
        reasons=(Reason.INDEX_REJECTED,),
        says="Index on brand: too many",
    ),
    Case(
        "rejected where another one stands is not recorded either",
        subject(WANTS_BRAND),
        observed(
            HAS_BRAND,
            with_indexes(collection(HAS_BRAND), brand=TENANT),
            rejected_indexes={PutIndex(NAMESPACE_ID, "brand", KEYWORD).attempt: "too many"},
        ),
        reasons=(Reason.INDEX_REJECTED,),
    ),
    Case(
        "recorded without effect",
        subject(WANTS_BRAND),
        observed(
            HAS_BRAND.model_copy(update={"unsupported_indexes": (UNSUPPORTED,)}),
            with_indexes(collection(HAS_BRAND), brand=TENANT),
        ),
        reasons=(Reason.INDEX_PARAMETER_UNSUPPORTED,),
        says="Qdrant 1.18.3 made {'type': 'keyword', 'is_tenant': True} of the index on brand",
    ),
    Case(
        "recorded without effect is tried on another server version",
        subject(WANTS_BRAND),
        observed(
            HAS_BRAND.model_copy(update={"unsupported_indexes": (UNSUPPORTED,)}),
            with_indexes(collection(HAS_BRAND), brand=TENANT),
            server_version="1.19.0",
        ),
        ("PutIndex brand keyword",),
    ),
    Case(
        "recorded without effect is made again when somebody drops it",
        subject(WANTS_BRAND),
        observed(HAS_BRAND.model_copy(update={"unsupported_indexes": (UNSUPPORTED,)}), collection(document())),
        ("PutIndex brand keyword",),
    ),
    Case(
        "another schema than the recorded one is tried",
        subject(spec(payloadIndexes=[index("brand", onDisk=True)])),
        observed(
            document(indexes={"brand": {"type": "keyword", "on_disk": True}}, unsupported_indexes=(UNSUPPORTED,)),
            with_indexes(collection(HAS_BRAND), brand=TENANT),
        ),
        ("PutIndex brand keyword on_disk=True",),
    ),
    Case(
        "one that came out right after all is no longer recorded",
        subject(WANTS_BRAND),
        observed(HAS_BRAND.model_copy(update={"unsupported_indexes": (UNSUPPORTED,)})),
        ("ReplaceDocument ready r8",),
    ),
)
