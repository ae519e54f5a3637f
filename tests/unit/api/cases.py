"""Objects, good and bad, with the verdict that both the models and the API server must give on them."""

from dataclasses import dataclass
from typing import Any

from namespace_operator.api.names import PROTECTED_FIELDS


@dataclass(frozen=True)
class Refusal:
    """A refused field. `message` is None where API server and pydantic say it each in words of their own."""

    path: str
    message: str | None = None


@dataclass(frozen=True)
class Case:
    """An object to create, and the fields for which it is refused; none means it is accepted."""

    id: str
    spec: Any
    refusals: tuple[Refusal, ...] = ()
    name: str = "sample"


@dataclass(frozen=True)
class Change:
    """A change of an accepted object. Rules on changes exist in the API server only."""

    id: str
    old: dict[str, Any]
    new: dict[str, Any]
    refusals: tuple[Refusal, ...] = ()


def _index(**entry: Any) -> dict[str, Any]:
    return {"payloadIndexes": [{"fieldName": "brand"} | entry]}


def _schema(**schema: Any) -> dict[str, Any]:
    return _index(fieldSchema=schema)


def _extractor(**entry: Any) -> dict[str, Any]:
    return {"featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"} | entry]}


def _field(name: Any) -> dict[str, Any]:
    return _index(fieldName=name, type="keyword")


_ENTRY = "spec.payloadIndexes[0]"
_SCHEMA = f"{_ENTRY}.fieldSchema"
_EXTRACTOR = "spec.featureExtractors[0]"

_NAME_TEXT = "namespaceName must be letters, digits, _ or -, beginning with a letter or digit"
_PATH_TEXT = (
    "fieldName must be a Qdrant path: keys of letters, digits, _ or - joined by dots,"
    " keys with other characters (and only those) in double quotes without \\ inside, [] or [n] for arrays"
)
_RESERVED_TEXT = "fields below _internal are reserved for the system; rename the field"
_TOKENS_TEXT = "minTokenLen (2 if absent) is greater than maxTokenLen (15 if absent); lower it or raise maxTokenLen"
_NO_QUERY_TEXT = "lookup and range cannot both be false: the index would serve no query; set one to true"


def _unusable(name: str) -> Refusal:
    text = f"metadata.name {name} cannot serve as namespaceName (3-64 letters, digits, _ or -); set spec.namespaceName"
    return Refusal("spec.namespaceName", text)


def _misplaced(parameter: str, types: str) -> Refusal:
    text = f"{parameter} belongs to type {types} only; remove it or change type"
    return Refusal(f"{_SCHEMA}.{parameter}", text)


_EVERY_TYPE: dict[str, dict[str, Any]] = {
    "keyword": {"isTenant": True},
    "integer": {"lookup": True, "range": False, "isPrincipal": True},
    "float": {"isPrincipal": True},
    "bool": {},
    "geo": {},
    "datetime": {"isPrincipal": False},
    "text": {
        "tokenizer": "multilingual",
        "minTokenLen": 1,
        "maxTokenLen": 65535,
        "lowercase": False,
        "asciiFolding": True,
        "phraseMatching": True,
        "stopwords": {"languages": ["english", "hinglish"], "custom": ["foo", "bär"]},
        "stemmer": {"type": "snowball", "language": "tamil"},
    },
    "uuid": {"isTenant": False},
}

_MISPLACED: tuple[tuple[str, str, Any, str], ...] = (
    ("isTenant", "integer", True, "keyword or uuid"),
    ("isPrincipal", "keyword", False, "integer or float or datetime"),
    ("lookup", "float", True, "integer"),
    ("range", "datetime", True, "integer"),
    ("tokenizer", "keyword", "word", "text"),
    ("minTokenLen", "uuid", 2, "text"),
    ("maxTokenLen", "bool", 9, "text"),
    ("lowercase", "keyword", True, "text"),
    ("asciiFolding", "geo", True, "text"),
    ("phraseMatching", "integer", False, "text"),
    ("stopwords", "keyword", {"custom": ["a"]}, "text"),
    ("stemmer", "float", {"type": "snowball", "language": "german"}, "text"),
)

