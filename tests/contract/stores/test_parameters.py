"""What every vector store does with the parameters of a collection: made with them, read back, changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from namespace_operator.api.profile import CollectionParameters
from namespace_operator.domain.parameters import Parameters, flat, for_vectors, vector_parameter
from namespace_operator.domain.vectors import NamedVector, VectorKind
from namespace_operator.stores.errors import Rejected
from tests.contract.stores.harness import VectorServer

DENSE = NamedVector(name="dense", size=4, distance="cosine")
MULTI = NamedVector(name="multi.dense", kind=VectorKind.MULTI_DENSE, size=6, distance="dot")
SPARSE = NamedVector(name="sparse", kind=VectorKind.SPARSE)
VECTORS = (DENSE, MULTI, SPARSE)

AS_MADE: Parameters = {
    "shard_number": 1,
    "replication_factor": 1,
    "write_consistency_factor": 1,
    "on_disk_payload": True,
    "segment_number": 0,
    "indexing_threshold": 10000,
    "hnsw.m": 16,
    "hnsw.ef_construct": 100,
    "hnsw.on_disk": False,
    "quantization.type": "none",
    "quantization.always_ram": False,
    "strict_mode.enabled": False,
    vector_parameter("dense"): False,
    vector_parameter("multi.dense"): False,
}

STRICT = {
    "enabled": True,
    "maxQueryLimit": 100,
    "maxTimeout": 20,
    "unindexedFilteringRetrieve": False,
    "unindexedFilteringUpdate": False,
    "searchMaxHnswEf": 256,
    "searchAllowExact": False,
    "upsertMaxBatchsize": 1000,
    "maxPointsCount": 1_000_000,
    "maxPayloadIndexCount": 20,
}

CHANGEABLE: dict[str, Any] = {
    "segmentNumber": 2,
    "replicationFactor": 2,
    "writeConsistencyFactor": 2,
    "onDiskPayload": False,
    "onDiskVectors": True,
    "indexingThreshold": 0,
    "hnsw": {"m": 0, "payloadM": 16, "efConstruct": 64, "onDisk": True},
    "quantization": {"type": "scalar", "alwaysRam": True},
    "strictMode": STRICT,
}


def wanted(**parameters: Any) -> Parameters:
    """The flat form for a collection of the vectors above."""
    return for_vectors(flat(CollectionParameters.model_validate(parameters)), VECTORS)


async def config(vectors: VectorServer, collection: str) -> Parameters:
    """The live parameters."""
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.config is not None
    return live.config


def test_every_changeable_parameter_is_tried() -> None:
    names = {field.alias for field in CollectionParameters.model_fields.values()}
    assert CHANGEABLE.keys() == names - {"shardNumber"}


async def test_without_parameters_the_servers_own_count(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {})
    assert await config(vectors, collection) == AS_MADE


async def test_a_collection_is_made_with_every_parameter(vectors: VectorServer, collection: str) -> None:
    parameters = CollectionParameters.model_validate({**CHANGEABLE, "shardNumber": 2})
    await vectors.store.create_collection(collection, VECTORS, {"kept": True}, parameters)
    assert await config(vectors, collection) == {**AS_MADE, **wanted(**CHANGEABLE, shardNumber=2)}
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.metadata == {"kept": True}
    assert live.vectors == {vector.name: vector for vector in VECTORS}


async def test_every_parameter_that_can_change_changes(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {"kept": True})
    await vectors.add_points(collection, {1: {"city": "a"}, 2: {}})
    await vectors.store.update_collection(collection, wanted(**CHANGEABLE))
    assert await config(vectors, collection) == {**AS_MADE, **wanted(**CHANGEABLE)}
    live = await vectors.store.read(collection)
    assert live is not None
    assert (live.points_count, live.metadata) == (2, {"kept": True})


@pytest.mark.parametrize("name", CHANGEABLE)
async def test_one_parameter_changes_and_the_others_stay(vectors: VectorServer, collection: str, name: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {})
    changes = wanted(**{name: CHANGEABLE[name]})
    for _ in range(2):
        await vectors.store.update_collection(collection, changes)
        assert await config(vectors, collection) == {**AS_MADE, **changes}


async def test_one_value_within_an_object_leaves_the_others(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {}, CollectionParameters.model_validate(CHANGEABLE))
    changes: Parameters = {
        "hnsw.m": 8,
        "strict_mode.max_timeout": 5,
        "strict_mode.enabled": False,
        vector_parameter("dense"): False,
    }
    await vectors.store.update_collection(collection, changes)
    assert await config(vectors, collection) == {**AS_MADE, **wanted(**CHANGEABLE), **changes}


async def test_quantization_changes_and_ends(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {})
    for kind in ("scalar", "binary", "product"):
        for always_ram in (True, False):
            changes: Parameters = {"quantization.type": kind, "quantization.always_ram": always_ram}
            await vectors.store.update_collection(collection, changes)
            assert await config(vectors, collection) == {**AS_MADE, **changes}
    await vectors.store.update_collection(collection, {"quantization.type": "none"})
    assert await config(vectors, collection) == AS_MADE


async def test_a_vector_added_later_is_in_memory(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, (DENSE,), {}, CollectionParameters(on_disk_vectors=True))
    await vectors.store.add_vector(collection, MULTI)
    live = await config(vectors, collection)
    assert (live[vector_parameter("dense")], live[vector_parameter("multi.dense")]) == (True, False)
    await vectors.store.update_collection(collection, {vector_parameter("multi.dense"): True})
    assert (await config(vectors, collection))[vector_parameter("multi.dense")] is True


async def test_a_collection_that_is_rebuilt_is_yellow_for_a_while(vectors: VectorServer, collection: str) -> None:
    await vectors.store.create_collection(collection, VECTORS, {})
    await vectors.store.update_collection(collection, {"strict_mode.enabled": True, "strict_mode.max_timeout": 5})
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.status == "green", "limits change nothing of the data"
    await vectors.store.update_collection(collection, {"hnsw.m": 8})
    live = await vectors.store.read(collection)
    assert live is not None
    assert live.status == "yellow"
    async with asyncio.timeout(30):
        while live is not None and live.status != "green":
            await asyncio.sleep(0.01)
            live = await vectors.store.read(collection)


async def test_an_unknown_vector_and_a_missing_collection_reject_changes(
    vectors: VectorServer, collection: str
) -> None:
    with pytest.raises(Rejected):
        await vectors.store.update_collection(collection, {"hnsw.m": 8})
    await vectors.store.create_collection(collection, (DENSE,), {})
    with pytest.raises(Rejected):
        await vectors.store.update_collection(collection, {vector_parameter("nope"): True})
    assert (await config(vectors, collection))["hnsw.m"] == 16
