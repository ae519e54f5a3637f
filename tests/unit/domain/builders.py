"""Small worlds for the tables: one custom resource, its document and its collection, each in agreement by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from namespace_operator.api.annotations import Requests
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.api.status import ExtractorStatus, IndexStatus, NamespaceStatus
from namespace_operator.domain.catalog import Catalog
from namespace_operator.domain.document import (
    DeclaredIndex,
    NamespaceDocument,
    Owner,
    RegisteredExtractor,
    RegisteredVector,
    State,
)
from namespace_operator.domain.identity import Key, collection_claim, name_claim, resource_claim
from namespace_operator.domain.indexes import SYSTEM_INDEXES, IndexSchema, to_resource
from namespace_operator.domain.observed import Collection, InvalidSpec, LiveIndex, Observed, Subject
from namespace_operator.domain.planning import Context
from namespace_operator.domain.shared import SharedCollection, SharedIndex, SharedState, SharedVector
from namespace_operator.domain.vectors import NamedVector

INSTANCE = "cluster-uid:default"
ORGANIZATION = "acme"
NAME = "films"
NAMESPACE_ID = "ns_0123456789"
OTHER_ID = "ns_9876543210"
UID = "cr-uid-1"
K8S_NAMESPACE_UID = "k8s-namespace-uid-1"
SERVER_VERSION = "1.18.3"
KEY = Key(ORGANIZATION, NAME)

T0 = datetime(2026, 11, 20, 8, 0, 0, tzinfo=UTC)
"""When what the builders make was made."""

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

_CATALOG = """
extractors:
  - name: text_extractor
    version: v1
    vectors: [{name: text, size: 1024, distance: cosine, inference_service: e5}]
    parameters:
      - name: model
        vector: text
        choices:
          e5: {}
          bge: {inference_service: bge}
          minilm: {size: 384, inference_service: minilm}
  - name: page_extractor
    version: v1
    vectors: [{name: text, size: 1024, distance: cosine, inference_service: e5}]
  - name: film_extractor
    version: v1
    vectors:
      - {name: frames, size: 768, distance: dot, inference_service: siglip}
      - {name: words, kind: sparse, modifier: idf, inference_service: splade}
      - {name: patches, kind: multi_dense, size: 128, distance: cosine, inference_service: colqwen}
  - name: plain_extractor
    version: v1
"""


@cache
def catalog() -> Catalog:
    """Two extractors that share a vector, one with a vector of each kind, one without any."""
    return Catalog.load(_CATALOG)


def context(candidate_id: str = NAMESPACE_ID, **options: Any) -> Context:
    """The context of a plan."""
    return Context(INSTANCE, catalog(), NOW, candidate_id, **options)


def extractor(extractor_id: str, **params: Any) -> dict[str, Any]:
    """An entry of ``featureExtractors``, from an id such as ``text_extractor_v1``."""
    name, _, version = extractor_id.rpartition("_")
    entry: dict[str, Any] = {"featureExtractorName": name, "version": version}
    return entry | ({"params": params} if params else {})


def index(field_name: str, kind: str = "keyword", **parameters: Any) -> dict[str, Any]:
    """An entry of ``payloadIndexes``, parameters in the custom resource's spelling."""
    return {"fieldName": field_name, "fieldSchema": {"type": kind, **parameters}}


def spec(**fields: Any) -> NamespaceSpec:
    """A spec from fields in the custom resource's spelling."""
    return NamespaceSpec.model_validate(fields)


def subject(
    wanted: NamespaceSpec | InvalidSpec | None = None,
    *,
    status: NamespaceStatus | None = None,
    uid: str = UID,
    deleting: bool = False,
    finalized: bool = False,
    **asked: Any,
) -> Subject:
    """A custom resource; without a spec it wants nothing but to exist. ``asked`` is what its annotations ask for."""
    return Subject(
        key=KEY,
        uid=uid,
        resource_version="100",
        k8s_namespace_uid=K8S_NAMESPACE_UID,
        generation=2,
        spec=wanted if wanted is not None else spec(),
        status=status or NamespaceStatus(),
        deleting=deleting,
        finalized=finalized,
        requests=Requests(**asked),
    )


def owner(**changes: str) -> Owner:
    """The owner a document of ``subject()`` has."""
    mine = Owner(
        instance_id=INSTANCE,
        organization=ORGANIZATION,
        k8s_namespace_uid=K8S_NAMESPACE_UID,
        cr_name=NAME,
        cr_uid=UID,
    )
    return mine.model_copy(update=changes)


def registered(extractor_id: str, **params: Any) -> RegisteredExtractor:
    """An extractor of the catalog as a document registers it."""
    name, _, version = extractor_id.rpartition("_")
    entry = catalog().find(name, version)
    assert entry is not None
    return RegisteredExtractor(
        feature_extractor_id=extractor_id,
        feature_extractor_name=name,
        version=version,
        params=params or None,
        vectors=tuple(RegisteredVector(**vector.model_dump()) for vector in entry.resolve(params)),
    )


def claims(namespace_name: str | None = NAME, collection_name: str = NAMESPACE_ID) -> tuple[str, ...]:
    """The claims of a document of ``subject()``; without a name those of a retained one."""
    named = () if namespace_name is None else (name_claim(INSTANCE, ORGANIZATION, namespace_name),)
    return (resource_claim(INSTANCE, KEY), *named, collection_claim(collection_name))


