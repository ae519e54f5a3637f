"""Scenarios of whose things are: chosen collections, adoption, take-over, renames, restores."""

from __future__ import annotations

from tests.model.beginnings import CHOSEN, SHOP, STANDALONE
from tests.model.scenario import CITY, IMAGE, TEXT, Scenario
from tests.model.steps import (
    annotate,
    apply,
    backed_up,
    collection_gone,
    delete,
    document_lost,
    finalizers_removed,
    foreign_collection,
    index,
    mongodb_restored,
    objects_restored,
    operator_as,
    operator_down,
    operator_up,
    organization_recreated,
    points,
    qdrant_copies_restored,
    qdrant_replaced,
    qdrant_restored,
    take_over,
)

_FULL_SHOP = (SHOP, points("shop", 3))
_CHOOSES = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], **CHOSEN)
_CHOOSES_UNDER_DELETE = apply("shop", featureExtractors=[TEXT], deletionPolicy="Delete", **CHOSEN)
_ADOPTS = apply("shop", payloadIndexes=[index("city", "keyword", isTenant=True)], **STANDALONE, **CHOSEN)
_ADOPTS_UNDER_DELETE = apply("shop", deletionPolicy="Delete", **STANDALONE, **CHOSEN)

COLLECTIONS = (
    Scenario("choose a collection", (_CHOOSES,)),
    Scenario(
        "choose a collection that is taken, then another",
        (
            apply("second", **CHOSEN),
            apply("second", infrastructure={"qdrantCollection": "others"}),
        ),
        (_CHOOSES,),
    ),
    Scenario("chosen collection becomes free", (apply("second", **CHOSEN), delete("shop")), (_CHOOSES_UNDER_DELETE,)),
    Scenario(
        "chosen collection, deleted and made again at once",
        (delete("shop"), _CHOOSES_UNDER_DELETE),
        (_CHOOSES_UNDER_DELETE, points("shop", 3)),
        lost_points=3,
    ),
    Scenario(
        "standalone, a vector more",
        (
            apply(
                "shop",
                mode="standalone",
                vectorConfigs=[
                    {"name": "own", "dimension": 4},
                    {"name": "words", "kind": "sparse"},
                    {"name": "tokens", "kind": "multi_dense", "dimension": 2, "metric": "dot"},
                ],
            ),
        ),
        (apply("shop", mode="standalone", vectorConfigs=[{"name": "own", "dimension": 4}]), points("shop", 3)),
    ),
    Scenario("a foreign collection is not adopted", (foreign_collection("products"), _CHOOSES)),
    Scenario(
        "a foreign collection, then another choice",
        (apply("shop", infrastructure={"qdrantCollection": "others"}),),
        (foreign_collection("products"), _CHOOSES),
    ),
    Scenario("adopt", (annotate("shop", adopt="true"),), (foreign_collection("products"), _ADOPTS)),
    Scenario(
        "adopt an index of other parameters",
        (annotate("shop", adopt="true"),),
        (foreign_collection("products"), apply("shop", payloadIndexes=[CITY], **STANDALONE, **CHOSEN)),
    ),
    Scenario(
        "adopt, then declare less",
        (apply("shop", **STANDALONE, **CHOSEN),),
        (foreign_collection("products"), _ADOPTS, annotate("shop", adopt="true")),
    ),
    Scenario(
        "adopt, lose the document",
        (document_lost("shop"),),
        (foreign_collection("products"), _ADOPTS, annotate("shop", adopt="true")),
    ),
    Scenario(
        "adopt, then delete",
        (delete("shop"),),
        (foreign_collection("products"), _ADOPTS_UNDER_DELETE, annotate("shop", adopt="true")),
    ),
    Scenario(
        "adopt with delete, then delete",
        (delete("shop"),),
        (foreign_collection("products"), _ADOPTS_UNDER_DELETE, annotate("shop", adopt="with-delete")),
        lost_points=3,
    ),
    Scenario(
        "what another operator marked is not adopted",
        (annotate("shop", adopt="true"),),
        (foreign_collection("products", metadata={"mixpeek.com/instance": "other"}), _ADOPTS),
    ),
    Scenario(
        "never bound, deleted under Delete", (delete("shop"),), (foreign_collection("products"), _CHOOSES_UNDER_DELETE)
    ),
)

