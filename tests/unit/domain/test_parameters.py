"""Collection parameters in their flat form: what is wanted, what differs, what a change rebuilds."""

from __future__ import annotations

from typing import Any

import pytest

from namespace_operator.api.profile import CollectionParameters
from namespace_operator.domain.parameters import (
    Parameters,
    applied,
    compare_parameters,
    flat,
    for_vectors,
    rebuilds,
    resource_name,
    vector_of,
    vector_parameter,
)
from namespace_operator.domain.vectors import NamedVector, VectorKind

DENSE = NamedVector(name="dense", size=4, distance="cosine")
DOTTED = NamedVector(name="vectors.on_disk", kind=VectorKind.MULTI_DENSE, size=4, distance="dot")
SPARSE = NamedVector(name="sparse", kind=VectorKind.SPARSE)

WANTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "zero and false are values": (
        {"onDiskPayload": False, "indexingThreshold": 0, "hnsw": {"m": 0}},
        {"on_disk_payload": False, "indexing_threshold": 0, "hnsw.m": 0},
    ),
    "limits are in force where there are some": (
        {"strictMode": {"maxTimeout": 3}},
        {"strict_mode.max_timeout": 3, "strict_mode.enabled": True},
    ),
    "limits that are written and off": ({"strictMode": {"enabled": False}}, {"strict_mode.enabled": False}),
    "no quantization has nothing to keep": (
        {"quantization": {"type": "none", "alwaysRam": True}},
        {"quantization.type": "none"},
    ),
}


@pytest.mark.parametrize(("given", "expected"), WANTED.values(), ids=WANTED)
def test_what_is_wanted(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert flat(CollectionParameters.model_validate(given)) == expected


def test_on_disk_vectors_are_the_dense_ones() -> None:
    spelt = for_vectors({"on_disk_vectors": True, "hnsw.m": 8}, (DENSE, DOTTED, SPARSE))
    assert spelt == {"hnsw.m": 8, vector_parameter("dense"): True, vector_parameter("vectors.on_disk"): True}
    assert for_vectors({"hnsw.m": 8}, (DENSE,)) == {"hnsw.m": 8}


@pytest.mark.parametrize("name", ["dense", "vectors.on_disk", "", "a.b", ".on_disk"])
def test_a_vectors_name_may_hold_anything(name: str) -> None:
    assert vector_of(vector_parameter(name)) == name


def test_other_parameters_are_about_no_vector() -> None:
    assert {vector_of(name) for name in ("hnsw.on_disk", "on_disk_payload", "segment_number")} == {None}


def test_only_what_is_wanted_is_compared() -> None:
    live = {"hnsw.m": 16, "shard_number": 1, "segment_number": 4, "on_disk_payload": True}
    wanted = {"hnsw.m": 8, "shard_number": 3, "on_disk_payload": True, "hnsw.payload_m": 16}
    assert compare_parameters(wanted, live) == ({"hnsw.m": 8, "hnsw.payload_m": 16}, {"shard_number": 3})
    assert compare_parameters({}, live) == ({}, {})


def test_a_change_of_quantization_leaves_nothing_of_the_former() -> None:
    live: Parameters = {"quantization.type": "scalar", "quantization.always_ram": True, "hnsw.m": 16}
    made = applied(live, {"quantization.type": "binary"})
    assert (made["quantization.type"], made["quantization.always_ram"], made["hnsw.m"]) == ("binary", False, 16)
    assert applied(live, {"hnsw.m": 8})["quantization.always_ram"] is True


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("replication_factor", False),
        ("write_consistency_factor", False),
        ("strict_mode.max_timeout", False),
        ("on_disk_payload", True),
        ("segment_number", True),
        ("hnsw.m", True),
        ("quantization.type", True),
        (vector_parameter("dense"), True),
    ],
)
def test_what_is_rebuilt(name: str, expected: bool) -> None:
    assert rebuilds(name) is expected


def test_messages_name_the_fields_of_the_resource() -> None:
    assert resource_name("strict_mode.max_query_limit") == "strictMode.maxQueryLimit"
    assert resource_name("segment_number") == "segmentNumber"
    assert resource_name(vector_parameter("dense")) == "onDiskVectors"
