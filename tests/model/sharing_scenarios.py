"""Lives of namespaces that share a collection."""

from __future__ import annotations

from typing import Any

from tests.model.scenario import CITY, IMAGE, TEXT, Scenario
from tests.model.steps import Step, apply, delete, index, partition
from tests.world.world import World

_CHOSEN = {"qdrantCollection": "pool", "sharing": True}
_PRICE = index("price", "float")


def member(name: str, policy: str = "Delete", **spec: Any) -> Step:
    """Create a member of the shared collection or replace its spec."""
    return apply(name, infrastructure=_CHOSEN, deletionPolicy=policy, **spec)


def _both(*steps: Step) -> Step:
    """At once, with no rest in between."""

    def act(world: World) -> None:
        for step in steps:
            step(world)

    return act


_TWO = (member("a", featureExtractors=[TEXT], payloadIndexes=[CITY]), member("b", payloadIndexes=[CITY, _PRICE]))
_FULL = (*_TWO, partition("a", 3), partition("b", 2))

SHARING = (
    Scenario("found a shared collection", (_TWO[0],)),
    Scenario("join a shared collection", (member("c", featureExtractors=[IMAGE], payloadIndexes=[_PRICE]),), _FULL),
    Scenario("two join at once", (_both(*_TWO),)),
    Scenario(
        "a member changes its wishes",
        (member("a", featureExtractors=[TEXT, IMAGE], payloadIndexes=[index("body", "text")]),),
        _FULL,
    ),
    Scenario("a member drops what another wants", (member("b"),), _FULL),
    Scenario("a member leaves", (delete("a"),), _FULL, lost_points=3),
    Scenario("the last member leaves", (delete("b"),), (*_FULL, delete("a")), lost_points=5),
    Scenario("both leave at once", (_both(delete("a"), delete("b")),), _FULL, lost_points=5),
    Scenario(
        "a member is retained and comes back",
        (delete("a"), member("a", "Retain", payloadIndexes=[CITY])),
        (member("a", "Retain", featureExtractors=[TEXT], payloadIndexes=[CITY]), _TWO[1], partition("a", 3)),
    ),
    Scenario("a member brings another type", (member("c", payloadIndexes=[index("city", "text")]),), _FULL),
)

ONE_JOINS_WHILE_THE_LAST_LEAVES = Scenario(
    "one joins while the last leaves", (_both(delete("a"), member("c")),), (_TWO[0], partition("a", 3))
)
"""Its end depends on who is first: the collection may have gone in between, and its vectors with it."""