NAMES = (
    Scenario(
        "swap two names",
        (
            apply("a", namespaceName="name-b"),
            apply("b", namespaceName="name-a"),
        ),
        (apply("a", namespaceName="name-a"), apply("b", namespaceName="name-b")),
    ),
    Scenario(
        "swap two names while the operator is down",
        (
            operator_down,
            apply("a", namespaceName="name-b"),
            apply("b", namespaceName="name-a"),
            operator_up,
        ),
        (apply("a", namespaceName="name-a"), apply("b", namespaceName="name-b")),
    ),
    Scenario(
        "three names go round",
        (
            operator_down,
            apply("a", namespaceName="name-b"),
            apply("b", namespaceName="name-c"),
            apply("c", namespaceName="name-a"),
            operator_up,
        ),
        (apply("a", namespaceName="name-a"), apply("b", namespaceName="name-b"), apply("c", namespaceName="name-c")),
    ),
    Scenario(
        "a chain of names",
        (
            operator_down,
            apply("a", namespaceName="name-b"),
            apply("b", namespaceName="name-c"),
            apply("c", namespaceName="name-d"),
            operator_up,
        ),
        (apply("a", namespaceName="name-a"), apply("b", namespaceName="name-b"), apply("c", namespaceName="name-c")),
    ),
)

OWNERS = (
    Scenario(
        "take over of a former Kubernetes namespace",
        (
            delete("shop"),
            organization_recreated,
            SHOP,
            take_over("shop", of="shop"),
        ),
        _FULL_SHOP,
    ),
    Scenario(
        "take over by an operator of another identity",
        (operator_as("cluster-2:main"), take_over("shop", of="shop")),
        _FULL_SHOP,
    ),
    Scenario("another identity without permission", (operator_as("cluster-2:main"),), _FULL_SHOP),
    Scenario(
        "take over under another name",
        (
            delete("shop"),
            operator_down,
            apply("heir", featureExtractors=[TEXT]),
            take_over("heir", of="shop"),
            operator_up,
        ),
        _FULL_SHOP,
    ),
    Scenario(
        "take over what nobody has",
        (
            operator_down,
            apply("heir", featureExtractors=[TEXT]),
            annotate("heir", take_over="ns_nobody"),
            operator_up,
            annotate("heir", take_over=None),
        ),
    ),
    Scenario(
        "force release",
        (operator_down, delete("shop"), annotate("shop", force_release="true"), operator_up),
        (apply("shop", featureExtractors=[TEXT], deletionPolicy="Delete"), points("shop", 3)),
    ),
    Scenario(
        "paused, edited, resumed",
        (
            annotate("shop", paused="true"),
            apply("shop", featureExtractors=[TEXT, IMAGE]),
            annotate("shop", paused=None),
        ),
        _FULL_SHOP,
    ),
    Scenario(
        "dry run of an edit, then done",
        (
            annotate("shop", dry_run="true"),
            apply("shop", featureExtractors=[TEXT, IMAGE]),
            annotate("shop", dry_run=None),
        ),
        _FULL_SHOP,
    ),
)

RESTORES = (
    Scenario(
        "MongoDB from before",
        (mongodb_restored,),
        (
            SHOP,
            backed_up,
            apply("shop", featureExtractors=[TEXT, IMAGE]),
            points("shop", 3),
            apply("late", featureExtractors=[TEXT]),
            points("late", 2),
        ),
    ),
    Scenario(
        "MongoDB and the objects from before",
        (operator_down, mongodb_restored, objects_restored, operator_up),
        (SHOP, backed_up, points("shop", 3), apply("late", featureExtractors=[TEXT]), points("late", 2)),
    ),
    Scenario(
        "Qdrant from before",
        (qdrant_restored,),
        (
            SHOP,
            points("shop", 3),
            backed_up,
            apply("shop", featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY, index("brand", "keyword")]),
            apply("late", featureExtractors=[TEXT]),
        ),
    ),
    Scenario("Qdrant as copies under other names", (qdrant_copies_restored,), (*_FULL_SHOP, backed_up)),
    Scenario(
        "both from before",
        (operator_down, mongodb_restored, qdrant_restored, operator_up),
        (*_FULL_SHOP, backed_up, apply("late", featureExtractors=[TEXT])),
    ),
    Scenario("the objects alone", (operator_down, objects_restored, operator_up), _FULL_SHOP),
    Scenario("Qdrant server replaced", (qdrant_replaced, apply("late", featureExtractors=[TEXT])), _FULL_SHOP),
    Scenario(
        "Qdrant server replaced and brought back",
        (qdrant_replaced, apply("late", featureExtractors=[TEXT]), qdrant_restored),
        _FULL_SHOP,
    ),
    Scenario(
        "collection gone, then deleted under Delete",
        (collection_gone("shop"), delete("shop")),
        (apply("shop", featureExtractors=[TEXT], deletionPolicy="Delete"),),
    ),
    Scenario(
        "finalizer removed by hand from a living object",
        (finalizers_removed("shop"),),
        (apply("shop", featureExtractors=[TEXT], deletionPolicy="Delete"),),
    ),
)

OWNERSHIP = (*COLLECTIONS, *NAMES, *OWNERS, *RESTORES)
