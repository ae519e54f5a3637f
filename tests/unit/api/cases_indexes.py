"""Payload indexes, good and bad."""

from typing import Any

from namespace_operator.api.names import PROTECTED_FIELDS
from tests.unit.api.case import ENTRY, SCHEMA, Case, Change, Refusal, index, schema


def _field(name: Any) -> dict[str, Any]:
    return index(fieldName=name, type="keyword")


_PATH_TEXT = (
    "fieldName must be a Qdrant path: keys of letters, digits, _ or - joined by dots,"
    " keys with other characters (and only those) in double quotes without \\ inside, [] or [n] for arrays"
)
_RESERVED_TEXT = "fields below _internal are reserved for the system; rename the field"
_TOKENS_TEXT = "minTokenLen (2 if absent) is greater than maxTokenLen (15 if absent); lower it or raise maxTokenLen"
_NO_QUERY_TEXT = "lookup and range cannot both be false: the index would serve no query; set one to true"


def _misplaced(parameter: str, types: str) -> Refusal:
    text = f"{parameter} belongs to type {types} only; remove it or change type"
    return Refusal(f"{SCHEMA}.{parameter}", text)


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

INDEX_CASES: tuple[Case, ...] = (
    # payload indexes: forms
    *(Case(f"type {name}", index(type=name)) for name in _EVERY_TYPE),
    *(
        Case(f"schema of {name}", schema(type=name, onDisk=True, enableHnsw=False, **parameters))
        for name, parameters in _EVERY_TYPE.items()
    ),
    Case("type and schema agree", index(type="uuid", fieldSchema={"type": "uuid"}, isProtected=True)),
    Case(
        "type and schema disagree",
        index(type="text", fieldSchema={"type": "integer"}),
        (Refusal(f"{ENTRY}.type", "type text and fieldSchema.type integer disagree; drop one"),),
    ),
    Case(
        "neither type nor schema",
        index(isProtected=False),
        (Refusal(ENTRY, "payload index brand has neither type nor fieldSchema; set one"),),
    ),
    Case("schema without a type", schema(isTenant=True), (Refusal(f"{SCHEMA}.type"),)),
    Case("unknown type", index(type="keywords"), (Refusal(f"{ENTRY}.type"),)),
    Case("unknown type in the schema", schema(type="vector"), (Refusal(f"{SCHEMA}.type"),)),
    Case("isProtected as a text", index(type="text", isProtected="true"), (Refusal(f"{ENTRY}.isProtected"),)),
    Case("an entry without a field", {"payloadIndexes": [{"type": "text"}]}, (Refusal(f"{ENTRY}.fieldName"),)),
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
    *(Case(f"path {path!r}", _field(path), (Refusal(f"{ENTRY}.fieldName", _PATH_TEXT),)) for path in _BAD_PATHS),
    Case("path of 255", _field("a" * 255)),
    Case("path of 256", _field("a" * 256), (Refusal(f"{ENTRY}.fieldName"),)),
    Case("empty path", _field(""), (Refusal(f"{ENTRY}.fieldName"),)),
    Case("path is a number", _field(7), (Refusal(f"{ENTRY}.fieldName"),)),
    *(
        Case(
            f"system field {name}",
            _field(name),
            (
                Refusal(
                    f"{ENTRY}.fieldName", f"{name} is a system field the operator indexes itself; remove this entry"
                ),
            ),
        )
        for name in PROTECTED_FIELDS
    ),
    *(
        Case(f"reserved {path}", _field(path), (Refusal(f"{ENTRY}.fieldName", _RESERVED_TEXT),))
        for path in ("_internal", "_internal.a.b", "_internal[].a")
    ),
    # payload indexes: parameters
    *(
        Case(f"{parameter} at {name}", schema(type=name, **{parameter: value}), (_misplaced(parameter, types),))
        for parameter, name, value, types in _MISPLACED
    ),
    Case(
        "every violated rule is named",
        schema(type="keyword", tokenizer="word", lookup=True),
        (_misplaced("tokenizer", "text"), _misplaced("lookup", "integer")),
    ),
    Case(
        "lookup and range false",
        schema(type="integer", lookup=False, range=False),
        (Refusal(f"{SCHEMA}.lookup", _NO_QUERY_TEXT),),
    ),
    Case("only lookup, false", schema(type="integer", lookup=False)),
    Case("token lengths equal", schema(type="text", minTokenLen=3, maxTokenLen=3)),
    Case(
        "token lengths crossed",
        schema(type="text", minTokenLen=9, maxTokenLen=2),
        (Refusal(f"{SCHEMA}.minTokenLen", _TOKENS_TEXT),),
    ),
    Case(
        "minTokenLen above the default maximum",
        schema(type="text", minTokenLen=16),
        (Refusal(f"{SCHEMA}.minTokenLen", _TOKENS_TEXT),),
    ),
    Case(
        "maxTokenLen below the default minimum",
        schema(type="text", maxTokenLen=1),
        (Refusal(f"{SCHEMA}.minTokenLen", _TOKENS_TEXT),),
    ),
    Case("minTokenLen 0", schema(type="text", minTokenLen=0), (Refusal(f"{SCHEMA}.minTokenLen"),)),
    Case("maxTokenLen 65536", schema(type="text", maxTokenLen=65536), (Refusal(f"{SCHEMA}.maxTokenLen"),)),
    Case("minTokenLen as a text", schema(type="text", minTokenLen="2"), (Refusal(f"{SCHEMA}.minTokenLen"),)),
    Case("minTokenLen with a fraction", schema(type="text", minTokenLen=2.5), (Refusal(f"{SCHEMA}.minTokenLen"),)),
    Case("isTenant as a number", schema(type="keyword", isTenant=1), (Refusal(f"{SCHEMA}.isTenant"),)),
    Case("unknown tokenizer", schema(type="text", tokenizer="nope"), (Refusal(f"{SCHEMA}.tokenizer"),)),
    Case(
        "unknown stop word language",
        schema(type="text", stopwords={"languages": ["klingon"]}),
        (Refusal(f"{SCHEMA}.stopwords.languages[0]"),),
    ),
    Case(
        "a stop word twice",
        schema(type="text", stopwords={"custom": ["a", "a"]}),
        (Refusal(f"{SCHEMA}.stopwords.custom[1]"),),
    ),
    Case(
        "stop word of 65",
        schema(type="text", stopwords={"custom": ["a" * 65]}),
        (Refusal(f"{SCHEMA}.stopwords.custom[0]"),),
    ),
    Case(
        "257 stop words",
        schema(type="text", stopwords={"custom": [str(n) for n in range(257)]}),
        (Refusal(f"{SCHEMA}.stopwords.custom"),),
    ),
    Case(
        "stemmer without a language",
        schema(type="text", stemmer={"type": "snowball"}),
        (Refusal(f"{SCHEMA}.stemmer.language"),),
    ),
    Case(
        "unknown stemmer",
        schema(type="text", stemmer={"type": "porter", "language": "english"}),
        (Refusal(f"{SCHEMA}.stemmer.type"),),
    ),
)

