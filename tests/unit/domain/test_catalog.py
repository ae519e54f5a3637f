"""The catalog: what the packaged one holds, what a faulty one is refused for, what parameters do."""

from typing import Any

import pytest
import yaml

from namespace_operator.domain.catalog import (
    Catalog,
    CatalogError,
    CatalogVector,
    InvalidParameter,
    InvalidParams,
    UnknownParameter,
    builtin_catalog_text,
)
from namespace_operator.domain.vectors import VectorKind

BUILTIN = Catalog.load(builtin_catalog_text())

E5 = "multilingual_e5_large_instruct_v1"


def _vector(name: str = "vec", **fields: Any) -> dict[str, Any]:
    return {"name": name, "size": 8, "distance": "cosine", "inference_service": "svc"} | fields


def _entry(name: str = "one", **fields: Any) -> dict[str, Any]:
    return {"name": name, "version": "v1"} | fields


def _load(*entries: dict[str, Any]) -> Catalog:
    return Catalog.load(yaml.safe_dump({"extractors": list(entries)}))


def _resolve(name: str, version: str, params: dict[str, Any] | None) -> dict[str, CatalogVector]:
    extractor = BUILTIN.find(name, version)
    assert extractor is not None
    return {vector.name: vector for vector in extractor.resolve(params)}


# Names and sizes as the catalog of the namespace API lists them.
_EXPECTED: dict[str, dict[str, int]] = {
    "text_extractor_v1": {"text_extractor_v1_embedding": 1024},
    "image_extractor_v1": {"image_extractor_v1_embedding": 768},
    "multimodal_extractor_v1": {
        "multimodal_extractor_v1_multimodal_embedding": 1408,
        "multimodal_extractor_v1_transcription_embedding": 1024,
    },
    "multimodal_extractor_v2": {
        "multimodal_extractor_v2_multimodal_embedding": 3072,
        "multimodal_extractor_v2_transcription_embedding": 1024,
    },
    "face_identity_extractor_v1": {"face_identity_extractor_v1_embedding": 512},
    "document_graph_extractor_v1": {"document_graph_extractor_v1_text_embedding": 1024},
    "audio_fingerprint_extractor_v1": {"audio_fingerprint_extractor_v1_embedding": 512},
    "gemini_multifile_extractor_v1": {"gemini_multifile_extractor_v1_embedding": 3072},
    "universal_extractor_v1": {"universal_extractor_v1_embedding": 3072},
    "web_scraper_v1": {
        "intfloat__multilingual_e5_large_instruct": 1024,
        "jinaai__jina_embeddings_v2_base_code": 768,
        "google__siglip_base_patch16_224": 768,
        "facebook__dinov2_base": 768,
    },
    "course_content_extractor_v1": {
        "intfloat__multilingual_e5_large_instruct": 1024,
        "jinaai__jina_embeddings_v2_base_code": 768,
        "google__siglip_base_patch16_224": 768,
        "facebook__dinov2_base": 768,
    },
    "colbert_extractor_v1": {"colbert_extractor_v1_embedding": 128},
    "colqwen_extractor_v1": {"colqwen_extractor_v1_embedding": 128},
    "passthrough_extractor_v1": {},
    "scrolling_text_extractor_v1": {},
    "transcoding_extractor_v1": {},
}


def test_packaged_catalog() -> None:
    held = {
        extractor.feature_extractor_id: {vector.name: vector.size for vector in extractor.resolve(None)}
        for extractor in BUILTIN.extractors
    }
    assert held == _EXPECTED
    assert BUILTIN.ids() == tuple(sorted(_EXPECTED))


def test_late_interaction_holds_many_vectors_a_point() -> None:
    kinds = {vector.name: vector.kind for extractor in BUILTIN.extractors for vector in extractor.vectors}
    many = {name for name, kind in kinds.items() if kind is VectorKind.MULTI_DENSE}
    assert many == {"colbert_extractor_v1_embedding", "colqwen_extractor_v1_embedding"}


def test_find() -> None:
    found = BUILTIN.find("multimodal_extractor", "v2")
    assert found is not None
    assert found.feature_extractor_id == "multimodal_extractor_v2"
    assert BUILTIN.find("multimodal_extractor", "v3") is None
    assert BUILTIN.find("multimodal", "v1") is None


