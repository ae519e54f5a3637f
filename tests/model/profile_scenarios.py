"""Scenarios in which what a collection is to be like changes: the platform's tiers, a Namespace's overrides, a hand."""

from __future__ import annotations

from tests.model.scenario import CITY, IMAGE, TEXT, Scenario
from tests.model.steps import apply, parameters_set, points, server_takes_no, server_upgraded, tiers

_SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY])
_FULL_SHOP = (_SHOP, points("shop", 3))

EVERYTHING = """
shared:
  collection:
    segmentNumber: 2
    replicationFactor: 2
    writeConsistencyFactor: 2
    onDiskPayload: false
    onDiskVectors: true
    indexingThreshold: 5000
    hnsw: {m: 8, payloadM: 4, efConstruct: 64, onDisk: true}
    quantization: {type: scalar, alwaysRam: true}
    strictMode: {maxQueryLimit: 100}
  overridable: [hnsw, quantization]
"""
"""Every parameter that can change on a live collection."""

_OWN_HNSW = apply(
    "shop", featureExtractors=[TEXT], payloadIndexes=[CITY], infrastructure={"collection": {"hnsw": {"m": 24}}}
)
_NOT_ALLOWED = apply(
    "shop", featureExtractors=[TEXT], payloadIndexes=[CITY], infrastructure={"collection": {"shardNumber": 2}}
)

PROFILES = (
    Scenario("profile changes", (tiers(EVERYTHING), _OWN_HNSW, tiers("{}"), _SHOP), _FULL_SHOP),
    Scenario(
        "create with parameters, then a vector more",
        (_OWN_HNSW, apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY])),
        (tiers(EVERYTHING),),
    ),
    Scenario(
        "quantization ends", (tiers("shared: {collection: {quantization: {type: none}}}"),), (tiers(EVERYTHING), _SHOP)
    ),
    Scenario("parameters changed by hand", (parameters_set("shop", segment_number=4, hnsw__m=32),), _FULL_SHOP),
    Scenario(
        "a parameter that cannot change, then restored",
        (tiers("shared: {collection: {shardNumber: 3, hnsw: {m: 8}}}"), tiers("{}")),
        _FULL_SHOP,
    ),
    Scenario("an override that the tier does not allow", (_NOT_ALLOWED,), _FULL_SHOP),
    Scenario(
        "a parameter that the server drops, until it is upgraded",
        (server_takes_no("hnsw.m"), tiers(EVERYTHING), server_takes_no(), server_upgraded("1.19.0")),
        _FULL_SHOP,
    ),
    Scenario(
        "parameters that the server refuses, until the tier is corrected",
        (server_takes_no("hnsw.m", refuses=True), tiers(EVERYTHING), tiers("{}")),
        _FULL_SHOP,
    ),
    Scenario(
        "fewer system indexes",
        (tiers("shared: {systemIndexes: [namespace_id]}"), apply("lean", featureExtractors=[TEXT])),
        _FULL_SHOP,
    ),
)
