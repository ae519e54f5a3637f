"""Scenarios in which queries bring indexes about."""

from __future__ import annotations

from tests.model.scenario import Scenario
from tests.model.steps import apply, index, passed, points, queried

_ON = {"autoCreateIndexes": True}
_CHOSEN = {"qdrantCollection": "pool", "sharing": True}

AUTO_INDEXES = (
    Scenario(
        "an index from use is made, adopted and dropped again",
        (
            apply("shop", **_ON),
            apply("shop", **_ON, payloadIndexes=[index("city", "keyword")]),
            apply("shop"),
        ),
        (apply("shop"), points("shop", 3), queried("shop", city="exact")),
    ),
    Scenario(
        "an index from use goes when nobody uses it, and when it is switched off",
        (queried("shop", city="exact", size="exact"), passed(days=15), apply("shop", dropAutoIndexesOnDisable=True)),
        (
            apply("shop", **_ON),
            points("shop", 3),
            queried("shop", name="exact", city="exact"),
            passed(hours=7),
        ),
    ),
    Scenario(
        "a member declares what the use of all had made",
        (apply("b", infrastructure=_CHOSEN, payloadIndexes=[index("city", "text")]),),
        (
            apply("a", infrastructure=_CHOSEN, **_ON),
            apply("b", infrastructure=_CHOSEN),
            points("a", 3),
            queried("a", 60, city="exact"),
            queried("b", 60, city="exact"),
            passed(hours=6),
        ),
    ),
)
