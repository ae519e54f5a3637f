"""Documents for the contract tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from namespace_operator.api.spec import Mode, NamespaceType, Scope
from namespace_operator.domain.document import (
    Adoption,
    Binding,
    DeclaredIndex,
    NamespaceDocument,
    Owner,
    RegisteredExtractor,
    RegisteredVector,
    State,
    UnsupportedIndex,
)
from namespace_operator.domain.shared import SharedCollection, SharedIndex, SharedState, SharedVector
from namespace_operator.domain.vectors import NamedVector, VectorKind

INSTANCE = "instance-1"


def document(number: int = 1, *, instance_id: str = INSTANCE, **changes: Any) -> NamespaceDocument:
    """A document with every field set, different for each number."""
    namespace_id = f"ns_{number:010x}"
    vectors = (
        RegisteredVector(name="a", size=4, distance="cosine", inference_service="service-a"),
        RegisteredVector(name="s", kind=VectorKind.SPARSE, modifier="idf", inference_service="service-s"),
    )
    extractor = RegisteredExtractor(
        feature_extractor_id="a_v1",
        feature_extractor_name="a",
        version="v1",
        params={"model": "größer", "sizes": [1, 2.5], "nested": {"on": True, "none": None}},
        vectors=vectors,
    )
    whole = NamespaceDocument(
        namespace_id=namespace_id,
        namespace_name=f"name-{number}",
        requested_name=f"wanted-{number}",
        description="Straße, 日本語",
        mode=Mode.STANDALONE,
        namespace_type=NamespaceType.MARKETPLACE,
        scope=Scope.SYSTEM,
        state=State.PROVISIONING,
        owner=Owner(
            instance_id=instance_id,
            organization="acme",
            k8s_namespace_uid="uid-of-acme",
            cr_name=f"name-{number}",
            cr_uid=f"uid-{number}",
        ),
        previous_owner=Owner(
            instance_id="instance-0",
            organization="acme",
            k8s_namespace_uid="uid-of-acme-before",
            cr_name=f"former-{number}",
            cr_uid=f"uid-0-{number}",
        ),
        claims=(f"resource/{number}", f"name/{number}", f"collection/{number}"),
        revision=1,
        collection=namespace_id,
        bound=True,
        bound_vectors=("a", "s"),
        adoption=Adoption(
            indexes=(DeclaredIndex(field_name="before", field_schema={"type": "text", "stopwords": {"custom": ["x"]}}),)
        ),
        feature_extractors=(extractor,),
        vector_configs=(NamedVector(name="own", kind=VectorKind.MULTI_DENSE, size=2, distance="dot"),),
        payload_indexes=(DeclaredIndex(field_name="city", field_schema={"type": "keyword"}, is_protected=True),),
        unsupported_indexes=(
            UnsupportedIndex(
                field_name="city", field_schema={"type": "text"}, server_version="1.18.3", made={"type": "keyword"}
            ),
        ),
        vector_inference_map={"a": "service-a", "s": "service-s"},
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC),
    )
    return whole.model_copy(update=changes)


def shared(number: int = 1, *, instance_id: str = INSTANCE, **changes: Any) -> SharedCollection:
    """A shared collection's document with every field set, different for each number."""
    member, other = "ns_0000000001", "ns_0000000002"
    whole = SharedCollection(
        document_id=f"shared/{instance_id}/products-{number}",
        instance_id=instance_id,
        organization="acme",
        k8s_namespace_uid="uid-of-acme",
        collection=f"products-{number}",
        binding=Binding(connection="iclstr_1", server_id="server-1", secret_name="key", secret_key="api-key"),
        claims=(f"collection/products-{number}",),
        state=SharedState.ACTIVE,
        members=(member, other),
        incarnation=2,
        bound=True,
        bound_vectors=("a",),
        vectors=(SharedVector(name="a", size=4, distance="cosine", by=member),),
        indexes=(SharedIndex(field_name="city", field_schema={"type": "keyword"}, is_protected=True, by=other),),
        revision=1,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC),
    )
    return whole.model_copy(update=changes)


_Document = TypeVar("_Document", NamespaceDocument, SharedCollection)


def following(before: _Document, **changes: Any) -> _Document:
    """The next revision of a document."""
    return before.model_copy(update={"revision": before.revision + 1, **changes})
