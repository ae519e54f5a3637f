"""Names, texts, choices and feature extractors, good and bad."""

from typing import Any

from namespace_operator.api.names import MARKER_COLLECTION
from tests.unit.api.case import COLLECTION, EXTRACTOR, Case, Change, Refusal, extractor

_NAME_TEXT = "namespaceName must be letters, digits, _ or -, beginning with a letter or digit"
_ID_TEXT = "namespaceId must be ns_ and 3-64 letters, digits or _; it names a namespace whose data exists"
_COLLECTION_TEXT = "qdrantCollection must be letters, digits, _, - or dots, beginning with a letter, digit or _"


def _collection(name: Any) -> dict[str, Any]:
    return {"infrastructure": {"qdrantCollection": name}}


def _unusable(name: str) -> Refusal:
    text = f"metadata.name {name} cannot serve as namespaceName (3-64 letters, digits, _ or -); set spec.namespaceName"
    return Refusal("spec.namespaceName", text)


_ID_AS_NAME = Refusal(
    "spec.namespaceName", "namespaceName ns_0123456789 begins with ns_ like a namespace id; choose another name"
)
_ID_AS_COLLECTION = Refusal(
    COLLECTION,
    "qdrantCollection of ns_ and ten hexadecimal digits is kept for namespace ids; choose another name,"
    " or set namespaceId to the same",
)

_CHOICES: tuple[tuple[str, Any, bool], ...] = (
    ("namespaceType", "standard", True),
    ("namespaceType", "marketplace", True),
    ("namespaceType", "Standard", False),
    ("namespaceType", True, False),
    ("scope", "org", True),
    ("scope", "system", True),
    ("scope", "global", False),
    ("scope", "", False),
)

_GOOD_IDS = ("ns_abc", "ns_0123456789", "ns_" + "Z" * 64, "ns____")
_BAD_IDS: tuple[tuple[Any, Refusal], ...] = (
    ("ns_ab", Refusal("spec.namespaceId")),
    ("ns_" + "a" * 65, Refusal("spec.namespaceId")),
    ("", Refusal("spec.namespaceId")),
    (7, Refusal("spec.namespaceId")),
    ("products", Refusal("spec.namespaceId", _ID_TEXT)),
    ("ns_a-b-c", Refusal("spec.namespaceId", _ID_TEXT)),
    ("NS_abc", Refusal("spec.namespaceId", _ID_TEXT)),
    (" ns_abc", Refusal("spec.namespaceId", _ID_TEXT)),
    ("ns_abc\n", Refusal("spec.namespaceId", _ID_TEXT)),
    ("ns_größe", Refusal("spec.namespaceId", _ID_TEXT)),
)

# What begins with ns_ and is no id that the operator would make is a name like any other.
_GOOD_COLLECTIONS = (
    *("abc", "_abc", "7.products-2_b", "N" * 128),
    *("ns_", "ns_dev", "ns_012345678", "ns_01234567890", "ns_012345678g", "ns_ABCDEF0123", "NS_0123456789"),
)
_BAD_COLLECTIONS: tuple[tuple[Any, Refusal], ...] = (
    ("ab", Refusal(COLLECTION)),
    ("a" * 129, Refusal(COLLECTION)),
    (True, Refusal(COLLECTION)),
    ("-abc", Refusal(COLLECTION, _COLLECTION_TEXT)),
    ("..", Refusal(COLLECTION)),
    ("../abc", Refusal(COLLECTION, _COLLECTION_TEXT)),
    ("a b", Refusal(COLLECTION, _COLLECTION_TEXT)),
    ("größe", Refusal(COLLECTION, _COLLECTION_TEXT)),
    ("abc\n", Refusal(COLLECTION, _COLLECTION_TEXT)),
    ("ns_0123456789", _ID_AS_COLLECTION),
    ("ns_abcdef0123", _ID_AS_COLLECTION),
    ("ns_0123456789\n", Refusal(COLLECTION, _COLLECTION_TEXT)),
    (
        MARKER_COLLECTION,
        Refusal(COLLECTION, f"qdrantCollection {MARKER_COLLECTION} is the operator's own; choose another name"),
    ),
)

