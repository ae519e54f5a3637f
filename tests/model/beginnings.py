"""What most lives begin with: a shop with one extractor, one index and three points."""

from __future__ import annotations

from tests.model.scenario import CITY, TEXT, run
from tests.model.steps import apply, points
from tests.world.world import World

SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY])
SHOP_UNDER_DELETE = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete")


async def shop() -> World:
    """A world in which the shop is Ready."""
    return await run((SHOP, points("shop", 3)), World())
