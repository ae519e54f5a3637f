"""What becomes of documents and collections as custom resources, and what is told of what cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.api.annotations import Adoption
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.cli.collect.contents import guess_extractors, payload_indexes
from namespace_operator.cli.collect.export import (
    Exported,
    distinct,
    from_collection,
    from_document,
    from_foreign,
    resource_name,
)
from namespace_operator.domain.document import NamespaceDocument, Owner, RegisteredExtractor, RegisteredVector, State
from namespace_operator.domain.identity import MARK_PREFIX
from namespace_operator.domain.observed import Collection, LiveIndex
from namespace_operator.domain.vectors import NamedVector, VectorKind
from tests.world.world import builtin_catalog

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXT_VECTOR = "text_extractor_v1_embedding"
IMAGE_VECTOR = "image_extractor_v1_embedding"
CATALOG = builtin_catalog()


def dense(name: str, size: int = 1024, distance: str = "cosine", datatype: str = "float32") -> NamedVector:
    return NamedVector(name=name, size=size, distance=distance, datatype=datatype)


def collection(
    *vectors: NamedVector, name: str = "goods", indexes: dict[str, Any] | None = None, **metadata: Any
) -> Collection:
    """A collection as Qdrant describes it."""
    live = {field: LiveIndex(schema, 0) for field, schema in (indexes or {}).items()}
    return Collection(name, "green", 3, 0, 1, {v.name: v for v in vectors}, live, metadata)


def exported(made: Exported | str) -> tuple[dict[str, Any], str]:
    """The spec, which has to be one, and the warnings."""
    assert isinstance(made, Exported), made
    NamespaceSpec.model_validate(made.manifest["spec"])
    return made.manifest["spec"], "\n".join(made.warnings)


def adopted(given: Collection) -> tuple[dict[str, Any], str]:
    return exported(from_collection(given, "acme", CATALOG, Adoption.KEEP))


def test_vectors_of_an_extractor_make_the_namespace_managed() -> None:
    spec, warnings = adopted(collection(dense(TEXT_VECTOR), indexes={"price": {"type": "float"}}))
    assert warnings == "mixpeek.com/adopt needs the verb adopt"

    assert spec == {
        "featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"}],
        "payloadIndexes": [{"fieldName": "price", "type": "float"}],
        "infrastructure": {"qdrantCollection": "goods"},
    }


def test_a_size_of_one_choice_names_the_params() -> None:
    spec, warnings = adopted(collection(dense(TEXT_VECTOR, 384)))

    assert spec["featureExtractors"][0]["params"] == {"embedding_model": "all_minilm_l6_v2_v1"}
    assert "other params" not in warnings


def test_a_size_of_several_choices_is_told_because_params_are_locked() -> None:
    spec, warnings = adopted(collection(dense(TEXT_VECTOR, 768)))

    assert spec["featureExtractors"][0]["params"]["embedding_model"] == "google_siglip_base_v1"
    assert "laion_clip_vit_l_14_v1" in warnings
    assert "locked once applied" in warnings


def test_vectors_of_nobody_make_it_standalone() -> None:
    sparse = NamedVector(name="words", kind=VectorKind.SPARSE)
    spec, warnings = adopted(collection(dense("own", 4, "dot"), dense("half", 4, datatype="float16"), sparse))

    assert spec["mode"] == "standalone"
    assert spec["vectorConfigs"] == [
        {"name": "own", "dimension": 4, "metric": "dot"},
        {"name": "words", "kind": "sparse"},
    ]
    assert "vector half (dense 4 cosine float16) cannot be declared; it stays as it is" in warnings


def test_a_vector_beside_those_of_an_extractor_is_told() -> None:
    _, warnings = adopted(collection(dense(TEXT_VECTOR), dense("own", 4), dense("", 4)))

    assert "vector own is of no extractor" in warnings
    assert "vector (unnamed) is of no extractor" in warnings


@pytest.mark.parametrize(
    ("name", "schema", "declared"),
    [
        ("city", {"type": "keyword", "is_tenant": True}, {"type": "keyword", "isTenant": True}),
        (
            "title",
            {"type": "text", "min_token_len": 2, "max_token_len": 15},
            {"type": "text", "minTokenLen": 2, "maxTokenLen": 15},
        ),
        ("title", {"type": "text"}, None),
        ("a..b", {"type": "keyword"}, None),
    ],
)
def test_an_index_is_declared_as_it_is_or_told(name: str, schema: Any, declared: dict[str, Any] | None) -> None:
    indexes, problems = payload_indexes({name: schema})

    assert indexes == ([{"fieldName": name, "fieldSchema": declared}] if declared else [])
    assert bool(problems) == (declared is None)


def test_the_systems_own_indexes_are_not_declared() -> None:
    assert payload_indexes({"namespace_id": {"type": "keyword"}, "_internal.x": {"type": "keyword"}}) == ([], [])


def test_a_marked_collection_is_somebodys() -> None:
    mark: dict[str, Any] = {f"{MARK_PREFIX}{name}": value for name, value in MARK.items()}

    made = from_collection(collection(**mark), "acme", CATALOG, Adoption.KEEP)

    assert made == "goods: it carries the mark of acme/shop already; see namespace-operator orphans"


MARK: dict[str, Any] = {
    "instance": "i",
    "organization": "acme",
    "collection": "goods",
    "incarnation": 1,
    "member.ns_1": "shop",
}


def test_a_collection_named_like_an_id_keeps_the_id() -> None:
    spec, warnings = adopted(collection(name="ns_0123456789"))

    assert spec["namespaceId"] == "ns_0123456789"
    assert "set-id" in warnings


@pytest.mark.parametrize(
    ("text", "name"), [("Goods_2", "goods-2"), ("__", "namespace"), ("a" * 80, "a" * 63), ("x.y", "x-y")]
)
def test_names_of_objects(text: str, name: str) -> None:
    assert resource_name(text) == name


def test_extractors_that_share_their_vectors_are_told() -> None:
    shared = next(e for e in CATALOG.extractors if e.name == "course_content_extractor")
    vectors = {vector.name: NamedVector(**vector.model_dump()) for vector in shared.vectors}

    guesses = guess_extractors(vectors, CATALOG)

    assert not guesses.left
    assert len(guesses.extractors) == 1


def document(**changes: Any) -> NamespaceDocument:
    """A namespace of an operator."""
    vector = RegisteredVector(name=TEXT_VECTOR, size=1024, distance="cosine", inference_service="s")
    registered = RegisteredExtractor(
        feature_extractor_id="text_extractor_v1",
        feature_extractor_name="text_extractor",
        version="v1",
        vectors=(vector,),
    )
    owner = Owner(instance_id="i", organization="acme", k8s_namespace_uid="u", cr_name="shop", cr_uid="c")
    plain: dict[str, Any] = {
        "namespace_id": "ns_1",
        "namespace_name": "shop",
        "state": State.RETAINED,
        "owner": owner,
        "collection": "ns_1",
        "bound": True,
        "revision": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "feature_extractors": (registered,),
    }
    return NamespaceDocument(**{**plain, **changes})


def test_a_document_in_its_place_needs_no_permission() -> None:
    made = from_document(document(), "i", "u")

    assert "annotations" not in made.manifest["metadata"]
    assert made.manifest["spec"] == {"featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"}]}


@pytest.mark.parametrize(("instance", "uid"), [("other", "u"), ("i", "later"), ("i", None)])
def test_elsewhere_it_has_to_be_taken_over(instance: str, uid: str | None) -> None:
    made = from_document(document(), instance, uid)

    assert made.manifest["metadata"]["annotations"] == {"mixpeek.com/take-over": "ns_1"}
    assert "verb take-over" in made.warnings[0]


def test_what_the_document_says_comes_back() -> None:
    changed = document(namespace_name="Goods", collection="goods", sharing=True, description="d", expires_at=NOW)
    spec, warnings = exported(from_document(changed, "i", "u"))

    assert spec["namespaceName"] == "Goods"
    assert spec["infrastructure"] == {"qdrantCollection": "goods", "sharing": True}
    assert "set ttlSeconds as it was" in warnings


def foreign(**fields: Any) -> dict[str, Any]:
    """A namespace document of the namespace API."""
    return {"_id": "5f", "namespace_id": "ns_abc", "namespace_name": "Goods", **fields}


def test_a_foreign_document_keeps_its_id_and_its_params() -> None:
    listed = [
        {
            "feature_extractor_name": "text_extractor",
            "version": "v1",
            "params": {"embedding_model": "all_minilm_l6_v2_v1"},
        }
    ]
    raw = foreign(feature_extractors=listed, description="of last year")
    live = collection(dense(TEXT_VECTOR, 384), name="ns_abc")

    made = from_foreign(raw, live, "acme", CATALOG, Adoption.KEEP)
    spec, warnings = exported(made)

    assert spec["namespaceId"] == "ns_abc"
    assert spec["namespaceName"] == "Goods"
    assert spec["description"] == "of last year"
    assert spec["featureExtractors"][0]["params"] == {"embedding_model": "all_minilm_l6_v2_v1"}
    assert "rename that collection" not in warnings


def test_a_foreign_document_in_the_way_is_told() -> None:
    made = from_foreign(foreign(_id="ns_abc"), collection(name="ns_abc"), "acme", CATALOG, Adoption.KEEP)

    assert "rename that collection" in exported(made)[1]


@pytest.mark.parametrize(
    ("extractor", "said"),
    [
        ({"feature_extractor_name": "nobodys", "version": "v1"}, "is not in the catalog"),
        (
            {"feature_extractor_name": "text_extractor", "version": "v1", "params": {"odd": 1}},
            "params of text_extractor",
        ),
        ({"feature_extractor_name": "image_extractor", "version": "v1"}, "does not fit the vectors"),
    ],
)
def test_extractors_that_cannot_be_registered_are_told(extractor: dict[str, Any], said: str) -> None:
    made = from_foreign(
        foreign(feature_extractors=[extractor]),
        collection(dense(TEXT_VECTOR), name="ns_abc"),
        "acme",
        CATALOG,
        Adoption.KEEP,
    )

    assert said in exported(made)[1]


@pytest.mark.parametrize(
    ("raw", "live", "said"),
    [
        (foreign(namespace_id="odd id"), collection(), "is no id of a namespace"),
        (foreign(), None, "Qdrant has no collection of it"),
    ],
)
def test_what_cannot_be_a_namespace_is_said(raw: dict[str, Any], live: Collection | None, said: str) -> None:
    made = from_foreign(raw, live, "acme", CATALOG, Adoption.KEEP)

    assert isinstance(made, str)
    assert said in made


def test_two_of_one_name_are_told_apart() -> None:
    names: set[str] = set()
    made = [from_collection(collection(name=name), "acme", CATALOG, Adoption.KEEP) for name in ("goods.a", "goods-a")]

    found = [distinct(each, names).manifest["metadata"]["name"] for each in made if isinstance(each, Exported)]

    assert found == ["goods-a", "goods-a-2"]


def test_an_adopted_one_needs_no_permission_to_come_back() -> None:
    made = from_document(document(adoption=ADOPTED, collection="goods"), "i", "u")

    assert "annotations" not in made.manifest["metadata"]
    assert "outlives the Namespace" in made.warnings[0]


def test_one_that_shares_cannot_be_taken_over() -> None:
    made = from_document(document(sharing=True, collection="goods"), "other", "u")

    assert "cannot be taken over" in made.warnings[1]


ADOPTED = {"indexes": ()}
