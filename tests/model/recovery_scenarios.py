"""Scenarios of recovery by id, mark and record, of requests by annotation, and of stores that are down."""

from __future__ import annotations

from tests.model.beginnings import CHOSEN, FULL_SHOP_UNDER_DELETE, SHOP, SHOP_UNDER_DELETE, STANDALONE
from tests.model.scenario import CITY, IMAGE, TEXT, Scenario
from tests.model.steps import (
    alias_of,
    annotate,
    apply,
    backed_up,
    configured,
    delete,
    document_lost,
    documents_lost,
    foreign_collection,
    marker_lost,
    mongodb_back,
    mongodb_down,
    operator_down,
    operator_up,
    organization_recreated,
    points,
    qdrant_back,
    qdrant_down,
    qdrant_replaced,
    qdrant_restored,
    server_record_lost,
    status_lost,
)

_ID = "ns_0123456789"
_FULL_SHOP = (SHOP, points("shop", 3))
_NAMED = apply("shop", namespaceId=_ID, featureExtractors=[TEXT], payloadIndexes=[CITY])
_HEIR = apply("heir", namespaceId=_ID, featureExtractors=[TEXT, IMAGE], payloadIndexes=[CITY])

IDS = (
    Scenario("a named id in empty stores", (_NAMED,)),
    Scenario("a retained id under another name", (delete("shop"), _HEIR, SHOP), (_NAMED, points("shop", 3))),
    Scenario("the id of a living namespace", (_HEIR,), (_NAMED, points("shop", 3))),
    Scenario(
        "a named id without document and status",
        (operator_down, document_lost("shop"), status_lost("shop"), operator_up),
        (_NAMED, points("shop", 3)),
    ),
    Scenario(
        "a collection of that id that nobody marked, then adopted",
        (apply("shop", namespaceId=_ID, **STANDALONE), annotate("shop", adopt="true")),
        (foreign_collection(_ID),),
    ),
    Scenario(
        "document and status lost",
        (operator_down, document_lost("shop"), status_lost("shop"), operator_up),
        _FULL_SHOP,
    ),
    Scenario(
        "document and status of a chosen collection lost",
        (operator_down, document_lost("shop"), status_lost("shop"), operator_up),
        (apply("shop", featureExtractors=[TEXT], **CHOSEN), points("shop", 3)),
    ),
    Scenario(
        "Kubernetes namespace made again after MongoDB lost it all",
        (delete("shop"), organization_recreated, operator_down, documents_lost, operator_up, SHOP),
        _FULL_SHOP,
    ),
    Scenario(
        "made again with another mode, then corrected",
        (delete("shop"), apply("shop", **STANDALONE), SHOP),
        _FULL_SHOP,
    ),
    Scenario(
        "an alias is chosen", (alias_of("goods", "products"), apply("shop", **CHOSEN)), (foreign_collection("goods"),)
    ),
)

SERVERS = (
    Scenario("marker lost", (marker_lost, apply("late", featureExtractors=[TEXT])), _FULL_SHOP),
    Scenario("record of the server lost", (server_record_lost, apply("late", featureExtractors=[TEXT])), _FULL_SHOP),
    Scenario(
        "server replaced while deleting, and brought back",
        (qdrant_replaced, delete("shop"), qdrant_restored),
        (*FULL_SHOP_UNDER_DELETE, backed_up),
        lost_points=3,
    ),
    Scenario(
        "Qdrant down while deleting",
        (qdrant_down, delete("shop"), qdrant_back),
        FULL_SHOP_UNDER_DELETE,
        lost_points=3,
    ),
    Scenario(
        "force release with both stores down",
        (qdrant_down, mongodb_down, delete("shop"), annotate("shop", force_release="true"), mongodb_back, qdrant_back),
        FULL_SHOP_UNDER_DELETE,
    ),
    Scenario("made while both stores are down", (qdrant_down, mongodb_down, SHOP, qdrant_back, mongodb_back)),
)

REQUESTS = (
    Scenario(
        "paused, deleted, resumed",
        (annotate("shop", paused="true"), delete("shop"), annotate("shop", paused=None)),
        FULL_SHOP_UNDER_DELETE,
        lost_points=3,
    ),
    Scenario(
        "paused under Retain, deleted", (annotate("shop", paused="true"), SHOP, delete("shop")), FULL_SHOP_UNDER_DELETE
    ),
    Scenario(
        "dry run of a creation, then done",
        (
            operator_down,
            SHOP_UNDER_DELETE,
            annotate("shop", dry_run="true"),
            operator_up,
            annotate("shop", dry_run=None),
        ),
    ),
    Scenario(
        "dry run of a deletion, then done",
        (annotate("shop", dry_run="true"), delete("shop"), annotate("shop", dry_run=None)),
        FULL_SHOP_UNDER_DELETE,
        lost_points=3,
    ),
    Scenario(
        "reconcile requested",
        (annotate("shop", reconcile_requested_at="1"), annotate("shop", reconcile_requested_at="2")),
        _FULL_SHOP,
    ),
    Scenario(
        "an annotation that is not understood, then corrected",
        (
            annotate("shop", paused="maybe"),
            apply("shop", featureExtractors=[TEXT, IMAGE]),
            annotate("shop", paused=None),
        ),
        _FULL_SHOP,
    ),
    Scenario(
        "nothing guards a take-over, then something does",
        (annotate("heir", take_over="ns_nobody"), configured(guarded=True), annotate("heir", take_over=None)),
        (configured(guarded=False), apply("heir")),
    ),
)

RECOVERY = (*IDS, *SERVERS, *REQUESTS)
