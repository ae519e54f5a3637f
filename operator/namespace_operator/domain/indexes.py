"""Payload indexes in one canonical form, so that a wanted and a live one can be compared.

Qdrant answers with ``null`` for some unset parameters, leaves others out and gives no parameters at all for an index
made without any; the API of namespaces has defaults of its own for text indexes. The canonical form holds a
parameter only where it differs from what Qdrant does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic.alias_generators import to_camel, to_snake

from namespace_operator.api.payload_index import FieldSchema

IndexSchema = Mapping[str, Any]
"""Parameters of a payload index in Qdrant's spelling (snake_case) with its ``type``, canonical."""

_QDRANT_DEFAULTS: Mapping[str, Any] = {
    "is_tenant": False,
    "is_principal": False,
    "on_disk": False,
    "enable_hnsw": True,
    "lookup": True,
    "range": True,
    "tokenizer": "word",
    "lowercase": True,
    "ascii_folding": False,
    "phrase_matching": False,
    "min_token_len": None,
    "max_token_len": None,
    "stopwords": None,
    "stemmer": None,
}

_DEFAULTS_BY_NAME = sorted(_QDRANT_DEFAULTS.items())

_NAMESPACE_API_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"text": {"min_token_len": 2, "max_token_len": 15}}

SYSTEM_INDEXES: Mapping[str, IndexSchema] = {
    "internal_id": {"type": "keyword", "is_tenant": True},
    "namespace_id": {"type": "keyword", "is_tenant": True},
    "collection_id": {"type": "keyword", "is_tenant": True},
    "document_id": {"type": "keyword"},
    "bucket_id": {"type": "keyword"},
}
"""Indexes every collection gets, by field name; the API of namespaces lists the same five as protected."""


def canonical(parameters: Mapping[str, Any]) -> IndexSchema:
    """The canonical form of index parameters as Qdrant spells them; parameters unknown here are left out."""
    result: dict[str, Any] = {"type": str(parameters["type"])}
    for name, default in _DEFAULTS_BY_NAME:
        value = parameters.get(name)
        if name == "stopwords":
            value = _canonical_stopwords(value)
        if value is not None and value != default:
            result[name] = value
    return result


def wanted_schema(schema: FieldSchema) -> IndexSchema:
    """The canonical form of a field schema of a custom resource, with the namespace API's defaults."""
    given = schema.model_dump(mode="json", exclude_none=True)
    return canonical({**_NAMESPACE_API_DEFAULTS.get(schema.type.value, {}), **given})


def to_resource(schema: IndexSchema) -> dict[str, Any]:
    """A canonical schema in the custom resource's spelling."""
    return {_camel_case(name): value for name, value in schema.items()}


# A canonical schema has few names, and each status tells of all indexes.
_camel_case = cache(to_camel)


def from_resource(schema: Mapping[str, Any]) -> IndexSchema:
    """The canonical form of a schema in the custom resource's spelling."""
    return canonical({to_snake(name): value for name, value in schema.items()})


def _canonical_stopwords(value: Any) -> Any:  # noqa: ANN401 - Qdrant accepts a language or an object here
    if value is None:
        return None
    if isinstance(value, str):
        value = {"languages": [value]}
    parts = {key: sorted(value[key]) for key in ("custom", "languages") if value.get(key)}
    return parts or None