def document(
    extractors: Iterable[RegisteredExtractor] = (),
    indexes: Mapping[str, IndexSchema] | None = None,
    **changes: Any,
) -> NamespaceDocument:
    """The settled document of ``subject()`` with these extractors and declared indexes."""
    extractors = tuple(extractors)
    vectors = {vector.name: vector for e in extractors for vector in e.vectors}
    settled = NamespaceDocument(
        namespace_id=NAMESPACE_ID,
        namespace_name=NAME,
        state=State.READY,
        owner=owner(),
        claims=claims(),
        revision=7,
        collection=NAMESPACE_ID,
        bound=True,
        bound_vectors=tuple(sorted(vectors)),
        feature_extractors=extractors,
        payload_indexes=tuple(
            DeclaredIndex(field_name=name, field_schema=schema) for name, schema in (indexes or {}).items()
        ),
        vector_inference_map={name: vector.inference_service for name, vector in sorted(vectors.items())},
        created_at=T0,
        updated_at=T0,
    )
    return settled.model_copy(update=changes)


def chosen(name: str = "products", **fields: Any) -> NamespaceSpec:
    """A spec that chooses its collection."""
    return spec(infrastructure={"qdrantCollection": name}, **fields)


def in_collection(of: NamespaceDocument, name: str = "products") -> NamespaceDocument:
    """The document with its collection under a chosen name."""
    held = tuple(claim for claim in of.claims if not claim.startswith("collection/"))
    return of.model_copy(update={"collection": name, "claims": (*held, collection_claim(name))})


def another_document(**changes: Any) -> NamespaceDocument:
    """The settled document of another Namespace in the same organization, called ``series``."""
    key = Key(ORGANIZATION, "series")
    other = {
        "namespace_id": OTHER_ID,
        "namespace_name": "series",
        "owner": owner(cr_name="series", cr_uid="cr-uid-2"),
        "claims": (
            resource_claim(INSTANCE, key),
            name_claim(INSTANCE, ORGANIZATION, "series"),
            collection_claim(OTHER_ID),
        ),
        "collection": OTHER_ID,
    }
    return document().model_copy(update=other | changes)


def collection(of: NamespaceDocument, **changes: Any) -> Collection:
    """The collection that agrees with a document."""
    schemas = {index.field_name: index.field_schema for index in of.payload_indexes} | dict(SYSTEM_INDEXES)
    agreeing = Collection(
        name=of.collection,
        status="green",
        points_count=3,
        indexed_vectors_count=0,
        segments_count=1,
        vectors={name: NamedVector(**vector.model_dump()) for name, vector in of.vectors.items()},
        indexes={name: LiveIndex(schema, 3) for name, schema in schemas.items()},
        metadata=of.mark.to_metadata(),
    )
    return replace(agreeing, **changes)


def with_indexes(live: Collection, **schemas: IndexSchema | None) -> Collection:
    """The collection with these live indexes changed, None takes one away."""
    indexes = {name: found for name, found in live.indexes.items() if schemas.get(name, found) is not None}
    indexes |= {name: LiveIndex(schema, 3) for name, schema in schemas.items() if schema is not None}
    return replace(live, indexes=indexes)


def with_vectors(live: Collection, **vectors: NamedVector | None) -> Collection:
    """The collection with these live vectors changed, None takes one away."""
    kept = {name: found for name, found in live.vectors.items() if vectors.get(name, found) is not None}
    return replace(live, vectors=kept | {name: vector for name, vector in vectors.items() if vector is not None})


def shared_collection(of: NamespaceDocument, **changes: Any) -> SharedCollection:
    """The document of a shared collection with this one member."""
    whole = SharedCollection(
        document_id=f"shared/{of.owner.instance_id}/{of.collection}",
        instance_id=of.owner.instance_id,
        organization=of.owner.organization,
        k8s_namespace_uid=of.owner.k8s_namespace_uid,
        collection=of.collection,
        claims=(collection_claim(of.collection),),
        state=SharedState.ACTIVE,
        members=(of.namespace_id,),
        bound=True,
        bound_vectors=tuple(of.vectors),
        vectors=tuple(SharedVector(**vector.model_dump(), by=of.namespace_id) for vector in of.vectors.values()),
        indexes=tuple(SharedIndex(**index.model_dump(), by=of.namespace_id) for index in of.payload_indexes),
        revision=1,
        created_at=T0,
        updated_at=T0,
    )
    return whole.model_copy(update=changes)


def observed(of: NamespaceDocument, live: Collection | None = None, **changes: Any) -> Observed:
    """Both stores: a document and a collection, which agree if only the document is given."""
    seen = Observed(
        document=of,
        collection=live or collection(of),
        server_version=SERVER_VERSION,
    )
    return replace(seen, **changes)


def status_of(of: NamespaceDocument, live: Collection | None = None, **changes: Any) -> NamespaceStatus:
    """The status that tells of a document and its collection."""
    live = live or collection(of)
    declared = {entry.field_name for entry in of.payload_indexes}
    reported = NamespaceStatus(
        namespace_id=of.namespace_id,
        namespace_name=of.namespace_name,
        collection=of.collection,
        vector_inference_map=of.vector_inference_map,
        feature_extractors=tuple(
            ExtractorStatus(
                feature_extractor_id=e.feature_extractor_id,
                feature_extractor_name=e.feature_extractor_name,
                version=e.version,
                in_spec=True,
                vectors=tuple(vector.name for vector in e.vectors),
                params=e.params,
            )
            for e in of.feature_extractors
        ),
        payload_indexes=tuple(
            IndexStatus(field_name=name, type=found.schema["type"], field_schema=to_resource(found.schema))
            for name, found in sorted(live.indexes.items())
        ),
        unmanaged_indexes=tuple(sorted(set(live.indexes) - declared - set(SYSTEM_INDEXES))),
        created_at=of.created_at,
        updated_at=of.updated_at,
    )
    return reported.model_copy(update=changes)
