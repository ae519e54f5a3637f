"""The namespace document: the API's model in its own spelling, with what ownership and recovery need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field

from namespace_operator.api.spec import Mode, NamespaceType, Scope
from namespace_operator.domain.document_indexes import AutoIndexes
from namespace_operator.domain.document_infrastructure import DocumentInfrastructure
from namespace_operator.domain.document_life import Life
from namespace_operator.domain.document_part import Part
from namespace_operator.domain.document_repair import Repairs
from namespace_operator.domain.identity import Key, Mark, collection_claim, member_claim, name_claim, resource_claim
from namespace_operator.domain.vectors import NamedVector

DEFAULT_CONNECTION = "default"
"""Leads to the operator's own Qdrant server, where a document names no other."""


class State(StrEnum):
    """Where a namespace is in its life, as other services read it."""

    PROVISIONING = "provisioning"
    READY = "ready"
    DELETING = "deleting"
    RETAINED = "retained"
    DELETED = "deleted"
    """A tombstone: the data is gone, and the collection's name stays unused until no late request can arrive."""


class Revisioned(Part):
    """A document that is only ever written over the revision it was read at; ``revision`` counts our writes."""

    revision: int = Field(ge=1)
    created_at: datetime
    updated_at: datetime

    def changed(self, now: datetime, **changes: Any) -> Self:  # noqa: ANN401 - any field of ours
        """The next revision, with these fields."""
        return self.model_copy(update={**changes, "revision": self.revision + 1, "updated_at": now})

    def with_fields(self, now: datetime, **fields: Any) -> Self:  # noqa: ANN401 - any field of ours
        """The next revision, or this one where it has these fields already."""
        if self.has(**fields):
            return self
        return self.changed(now, **fields)


class Owner(Part):
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

    def is_but_for_its_uid(self, other: Owner) -> bool:
        """Whether at most the object was made again, in the same place and under the same name."""
        return (self.instance_id, self.key, self.k8s_namespace_uid) == (
            other.instance_id,
            other.key,
            other.k8s_namespace_uid,
        )


class RegisteredVector(NamedVector):
    """A named vector of a registered extractor and the inference service that fills it."""

    inference_service: str


class RegisteredExtractor(Part):
    """An extractor as it was registered. Its params and vectors never change afterwards, whatever the catalog says."""

    feature_extractor_id: str
    feature_extractor_name: str
    version: str
    params: Mapping[str, Any] | None = None
    vectors: tuple[RegisteredVector, ...] = ()


class DeclaredIndex(Part):
    """A payload index that the custom resource declared. ``field_schema`` is canonical."""

    field_name: str
    field_schema: Mapping[str, Any]
    is_protected: bool = False


class UnsupportedIndex(Part):
    """An index this server version took without making it as asked: not tried again on the same version.

    ``made`` is what came of it, None if nothing did. What stands there later and is something else was changed by
    another hand, and is worth another try.
    """

    field_name: str
    field_schema: Mapping[str, Any]
    server_version: str
    made: Mapping[str, Any] | None = None


class UnsupportedParameter(Part):
    """A collection parameter that this server version did not take: not tried again on the same version.

    ``made`` is what it was afterwards, None if the server says nothing of it; another value was set by another hand and
    is worth another try. ``refusal`` is what the server said, None if it took the request and dropped the value.
    """

    name: str
    wanted: int | bool | str
    made: int | bool | str | None = None
    server_version: str
    refusal: str | None = None


class Adoption(Part):
    """What stood in an adopted collection before: an index that still reads like this is not ours to change."""

    indexes: tuple[DeclaredIndex, ...] = ()


class Binding(Part):
    """The Qdrant server that a namespace lives on, where it is not the operator's own.

    ``connection`` is the clusterId of an InfrastructureCluster, or ``own`` for ``url`` with the key in the Secret of
    these names. ``server_id`` is what the server's marker said when the namespace was bound, ``scope`` what sets claims
    on that server apart from those on the operator's own; empty where it is the same server.
    """

    connection: str
    server_id: str
    scope: str = ""
    url: str | None = None
    secret_name: str | None = None
    secret_key: str | None = None


class Departure(Part):
    """A server on which the namespace's empty collection was removed, and when: its name there has to rest."""

    server_id: str
    binding: Binding | None
    incarnation: int
    at: datetime


