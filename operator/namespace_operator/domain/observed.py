"""What is there: the custom resource, its document, its collection, the counts. Frozen values, made by reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from namespace_operator.api.annotations import Requests
from namespace_operator.api.spec import DeletionPolicy, NamespaceSpec
from namespace_operator.api.status import NamespaceStatus
from namespace_operator.domain.conditions import Finding
from namespace_operator.domain.document import (
    Adoption,
    Binding,
    DeclaredIndex,
    MalformedDocument,
    NamespaceDocument,
    Owner,
)
from namespace_operator.domain.document_repair import LateVector
from namespace_operator.domain.evidence import Comparison, Evidence
from namespace_operator.domain.identity import Key, Mark
from namespace_operator.domain.indexes import IndexSchema
from namespace_operator.domain.parameters import Parameters
from namespace_operator.domain.placement import DEFAULT, OWN, Organization, Site
from namespace_operator.domain.ray_status import RayAddresses
from namespace_operator.domain.shared import SharedCollection
from namespace_operator.domain.vectors import NamedVector


@dataclass(frozen=True, slots=True)
class InvalidSpec:
    """A spec that passed the API server (an older CRD, say) but not our models."""

    problem: str
    deletion_policy: DeletionPolicy | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The custom resource a reconcile is about."""

    key: Key
    uid: str
    resource_version: str
    k8s_namespace_uid: str
    generation: int
    spec: NamespaceSpec | InvalidSpec
    status: NamespaceStatus = field(default_factory=NamespaceStatus)
    deleting: bool = False
    finalized: bool = False
    """Whether our finalizer is on the object."""
    requests: Requests = field(default_factory=Requests)
    """What the object's annotations ask for."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those of the Kubernetes namespace."""

    @property
    def organization(self) -> Organization:
        """The Kubernetes namespace as its labels show it."""
        return Organization(self.key.organization, self.labels)

    @property
    def deletion_policy(self) -> DeletionPolicy:
        """What happens to the data when the object goes: Retain unless the spec says Delete."""
        return self.spec.deletion_policy or DeletionPolicy.RETAIN

    @property
    def lets_go(self) -> bool:
        """Whether an object being deleted goes without its data, whatever the document says."""
        keeps = self.deletion_policy is DeletionPolicy.RETAIN and not self.may_have_expired
        return self.deleting and (keeps or self.requests.force_release)

    @property
    def may_have_expired(self) -> bool:
        """Whether an expiry may be deleting it, and with it the data: Retain is not written, and it has an end."""
        return self.deleting and self.spec.deletion_policy is None and self.status.expires_at is not None

    @property
    def take_over(self) -> str | None:
        """The id to take over, if one is asked for and the object has no other one yet."""
        asked = self.requests.take_over
        return asked if self.status.namespace_id in (None, asked) else None

    @property
    def wanted_name(self) -> str:
        """The namespaceName that is asked for."""
        return self.key.name if isinstance(self.spec, InvalidSpec) else self.spec.name_for(self.key.name)

    @property
    def stated_id(self) -> str | None:
        """The namespace id that the spec names, if any."""
        return None if isinstance(self.spec, InvalidSpec) else self.spec.namespace_id

    @property
    def chosen_collection(self) -> str | None:
        """The collection that the spec chooses, if any."""
        return None if isinstance(self.spec, InvalidSpec) else self.spec.qdrant_collection

    @property
    def claimed_id(self) -> str | None:
        """The namespace id that spec or status name, the spec first."""
        return self.stated_id or self.status.namespace_id

    @property
    def known_collection(self) -> str | None:
        """The collection to look for without a document; None if nothing says that there ever was one."""
        if self.claimed_id is None:
            return None
        return self.status.collection or self.chosen_collection or self.claimed_id

    def owner(self, instance_id: str) -> Owner:
        """The owner of the document this object has or would get from an operator instance."""
        return Owner(
            instance_id=instance_id,
            organization=self.key.organization,
            k8s_namespace_uid=self.k8s_namespace_uid,
            cr_name=self.key.name,
            cr_uid=self.uid,
        )


@dataclass(frozen=True, slots=True)
class LiveIndex:
    """A payload index as Qdrant reports it; ``points`` is the number of points that have the field."""

    schema: IndexSchema
    points: int


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as Qdrant reports it. Point and vector counts are approximate.

    ``config`` are its live parameters, None where they were not looked at, ``mark`` is the ownership mark in its
    metadata, None if there is none.
    """

    name: str
    status: str
    points_count: int | None
    indexed_vectors_count: int | None
    segments_count: int
    vectors: Mapping[str, NamedVector]
    indexes: Mapping[str, LiveIndex]
    metadata: Mapping[str, Any]
    config: Parameters | None = None
    mark: Mark | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Read once: each plan asks for it several times, and that of a shared collection names all members.
        object.__setattr__(self, "mark", Mark.from_metadata(self.metadata))

    @property
    def as_adopted(self) -> Adoption:
        """What an adoption of the collection as it is now has to leave alone."""
        indexes = ((name, live.schema) for name, live in sorted(self.indexes.items()))
        return Adoption(indexes=tuple(DeclaredIndex(field_name=name, field_schema=schema) for name, schema in indexes))


@dataclass(frozen=True, slots=True)
class LateCounts:
    """How many points have each vector that was added late, of so many ``points`` of the namespace; approximate."""

    points: int
    by_vector: Mapping[LateVector, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """Live counts of what belongs to a namespace in MongoDB."""

    buckets: int
    collections: int
    objects: int


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The id of a Qdrant server as MongoDB remembers it. Until it is ``confirmed`` its marker may not be made yet."""

    server_id: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Residents:
    """The namespaces on a Qdrant server, retained ones included; ``some`` are the first ten as organization/name."""

    count: int = 0
    some: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which Qdrant server is meant and which one answers, as its marker collection tells; None: no marker."""

    recorded: str | None = None
    found: str | None = None

    @property
    def replaced(self) -> bool:
        """Whether another server answers than the one that holds the namespaces."""
        return self.recorded != self.found


@dataclass(frozen=True, slots=True)
class Place:
    """A site with what is known of its server; ``scope`` sets claims there apart from those on the operator's own."""

    site: Site
    identity: ServerIdentity
    scope: str = ""

    @property
    def binding(self) -> Binding | None:
        """What a document remembers of it; nothing where it is the operator's own."""
        if self.site.name == DEFAULT:
            return None
        server_id, endpoint = self.identity.recorded or "", self.site.endpoint
        if not self.site.is_own:
            return Binding(connection=self.site.name, server_id=server_id, scope=self.scope)
        assert endpoint.api_key is not None
        return Binding(
            connection=OWN,
            server_id=server_id,
            scope=self.scope,
            url=endpoint.url,
            secret_name=endpoint.api_key.name,
            secret_key=endpoint.api_key.key,
        )

    def is_same_server(self, other: Place) -> bool:
        """Whether both lead to one server."""
        return self.site.name == other.site.name or (
            self.identity.recorded is not None and self.identity.recorded == other.identity.recorded
        )