_GOOD_PATHS = (
    "brand",
    "meta.tags",
    "meta.tags[]",
    "a[0].b[].c",
    "Größe",
    "价格",
    "unit-price_2",
    '"unit price"',
    'meta."a.b"[].c',
    "_internals",
    "namespace_id.x",
    "7",
)

_BAD_PATHS = (
    "a b",
    "a..b",
    ".a",
    "a.",
    'bad"field',
    '"plain"',
    '"größe"',
    '"namespace_id"',
    '"_internal".x',
    'a."',
    '"a\\b"',
    "a[01]",
    "a[-1]",
    "a[x]",
    "a\n",
    "{fieldName}",
)

CASES: tuple[Case, ...] = (
    Case("empty spec", {}),
    Case(
        "every null is an absent field",
        {
            "namespaceName": None,
            "description": None,
            "featureExtractors": None,
            "payloadIndexes": None,
            "deletionPolicy": None,
        },
    ),
    Case("nulls inside items", _index(type="text", fieldSchema=None, isProtected=None) | _extractor(params=None)),
    Case("nulls inside the schema", _schema(type="text", stopwords={"languages": None, "custom": []}, stemmer=None)),
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
    # feature extractors
    Case("extractor", _extractor()),
    Case("extractor with params", _extractor(params={"output_dimensionality": 768, "deep": {"list": [1, None, "a"]}})),
    Case("extractor with empty params", _extractor(params={})),
    Case("params is a list", _extractor(params=[1]), (Refusal(f"{_EXTRACTOR}.params"),)),
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
        (Refusal(f"{_EXTRACTOR}.version"),),
    ),
    Case(
        "extractor without a name",
        {"featureExtractors": [{"version": "v1"}]},
        (Refusal(f"{_EXTRACTOR}.featureExtractorName"),),
    ),
    Case(
        "version as a plugin has it",
        _extractor(version="1.0.0"),
        (Refusal(f"{_EXTRACTOR}.version", "version must be v and a number, like v1"),),
    ),
    Case("version too long", _extractor(version="v" + "1" * 16), (Refusal(f"{_EXTRACTOR}.version"),)),
    Case(
        "extractor name in upper case",
        _extractor(featureExtractorName="Text"),
        (
            Refusal(
                f"{_EXTRACTOR}.featureExtractorName",
                "featureExtractorName must be lower-case letters, digits and _, beginning with a letter",
            ),
        ),
    ),
    Case("empty extractor name", _extractor(featureExtractorName=""), (Refusal(f"{_EXTRACTOR}.featureExtractorName"),)),
    Case(
        "64 extractors", {"featureExtractors": [{"featureExtractorName": f"e{n}", "version": "v1"} for n in range(64)]}
    ),
    Case(
        "65 extractors",
        {"featureExtractors": [{"featureExtractorName": f"e{n}", "version": "v1"} for n in range(65)]},
        (Refusal("spec.featureExtractors"),),
    ),
    # payload indexes: forms
    *(Case(f"type {name}", _index(type=name)) for name in _EVERY_TYPE),
    *(
        Case(f"schema of {name}", _schema(type=name, onDisk=True, enableHnsw=False, **parameters))
        for name, parameters in _EVERY_TYPE.items()
    ),
    Case("type and schema agree", _index(type="uuid", fieldSchema={"type": "uuid"}, isProtected=True)),
    Case(
        "type and schema disagree",
        _index(type="text", fieldSchema={"type": "integer"}),
        (Refusal(f"{_ENTRY}.type", "type text and fieldSchema.type integer disagree; drop one"),),
    ),
    Case(
        "neither type nor schema",
        _index(isProtected=False),
        (Refusal(_ENTRY, "payload index brand has neither type nor fieldSchema; set one"),),
    ),
    Case("schema without a type", _schema(isTenant=True), (Refusal(f"{_SCHEMA}.type"),)),
    Case("unknown type", _index(type="keywords"), (Refusal(f"{_ENTRY}.type"),)),
    Case("unknown type in the schema", _schema(type="vector"), (Refusal(f"{_SCHEMA}.type"),)),
    Case("isProtected as a text", _index(type="text", isProtected="true"), (Refusal(f"{_ENTRY}.isProtected"),)),
    Case("an entry without a field", {"payloadIndexes": [{"type": "text"}]}, (Refusal(f"{_ENTRY}.fieldName"),)),
    Case(
        "a field twice",
        {"payloadIndexes": [{"fieldName": "a", "type": "text"}, {"fieldName": "a", "type": "uuid"}]},
        (Refusal("spec.payloadIndexes[1]"),),
    ),
    Case("128 indexes", {"payloadIndexes": [{"fieldName": f"f{n}", "type": "text"} for n in range(128)]}),
    Case(
        "129 indexes",
        {"payloadIndexes": [{"fieldName": f"f{n}", "type": "text"} for n in range(129)]},
        (Refusal("spec.payloadIndexes"),),
    ),
    # payload indexes: names of fields
    *(Case(f"path {path!r}", _field(path)) for path in _GOOD_PATHS),
    *(Case(f"path {path!r}", _field(path), (Refusal(f"{_ENTRY}.fieldName", _PATH_TEXT),)) for path in _BAD_PATHS),
    Case("path of 255", _field("a" * 255)),
    Case("path of 256", _field("a" * 256), (Refusal(f"{_ENTRY}.fieldName"),)),
    Case("empty path", _field(""), (Refusal(f"{_ENTRY}.fieldName"),)),
    Case("path is a number", _field(7), (Refusal(f"{_ENTRY}.fieldName"),)),
    *(
        Case(
            f"system field {name}",
            _field(name),
            (
                Refusal(
                    f"{_ENTRY}.fieldName", f"{name} is a system field the operator indexes itself; remove this entry"
                ),
            ),
        )
        for name in PROTECTED_FIELDS
    ),
    *(
        Case(f"reserved {path}", _field(path), (Refusal(f"{_ENTRY}.fieldName", _RESERVED_TEXT),))
        for path in ("_internal", "_internal.a.b", "_internal[].a")
    ),
    # payload indexes: parameters
    *(
        Case(f"{parameter} at {name}", _schema(type=name, **{parameter: value}), (_misplaced(parameter, types),))
        for parameter, name, value, types in _MISPLACED
    ),
    Case(
        "every violated rule is named",
        _schema(type="keyword", tokenizer="word", lookup=True),
        (_misplaced("tokenizer", "text"), _misplaced("lookup", "integer")),
    ),
    Case(
        "lookup and range false",
        _schema(type="integer", lookup=False, range=False),
        (Refusal(f"{_SCHEMA}.lookup", _NO_QUERY_TEXT),),
    ),
    Case("only lookup, false", _schema(type="integer", lookup=False)),
    Case("token lengths equal", _schema(type="text", minTokenLen=3, maxTokenLen=3)),
    Case(
        "token lengths crossed",
        _schema(type="text", minTokenLen=9, maxTokenLen=2),
        (Refusal(f"{_SCHEMA}.minTokenLen", _TOKENS_TEXT),),
    ),
    Case(
        "minTokenLen above the default maximum",
        _schema(type="text", minTokenLen=16),
        (Refusal(f"{_SCHEMA}.minTokenLen", _TOKENS_TEXT),),
    ),
    Case(
        "maxTokenLen below the default minimum",
        _schema(type="text", maxTokenLen=1),
        (Refusal(f"{_SCHEMA}.minTokenLen", _TOKENS_TEXT),),
    ),
    Case("minTokenLen 0", _schema(type="text", minTokenLen=0), (Refusal(f"{_SCHEMA}.minTokenLen"),)),
    Case("maxTokenLen 65536", _schema(type="text", maxTokenLen=65536), (Refusal(f"{_SCHEMA}.maxTokenLen"),)),
    Case("minTokenLen as a text", _schema(type="text", minTokenLen="2"), (Refusal(f"{_SCHEMA}.minTokenLen"),)),
    Case("minTokenLen with a fraction", _schema(type="text", minTokenLen=2.5), (Refusal(f"{_SCHEMA}.minTokenLen"),)),
    Case("isTenant as a number", _schema(type="keyword", isTenant=1), (Refusal(f"{_SCHEMA}.isTenant"),)),
    Case("unknown tokenizer", _schema(type="text", tokenizer="nope"), (Refusal(f"{_SCHEMA}.tokenizer"),)),
    Case(
        "unknown stop word language",
        _schema(type="text", stopwords={"languages": ["klingon"]}),
        (Refusal(f"{_SCHEMA}.stopwords.languages[0]"),),
    ),
    Case(
        "a stop word twice",
        _schema(type="text", stopwords={"custom": ["a", "a"]}),
        (Refusal(f"{_SCHEMA}.stopwords.custom[1]"),),
    ),
    Case(
        "stop word of 65",
        _schema(type="text", stopwords={"custom": ["a" * 65]}),
        (Refusal(f"{_SCHEMA}.stopwords.custom[0]"),),
    ),
    Case(
        "257 stop words",
        _schema(type="text", stopwords={"custom": [str(n) for n in range(257)]}),
        (Refusal(f"{_SCHEMA}.stopwords.custom"),),
    ),
    Case(
        "stemmer without a language",
        _schema(type="text", stemmer={"type": "snowball"}),
        (Refusal(f"{_SCHEMA}.stemmer.language"),),
    ),
    Case(
        "unknown stemmer",
        _schema(type="text", stemmer={"type": "porter", "language": "english"}),
        (Refusal(f"{_SCHEMA}.stemmer.type"),),
    ),
)

