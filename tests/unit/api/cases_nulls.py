"""Null in the place of every field of the spec: an absent field, so refused only where one is required."""

from collections.abc import Iterator
from typing import Any

from tests.unit.api.case import INFRASTRUCTURE, Case, Refusal
from tests.unit.api.cases_infrastructure import EVERYTHING, NO_GPU, NO_MODELS, TOGETHER

_EVERYTHING: tuple[dict[str, Any], ...] = (
    {
        "namespaceName": "abc",
        "namespaceId": "ns_abc",
        "description": "a",
        "mode": "managed",
        "namespaceType": "marketplace",
        "scope": "system",
        "featureExtractors": [{"featureExtractorName": "a", "version": "v1", "params": {"a": None}}],
        "payloadIndexes": [
            {
                "fieldName": "a",
                "type": "text",
                "isProtected": True,
                "fieldSchema": {
                    "type": "text",
                    "onDisk": True,
                    "enableHnsw": False,
                    "tokenizer": "prefix",
                    "minTokenLen": 3,
                    "maxTokenLen": 15,
                    "lowercase": False,
                    "asciiFolding": True,
                    "phraseMatching": True,
                    "stopwords": {"languages": ["english"], "custom": ["a"]},
                    "stemmer": {"type": "snowball", "language": "english"},
                },
            }
        ],
        "infrastructure": {"qdrantCollection": "abc"},
        "pruneUnmanagedIndexes": True,
        "repairVectors": True,
        "deletionPolicy": "Delete",
    },
    {
        "mode": "standalone",
        "vectorConfigs": [{"name": "a", "dimension": 4, "kind": "multi_dense", "metric": "dot"}],
        "payloadIndexes": [
            {
                "fieldName": "a",
                "type": "integer",
                "fieldSchema": {"type": "integer", "lookup": True, "range": True, "isPrincipal": True},
            },
            {"fieldName": "b", "type": "keyword", "fieldSchema": {"type": "keyword", "isTenant": True}},
        ],
    },
    {"clusterId": "iclstr_abc"} | EVERYTHING,
)

_REFUSED = {
    refusal.path: refusal
    for refusal in (
        Refusal("spec.featureExtractors[0].featureExtractorName"),
        Refusal("spec.featureExtractors[0].version"),
        Refusal("spec.payloadIndexes[0].fieldName"),
        Refusal("spec.payloadIndexes[1].fieldName"),
        Refusal("spec.payloadIndexes[0].fieldSchema.type"),
        Refusal("spec.payloadIndexes[1].fieldSchema.type"),
        Refusal("spec.payloadIndexes[0].fieldSchema.stemmer.type"),
        Refusal("spec.payloadIndexes[0].fieldSchema.stemmer.language"),
        Refusal("spec.vectorConfigs[0].name"),
        Refusal(f"{INFRASTRUCTURE}.qdrantApiKeySecretRef.name"),
        Refusal(f"{INFRASTRUCTURE}.qdrantApiKeySecretRef.key"),
        Refusal(f"{INFRASTRUCTURE}.collection.quantization.type"),
        Refusal(
            "spec.vectorConfigs[0].dimension",
            "vector a has no dimension; set the number of components, 1-65536, or kind: sparse",
        ),
    )
}
"""What cannot be absent."""

_STANDALONE_BY_NULL = Refusal(
    "spec.vectorConfigs",
    "vectorConfigs belong to mode standalone only; list featureExtractors, or set mode: standalone",
)


def _with_nulls(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every path below a value, with the value that has null there."""
    if isinstance(value, dict):
        for name, below in value.items():
            here = f"{path}.{name}"
            yield here, value | {name: None}
            # What is in params belongs to the extractor.
            if name != "params":
                yield from ((where, value | {name: changed}) for where, changed in _with_nulls(below, here))
    elif isinstance(value, list):
        for at, below in enumerate(value):
            changes = _with_nulls(below, f"{path}[{at}]")
            yield from ((where, [*value[:at], changed, *value[at + 1 :]]) for where, changed in changes)


_BROKEN_BY_NULL = {
    f"{INFRASTRUCTURE}.computeTier": NO_MODELS,
    f"{INFRASTRUCTURE}.qdrantUrl": TOGETHER,
    f"{INFRASTRUCTURE}.qdrantApiKeySecretRef": TOGETHER,
    f"{INFRASTRUCTURE}.gpuType": NO_GPU,
    f"{INFRASTRUCTURE}.gpusPerWorker": NO_GPU,
}
"""What is wrong elsewhere once this is absent."""


def _case(mode: str, path: str, spec: dict[str, Any]) -> Case:
    refusal = _REFUSED.get(path) or _BROKEN_BY_NULL.get(path)
    if path == "spec.mode" and spec.get("vectorConfigs"):
        refusal = _STANDALONE_BY_NULL
    return Case(f"null at {path}, mode {mode}", spec, (refusal,) if refusal else ())


NULL_CASES: tuple[Case, ...] = (
    *(
        _case(everything.get("mode", "absent"), path, spec)
        for everything in _EVERYTHING
        for path, spec in _with_nulls(everything, "spec")
    ),
    Case("null as an item", {"payloadIndexes": [None]}, (Refusal("spec.payloadIndexes[0]"),)),
)
