"""Tier profiles: what the packaged ones say, what a faulty file is refused for, what lies over what."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from namespace_operator.api.cluster import ClusterTier
from namespace_operator.api.infrastructure import Infrastructure
from namespace_operator.api.profile import CollectionParameters, ComputeTier, SystemIndex, TierProfile
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.parameters import flat
from namespace_operator.domain.profiles import (
    CollectionProfile,
    TiersError,
    builtin_profile,
    builtin_tiers,
    collection_profile,
    load_tiers,
    overlay,
    overlay_tiers,
    profile_for,
)

SHARED, CPU, GPU = ComputeTier


def profile(**fields: Any) -> TierProfile:
    """A profile in the spelling of a file."""
    return load_tiers(yaml.safe_dump({"shared": fields}))[SHARED]


def own(**parameters: Any) -> CollectionParameters:
    """``infrastructure.collection`` of a Namespace."""
    return CollectionParameters.model_validate(parameters)


@pytest.mark.parametrize("tier", ComputeTier)
def test_the_packaged_profile_of_each_tier_is_one_segment_and_all_indexes(tier: ComputeTier) -> None:
    made = collection_profile(builtin_tiers()[tier], None, shared=False)
    assert flat(made.parameters) == {"segment_number": 1}
    assert made == CollectionProfile(parameters=own(segmentNumber=1))
    assert made.system_indexes == tuple(SystemIndex)


def test_a_shared_collection_has_a_graph_for_each_namespace_only() -> None:
    made = collection_profile(builtin_tiers()[SHARED], None, shared=True)
    assert flat(made.parameters) == {"segment_number": 1, "hnsw.m": 0, "hnsw.payload_m": 16}


def test_the_default_is_the_shared_tier_with_a_collection_of_its_own() -> None:
    assert builtin_profile() == profile_for(None, builtin_tiers()) == profile_for(Infrastructure(), builtin_tiers())


FAULTY = {
    "no YAML": ("shared: [", "the tiers are no YAML"),
    "no mapping": ("- shared", "expected a mapping of tiers to profiles"),
    "no such tier": ("pooled: {}", "pooled.[key]: Input should be 'shared', 'dedicated_cpu' or 'dedicated_gpu'"),
    "no such field": ("shared: {colection: {}}", "shared.colection: there is no field of this name"),
    "no such parameter": (
        "shared: {collection: {hnsw: {k: 1}}}",
        "shared.collection.hnsw.k: there is no field of this",
    ),
    "spelt as in MongoDB": ("shared: {collection: {segment_number: 1}}", "shared.collection.segment_number: there is"),
    "out of range": ("shared: {collection: {segmentNumber: 0}}", "shared.collection.segmentNumber: Input should be"),
    "no object": ("shared: {collection: {hnsw: 7}}", "shared.collection.hnsw: "),
    "no profile": ("shared: 3", "shared: "),
    "no parameter to override": (
        "shared: {overridable: [segment_number, replicationFactor]}",
        "shared.overridable: overridable must name parameters of collection: segmentNumber",
    ),
}


@pytest.mark.parametrize(("text", "says"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_file_is_refused_and_the_field_named(text: str, says: str) -> None:
    with pytest.raises(TiersError) as refused:
        load_tiers(text)
    assert says in str(refused.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(TiersError, match=r"shared\.a: .*; dedicated_cpu\.b: "):
        load_tiers("{shared: {a: 1}, dedicated_cpu: {b: 1}}")


@pytest.mark.parametrize("text", ["", "{}", "shared:", "shared: {}"])
def test_an_empty_file_changes_nothing(text: str) -> None:
    assert overlay_tiers(builtin_tiers(), load_tiers(text)) == builtin_tiers()


def test_single_values_lie_over_single_values() -> None:
    base = profile(collection={"segmentNumber": 1, "hnsw": {"m": 16, "efConstruct": 64}}, maxNamespaces=10)
    over = profile(collection={"hnsw": {"m": 8}, "onDiskPayload": False})
    assert overlay(base, over) == profile(
        collection={"segmentNumber": 1, "hnsw": {"m": 8, "efConstruct": 64}, "onDiskPayload": False}, maxNamespaces=10
    )


def test_lists_lie_over_lists_as_a_whole_and_an_empty_one_counts() -> None:
    base = profile(overridable=["hnsw", "quantization"], systemIndexes=["bucket_id"])
    assert overlay(base, profile(overridable=["shardNumber"])).overridable == ("shardNumber",)
    assert overlay(base, profile(overridable=[])).overridable == ()
    assert overlay(base, profile()).overridable == ("hnsw", "quantization")
    assert overlay(base, profile(systemIndexes=[])).system_indexes == ()
    assert overlay(base, profile()).system_indexes == (SystemIndex.BUCKET_ID,)


def test_a_clusters_entry_lies_over_the_operators_profile_and_leaves_other_tiers() -> None:
    entry = ClusterTier.model_validate({"name": "dedicated_cpu", "collection": {"replicationFactor": 3}})
    tiers = overlay_tiers(builtin_tiers(), {entry.name: entry})
    assert flat(collection_profile(tiers[CPU], None, shared=False).parameters) == {
        "segment_number": 1,
        "replication_factor": 3,
    }
    assert (tiers[SHARED], tiers[GPU]) == (builtin_tiers()[SHARED], builtin_tiers()[GPU])


def test_a_tier_is_chosen_by_the_spec() -> None:
    tiers = overlay_tiers(builtin_tiers(), load_tiers("dedicated_cpu: {maxNamespaces: 7}"))
    dedicated = Infrastructure(compute_tier=CPU, qdrant_collection="own")
    assert profile_for(dedicated, tiers).max_namespaces == 7
    assert profile_for(Infrastructure(), tiers).max_namespaces is None


def test_a_namespace_overrides_single_values_where_the_tier_allows_it() -> None:
    tier = profile(collection={"hnsw": {"m": 16, "efConstruct": 64}}, overridable=["hnsw", "replicationFactor"])
    made = collection_profile(tier, own(hnsw={"m": 8}, replicationFactor=2), shared=False)
    assert flat(made.parameters) == {"hnsw.m": 8, "hnsw.ef_construct": 64, "replication_factor": 2}
    assert flat(made.overrides) == {"hnsw.m": 8, "replication_factor": 2}
    assert made.findings == ()


def test_an_override_lies_over_the_parameters_of_shared_collections_too() -> None:
    tier = profile(sharedCollection={"hnsw": {"m": 0, "payloadM": 16}}, overridable=["hnsw"])
    made = collection_profile(tier, own(hnsw={"payloadM": 32}), shared=True)
    assert flat(made.parameters) == {"hnsw.m": 0, "hnsw.payload_m": 32}


def test_an_override_that_is_not_allowed_is_told_and_does_not_count() -> None:
    tier = profile(collection={"shardNumber": 1}, overridable=["hnsw"])
    made = collection_profile(tier, own(shardNumber=4, onDiskPayload=True, hnsw={"m": 8}), shared=False)
    assert flat(made.parameters) == {"shard_number": 1, "hnsw.m": 8}
    assert [finding.reason for finding in made.findings] == [Reason.PARAMETER_NOT_ALLOWED] * 2
    first, second = (finding.message for finding in made.findings)
    assert first.startswith("infrastructure.collection.onDiskPayload is set")
    assert second.startswith("infrastructure.collection.shardNumber is set")
    assert "it lets it set: hnsw" in first
    assert not any(finding.halts for finding in made.findings)


def test_what_an_override_leaves_null_is_not_set() -> None:
    made = collection_profile(profile(collection={"shardNumber": 1}), own(shardNumber=None), shared=False)
    assert (flat(made.parameters), made.findings) == ({"shard_number": 1}, ())


def test_a_shared_collection_is_indexed_by_namespace_id_whatever_the_tier_lists() -> None:
    lean = profile(systemIndexes=["document_id"])
    assert collection_profile(lean, None, shared=False).system_indexes == (SystemIndex.DOCUMENT_ID,)
    assert collection_profile(lean, None, shared=True).system_indexes == (
        SystemIndex.DOCUMENT_ID,
        SystemIndex.NAMESPACE_ID,
    )


def test_limits() -> None:
    limited = collection_profile(profile(maxNamespaces=0, maxSharedVectorMegabytes=0), None, shared=True)
    assert (limited.max_namespaces, limited.max_shared_vector_megabytes) == (0, 0)
    assert (builtin_profile().max_namespaces, builtin_profile().max_shared_vector_megabytes) == (None, 1024)