_PROTECTED = index(type="keyword", isProtected=True)
_LOCKED = Refusal(
    ENTRY, "payload index brand is protected and cannot change; first apply it with isProtected: false alone"
)
_KEPT = Refusal(
    "spec.payloadIndexes",
    "a payload index with isProtected: true cannot be removed; first apply it with isProtected: false, then remove it",
)
INDEX_CHANGES: tuple[Change, ...] = (
    Change("another type", index(type="keyword"), index(type="text")),
    Change("an index goes", index(type="keyword"), {"payloadIndexes": []}),
    Change("protected stays", _PROTECTED, _PROTECTED | {"description": "new"}),
    Change("protection is lifted", _PROTECTED, index(type="keyword", isProtected=False)),
    Change("protection is left out", _PROTECTED, index(type="keyword")),
    Change("protection comes with a change", index(type="keyword"), index(type="text", isProtected=True)),
    Change("lifted index changes", index(type="keyword", isProtected=False), index(type="text")),
    Change("protected changes", _PROTECTED, index(type="text", isProtected=True), (_LOCKED,)),
    Change("protected changes while lifted", _PROTECTED, index(type="text", isProtected=False), (_LOCKED,)),
    Change(
        "protected changes its form", _PROTECTED, index(fieldSchema={"type": "keyword"}, isProtected=True), (_LOCKED,)
    ),
    Change(
        "protected schema changes",
        index(fieldSchema={"type": "keyword"}, isProtected=True),
        index(fieldSchema={"type": "keyword", "isTenant": True}, isProtected=True),
        (_LOCKED,),
    ),
    Change("protected goes alone", _PROTECTED, {"payloadIndexes": []}, (_KEPT,)),
    Change("protected goes with the list", _PROTECTED, {}, (_KEPT,)),
    Change("protected is replaced by another", _PROTECTED, index(fieldName="other", type="keyword"), (_KEPT,)),
    Change(
        "a new bad field",
        {},
        _field("namespace_id"),
        (
            Refusal(
                f"{ENTRY}.fieldName", "namespace_id is a system field the operator indexes itself; remove this entry"
            ),
        ),
    ),
)
