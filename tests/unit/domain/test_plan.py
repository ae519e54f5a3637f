"""The planner, branch by branch: a custom resource, what the stores hold, and the next writes or findings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.actions import InsertDocument, PutIndex, ReplaceDocument
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument, State, UnsupportedIndex
from namespace_operator.domain.observed import Collection, InvalidSpec, Observed, Subject
from namespace_operator.domain.plan import plan
from namespace_operator.domain.vectors import NamedVector
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    SERVER_VERSION,
    another_document,
    claims,
    collection,
    context,
    document,
    extractor,
    index,
    observed,
    owner,
    registered,
    spec,
    status_of,
    subject,
    with_indexes,
    with_vectors,
)
from tests.unit.domain.wording import words

TEXT = registered("text_extractor_v1")
FILM = registered("film_extractor_v1")
KEYWORD = {"type": "keyword"}
TENANT = {"type": "keyword", "is_tenant": True}

SYSTEM_PUTS = (
    "PutIndex internal_id keyword is_tenant=True",
    "PutIndex namespace_id keyword is_tenant=True",
    "PutIndex collection_id keyword is_tenant=True",
    "PutIndex document_id keyword",
    "PutIndex bucket_id keyword",
)

WANTS_TEXT = spec(featureExtractors=[extractor("text_extractor_v1")])
WANTS_BRAND = spec(payloadIndexes=[index("brand")])
DELETES = spec(deletionPolicy="Delete")

HAS_TEXT = document([TEXT])
HAS_BRAND = document(indexes={"brand": KEYWORD})
NEW = document([TEXT], state=State.PROVISIONING, bound=False, bound_vectors=(), vector_inference_map={})
UNSUPPORTED = UnsupportedIndex(field_name="brand", field_schema=KEYWORD, server_version=SERVER_VERSION, made=TENANT)
STATUS_OF_TEXT = status_of(HAS_TEXT)


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


def _marked(of: NamespaceDocument, **metadata: object) -> Collection:
    live = collection(of)
    changed = {**live.metadata, **{f"mixpeek.com/{key}": value for key, value in metadata.items()}}
    return replace(live, metadata={key: value for key, value in changed.items() if value is not None})


def _lost(live: Collection | None, **changes: object) -> Observed:
    """MongoDB has nothing of the namespace any more."""
    return replace(Observed(collection=live, server_version=SERVER_VERSION), **changes)  # type: ignore[arg-type] # fields by name


@dataclass(frozen=True)
class Case:
    """``actions`` in words, ``reasons`` of the findings, and what their messages must say."""

    id: str
    subject: Subject
    observed: Observed
    actions: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    says: str = ""


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
        says="add it again (dense 1024 cosine float32)",
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
            observed(NEW, replace(_marked(NEW, **metadata), vectors={}, indexes={})),
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
        observed(HAS_TEXT.model_copy(update={"owner": owner(k8s_namespace_uid="earlier")})),
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
        observed(HAS_TEXT.model_copy(update={"state": State.RETAINED, "claims": claims(None)}), name_holder=None),
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
        Observed(name_holder=another_document()),
        reasons=(Reason.NAME_CONFLICT,),
        says="held by ns_9876543210 (Namespace acme/series)",
    ),
    Case(
        "new under a name a malformed document holds",
        subject(),
        Observed(name_holder=MalformedDocument("x", "state: bad")),
        reasons=(Reason.NAME_CONFLICT,),
        says="claimed by the malformed document x (state: bad)",
    ),
    Case(
        "renamed to a name that is held keeps its own",
        subject(spec(namespaceName="series")),
        observed(document(), name_holder=another_document()),
        reasons=(Reason.NAME_CONFLICT,),
    ),
    Case(
        "renamed to a name that is held: the rest is done",
        subject(spec(namespaceName="series", payloadIndexes=[index("brand")])),
        observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None), name_holder=another_document()),
        ("PutIndex brand keyword",),
    ),
    Case(
        "renamed to a free name",
        subject(spec(namespaceName="movies")),
        observed(document(), name_holder=None),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "retained, and its name was taken meanwhile",
        subject(uid="cr-uid-new"),
        observed(
            document(state=State.RETAINED, claims=claims(None)),
            name_holder=another_document(namespace_name="films"),
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
        _lost(collection(HAS_TEXT)),
        ("InsertDocument provisioning r2",),
    ),
    Case(
        "document lost and its name taken",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        _lost(collection(HAS_TEXT), name_holder=another_document()),
        reasons=(Reason.NAME_CONFLICT,),
    ),
    Case(
        "both lost",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        _lost(None),
        reasons=(Reason.COLLECTION_LOST,),
        says="both stores lost it",
    ),
    Case(
        "document lost, collection of another",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        _lost(_marked(HAS_TEXT, instance="other-cluster:default")),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
    Case(
        "document lost, the collection a copy under another name",
        subject(WANTS_TEXT, status=STATUS_OF_TEXT),
        _lost(_marked(HAS_TEXT, collection="ns_original00")),
        reasons=(Reason.COLLECTION_NOT_OWNED,),
    ),
)

TABLES = {
    "beginning": BEGINNINGS,
    "extractor": EXTRACTORS,
    "index": INDEXES,
    "ownership": OWNERSHIP,
    "name": NAMES,
    "finalizer": FINALIZERS,
    "recovery": RECOVERY,
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=f"{table}: {case.id}") for table, cases in TABLES.items() for case in cases]
)
def test_plan(case: Case) -> None:
    step = plan(case.subject, case.observed, context())
    assert words(step.actions) == case.actions
    assert tuple(finding.reason for finding in step.findings) == case.reasons
    assert case.says in " ".join(finding.message for finding in step.findings)


def _only_document(step_of: Subject, seen: Observed) -> NamespaceDocument:
    (action,) = plan(step_of, seen, context()).actions
    assert isinstance(action, InsertDocument | ReplaceDocument)
    return action.document


def test_a_new_document_claims_resource_name_and_collection_before_anything_stands_in_qdrant() -> None:
    made = _only_document(subject(spec(namespaceName="movies", payloadIndexes=[index("brand")])), Observed())
    assert made.claims == claims("movies")
    assert (made.namespace_id, made.collection, made.owner) == (NAMESPACE_ID, NAMESPACE_ID, owner())
    assert [entry.field_name for entry in made.payload_indexes] == ["brand"]
    assert not made.bound


def test_the_collection_is_created_with_its_mark() -> None:
    create = plan(subject(WANTS_TEXT), observed(NEW, collection=None), context()).actions[0]
    assert create.metadata == {  # type: ignore[union-attr] # the table says what it is
        "mixpeek.com/instance": "cluster-uid:default",
        "mixpeek.com/organization": "acme",
        "mixpeek.com/collection": NAMESPACE_ID,
        "mixpeek.com/incarnation": 1,
        f"mixpeek.com/member.{NAMESPACE_ID}": "films",
    }


def test_an_announcement_takes_nothing_away_that_may_still_stand() -> None:
    both = document([TEXT], {"brand": KEYWORD})
    wanted = subject(spec(payloadIndexes=[index("price", "float")], featureExtractors=[extractor("film_extractor_v1")]))
    announced = _only_document(wanted, observed(both))
    assert [entry.field_name for entry in announced.payload_indexes] == ["brand", "price"]
    assert [e.feature_extractor_id for e in announced.feature_extractors] == ["text_extractor_v1", "film_extractor_v1"]
    assert announced.bound_vectors == both.bound_vectors


def test_a_confirmation_binds_what_is_there() -> None:
    confirmed = _only_document(subject(WANTS_TEXT), observed(NEW))
    assert (confirmed.bound, confirmed.bound_vectors) == (True, ("text",))
    assert confirmed.vector_inference_map == {"text": "e5"}


def test_a_confirmation_does_not_bind_what_never_came() -> None:
    lacking = observed(HAS_BRAND, with_indexes(collection(HAS_BRAND), brand=None))
    tried = replace(lacking, tried_indexes=frozenset({PutIndex(NAMESPACE_ID, "brand", KEYWORD).attempt}))
    confirmed = _only_document(subject(WANTS_BRAND), tried)
    assert confirmed.unsupported_indexes == (UNSUPPORTED.model_copy(update={"made": None}),)


def test_renaming_moves_the_claim_and_keeps_the_id() -> None:
    renamed = _only_document(subject(spec(namespaceName="movies")), observed(document(), name_holder=None))
    assert (renamed.namespace_name, renamed.claims) == ("movies", claims("movies"))
    assert renamed.namespace_id == NAMESPACE_ID


def test_a_rename_in_conflict_announces_the_rest_under_the_old_name() -> None:
    wanted = subject(spec(namespaceName="series", description="Films"))
    announced = _only_document(wanted, observed(document(), name_holder=another_document()))
    assert (announced.description, announced.namespace_name, announced.claims) == ("Films", "films", claims())


@pytest.mark.parametrize(
    ("field", "edited"),
    [
        ("description", "edited"),
        ("namespace_name", "edited"),
        ("claims", ()),
        ("vector_inference_map", {}),
        ("owner", owner(cr_uid="an-earlier-object")),
        ("state", State.DELETING),
    ],
)
def test_an_edit_of_our_fields_is_set_back(field: str, edited: object) -> None:
    seen = observed(HAS_TEXT.model_copy(update={field: edited}))
    for _ in range(2):
        step = plan(subject(WANTS_TEXT), seen, context())
        for action in step.actions:
            assert isinstance(action, ReplaceDocument)
            seen = replace(seen, document=action.document)
    assert isinstance(seen.document, NamespaceDocument)
    assert HAS_TEXT.holds(seen.document)


def test_recovery_brings_back_what_was_registered_not_what_the_spec_says_today() -> None:
    before = document([registered("text_extractor_v1", model="minilm"), FILM], {"brand": KEYWORD, "old": KEYWORD})
    live = with_indexes(collection(before), mine=KEYWORD)
    today = spec(featureExtractors=[extractor("text_extractor_v1")], payloadIndexes=[index("brand")])
    recovered = _only_document(subject(today, status=status_of(before, live)), _lost(live))

    assert recovered.feature_extractors == before.feature_extractors
    assert recovered.mark == before.mark
    assert recovered.bound
    assert recovered.bound_vectors == ("frames", "patches", "text", "words")
    # "old" is still ours to drop, "mine" never was.
    assert [entry.field_name for entry in recovered.payload_indexes] == ["brand", "old"]

    seen = observed(recovered, live)
    (drop,) = plan(subject(today), seen, context()).actions
    assert words((drop,)) == ("DropIndex old",)


def test_recovery_keeps_params_locked() -> None:
    before = document([registered("text_extractor_v1", model="minilm")])
    wanted = subject(WANTS_TEXT, status=status_of(before))
    recovered = _only_document(wanted, _lost(collection(before)))
    confirmed = _only_document(wanted, observed(recovered, collection(before)))
    reasons = [finding.reason for finding in plan(wanted, observed(confirmed, collection(before)), context()).findings]
    assert reasons == [Reason.PARAMS_LOCKED]


def test_a_status_without_id_is_no_namespace_to_recover() -> None:
    step = plan(subject(status=NamespaceStatus(namespace_name="films")), Observed(), context())
    assert words(step.actions) == ("InsertDocument provisioning r1",)
