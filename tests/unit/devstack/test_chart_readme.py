"""The chart's README: nothing of the values is left out, or without a word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.chart_readme import Value, described, readme
from devstack.paths import CHART

VALUES = """\
# Of the whole file.

server:
  # Required. Its address,
  # as a URL.
  # url:

  # How long it may take.
  timeout: 10
# Several, by name:
#   one: {a: b}
#   two: {c: d}
# Empty: none.
many: {}

plain: ""
"""

SCHEMA = {
    "properties": {
        "global": {"type": "object"},
        "plain": {"description": "Said by the schema.", "enum": ["", "x|y"]},
        "server": {
            "description": "Of the group.",
            "properties": {"timeout": {"$ref": "#/definitions/seconds"}, "url": {"type": "string"}},
        },
        "many": {"type": "object", "additionalProperties": {"$ref": "#/definitions/seconds"}},
    },
    "definitions": {"seconds": {"type": "number", "exclusiveMinimum": 0}},
}


def test_a_comment_is_the_meaning_of_the_key_below_it() -> None:
    assert described(VALUES, json.dumps(SCHEMA)) == [
        Value("server", "Of the group.", "", ""),
        Value("server.url", "Required. Its address, as a URL.", "string", None),
        Value("server.timeout", "How long it may take.", "number above 0", "10"),
        Value(
            "many",
            "Several, by name: <br>`one: {a: b}`<br>`two: {c: d}`<br> Empty: none.",
            "map of number above 0",
            "{}",
        ),
        Value("plain", "Said by the schema.", "`` or `x|y`", '""'),
    ]


def test_a_bar_in_a_text_does_not_end_its_cell() -> None:
    chart = "{description: It, version: 1.2.3, kubeVersion: '>=1.30.0-0'}"
    page = readme(chart, VALUES, json.dumps(SCHEMA))
    assert r"`` or `x\|y`" in page
    assert "It: version 1.2.3, for Kubernetes from 1.30.0 on." in page


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "boolean"}, "true or false"),
        ({"type": "integer", "minimum": 1}, "integer from 1 on"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "integer from 1 to 9"),
        ({"type": ["string", "number"]}, "string or number"),
        ({"oneOf": [{"$ref": "#/definitions/seconds"}, {"const": ""}]}, "number above 0"),
        ({"type": "array", "items": {"type": "object", "properties": {}}}, "list of object"),
    ],
)
def test_types_in_words(schema: dict[str, Any], words: str) -> None:
    (value,) = described("# It.\nit: []\n", json.dumps({**SCHEMA, "properties": {"it": schema}}))
    assert value.type == words


def _chart() -> list[Value]:
    return described(*((CHART / name).read_text(encoding="utf-8") for name in ("values.yaml", "values.schema.json")))


def test_every_value_of_the_chart_has_a_meaning() -> None:
    assert [value.path for value in _chart() if not value.meaning] == []


def test_every_value_that_the_schema_allows_is_in_the_table() -> None:
    """Down to where the defaults are empty: there, the schema alone says what may be in it."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    told = {value.path for value in _chart()}

    def missing(properties: dict[str, Any], above: str) -> list[str]:
        found = []
        for name, each in properties.items():
            path = f"{above}{name}"
            below = each.get("properties") or schema["definitions"].get(
                each.get("$ref", "").rpartition("/")[2], {}
            ).get("properties", {})
            if any(other.startswith(f"{path}.") for other in told):
                found += missing(below, f"{path}.")
            elif path not in told:
                found.append(path)
        return found

    # Helm's own, which this chart does not read.
    assert missing(schema["properties"], "") == ["global"]


def test_only_what_is_required_has_no_default() -> None:
    assert [value.path for value in _chart() if value.default is None] == ["qdrant.url", "mongodb.uriSecretRef.name"]
