"""Lives of namespaces, as data. Each is run once without faults and once for every fault of every write."""

from __future__ import annotations

from tests.model.auto_index_scenarios import AUTO_INDEXES
from tests.model.expiry_scenarios import EXPIRY
from tests.model.ownership_scenarios import OWNERSHIP
from tests.model.profile_scenarios import PROFILES
from tests.model.recovery_scenarios import RECOVERY
from tests.model.repair_scenarios import REPAIRS
from tests.model.scenario import CITY, COLBERT, IMAGE, SMALL_TEXT, TEXT, TEXT_VECTOR, Scenario, without_faults
from tests.model.server_scenarios import SERVERS
from tests.model.sharing_scenarios import SHARING
from tests.model.steps import (
    alias_added,
    alias_removed,
    apply,
    belongings,
    collection_gone,
    collection_loaded,
    collection_unloadable,
    configured,
    delete,
    document_edited,
    document_lost,
    extractor,
    finalizers_removed,
    index,
    index_dropped,
    index_put,
    mark_put_back,
    mark_removed,
    operator_down,
    operator_up,
    organization_recreated,
    points,
    vector_dropped,
    vector_resized,
)
from tests.world.world import World

EVERY_INDEX_TYPE = [
    index("brand", "keyword", isTenant=True, onDisk=True),
    index("views", "integer", lookup=True, range=False, isPrincipal=False),
    index("price", "float", isPrincipal=True),
    index("sold", "bool", onDisk=True),
    index("place", "geo"),
    index("shot", "datetime", isPrincipal=True, enableHnsw=False),
    index(
        "body",
        "text",
        tokenizer="multilingual",
        minTokenLen=3,
        maxTokenLen=20,
        lowercase=False,
        asciiFolding=True,
        phraseMatching=True,
        stopwords={"languages": ["german", "english"], "custom": ["etc"]},
        stemmer={"type": "snowball", "language": "german"},
    ),
    index("item.ref", "uuid", isTenant=True),
]

_SHOP = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY])
_SHOP_UNDER_DELETE = apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], deletionPolicy="Delete")
_FULL_SHOP = (_SHOP, points("shop", 3))
_FULL_SHOP_UNDER_DELETE = (_SHOP_UNDER_DELETE, points("shop", 3))

_BEGINNINGS = (
    Scenario("create", (_SHOP,)),
    Scenario("create under Delete", (_SHOP_UNDER_DELETE,)),
    Scenario("points", (points("shop", 3),), (_SHOP,)),
)

_EDITS = (
    Scenario(
        "create with three extractors and all index types",
        (apply("shop", featureExtractors=[SMALL_TEXT, IMAGE, COLBERT], payloadIndexes=EVERY_INDEX_TYPE),),
    ),
    Scenario("live numbers", (belongings("shop", buckets=2, collections=1, objects=5),), _FULL_SHOP),
    Scenario(
        "add extractors to a collection with points",
        (apply("shop", featureExtractors=[TEXT, IMAGE, COLBERT], payloadIndexes=[CITY]),),
        _FULL_SHOP,
    ),
    Scenario("remove an extractor", (apply("shop", payloadIndexes=[CITY]),), _FULL_SHOP),
    Scenario("change params of an extractor", (apply("shop", featureExtractors=[SMALL_TEXT]),), _FULL_SHOP),
    Scenario("unknown extractor", (apply("shop", featureExtractors=[extractor("no_extractor"), IMAGE]),)),
    Scenario(
        "change the type of an index",
        (apply("shop", featureExtractors=[TEXT], payloadIndexes=[index("city", "text", minTokenLen=4)]),),
        _FULL_SHOP,
    ),
    Scenario(
        "add and remove indexes",
        (
            apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY, *EVERY_INDEX_TYPE]),
            apply("shop", featureExtractors=[TEXT], payloadIndexes=EVERY_INDEX_TYPE[:2]),
            apply("shop", featureExtractors=[TEXT]),
        ),
        _FULL_SHOP,
    ),
    Scenario(
        "rename and describe",
        (apply("shop", namespaceName="store", description="sells"), apply("shop", namespaceName="shop2")),
        _FULL_SHOP,
    ),
    Scenario(
        "name conflict and heal",
        (
            apply("first", namespaceName="store"),
            apply("second", namespaceName="store", featureExtractors=[IMAGE]),
            apply("first", namespaceName="other"),
        ),
    ),
    Scenario(
        "rename to a name that is held, then heal",
        (
            apply("shop", namespaceName="first", featureExtractors=[TEXT], payloadIndexes=EVERY_INDEX_TYPE[:1]),
            delete("first"),
        ),
        (apply("first"), *_FULL_SHOP),
    ),
)

