"""Which payload indexes of a collection somebody answers for, and which nobody does."""

from __future__ import annotations

from namespace_operator.domain.auto_index_report import fields_of_auto_indexes
from namespace_operator.domain.document import NamespaceDocument
from namespace_operator.domain.indexes import SYSTEM_INDEXES
from namespace_operator.domain.observed import Collection
from namespace_operator.domain.shared import SharedCollection


def accounted_fields(document: NamespaceDocument, shared: SharedCollection | None) -> frozenset[str]:
    """The fields whose index the spec, another member or the system declares, or that was made from use."""
    declared = {index.field_name for index in document.payload_indexes}
    others = set(shared.indexes_by_field) if document.sharing and shared is not None else set()
    return frozenset(declared | others | fields_of_auto_indexes(document) | set(SYSTEM_INDEXES))


def unmanaged_fields(
    document: NamespaceDocument, shared: SharedCollection | None, collection: Collection
) -> tuple[str, ...]:
    """The fields with a live index that nobody answers for."""
    return tuple(sorted(collection.indexes.keys() - accounted_fields(document, shared)))


def prunable_fields(document: NamespaceDocument, collection: Collection) -> tuple[str, ...]:
    """Those among them that may be dropped where the spec says so.

    In a shared collection none: the services of another member may rely on it. Nor what an adopted one had.
    """
    if document.sharing:
        return ()
    fields = unmanaged_fields(document, None, collection)
    return tuple(name for name in fields if name not in document.adopted_indexes)
