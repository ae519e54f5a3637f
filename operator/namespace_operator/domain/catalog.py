"""The catalog of feature extractors: data that says which named vectors each one fills.

It is one YAML file, packaged with the operator and replaceable by the chart, so that a new extractor is no new
operator. A vector is listed as it is without parameters; a parameter says how its values change that vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from namespace_operator.api.base import field_errors
from namespace_operator.api.names import (
    EXTRACTOR_NAME_MAX,
    EXTRACTOR_NAME_PATTERN,
    EXTRACTOR_VERSION_MAX,
    EXTRACTOR_VERSION_PATTERN,
)
from namespace_operator.domain.vectors import NamedVector, VectorKind

VECTOR_NAME_MAX_BYTES = 200
VECTOR_SIZE_MAX = 65_536

_FORBIDDEN_IN_VECTOR_NAMES = frozenset('<>:"/\\|?*\x00\x1f')

Distance = Literal["cosine", "dot", "euclidean", "manhattan"]
Datatype = Literal["float32", "float16", "uint8"]


class CatalogError(ValueError):
    """The catalog cannot be used. The message names the entry and the field."""


class InvalidParams(ValueError):
    """An extractor cannot be registered with these params. The message lists what is allowed."""


class UnknownParameter(InvalidParams):
    """The extractor has no parameter of this name that shapes its vectors."""


class InvalidParameter(InvalidParams):
    """The parameter does not take this value."""


class _Part(BaseModel):
    # A misspelt key would silently change vectors that can never be changed back.
    model_config = ConfigDict(frozen=True, extra="forbid")


class CatalogVector(NamedVector):
    """A named vector that an extractor fills; ``inference_service`` computes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int | None = Field(default=None, ge=1, le=VECTOR_SIZE_MAX, strict=True)
    distance: Distance | None = None
    datatype: Datatype = "float32"
    modifier: Literal["idf"] | None = None
    inference_service: str = Field(min_length=1)

    @field_validator("name")
    @classmethod
    def _nameable(cls, name: str) -> str:
        if not 1 <= len(name.encode()) <= VECTOR_NAME_MAX_BYTES:
            raise ValueError(f"must have 1 to {VECTOR_NAME_MAX_BYTES} bytes")
        forbidden = sorted(_FORBIDDEN_IN_VECTOR_NAMES & set(name))
        if forbidden:
            raise ValueError(f"holds {', '.join(map(repr, forbidden))}, which Qdrant refuses in the name of a vector")
        return name

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if self.kind is VectorKind.SPARSE:
            if self.size is not None or self.distance is not None:
                raise ValueError("a sparse vector has neither size nor distance")
            return self
        if self.size is None or self.distance is None:
            raise ValueError(f"a {self.kind} vector needs size and distance")
        if self.modifier is not None:
            raise ValueError("only a sparse vector has a modifier")
        return self


class VectorOverride(_Part):
    """What a choice changes at the vector; None leaves it."""

    size: int | None = None
    distance: Distance | None = None
    datatype: Datatype | None = None
    inference_service: str | None = None


class CatalogParameter(_Part):
    """A parameter that shapes one vector: either a choice of names, or a number that becomes the vector's size.

    Exactly one of ``choices``, ``sizes`` and the pair ``minimum``, ``maximum`` (both inclusive) is given.
    """

    name: str = Field(min_length=1)
    vector: str
    choices: Mapping[str, VectorOverride] | None = Field(default=None, min_length=1)
    sizes: tuple[int, ...] | None = Field(default=None, min_length=1)
    minimum: int | None = None
    maximum: int | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.minimum is None) != (self.maximum is None):
            raise ValueError("minimum and maximum go together")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum is greater than maximum")
        if sum(form is not None for form in (self.choices, self.sizes, self.minimum)) != 1:
            raise ValueError("needs exactly one of: choices, sizes, minimum with maximum")
        return self

    def override(self, value: object) -> VectorOverride:
        """What this value changes at the vector.

        Raises InvalidParameter for a value that is not allowed.
        """
        if self.choices is not None:
            if isinstance(value, str) and value in self.choices:
                return self.choices[value]
        elif isinstance(value, int) and not isinstance(value, bool) and self._allows(value):
            return VectorOverride(size=value)
        raise InvalidParameter(f"{self.name} cannot be {value!r}; allowed: {self.allowed()}")

    def allowed(self) -> str:
        """The allowed values, for a message."""
        if self.choices is not None:
            return ", ".join(sorted(self.choices))
        if self.sizes is not None:
            return ", ".join(map(str, sorted(self.sizes)))
        return f"whole numbers from {self.minimum} to {self.maximum}"

    def extremes(self) -> tuple[object, ...]:
        """Values whose vectors stand for those of all values: if these are sound, all are."""
        if self.choices is not None:
            return tuple(self.choices)
        return self.sizes if self.sizes is not None else (self.minimum, self.maximum)

    def _allows(self, size: int) -> bool:
        if self.sizes is not None:
            return size in self.sizes
        return self.minimum is not None and self.maximum is not None and self.minimum <= size <= self.maximum


