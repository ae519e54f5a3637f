"""Random specs and histories of specs, as the API server would let them pass."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from namespace_operator.api.spec import NamespaceSpec
from tests.unit.domain.builders import spec

FIELDS = ("brand", "price", "tags[]", '"unit price"', "body")

EXTRACTORS: list[dict[str, Any]] = [
    {"featureExtractorName": "text_extractor", "version": "v1"},
    {"featureExtractorName": "text_extractor", "version": "v1", "params": {"model": "minilm"}},
    {"featureExtractorName": "text_extractor", "version": "v1", "params": {"model": "gpt"}},
    {"featureExtractorName": "page_extractor", "version": "v1"},
    {"featureExtractorName": "film_extractor", "version": "v1"},
    {"featureExtractorName": "unknown_extractor", "version": "v1"},
]

VECTOR_CONFIGS: list[dict[str, Any]] = [
    {"name": "plain", "dimension": 4},
    {"name": "dots", "dimension": 8, "metric": "dot"},
    {"name": "sparse", "kind": "sparse"},
    {"name": "tokens", "kind": "multi_dense", "dimension": 2},
]

extractors = st.lists(st.sampled_from(EXTRACTORS), unique_by=lambda entry: str(entry["featureExtractorName"]))
schemas = st.sampled_from(
    [
        {"type": "keyword"},
        {"type": "keyword", "isTenant": True},
        {"type": "integer", "range": False},
        {"type": "text", "stopwords": {"languages": ["english"]}},
        {"type": "geo", "onDisk": True},
    ]
)
indexes = st.dictionaries(st.sampled_from(FIELDS), schemas).map(
    lambda chosen: [{"fieldName": name, "fieldSchema": schema} for name, schema in chosen.items()]
)

_changeable = st.fixed_dictionaries(
    {
        "payloadIndexes": indexes,
        "description": st.none() | st.just("Films"),
        "deletionPolicy": st.sampled_from([None, "Retain", "Delete"]),
        "namespaceName": st.sampled_from([None, "movies"]),
    }
)
_fixed = st.fixed_dictionaries(
    {
        "namespaceType": st.sampled_from([None, "standard", "marketplace"]),
        "scope": st.sampled_from([None, "org", "system"]),
        "infrastructure": st.sampled_from([None, {"qdrantCollection": "products"}]),
    }
)
_managed = st.fixed_dictionaries({"featureExtractors": extractors})


@st.composite
def histories(draw: st.DrawFn, min_size: int = 1) -> list[NamespaceSpec]:
    """One spec after the other of one object: what cannot change does not, and own vectors only get more."""
    steps = draw(st.lists(_changeable, min_size=min_size, max_size=4))
    fixed = draw(_fixed)
    if draw(st.booleans()):
        return [spec(**step, **fixed, **draw(_managed)) for step in steps]
    counts = sorted(draw(st.lists(st.integers(0, len(VECTOR_CONFIGS)), min_size=len(steps), max_size=len(steps))))
    return [
        spec(**step, **fixed, mode="standalone", vectorConfigs=VECTOR_CONFIGS[:count])
        for step, count in zip(steps, counts, strict=True)
    ]


specs = histories().map(lambda history: history[-1])
"""Any spec: what follows another one may differ from it in everything, as on a new object for retained data."""
