"""Lives of namespaces that have an end."""

from __future__ import annotations

from tests.model.scenario import CITY, TEXT, Scenario
from tests.model.steps import annotate, apply, points, time_passes

TTL = 100_000_000
"""Longer than all the time that passes until late writes have landed and tombstones are buried."""

_SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], ttlSeconds=TTL)
_KEPT_SHOP = apply("shop", payloadIndexes=[CITY], ttlSeconds=TTL, deletionPolicy="Retain")

EXPIRY = (
    Scenario(
        "warned of, expired, applied again, renewed",
        (time_passes(TTL - 1800), time_passes(1800), _SHOP, annotate("shop", renew="1")),
        (_SHOP, points("shop", 3)),
        lost_points=3,
    ),
    Scenario(
        "expired under Retain, applied again, renewed",
        (time_passes(TTL), _KEPT_SHOP, annotate("shop", renew="1")),
        (_KEPT_SHOP, points("shop", 3)),
    ),
)
