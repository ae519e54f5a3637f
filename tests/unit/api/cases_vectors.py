"""Modes and own vectors, good and bad."""

from typing import Any

from tests.unit.api.case import VECTOR, Case, Change, Refusal, extractor, vector

_NAME_TEXT = "name of a vector must be letters, digits, _, - or dots, beginning with a letter, digit or _"
_NO_DIMENSION = Refusal(
    f"{VECTOR}.dimension",
    "vector title has no dimension; set the number of components, 1-65536, or kind: sparse",
)
_NO_EXTRACTORS = Refusal(
    "spec.featureExtractors",
    "mode standalone has no featureExtractors; list the vectors in vectorConfigs, or use mode managed",
)
_NO_VECTORS = Refusal(
    "spec.vectorConfigs",
    "vectorConfigs belong to mode standalone only; list featureExtractors, or set mode: standalone",
)


def _sparse_has_no(field: str) -> Refusal:
    return Refusal(f"{VECTOR}.{field}", f"vector title is sparse and has no {field}; remove it or change kind")


def _sparse(**entry: Any) -> dict[str, Any]:
    return {"mode": "standalone", "vectorConfigs": [{"name": "title", "kind": "sparse"} | entry]}


def _many(count: int) -> dict[str, Any]:
    return {"mode": "standalone", "vectorConfigs": [{"name": f"v{n}", "dimension": 4} for n in range(count)]}


def _named(*names: str) -> dict[str, Any]:
    return {"mode": "standalone", "vectorConfigs": [{"name": name, "dimension": 4} for name in names]}


_GOOD_NAMES = ("a", "_a", "7", "title.de-CH_v1", "N" * 200)
_BAD_NAMES = ("-a", ".a", "a b", "a/b", "größe", "a\n", "a:b")

VECTOR_CASES: tuple[Case, ...] = (
    Case("mode managed", {"mode": "managed"}),
    Case("mode standalone", {"mode": "standalone"}),
    Case("mode in upper case", {"mode": "Managed"}, (Refusal("spec.mode"),)),
    Case("mode is empty", {"mode": ""}, (Refusal("spec.mode"),)),
    Case("mode managed with extractors", extractor() | {"mode": "managed"}),
    Case("mode standalone with extractors", extractor() | {"mode": "standalone"}, (_NO_EXTRACTORS,)),
    Case("mode standalone with no extractors", {"mode": "standalone", "featureExtractors": []}),
    Case("mode managed with vectors", vector() | {"mode": "managed"}, (_NO_VECTORS,)),
    Case("mode left out with vectors", vector() | {"mode": None}, (_NO_VECTORS,)),
    Case("mode managed with no vectors", {"mode": "managed", "vectorConfigs": []}),
    Case("vectors and extractors, managed", vector() | extractor() | {"mode": "managed"}, (_NO_VECTORS,)),
    Case("vectors and extractors, standalone", vector() | extractor(), (_NO_EXTRACTORS,)),
    # kinds
    Case("dense by default", vector()),
    Case("dense", vector(kind="dense")),
    Case("multi_dense", vector(kind="multi_dense", metric="dot")),
    Case("sparse", _sparse()),
    Case("kind spelled with a dash", vector(kind="multi-dense"), (Refusal(f"{VECTOR}.kind"),)),
    Case("dense without a dimension", vector(dimension=None), (_NO_DIMENSION,)),
    Case("dense by name without a dimension", vector(dimension=None, kind="dense"), (_NO_DIMENSION,)),
    Case("multi_dense without a dimension", vector(dimension=None, kind="multi_dense"), (_NO_DIMENSION,)),
    Case("sparse with a dimension", _sparse(dimension=4), (_sparse_has_no("dimension"),)),
    Case("sparse with a metric", _sparse(metric="dot"), (_sparse_has_no("metric"),)),
    Case("sparse with both", _sparse(dimension=4, metric="dot"), tuple(map(_sparse_has_no, ("dimension", "metric")))),
    Case("sparse with nulls", _sparse(dimension=None, metric=None)),
    # numbers and metrics
    *(Case(f"dimension {value}", vector(dimension=value)) for value in (1, 65536)),
    *(
        Case(f"dimension {value!r}", vector(dimension=value), (Refusal(f"{VECTOR}.dimension"),))
        for value in (0, -4, 65537, 2.5, "4", True, 2**40)
    ),
    *(Case(f"metric {value}", vector(metric=value)) for value in ("cosine", "dot", "euclidean", "manhattan")),
    *(
        Case(f"metric {value!r}", vector(metric=value), (Refusal(f"{VECTOR}.metric"),))
        for value in ("Cosine", "euclid", "", 1)
    ),
    # names and numbers of entries
    *(Case(f"vector {name!r}", vector(name=name)) for name in _GOOD_NAMES),
    *(Case(f"vector {name!r}", vector(name=name), (Refusal(f"{VECTOR}.name", _NAME_TEXT),)) for name in _BAD_NAMES),
    Case("vector without a name", vector(name=None), (Refusal(f"{VECTOR}.name"),)),
    Case("vector with an empty name", vector(name=""), (Refusal(f"{VECTOR}.name"),)),
    Case("vector name of 201", vector(name="a" * 201), (Refusal(f"{VECTOR}.name"),)),
    Case("vectors that differ in case", _named("Title", "title")),
    Case("a vector twice", _named("title", "title"), (Refusal("spec.vectorConfigs[1]"),)),
    Case("64 vectors", _many(64)),
    Case("65 vectors", _many(65), (Refusal("spec.vectorConfigs"),)),
    Case("vectors are no list", {"mode": "standalone", "vectorConfigs": {}}, (Refusal("spec.vectorConfigs"),)),
)

