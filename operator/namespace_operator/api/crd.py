"""The CustomResourceDefinitions, made from the models.

Pydantic's JSON schema is brought into the structural form Kubernetes asks for: no references, no unions with null
(the API server drops a null where a field is optional), no defaults (a stored default cannot be told from a choice,
and one inside a list item makes every `kubectl apply` a change).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from namespace_operator.api import cluster, resource
from namespace_operator.api.base import ApiModel
from namespace_operator.api.cluster_resource import CLUSTER_CRD_NAME, InfrastructureClusterResource
from namespace_operator.api.resource import CATEGORY, CRD_NAME, GROUP, VERSION, NamespaceResource

SCHEMA_VERSION = "3"
"""Raised with every change of the schemas that the operator relies on."""

SCHEMA_VERSION_ANNOTATION = f"{GROUP}/schema-version"

_Schema = dict[str, Any]
_Column = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Definition:
    """A kind that the operator defines, as Kubernetes addresses it. ``name`` is that of its definition."""

    name: str
    kind: str
    plural: str
    singular: str
    short_name: str
    scope: str
    model: type[ApiModel]
    columns: tuple[_Column, ...]


def _column(name: str, path: str, description: str, kind: str = "string", **more: int) -> _Column:
    return {"name": name, "type": kind, "jsonPath": path, "description": description, **more}


_CONDITION = '.status.conditions[?(@.type=="Ready")]'
_READY = _column("Ready", f"{_CONDITION}.status", "Whether all is as declared.")
_REASON = _column("Reason", f"{_CONDITION}.reason", "Why it is, or is not.")
_AGE = _column("Age", ".metadata.creationTimestamp", "Time since it was created.", "date")

NAMESPACES = Definition(
    name=CRD_NAME,
    kind=resource.KIND,
    plural=resource.PLURAL,
    singular=resource.SINGULAR,
    short_name=resource.SHORT_NAME,
    scope="Namespaced",
    model=NamespaceResource,
    columns=(
        _column("Tier", ".status.infrastructure.computeTier", "The tier in force."),
        _READY,
        _REASON,
        _column("Documents", ".status.documentCount", "Documents held.", "integer"),
        _column("Objects", ".status.objectCount", "Objects in all buckets.", "integer"),
        _column("Qdrant", ".status.qdrantStatus.status", "The collection's status in Qdrant."),
        _AGE,
        _column("Id", ".status.namespaceId", "Identity of the namespace.", priority=1),
        _column("Collection", ".status.collection", "The collection it is bound to.", priority=1),
        _column("Cluster", ".status.infrastructure.connection", "The Qdrant server it is bound to.", priority=1),
    ),
)
CLUSTERS = Definition(
    name=CLUSTER_CRD_NAME,
    kind=cluster.CLUSTER_KIND,
    plural=cluster.CLUSTER_PLURAL,
    singular=cluster.CLUSTER_SINGULAR,
    short_name=cluster.CLUSTER_SHORT_NAME,
    scope="Cluster",
    model=InfrastructureClusterResource,
    columns=(
        _column("Id", ".spec.clusterId", "What spec.clusterId of a Namespace names."),
        _READY,
        _REASON,
        _column("Version", ".status.version", "Version of the Qdrant server."),
        _column("Collections", ".status.collections", "Collections on the server.", "integer"),
        _column("Namespaces", ".status.namespaces", "Namespaces on it.", "integer"),
        _column("Default", ".spec.default", "Whether Namespaces that name no server live here.", "boolean"),
        _AGE,
        _column("URL", ".spec.qdrant.url", "Address of the Qdrant server.", priority=1),
    ),
)
DEFINITIONS = (NAMESPACES, CLUSTERS)
"""Every kind that the operator defines."""


def custom_resource_definition(definition: Definition = NAMESPACES) -> dict[str, Any]:
    """The manifest of a CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": definition.name, "annotations": {SCHEMA_VERSION_ANNOTATION: SCHEMA_VERSION}},
        "spec": {
            "group": GROUP,
            "scope": definition.scope,
            "names": {
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "singular": definition.singular,
                "shortNames": [definition.short_name],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [dict(column) for column in definition.columns],
                    "schema": {"openAPIV3Schema": _root_schema(definition)},
                }
            ],
        },
    }


def missing_fields(installed_crd: Mapping[str, Any], definition: Definition = NAMESPACES) -> list[str]:
    """Dotted paths of fields of a kind that its installed CustomResourceDefinition would drop.

    Only the topmost path is given of what is missing as a whole; `[]` stands for the items of a list.
    """
    versions = installed_crd.get("spec", {}).get("versions", [])
    schemas = [
        version.get("schema", {}).get("openAPIV3Schema", {})
        for version in versions
        if version["name"] == VERSION and version.get("served")
    ]
    return sorted(_missing(_root_schema(definition), schemas[0] if schemas else {}, ""))


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


def _root_schema(definition: Definition) -> _Schema:
    schema = definition.model.model_json_schema(by_alias=True)
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
