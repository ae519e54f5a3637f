"""Proof that the stores hold what a Namespace asks for, read from the stores themselves."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pymongo
from qdrant_client import QdrantClient

from devstack.kubeapi import JSON
from namespace_operator.domain.catalog import Catalog, CatalogExtractor, builtin_catalog_text

# What Qdrant does without the parameter; it may leave out a parameter that was given with this value.
_QDRANT_DEFAULTS = {
    "is_tenant": False,
    "is_principal": False,
    "on_disk": False,
    "enable_hnsw": True,
    "lookup": True,
    "range": True,
    "tokenizer": "word",
    "lowercase": True,
    "ascii_folding": False,
    "phrase_matching": False,
}

_HUMP = re.compile(r"(?<=[a-z])([A-Z])")


@dataclass(frozen=True)
class Check:
    """One thing that was asked for, beside what the store has."""

    store: str
    what: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        """Whether the store has what was asked for."""
        return bool(self.expected == self.found)


class Prover:
    """Reads both stores, independently of the operator."""

    def __init__(self, qdrant: QdrantClient, mongodb: "pymongo.database.Database[JSON]") -> None:
        self._qdrant = qdrant
        self._namespaces = mongodb["namespaces"]
        self._catalog = Catalog.load(builtin_catalog_text())

    def checks(self, resource: JSON) -> list[Check]:
        """Compare the spec of a Namespace, found through its status, with its collection and its document."""
        return [*self._collection(resource), *self._document(resource)]

    def _collection(self, resource: JSON) -> Iterator[Check]:
        name = resource["status"]["collection"]
        if not self._qdrant.collection_exists(name):
            yield Check("Qdrant", f"collection {name}", "exists", "missing")
            return
        live = self._qdrant.get_collection(name).model_dump(mode="json", exclude_none=True)
        yield Check("Qdrant", f"collection {name}", "exists", "exists")
        params = live["config"]["params"]
        for vector, expected in self._vectors(resource["spec"]).items():
            yield Check("Qdrant", f"vector {vector}", expected, _vector(params, vector))
        for index in resource["spec"].get("payloadIndexes") or []:
            expected = _wanted_index(index)
            yield Check("Qdrant", f"index {index['fieldName']}", expected, _index(live, index["fieldName"], expected))

    def _document(self, resource: JSON) -> Iterator[Check]:
        spec, identifier = resource["spec"], resource["status"]["namespaceId"]
        document = self._namespaces.find_one({"_id": identifier}) or {}
        expected = {
            "state": "ready",
            "namespace_name": spec.get("namespaceName", resource["metadata"]["name"]),
            "feature_extractors": sorted(
                extractor.feature_extractor_id for extractor, _params in self._extractors(spec)
            ),
            "payload_indexes": sorted(index["fieldName"] for index in spec.get("payloadIndexes") or []),
        }
        found = {
            "state": document.get("state"),
            "namespace_name": document.get("namespace_name"),
            "feature_extractors": sorted(
                extractor["feature_extractor_id"] for extractor in document.get("feature_extractors", [])
            ),
            "payload_indexes": sorted(index["field_name"] for index in document.get("payload_indexes", [])),
        }
        for what, value in expected.items():
            yield Check("MongoDB", f"{identifier} {what}", value, found[what])
        yield Check("MongoDB", f"{identifier} has claims", True, bool(document.get("claims")))

    def _vectors(self, spec: JSON) -> dict[str, JSON]:
        return {
            vector.name: {"size": vector.size, "distance": str(vector.distance)}
            for extractor, params in self._extractors(spec)
            for vector in extractor.resolve(params)
        }

    def _extractors(self, spec: JSON) -> Iterator[tuple[CatalogExtractor, Mapping[str, Any] | None]]:
        for entry in spec.get("featureExtractors") or []:
            extractor = self._catalog.find(entry["featureExtractorName"], entry["version"])
            assert extractor is not None, f"the catalog has no {entry['featureExtractorName']} {entry['version']}"
            yield extractor, entry.get("params")


def _vector(params: JSON, name: str) -> JSON | None:
    live = params.get("vectors", {}).get(name)
    return live and {"size": live["size"], "distance": live["distance"].lower()}


def _wanted_index(index: JSON) -> JSON:
    schema = index.get("fieldSchema") or {"type": index["type"]}
    return {_HUMP.sub(r"_\1", name).lower(): value for name, value in schema.items()}


def _index(live: JSON, field: str, expected: JSON) -> JSON | None:
    """The live index, reduced to the parameters that were asked for."""
    found = live["payload_schema"].get(field)
    if found is None:
        return None
    values = {**_QDRANT_DEFAULTS, **found.get("params", {}), "type": found["data_type"]}
    return {name: values.get(name) for name in expected}
