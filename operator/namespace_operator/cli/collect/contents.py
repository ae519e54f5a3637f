"""What is in a collection, as a custom resource declares it: extractors, vectors, indexes, and what cannot be said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from namespace_operator.api.names import PROTECTED_FIELDS, is_field_path, is_reserved_field
from namespace_operator.api.payload_index import FieldSchema
from namespace_operator.api.spec import VectorConfig
from namespace_operator.api.vectors import Metric
from namespace_operator.domain.catalog import Catalog, CatalogExtractor, CatalogVector, InvalidParams
from namespace_operator.domain.indexes import SYSTEM_INDEXES, IndexSchema, canonical, to_resource, wanted_schema
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.vectors import NamedVector, VectorKind

_MORE_NAMED = 3

Raw = Mapping[str, Any]
Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Guesses:
    """Extractors that fill vectors like these, what is uncertain about them, and the vectors of none."""

    extractors: tuple[Spec, ...]
    warnings: tuple[str, ...]
    left: tuple[str, ...]


def guess_extractors(vectors: Mapping[str, NamedVector], catalog: Catalog) -> Guesses:
    """The fewest extractors of the catalog that explain the vectors, each with the params that fit."""
    fitting = [(entry, params) for entry in catalog.extractors if (params := _fitting(entry, vectors))]
    covered: set[str] = set()
    chosen: list[Spec] = []
    warnings: list[str] = []
    for entry, params in sorted(fitting, key=lambda each: (-len(each[0].vectors), each[0].feature_extractor_id)):
        names = {vector.name for vector in entry.vectors}
        if names <= covered:
            continue
        covered |= names
        chosen.append(extractor_entry(entry.name, entry.version, params[0]))
        others = [other.feature_extractor_id for other, _ in fitting if other is not entry and _same(other, entry)]
        if others:
            warnings.append(f"{entry.feature_extractor_id}: its vectors could as well be of {', '.join(others)}")
        if len(params) > 1:
            some = "; ".join(str(each or "none") for each in params[1 : 1 + _MORE_NAMED])
            same = f"{entry.feature_extractor_id}: other params give the same vectors ({some})"
            warnings.append(f"{same}; they are locked once applied")
    return Guesses(tuple(chosen), tuple(warnings), tuple(sorted(vectors.keys() - covered)))


def _same(one: CatalogExtractor, other: CatalogExtractor) -> bool:
    return {vector.name for vector in one.vectors} == {vector.name for vector in other.vectors}


def _fitting(entry: CatalogExtractor, vectors: Mapping[str, NamedVector]) -> list[Spec | None]:
    """Every choice of at most one param with which the extractor fills vectors like these, the default first."""
    if not entry.vectors or any(vector.name not in vectors for vector in entry.vectors):
        return []
    choices: list[Spec | None] = [None]
    for parameter in entry.parameters:
        size = vectors[parameter.vector].size
        values = parameter.extremes() if parameter.choices is not None else (size,)
        choices += [{parameter.name: value} for value in values]
    found: list[Spec | None] = []
    known: list[tuple[CatalogVector, ...]] = []
    for params in choices:
        try:
            resolved = entry.resolve(params)
        except (InvalidParams, ValidationError):
            continue
        # A param that names what is the default anyway is no other choice.
        if resolved not in known and all(is_like(vectors[vector.name], vector) for vector in resolved):
            known.append(resolved)
            found.append(params)
    return found


def has_vector(collection: Collection, vector: NamedVector) -> bool:
    """Whether a collection has a vector like this."""
    live = collection.vectors.get(vector.name)
    return live is not None and is_like(live, vector)


def is_like(live: NamedVector, wanted: NamedVector) -> bool:
    """Whether a live vector is as wanted."""
    return live.describe() == wanted.describe()


def vector_configs(vectors: Iterable[NamedVector]) -> tuple[list[Spec], list[str]]:
    """Vectors as a standalone namespace declares them, and those that it cannot."""
    configs: list[Spec] = []
    problems: list[str] = []
    for vector in vectors:
        config: Spec = {"name": vector.name}
        if vector.kind is not VectorKind.DENSE:
            config["kind"] = vector.kind.value
        if vector.size is not None:
            config["dimension"] = vector.size
        if vector.distance not in (None, Metric.COSINE.value):
            config["metric"] = vector.distance
        plain = vector.datatype == "float32" and vector.modifier is None
        if not plain or not _is_valid(VectorConfig, config):
            problems.append(
                f"vector {vector.name or '(unnamed)'} ({vector.describe()}) cannot be declared; it stays as it is"
            )
            continue
        configs.append(config)
    return configs, problems


def payload_indexes(
    schemas: Mapping[str, IndexSchema], protected: frozenset[str] | set[str] = frozenset()
) -> tuple[list[Spec], list[str]]:
    """Indexes as the spec declares them, without the system's, and those that it cannot."""
    declared: list[Spec] = []
    problems: list[str] = []
    for name, schema in schemas.items():
        if name in SYSTEM_INDEXES or name in PROTECTED_FIELDS or is_reserved_field(name):
            continue
        if not is_field_path(name) or not _says_the_same(schema):
            problems.append(f"the index on {name} ({dict(schema)}) cannot be declared; it stays as it is")
            continue
        entry: Spec = {"fieldName": name}
        entry |= {"type": schema["type"]} if set(schema) == {"type"} else {"fieldSchema": to_resource(schema)}
        if name in protected:
            entry["isProtected"] = True
        declared.append(entry)
    return declared, problems


def _says_the_same(schema: IndexSchema) -> bool:
    """Whether the schema, declared, asks for the index that is there."""
    try:
        return wanted_schema(FieldSchema.model_validate(to_resource(schema))) == canonical(schema)
    except ValidationError:
        return False


def _is_valid(model: type[VectorConfig], config: Spec) -> bool:
    try:
        model.model_validate(config)
    except ValidationError:
        return False
    return True


def extractor_entry(name: str, version: str, params: Raw | None) -> Spec:
    """An entry of featureExtractors."""
    entry: Spec = {"featureExtractorName": name, "version": version}
    return {**entry, "params": dict(params)} if params else entry