class NamespaceDocument(Revisioned):
    """One namespace in MongoDB.

    ``bound`` says that the collection has been seen complete once, ``bound_vectors`` which vectors have: what is bound
    and missing later was lost, and is never made again silently. ``claims`` are unique over all documents.
    ``requested_name`` is the name the custom resource asks for while another namespace holds it. ``previous_owner`` is
    set by a take-over until the collection's mark says the same; ``former_uids`` are the custom resources it was taken
    from, whose own requests are spent. ``occupied`` says that somebody else's collection was seen under the chosen
    name: should it vanish, it may only have failed to load. ``leaving`` says that the collection, which is empty, is
    being removed because the namespace moves to another server, ``departures`` from where that was done not long ago.
    ``expires_at`` is when it ends, which no edit brings nearer than a warning has stood; see ``Life``.
    """

    namespace_id: str
    object: Literal["namespace"] = "namespace"
    namespace_name: str
    requested_name: str | None = None
    description: str | None = None
    mode: Mode = Mode.MANAGED
    namespace_type: NamespaceType = NamespaceType.STANDARD
    scope: Scope = Scope.ORG
    state: State
    owner: Owner
    previous_owner: Owner | None = None
    former_uids: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    collection: str
    sharing: bool = False
    binding: Binding | None = None
    incarnation: int = 1
    bound: bool
    occupied: bool = False
    leaving: bool = False
    departures: tuple[Departure, ...] = ()
    bound_vectors: tuple[str, ...] = ()
    adoption: Adoption | None = None
    feature_extractors: tuple[RegisteredExtractor, ...] = ()
    vector_configs: tuple[NamedVector, ...] = ()
    payload_indexes: tuple[DeclaredIndex, ...] = ()
    unsupported_indexes: tuple[UnsupportedIndex, ...] = ()
    unsupported_parameters: tuple[UnsupportedParameter, ...] = ()
    vector_inference_map: Mapping[str, str] = Field(default_factory=dict)
    infrastructure: DocumentInfrastructure | None = None
    repairs: Repairs = Field(default_factory=Repairs)
    expires_at: datetime | None = None
    life: Life = Life()
    auto_create_indexes: bool = False
    auto_indexes: AutoIndexes = Field(default_factory=AutoIndexes)

    @property
    def made_from_use(self) -> Mapping[str, DeclaredIndex]:
        """The indexes that autoCreateIndexes made, by field name."""
        made = self.auto_indexes.schemas.items()
        return {name: DeclaredIndex(field_name=name, field_schema=schema) for name, schema in made}

    @property
    def wanted_indexes(self) -> Mapping[str, DeclaredIndex]:
        """The declared indexes and those made from use, by field name."""
        return {**self.made_from_use, **{index.field_name: index for index in self.payload_indexes}}

    @property
    def home_claim(self) -> str:
        """What it claims for its collection."""
        return home_claim(self.namespace_id, self.collection, self.binding, sharing=self.sharing)

    @property
    def resource_claim(self) -> str:
        """The claim by which its custom resource finds it again."""
        return resource_claim(self.owner.instance_id, self.owner.key)

    @property
    def collection_claim(self) -> str:
        """The claim on its collection, whoever holds it."""
        return collection_claim(self.collection, self.binding.scope if self.binding else "")

    @property
    def document_id(self) -> str:
        """The document's ``_id``."""
        return self.namespace_id

    @property
    def mark(self) -> Mark:
        """The mark the namespace's collection must carry."""
        return self._mark_of(self.owner)

    @property
    def previous_mark(self) -> Mark | None:
        """The mark it carries while a take-over is not done."""
        return self._mark_of(self.previous_owner) if self.previous_owner else None

    def _mark_of(self, owner: Owner) -> Mark:
        return Mark(
            owner.instance_id,
            owner.organization,
            self.collection,
            self.incarnation,
            {self.namespace_id: owner.cr_name},
            k8s_namespace_uid=owner.k8s_namespace_uid,
            adopted=self.adoption is not None,
            shared=self.sharing,
        )

    @property
    def vectors(self) -> Mapping[str, NamedVector]:
        """Every vector the collection must have, by name."""
        registered = (vector for extractor in self.feature_extractors for vector in extractor.vectors)
        return {vector.name: vector for vector in (*registered, *self.vector_configs)}

    @property
    def inference_services(self) -> Mapping[str, str]:
        """Inference service by name of the extractors' vectors."""
        return {vector.name: vector.inference_service for e in self.feature_extractors for vector in e.vectors}

    @property
    def adopted_indexes(self) -> Mapping[str, Mapping[str, Any]]:
        """Indexes that stood in the collection when it was adopted, by field name."""
        return {index.field_name: index.field_schema for index in self.adoption.indexes} if self.adoption else {}

    def is_half_taken_over(self, collection_mark: Mark | None) -> bool:
        """Whether a collection with this mark still says what it said before a take-over."""
        return self.previous_mark is not None and self.previous_mark.is_on(collection_mark)


def document_claims(owner: Owner, namespace_name: str, collection: str) -> tuple[str, ...]:
    """The claims of a living namespace; ``collection`` is what it claims for its collection."""
    return (
        resource_claim(owner.instance_id, owner.key),
        name_claim(owner.instance_id, owner.organization, namespace_name),
        collection,
    )


def home_claim(namespace_id: str, collection: str, binding: Binding | None, *, sharing: bool) -> str:
    """What a namespace claims for its collection: the collection itself, unless others share it."""
    if sharing:
        return member_claim(namespace_id)
    return collection_claim(collection, binding.scope if binding else "")


@dataclass(frozen=True, slots=True)
class MalformedDocument:
    """A document that holds one of our claims or ids but has another shape. It is never written to.

    ``claims`` are what it holds nevertheless: the unique index keeps them from everybody else.
    """

    document_id: str
    problem: str
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnedDocument:
    """What the sweep needs to know of a document. ``connection`` leads to the Qdrant server that it is bound to."""

    namespace_id: str
    key: Key
    state: str
    collection: str
    updated_at: datetime
    connection: str = DEFAULT_CONNECTION
    departed: bool = False
    """Whether it left a server not long ago."""
    remembered_until: datetime | None = None
    """Until when a tombstone is kept of which nothing but the memory of its expiry is left."""
