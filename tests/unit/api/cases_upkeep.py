"""What a namespace is told to do by itself: repairs and pruning, good and bad."""

from typing import Any

from tests.unit.api.case import Case, Change, Refusal, infrastructure

_PRUNES: dict[str, Any] = {"pruneUnmanagedIndexes": True}
_SHARED = infrastructure(qdrantCollection="products", sharing=True)
_NOT_SHARED = Refusal(
    "spec.pruneUnmanagedIndexes",
    "pruneUnmanagedIndexes: true is not for a shared collection, where other namespaces' services may rely on an index;"
    " set it to false, or set infrastructure.sharing: false",
)

UPKEEP_CASES: tuple[Case, ...] = (
    Case("prunes", _PRUNES),
    Case("prunes a chosen collection", _PRUNES | infrastructure(qdrantCollection="products")),
    Case("prunes one that is not shared", _PRUNES | infrastructure(qdrantCollection="products", sharing=False)),
    Case("does not prune a shared one", {"pruneUnmanagedIndexes": False} | _SHARED),
    Case("prunes a shared one", _PRUNES | _SHARED, (_NOT_SHARED,)),
    Case("prunes by a text", {"pruneUnmanagedIndexes": "true"}, (Refusal("spec.pruneUnmanagedIndexes"),)),
    Case("repairs", {"repairVectors": True}),
    Case("does not repair", {"repairVectors": False}),
    Case("repairs a shared one", {"repairVectors": True} | _SHARED),
    Case("repairs by a number", {"repairVectors": 1}, (Refusal("spec.repairVectors"),)),
)

UPKEEP_CHANGES: tuple[Change, ...] = (
    Change("pruning comes", {}, _PRUNES),
    Change("pruning goes", _PRUNES, {}),
    Change("pruning comes to a shared one", _SHARED, _PRUNES | _SHARED, (_NOT_SHARED,)),
    Change("sharing comes to one that prunes", _PRUNES, _PRUNES | _SHARED, (_NOT_SHARED,)),
    Change("repairs come", {"repairVectors": False}, {"repairVectors": True}),
)
