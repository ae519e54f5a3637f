"""What only looks cannot write: every method of the protocols is told to be one or the other."""

from __future__ import annotations

from typing import Any, cast

import pytest

from namespace_operator.stores.protocols import MetadataStore, VectorStore
from namespace_operator.stores.readonly import (
    METADATA_READS,
    VECTOR_READS,
    WriteRefused,
    read_only_metadata,
    read_only_vectors,
)

VECTOR_WRITES = {
    "create_collection",
    "update_collection",
    "set_metadata",
    "add_vector",
    "put_index",
    "drop_index",
    "delete_points",
    "delete_collection",
}
METADATA_WRITES = {
    "insert",
    "replace",
    "delete",
    "join",
    "delete_dependents",
    "prepare",
    "forget_server",
    "record_server",
}


def methods(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


def test_every_method_is_a_read_or_a_write() -> None:
    assert methods(VectorStore) == VECTOR_READS | VECTOR_WRITES
    assert methods(MetadataStore) == METADATA_READS | METADATA_WRITES


class _Everything:
    def __getattr__(self, name: str) -> Any:
        return lambda: name


@pytest.mark.parametrize("name", sorted(VECTOR_WRITES))
def test_a_write_to_qdrant_is_refused(name: str) -> None:
    store = read_only_vectors(cast("VectorStore", _Everything()))

    with pytest.raises(WriteRefused, match=name):
        getattr(store, name)


@pytest.mark.parametrize("name", sorted(METADATA_WRITES))
def test_a_write_to_mongodb_is_refused(name: str) -> None:
    store = read_only_metadata(cast("MetadataStore", _Everything()))

    with pytest.raises(WriteRefused, match=name):
        getattr(store, name)
