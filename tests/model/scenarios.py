"""Lives of namespaces, as data. Each is run once without faults and once for every fault of every write."""

from __future__ import annotations

from dataclasses import dataclass

from tests.model.steps import (
    Step,
    alias_added,
    alias_removed,
    apply,
    belongings,
    collection_gone,
    collection_loaded,
    collection_unloadable,
    delete,
    document_edited,
    document_lost,
    extractor,
    finalizers_removed,
    index,
    index_dropped,
    index_put,
    mark_removed,
    operator_down,
    operator_up,
    organization_recreated,
    points,
    vector_dropped,
    vector_resized,
)
from tests.world.world import World


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name and what happens, one step after the other; the world comes to rest between two steps."""

    name: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


async def run(scenario: Scenario, world: World) -> World:
    """Let the scenario happen; the operator is started first, and again by the steps that say so."""
    world.start_operator()
    for step in scenario.steps:
        step(world)
        if world.operator is not None:
            await world.settle()
    return world


TEXT = extractor("text_extractor")
IMAGE = extractor("image_extractor")
COLBERT = extractor("colbert_extractor")
SMALL_TEXT = extractor("text_extractor", embedding_model="all_minilm_l6_v2_v1")

CITY = index("city", "keyword")

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

SCENARIOS = (
    Scenario("create", (_SHOP,)),
    Scenario(
        "create with three extractors and all index types",
        (apply("shop", featureExtractors=[SMALL_TEXT, IMAGE, COLBERT], payloadIndexes=EVERY_INDEX_TYPE),),
    ),
    Scenario("create under Delete", (_SHOP_UNDER_DELETE,)),
    Scenario("live numbers", (*_FULL_SHOP, belongings("shop", buckets=2, collections=1, objects=5))),
    Scenario(
        "add an extractor to a collection with points",
        (*_FULL_SHOP, apply("shop", featureExtractors=[TEXT, IMAGE, COLBERT], payloadIndexes=[CITY])),
    ),
    Scenario("remove an extractor", (*_FULL_SHOP, apply("shop", payloadIndexes=[CITY]))),
    Scenario("change params of an extractor", (_SHOP, apply("shop", featureExtractors=[SMALL_TEXT]))),
    Scenario("unknown extractor", (apply("shop", featureExtractors=[extractor("no_extractor"), IMAGE]),)),
    Scenario(
        "change the type of an index",
        (*_FULL_SHOP, apply("shop", featureExtractors=[TEXT], payloadIndexes=[index("city", "text", minTokenLen=4)])),
    ),
    Scenario(
        "add and remove indexes",
        (
            *_FULL_SHOP,
            apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY, *EVERY_INDEX_TYPE]),
            apply("shop", featureExtractors=[TEXT], payloadIndexes=EVERY_INDEX_TYPE[:2]),
            apply("shop", featureExtractors=[TEXT]),
        ),
    ),
    Scenario(
        "rename and describe",
        (*_FULL_SHOP, apply("shop", namespaceName="store", description="sells"), apply("shop", namespaceName="shop2")),
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
            apply("first"),
            *_FULL_SHOP,
            apply("shop", namespaceName="first", featureExtractors=[TEXT], payloadIndexes=EVERY_INDEX_TYPE[:1]),
            delete("first"),
        ),
    ),
    Scenario("delete under Retain", (*_FULL_SHOP, delete("shop"))),
    Scenario(
        "delete under Retain while the operator is down, then create again",
        (*_FULL_SHOP, operator_down, delete("shop"), operator_up, _SHOP),
    ),
    Scenario(
        "create again under Retain while the operator is down",
        (*_FULL_SHOP, operator_down, delete("shop"), _SHOP, operator_up),
    ),
    Scenario("delete under Delete", (_SHOP_UNDER_DELETE, points("shop", 3), delete("shop"))),
    Scenario(
        "delete under Delete, then create again",
        (_SHOP_UNDER_DELETE, points("shop", 3), delete("shop"), _SHOP_UNDER_DELETE),
    ),
    Scenario(
        "delete under Delete while the operator is down",
        (_SHOP_UNDER_DELETE, points("shop", 3), operator_down, delete("shop"), operator_up),
    ),
    Scenario("deletion waits for an alias", (_SHOP_UNDER_DELETE, alias_added("shop", "live"), delete("shop"))),
    Scenario(
        "deletion goes on once the alias is gone",
        (_SHOP_UNDER_DELETE, alias_added("shop", "live"), delete("shop"), alias_removed("live")),
    ),
    Scenario(
        "policy from Retain to Delete to Retain",
        (*_FULL_SHOP, _SHOP_UNDER_DELETE, _SHOP, delete("shop")),
    ),
    Scenario(
        "policy to Retain during a deletion",
        (
            _SHOP_UNDER_DELETE,
            points("shop", 3),
            alias_added("shop", "live"),
            delete("shop"),
            _SHOP,
        ),
    ),
    Scenario(
        "finalizer removed by hand during a deletion, then its name used by another",
        (
            _SHOP_UNDER_DELETE,
            points("shop", 3),
            alias_added("shop", "live"),
            delete("shop"),
            finalizers_removed("shop"),
            apply("heir", namespaceName="shop"),
        ),
    ),
    Scenario("document lost", (*_FULL_SHOP, document_lost("shop"))),
    Scenario(
        "document lost, then deleted under Delete",
        (_SHOP_UNDER_DELETE, points("shop", 3), operator_down, document_lost("shop"), delete("shop"), operator_up),
    ),
    Scenario("document with fields of others", (*_FULL_SHOP, document_edited("shop", billing={"plan": "pro"}), _SHOP)),
    Scenario(
        "document edited",
        (
            *_FULL_SHOP,
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
    ),
    Scenario("document without claims", (*_FULL_SHOP, document_edited("shop", claims=[]))),
    Scenario("malformed document", (*_FULL_SHOP, document_edited("shop", state="odd"))),
    Scenario(
        "malformed document, repaired",
        (*_FULL_SHOP, document_edited("shop", state="odd"), document_edited("shop", state="ready")),
    ),
    Scenario("index dropped by hand", (*_FULL_SHOP, index_dropped("shop", "city"), index_dropped("shop", "bucket_id"))),
    Scenario("index changed by hand", (*_FULL_SHOP, index_put("shop", "city", "integer"))),
    Scenario("undeclared index", (*_FULL_SHOP, index_put("shop", "colour", "keyword"))),
    Scenario("vector missing", (*_FULL_SHOP, vector_dropped("shop", "text_extractor_v1_embedding"))),
    Scenario("vector mismatch", (*_FULL_SHOP, vector_resized("shop", "text_extractor_v1_embedding", 7))),
    Scenario("collection gone", (*_FULL_SHOP, collection_gone("shop"))),
    Scenario("collection not loaded", (*_FULL_SHOP, collection_unloadable("shop"))),
    Scenario("collection loaded again", (*_FULL_SHOP, collection_unloadable("shop"), collection_loaded("shop"))),
    Scenario("mark removed", (*_FULL_SHOP, mark_removed("shop"))),
    Scenario(
        "Kubernetes namespace made again",
        (*_FULL_SHOP, delete("shop"), organization_recreated, _SHOP),
    ),
)


def world_of(name: str) -> Scenario:
    """The scenario of this name."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


async def without_faults(scenario: Scenario) -> World:
    """The scenario in a world where nothing goes wrong."""
    return await run(scenario, World())
