"""What a namespace should be: its spec, joined with what its document says was registered before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from namespace_operator.api.payload_index import PayloadIndex
from namespace_operator.api.spec import FeatureExtractor, Mode, NamespaceSpec, NamespaceType, Scope, VectorConfig
from namespace_operator.api.vectors import Metric, VectorKind
from namespace_operator.domain.catalog import Catalog, InvalidParams
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import DeclaredIndex, NamespaceDocument, RegisteredExtractor, RegisteredVector
from namespace_operator.domain.indexes import wanted_schema
from namespace_operator.domain.vectors import NamedVector


@dataclass(frozen=True, slots=True)
class Desired:
    """The wanted state as far as it can be had; ``findings`` say what cannot.

    ``extractors`` and ``vector_configs`` only ever grow: what was registered stays, in its order, with the params and
    vectors of then. ``collection`` is the chosen name, None for one named by the namespace id.
    """

    namespace_name: str
    description: str | None
    mode: Mode
    namespace_type: NamespaceType
    scope: Scope
    collection: str | None
    sharing: bool
    extractors: tuple[RegisteredExtractor, ...]
    vector_configs: tuple[NamedVector, ...]
    indexes: Mapping[str, DeclaredIndex]
    findings: tuple[Finding, ...]


def desired(spec: NamespaceSpec, resource_name: str, document: NamespaceDocument | None, catalog: Catalog) -> Desired:
    """Join spec, document and catalog. ``resource_name`` is the namespaceName where the spec has none."""
    # In the other mode nothing of the spec is registered, or a namespace could become both.
    mode = document.mode if document else spec.effective_mode
    wanted_extractors = spec.feature_extractors if mode is Mode.MANAGED else ()
    wanted_vectors = spec.vector_configs if mode is Mode.STANDALONE else ()
    extractors, extractor_findings = _extractors(wanted_extractors, document, catalog)
    vector_configs, vector_findings = _vector_configs(wanted_vectors, document)
    return Desired(
        namespace_name=spec.name_for(resource_name),
        description=spec.description,
        mode=spec.effective_mode,
        namespace_type=spec.effective_type,
        scope=spec.effective_scope,
        collection=spec.qdrant_collection,
        sharing=document.sharing if document is not None and document.bound else spec.is_sharing,
        extractors=extractors,
        vector_configs=vector_configs,
        indexes=spec_indexes(spec),
        findings=(*_immutable(spec, document), *extractor_findings, *vector_findings),
    )


def spec_indexes(spec: NamespaceSpec) -> Mapping[str, DeclaredIndex]:
    """The payload indexes that the spec declares, by field name."""
    return {index.field_name: _declared(index) for index in spec.payload_indexes}


# Each plan asks for all of them again, and most Namespaces declare the same ones.
@lru_cache(maxsize=4096)
def _declared(index: PayloadIndex) -> DeclaredIndex:
    return DeclaredIndex(
        field_name=index.field_name,
        field_schema=wanted_schema(index.effective_schema),
        is_protected=bool(index.is_protected),
    )


def _immutable(spec: NamespaceSpec, document: NamespaceDocument | None) -> Iterator[Finding]:
    """Fields in which the spec differs from what the namespace was made with.

    The API server refuses such a change of an object; a new object for data that was retained can still differ.
    """
    if document is None:
        return
    wanted: dict[str, tuple[str, str]] = {
        "mode": (spec.effective_mode, document.mode),
        "namespaceType": (spec.effective_type, document.namespace_type),
        "scope": (spec.effective_scope, document.scope),
        "namespaceId": (spec.namespace_id or document.namespace_id, document.namespace_id),
    }
    if document.bound:
        chosen = spec.qdrant_collection or document.namespace_id
        wanted["infrastructure.qdrantCollection"] = (chosen, document.collection)
        wanted["infrastructure.sharing"] = (str(spec.is_sharing).lower(), str(document.sharing).lower())
    for field, (asked, made) in wanted.items():
        if asked != made:
            message = f"spec.{field} is {asked}, but {document.namespace_id} was made with {made}; restore it"
            yield Finding(Reason.IMMUTABLE_FIELD, f"{message}, or create another Namespace")


def _vector_configs(
    wanted: Sequence[VectorConfig], document: NamespaceDocument | None
) -> tuple[tuple[NamedVector, ...], tuple[Finding, ...]]:
    registered = {vector.name: vector for vector in document.vector_configs} if document else {}
    findings: list[Finding] = []
    for config in wanted:
        vector = _named_vector(config)
        known = registered.setdefault(vector.name, vector)
        if known != vector:
            message = (
                f"spec.vectorConfigs: vector {vector.name} is {vector.describe()}, but it was registered as "
                f"{known.describe()}; restore it and add another one under a new name"
            )
            findings.append(Finding(Reason.IMMUTABLE_FIELD, message))
    return tuple(registered.values()), tuple(findings)


def _named_vector(config: VectorConfig) -> NamedVector:
    kind = config.kind or VectorKind.DENSE
    if kind is VectorKind.SPARSE:
        return NamedVector(name=config.name, kind=kind)
    return NamedVector(name=config.name, kind=kind, size=config.dimension, distance=config.metric or Metric.COSINE)


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
