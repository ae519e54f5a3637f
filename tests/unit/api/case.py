"""What a case is, and the parts of objects that cases are made of."""

from dataclasses import dataclass
from typing import Any

from namespace_operator.api.crd import NAMESPACES, Definition


@dataclass(frozen=True)
class Refusal:
    """A refused field. `message` is None where API server and pydantic say it each in words of their own."""

    path: str
    message: str | None = None


@dataclass(frozen=True)
class Case:
    """An object to create, and the fields for which it is refused; none means it is accepted."""

    id: str
    spec: Any
    refusals: tuple[Refusal, ...] = ()
    name: str = "sample"
    definition: Definition = NAMESPACES


@dataclass(frozen=True)
class Change:
    """A change of an accepted object. Rules on changes exist in the API server only.

    `status` is what the operator has reported before the change.
    """

    id: str
    old: dict[str, Any]
    new: dict[str, Any]
    refusals: tuple[Refusal, ...] = ()
    status: dict[str, Any] | None = None
    definition: Definition = NAMESPACES


def index(**entry: Any) -> dict[str, Any]:
    return {"payloadIndexes": [{"fieldName": "brand"} | entry]}


def schema(**schema: Any) -> dict[str, Any]:
    return index(fieldSchema=schema)


def extractor(**entry: Any) -> dict[str, Any]:
    return {"featureExtractors": [{"featureExtractorName": "text_extractor", "version": "v1"} | entry]}


def infrastructure(**fields: Any) -> dict[str, Any]:
    return {"infrastructure": fields}


def vector(**entry: Any) -> dict[str, Any]:
    return {"mode": "standalone", "vectorConfigs": [{"name": "title", "dimension": 4} | entry]}


ENTRY = "spec.payloadIndexes[0]"
SCHEMA = f"{ENTRY}.fieldSchema"
EXTRACTOR = "spec.featureExtractors[0]"
VECTOR = "spec.vectorConfigs[0]"
INFRASTRUCTURE = "spec.infrastructure"
COLLECTION = "spec.infrastructure.qdrantCollection"