SPEC_CASES: tuple[Case, ...] = (
    Case("empty spec", {}),
    Case("empty lists", {"featureExtractors": [], "payloadIndexes": []}),
    Case("spec is a text", "text", (Refusal("spec"),)),
    # names
    Case("shortest name", {"namespaceName": "a_1"}),
    Case("longest name", {"namespaceName": "N" * 64}),
    Case("name of 2", {"namespaceName": "ab"}, (Refusal("spec.namespaceName"),)),
    Case("name of 65", {"namespaceName": "a" * 65}, (Refusal("spec.namespaceName"),)),
    Case("name with a dot", {"namespaceName": "a.b.c"}, (Refusal("spec.namespaceName", _NAME_TEXT),)),
    Case("name begins with -", {"namespaceName": "-abc"}, (Refusal("spec.namespaceName", _NAME_TEXT),)),
    Case("name ends with a newline", {"namespaceName": "abc\n"}, (Refusal("spec.namespaceName", _NAME_TEXT),)),
    Case("name beyond ASCII", {"namespaceName": "größe"}, (Refusal("spec.namespaceName", _NAME_TEXT),)),
    Case("name like an id", {"namespaceName": "ns_0123456789"}, (_ID_AS_NAME,)),
    Case("name almost like an id", {"namespaceName": "ns-012345678"}),
    Case("name is a number", {"namespaceName": 123}, (Refusal("spec.namespaceName"),)),
    Case("metadata.name too short", {}, (_unusable("ab"),), name="ab"),
    Case("metadata.name with a dot", {}, (_unusable("a.b.c"),), name="a.b.c"),
    Case("metadata.name too long", {}, (_unusable("a" * 65),), name="a" * 65),
    Case("namespaceName stands in for metadata.name", {"namespaceName": "a_b"}, name="a.b.c"),
    # description and policy
    Case("description of 500", {"description": "ä" * 500}),
    Case("description of 501", {"description": "a" * 501}, (Refusal("spec.description"),)),
    Case("empty description", {"description": ""}),
    Case("description is a list", {"description": ["a"]}, (Refusal("spec.description"),)),
    Case("policy Retain", {"deletionPolicy": "Retain"}),
    Case("policy Delete", {"deletionPolicy": "Delete"}),
    Case("policy in lower case", {"deletionPolicy": "delete"}, (Refusal("spec.deletionPolicy"),)),
    # type, scope, id, collection
    *(
        Case(f"{field} {value}", {field: value}, () if good else (Refusal(f"spec.{field}"),))
        for field, value, good in _CHOICES
    ),
    *(Case(f"namespaceId {value!r}", {"namespaceId": value}) for value in _GOOD_IDS),
    *(Case(f"namespaceId {value!r}", {"namespaceId": value}, (refusal,)) for value, refusal in _BAD_IDS),
    Case("empty infrastructure", {"infrastructure": {}}),
    Case("infrastructure is a text", {"infrastructure": "products"}, (Refusal("spec.infrastructure"),)),
    *(Case(f"collection {value!r}", _collection(value)) for value in _GOOD_COLLECTIONS),
    *(Case(f"collection {value!r}", _collection(value), (refusal,)) for value, refusal in _BAD_COLLECTIONS),
    Case("collection of the same id", _collection("ns_0123456789") | {"namespaceId": "ns_0123456789"}),
    Case(
        "collection of another id",
        _collection("ns_0123456789") | {"namespaceId": "ns_012345678a"},
        (_ID_AS_COLLECTION,),
    ),
    Case("a chosen id beside another collection like an id", _collection("ns_dev") | {"namespaceId": "ns_prod"}),
    # feature extractors
    Case("extractor", extractor()),
    Case("extractor with params", extractor(params={"output_dimensionality": 768, "deep": {"list": [1, None, "a"]}})),
    Case("extractor with empty params", extractor(params={})),
    Case("params beyond what JavaScript counts exactly", extractor(params={"seed": 2**53 + 1, "ratio": 1e-9})),
    Case("params is a list", extractor(params=[1]), (Refusal(f"{EXTRACTOR}.params"),)),
    Case(
        "two versions of an extractor",
        {"featureExtractors": [{"featureExtractorName": "a", "version": v} for v in ("v1", "v2")]},
    ),
    Case(
        "an extractor twice",
        {"featureExtractors": [{"featureExtractorName": "a", "version": "v1"}] * 2},
        (Refusal("spec.featureExtractors[1]"),),
    ),
    Case(
        "extractor without a version",
        {"featureExtractors": [{"featureExtractorName": "a"}]},
        (Refusal(f"{EXTRACTOR}.version"),),
    ),
    Case(
        "extractor without a name",
        {"featureExtractors": [{"version": "v1"}]},
        (Refusal(f"{EXTRACTOR}.featureExtractorName"),),
    ),
    Case(
        "version as a plugin has it",
        extractor(version="1.0.0"),
        (Refusal(f"{EXTRACTOR}.version", "version must be v and a number, like v1"),),
    ),
    Case("version too long", extractor(version="v" + "1" * 16), (Refusal(f"{EXTRACTOR}.version"),)),
    Case(
        "extractor name in upper case",
        extractor(featureExtractorName="Text"),
        (
            Refusal(
                f"{EXTRACTOR}.featureExtractorName",
                "featureExtractorName must be lower-case letters, digits and _, beginning with a letter",
            ),
        ),
    ),
    Case("empty extractor name", extractor(featureExtractorName=""), (Refusal(f"{EXTRACTOR}.featureExtractorName"),)),
    Case(
        "64 extractors", {"featureExtractors": [{"featureExtractorName": f"e{n}", "version": "v1"} for n in range(64)]}
    ),
    Case(
        "65 extractors",
        {"featureExtractors": [{"featureExtractorName": f"e{n}", "version": "v1"} for n in range(65)]},
        (Refusal("spec.featureExtractors"),),
    ),
)

