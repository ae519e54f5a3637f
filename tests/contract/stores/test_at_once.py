"""What every store tells of many in few requests: the same as of each by itself."""

from __future__ import annotations

from collections import defaultdict
from uuid import uuid4

import pytest

from namespace_operator.api.profile import CollectionParameters
from namespace_operator.domain.document import Binding, State
from namespace_operator.domain.identity import Mark
from namespace_operator.domain.indexes import IndexSchema, wanted_schema
from namespace_operator.domain.parsing import FoundDocument, OwnDocument
from namespace_operator.domain.shared import SharedState
from tests.contract.stores.documents import INSTANCE, document, shared
from tests.contract.stores.harness import MetadataServer, VectorServer
from tests.contract.stores.test_parameters import CHANGEABLE
from tests.contract.stores.test_vectors import VECTORS, mark, schemas

QUANTIZED = [{"type": kind, "alwaysRam": True} for kind in ("scalar", "product", "binary")]


async def check_alike(vectors: VectorServer, *names: str) -> None:
    """Compare what is told of these collections at once with what each of them says."""
    seen = await vectors.store.read_at_once(names)
    assert seen is not None
    assert seen.total >= len(names)
    assert seen.collections == {name: await vectors.store.read(name) for name in names}


async def test_a_collection_of_its_own_with_every_kind_of_vector(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {**mark(collection).to_metadata(), "note": "kept"})
    await check_alike(vectors, collection)
    await vectors.add_points(collection, {number: {"city": "a"} for number in range(5)})
    await check_alike(vectors, collection)


async def test_a_collection_with_every_type_of_index(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS[:1], mark(collection).to_metadata())
    by_type: dict[str, list[IndexSchema]] = defaultdict(list)
    for schema in schemas():
        by_type[schema.type].append(wanted_schema(schema))
    for kind, wanted in by_type.items():
        await vectors.store.put_index(collection, f"{kind}_bare", wanted[0], wait=False)
        await vectors.store.put_index(collection, f"{kind}_whole", wanted[1], wait=False)
    await vectors.store.put_index(collection, "city", {"type": "keyword"}, wait=True)
    await vectors.add_points(collection, {1: {"city": "a"}, 2: {"city": ["a", "b"]}, 3: {}, 4: {"integer_bare": 3}})
    await check_alike(vectors, collection)
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.indexes["city"].points == 2


async def test_a_shared_collection_with_many_members(vectors: VectorServer, collection: str) -> None:
    members = {f"ns_{number:010x}": f"shop-{number}" for number in range(200)}
    of_all = Mark("instance-1", "acme", collection, 3, members, shared=True)
    await vectors.store.create_collection(collection, VECTORS[:1], of_all.to_metadata())
    await vectors.store.put_index(collection, "namespace_id", {"type": "keyword", "is_tenant": True}, wait=True)
    await vectors.add_points(collection, {number: {"namespace_id": name} for number, name in enumerate(members)})
    await check_alike(vectors, collection)


@pytest.mark.parametrize("quantization", QUANTIZED, ids=lambda one: one["type"])
async def test_a_quantized_collection(vectors: VectorServer, collection: str, quantization: dict[str, object]) -> None:
    parameters = CollectionParameters.model_validate({"quantization": quantization})
    await vectors.store.create_collection(collection, VECTORS[:1], {}, parameters)
    await check_alike(vectors, collection)


async def test_a_collection_with_every_parameter(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {}, CollectionParameters.model_validate(CHANGEABLE))
    await check_alike(vectors, collection)


async def test_a_collection_without_vectors_indexes_or_metadata(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (), {})
    await check_alike(vectors, collection)


async def test_only_what_is_asked_for_and_there_is_told(vectors: VectorServer, collection: str) -> None:
    other, alias = f"{collection}-other", f"{collection}-alias"
    for name in (collection, other):
        await vectors.store.create_collection(name, (), {"by": name})
    await vectors.add_alias(other, alias)
    try:
        seen = await vectors.store.read_at_once((collection, alias, f"none_{uuid4().hex[:8]}"))
    finally:
        await vectors.store.delete_collection(other)
    assert seen is not None
    assert seen.collections.keys() == {collection}
    assert seen.total >= 2


async def listed(server: MetadataServer, connection: str | None) -> list[FoundDocument]:
    """The documents on a server, in the order of their ids."""
    found = [one async for one in server.store.documents_on(INSTANCE, connection)]
    return sorted(found, key=lambda one: one.document_id)


async def test_documents_on_a_server_are_those_of_both_kinds(metadata: MetadataServer) -> None:
    there = Binding(connection="iclstr_1", server_id="server-1")
    on_own: list[OwnDocument] = [document(1), document(2, state=State.RETAINED), shared(1, binding=None)]
    on_other: list[OwnDocument] = [document(3, binding=there), shared(2)]
    elsewhere: list[OwnDocument] = [
        document(4, instance_id="instance-2"),
        shared(3, instance_id="instance-2", binding=None),
        document(5, state=State.DELETED),
        shared(4, state=SharedState.DELETED, binding=None),
    ]
    for one in (*on_own, *on_other, *elsewhere):
        await metadata.store.insert(one)
    assert await listed(metadata, None) == on_own
    assert await listed(metadata, "iclstr_1") == on_other
    assert await listed(metadata, "iclstr_2") == []


async def test_a_document_of_another_shape_is_told_with_its_claims(metadata: MetadataServer) -> None:
    raw = {**document(1).model_dump(mode="python"), "_id": document(1).namespace_id, "bound": "perhaps"}
    await metadata.write("namespaces", raw)
    (found,) = await listed(metadata, None)
    assert found.document_id == document(1).namespace_id
    assert found.claims == document(1).claims
