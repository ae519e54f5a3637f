"""The namespace document: the API's model in its own spelling, with what ownership and recovery need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from namespace_operator.domain.identity import Key, Mark
from namespace_operator.domain.vectors import NamedVector


class State(StrEnum):
    """Where a namespace is in its life, as other services read it."""

    PROVISIONING = "provisioning"
    READY = "ready"
    DELETING = "deleting"
    RETAINED = "retained"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Owner(_Part):
    """The custom resource a document belongs to, down to the incarnations of its Kubernetes namespace and itself."""

    instance_id: str
    organization: str
    k8s_namespace_uid: str
    cr_name: str
    cr_uid: str

    @property
    def key(self) -> Key:
        """The key of the owning custom resource."""
        return Key(self.organization, self.cr_name)


class RegisteredVector(NamedVector):
    """A named vector of a registered extractor and the inference service that fills it."""

    inference_service: str


class RegisteredExtractor(_Part):
    """An extractor as it was registered. Its params and vectors never change afterwards, whatever the catalog says."""

    feature_extractor_id: str
    feature_extractor_name: str
    version: str
    params: Mapping[str, Any] | None = None
    vectors: tuple[RegisteredVector, ...] = ()


class DeclaredIndex(_Part):
    """A payload index that the custom resource declared. ``field_schema`` is canonical."""

    field_name: str
    field_schema: Mapping[str, Any]
    is_protected: bool = False


class UnsupportedIndex(_Part):
    """An index this server version took without making it as asked: not tried again on the same version.

    ``made`` is what came of it, None if nothing did. What stands there later and is something else was changed by
    another hand, and is worth another try.
    """

    field_name: str
    field_schema: Mapping[str, Any]
    server_version: str
    made: Mapping[str, Any] | None = None


class NamespaceDocument(_Part):
    """One namespace in MongoDB.

    ``bound`` says that the collection has been seen complete once, ``bound_vectors`` which vectors have: what is
    bound and missing later was lost, and is never made again silently. ``revision`` counts our writes; every write
    names the revision it replaces. ``claims`` are unique over all documents.
    """

    namespace_id: str
    object: Literal["namespace"] = "namespace"
    namespace_name: str
    description: str | None = None
    state: State
    owner: Owner
    claims: tuple[str, ...]
    revision: int = Field(ge=1)
    collection: str
    incarnation: int = 1
    bound: bool = False
    bound_vectors: tuple[str, ...] = ()
    feature_extractors: tuple[RegisteredExtractor, ...] = ()
    payload_indexes: tuple[DeclaredIndex, ...] = ()
    unsupported_indexes: tuple[UnsupportedIndex, ...] = ()
    vector_inference_map: Mapping[str, str] = Field(default_factory=dict)
    created_at: datetime
    updated_at: datetime

    @property
    def mark(self) -> Mark:
        """The mark the namespace's collection must carry."""
        members = {self.namespace_id: self.owner.cr_name}
        return Mark(self.owner.instance_id, self.owner.organization, self.collection, self.incarnation, members)

    @property
    def vectors(self) -> Mapping[str, RegisteredVector]:
        """The vectors of every registered extractor, by name."""
        return {vector.name: vector for extractor in self.feature_extractors for vector in extractor.vectors}

    def holds(self, other: NamespaceDocument) -> bool:
        """Whether writing this one over ``other`` would change nothing that matters."""
        return self.model_copy(update={"revision": other.revision, "updated_at": other.updated_at}) == other


@dataclass(frozen=True, slots=True)
class MalformedDocument:
    """A document that holds one of our claims or ids but has another shape. It is never written to.

    ``claims`` are what it holds nevertheless: the unique index keeps them from everybody else.
    """

    document_id: str
    problem: str
    claims: tuple[str, ...] = ()


def parse_document(raw: Mapping[str, Any]) -> NamespaceDocument | MalformedDocument:
    """Read a document as MongoDB holds it."""
    document_id = str(raw.get("_id"))
    try:
        document = NamespaceDocument.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return MalformedDocument(document_id, f"{field}: {first['msg']}", _claims(raw.get("claims")))
    if document.namespace_id != document_id:
        # Writes go to the _id: this one's would hit another namespace's document.
        problem = f"namespace_id: {document.namespace_id} is not the document's _id"
        return MalformedDocument(document_id, problem, document.claims)
    return document


def _claims(raw: object) -> tuple[str, ...]:
    """The claims as the unique index sees them: it takes a single value for a list of one."""
    values = raw if isinstance(raw, list | tuple) else [raw]
    return tuple(value for value in values if isinstance(value, str))