Document = NamespaceDocument | MalformedDocument


@dataclass(frozen=True, slots=True)
class Observed:
    """Both stores as one reconcile sees them.

    ``collection`` is None when the server answered that there is none, which is not the same as gone: see the
    planner; ``looked_at`` is the name it was asked for. ``alias_of`` is the collection behind that name, where it is
    an alias. ``elsewhere`` is the collection of another choice, where nothing was made under the former one yet.
    ``name_chain`` begins with the document that holds the wanted namespaceName if it is another one, followed by the
    holder of the name which that one asks for, and so on. ``collection_holder`` holds the claim on
    ``claimed_collection``, the one that the spec chooses or in which a lost document's data must be, if that is
    another document. ``marked`` are collections without a document whose mark names this resource, read only where an
    id is about to be minted. ``aliases`` of the collection are read only where it is about to be deleted.

    ``asked`` is the server that the spec asks for, or why it cannot be had; ``place`` the one that was looked at, which
    is where the namespace lives. ``residents`` is how many namespaces live on the one that is asked for. ``points`` is
    an exact count of the namespace's own points and ``total`` of all in the collection, both read only where something
    is to be removed; ``partition`` is how many documents a namespace has in a shared one, as a member's status tells.
    ``shared`` is the document of the shared collection that is meant, whoever may be a member of it;
    ``wanted_elsewhere`` has a member for each contested field that another one wants an index on. ``ray`` is where Ray
    is, None before this reconcile looked. ``late`` tells which points have the vectors that were added late, None where
    there are none or it is not known.

    What this reconcile has done already and must not do again and again: ``tried_indexes`` are the index requests it
    sent, ``rejected_indexes`` those of them that Qdrant refused, with its words, ``dropped_indexes`` the fields whose
    index it dropped, ``tried_parameters`` and
    ``rejected_parameters`` the same of single parameters of the collection, ``delete_sent`` that it asked Qdrant
    to delete the collection, ``points_deleted`` the namespace's
    points in it, ``dependents_deleted`` that nothing of the namespace is left in the metadata store, ``joined`` that
    the namespace came to the mark of a shared collection: who else is on it since is for the others to look after.
    ``may_rebuild`` False says that it is another collection's turn to be rebuilt by the server.

    ``evidence`` and ``comparisons`` (by field name) are what was read for automatic indexes, where that was due.
    """

    document: Document | None = None
    asked: Place | Finding | None = None
    place: Place | None = None
    points: int | None = None
    total: int | None = None
    partition: int | None = None
    late: LateCounts | None = None
    residents: int | None = None
    ray: RayAddresses | None = None
    name_chain: tuple[Document, ...] = ()
    claimed_collection: str | None = None
    collection_holder: Document | SharedCollection | None = None
    shared: SharedCollection | None = None
    wanted_elsewhere: Mapping[str, str] = field(default_factory=dict)
    collection: Collection | None = None
    looked_at: str | None = None
    elsewhere: Collection | None = None
    alias_of: str | None = None
    marked: tuple[Collection, ...] = ()
    aliases: tuple[str, ...] = ()
    server_version: str = ""
    counts: Counts | None = None
    tried_indexes: frozenset[str] = frozenset()
    rejected_indexes: Mapping[str, str] = field(default_factory=dict)
    dropped_indexes: frozenset[str] = frozenset()
    tried_parameters: frozenset[str] = frozenset()
    rejected_parameters: Mapping[str, str] = field(default_factory=dict)
    may_rebuild: bool = True
    delete_sent: bool = False
    points_deleted: bool = False
    dependents_deleted: bool = False
    joined: bool = False
    evidence: Evidence | None = None
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)

    @property
    def server(self) -> ServerIdentity:
        """Which server was looked at; where none was, nothing speaks of another one."""
        return ServerIdentity() if self.place is None else self.place.identity

    @property
    def moves_to(self) -> Place | None:
        """The server that the spec asks for, where it is another one than the one the namespace lives on."""
        asked, place = self.asked, self.place
        return asked if isinstance(asked, Place) and place is not None and not asked.is_same_server(place) else None
