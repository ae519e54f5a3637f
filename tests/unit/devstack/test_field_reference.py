"""The references made from models and tables say what these say."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from devstack.catalog_page import catalog_page
from devstack.diagrams import DIAGRAMS, Diagram
from devstack.field_reference import Field, page, sections
from devstack.vocabulary_reference import annotations_page, events_page
from namespace_operator.api.annotations import ANNOTATIONS, DESCRIPTIONS, GUARDED
from namespace_operator.api.crd import CLUSTERS, DEFINITIONS, NAMESPACES, Definition, custom_resource_definition
from namespace_operator.api.resource import NamespaceResource
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text
from namespace_operator.domain.event_reasons import EVENTS, EventReason

BOTH = pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.kind)


def fields(definition: Definition = NAMESPACES) -> dict[str, Field]:
    """Every field by its path."""
    return {field.path: field for section in sections(definition) for field in section.fields}


def paths(schema: dict[str, object], path: str) -> set[str]:
    """Paths of all fields of a schema that the API server knows by name."""
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    below: set[str] = set()
    for name, field in properties.items():
        inner = field.get("items", field)
        below |= {f"{path}.{name}"} | paths(inner, f"{path}.{name}{'[]' if 'items' in field else ''}")
    return below


@BOTH
def test_every_field_of_the_crd_has_a_row(definition: Definition) -> None:
    schema = custom_resource_definition(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    wanted = {path for name in ("spec", "status") for path in paths(schema["properties"][name], name)}
    assert set(fields(definition)) == wanted


@BOTH
def test_every_optional_field_of_a_spec_says_what_its_absence_means(definition: Definition) -> None:
    silent = {
        path: field for path, field in fields(definition).items() if path.startswith("spec.") and not field.absent
    }
    # What is required only beside something else says so in words.
    assert [path for path, field in silent.items() if "required" not in field.meaning] == []
    assert len(silent) < 5


def test_types_limits_and_defaults() -> None:
    shown = fields()
    assert shown["spec.ttlSeconds"].limits == "60-315360000"
    assert shown["spec.mode"].type == "`managed`, `standalone`"
    assert (shown["spec.maxAutoIndexes"].absent, shown["spec.maxAutoIndexes"].limits) == ("10", "0-128")
    assert shown["spec.featureExtractors[].version"].absent == "required"
    assert shown["spec.payloadIndexes[].fieldSchema.minTokenLen"].absent == "2"
    assert shown["spec.payloadIndexes"].limits == "at most 128 entries; one for each fieldName"
    assert shown["status.createdAt"].type == "time"


def test_what_does_not_change_is_marked_and_the_rule_is_told() -> None:
    shown = fields()
    assert shown["spec.mode"].fixed
    assert shown["spec.featureExtractors[].params"].fixed
    assert not shown["spec.description"].fixed
    text = page(NAMESPACES)
    for rule in (*NamespaceSpec.transition_rules, *NamespaceResource.transition_rules):
        assert rule.message.partition("{")[0] in text


def test_a_page_has_a_table_for_each_object() -> None:
    assert "## spec.qdrant.apiKeySecretRef\n" in page(CLUSTERS)
    assert "{" not in page(NAMESPACES).partition("# Fields")[2], "a placeholder of a rule is left"


def test_every_annotation_is_described_and_guards_are_told() -> None:
    assert DESCRIPTIONS.keys() == set(ANNOTATIONS)
    table, _, guards = annotations_page().partition("## Those that need a verb")
    for name in ANNOTATIONS:
        assert f"| `{name}` |" in table
        assert (f"| `{name}` |" in guards) == (name in GUARDED)


def test_every_event_is_described() -> None:
    assert EVENTS.keys() == set(EventReason)
    for reason, info in EVENTS.items():
        assert f"| `{reason}` | {info.kind} | {info.meaning} |" in events_page()


def test_every_extractor_of_the_catalog_has_a_section_with_its_vectors() -> None:
    catalog = Catalog.load(builtin_catalog_text())
    sections = dict(part.split("\n", 1) for part in catalog_page(catalog).split("\n## ")[1:])
    assert set(sections) == set(catalog.ids())
    for extractor in catalog.extractors:
        for vector in extractor.vectors:
            assert f"| `{vector.name}` | {vector.kind} |" in sections[extractor.feature_extractor_id]


@pytest.mark.parametrize("diagram", DIAGRAMS.values(), ids=DIAGRAMS)
def test_a_diagram_is_a_picture_with_everything_inside(diagram: Diagram) -> None:
    assert ET.fromstring(diagram.svg().partition("\n")[2]).tag == "{http://www.w3.org/2000/svg}svg"
    for box in diagram.boxes.values():
        assert 0 <= box.x <= box.x + box.width <= diagram.width
        assert 0 <= box.y <= box.y + box.height <= diagram.height
        # Seven pixels a letter is what the type takes at most.
        assert max(map(len, box.text.split("\n"))) * 7 <= box.width + 20
