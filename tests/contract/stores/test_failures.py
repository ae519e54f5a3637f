"""What the real stores say when their servers refuse, stop or freeze."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from devstack.ports import free_ports
from devstack.stores import MongoDB, Qdrant
from namespace_operator.domain.document import MalformedDocument, NamespaceDocument
from namespace_operator.stores.errors import Backend, BackendError, Unauthorized, Unavailable
from namespace_operator.stores.mongodb import MongoStore
from namespace_operator.stores.qdrant import QdrantStore
from tests.contract.stores.documents import document, following

_TIMEOUT_SECONDS = 2.0
_SLACK_SECONDS = 3.0


@asynccontextmanager
async def _mongo(uri: str, database: str = "contract_failures") -> AsyncIterator[MongoStore]:
    store = MongoStore(uri, database, timeout_seconds=_TIMEOUT_SECONDS)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _qdrant(url: str, api_key: str | None) -> AsyncIterator[QdrantStore]:
    store = QdrantStore(url, api_key, timeout_seconds=_TIMEOUT_SECONDS)
    try:
        yield store
    finally:
        await store.close()


async def _fails_in_time(request: Awaitable[object], backend: Backend) -> BackendError:
    """The request ends in Unavailable within its timeout."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await request
    assert time.monotonic() - began < _TIMEOUT_SECONDS + _SLACK_SECONDS
    assert caught.value.backend is backend
    return caught.value


async def _eventually(
    look: Callable[[], Awaitable[NamespaceDocument | MalformedDocument | None]],
    wanted: NamespaceDocument,
    seconds: float = 20,
) -> None:
    """The document appears once the server is reachable again."""
    deadline = time.monotonic() + seconds
    found: object = None
    while time.monotonic() < deadline:
        try:
            found = await look()
        except Unavailable as error:
            found = error
        if found == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"last seen: {found!r}")


async def test_a_wrong_key_is_told_from_a_server_that_is_down(own_qdrant: Qdrant) -> None:
    for key in ("wrong", None):
        async with _qdrant(own_qdrant.url, key) as store:
            assert await store.version()
            with pytest.raises(Unauthorized) as caught:
                await store.read("absent")
            assert caught.value.backend is Backend.QDRANT
            with pytest.raises(Unauthorized):
                await store.create_collection("contract_refused", (), {})
    async with _qdrant(own_qdrant.url, own_qdrant.api_key) as store:
        assert await store.read("contract_refused") is None


async def test_a_read_only_key_reads_and_may_not_write(own_qdrant: Qdrant) -> None:
    async with _qdrant(own_qdrant.url, own_qdrant.read_only_api_key) as store:
        assert await store.read("absent") is None
        with pytest.raises(Unauthorized) as caught:
            await store.create_collection("contract_refused", (), {})
    assert str(own_qdrant.read_only_api_key) not in str(caught.value)


async def test_a_stopped_qdrant_is_unavailable_and_keeps_what_it_acknowledged(own_qdrant: Qdrant) -> None:
    assert own_qdrant.process is not None
    async with _qdrant(own_qdrant.url, own_qdrant.api_key) as store:
        await store.create_collection("contract_kept", (), {"kept": True})
        own_qdrant.process.kill()
        try:
            await _fails_in_time(store.read("contract_kept"), Backend.QDRANT)
            await _fails_in_time(store.delete_collection("contract_kept"), Backend.QDRANT)
        finally:
            own_qdrant.process.restart()
        live = await store.read("contract_kept")
        assert live is not None
        assert live.metadata == {"kept": True}
        await store.delete_collection("contract_kept")


async def test_a_frozen_qdrant_is_unavailable_within_the_timeout(own_qdrant: Qdrant) -> None:
    assert own_qdrant.process is not None
    async with _qdrant(own_qdrant.url, own_qdrant.api_key) as store:
        await store.read("absent")
        own_qdrant.process.freeze()
        try:
            await _fails_in_time(store.read("absent"), Backend.QDRANT)
        finally:
            own_qdrant.process.resume()
        assert await store.read("absent") is None


async def test_a_mongodb_that_is_not_there_is_unavailable() -> None:
    (port,) = free_ports(1)
    async with _mongo(f"mongodb://someone:secret@127.0.0.1:{port}/?replicaSet=rs0") as store:
        error = await _fails_in_time(store.get("ns_1"), Backend.MONGODB)
        await _fails_in_time(store.insert(document()), Backend.MONGODB)
    assert "secret" not in str(error)


async def test_wrong_credentials_are_told_from_a_server_that_is_down(own_mongodb: MongoDB) -> None:
    uri = own_mongodb.uri.replace("mongodb://", "mongodb://someone:secret@")
    async with _mongo(uri) as store:
        with pytest.raises(Unauthorized) as caught:
            await store.get("ns_1")
    assert caught.value.backend is Backend.MONGODB
    assert "secret" not in str(caught.value)


async def test_a_stopped_mongodb_is_unavailable_and_keeps_what_it_acknowledged(own_mongodb: MongoDB) -> None:
    assert own_mongodb.process is not None
    async with _mongo(own_mongodb.uri) as store:
        await store.insert(document(1))
        own_mongodb.process.kill()
        try:
            await _fails_in_time(store.get(document(1).namespace_id), Backend.MONGODB)
        finally:
            own_mongodb.process.restart()
        await _eventually(lambda: store.get(document(1).namespace_id), document(1))


async def test_a_write_that_a_frozen_mongodb_did_not_answer_is_found_afterwards(own_mongodb: MongoDB) -> None:
    assert own_mongodb.process is not None
    async with _mongo(own_mongodb.uri) as store:
        await store.insert(document(2))
        written = following(document(2), description="in flight")
        # On a busy machine the server may see that nobody waits any more before it carries a write out.
        for _ in range(5):
            own_mongodb.process.freeze()
            try:
                await _fails_in_time(store.replace(written), Backend.MONGODB)
            finally:
                own_mongodb.process.resume()
            with suppress(AssertionError):
                await _eventually(lambda: store.get(document(2).namespace_id), written, seconds=5)
                return
        pytest.fail("no write arrived that was not answered")


async def test_a_store_is_closed_in_time_while_mongodb_is_frozen(own_mongodb: MongoDB) -> None:
    """Otherwise a leader that stands by would not get to its end, and the process would have to exit."""
    assert own_mongodb.process is not None
    store = MongoStore(own_mongodb.uri, "contract_failures", timeout_seconds=_TIMEOUT_SECONDS)
    await store.get("ns_1")
    own_mongodb.process.freeze()
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await store.close()
    finally:
        own_mongodb.process.resume()
