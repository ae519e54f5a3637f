"""Writing to MongoDB: one bulk write, within a bounded time, as often as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymongo
from pymongo import MongoClient
from pymongo.errors import BulkWriteError, ConnectionFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from namespace_operator.usage.contract import FILTER_USAGE, Write

_DUPLICATE_KEY = 11000


class Sink:
    """The collection behind a connection string or a client of the caller's.

    With a connection string the client is made at the first write, in the thread and the process that write.
    """

    def __init__(self, connection: str | MongoClient[Any], database: str, timeout_seconds: float) -> None:
        self._connection = connection
        self._database = database
        self._timeout_seconds = timeout_seconds
        self._client: MongoClient[Any] | None = None if isinstance(connection, str) else connection

    def write(self, writes: Sequence[Write]) -> tuple[set[int], int]:
        """Write all, in any order. The result is which of them have to be written again, and how many were refused.

        Raises any error of pymongo where it is not known what was written; then all have to be written again.
        """
        # Writes may be repeated: the driver's own retries are welcome here.
        database = self._connected().get_database(self._database, write_concern=WriteConcern("majority"))
        try:
            with pymongo.timeout(self._timeout_seconds):
                database[FILTER_USAGE].bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            if error.details.get("writeConcernErrors"):
                raise
            failed = error.details.get("writeErrors", [])
            # Two recorders that insert one document at once: the second time it is there.
            again = {found["index"] for found in failed if found.get("code") == _DUPLICATE_KEY}
            return again, len(failed) - len(again)
        return set(), 0

    def _connected(self) -> MongoClient[Any]:
        if self._client is None:
            assert isinstance(self._connection, str)
            try:
                self._client = MongoClient(self._connection, appname="filter-usage", maxPoolSize=1)
            except PyMongoError:
                raise
            except Exception as error:
                # A port that is none, or no thread to be had: what is to be written is not to blame.
                raise ConnectionFailure(type(error).__name__) from error
        return self._client

    def close(self) -> None:
        """Close the connections, if they are ours."""
        if isinstance(self._connection, str) and self._client is not None:
            self._client.close()
            self._client = None
