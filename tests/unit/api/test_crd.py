"""The CustomResourceDefinitions are structural and say what the models say."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack import generate
from namespace_operator.api.base import ApiModel
from namespace_operator.api.cluster import InfrastructureClusterSpec, InfrastructureClusterStatus
from namespace_operator.api.crd import (
    CLUSTERS,
    DEFINITIONS,
    NAMESPACES,
    SCHEMA_VERSION_ANNOTATION,
    Definition,
    custom_resource_definition,
    missing_fields,
)
from namespace_operator.api.payload_index import FieldSchema
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.spec_rules import PARAMETER_TYPES
from namespace_operator.api.status import NamespaceStatus

# What a structural schema of ours may hold; anything else would be refused by the API server or ignored.
_ALLOWED = {
    "additionalProperties",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minLength",
    "minimum",
    "properties",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}


BOTH = pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.kind)


def _root(definition: Definition = NAMESPACES) -> dict[str, Any]:
    schema: dict[str, Any] = custom_resource_definition(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _at(path: str, definition: Definition = NAMESPACES) -> dict[str, Any]:
    schema = _root(definition)
    for step in path.split("."):
        name = step.removesuffix("[]")
        schema = schema["properties"][name]
        if step.endswith("[]"):
            schema = schema["items"]
    return schema


def _walk(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from _walk(field, f"{path}.{name}")
    for nested in ("items", "additionalProperties"):
        if nested in schema:
            yield from _walk(schema[nested], f"{path}[]")


@BOTH
def test_every_schema_is_structural(definition: Definition) -> None:
    for path, schema in _walk(_root(definition)):
        assert set(schema) <= _ALLOWED, path
        assert isinstance(schema["type"], str), path


@BOTH
def test_nothing_has_a_default(definition: Definition) -> None:
    assert not [path for path, schema in _walk(_root(definition)) if "default" in schema]


@BOTH
def test_every_field_explains_itself(definition: Definition) -> None:
    unexplained = {
        path for path, schema in _walk(_root(definition)) if "description" not in schema and not path.endswith("[]")
    }
    assert unexplained == {".metadata"}


def _with_description(schema: dict[str, Any], path: str, above: str = "") -> Iterator[tuple[str, dict[str, Any], str]]:
    """As `_walk`; an item is described where its list is."""
    text = schema.get("description", above)
    yield path, schema, text
    for name, field in schema.get("properties", {}).items():
        yield from _with_description(field, f"{path}.{name}")
    if "items" in schema:
        yield from _with_description(schema["items"], f"{path}[]", text)


@BOTH
@pytest.mark.parametrize(
    ("limit", "unit"),
    [
        ("minLength", "characters|letters"),
        ("maxLength", "characters|letters"),
        ("maximum", ""),
        ("maxItems", "at most"),
        ("maxProperties", "at most"),
    ],
)
def test_every_limit_is_told_with_its_unit(definition: Definition, limit: str, unit: str) -> None:
    """`kubectl explain` shows descriptions, and neither limits nor rules."""
    spec = _at("spec", definition)
    limited = [entry for entry in _with_description(spec, "spec") if entry[1].get(limit, 1) > 1]
    for path, schema, text in limited:
        assert re.search(rf"(?<!\d){schema[limit]}(?!\d)", text), path
        assert re.search(unit, text), path


@BOTH
def test_every_optional_field_says_what_its_absence_means(definition: Definition) -> None:
    for path, schema in _walk(_at("spec", definition), "spec"):
        for name, field in schema.get("properties", {}).items():
            if name not in schema.get("required", ()):
                assert re.search(r"\b([Aa]bsent|Default:|required)", field["description"]), f"{path}.{name}"


@BOTH
def test_everything_in_the_spec_is_bounded(definition: Definition) -> None:
    """Rules over a list of any length exceed what the API server lets a rule cost."""
    for path, schema in _walk(_at("spec", definition)):
        if schema["type"] == "array":
            assert schema["maxItems"] <= (1024 if path.endswith("allowedOrganizations.names") else 256), path
        if schema["type"] == "string" and "enum" not in schema:
            assert schema["maxLength"] <= 512, path
        if schema["type"] == "integer":
            assert schema["maximum"] <= 1_000_000_000, path
        if "additionalProperties" in schema:
            assert schema["maxProperties"] <= 16, path


@pytest.mark.parametrize(
    ("path", "kind", "keys"),
    [
        ("spec.featureExtractors", "map", ["featureExtractorName", "version"]),
        ("spec.payloadIndexes", "map", ["fieldName"]),
        ("spec.payloadIndexes[].fieldSchema.stopwords.custom", "set", None),
        ("status.conditions", "map", ["type"]),
    ],
)
def test_list_types(path: str, kind: str, keys: list[str] | None) -> None:
    schema = _at(path)
    assert schema["x-kubernetes-list-type"] == kind
    assert schema.get("x-kubernetes-list-map-keys") == keys
    assert set(keys or ()) <= set(schema["items"].get("required", ()))


@pytest.mark.parametrize(
    "path",
    [
        "spec.featureExtractors[]",
        "spec.featureExtractors[].params",
        "spec.payloadIndexes[]",
        "spec.payloadIndexes[].fieldSchema",
    ],
)
def test_items_have_one_owner(path: str) -> None:
    assert _at(path)["x-kubernetes-map-type"] == "atomic"


@pytest.mark.parametrize(
    ("definition", "path", "model"),
    [
        (NAMESPACES, "spec", NamespaceSpec),
        (NAMESPACES, "status", NamespaceStatus),
        (CLUSTERS, "spec", InfrastructureClusterSpec),
        (CLUSTERS, "status", InfrastructureClusterStatus),
    ],
)
def test_properties_are_the_models_fields(definition: Definition, path: str, model: type[ApiModel]) -> None:
    assert set(_at(path, definition)["properties"]) == {field.alias for field in model.model_fields.values()}


@pytest.mark.parametrize(
    ("definition", "shown", "wide"),
    [
        (
            NAMESPACES,
            ["Tier", "Ready", "Reason", "Documents", "Objects", "Qdrant", "Age"],
            ["Id", "Collection", "Cluster"],
        ),
        (
            CLUSTERS,
            ["Id", "Ready", "Reason", "Version", "Collections", "Namespaces", "Default", "Age"],
            ["URL"],
        ),
    ],
)
def test_only_columns_of_fields_that_exist(definition: Definition, shown: list[str], wide: list[str]) -> None:
    columns = custom_resource_definition(definition)["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns if "priority" not in column] == shown
    assert [column["name"] for column in columns if "priority" in column] == wide
    for column in columns:
        if not column["jsonPath"].startswith(".metadata.") and "[" not in column["jsonPath"]:
            assert _at(column["jsonPath"].removeprefix("."), definition)["type"] == column["type"]


def test_a_cluster_belongs_to_no_kubernetes_namespace() -> None:
    spec = custom_resource_definition(CLUSTERS)["spec"]
    assert spec["scope"] == "Cluster"
    assert spec["names"] == {
        "kind": "InfrastructureCluster",
        "listKind": "InfrastructureClusterList",
        "plural": "infrastructureclusters",
        "singular": "infrastructurecluster",
        "shortNames": ["iclstr"],
        "categories": ["mixpeek"],
    }


def test_root_rule_leaves_older_objects_alone() -> None:
    rule, *_ = _root()["x-kubernetes-validations"]
    assert rule["optionalOldSelf"] is True
    assert "oldSelf.hasValue()" in rule["rule"]


def test_rules_on_parameters_name_parameters() -> None:
    assert set(PARAMETER_TYPES) <= set(FieldSchema.model_fields)


@BOTH
def test_schema_version_is_on_the_definition(definition: Definition) -> None:
    assert custom_resource_definition(definition)["metadata"]["annotations"][SCHEMA_VERSION_ANNOTATION] == "3"


@BOTH
def test_own_definition_misses_nothing(definition: Definition) -> None:
    assert missing_fields(custom_resource_definition(definition), definition) == []


def test_missing_fields_are_named_by_the_topmost_path() -> None:
    installed = copy.deepcopy(custom_resource_definition())
    properties = installed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    del properties["status"]["properties"]["qdrantStatus"]
    del properties["spec"]["properties"]["payloadIndexes"]["items"]["properties"]["fieldSchema"]["properties"][
        "stemmer"
    ]
    assert missing_fields(installed) == ["spec.payloadIndexes[].fieldSchema.stemmer", "status.qdrantStatus"]


def test_each_definition_is_held_to_its_own_kind() -> None:
    assert "spec.qdrant" in missing_fields(custom_resource_definition(NAMESPACES), CLUSTERS)
    assert "spec.mode" in missing_fields(custom_resource_definition(CLUSTERS), NAMESPACES)


def test_a_newer_definition_misses_nothing() -> None:
    installed = copy.deepcopy(custom_resource_definition())
    properties = installed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"]["ttlSeconds"] = {"type": "integer"}
    properties["status"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert missing_fields(installed) == []


@pytest.mark.parametrize("change", [{"name": "v2"}, {"served": False}, {"schema": {}}])
def test_without_our_version_everything_is_missing(change: dict[str, Any]) -> None:
    installed = copy.deepcopy(custom_resource_definition())
    installed["spec"]["versions"][0] |= change
    assert missing_fields(installed) == ["apiVersion", "kind", "metadata", "spec", "status"]


def test_generated_files_are_written_and_checked(tmp_path: Path) -> None:
    every = list(generate.generated_files())
    assert generate.stale_files(tmp_path) == every
    assert generate.write_files(tmp_path) == every
    assert generate.stale_files(tmp_path) == []
    touched = tmp_path / every[0]
    touched.write_text(touched.read_text() + "# by hand\n")
    assert generate.stale_files(tmp_path) == [every[0]]


@pytest.mark.parametrize(("definition", "template"), [(NAMESPACES, "crd.yaml"), (CLUSTERS, "crd-clusters.yaml")])
def test_chart_keeps_the_definition(definition: Definition, template: str) -> None:
    files = {path.name: text for path, text in generate.generated_files().items()}
    first, *lines, last = files[template].splitlines()
    assert (first, last) == ("{{- if .Values.crds.install }}", "{{- end }}")
    chart = "\n".join(lines)
    # Helm would take the braces for a template, and our text holds none that need escaping.
    assert "{{" not in chart
    installed = yaml.safe_load(chart)
    assert installed["metadata"]["annotations"].pop("helm.sh/resource-policy") == "keep"
    assert installed == custom_resource_definition(definition) == yaml.safe_load(files[f"{definition.name}.yaml"])
