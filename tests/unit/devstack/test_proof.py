"""The proof of the demo must be able to fail."""

from typing import Any, cast

import pytest
from qdrant_client import QdrantClient
from qdrant_client.http.models import CollectionInfo

from devstack.proof import Prover

RESOURCE = {
    "metadata": {"name": "texts"},
    "spec": {
        "featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"}],
        "payloadIndexes": [
            {"fieldName": "shop", "fieldSchema": {"type": "keyword", "isTenant": True}},
            {"fieldName": "stock", "fieldSchema": {"type": "integer", "lookup": True, "range": False}},
        ],
    },
    "status": {"namespaceId": "ns_0123456789", "collection": "ns_0123456789"},
}

DOCUMENT = {
    "_id": "ns_0123456789",
    "state": "ready",
    "namespace_name": "texts",
    "claims": ["name:texts"],
    "feature_extractors": [{"feature_extractor_id": "text_extractor_v1"}],
    "payload_indexes": [{"field_name": "stock"}, {"field_name": "shop"}],
}


def live(size: int = 1024, **schema: Any) -> dict[str, Any]:
    indexes = {
        "shop": {"data_type": "keyword", "points": 0, "params": {"type": "keyword", "is_tenant": True}},
        # `lookup` has its default and is left out, as a server may.
        "stock": {"data_type": "integer", "points": 0, "params": {"type": "integer", "range": False}},
        **schema,
    }
    return {
        "status": "green",
        "optimizer_status": "ok",
        "segments_count": 1,
        "config": {
            "params": {"vectors": {"text_extractor_v1_embedding": {"size": size, "distance": "Cosine"}}},
            "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
            "optimizer_config": {
                "deleted_threshold": 0.2,
                "vacuum_min_vector_number": 1000,
                "default_segment_number": 1,
                "flush_interval_sec": 5,
            },
        },
        "payload_schema": {name: index for name, index in indexes.items() if index},
    }


class FakeQdrant:
    def __init__(self, collection: dict[str, Any] | None) -> None:
        self._collection = collection

    def collection_exists(self, name: str) -> bool:
        return self._collection is not None and name == "ns_0123456789"

    def get_collection(self, _name: str) -> CollectionInfo:
        return CollectionInfo.model_validate(self._collection)


class FakeNamespaces:
    def __init__(self, document: dict[str, Any] | None) -> None:
        self._document = document

    def find_one(self, query: dict[str, Any]) -> dict[str, Any] | None:
        return self._document if self._document and self._document["_id"] == query["_id"] else None


def failures(collection: dict[str, Any] | None, document: dict[str, Any] | None) -> set[str]:
    database = {"namespaces": FakeNamespaces(document)}
    prover = Prover(cast("QdrantClient", FakeQdrant(collection)), cast("Any", database))
    return {check.what.removeprefix("ns_0123456789 ") for check in prover.checks(RESOURCE) if not check.holds}


def test_stores_that_hold_everything_pass() -> None:
    assert failures(live(), DOCUMENT) == set()


@pytest.mark.parametrize(
    ("collection", "failed"),
    [
        (None, {"collection ns_0123456789"}),
        (live(size=768), {"vector text_extractor_v1_embedding"}),
        (live(shop=None), {"index shop"}),
        (live(shop={"data_type": "keyword", "points": 0}), {"index shop"}),
        (live(stock={"data_type": "float", "points": 0, "params": {"type": "float"}}), {"index stock"}),
        (live(stock={"data_type": "integer", "points": 0, "params": {"type": "integer"}}), {"index stock"}),
    ],
)
def test_a_collection_that_differs_fails(collection: dict[str, Any] | None, failed: set[str]) -> None:
    assert failures(collection, DOCUMENT) == failed


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"state": "provisioning"}, {"state"}),
        ({"namespace_name": "other"}, {"namespace_name"}),
        ({"feature_extractors": []}, {"feature_extractors"}),
        ({"payload_indexes": [{"field_name": "shop"}]}, {"payload_indexes"}),
        ({"claims": []}, {"has claims"}),
    ],
)
def test_a_document_that_differs_fails(changes: dict[str, Any], failed: set[str]) -> None:
    assert failures(live(), {**DOCUMENT, **changes}) == failed


def test_a_missing_document_fails_in_every_part() -> None:
    assert failures(live(), None) == {"state", "namespace_name", "feature_extractors", "payload_indexes", "has claims"}
