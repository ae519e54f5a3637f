"""The CustomResourceDefinition is structural and says what the models say."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack import generate
from namespace_operator.api.crd import SCHEMA_VERSION_ANNOTATION, custom_resource_definition, missing_fields
from namespace_operator.api.spec import FieldSchema, NamespaceSpec
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


def _root() -> dict[str, Any]:
    schema: dict[str, Any] = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _at(path: str) -> dict[str, Any]:
    schema = _root()
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


def test_every_schema_is_structural() -> None:
    for path, schema in _walk(_root()):
        assert set(schema) <= _ALLOWED, path
        assert isinstance(schema["type"], str), path


def test_nothing_has_a_default() -> None:
    assert not [path for path, schema in _walk(_root()) if "default" in schema]


def test_every_field_explains_itself() -> None:
    unexplained = {path for path, schema in _walk(_root()) if "description" not in schema and not path.endswith("[]")}
    assert unexplained == {".metadata"}


def _with_description(schema: dict[str, Any], path: str, above: str = "") -> Iterator[tuple[str, dict[str, Any], str]]:
    """As `_walk`; an item is described where its list is."""
    text = schema.get("description", above)
    yield path, schema, text
    for name, field in schema.get("properties", {}).items():
        yield from _with_description(field, f"{path}.{name}")
    if "items" in schema:
        yield from _with_description(schema["items"], f"{path}[]", text)


@pytest.mark.parametrize(
    ("limit", "unit"),
    [
        ("minLength", "characters|letters"),
        ("maxLength", "characters|letters"),
        ("maximum", "characters|components"),
        ("maxItems", "at most"),
    ],
)
def test_every_limit_is_told_with_its_unit(limit: str, unit: str) -> None:
    """`kubectl explain` shows descriptions, and neither limits nor rules."""
    limited = [entry for entry in _with_description(_at("spec"), "spec") if entry[1].get(limit, 1) > 1]
    assert limited
    for path, schema, text in limited:
        assert re.search(rf"(?<!\d){schema[limit]}(?!\d)", text), path
        assert re.search(unit, text), path


def test_every_optional_field_says_what_its_absence_means() -> None:
    for path, schema in _walk(_at("spec"), "spec"):
        for name, field in schema.get("properties", {}).items():
            if name not in schema.get("required", ()):
                assert re.search(r"\b([Aa]bsent|Default:|required)", field["description"]), f"{path}.{name}"


def test_lists_of_the_spec_are_bounded() -> None:
    """Rules over a list of any length exceed what the API server lets a rule cost."""
    for path, schema in _walk(_root()["properties"]["spec"]):
        if schema["type"] == "array":
            assert schema["maxItems"] <= 256, path
        if schema["type"] == "string" and "enum" not in schema:
            assert schema["maxLength"] <= 500, path


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


@pytest.mark.parametrize(("path", "model"), [("spec", NamespaceSpec), ("status", NamespaceStatus)])
def test_properties_are_the_models_fields(path: str, model: type[NamespaceSpec | NamespaceStatus]) -> None:
    assert set(_at(path)["properties"]) == {field.alias for field in model.model_fields.values()}


def test_only_columns_of_fields_that_exist() -> None:
    columns = custom_resource_definition()["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns if "priority" not in column] == [
        "Ready",
        "Reason",
        "Documents",
        "Objects",
        "Qdrant",
        "Age",
    ]
    for column in columns:
        if column["jsonPath"].startswith(".status.") and "[" not in column["jsonPath"]:
            assert _at(column["jsonPath"].removeprefix("."))["type"] == column["type"]


def test_root_rule_leaves_older_objects_alone() -> None:
    rule, *_ = _root()["x-kubernetes-validations"]
    assert rule["optionalOldSelf"] is True
    assert "oldSelf.hasValue()" in rule["rule"]


def test_rules_on_parameters_name_parameters() -> None:
    assert set(PARAMETER_TYPES) <= set(FieldSchema.model_fields)


def test_schema_version_is_on_the_definition() -> None:
    assert custom_resource_definition()["metadata"]["annotations"][SCHEMA_VERSION_ANNOTATION] == "2"


def test_own_definition_misses_nothing() -> None:
    assert missing_fields(custom_resource_definition()) == []


def test_missing_fields_are_named_by_the_topmost_path() -> None:
    installed = copy.deepcopy(custom_resource_definition())
    properties = installed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    del properties["status"]["properties"]["qdrantStatus"]
    del properties["spec"]["properties"]["payloadIndexes"]["items"]["properties"]["fieldSchema"]["properties"][
        "stemmer"
    ]
    assert missing_fields(installed) == ["spec.payloadIndexes[].fieldSchema.stemmer", "status.qdrantStatus"]


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


def test_chart_keeps_the_definition() -> None:
    files = {path.name: text for path, text in generate.generated_files().items()}
    chart = files["crd.yaml"]
    # Helm would take the braces for a template, and our text holds none that need escaping.
    assert "{{" not in chart
    definition = yaml.safe_load(chart)
    assert definition["metadata"]["annotations"].pop("helm.sh/resource-policy") == "keep"
    assert definition == custom_resource_definition() == yaml.safe_load(files["mixpeeknamespaces.mixpeek.com.yaml"])
