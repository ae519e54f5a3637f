"""What most lives begin with: a shop with one extractor, one index and three points; specs that others share."""

from __future__ import annotations

from tests.model.scenario import CITY, TEXT, run
from tests.model.steps import apply, points
from tests.world.world import World

SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY])
SHOP_UNDER_DELETE = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete")


async def shop() -> World:
    """A world in which the shop is Ready."""
    return await run((SHOP, points("shop", 3)), World())


CHOSEN = {"infrastructure": {"qdrantCollection": "products"}}
STANDALONE = {"mode": "standalone", "vectorConfigs": [{"name": "own", "dimension": 4, "metric": "dot"}]}
FULL_SHOP_UNDER_DELETE = (SHOP_UNDER_DELETE, points("shop", 3))


async def reconcile(world: World, name: str) -> int:
    """Tell the operator of what changed and let it reconcile one resource; the result is its number of operations."""
    assert world.operator is not None
    world.operator.cluster.deliver()
    before = world.faults.operations
    await world.operator.reconciler.reconcile(world.key(name))
    return world.faults.operations - before
