"""The rules of the spec beyond types, limits and enums."""

import re
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from namespace_operator.api.indexes import TEXT_MAX_TOKEN_LEN, TEXT_MIN_TOKEN_LEN, IndexType
from namespace_operator.api.names import (
    CLUSTER_ID_PATTERN,
    EXTRACTOR_NAME_PATTERN,
    EXTRACTOR_VERSION_PATTERN,
    FIELD_PATH_RE2,
    ID_PREFIX,
    MINTED_ID_PATTERN,
    NAMESPACE_ID_PATTERN,
    NAMESPACE_NAME_PATTERN,
    PROTECTED_FIELDS,
    RESERVED_ROOT,
    VECTOR_NAME_PATTERN,
    is_field_path,
    is_reserved_field,
)
from namespace_operator.api.profile import ComputeTier
from namespace_operator.api.rules import Rule, TransitionRule, matches
from namespace_operator.api.vectors import Metric, VectorKind

if TYPE_CHECKING:
    from namespace_operator.api.payload_index import FieldSchema, PayloadIndex
    from namespace_operator.api.spec import FeatureExtractor, NamespaceSpec, VectorConfig

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
    matches(
        "featureExtractorName",
        EXTRACTOR_NAME_PATTERN,
        "featureExtractorName must be lower-case letters, digits and _, beginning with a letter",
    ),
    matches(
        "version",
        EXTRACTOR_VERSION_PATTERN,
        "version must be v and a number, like v1",
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


def _not_of_sparse(field: str) -> "Rule[VectorConfig]":
    return Rule(
        cel=f"!has(self.{field}) || !has(self.kind) || self.kind != 'sparse'",
        message=f"vector {{name}} is sparse and has no {field}; remove it or change kind",
        check=lambda vector: getattr(vector, field) is None or vector.kind is not VectorKind.SPARSE,
        field_path=(field,),
    )


VECTOR_CONFIG_RULES: "tuple[Rule[VectorConfig], ...]" = (
    matches(
        "name",
        VECTOR_NAME_PATTERN,
        "name of a vector must be letters, digits, _, - or dots, beginning with a letter, digit or _",
    ),
    Rule(
        cel="has(self.dimension) || (has(self.kind) && self.kind == 'sparse')",
        message="vector {name} has no dimension; set the number of components, 1-65536, or kind: sparse",
        check=lambda vector: vector.dimension is not None or vector.kind is VectorKind.SPARSE,
        field_path=("dimension",),
    ),
    _not_of_sparse("dimension"),
    _not_of_sparse("metric"),
)


def _effective(field: str, default: str, of: str) -> str:
    return f"(has({of}.{field}) ? {of}.{field} : '{default}')"


def _unchanged(field: str, default: str) -> str:
    """CEL: the field means the same as before, whether its default is written or left out."""
    return f"{_effective(field, default, 'self')} == {_effective(field, default, 'oldSelf')}"


VECTOR_CONFIG_TRANSITIONS = (
    TransitionRule(
        cel=(
            f"{_unchanged('kind', VectorKind.DENSE)} && {_unchanged('metric', Metric.COSINE)}"
            " && has(self.dimension) == has(oldSelf.dimension)"
            " && (!has(self.dimension) || self.dimension == oldSelf.dimension)"
        ),
        message="vector {name} cannot change once applied; restore it and add another one under a new name",
    ),
)

NAMESPACE_SPEC_RULES: "tuple[Rule[NamespaceSpec], ...]" = (
    matches(
        "namespaceName",
        NAMESPACE_NAME_PATTERN,
        "namespaceName must be letters, digits, _ or -, beginning with a letter or digit",
        optional=True,
    ),
    Rule(
        cel=f"!has(self.namespaceName) || !self.namespaceName.startsWith('{ID_PREFIX}')",
        message=f"namespaceName {{namespaceName}} begins with {ID_PREFIX} like a namespace id; choose another name",
        check=lambda spec: spec.namespace_name is None or not spec.namespace_name.startswith(ID_PREFIX),
        field_path=("namespaceName",),
    ),
    # Only ids as the operator makes them are kept. It names collections by those without anybody having chosen, so
    # nobody could answer a conflict. Who chooses a namespaceId can choose a collection as well; until then its name is
    # like any other: the claim is the first one's, and what is in it nobody else's.
    Rule(
        cel=(
            "!has(self.infrastructure) || !has(self.infrastructure.qdrantCollection)"
            f" || !self.infrastructure.qdrantCollection.matches('{MINTED_ID_PATTERN}')"
            " || (has(self.namespaceId) && self.namespaceId == self.infrastructure.qdrantCollection)"
        ),
        message=(
            f"qdrantCollection of {ID_PREFIX} and ten hexadecimal digits is kept for namespace ids; choose another"
            " name, or set namespaceId to the same"
        ),
        check=lambda spec: (
            spec.qdrant_collection is None
            or re.fullmatch(MINTED_ID_PATTERN, spec.qdrant_collection) is None
            or spec.qdrant_collection == spec.namespace_id
        ),
        field_path=("infrastructure", "qdrantCollection"),
    ),
    Rule(
        cel=(
            "!has(self.pruneUnmanagedIndexes) || !self.pruneUnmanagedIndexes"
            " || !has(self.infrastructure) || !has(self.infrastructure.sharing) || !self.infrastructure.sharing"
        ),
        message=(
            "pruneUnmanagedIndexes: true is not for a shared collection, where other namespaces' services may rely on"
            " an index; set it to false, or set infrastructure.sharing: false"
        ),
        check=lambda spec: not spec.prune_unmanaged_indexes or not spec.is_sharing,
        field_path=("pruneUnmanagedIndexes",),
    ),
    matches(
        "clusterId",
        CLUSTER_ID_PATTERN,
        "clusterId must be iclstr_ and 3-32 lower-case letters or digits, as an InfrastructureCluster has it",
        optional=True,
    ),
    Rule(
        cel=(
            "!has(self.infrastructure) || !has(self.infrastructure.computeTier)"
            f" || self.infrastructure.computeTier == '{ComputeTier.SHARED}'"
            " || has(self.clusterId) || has(self.infrastructure.qdrantUrl)"
        ),
        message=(
            "computeTier {infrastructure.computeTier} needs servers of its own; set clusterId, or"
            " infrastructure.qdrantUrl with qdrantApiKeySecretRef"
        ),
        check=lambda spec: (
            not spec.effective_tier.is_dedicated
            or spec.cluster_id is not None
            or (spec.infrastructure is not None and spec.infrastructure.qdrant_url is not None)
        ),
        field_path=("infrastructure", "computeTier"),
    ),
    matches(
        "namespaceId",
        NAMESPACE_ID_PATTERN,
        "namespaceId must be ns_ and 3-64 letters, digits or _; it names a namespace whose data exists",
        optional=True,
    ),
    Rule(
        cel=(
            "!has(self.featureExtractors) || size(self.featureExtractors) == 0"
            " || !has(self.mode) || self.mode != 'standalone'"
        ),
        message="mode standalone has no featureExtractors; list the vectors in vectorConfigs, or use mode managed",
        check=lambda spec: not spec.feature_extractors or spec.mode != "standalone",
        field_path=("featureExtractors",),
    ),
    Rule(
        cel=(
            "!has(self.vectorConfigs) || size(self.vectorConfigs) == 0 || (has(self.mode) && self.mode == 'standalone')"
        ),
        message="vectorConfigs belong to mode standalone only; list featureExtractors, or set mode: standalone",
        check=lambda spec: not spec.vector_configs or spec.mode == "standalone",
        field_path=("vectorConfigs",),
    ),
)

IMMUTABLE_FIELDS = {"mode": "managed", "namespaceType": "standard", "scope": "org"}
"""Fields of the spec that keep their first value, with the value that stands for an absent one."""

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
    TransitionRule(
        cel=(
            "!has(oldSelf.vectorConfigs) || oldSelf.vectorConfigs.all(old,"
            " has(self.vectorConfigs) && self.vectorConfigs.exists(new, new.name == old.name))"
        ),
        message="an entry of vectorConfigs cannot be removed: its vector stays in the collection; restore the entry",
        field_path=("vectorConfigs",),
    ),
    TransitionRule(
        cel=(
            "has(self.namespaceId) == has(oldSelf.namespaceId)"
            " && (!has(self.namespaceId) || self.namespaceId == oldSelf.namespaceId)"
        ),
        message="namespaceId is immutable and cannot be added or removed; restore it, or create another Namespace",
        field_path=("namespaceId",),
    ),
    *(
        TransitionRule(
            cel=_unchanged(field, default),
            message=f"{field} is immutable ({default} if absent); restore it, or create another Namespace",
            field_path=(field,),
        )
        for field, default in IMMUTABLE_FIELDS.items()
    ),
)


