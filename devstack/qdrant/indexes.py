"""Payload indexes: the parameters of each type, as the server shows them and as the engine takes them."""

import re
from collections.abc import Callable
from typing import Any, Literal

import qdrant_edge as engine
from pydantic import ValidationError, model_validator

from devstack.qdrant.body import Body, Json
from devstack.qdrant.errors import ApiError, bad_request, invalid_body
from devstack.qdrant.requests import Part, Unsigned

_KEY = r'([^\s."\[\]]+|"[^"]+")'
_PATH = re.compile(rf"{_KEY}(\[\d*\])*(\.{_KEY}(\[\d*\])*)*")


def _members(enum: Any) -> dict[str, Any]:
    """The members of an engine's enumeration by their name in JSON."""
    return {name.lower(): member for name, member in vars(enum).items() if isinstance(member, enum)}


_TOKENIZERS = _members(engine.TokenizerType)
_LANGUAGES = _members(engine.Language)
_STEMMED = _members(engine.SnowballLanguage)
_SCHEMA_TYPES = _members(engine.PayloadSchemaType)

_BOTH_DISABLED = "Validation error: the 'lookup' and 'range' capabilities can't be both disabled [{}]"


class _Params(Part):
    on_disk: bool | None = None
    enable_hnsw: bool | None = None

    def displayed(self) -> Json:
        """The parameters as `payload_schema` shows them."""
        return self.shown()

    def for_engine(self) -> Json:
        """The parameters as the engine's constructor takes them."""
        return self.model_dump(exclude_none=True, exclude={"type"})


class Keyword(_Params):
    """Exact match of strings."""

    type: Literal["keyword"]
    is_tenant: bool | None = None


class Integer(_Params):
    """Match and range of integers."""

    type: Literal["integer"]
    lookup: bool | None = None
    range: bool | None = None
    is_principal: bool | None = None

    def displayed(self) -> Json:
        return {"lookup": None, "range": None, "is_principal": None, **self.shown()}


class Float(_Params):
    """Range of numbers."""

    type: Literal["float"]
    is_principal: bool | None = None


class Bool(_Params):
    """Match of booleans."""

    type: Literal["bool"]


class Geo(_Params):
    """Places."""

    type: Literal["geo"]


class Datetime(_Params):
    """Range of points in time."""

    type: Literal["datetime"]
    is_principal: bool | None = None


class Uuid(_Params):
    """Exact match of UUIDs."""

    type: Literal["uuid"]
    is_tenant: bool | None = None


class Stopwords(Part):
    """Words that are left out, by language and one by one."""

    languages: list[str] | None = None
    custom: list[str] | None = None

    @model_validator(mode="after")
    def _known(self) -> "Stopwords":
        if not set(self.languages or ()) <= _LANGUAGES.keys():
            raise ValueError("unknown language")
        return self


class Stemmer(Part):
    """How words are cut to their stem."""

    type: Literal["snowball", "none"]
    language: str | None = None

    @model_validator(mode="after")
    def _known(self) -> "Stemmer":
        if self.type == "snowball" and self.language not in _STEMMED:
            raise ValueError("unknown language")
        return self


class Text(_Params):
    """Words of a text."""

    type: Literal["text"]
    tokenizer: Literal["prefix", "whitespace", "word", "multilingual"] | None = None
    min_token_len: Unsigned | None = None
    max_token_len: Unsigned | None = None
    lowercase: bool | None = None
    ascii_folding: bool | None = None
    phrase_matching: bool | None = None
    stopwords: str | Stopwords | None = None
    stemmer: Stemmer | None = None

    @model_validator(mode="after")
    def _known(self) -> "Text":
        if isinstance(self.stopwords, str) and self.stopwords not in _LANGUAGES:
            raise ValueError("unknown language")
        return self

    def displayed(self) -> Json:
        return {"tokenizer": "word", **self.shown()}

    def for_engine(self) -> Json:
        params = super().for_engine()
        if self.tokenizer is not None:
            params["tokenizer"] = _TOKENIZERS[self.tokenizer]
        if self.stopwords is not None:
            words = self.stopwords if isinstance(self.stopwords, Stopwords) else Stopwords(languages=[self.stopwords])
            languages = {_LANGUAGES[name] for name in words.languages or ()}
            params["stopwords"] = engine.StopwordsSet(
                languages=languages or None, custom=set(words.custom or ()) or None
            )
        if self.stemmer is not None:
            none = self.stemmer.type == "none"
            params["stemmer"] = (
                engine.DisabledStemmer() if none else engine.SnowballParams(_STEMMED[str(self.stemmer.language)])
            )
        return params


_TYPES: dict[str, tuple[type[_Params], Callable[..., Any]]] = {
    "keyword": (Keyword, engine.KeywordIndexParams),
    "integer": (Integer, engine.IntegerIndexParams),
    "float": (Float, engine.FloatIndexParams),
    "bool": (Bool, engine.BoolIndexParams),
    "geo": (Geo, engine.GeoIndexParams),
    "datetime": (Datetime, engine.DatetimeIndexParams),
    "uuid": (Uuid, engine.UuidIndexParams),
    "text": (Text, engine.TextIndexParams),
}


def check_field_path(field: str) -> None:
    """Raises ApiError for what cannot be the path of a payload field, as part of a URL."""
    if not _PATH.fullmatch(field):
        raise ApiError(400, f"Format error in path parameters: Invalid json path: '{field}'")


def parse_index(body: Body) -> tuple[str, Json]:
    """The field and the `payload_schema` entry (without points) that a request for an index asks for."""
    field, schema = body.get("field_name"), body.get("field_schema")
    if not isinstance(field, str):
        raise body.malformed("missing field `field_name`")
    if not _PATH.fullmatch(field):
        raise body.malformed_text(f"Invalid json path: '{field}'", "field_name")
    if schema is None:
        raise bad_request("Can't auto-detect field type, please specify `field_schema` in the request")
    if isinstance(schema, str) and schema in _TYPES:
        return field, {"data_type": schema}
    kind = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(kind, str) or kind not in _TYPES:
        raise body.no_variant("PayloadFieldSchema", "field_schema")
    try:
        params = _TYPES[kind][0].model_validate(schema)
    except ValidationError:
        raise body.no_variant("PayloadFieldSchema", "field_schema") from None
    if isinstance(params, Integer) and params.lookup is False and params.range is False:
        raise invalid_body("field_schema.lookup", _BOTH_DISABLED)
    return field, {"data_type": kind, "params": params.displayed()}


def engine_index(entry: Json) -> Any:
    """The engine's form of a `payload_schema` entry."""
    kind = entry["data_type"]
    if "params" not in entry:
        return _SCHEMA_TYPES[kind]
    model, make = _TYPES[kind]
    return make(**model.model_validate(entry["params"]).for_engine())