_ENDS = (
    Scenario("delete under Retain", (delete("shop"),), _FULL_SHOP),
    Scenario(
        "delete under Retain while the operator is down, then create again",
        (operator_down, delete("shop"), operator_up, _SHOP),
        _FULL_SHOP,
    ),
    Scenario(
        "create again under Retain while the operator is down",
        (operator_down, delete("shop"), _SHOP, operator_up),
        _FULL_SHOP,
    ),
    Scenario("delete under Delete", (delete("shop"),), _FULL_SHOP_UNDER_DELETE, lost_points=3),
    Scenario(
        "delete under Delete, then create again",
        (delete("shop"), _SHOP_UNDER_DELETE),
        _FULL_SHOP_UNDER_DELETE,
        lost_points=3,
    ),
    Scenario(
        "delete under Delete while the operator is down",
        (operator_down, delete("shop"), operator_up),
        _FULL_SHOP_UNDER_DELETE,
        lost_points=3,
    ),
    Scenario("deletion waits for an alias", (alias_added("shop", "live"), delete("shop")), _FULL_SHOP_UNDER_DELETE),
    Scenario(
        "deletion goes on once the alias is gone",
        (alias_added("shop", "live"), delete("shop"), alias_removed("live")),
        _FULL_SHOP_UNDER_DELETE,
        lost_points=3,
    ),
    Scenario(
        "delete what belongs to it",
        (delete("shop"),),
        (
            configured(dependents=("buckets", "objects")),
            *_FULL_SHOP_UNDER_DELETE,
            apply("other"),
            belongings("shop", buckets=5, collections=4, objects=2),
            belongings("other", buckets=3, objects=1),
        ),
        lost_points=3,
    ),
    Scenario("policy from Retain to Delete to Retain", (_SHOP_UNDER_DELETE, _SHOP, delete("shop")), _FULL_SHOP),
    Scenario(
        "policy to Retain during a deletion",
        (alias_added("shop", "live"), delete("shop"), _SHOP),
        _FULL_SHOP_UNDER_DELETE,
    ),
    Scenario(
        "finalizer removed by hand during a deletion, then its name used by another",
        (
            alias_added("shop", "live"),
            delete("shop"),
            finalizers_removed("shop"),
            apply("heir", namespaceName="shop"),
        ),
        _FULL_SHOP_UNDER_DELETE,
    ),
    Scenario(
        "Kubernetes namespace made again",
        (delete("shop"), organization_recreated, _SHOP),
        _FULL_SHOP,
    ),
)

_DRIFT = (
    Scenario("document lost", (document_lost("shop"),), _FULL_SHOP),
    Scenario(
        "document lost, then deleted under Delete",
        (operator_down, document_lost("shop"), delete("shop"), operator_up),
        _FULL_SHOP_UNDER_DELETE,
        lost_points=3,
    ),
    Scenario("document with fields of others", (document_edited("shop", billing={"plan": "pro"}), _SHOP), _FULL_SHOP),
    Scenario(
        "document edited",
        (
            document_edited(
                "shop",
                state="deleting",
                namespace_name="stolen",
                description="edited",
                bound_vectors=[],
                vector_inference_map={},
                payload_indexes=[],
                claims=["resource/cluster-1:main/acme/shop"],
            ),
        ),
        _FULL_SHOP,
    ),
    Scenario("document without claims", (document_edited("shop", claims=[]),), _FULL_SHOP),
    Scenario("malformed document", (document_edited("shop", state="odd"),), _FULL_SHOP),
    Scenario(
        "malformed document, repaired",
        (document_edited("shop", state="odd"), document_edited("shop", state="ready")),
        _FULL_SHOP,
    ),
    Scenario(
        "indexes dropped by hand", (index_dropped("shop", "city"), index_dropped("shop", "bucket_id")), _FULL_SHOP
    ),
    Scenario("index changed by hand", (index_put("shop", "city", "integer"),), _FULL_SHOP),
    Scenario("undeclared index", (index_put("shop", "colour", "keyword"),), _FULL_SHOP),
    Scenario("vector missing", (vector_dropped("shop", TEXT_VECTOR),), _FULL_SHOP),
    Scenario("vector mismatch", (vector_resized("shop", TEXT_VECTOR, 7),), _FULL_SHOP),
    Scenario("collection gone", (collection_gone("shop"),), _FULL_SHOP),
    Scenario("collection not loaded", (collection_unloadable("shop"),), _FULL_SHOP),
    Scenario("collection loaded again", (collection_unloadable("shop"), collection_loaded("shop")), _FULL_SHOP),
    Scenario("mark removed", (mark_removed("shop"),), _FULL_SHOP),
    Scenario("mark put back", (mark_removed("shop"), mark_put_back("shop")), _FULL_SHOP),
)

SCENARIOS = (
    *_BEGINNINGS,
    *_EDITS,
    *_ENDS,
    *_DRIFT,
    *PROFILES,
    *OWNERSHIP,
    *RECOVERY,
    *SERVERS,
    *SHARING,
    *REPAIRS,
    *EXPIRY,
    *AUTO_INDEXES,
)


async def world_of(name: str) -> World:
    """The world at the end of the scenario of this name, without faults."""
    return await without_faults(next(scenario for scenario in SCENARIOS if scenario.name == name))
