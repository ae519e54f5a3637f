"""The CustomResourceDefinition, made from the models.

Pydantic's JSON schema is brought into the structural form Kubernetes asks for: no references, no unions with null
(the API server drops a null where a field is optional), no defaults (a stored default cannot be told from a choice,
and one inside a list item makes every `kubectl apply` a change).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from namespace_operator.api.resource import (
    CATEGORY,
    CRD_NAME,
    GROUP,
    KIND,
    PLURAL,
    SHORT_NAME,
    SINGULAR,
    VERSION,
    NamespaceResource,
)

SCHEMA_VERSION = "2"
"""Raised with every change of the schema that the operator relies on."""

SCHEMA_VERSION_ANNOTATION = f"{GROUP}/schema-version"

_Schema = dict[str, Any]

_READY = '.status.conditions[?(@.type=="Ready")]'

_PRINTER_COLUMNS = (
    {"name": "Ready", "type": "string", "jsonPath": f"{_READY}.status", "description": "Whether all is as declared."},
    {"name": "Reason", "type": "string", "jsonPath": f"{_READY}.reason", "description": "Why it is, or is not."},
    {"name": "Documents", "type": "integer", "jsonPath": ".status.documentCount", "description": "Documents held."},
    {"name": "Objects", "type": "integer", "jsonPath": ".status.objectCount", "description": "Objects in all buckets."},
    {
        "name": "Qdrant",
        "type": "string",
        "jsonPath": ".status.qdrantStatus.status",
        "description": "The collection's status in Qdrant.",
    },
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Id", "type": "string", "jsonPath": ".status.namespaceId", "priority": 1},
    {"name": "Collection", "type": "string", "jsonPath": ".status.collection", "priority": 1},
)


def custom_resource_definition() -> dict[str, Any]:
    """The manifest of the CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD_NAME, "annotations": {SCHEMA_VERSION_ANNOTATION: SCHEMA_VERSION}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [dict(column) for column in _PRINTER_COLUMNS],
                    "schema": {"openAPIV3Schema": _root_schema()},
                }
            ],
        },
    }


def missing_fields(installed_crd: Mapping[str, Any]) -> list[str]:
    """Dotted paths of fields of our spec and status that this installed CustomResourceDefinition would drop.

    Only the topmost path is given of what is missing as a whole; `[]` stands for the items of a list.
    """
    versions = installed_crd.get("spec", {}).get("versions", [])
    schemas = [
        version.get("schema", {}).get("openAPIV3Schema", {})
        for version in versions
        if version["name"] == VERSION and version.get("served")
    ]
    return sorted(_missing(_root_schema(), schemas[0] if schemas else {}, ""))


def _missing(ours: _Schema, theirs: Mapping[str, Any], path: str) -> Iterator[str]:
    if theirs.get("x-kubernetes-preserve-unknown-fields"):
        return
    for name, schema in ours.get("properties", {}).items():
        below = f"{path}.{name}".removeprefix(".")
        if name in theirs.get("properties", {}):
            yield from _missing(schema, theirs["properties"][name], below)
        else:
            yield below
    if "items" in ours:
        yield from _missing(ours["items"], theirs.get("items", {}), f"{path}[]")


def _root_schema() -> _Schema:
    schema = NamespaceResource.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs")
    root = _structural(schema, definitions)
    # The API server knows the schema of the metadata itself and refuses another one.
    properties = {
        "apiVersion": {"type": "string", "description": "Version of the schema of this object."},
        "kind": {"type": "string", "description": "Kind of this object."},
        "metadata": {"type": "object"},
    }
    root["properties"] = properties | {name: root["properties"][name] for name in ("spec", "status")}
    root["required"].remove("metadata")
    return root


def _structural(schema: Mapping[str, Any], definitions: Mapping[str, _Schema]) -> _Schema:
    flat = _without_indirection(schema, definitions)
    for dropped in ("title", "default"):
        flat.pop(dropped, None)
    if "const" in flat:
        flat["enum"] = [flat.pop("const")]
    if flat.get("x-kubernetes-preserve-unknown-fields"):
        # Both at once would be no structural schema.
        flat.pop("additionalProperties", None)
    if "properties" in flat:
        flat["properties"] = {name: _structural(field, definitions) for name, field in flat["properties"].items()}
    for nested in ("items", "additionalProperties"):
        if nested in flat:
            flat[nested] = _structural(flat[nested], definitions)
    return flat


def _without_indirection(schema: Mapping[str, Any], definitions: Mapping[str, _Schema]) -> _Schema:
    flat = dict(schema)
    while "$ref" in flat or "anyOf" in flat:
        if "$ref" in flat:
            target = definitions[flat.pop("$ref").removeprefix("#/$defs/")]
        else:
            (target,) = (branch for branch in flat.pop("anyOf") if branch != {"type": "null"})
        # What stands at the field, its description above all, wins over what stands at the type.
        flat = {**target, **flat}
    return flat
