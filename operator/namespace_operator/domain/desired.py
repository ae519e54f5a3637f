"""What a namespace should be: its spec, joined with what its document says was registered before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from namespace_operator.api.spec import FeatureExtractor, NamespaceSpec
from namespace_operator.domain.catalog import Catalog, InvalidParams
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import DeclaredIndex, NamespaceDocument, RegisteredExtractor, RegisteredVector
from namespace_operator.domain.indexes import wanted_schema


@dataclass(frozen=True, slots=True)
class Desired:
    """The wanted state as far as it can be had; ``findings`` say what cannot.

    ``extractors`` only ever grow: what was registered stays, in its order, with the params and vectors of then.
    """

    namespace_name: str
    description: str | None
    extractors: tuple[RegisteredExtractor, ...]
    indexes: Mapping[str, DeclaredIndex]
    findings: tuple[Finding, ...]


def desired(spec: NamespaceSpec, resource_name: str, document: NamespaceDocument | None, catalog: Catalog) -> Desired:
    """Join spec, document and catalog. ``resource_name`` is the namespaceName where the spec has none."""
    extractors, findings = _extractors(spec.feature_extractors, document, catalog)
    indexes = {
        index.field_name: DeclaredIndex(
            field_name=index.field_name,
            field_schema=wanted_schema(index.effective_schema),
            is_protected=bool(index.is_protected),
        )
        for index in spec.payload_indexes
    }
    return Desired(spec.namespace_name or resource_name, spec.description, extractors, indexes, findings)


def _extractors(
    wanted: Sequence[FeatureExtractor], document: NamespaceDocument | None, catalog: Catalog
) -> tuple[tuple[RegisteredExtractor, ...], tuple[Finding, ...]]:
    registered = {e.feature_extractor_id: e for e in document.feature_extractors} if document else {}
    vectors = {v.name: v for e in registered.values() for v in e.vectors}
    findings: list[Finding] = []
    for extractor in wanted:
        known = registered.get(extractor.feature_extractor_id)
        if known is None:
            added = _register(extractor, catalog, vectors)
            if isinstance(added, Finding):
                findings.append(added)
                continue
            registered[added.feature_extractor_id] = added
            vectors.update({vector.name: vector for vector in added.vectors})
        elif (known.params or {}) != (extractor.params or {}):
            message = (
                f"params of {extractor.feature_extractor_id} are locked to {dict(known.params or {})} since it was "
                "registered; restore them or add another version"
            )
            findings.append(Finding(Reason.PARAMS_LOCKED, message))
    return tuple(registered.values()), tuple(findings)


def _register(
    extractor: FeatureExtractor, catalog: Catalog, taken: Mapping[str, RegisteredVector]
) -> RegisteredExtractor | Finding:
    extractor_id = extractor.feature_extractor_id
    entry = catalog.find(extractor.feature_extractor_name, extractor.version)
    if entry is None:
        message = f"Unknown extractor {extractor_id}; registered ones: {', '.join(catalog.ids())}"
        return Finding(Reason.UNKNOWN_EXTRACTOR, message)
    try:
        resolved = entry.resolve(extractor.params)
    except InvalidParams as error:
        return Finding(Reason.INVALID_PARAMS, f"params of {extractor_id}: {error}")
    vectors = tuple(RegisteredVector(**vector.model_dump()) for vector in resolved)
    for vector in vectors:
        other = taken.get(vector.name)
        if other is not None and other != vector:
            message = (
                f"{extractor_id} needs vector {vector.name} as {_describe(vector)}, but a registered extractor "
                f"has it as {_describe(other)}; choose params that agree"
            )
            return Finding(Reason.VECTOR_MISMATCH, message)
    return RegisteredExtractor(
        feature_extractor_id=extractor_id,
        feature_extractor_name=extractor.feature_extractor_name,
        version=extractor.version,
        params=extractor.params,
        vectors=vectors,
    )


def _describe(vector: RegisteredVector) -> str:
    """With the service: embeddings of two models in one vector could not be compared, whatever their size."""
    return f"{vector.describe()} by {vector.inference_service}"
