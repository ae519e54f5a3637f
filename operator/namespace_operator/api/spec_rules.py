"""The rules of the spec beyond types, limits and enums."""

import re
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from namespace_operator.api.indexes import TEXT_MAX_TOKEN_LEN, TEXT_MIN_TOKEN_LEN, IndexType
from namespace_operator.api.names import (
    EXTRACTOR_NAME_PATTERN,
    EXTRACTOR_VERSION_PATTERN,
    FIELD_PATH_RE2,
    NAMESPACE_NAME_PATTERN,
    PROTECTED_FIELDS,
    RESERVED_ROOT,
    is_field_path,
    is_reserved_field,
)
from namespace_operator.api.rules import Rule, TransitionRule

if TYPE_CHECKING:
    from namespace_operator.api.spec import FeatureExtractor, FieldSchema, NamespaceSpec, PayloadIndex

PARAMETER_TYPES: dict[str, tuple[IndexType, ...]] = {
    "is_tenant": (IndexType.KEYWORD, IndexType.UUID),
    "is_principal": (IndexType.INTEGER, IndexType.FLOAT, IndexType.DATETIME),
    "lookup": (IndexType.INTEGER,),
    "range": (IndexType.INTEGER,),
    "tokenizer": (IndexType.TEXT,),
    "min_token_len": (IndexType.TEXT,),
    "max_token_len": (IndexType.TEXT,),
    "lowercase": (IndexType.TEXT,),
    "ascii_folding": (IndexType.TEXT,),
    "phrase_matching": (IndexType.TEXT,),
    "stopwords": (IndexType.TEXT,),
    "stemmer": (IndexType.TEXT,),
}
"""Which index types take a parameter. Parameters that are not named here belong to every type."""


