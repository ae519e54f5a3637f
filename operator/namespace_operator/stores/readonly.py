"""Stores that only read: what looks at the live state on behalf of people goes through these."""

from __future__ import annotations

from typing import Any, cast

from namespace_operator.stores.protocols import MetadataStore, VectorStore

VECTOR_READS = frozenset(
    {
        "close",
        "waiting",
        "version",
        "read",
        "read_at_once",
        "names",
        "count_points",
        "count_with_vector",
        "points_by_namespace",
        "count_having",
        "sample",
        "slow_fields",
        "aliases",
        "alias_target",
    }
)
METADATA_READS = frozenset(
    {
        "find",
        "get",
        "shared",
        "wanted_by",
        "counts",
        "filter_usage",
        "owned",
        "documents_on",
        "shared_of",
        "count_bound",
        "bound",
        "server",
    }
)


class WriteRefused(AssertionError):
    """Something that only looks was about to write: a defect, and nothing was written."""


class _ReadOnly:
    def __init__(self, store: object, reads: frozenset[str]) -> None:
        self._store = store
        self._reads = reads

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a method of the store
        if name not in self._reads:
            raise WriteRefused(f"{name} is no read")
        return getattr(self._store, name)


def read_only_vectors(store: VectorStore) -> VectorStore:
    """A Qdrant server on which nothing can be changed."""
    return cast("VectorStore", _ReadOnly(store, VECTOR_READS))


def read_only_metadata(store: MetadataStore) -> MetadataStore:
    """The documents, none of which can be changed."""
    return cast("MetadataStore", _ReadOnly(store, METADATA_READS))
