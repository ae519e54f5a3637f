"""Requests for collection parameters as Qdrant documents them, and answers as a server gave them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from qdrant_client import models

from devstack.paths import REPOSITORY
from namespace_operator.domain.parameters import Parameters
from namespace_operator.stores.qdrant import translate
from namespace_operator.stores.qdrant.parameters import change, creation

_RECORDINGS = REPOSITORY / "tests" / "contract" / "qdrant" / "recordings" / "collections.jsonl"

REQUESTS: dict[str, tuple[Parameters, dict[str, Any]]] = {
    "nothing": ({}, {}),
    "segments": (
        {"segment_number": 1, "indexing_threshold": 0},
        {"optimizers_config": {"default_segment_number": 1, "indexing_threshold": 0}},
    ),
    "graph": ({"hnsw.m": 0, "hnsw.payload_m": 16}, {"hnsw_config": {"m": 0, "payload_m": 16}}),
    "limits": (
        {"strict_mode.enabled": True, "strict_mode.max_timeout": 3},
        {"strict_mode_config": {"enabled": True, "max_timeout": 3}},
    ),
    "scalar": (
        {"quantization.type": "scalar", "quantization.always_ram": True},
        {"quantization_config": {"scalar": {"type": "int8", "always_ram": True}}},
    ),
    "binary": ({"quantization.type": "binary"}, {"quantization_config": {"binary": {}}}),
    "product": ({"quantization.type": "product"}, {"quantization_config": {"product": {"compression": "x16"}}}),
}


@pytest.mark.parametrize(("values", "body"), REQUESTS.values(), ids=REQUESTS)
def test_what_stands_alike_in_both_requests(values: Parameters, body: dict[str, Any]) -> None:
    assert creation(values) == body
    assert change(values) == body
    # The models of qdrant-client know every parameter, and refuse any other.
    for model in (models.CreateCollection, models.UpdateCollection):
        assert model.model_validate(body).model_dump(mode="json", exclude_none=True) == body


def test_replicas_stand_at_the_top_of_a_creation_and_under_params_of_a_change() -> None:
    values: Parameters = {"replication_factor": 2, "on_disk_payload": False}
    assert creation({**values, "shard_number": 3}) == {**values, "shard_number": 3}
    assert change(values) == {"params": values}


def test_an_end_of_quantization_is_asked_for_only_where_there_may_be_some() -> None:
    assert change({"quantization.type": "none"}) == {"quantization_config": "Disabled"}
    assert creation({"quantization.type": "none"}) == {}


def test_a_recorded_change_and_what_the_server_showed_afterwards() -> None:
    lines = [json.loads(line) for line in _RECORDINGS.read_text().splitlines()]
    at = next(number for number, line in enumerate(lines) if line["method"] == "PATCH" and "params" in line["body"])
    asked = lines[at]["body"]
    values: Parameters = {
        "hnsw.m": 24,
        "replication_factor": 2,
        "on_disk_payload": False,
        "indexing_threshold": 5000,
        "vectors.text_extractor_v1_embedding.on_disk": True,
    }
    del asked["vectors"]["text_extractor_v1_embedding"]["hnsw_config"]
    assert change(values) == asked
    live = translate.collection("ns_a", lines[at + 1]["answer"]["result"])
    assert live.config is not None
    assert values.items() <= live.config.items()
    assert live.config["vectors.image_extractor_v1_embedding.on_disk"] is True
    assert (live.config["hnsw.payload_m"], live.config["segment_number"], live.status) == (16, 0, "yellow")
