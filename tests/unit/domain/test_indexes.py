"""Payload indexes in canonical form: what a real server answered, and what the custom resource writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namespace_operator.api.payload_index import PayloadIndex
from namespace_operator.domain.indexes import (
    SYSTEM_INDEXES,
    canonical,
    from_resource,
    to_resource,
    wanted_schema,
)
from namespace_operator.stores.qdrant import translate

RECORDINGS = Path(__file__).parents[2] / "contract" / "qdrant" / "recordings" / "indexes-and-points.jsonl"


def _recorded() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RECORDINGS.read_text().splitlines()]


def _live(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: found.schema for name, found in translate.collection("ns_i", answer["result"]).indexes.items()}


def _wanted(field_schema: str | dict[str, Any]) -> Mapping[str, Any]:
    return canonical({"type": field_schema} if isinstance(field_schema, str) else field_schema)


def _puts_and_what_they_made() -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Field, wanted schema and live schema for every index of the recordings that lives after its last put."""
    last: dict[str, Mapping[str, Any]] = {}
    schemas: dict[str, Mapping[str, Any]] = {}
    for line in _recorded():
        if line["method"] == "PUT" and "/index" in line["path"] and line["status"] == 200:
            last[line["body"]["field_name"]] = _wanted(line["body"]["field_schema"])
        if line["method"] == "GET" and line["path"] == "/collections/ns_i":
            schemas |= _live(line["answer"])
    return [(name, last[name], schemas[name]) for name in sorted(schemas)]


PUTS = _puts_and_what_they_made()


@pytest.mark.parametrize(
    ("wanted", "live"),
    [pytest.param(wanted, live, id=name) for name, wanted, live in PUTS],
)
def test_what_a_real_server_made_of_a_put_is_what_was_wanted(
    wanted: Mapping[str, Any], live: Mapping[str, Any]
) -> None:
    assert live == wanted


def test_the_recordings_hold_every_type() -> None:
    assert {live["type"] for _, _, live in PUTS} == {
        "keyword",
        "integer",
        "float",
        "bool",
        "geo",
        "datetime",
        "text",
        "uuid",
    }
    assert len(PUTS) >= 14


CANONICAL: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "geo"}, {"type": "geo"}),
    ({"type": "integer", "lookup": None, "range": None, "is_principal": None}, {"type": "integer"}),
    ({"type": "integer", "lookup": True, "range": True}, {"type": "integer"}),
    ({"type": "integer", "lookup": True, "range": False}, {"type": "integer", "range": False}),
    ({"type": "keyword", "is_tenant": False, "on_disk": False, "enable_hnsw": True}, {"type": "keyword"}),
    ({"type": "keyword", "prefix": True, "memory": "cold"}, {"type": "keyword"}),
    (
        {"type": "text", "tokenizer": "word", "lowercase": True, "ascii_folding": False, "phrase_matching": False},
        {"type": "text"},
    ),
    ({"type": "text", "min_token_len": None, "max_token_len": 20}, {"type": "text", "max_token_len": 20}),
    ({"type": "text", "stopwords": "english"}, {"type": "text", "stopwords": {"languages": ["english"]}}),
    (
        {"type": "text", "stopwords": {"languages": ["english"]}},
        {"type": "text", "stopwords": {"languages": ["english"]}},
    ),
    ({"type": "text", "stopwords": {"languages": [], "custom": None}}, {"type": "text"}),
    (
        {"type": "text", "stopwords": {"custom": ["b", "a"], "languages": ["german", "english"]}},
        {"type": "text", "stopwords": {"custom": ["a", "b"], "languages": ["english", "german"]}},
    ),
    (
        {"type": "text", "stemmer": {"type": "snowball", "language": "english"}},
        {"type": "text", "stemmer": {"type": "snowball", "language": "english"}},
    ),
]


@pytest.mark.parametrize(("parameters", "expected"), CANONICAL)
def test_canonical(parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    assert canonical(parameters) == expected
    assert canonical(expected) == expected


WANTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"fieldName": "a", "type": "keyword"}, {"type": "keyword"}),
    ({"fieldName": "a", "type": "text"}, {"type": "text", "min_token_len": 2, "max_token_len": 15}),
    (
        {"fieldName": "a", "fieldSchema": {"type": "text", "minTokenLen": 1}},
        {"type": "text", "min_token_len": 1, "max_token_len": 15},
    ),
    (
        {"fieldName": "a", "fieldSchema": {"type": "text", "stopwords": {"languages": ["english"], "custom": ["x"]}}},
        {
            "type": "text",
            "min_token_len": 2,
            "max_token_len": 15,
            "stopwords": {"custom": ["x"], "languages": ["english"]},
        },
    ),
    (
        {"fieldName": "a", "fieldSchema": {"type": "text", "stemmer": {"type": "snowball", "language": "german"}}},
        {
            "type": "text",
            "min_token_len": 2,
            "max_token_len": 15,
            "stemmer": {"type": "snowball", "language": "german"},
        },
    ),
    ({"fieldName": "a", "fieldSchema": {"type": "uuid", "isTenant": True}}, {"type": "uuid", "is_tenant": True}),
    (
        {"fieldName": "a", "fieldSchema": {"type": "datetime", "isPrincipal": True, "onDisk": True}},
        {"type": "datetime", "is_principal": True, "on_disk": True},
    ),
    ({"fieldName": "a", "fieldSchema": {"type": "bool", "enableHnsw": False}}, {"type": "bool", "enable_hnsw": False}),
]


@pytest.mark.parametrize(("index", "expected"), WANTED)
def test_wanted(index: dict[str, Any], expected: dict[str, Any]) -> None:
    wanted = wanted_schema(PayloadIndex.model_validate(index).effective_schema)
    assert wanted == expected
    assert from_resource(to_resource(wanted)) == wanted


def test_the_resource_spells_parameters_its_own_way() -> None:
    live = {"type": "text", "min_token_len": 2, "stopwords": {"languages": ["english"]}}
    assert to_resource(live) == {"type": "text", "minTokenLen": 2, "stopwords": {"languages": ["english"]}}


def test_system_indexes_are_canonical() -> None:
    assert {name: canonical(schema) for name, schema in SYSTEM_INDEXES.items()} == SYSTEM_INDEXES


_FLAG = st.none() | st.booleans()
_WORDS = st.lists(st.sampled_from(["a", "b", "c"]), unique=True)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["keyword", "integer", "text", "uuid", "geo"])},
        optional={
            **dict.fromkeys(("is_tenant", "on_disk", "enable_hnsw", "lookup", "range", "lowercase"), _FLAG),
            "min_token_len": st.none() | st.integers(1, 20),
            "tokenizer": st.none() | st.sampled_from(["word", "prefix"]),
            "stopwords": st.none()
            | st.just("english")
            | st.fixed_dictionaries({"custom": _WORDS, "languages": _WORDS}),
        },
    )
)
def test_canonical_is_a_fixed_point_in_both_spellings(parameters: dict[str, Any]) -> None:
    once = canonical(parameters)
    assert canonical(once) == once
    assert from_resource(to_resource(once)) == once
    assert None not in once.values()
