"""Data of namespaces that no custom resource accounts for: retained, left half deleted, or tombstones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from namespace_operator.cli.collect.export import from_document
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.document import NamespaceDocument, OwnedDocument, State
from namespace_operator.domain.identity import Key
from namespace_operator.domain.vectors import NamedVector, VectorKind
from namespace_operator.stores.errors import StoreError
from namespace_operator.stores.protocols import MetadataStore

_COMPONENT_BYTES = {"float32": 4, "float16": 2, "uint8": 1}
_LIVING = frozenset({State.PROVISIONING, State.READY})


@dataclass(frozen=True, slots=True)
class RetainedNamespace:
    """A namespace without an object. ``bytes_at_most`` are those of its dense vectors, if every point has all.

    ``back`` is the custom resource that brings it back, with ``warnings`` of what to know first.
    """

    namespace_id: str
    namespace: str
    name: str
    state: str
    collection: str
    connection: str
    since: datetime
    points: int | None = None
    bytes_at_most: int | None = None
    sharing: bool = False
    problem: str | None = None
    back: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()


def unaccounted(documents: Iterable[OwnedDocument], present: frozenset[Key]) -> tuple[OwnedDocument, ...]:
    """The documents of no object, the longest left first; those of a living state may be of one made just now."""
    found = [each for each in documents if each.key not in present or each.state == State.DELETED]
    return tuple(sorted(found, key=lambda each: each.updated_at))


async def describe(
    summary: OwnedDocument, metadata: MetadataStore, fleet: Fleet, instance_id: str, k8s_uids: Mapping[str, str]
) -> RetainedNamespace | None:
    """All about one; None if it is gone by now. Raises ``StoreError`` where MongoDB fails."""
    document = await metadata.get(summary.namespace_id)
    if document is None:
        return None
    plain = RetainedNamespace(
        namespace_id=summary.namespace_id,
        namespace=summary.key.organization,
        name=summary.key.name,
        state=summary.state,
        collection=summary.collection,
        connection=summary.connection,
        since=summary.updated_at,
    )
    if not isinstance(document, NamespaceDocument):
        return replace(plain, problem=f"its document is malformed ({document.problem})")
    if document.state is State.DELETED:
        return replace(plain, problem="a tombstone: its data is gone, and it goes by itself")
    back = from_document(document, instance_id, k8s_uids.get(document.owner.organization))
    told = replace(plain, sharing=document.sharing, back=back.manifest, warnings=back.warnings)
    try:
        points = await _points(document, fleet)
    except (StoreError, SecretUnavailable) as error:
        return replace(told, problem=str(error))
    if points is None:
        return replace(told, problem="Qdrant has no such collection")
    just_gone = "its object is gone; the operator marks it retained at its next sweep"
    problem = just_gone if document.state in _LIVING else None
    return replace(told, points=points, bytes_at_most=points * vector_bytes(document.vectors.values()), problem=problem)


async def _points(document: NamespaceDocument, fleet: Fleet) -> int | None:
    server = await fleet.server_of(document.binding, document.owner.organization)
    if server is None or await server.vectors.read(document.collection) is None:
        return None
    return await server.vectors.count_points(document.collection, document.namespace_id if document.sharing else None)


def vector_bytes(vectors: Iterable[NamedVector]) -> int:
    """What the dense vectors of one point take; others have no size of their own."""
    return sum(
        (vector.size or 0) * _COMPONENT_BYTES.get(vector.datatype, 4)
        for vector in vectors
        if vector.kind is VectorKind.DENSE
    )
