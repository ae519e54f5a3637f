"""The configuration of a collection, and which limits of strict mode there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.qdrant.body import Body
from devstack.qdrant.config import Config
from devstack.qdrant.errors import ApiError
from devstack.qdrant.requests import StrictMode, UpdateCollection
from devstack.qdrant.unserved import STRICT_MODE_NOT_ENFORCED

DOT = {"size": 2, "distance": "Dot"}


def config(**fields: Any) -> Config:
    """The configuration of a new collection."""
    return Config.create(Body(json.dumps(fields).encode()))


def patched(before: Config, **fields: Any) -> Config:
    """The configuration after a PATCH."""
    return before.patched(UpdateCollection.model_validate(fields))


def test_an_unnamed_vector_is_shown_by_itself_until_there_is_a_named_one() -> None:
    single = config(vectors=DOT)
    assert single.shown()["params"]["vectors"] == DOT
    several = single.with_vectors(single.vectors.with_added("b", "dense", DOT))
    assert several.shown()["params"]["vectors"] == {"": DOT, "b": DOT}


def test_a_saved_configuration_is_restored() -> None:
    before = config(vectors={"a": DOT}, sparse_vectors={"s": {}}, metadata={"k": [1, None]})
    before = before.with_index("f", {"data_type": "keyword"})
    assert Config.restore(json.loads(json.dumps(before.saved()))) == before


def test_a_patch_leaves_the_former_configuration_as_it_was() -> None:
    before = config(vectors={"a": {**DOT, "hnsw_config": {"m": 8}}}, metadata={"k": 1})
    saved = json.dumps(before.saved())
    after = patched(before, vectors={"a": {"hnsw_config": {"payload_m": 4}}}, metadata={"k": None, "l": {"m": None}})
    assert json.dumps(before.saved()) == saved
    assert after.vectors.dense["a"]["hnsw_config"] == {"m": 8, "payload_m": 4}
    assert after.settings["metadata"] == {"l": {"m": None}}


def test_metadata_without_keys_is_no_metadata() -> None:
    assert "metadata" not in patched(config(metadata={"k": 1}), metadata={"k": None}).shown()


def test_quantization_can_be_disabled() -> None:
    scalar = {"scalar": {"type": "int8"}}
    before = config(vectors={"a": {**DOT, "quantization_config": scalar}}, quantization_config=scalar)
    after = patched(before, vectors={"a": {"quantization_config": "Disabled"}}, quantization_config="Disabled")
    assert after.settings["quantization_config"] is None
    assert after.vectors.dense["a"] == DOT


@pytest.mark.parametrize(
    ("kind", "params", "fits"),
    [
        ("dense", DOT, True),
        ("dense", {**DOT, "datatype": "float32"}, True),
        ("dense", {**DOT, "datatype": "uint8"}, False),
        ("dense", {**DOT, "multivector_config": {"comparator": "max_sim"}}, False),
        ("sparse", {}, False),
    ],
)
def test_a_vector_may_be_put_again_unless_it_differs(kind: str, params: dict[str, Any], fits: bool) -> None:
    # What only tunes the vector does not make it another one.
    vectors = config(vectors={"a": {**DOT, "on_disk": True}}).vectors
    if fits:
        assert vectors.with_added("a", kind, params) == vectors
    else:
        with pytest.raises(ApiError):
            vectors.with_added("a", kind, params)


def test_every_limit_of_strict_mode_is_enforced_or_listed() -> None:
    assert set(StrictMode.model_fields) - STRICT_MODE_NOT_ENFORCED == {
        "enabled",
        "max_query_limit",
        "unindexed_filtering_retrieve",
        "unindexed_filtering_update",
        "search_max_hnsw_ef",
        "search_allow_exact",
        "upsert_max_batchsize",
        "filter_max_conditions",
        "max_payload_index_count",
    }
