"""What failures of the MongoDB driver become, and that nothing of the connection string is told."""

from __future__ import annotations

import asyncio
import traceback

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteError,
    WTimeoutError,
)

from namespace_operator.stores.errors import (
    Backend,
    BackendError,
    ClaimTaken,
    Rejected,
    Unauthorized,
    Unavailable,
)
from namespace_operator.stores.mongodb import InvalidConnectionString, MongoStore
from namespace_operator.stores.mongodb.errors import translated


def _labelled(label: str) -> PyMongoError:
    return OperationFailure("interrupted", 91, {"errorLabels": [label]})


FAILURES: list[tuple[Exception, type[BackendError]]] = [
    (ServerSelectionTimeoutError("mongodb-0:27017: connection refused"), Unavailable),
    (AutoReconnect("connection closed"), Unavailable),
    (NetworkTimeout("mongodb-0:27017: timed out"), Unavailable),
    (NotPrimaryError("not primary"), Unavailable),
    (ExecutionTimeout("operation exceeded time limit", 50), Unavailable),
    (WTimeoutError("waiting for replication timed out", 64), Unavailable),
    (InvalidOperation("Cannot use AsyncMongoClient after close"), Unavailable),
    (_labelled("RetryableWriteError"), Unavailable),
    (_labelled("TransientTransactionError"), Unavailable),
    (OperationFailure("Authentication failed.", 18), Unauthorized),
    (OperationFailure("not authorized on mixpeek", 13), Unauthorized),
    (OperationFailure("bad auth", 8000), Unauthorized),
    (OperationFailure("unknown operator", 2), Rejected),
    (WriteError("Document failed validation", 121), Rejected),
    (InvalidDocument("cannot encode object"), Rejected),
    (OverflowError("MongoDB can only handle up to 8-byte ints"), Rejected),
]


@pytest.mark.parametrize(("failure", "meaning"), FAILURES, ids=lambda value: getattr(value, "__name__", repr(value)))
def test_meaning(failure: Exception, meaning: type[BackendError]) -> None:
    with pytest.raises(meaning) as raised, translated("reading the namespace document"):
        raise failure
    assert raised.value.backend is Backend.MONGODB
    assert raised.value.request == "reading the namespace document"
    assert str(failure) not in str(raised.value), "the driver's text may quote the connection string"


def test_a_taken_claim_means_look_again() -> None:
    with pytest.raises(ClaimTaken), translated("inserting the namespace document"):
        raise DuplicateKeyError("E11000 duplicate key error", 11000)


def test_our_own_bugs_are_not_taken_for_the_servers() -> None:
    with pytest.raises(KeyError), translated("reading the namespace document"):
        raise KeyError("claims")


# Unescaped characters in a password move its parts to where the driver quotes them.
UNUSABLE = (
    "mongodb://user:CANARY/x@host/db",
    "mongodb://user:pw/CANARY.x@host/db",
    "mongodb://user:pCANARY@x@host",
    "mongodb://user:CANARY@host:99999/",
    "mongodb://user:CANARY?a@host/db",
    "user:CANARY@host",
    "",
)


@pytest.mark.parametrize("uri", UNUSABLE)
async def test_an_unusable_connection_string_is_not_quoted(uri: str) -> None:
    with pytest.raises(InvalidConnectionString) as raised:
        MongoStore(uri, "mixpeek")
    told = "".join(traceback.format_exception(raised.value))
    assert "CANARY" not in told
    assert "percent-encoded" in str(raised.value)


async def test_the_driver_is_told_the_design() -> None:
    store = MongoStore("mongodb://user:CANARY@host/?retryWrites=true&w=1", "mixpeek", timeout_seconds=1.5)
    try:
        options = store._client.options
        assert not options.retry_writes
        assert options.timeout == 1.5
        assert options.write_concern.document == {"w": "majority"}
        assert "CANARY" not in repr(store) + str(store)
    finally:
        await store.close()


async def _wait_as_the_driver_does() -> None:
    """What it does where a task that waits for a server is cancelled: it gives back a lock that it does not hold."""
    try:
        await asyncio.sleep(60)
    finally:
        raise RuntimeError("Lock is not acquired")


async def test_a_cancellation_that_the_driver_stumbles_over_is_no_error() -> None:
    async def work() -> None:
        with translated("reading the namespace document"):
            await _wait_as_the_driver_does()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await work()


async def test_any_other_error_of_the_driver_is_a_defect() -> None:
    with pytest.raises(RuntimeError, match="Lock"), translated("reading the namespace document"):
        raise RuntimeError("Lock is not acquired")
