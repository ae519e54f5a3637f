"""Lives of namespaces that have an end."""

from __future__ import annotations

from tests.model.scenario import Scenario
from tests.model.steps import annotate, apply, points, time_passes

TTL = 100_000_000
"""Longer than all the time that passes until late writes have landed and tombstones are buried."""

_SHOP = apply("shop", ttlSeconds=TTL)
_KEPT_SHOP = apply("shop", ttlSeconds=TTL, deletionPolicy="Retain")

EXPIRY = (
    Scenario("expired", (time_passes(1800),), (_SHOP, points("shop", 3), time_passes(TTL - 1800)), lost_points=3),
    Scenario("expired under Retain", (time_passes(TTL),), (_KEPT_SHOP, points("shop", 3))),
    Scenario("expired, applied again, renewed", (annotate("shop", renew="1"),), (_SHOP, time_passes(TTL), _SHOP)),
)
