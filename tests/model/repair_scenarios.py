"""Scenarios of repairs: what a snapshot lacks, indexes rebuilt and pruned, a lost collection made again."""

from __future__ import annotations

from tests.model.beginnings import SHOP
from tests.model.scenario import CITY, IMAGE, Scenario
from tests.model.steps import (
    annotate,
    apply,
    backed_up,
    collection_gone,
    index_put,
    older_snapshot_restored,
    points,
    recreate,
    tiers,
)

_FULL_SHOP = (SHOP, points("shop", 3))
_FEW_INDEXES = tiers("shared: {systemIndexes: [namespace_id]}")
_SMALL_SHOP = apply("shop", payloadIndexes=[CITY])

REPAIRS = (
    Scenario(
        "older snapshot restored in place",
        (older_snapshot_restored,),
        (
            _FEW_INDEXES,
            apply("shop"),
            points("shop", 3),
            backed_up,
            apply("shop", featureExtractors=[IMAGE], payloadIndexes=[CITY], repairVectors=True),
        ),
    ),
    Scenario(
        "indexes rebuilt by force and pruned",
        (
            annotate("shop", rebuild_indexes_requested_at="1 force"),
            apply("shop", payloadIndexes=[CITY], pruneUnmanagedIndexes=True),
        ),
        (_FEW_INDEXES, _SMALL_SHOP, index_put("shop", "colour", "keyword")),
    ),
    Scenario("collection gone and made again", (recreate("shop"),), (*_FULL_SHOP, collection_gone("shop"))),
)
