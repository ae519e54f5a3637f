"""What the server refuses before its engine sees it. The engine itself would take some of it and break."""

import re
from typing import Any

from devstack.qdrant.body import Body, Json
from devstack.qdrant.errors import ApiError, bad_request, invalid_body, invalid_path, malformed_body, wrong_input

_FORBIDDEN = '<>:"/\\|?*\0\x1f'
_MAX_SIZE = 65_536
_DISTANCES = {"Cosine", "Dot", "Euclid", "Manhattan"}
_DATATYPES = {"float32", "float16", "uint8"}

_KEY = r'([^\s."\[\]]+|"[^"]+")'
_FIELD_PATH = re.compile(rf"{_KEY}(\[\d*\])*(\.{_KEY}(\[\d*\])*)*")

_COMMON = {"on_disk": bool, "enable_hnsw": bool}
_PARAMETERS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "keyword": {"is_tenant": bool, **_COMMON},
    "integer": {"lookup": bool, "range": bool, "is_principal": bool, **_COMMON},
    "float": {"is_principal": bool, **_COMMON},
    "bool": dict(_COMMON),
    "geo": dict(_COMMON),
    "datetime": {"is_principal": bool, **_COMMON},
    "uuid": {"is_tenant": bool, **_COMMON},
    "text": {
        "tokenizer": str,
        "min_token_len": int,
        "max_token_len": int,
        "lowercase": bool,
        "ascii_folding": bool,
        "phrase_matching": bool,
        "stopwords": (str, dict),
        "stemmer": dict,
        **_COMMON,
    },
}
_TOKENIZERS = {"word", "whitespace", "prefix", "multilingual"}
_ALWAYS_SHOWN: dict[str, Json] = {
    "integer": {"lookup": None, "range": None, "is_principal": None},
    "text": {"tokenizer": "word"},
}


def check_collection_name(name: str) -> None:
    """Refuse what cannot name a collection."""
    for character in _FORBIDDEN:
        if character in name:
            raise invalid_path("collection_name", f'collection name cannot contain "{character}" char')
    if not 1 <= len(name) <= 255:
        raise invalid_path("collection_name", f'value "{name}" invalid, must be from 1 to 255 characters')


def check_vector_name(name: str) -> None:
    """Refuse what cannot name a vector, as part of a path."""
    for character in _FORBIDDEN:
        if character in name:
            raise invalid_path("vector_name", f'vector name cannot contain "{character}" char')
    if len(name.encode()) > 200:
        raise invalid_path("vector_name", "vector name must be at most 200 bytes long")


def parse_vectors(body: Body) -> Json:
    """The `vectors` of a new collection: parameters by name; the unnamed vector's name is empty."""
    vectors = body.get("vectors", {})
    if not isinstance(vectors, dict):
        raise body.no_variant("VectorsConfig")
    if "size" in vectors:
        vectors = {"": vectors}
    for name, params in vectors.items():
        if not _is_dense(params) or params["size"] < 1:
            raise body.no_variant("VectorsConfig")
        for character in _FORBIDDEN:
            if character in name:
                raise wrong_input(f'Invalid dense vector name `{name}`: vector name cannot contain "{character}" char')
        if params["size"] > _MAX_SIZE:
            raise invalid_body("vectors.?.size", f"value {params['size']} invalid, must be from 1 to {_MAX_SIZE}")
    return {name: _without_nulls(params) for name, params in vectors.items()}


def parse_named_vector(body: Body) -> tuple[str, Json]:
    """The body that adds a vector: `dense` or `sparse`, and its parameters."""
    dense, sparse = body.get("dense"), body.get("sparse")
    if _is_dense(dense):
        if not 1 <= dense["size"] <= _MAX_SIZE:
            raise invalid_body("dense.size", f"value {dense['size']} invalid, must be from 1 to {_MAX_SIZE}")
        return "dense", _without_nulls(dense)
    if isinstance(sparse, dict):
        return "sparse", _without_nulls(sparse)
    raise body.no_variant("VectorNameConfig", positioned=False)


def parse_index(body: Body) -> tuple[str, Json]:
    """The field and the `payload_schema` entry (without points) that a request for an index asks for.

    Parameters this server version does not know are dropped, as it does.
    """
    field, schema = body.get("field_name"), body.get("field_schema")
    if not isinstance(field, str):
        raise malformed_body("missing field `field_name`")
    if not _FIELD_PATH.fullmatch(field):
        raise malformed_body(f"Invalid json path: '{field}' at line 1 column {body.end_of('field_name')}")
    if schema is None:
        raise bad_request("Can't auto-detect field type, please specify `field_schema` in the request")
    if isinstance(schema, str):
        if schema not in _PARAMETERS:
            raise body.no_variant("PayloadFieldSchema")
        return field, {"data_type": schema}
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind not in _PARAMETERS or not _parameters_fit(kind, schema):
        raise body.no_variant("PayloadFieldSchema")
    if kind == "integer" and schema.get("lookup") is False and schema.get("range") is False:
        raise ApiError(
            422,
            "Validation error in JSON body: [field_schema.lookup: Validation error: the 'lookup' and 'range' "
            "capabilities can't be both disabled [{}]]",
        )
    known = {name: schema[name] for name in _PARAMETERS[kind] if schema.get(name) is not None}
    return field, {"data_type": kind, "params": {"type": kind, **_ALWAYS_SHOWN.get(kind, {}), **known}}


def _parameters_fit(kind: str, schema: Json) -> bool:
    for name, expected in _PARAMETERS[kind].items():
        value = schema.get(name)
        if value is None:
            continue
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
            return False
    return schema.get("tokenizer") is None or schema["tokenizer"] in _TOKENIZERS


def _is_dense(params: Any) -> bool:
    if not isinstance(params, dict) or not isinstance(params.get("size"), int):
        return False
    return params.get("distance") in _DISTANCES and params.get("datatype", "float32") in {None, *_DATATYPES}


def _without_nulls(params: Json) -> Json:
    return {name: value for name, value in params.items() if value is not None}