def _cel_list(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


def _belongs_to(parameter: str, types: tuple[IndexType, ...]) -> "Rule[FieldSchema]":
    alias = to_camel(parameter)
    return Rule(
        cel=f"!has(self.{alias}) || self.type in {_cel_list(types)}",
        message=f"{alias} belongs to type {' or '.join(types)} only; remove it or change type",
        check=lambda schema: getattr(schema, parameter) is None or schema.type in types,
        field_path=(alias,),
    )


FIELD_SCHEMA_RULES: "tuple[Rule[FieldSchema], ...]" = (
    *(_belongs_to(parameter, types) for parameter, types in PARAMETER_TYPES.items()),
    Rule(
        cel=(
            f"(has(self.minTokenLen) ? self.minTokenLen : {TEXT_MIN_TOKEN_LEN})"
            f" <= (has(self.maxTokenLen) ? self.maxTokenLen : {TEXT_MAX_TOKEN_LEN})"
        ),
        message=(
            f"minTokenLen ({TEXT_MIN_TOKEN_LEN} if absent) is greater than maxTokenLen"
            f" ({TEXT_MAX_TOKEN_LEN} if absent); lower it or raise maxTokenLen"
        ),
        check=lambda schema: (
            (schema.min_token_len or TEXT_MIN_TOKEN_LEN) <= (schema.max_token_len or TEXT_MAX_TOKEN_LEN)
        ),
        field_path=("minTokenLen",),
    ),
    Rule(
        cel="!has(self.lookup) || !has(self.range) || self.lookup || self.range",
        message="lookup and range cannot both be false: the index would serve no query; set one to true",
        check=lambda schema: schema.lookup is not False or schema.range is not False,
        field_path=("lookup",),
    ),
)

PAYLOAD_INDEX_RULES: "tuple[Rule[PayloadIndex], ...]" = (
    Rule(
        cel="has(self.type) || has(self.fieldSchema)",
        message="payload index {fieldName} has neither type nor fieldSchema; set one",
        check=lambda index: index.type is not None or index.field_schema is not None,
    ),
    Rule(
        cel="!has(self.type) || !has(self.fieldSchema) || self.type == self.fieldSchema.type",
        message="type {type} and fieldSchema.type {fieldSchema.type} disagree; drop one",
        check=lambda index: index.type is None or index.field_schema is None or index.type == index.field_schema.type,
        field_path=("type",),
    ),
    Rule(
        cel=f"!(self.fieldName in {_cel_list(PROTECTED_FIELDS)})",
        message="{fieldName} is a system field the operator indexes itself; remove this entry",
        check=lambda index: index.field_name not in PROTECTED_FIELDS,
        field_path=("fieldName",),
    ),
    Rule(
        cel=(
            f"self.fieldName != '{RESERVED_ROOT}' && !self.fieldName.startsWith('{RESERVED_ROOT}.')"
            f" && !self.fieldName.startsWith('{RESERVED_ROOT}[')"
        ),
        message=f"fields below {RESERVED_ROOT} are reserved for the system; rename the field",
        check=lambda index: not is_reserved_field(index.field_name),
        field_path=("fieldName",),
    ),
    Rule(
        cel=f"self.fieldName.matches(r'{FIELD_PATH_RE2}')",
        message=(
            "fieldName must be a Qdrant path: keys of letters, digits, _ or - joined by dots,"
            " keys with other characters (and only those) in double quotes without \\ inside, [] or [n] for arrays"
        ),
        check=lambda index: is_field_path(index.field_name),
        field_path=("fieldName",),
    ),
)

PAYLOAD_INDEX_TRANSITIONS = (
    TransitionRule(
        cel=(
            "!has(oldSelf.isProtected) || !oldSelf.isProtected"
            " || (has(self.type) == has(oldSelf.type) && (!has(self.type) || self.type == oldSelf.type)"
            " && has(self.fieldSchema) == has(oldSelf.fieldSchema)"
            " && (!has(self.fieldSchema) || self.fieldSchema == oldSelf.fieldSchema))"
        ),
        message=(
            "payload index {fieldName} is protected and cannot change; first apply it with isProtected: false alone"
        ),
    ),
)

FEATURE_EXTRACTOR_RULES: "tuple[Rule[FeatureExtractor], ...]" = (
    Rule(
        cel=f"self.featureExtractorName.matches('{EXTRACTOR_NAME_PATTERN}')",
        message="featureExtractorName must be lower-case letters, digits and _, beginning with a letter",
        check=lambda extractor: re.fullmatch(EXTRACTOR_NAME_PATTERN, extractor.feature_extractor_name) is not None,
        field_path=("featureExtractorName",),
    ),
    Rule(
        cel=f"self.version.matches('{EXTRACTOR_VERSION_PATTERN}')",
        message="version must be v and a number, like v1",
        check=lambda extractor: re.fullmatch(EXTRACTOR_VERSION_PATTERN, extractor.version) is not None,
        field_path=("version",),
    ),
)

FEATURE_EXTRACTOR_TRANSITIONS = (
    TransitionRule(
        cel="has(self.params) == has(oldSelf.params) && (!has(self.params) || self.params == oldSelf.params)",
        message=(
            "params of {featureExtractorName}_{version} are locked once registered; restore them or add another version"
        ),
        field_path=("params",),
    ),
)

NAMESPACE_SPEC_RULES: "tuple[Rule[NamespaceSpec], ...]" = (
    Rule(
        cel=f"!has(self.namespaceName) || self.namespaceName.matches('{NAMESPACE_NAME_PATTERN}')",
        message="namespaceName must be letters, digits, _ or -, beginning with a letter or digit",
        check=lambda spec: (
            spec.namespace_name is None or re.fullmatch(NAMESPACE_NAME_PATTERN, spec.namespace_name) is not None
        ),
        field_path=("namespaceName",),
    ),
)

NAMESPACE_SPEC_TRANSITIONS = (
    # A rule on the list itself would not run when the whole list goes.
    TransitionRule(
        cel=(
            "!has(oldSelf.payloadIndexes) || oldSelf.payloadIndexes.all(old, !has(old.isProtected) || !old.isProtected"
            " || (has(self.payloadIndexes) && self.payloadIndexes.exists(new, new.fieldName == old.fieldName)))"
        ),
        message=(
            "a payload index with isProtected: true cannot be removed;"
            " first apply it with isProtected: false, then remove it"
        ),
        field_path=("payloadIndexes",),
    ),
)