@pytest.mark.parametrize(
    ("extractor", "params", "changed", "size", "service"),
    [
        (("text_extractor", "v1"), None, "text_extractor_v1_embedding", 1024, E5),
        (("text_extractor", "v1"), {}, "text_extractor_v1_embedding", 1024, E5),
        (("text_extractor", "v1"), {"embedding_model": None}, "text_extractor_v1_embedding", 1024, E5),
        (
            ("text_extractor", "v1"),
            {"embedding_model": "text-embedding-3-large"},
            "text_extractor_v1_embedding",
            3072,
            "text-embedding-3-large",
        ),
        (
            ("image_extractor", "v1"),
            {"model": "siglip_base"},
            "image_extractor_v1_embedding",
            768,
            "google_siglip_base_v1",
        ),
        (
            ("multimodal_extractor", "v2"),
            {"output_dimensionality": 768},
            "multimodal_extractor_v2_multimodal_embedding",
            768,
            "gemini-embedding-2",
        ),
        (
            ("universal_extractor", "v1"),
            {"output_dimensionality": 256},
            "universal_extractor_v1_embedding",
            256,
            "gemini-embedding-2",
        ),
    ],
)
def test_parameters_change_one_vector(
    extractor: tuple[str, str], params: dict[str, Any] | None, changed: str, size: int, service: str
) -> None:
    resolved = _resolve(*extractor, params)
    assert (resolved[changed].size, resolved[changed].inference_service) == (size, service)
    listed = _resolve(*extractor, None)
    assert list(resolved) == list(listed)
    assert {name: vector for name, vector in resolved.items() if name != changed} == {
        name: vector for name, vector in listed.items() if name != changed
    }


@pytest.mark.parametrize(
    ("extractor", "params", "error", "message"),
    [
        (
            ("multimodal_extractor", "v2"),
            {"output_dimensionality": 1024},
            InvalidParameter,
            "output_dimensionality cannot be 1024; allowed: 768, 1536, 3072",
        ),
        (
            ("universal_extractor", "v1"),
            {"output_dimensionality": 3073},
            InvalidParameter,
            "output_dimensionality cannot be 3073; allowed: whole numbers from 256 to 3072",
        ),
        (("universal_extractor", "v1"), {"output_dimensionality": True}, InvalidParameter, "cannot be True"),
        (("universal_extractor", "v1"), {"output_dimensionality": "768"}, InvalidParameter, "cannot be '768'"),
        (("universal_extractor", "v1"), {"output_dimensionality": 768.0}, InvalidParameter, "cannot be 768.0"),
        (
            ("image_extractor", "v1"),
            {"model": "clip"},
            InvalidParameter,
            "model cannot be 'clip'; allowed: siglip_base",
        ),
        (("image_extractor", "v1"), {"model": ["siglip_base"]}, InvalidParameter, "model cannot be"),
        (("text_extractor", "v1"), {"chunk_size": 100}, UnknownParameter, "allowed: embedding_model"),
        (("passthrough_extractor", "v1"), {"chunk_size": None}, UnknownParameter, "allowed: none"),
    ],
)
def test_refused_params(
    extractor: tuple[str, str], params: dict[str, Any], error: type[InvalidParams], message: str
) -> None:
    with pytest.raises(error) as refused:
        _resolve(*extractor, params)
    assert message in str(refused.value)


def test_sparse_vector() -> None:
    sparse = {"name": "terms", "kind": "sparse", "modifier": "idf", "inference_service": "svc"}
    extractor = _load(_entry(vectors=[sparse, _vector()])).find("one", "v1")
    assert extractor is not None
    terms, _ = extractor.resolve(None)
    assert (terms.kind, terms.size, terms.distance, terms.modifier) == (VectorKind.SPARSE, None, None, "idf")


def test_extractors_may_share_a_vector() -> None:
    assert _load(_entry("one", vectors=[_vector()]), _entry("two", vectors=[_vector()])).ids() == ("one_v1", "two_v1")


_CHOICE = {"name": "model", "vector": "vec", "choices": {"small": {"size": 4}}}