_CHANGED = Refusal(VECTOR, "vector title cannot change once applied; restore it and add another one under a new name")
_KEPT = Refusal(
    "spec.vectorConfigs",
    "an entry of vectorConfigs cannot be removed: its vector stays in the collection; restore the entry",
)

VECTOR_CHANGES: tuple[Change, ...] = (
    Change("the first vector comes", {"mode": "standalone"}, vector()),
    Change("a vector comes", _named("title"), _named("title", "body")),
    Change("a vector comes first", _named("title"), _named("body", "title")),
    Change("vectors change places", _named("title", "body"), _named("body", "title")),
    Change("vector defaults are written", vector(), vector(kind="dense", metric="cosine")),
    Change("vector defaults are left out", vector(kind="dense", metric="cosine"), vector()),
    Change("vector defaults become null", vector(kind="dense", metric="cosine"), vector(kind=None, metric=None)),
    Change("dimension changes", vector(), vector(dimension=8), (_CHANGED,)),
    Change("metric changes", vector(metric="dot"), vector(metric="cosine"), (_CHANGED,)),
    Change("metric comes", vector(), vector(metric="dot"), (_CHANGED,)),
    Change("metric goes", vector(metric="dot"), vector(), (_CHANGED,)),
    Change("dense becomes multi_dense", vector(), vector(kind="multi_dense"), (_CHANGED,)),
    Change("dense becomes sparse", vector(), _sparse(), (_CHANGED,)),
    Change("sparse becomes dense", _sparse(), vector(), (_CHANGED,)),
    Change("sparse stays", _sparse(), _sparse(metric=None) | {"description": "new"}),
    Change("a vector goes", _named("title", "body"), _named("title"), (_KEPT,)),
    Change("the last vector goes", vector(), {"mode": "standalone", "vectorConfigs": []}, (_KEPT,)),
    Change("all vectors go with the list", vector(), {"mode": "standalone"}, (_KEPT,)),
    Change("a vector is renamed", _named("title"), _named("body"), (_KEPT,)),
)
