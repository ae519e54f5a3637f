"""A payload index as a user declares it."""

from typing import Annotated, ClassVar

from pydantic import Field, StrictBool

from namespace_operator.api import names, spec_rules
from namespace_operator.api.base import ATOMIC_MODEL, AbsentAsEmpty, ApiModel, set_list, whole
from namespace_operator.api.indexes import IndexType, StemmerLanguage, StemmerType, StopwordLanguage, Tokenizer

_TokenLength = Annotated[int, whole(1, 65535)]


class Stopwords(ApiModel):
    """Words that a text index leaves out."""

    languages: Annotated[
        tuple[StopwordLanguage, ...],
        Field(max_length=32, description="Languages whose common words are left out, at most 32. Default: none."),
        set_list(),
        AbsentAsEmpty,
    ] = ()
    custom: Annotated[
        tuple[Annotated[str, Field(max_length=64)], ...],
        Field(
            max_length=256, description="Further words to leave out, at most 256 of 64 characters each. Default: none."
        ),
        set_list(),
        AbsentAsEmpty,
    ] = ()


class Stemmer(ApiModel):
    """Reduction of words to their stems."""

    type: Annotated[StemmerType, Field(description="The algorithm.")]
    language: Annotated[StemmerLanguage, Field(description="The language of the text.")]


class FieldSchema(ApiModel):
    """Type of a payload index and its parameters. What is left out has the default named with it."""

    model_config = ATOMIC_MODEL
    rules: ClassVar = spec_rules.FIELD_SCHEMA_RULES

    type: Annotated[IndexType, Field(description="Type of the index.")]
    on_disk: Annotated[
        StrictBool | None,
        Field(description="Keep the index on disk instead of in memory: slower filters, less RAM. Default: false."),
    ] = None
    enable_hnsw: Annotated[
        StrictBool | None,
        Field(
            description="Build additional links for this field into the vector graph, so that filtered searches"
            " stay accurate. Default: true."
        ),
    ] = None
    is_tenant: Annotated[
        StrictBool | None,
        Field(
            description="keyword, uuid: the field separates tenants; points of one value are stored together."
            " Default: false."
        ),
    ] = None
    is_principal: Annotated[
        StrictBool | None,
        Field(
            description="integer, float, datetime: most searches filter by this field; points are stored in its order."
            " Default: false."
        ),
    ] = None
    lookup: Annotated[
        StrictBool | None,
        Field(description="integer: serve exact matches. Not false together with range. Default: true."),
    ] = None
    range: Annotated[
        StrictBool | None,
        Field(description="integer: serve ranges. Not false together with lookup. Default: true."),
    ] = None
    tokenizer: Annotated[
        Tokenizer | None, Field(description="text: how a value is split into tokens. Default: word.")
    ] = None
    min_token_len: Annotated[
        _TokenLength | None, Field(description="text: shorter tokens are left out. 1-65535 characters, 2 if absent.")
    ] = None
    max_token_len: Annotated[
        _TokenLength | None, Field(description="text: longer tokens are left out. 1-65535 characters, 15 if absent.")
    ] = None
    lowercase: Annotated[
        StrictBool | None, Field(description="text: ignore the difference of upper and lower case. Default: true.")
    ] = None
    ascii_folding: Annotated[
        StrictBool | None,
        Field(description="text: take accented letters for their plain ASCII forms. Default: false."),
    ] = None
    phrase_matching: Annotated[
        StrictBool | None, Field(description="text: serve phrase matches, at the cost of memory. Default: false.")
    ] = None
    stopwords: Annotated[Stopwords | None, Field(description="text: words that are left out. Default: none.")] = None
    stemmer: Annotated[Stemmer | None, Field(description="text: reduction of words to their stems. Default: none.")] = (
        None
    )


class PayloadIndex(ApiModel):
    """An index over one field of the documents' payload. Give type, or fieldSchema, or both with the same type."""

    model_config = ATOMIC_MODEL
    rules: ClassVar = spec_rules.PAYLOAD_INDEX_RULES
    transition_rules: ClassVar = spec_rules.PAYLOAD_INDEX_TRANSITIONS

    field_name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=names.FIELD_NAME_MAX,
            description="Path of the field in the payload, 1-255 characters, as Qdrant writes it: brand, meta.tags[],"
            ' "unit price".'
            " System fields (namespace_id, created_at and the like, all of _internal) cannot be declared.",
        ),
    ]
    type: Annotated[
        IndexType | None,
        Field(description="Type of the index, with default parameters; short for fieldSchema.type. Absent: that type."),
    ] = None
    field_schema: Annotated[
        FieldSchema | None,
        Field(description="Type and parameters of the index. Absent: type, with default parameters."),
    ] = None
    is_protected: Annotated[
        StrictBool | None,
        Field(
            description="While true, this entry can neither be changed nor removed;"
            " apply it with false alone first. Absent means false."
        ),
    ] = None

    @property
    def effective_schema(self) -> FieldSchema:
        """The schema this entry asks for, whichever of its two forms was written."""
        if self.field_schema is not None:
            return self.field_schema
        assert self.type is not None, "the rules refuse an entry with neither"
        return FieldSchema(type=self.type)