_FAULTY: tuple[tuple[str, list[dict[str, Any]], str], ...] = (
    ("no version", [{"name": "one"}], "extractors[0].version: Field required"),
    ("name with a dash", [_entry("one-two")], "extractors[0].name:"),
    ("version as a plugin has it", [_entry(version="1.0.0")], "extractors[0].version:"),
    ("misspelt field", [_entry(vector=[])], "extractors[0].vector: Extra inputs"),
    ("entry is named", [_entry(), _entry("two", vectors=[_vector(size=0)])], "extractors[1].vectors[0].size: "),
    ("entry is named by its id", [_entry(), _entry("two", vectors=[_vector(size=0)])], "(entry two v1)"),
    ("same id twice", [_entry(), _entry()], "extractor one_v1 is listed twice"),
    ("same id from two entries", [_entry("a_v1", version="v2"), _entry("a", version="v1_v2")], "extractors[1].version"),
    ("same vector twice", [_entry(vectors=[_vector(), _vector()])], "vector vec is listed twice"),
    ("size 65,537", [_entry(vectors=[_vector(size=65_537)])], "vectors[0].size: "),
    ("size as a text", [_entry(vectors=[_vector(size="8")])], "vectors[0].size: "),
    ("distance as plugins spell it", [_entry(vectors=[_vector(distance="euclid")])], "vectors[0].distance: "),
    ("datatype of later servers", [_entry(vectors=[_vector(datatype="turbo4")])], "vectors[0].datatype: "),
    ("unknown kind", [_entry(vectors=[_vector(kind="binary")])], "vectors[0].kind: "),
    ("no service", [_entry(vectors=[_vector(inference_service="")])], "vectors[0].inference_service: "),
    ("name refused by Qdrant", [_entry(vectors=[_vector("org/model")])], "vectors[0].name: holds '/'"),
    ("name of 201 bytes", [_entry(vectors=[_vector("ä" * 100 + "a")])], "vectors[0].name: must have 1 to 200 bytes"),
    ("empty name", [_entry(vectors=[_vector("")])], "vectors[0].name: must have 1 to 200 bytes"),
    ("dense without a size", [_entry(vectors=[_vector(size=None)])], "a dense vector needs size and distance"),
    ("dense with a modifier", [_entry(vectors=[_vector(modifier="idf")])], "only a sparse vector has a modifier"),
    ("sparse with a size", [_entry(vectors=[_vector(kind="sparse")])], "a sparse vector has neither size nor distance"),
    (
        "shared vector of two sizes",
        [_entry("one", vectors=[_vector()]), _entry("two", vectors=[_vector(size=9)])],
        "vector vec of two_v1 differs from that of one_v1",
    ),
    (
        "shared vector of two services",
        [_entry("one", vectors=[_vector()]), _entry("two", vectors=[_vector(inference_service="other")])],
        "vector vec of two_v1 differs from that of one_v1",
    ),
    (
        "parameter of another vector",
        [_entry(vectors=[_vector()], parameters=[_CHOICE | {"vector": "other"}])],
        "parameter model: other is no vector of this extractor",
    ),
    ("parameter twice", [_entry(vectors=[_vector()], parameters=[_CHOICE] * 2)], "parameter model is listed twice"),
    (
        "parameter without values",
        [_entry(vectors=[_vector()], parameters=[{"name": "model", "vector": "vec"}])],
        "parameters[0]: needs exactly one of: choices, sizes, minimum with maximum",
    ),
    (
        "parameter of two forms",
        [_entry(vectors=[_vector()], parameters=[_CHOICE | {"sizes": [4]}])],
        "parameters[0]: needs exactly one of: choices, sizes, minimum with maximum",
    ),
    (
        "half a range",
        [_entry(vectors=[_vector()], parameters=[{"name": "d", "vector": "vec", "minimum": 1}])],
        "minimum and maximum go together",
    ),
    (
        "range upside down",
        [_entry(vectors=[_vector()], parameters=[{"name": "d", "vector": "vec", "minimum": 2, "maximum": 1}])],
        "minimum is greater than maximum",
    ),
    (
        "range from 0",
        [_entry(vectors=[_vector()], parameters=[{"name": "d", "vector": "vec", "minimum": 0, "maximum": 8}])],
        "parameter d, value 0: size: ",
    ),
    (
        "choice that makes no vector",
        [_entry(vectors=[_vector()], parameters=[_CHOICE | {"choices": {"huge": {"size": 70_000}}}])],
        "parameter model, value huge: size: ",
    ),
)


@pytest.mark.parametrize(("entries", "message"), [fault[1:] for fault in _FAULTY], ids=[fault[0] for fault in _FAULTY])
def test_faulty_catalog(entries: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(CatalogError) as refused:
        _load(*entries)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "extractors: [", "- one", "extractors: 1", "extractors: {one: 1}", "extractors: [1]"]
)
def test_no_catalog_at_all(text: str) -> None:
    with pytest.raises(CatalogError, match="the catalog is"):
        Catalog.load(text)