_PARAMS = Refusal(
    f"{EXTRACTOR}.params",
    "params of text_extractor_v1 are locked once registered; restore them or add another version",
)

_NAME = Refusal("spec.namespaceName", _NAME_TEXT)
_ID_KEPT = Refusal(
    "spec.namespaceId",
    "namespaceId is immutable and cannot be added or removed; restore it, or create another Namespace",
)
_BOUND = Refusal(
    "spec.infrastructure",
    "infrastructure.qdrantCollection cannot change once the collection in status.collection is bound;"
    " restore it, or create another Namespace",
)
_PRODUCTS = {"collection": "products"}
_OWN = {"collection": "ns_0123456789"}

_IMMUTABLE = (
    ("mode", "managed", "standalone"),
    ("namespaceType", "standard", "marketplace"),
    ("scope", "org", "system"),
)


def _set(field: str, value: str | None) -> dict[str, Any]:
    return {} if value is None else {field: value}


def _immutable(field: str) -> Refusal:
    (default,) = [default for name, default, _ in _IMMUTABLE if name == field]
    return Refusal(
        f"spec.{field}", f"{field} is immutable ({default} if absent); restore it, or create another Namespace"
    )


SPEC_CHANGES: tuple[Change, ...] = (
    Change("rename", {"namespaceName": "abc"}, {"namespaceName": "def"}),
    Change("an extractor goes", extractor(params={"a": 1}), {}),
    Change("an extractor comes", {}, extractor(params={"a": 1})),
    Change("same params in another order", extractor(params={"a": 1, "b": [2]}), extractor(params={"b": [2], "a": 1})),
    Change("params change", extractor(params={"a": 1}), extractor(params={"a": 2}), (_PARAMS,)),
    Change("params change below", extractor(params={"a": {"b": 1}}), extractor(params={"a": {"b": 2}}), (_PARAMS,)),
    Change("params come", extractor(), extractor(params={"a": 2}), (_PARAMS,)),
    Change("params go", extractor(params={"a": 1}), extractor(), (_PARAMS,)),
    Change("params become null", extractor(params={"a": 1}), extractor(params=None), (_PARAMS,)),
    Change("absent params become null", extractor(), extractor(params=None)),
    Change("name is left out again", {"namespaceName": "abc"}, {}),
    Change("name becomes a bad one", {"namespaceName": "abc"}, {"namespaceName": "a b"}, (_NAME,)),
    Change("description is cleared", {"description": "a"}, {"description": None}),
    Change("Retain becomes Delete", {"deletionPolicy": "Retain"}, {"deletionPolicy": "Delete"}),
    Change("Delete becomes Retain", {"deletionPolicy": "Delete"}, {"deletionPolicy": "Retain"}),
    Change("policy is left out again", {"deletionPolicy": "Delete"}, {}),
    *(
        Change(f"{field}: {old} to {new}", _set(field, old), _set(field, new), () if same else (_immutable(field),))
        for field, default, other in _IMMUTABLE
        for old, new, same in (
            (None, default, True),
            (default, None, True),
            (default, default, True),
            (other, other, True),
            (None, other, False),
            (default, other, False),
            (other, None, False),
            (other, default, False),
        )
    ),
    Change("default becomes null", {"mode": "managed", "scope": "org"}, {"mode": None, "scope": None}),
    Change("chosen scope becomes null", {"scope": "system"}, {"scope": None}, (_immutable("scope"),)),
    Change("namespaceId stays", {"namespaceId": "ns_abc"}, {"namespaceId": "ns_abc", "description": "new"}),
    Change("namespaceId comes", {}, {"namespaceId": "ns_abc"}, (_ID_KEPT,)),
    Change("namespaceId goes", {"namespaceId": "ns_abc"}, {}, (_ID_KEPT,)),
    Change("namespaceId becomes null", {"namespaceId": "ns_abc"}, {"namespaceId": None}, (_ID_KEPT,)),
    Change("namespaceId changes", {"namespaceId": "ns_abc"}, {"namespaceId": "ns_abcd"}, (_ID_KEPT,)),
    # the collection, before and after it is bound
    Change("unbound collection comes", {}, _collection("products")),
    Change("unbound collection changes", _collection("taken"), _collection("products")),
    Change("unbound collection goes", _collection("taken"), {}),
    Change("unbound, other status", _collection("taken"), {}, status={"namespaceId": "ns_0123456789"}),
    Change("bound collection stays", _collection("products"), _collection("products"), status=_PRODUCTS),
    Change("bound collection changes", _collection("products"), _collection("a_b"), (_BOUND,), status=_PRODUCTS),
    Change("bound collection goes", _collection("products"), {"infrastructure": {}}, (_BOUND,), status=_PRODUCTS),
    Change("bound collection becomes null", _collection("products"), _collection(None), (_BOUND,), status=_PRODUCTS),
    Change("infrastructure of a bound collection goes", _collection("products"), {}, (_BOUND,), status=_PRODUCTS),
    Change("another than the bound collection comes", {}, _collection("products"), (_BOUND,), status=_OWN),
    Change("the id's collection is written down", {}, _collection("ns_0123456789"), (_ID_AS_COLLECTION,), status=_OWN),
    Change("what means the same as before, bound", {}, {"infrastructure": {}}, status=_OWN),
    Change(
        "a lost spec is restored from the bound collection",
        _collection("a_b"),
        _collection("products"),
        status=_PRODUCTS,
    ),
)