def _chosen(of: str) -> str:
    # Not with optional chaining: the API server's estimate of the cost would lose the length of the string.
    infrastructure = f"{of}.spec.infrastructure"
    present = f"has({of}.spec) && has({infrastructure}) && has({infrastructure}.qdrantCollection)"
    return f"({present} ? {infrastructure}.qdrantCollection : '')"


def _shares(of: str) -> str:
    infrastructure = f"{of}.spec.infrastructure"
    present = f"has({of}.spec) && has({infrastructure}) && has({infrastructure}.sharing)"
    return f"({present} ? {infrastructure}.sharing : false)"


RESOURCE_TRANSITIONS = (
    TransitionRule(
        cel=(
            "!oldSelf.hasValue() || !has(oldSelf.value().status) || !has(oldSelf.value().status.collection)"
            f" || {_chosen('self')} == {_chosen('oldSelf.value()')}"
            f" || {_chosen('self')} == oldSelf.value().status.collection"
        ),
        message=(
            "infrastructure.qdrantCollection cannot change once the collection in status.collection is bound;"
            " restore it, or create another Namespace"
        ),
        field_path=("spec", "infrastructure"),
        optional_old_self=True,
    ),
    TransitionRule(
        cel=(
            "!oldSelf.hasValue() || !has(oldSelf.value().status) || !has(oldSelf.value().status.collection)"
            f" || {_shares('self')} == {_shares('oldSelf.value()')}"
        ),
        message=(
            "infrastructure.sharing cannot change once the collection in status.collection is bound; restore it, or"
            " create another Namespace"
        ),
        field_path=("spec", "infrastructure"),
        optional_old_self=True,
    ),
)
