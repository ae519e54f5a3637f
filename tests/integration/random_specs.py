"""Random specs, made from the schema that the API server is given, and changed in places to be almost right."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from namespace_operator.api.crd import CLUSTERS, DEFINITIONS, NAMESPACES, Definition, custom_resource_definition
from tests.integration.random_infrastructure import GOOD, ODD_AT, mend_cluster, mend_infrastructure

Schema = dict[str, Any]

_GOOD = {
    "namespaceName": ("abc", "News_1", "a-b", "N" * 64),
    "namespaceId": ("ns_abc", "ns_0123456789"),
    "featureExtractorName": ("text_extractor", "a", "b1"),
    "version": ("v1", "v2", "v10"),
    "fieldName": ("brand", "meta.tags[]", "a[0].b", '"unit price"', "Größe", "价格", 'x."a.b"[]'),
    "name": ("title", "body.de", "qdrant-a", "b1", "c.d", "e-f", "0", "_v-1"),
    "custom": ("a", "the", "bär"),
    **GOOD,
}
"""Texts that obey the rules the schema cannot say, by the field's name."""

_ODD = (
    "",
    "a",
    "ab",
    "a b",
    "-a",
    ".a",
    "a\n",
    "größe",
    "{a}",
    "\\",
    "\x00",
    "1",
    "Text",
    "x" * 65,
    "x" * 129,
    "x" * 501,
)
_ODD_AT = {
    "fieldName": (
        *("namespace_id", "created_at", "_internal", "_internal.a", "_internal[0]", "_internals", "a..b"),
        *('"plain"', '"namespace_id"', "a[01]", '"a\\b"', "x" * 256),
    ),
    "namespaceName": ("ns_0123456789", "ns_abcdef0123", "ns_abc"),
    "namespaceId": ("ns_ab", "ns_a-b", "abcdef", "NS_abc"),
    "version": ("1.0.0", "v", "V1", "v1a"),
    **ODD_AT,
}
"""Texts that break rules, some only in some fields."""

_OF_OTHER_TYPES: tuple[Any, ...] = (None, True, 0, -1, 2.5, 4.0, 2**40, "text", [], ["a"], {}, [None])

_ALPHABET = "abzAZ019_-. ä\n\"'[]{}/\\😀"

_NAMES = (*("sample",) * 16, "abc", "a-b-c", "a" * 64, "ab", "a.b.c", "a" * 65)


def _spec_schema(kind: Definition) -> Schema:
    root: Schema = custom_resource_definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(root["properties"]["spec"])


_SPECS = {kind.kind: _spec_schema(kind) for kind in DEFINITIONS}


def random_kind(random: Random) -> Definition:
    """Which kind an object is of."""
    return CLUSTERS if random.random() < 0.25 else NAMESPACES


def random_name(random: Random) -> str:
    """What an object is called; not every name can stand in for namespaceName."""
    return random.choice(_NAMES)


def random_spec(random: Random, kind: Definition = NAMESPACES) -> Any:
    """A spec that fits the schema and mostly the rules, with up to two places changed."""
    schema = _SPECS[kind.kind]
    spec = _value(random, schema, "spec")
    if random.random() < 0.7:
        _mend(random, spec)
        mend_infrastructure(random, spec)
        mend_cluster(random, spec)
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        spec = _changed(random, spec, schema)
    return spec


def _value(random: Random, schema: Schema, name: str) -> Any:
    if "enum" in schema:
        return random.choice(schema["enum"])
    return _BY_TYPE[schema["type"]](random, schema, name)


def _text(random: Random, schema: Schema, name: str) -> str:
    if name in _GOOD and random.random() < 0.94:
        return random.choice(_GOOD[name])
    if name in _ODD_AT and random.random() < 0.5:
        return random.choice(_ODD_AT[name])
    shortest, longest = schema.get("minLength", 0), schema["maxLength"]
    return _letters(random, random.randint(shortest, min(longest, shortest + 8)))


def _letters(random: Random, count: int) -> str:
    return "".join(random.choices(_ALPHABET, k=count))


def _integer(random: Random, schema: Schema, name: str) -> int:
    low: int = schema["minimum"]
    high: int = schema["maximum"]
    small = [number for number in (2, 3, 15, 16) if low <= number <= high]
    return random.choice((low, *small, random.randint(low, high), high))


def _boolean(random: Random, schema: Schema, name: str) -> bool:
    return random.random() < 0.5


def _array(random: Random, schema: Schema, name: str) -> list[Any]:
    items = [_value(random, schema["items"], name) for _ in range(random.choice((0, 1, 1, 1, 2)))]
    keys = schema.get("x-kubernetes-list-map-keys")
    identities = [tuple(item.get(key) for key in keys) if keys else item for item in items]
    return [item for at, item in enumerate(items) if identities[at] not in identities[:at]]


def _object(random: Random, schema: Schema, name: str) -> dict[str, Any]:
    if "additionalProperties" in schema:
        below = schema["additionalProperties"]
        return {_letters(random, 2): _value(random, below, name) for _ in range(random.randrange(3))}
    if "properties" not in schema:
        return {_letters(random, 2): _json(random) for _ in range(random.randrange(3))}
    required = schema.get("required", ())
    often = random.choice((0.3, 0.5, 0.8))
    given = [field for field in schema["properties"] if field in required or random.random() < often]
    return {field: _value(random, schema["properties"][field], field) for field in given}


