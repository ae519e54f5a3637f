"""What every vector store does: collections and their marks, vectors, indexes with all parameters, aliases."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from namespace_operator.api.indexes import IndexType, Tokenizer
from namespace_operator.api.payload_index import FieldSchema
from namespace_operator.api.spec_rules import PARAMETER_TYPES
from namespace_operator.domain.identity import Mark
from namespace_operator.domain.indexes import wanted_schema
from namespace_operator.domain.vectors import NamedVector, VectorKind
from namespace_operator.stores.errors import Outdated, Rejected
from tests.contract.stores.harness import VectorServer

DENSE = NamedVector(name="dense", size=4, distance="cosine")
VECTORS = (
    DENSE,
    NamedVector(name="dot", size=8, distance="dot", datatype="uint8"),
    NamedVector(name="euclidean", size=2, distance="euclidean", datatype="float16"),
    NamedVector(name="manhattan", size=2, distance="manhattan"),
    NamedVector(name="multi", kind=VectorKind.MULTI_DENSE, size=6, distance="cosine"),
    NamedVector(name="sparse", kind=VectorKind.SPARSE),
    NamedVector(name="sparse_idf", kind=VectorKind.SPARSE, modifier="idf"),
)

_STOPWORDS = (
    {"languages": ["german", "english"]},
    {"custom": ["etc", "aka"]},
    {"languages": ["dutch"], "custom": ["x"]},
)

PARAMETER_VALUES: dict[str, tuple[Any, ...]] = {
    "onDisk": (True, False),
    "enableHnsw": (False, True),
    "isTenant": (True, False),
    "isPrincipal": (True, False),
    "lookup": (False, True),
    "range": (False, True),
    "tokenizer": tuple(Tokenizer),
    "minTokenLen": (1, 3),
    "maxTokenLen": (2, 30),
    "lowercase": (False, True),
    "asciiFolding": (True, False),
    "phraseMatching": (True, False),
    "stopwords": _STOPWORDS,
    "stemmer": ({"type": "snowball", "language": "german"},),
}


def mark(collection: str) -> Mark:
    """The mark of a namespace whose collection has this name."""
    return Mark("instance-1", "acme", collection, 1, {"ns_0000000001": "shop"})


def schemas() -> Iterator[FieldSchema]:
    """Each index type bare, with each value of each of its parameters, and with all of them together."""
    restricted = {FieldSchema.model_fields[name].alias: types for name, types in PARAMETER_TYPES.items()}
    for kind in IndexType:
        mine = {name: v for name, v in PARAMETER_VALUES.items() if kind in restricted.get(name, (kind,))}
        everything = {name: values[0] for name, values in mine.items()}
        if kind is IndexType.INTEGER:
            everything["range"] = True
        yield FieldSchema.model_validate({"type": kind})
        yield FieldSchema.model_validate({"type": kind, **everything})
        for name, values in mine.items():
            for value in values:
                yield FieldSchema.model_validate({"type": kind, name: value})


def test_every_parameter_has_values_to_try() -> None:
    assert PARAMETER_VALUES.keys() == {field.alias for field in FieldSchema.model_fields.values()} - {"type"}


async def test_the_version_is_one(vectors: VectorServer) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", await vectors.store.version())


async def test_a_collection_comes_with_its_vectors_and_its_mark(vectors: VectorServer, collection: str) -> None:
    assert await vectors.store.read(collection) is None
    metadata = {**mark(collection).to_metadata(), "note": "kept"}
    await vectors.store.create_collection(collection, VECTORS, metadata)
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.mark == mark(collection)
    assert live.metadata == metadata
    assert live.vectors == {vector.name: vector for vector in VECTORS}
    assert live.indexes == {}
    assert (live.name, live.status, live.points_count) == (collection, "green", 0)


async def test_a_collection_can_be_without_vectors(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (), mark(collection).to_metadata())
    live = await vectors.store.read(collection)
    assert live is not None
    assert (live.vectors, live.mark) == ({}, mark(collection))


async def test_of_eight_creations_of_one_name_exactly_one_wins(vectors: VectorServer, collection: str) -> None:
    creations = (vectors.store.create_collection(collection, (DENSE,), {"by": number}) for number in range(8))
    results = await asyncio.gather(*creations, return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [Outdated] * 7
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.metadata == {"by": results.index(None)}


@pytest.mark.parametrize("vector", VECTORS[1:], ids=lambda vector: vector.name)
async def test_a_vector_is_added_to_a_collection_with_points(
    vectors: VectorServer, collection: str, vector: NamedVector
) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {})
    await vectors.add_points(collection, {1: {"city": "a"}, 2: {}, 3: {}})
    await vectors.store.add_vector(collection, vector)
    await vectors.store.add_vector(collection, vector)
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.vectors == {DENSE.name: DENSE, vector.name: vector}
    assert live.points_count == 3


@pytest.mark.parametrize(
    "other",
    [
        DENSE.model_copy(update={"size": 5}),
        DENSE.model_copy(update={"distance": "dot"}),
        NamedVector(name="dense", kind=VectorKind.SPARSE),
    ],
    ids=["size", "distance", "kind"],
)
async def test_a_vector_never_becomes_another(vectors: VectorServer, collection: str, other: NamedVector) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {})
    with pytest.raises(Rejected):
        await vectors.store.add_vector(collection, other)
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.vectors == {DENSE.name: DENSE}


async def test_every_index_type_with_every_parameter_reads_back_as_wanted(
    vectors: VectorServer, collection: str
) -> None:
    wanted = {f"field_{number}": wanted_schema(schema) for number, schema in enumerate(schemas())}
    await vectors.store.create_collection(collection, (DENSE,), {})
    await vectors.add_points(collection, {1: {"field_0": "a"}, 2: {"field_0": "b"}, 3: {}})
    *first, last = wanted
    for field_name in first:
        await vectors.store.put_index(collection, field_name, wanted[field_name], wait=False)
    await vectors.store.put_index(collection, last, wanted[last], wait=True)
    live = await vectors.store.read(collection)
    assert live is not None
    assert {field_name: index.schema for field_name, index in live.indexes.items()} == wanted
    assert live.indexes["field_0"].points == 2


async def test_an_index_is_replaced_and_dropped(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (), {})
    for schema in ({"type": "keyword"}, {"type": "keyword", "is_tenant": True}, {"type": "integer"}):
        for _ in range(2):
            await vectors.store.put_index(collection, "meta.tags[].id", schema, wait=True)
            live = await vectors.store.read(collection)
            assert live is not None
            assert {name: index.schema for name, index in live.indexes.items()} == {"meta.tags[].id": schema}
    for _ in range(2):
        await vectors.store.drop_index(collection, "meta.tags[].id", wait=True)
        live = await vectors.store.read(collection)
        assert live is not None
        assert live.indexes == {}


async def test_an_index_that_can_answer_nothing_is_rejected(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (), {})
    useless = {"type": "integer", "lookup": False, "range": False}
    with pytest.raises(Rejected):
        await vectors.store.put_index(collection, "n", useless, wait=True)


async def test_a_missing_collection_rejects_what_needs_one(vectors: VectorServer, collection: str) -> None:
    with pytest.raises(Rejected):
        await vectors.store.add_vector(collection, DENSE)
    with pytest.raises(Rejected):
        await vectors.store.put_index(collection, "city", {"type": "keyword"}, wait=True)
    with pytest.raises(Rejected):
        await vectors.store.drop_index(collection, "city", wait=True)
    with pytest.raises(Rejected):
        await vectors.store.set_metadata(collection, {"a": 1})
    with pytest.raises(Rejected):
        await vectors.store.count_points(collection)
    assert await vectors.store.read(collection) is None


async def test_names_are_those_of_collections_and_not_of_aliases(vectors: VectorServer, collection: str) -> None:
    assert collection not in await vectors.store.names()
    await vectors.store.create_collection(collection, (), {})
    await vectors.add_alias(collection, f"{collection}_a")
    names = await vectors.store.names()
    assert collection in names
    assert f"{collection}_a" not in names
    await vectors.store.delete_collection(collection)
    assert collection not in await vectors.store.names()


async def test_an_alias_is_told_from_a_collection(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (DENSE,), mark(collection).to_metadata())
    assert await vectors.store.alias_target(f"{collection}_a") is None
    await vectors.add_alias(collection, f"{collection}_a")
    assert await vectors.store.alias_target(f"{collection}_a") == collection
    assert await vectors.store.alias_target(collection) is None
    # A read does not tell them apart by itself: only the mark, which names the collection, does.
    live = await vectors.store.read(f"{collection}_a")
    assert live is not None
    assert live.mark == mark(collection)


async def test_the_number_of_points_is_exact(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {})
    assert await vectors.store.count_points(collection) == 0
    await vectors.add_points(collection, {number: {} for number in range(300)})
    await vectors.add_points(collection, {number: {"again": True} for number in range(100)})
    assert await vectors.store.count_points(collection) == 300


async def test_metadata_is_merged_key_by_key_and_none_takes_one_away(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {"team": "search", "nested": {"a": 1, "b": 2}})
    await vectors.store.set_metadata(collection, mark(collection).to_metadata())
    await vectors.store.set_metadata(collection, {"nested": {"a": 3}, "team": None, "never there": None})
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.metadata == {**mark(collection).to_metadata(), "nested": {"a": 3}}
    assert (live.mark, live.vectors) == (mark(collection), {DENSE.name: DENSE})


async def test_a_mark_is_taken_off_whole_and_can_be_repeated(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (), {**mark(collection).to_metadata(), "team": "search"})
    for _ in range(2):
        await vectors.store.set_metadata(collection, dict.fromkeys(mark(collection).to_metadata()))
        live = await vectors.store.read(collection)
        assert live is not None
        assert live.metadata == {"team": "search"}


async def test_a_deletion_takes_points_and_aliases_and_can_be_repeated(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {})
    await vectors.add_points(collection, {1: {}})
    assert await vectors.store.aliases(collection) == ()
    await vectors.add_alias(collection, f"{collection}_b")
    await vectors.add_alias(collection, f"{collection}_a")
    assert await vectors.store.aliases(collection) == (f"{collection}_a", f"{collection}_b")
    await vectors.store.delete_collection(collection)
    await vectors.store.delete_collection(collection)
    assert await vectors.store.read(collection) is None
    assert await vectors.store.read(f"{collection}_a") is None
    await vectors.store.create_collection(collection, (), {})
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.points_count == 0


async def test_a_name_that_is_an_alias_is_rejected(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (), {})
    await vectors.add_alias(collection, f"{collection}_a")
    with pytest.raises(Rejected):
        await vectors.store.create_collection(f"{collection}_a", (), {})