_PROTECTED = _index(type="keyword", isProtected=True)
_LOCKED = Refusal(
    _ENTRY, "payload index brand is protected and cannot change; first apply it with isProtected: false alone"
)
_KEPT = Refusal(
    "spec.payloadIndexes",
    "a payload index with isProtected: true cannot be removed; first apply it with isProtected: false, then remove it",
)
_PARAMS = Refusal(
    f"{_EXTRACTOR}.params",
    "params of text_extractor_v1 are locked once registered; restore them or add another version",
)

CHANGES: tuple[Change, ...] = (
    Change("rename", {"namespaceName": "abc"}, {"namespaceName": "def"}),
    Change("another type", _index(type="keyword"), _index(type="text")),
    Change("an index goes", _index(type="keyword"), {"payloadIndexes": []}),
    Change("an extractor goes", _extractor(params={"a": 1}), {}),
    Change("an extractor comes", {}, _extractor(params={"a": 1})),
    Change(
        "same params in another order", _extractor(params={"a": 1, "b": [2]}), _extractor(params={"b": [2], "a": 1})
    ),
    Change("params change", _extractor(params={"a": 1}), _extractor(params={"a": 2}), (_PARAMS,)),
    Change("params change below", _extractor(params={"a": {"b": 1}}), _extractor(params={"a": {"b": 2}}), (_PARAMS,)),
    Change("params come", _extractor(), _extractor(params={"a": 2}), (_PARAMS,)),
    Change("params go", _extractor(params={"a": 1}), _extractor(), (_PARAMS,)),
    Change("protected stays", _PROTECTED, _PROTECTED | {"description": "new"}),
    Change("protection is lifted", _PROTECTED, _index(type="keyword", isProtected=False)),
    Change("protection is left out", _PROTECTED, _index(type="keyword")),
    Change("protection comes with a change", _index(type="keyword"), _index(type="text", isProtected=True)),
    Change("lifted index changes", _index(type="keyword", isProtected=False), _index(type="text")),
    Change("protected changes", _PROTECTED, _index(type="text", isProtected=True), (_LOCKED,)),
    Change("protected changes while lifted", _PROTECTED, _index(type="text", isProtected=False), (_LOCKED,)),
    Change(
        "protected changes its form", _PROTECTED, _index(fieldSchema={"type": "keyword"}, isProtected=True), (_LOCKED,)
    ),
    Change(
        "protected schema changes",
        _index(fieldSchema={"type": "keyword"}, isProtected=True),
        _index(fieldSchema={"type": "keyword", "isTenant": True}, isProtected=True),
        (_LOCKED,),
    ),
    Change("protected goes alone", _PROTECTED, {"payloadIndexes": []}, (_KEPT,)),
    Change("protected goes with the list", _PROTECTED, {}, (_KEPT,)),
    Change("protected is replaced by another", _PROTECTED, _index(fieldName="other", type="keyword"), (_KEPT,)),
    Change(
        "a new bad field",
        {},
        _field("namespace_id"),
        (
            Refusal(
                f"{_ENTRY}.fieldName", "namespace_id is a system field the operator indexes itself; remove this entry"
            ),
        ),
    ),
)
