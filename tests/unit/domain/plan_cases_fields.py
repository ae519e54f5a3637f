"""The planner's tables of fields that never change: own vectors, mode, type, scope."""

from __future__ import annotations

from typing import Any

from namespace_operator.api.spec import Mode, NamespaceSpec, NamespaceType, Scope
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.observed import Observed
from namespace_operator.domain.vectors import NamedVector, VectorKind
from tests.unit.domain.builders import (
    NAMESPACE_ID,
    claims,
    collection,
    document,
    extractor,
    observed,
    spec,
    subject,
    with_vectors,
)
from tests.unit.domain.plan_case import SYSTEM_PUTS, TEXT, Case

PLAIN = NamedVector(name="plain", size=4, distance="cosine")
WORDS = NamedVector(name="words", kind=VectorKind.SPARSE)
TOKENS = NamedVector(name="tokens", kind=VectorKind.MULTI_DENSE, size=2, distance="dot")

ASKED: dict[str, dict[str, Any]] = {
    "plain": {"name": "plain", "dimension": 4},
    "words": {"name": "words", "kind": "sparse"},
    "tokens": {"name": "tokens", "kind": "multi_dense", "dimension": 2, "metric": "dot"},
}


def standalone(*names: str, **changes: dict[str, Any]) -> NamespaceSpec:
    """A standalone spec with these vectors, some of them changed."""
    configs = [{**ASKED[name], **changes.get(name, {})} for name in names]
    return spec(mode="standalone", vectorConfigs=configs)


def has(*vectors: NamedVector, **changes: Any) -> NamespaceDocument:
    """The settled document of a standalone namespace."""
    bound = tuple(sorted(vector.name for vector in vectors))
    return document(mode=Mode.STANDALONE, vector_configs=vectors, bound_vectors=bound, **changes)


ALL = has(PLAIN, WORDS, TOKENS)
UNBOUND = {"state": State.PROVISIONING, "bound": False, "bound_vectors": ()}

STANDALONE = (
    Case("new", subject(standalone("plain", "words", "tokens")), Observed(), ("InsertDocument provisioning r1",)),
    Case(
        "made with its own vectors",
        subject(standalone("plain", "words", "tokens")),
        observed(ALL.model_copy(update=UNBOUND), collection=None),
        (f"CreateCollection {NAMESPACE_ID} [plain, words, tokens]", *SYSTEM_PUTS),
    ),
    Case("settled", subject(standalone("plain", "words", "tokens")), observed(ALL)),
    Case("settled without any vector", subject(standalone()), observed(has())),
    Case(
        "one more is announced first",
        subject(standalone("plain", "words")),
        observed(has(PLAIN)),
        ("ReplaceDocument ready r8",),
    ),
    Case(
        "one more of each kind is added",
        subject(standalone("plain", "words", "tokens")),
        observed(ALL.model_copy(update={"bound_vectors": ("plain",)}), collection(has(PLAIN))),
        ("AddVector words sparse float32", "AddVector tokens multi_dense 2 dot float32"),
    ),
    Case("one that is removed from the spec stays", subject(standalone("plain")), observed(ALL)),
    *(
        Case(
            f"another {what} than registered",
            subject(standalone("plain", plain=change)),
            observed(has(PLAIN)),
            reasons=(Reason.IMMUTABLE_FIELD,),
            says=f"spec.vectorConfigs: vector plain is {described}, but it was registered as dense 4 cosine float32",
        )
        for what, change, described in (
            ("dimension", {"dimension": 8}, "dense 8 cosine float32"),
            ("metric", {"metric": "dot"}, "dense 4 dot float32"),
            ("kind", {"kind": "multi_dense"}, "multi_dense 4 cosine float32"),
        )
    ),
    Case(
        "a written default is no change",
        subject(standalone("plain", plain={"kind": "dense", "metric": "cosine"})),
        observed(has(PLAIN)),
    ),
    Case(
        "one that differs does not keep another from being added",
        subject(standalone("plain", "words", plain={"dimension": 8})),
        observed(has(PLAIN, WORDS).model_copy(update={"bound_vectors": ("plain",)}), collection(has(PLAIN))),
        ("AddVector words sparse float32",),
    ),
    Case(
        "one that was there is missing",
        subject(standalone("plain")),
        observed(has(PLAIN), with_vectors(collection(has(PLAIN)), plain=None)),
        reasons=(Reason.VECTOR_MISSING,),
        says="(dense 4 cosine float32) of collection ns_0123456789 is missing although it was there; set repairVectors",
    ),
    Case(
        "one that lives in another size",
        subject(standalone("plain")),
        observed(has(PLAIN), with_vectors(collection(has(PLAIN)), plain=PLAIN.model_copy(update={"size": 8}))),
        reasons=(Reason.VECTOR_MISMATCH,),
        says="is dense 8 cosine float32, registered is dense 4 cosine float32",
    ),
)

MADE = document([TEXT])
RETAINED = {"state": State.RETAINED, "claims": claims(None)}

IMMUTABLE = (
    *(
        Case(
            f"another {field} than the data was made with",
            subject(spec(**{field: asked})),
            observed(document().model_copy(update=made)),
            reasons=(Reason.IMMUTABLE_FIELD,),
            says=f"spec.{field} is {asked}, but {NAMESPACE_ID} was made with {next(iter(made.values()))}; restore it",
        )
        for field, asked, made in (
            ("mode", "standalone", {"mode": Mode.MANAGED}),
            ("namespaceType", "marketplace", {"namespace_type": NamespaceType.STANDARD}),
            ("scope", "system", {"scope": Scope.ORG}),
        )
    ),
    Case(
        "a default that is another than the data was made with",
        subject(),
        observed(has(namespace_type=NamespaceType.MARKETPLACE, scope=Scope.SYSTEM)),
        reasons=(Reason.IMMUTABLE_FIELD,) * 3,
        says="spec.scope is org",
    ),
    Case(
        "all of them as they were made",
        subject(spec(mode="standalone", namespaceType="marketplace", scope="system")),
        observed(has(namespace_type=NamespaceType.MARKETPLACE, scope=Scope.SYSTEM)),
    ),
    Case(
        "retained data that comes back to an object of another mode is attached",
        subject(standalone("plain"), uid="cr-uid-new"),
        observed(MADE.model_copy(update=RETAINED)),
        ("ReplaceDocument provisioning r8",),
    ),
    Case(
        "in the other mode no own vector is registered",
        subject(standalone("plain")),
        observed(MADE),
        reasons=(Reason.IMMUTABLE_FIELD,),
    ),
    Case(
        "in the other mode no extractor is registered",
        subject(spec(featureExtractors=[extractor("text_extractor_v1")])),
        observed(has(PLAIN)),
        reasons=(Reason.IMMUTABLE_FIELD,),
    ),
)