class CatalogExtractor(_Part):
    """A feature extractor in one version."""

    name: str = Field(pattern=EXTRACTOR_NAME_PATTERN, max_length=EXTRACTOR_NAME_MAX)
    version: str = Field(pattern=EXTRACTOR_VERSION_PATTERN, max_length=EXTRACTOR_VERSION_MAX)
    vectors: tuple[CatalogVector, ...] = ()
    parameters: tuple[CatalogParameter, ...] = ()

    @property
    def feature_extractor_id(self) -> str:
        """Name and version joined: ``text_extractor_v1``."""
        return f"{self.name}_{self.version}"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _refuse_repeated("vector", (vector.name for vector in self.vectors))
        _refuse_repeated("parameter", (parameter.name for parameter in self.parameters))
        known = {vector.name for vector in self.vectors}
        for parameter in self.parameters:
            if parameter.vector not in known:
                raise ValueError(f"parameter {parameter.name}: {parameter.vector} is no vector of this extractor")
            for value in parameter.extremes():
                self._resolve_to_sound_vectors(parameter.name, value)
        return self

    def _resolve_to_sound_vectors(self, parameter: str, value: object) -> None:
        try:
            self.resolve({parameter: value})
        except ValidationError as error:
            raise ValueError(f"parameter {parameter}, value {value}: {_joined(error)}") from error

    def resolve(self, params: Mapping[str, object] | None) -> tuple[CatalogVector, ...]:
        """The vectors this extractor fills when it is registered with these params; a null value is an absent one.

        Raises UnknownParameter or InvalidParameter.
        """
        vectors = {vector.name: vector for vector in self.vectors}
        for name, value in (params or {}).items():
            parameter = self._parameter(name)
            if value is None:
                continue
            changes = parameter.override(value).model_dump(exclude_none=True)
            # Validated anew: model_copy() would take any size.
            vectors[parameter.vector] = CatalogVector.model_validate(vectors[parameter.vector].model_dump() | changes)
        return tuple(vectors.values())

    def _parameter(self, name: str) -> CatalogParameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        allowed = ", ".join(sorted(parameter.name for parameter in self.parameters)) or "none"
        raise UnknownParameter(
            f"{name} is no parameter of {self.feature_extractor_id} that shapes its vectors; allowed: {allowed}"
            " (run-time parameters belong to the collection that uses the extractor)"
        )


class Catalog(_Part):
    """All registered feature extractors."""

    extractors: tuple[CatalogExtractor, ...]

    @classmethod
    def load(cls, text: str) -> Catalog:
        """Read a catalog from YAML.

        Raises CatalogError, which names every faulty entry and field.
        """
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise CatalogError(f"the catalog is no YAML: {error}") from error
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise CatalogError(f"the catalog is not usable: {_joined(error, content)}") from error

    @model_validator(mode="after")
    def _agreeing(self) -> Self:
        _refuse_repeated("extractor", self.ids())
        # Extractors that share a model share its vector: one collection can hold it in one form only.
        owners: dict[str, tuple[str, CatalogVector]] = {}
        for extractor in self.extractors:
            for vector in extractor.vectors:
                owner, other = owners.setdefault(vector.name, (extractor.feature_extractor_id, vector))
                if other != vector:
                    raise ValueError(
                        f"vector {vector.name} of {extractor.feature_extractor_id} differs from that of {owner};"
                        " extractors that share a vector must agree on it"
                    )
        return self

    def find(self, name: str, version: str) -> CatalogExtractor | None:
        """The entry of this name and version."""
        for extractor in self.extractors:
            if (extractor.name, extractor.version) == (name, version):
                return extractor
        return None

    def ids(self) -> tuple[str, ...]:
        """The ids of all registered extractors, sorted."""
        return tuple(sorted(extractor.feature_extractor_id for extractor in self.extractors))


def builtin_catalog_text() -> str:
    """The catalog that is packaged with the operator."""
    return files(__package__).joinpath("catalog.yaml").read_text(encoding="utf-8")


def _refuse_repeated(what: str, names: Iterator[str] | tuple[str, ...]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} is listed twice")
        seen.add(name)


def _joined(error: ValidationError, content: object = None) -> str:
    return "; ".join(f"{found}{_entry(found.path, content)}" for found in field_errors(error))


def _entry(path: str, content: object) -> str:
    """The id of the extractor a path leads to: a position in a list is hard to find in a file."""
    if not path.startswith("extractors[") or not isinstance(content, Mapping):
        return ""
    position = int(path.removeprefix("extractors[").partition("]")[0])
    entry = content["extractors"][position]
    if not isinstance(entry, Mapping) or "name" not in entry:
        return ""
    return f" (entry {entry['name']} {entry.get('version', 'without version')})"
