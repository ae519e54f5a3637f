"""Collections as a server describes them, today's and a newer one's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from qdrant_client import models

from namespace_operator.domain.vectors import NamedVector, VectorKind
from namespace_operator.stores.qdrant import translate

RECORDINGS = Path(__file__).parents[2] / "contract" / "qdrant" / "recordings" / "vectors.jsonl"

DENSE = NamedVector(name="d", size=6, distance="dot")
SPARSE = NamedVector(name="s", kind=VectorKind.SPARSE, modifier="idf")
MULTI = NamedVector(name="m", kind=VectorKind.MULTI_DENSE, size=6, distance="dot")


def _info(params: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"status": "green", "points_count": 1, "segments_count": 1, "config": {"params": params}, **changes}


def _vectors(params: dict[str, Any]) -> dict[str, NamedVector]:
    return dict(translate.collection("ns_1", _info(params)).vectors)


@pytest.mark.parametrize(
    ("params", "vector"),
    [
        ({"vectors": {"d": {"size": 6, "distance": "Dot"}}}, DENSE),
        ({"vectors": {"d": {"size": 6, "distance": "Cosine"}}}, DENSE.model_copy(update={"distance": "cosine"})),
        ({"vectors": {"d": {"size": 6, "distance": "Euclid"}}}, DENSE.model_copy(update={"distance": "euclidean"})),
        ({"vectors": {"d": {"size": 6, "distance": "Manhattan"}}}, DENSE.model_copy(update={"distance": "manhattan"})),
        ({"vectors": {"d": {"size": 6, "distance": "Dot", "datatype": "float32"}}}, DENSE),
        (
            {"vectors": {"d": {"size": 6, "distance": "Dot", "datatype": "uint8", "on_disk": True}}},
            DENSE.model_copy(update={"datatype": "uint8"}),
        ),
        ({"vectors": {"m": {"size": 6, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}}}, MULTI),
        ({"vectors": {"size": {"size": 6, "distance": "Dot"}}}, DENSE.model_copy(update={"name": "size"})),
        ({"sparse_vectors": {"s": {"modifier": "idf"}}}, SPARSE),
        ({"vectors": {}, "sparse_vectors": {"s": {"modifier": "none"}}}, SPARSE.model_copy(update={"modifier": None})),
        (
            {"sparse_vectors": {"s": {"modifier": "idf", "index": {"datatype": "float16"}}}},
            SPARSE.model_copy(update={"datatype": "float16"}),
        ),
        ({"vectors": {"size": 6, "distance": "Dot"}}, DENSE.model_copy(update={"name": ""})),
    ],
)
def test_vectors(params: dict[str, Any], vector: NamedVector) -> None:
    assert _vectors(params) == {vector.name: vector}


def test_recorded_vectors_are_what_their_requests_asked_for() -> None:
    asked: dict[str, Any] = {}
    live: dict[str, NamedVector] = {}
    for line in map(json.loads, RECORDINGS.read_text().splitlines()):
        name = line["path"].rpartition("/vectors/")[2].partition("?")[0].replace("%2F", "/")
        if line["method"] == "PUT" and "/ns_v/vectors/" in line["path"] and line["status"] == 200:
            asked[name] = line["body"]
        if line["method"] == "DELETE" and "/vectors/" in line["path"] and line["status"] == 200:
            asked.pop(name, None)
        if line["method"] == "GET" and line["path"] == "/collections/ns_v":
            live = dict(translate.collection("ns_v", line["answer"]["result"]).vectors)
    assert {"s", "m"} <= set(asked)
    assert {name: translate.vector_config(live[name]) for name in asked if name in live} == asked


def test_creation_parts_dense_and_sparse() -> None:
    dense = translate.dense_params((DENSE, SPARSE, MULTI))
    assert dense == {
        "d": {"size": 6, "distance": "Dot"},
        "m": {"size": 6, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    }
    sparse = translate.sparse_params((DENSE, SPARSE))
    assert sparse is not None
    assert sparse["s"] == {"modifier": "idf"}
    assert translate.sparse_params((DENSE,)) is None


ALL_VECTORS = (
    *(
        NamedVector(name=distance, size=4, distance=distance)
        for distance in ("cosine", "dot", "euclidean", "manhattan")
    ),
    *(
        NamedVector(name=datatype, size=4, distance="dot", datatype=datatype)
        for datatype in ("float32", "float16", "uint8")
    ),
    SPARSE,
    NamedVector(name="plain", kind=VectorKind.SPARSE),
    MULTI,
)


@pytest.mark.parametrize("on_disk", [None, True, False])
def test_what_is_asked_is_what_the_client_of_qdrant_would_ask(on_disk: bool | None) -> None:
    body = {
        "vectors": translate.dense_params(ALL_VECTORS, on_disk=on_disk),
        "sparse_vectors": translate.sparse_params(ALL_VECTORS),
        "metadata": {"key": "value"},
    }
    asked = models.CreateCollection.model_validate(body)
    assert asked.model_dump(mode="json", exclude_none=True) == body


@pytest.mark.parametrize("vector", ALL_VECTORS, ids=lambda vector: vector.name)
def test_a_vector_that_is_added_is_asked_for_as_the_client_would(vector: NamedVector) -> None:
    body = translate.vector_config(vector)
    (kind,) = body
    model = models.SparseVectorParams if kind == "sparse" else models.VectorParams
    assert model.model_validate(body[kind]).model_dump(mode="json", exclude_none=True) == body[kind]


NEWER: dict[str, dict[str, Any]] = {
    "collection": _info({"vectors": {"d": {"size": 6, "distance": "Dot"}}}, shards=[{"id": 1}]),
    "vector": _info({"vectors": {"d": {"size": 6, "distance": "Dot", "compression": {"kind": "turbo"}}}}),
    "sparse vector": _info(
        {"vectors": {"d": {"size": 6, "distance": "Dot"}}, "sparse_vectors": {"s": {"modifier": "idf", "pruning": 1}}}
    ),
    "index parameter": _info(
        {"vectors": {"d": {"size": 6, "distance": "Dot"}}},
        payload_schema={"a": {"data_type": "keyword", "params": {"type": "keyword", "cache": "hot"}, "points": 1}},
    ),
    "index type": _info(
        {"vectors": {"d": {"size": 6, "distance": "Dot"}}},
        payload_schema={"a": {"data_type": "decimal", "params": {"type": "decimal"}, "points": 1}},
    ),
    "status": _info({"vectors": {"d": {"size": 6, "distance": "Dot"}}}, status="blue"),
}


@pytest.mark.parametrize("answer", NEWER.values(), ids=NEWER)
def test_what_a_newer_server_adds_is_no_reason_to_stop(answer: dict[str, Any]) -> None:
    assert translate.collection("ns_1", answer).vectors["d"] == DENSE


def test_an_unknown_distance_is_another_one() -> None:
    assert _vectors({"vectors": {"d": {"size": 6, "distance": "Hamming"}}})["d"].describe() != DENSE.describe()


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, _info({"vectors": {"d": {"size": 6}}}), _info({}, config=None), _info({}, payload_schema={"a": 1})],
)
def test_another_shape_is_refused(answer: object) -> None:
    with pytest.raises(ValidationError):
        translate.collection("ns_1", answer)