def _json(random: Random) -> Any:
    kind = random.randrange(7)
    if kind == 0:
        return [_json(random) for _ in range(random.randrange(3))]
    if kind == 1:
        return {_letters(random, 2): _json(random) for _ in range(random.randrange(3))}
    return (None, True, random.randint(-(2**53), 2**53), random.random(), _letters(random, 3))[kind - 2]


_BY_TYPE = {"string": _text, "integer": _integer, "boolean": _boolean, "array": _array, "object": _object}


# What the schema cannot say


def _mend(random: Random, spec: Any) -> None:
    """Make fields agree with each other."""
    if spec.get("vectorConfigs"):
        spec["mode"] = "standalone"
    if spec.get("mode") == "standalone":
        spec.pop("featureExtractors", None)
    if (spec.get("infrastructure") or {}).get("sharing"):
        spec.pop("pruneUnmanagedIndexes", None)
    for vector in spec.get("vectorConfigs", ()):
        if vector.get("kind") != "sparse":
            vector.setdefault("dimension", 4)
            continue
        for field in ("dimension", "metric"):
            vector.pop(field, None)
    for index in spec.get("payloadIndexes", ()):
        schema = index.get("fieldSchema")
        if schema is None:
            index.setdefault("type", "keyword")
            continue
        _mend_schema(random, schema)
        if "type" in index:
            index["type"] = schema["type"]


def _mend_schema(random: Random, schema: Any) -> None:
    chosen = [name for name in schema if name in _TYPES_OF]
    if chosen:
        # A type drawn by itself would leave most parameters without a chance.
        schema["type"] = random.choice(_TYPES_OF[random.choice(chosen)])
    for parameter in [name for name in schema if name in _TYPES_OF and schema["type"] not in _TYPES_OF[name]]:
        del schema[parameter]
    shortest, longest = schema.get("minTokenLen", 2), schema.get("maxTokenLen", 15)
    if shortest > longest:
        schema |= {"minTokenLen": longest, "maxTokenLen": shortest}
    if schema.get("lookup") is False:
        schema.pop("range", None)


def _types_by_parameter() -> dict[str, list[str]]:
    """The types that a parameter belongs to, as its description begins with them: `integer, float: ...`."""
    properties = _SPECS[NAMESPACES.kind]["properties"]["payloadIndexes"]["items"]["properties"]["fieldSchema"][
        "properties"
    ]
    beginnings = {name: schema["description"].partition(":")[0].split(", ") for name, schema in properties.items()}
    return {name: types for name, types in beginnings.items() if set(types) <= set(properties["type"]["enum"])}


_TYPES_OF = _types_by_parameter()


# Places


def _places(value: Any, schema: Schema, above: Any = None, key: Any = None) -> Iterator[tuple[Any, Any, Schema]]:
    """Every field and item below a value: what holds it, under which key, and its schema."""
    if above is not None:
        yield above, key, schema
    if isinstance(value, dict) and "properties" in schema:
        for name, below in value.items():
            yield from _places(below, schema["properties"][name], value, name)
    elif isinstance(value, dict) and "additionalProperties" in schema:
        for name, below in value.items():
            yield from _places(below, schema["additionalProperties"], value, name)
    elif isinstance(value, list) and "items" in schema:
        for at, below in enumerate(value):
            yield from _places(below, schema["items"], value, at)


def _changed(random: Random, spec: Any, schema: Schema) -> Any:
    result = copy.deepcopy(spec)
    places = list(_places(result, schema)) if isinstance(result, dict) else []
    if not places:
        return random.choice((None, "text", [], {}))
    # By name first: else the many parameters of indexes would leave the others little chance.
    fields = {key if isinstance(key, str) else "[]" for _, key, _ in places}
    field = random.choice(sorted(fields))
    holder, key, there = random.choice([place for place in places if field in (place[1], "[]")])
    if isinstance(holder[key], str) and random.random() < 0.7:
        words = _ODD_AT[field] if field in _ODD_AT and random.random() < 0.7 else _ODD
        holder[key] = random.choice(words)
        return result
    way = random.choice(("limit", "other type", "gone", "added", "again"))
    if way == "gone":
        del holder[key]
    elif way == "again" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif way == "added" and "properties" in there and isinstance(holder[key], dict):
        name = random.choice(sorted(there["properties"]))
        holder[key][name] = _value(random, there["properties"][name], name)
    elif way == "limit" and (beyond := list(_beyond(there))):
        holder[key] = random.choice(beyond)
    else:
        holder[key] = random.choice(_OF_OTHER_TYPES)
    return result


def _beyond(schema: Schema) -> Iterator[Any]:
    """Values at the limits of a schema and just beyond them."""
    for limit, step in (("minimum", -1), ("maximum", 1)):
        if limit in schema:
            yield from (schema[limit], schema[limit] + step)
    for limit, step in (("minLength", -1), ("maxLength", 1)):
        if limit in schema:
            yield from ("a" * schema[limit], "a" * (schema[limit] + step))
