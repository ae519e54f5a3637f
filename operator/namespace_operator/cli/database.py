"""MongoDB as the settings name it: opened anew for each term, by the connection string in force."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from namespace_operator.cli.settings import Settings
from namespace_operator.stores.fence import UNFENCED, Fence
from namespace_operator.stores.mongodb import MongoStore, Monitor


@dataclass(slots=True)
class Database:
    """Opens stores. Raises ``InvalidConnectionString`` where the first connection string is none."""

    settings: Settings
    uri: SecretStr
    monitor: Monitor | None = None
    _store: MongoStore | None = None

    def __post_init__(self) -> None:
        self._make(self.uri)

    def use(self, uri: str) -> None:
        """Use this connection string from now on. Raises ``InvalidConnectionString``, and then goes on as before."""
        replacement = SecretStr(uri)
        if self._store is not None:
            self._store.reconnect(uri)
        else:
            self._make(replacement)
        self.uri = replacement

    @asynccontextmanager
    async def opened(self, fence: Fence, instance_id: str) -> AsyncIterator[MongoStore]:
        """The store of one term of an instance."""
        self._store = store = self._make(self.uri, fence, instance_id)
        try:
            yield store
        finally:
            self._store = None
            await store.close()

    def _make(self, uri: SecretStr, fence: Fence = UNFENCED, term_of: str | None = None) -> MongoStore:
        # Nothing is connected before the first operation.
        return MongoStore(
            uri.get_secret_value(),
            self.settings.mongodb_database,
            timeout_seconds=self.settings.mongodb_timeout_seconds,
            fence=fence,
            term_of=term_of,
            monitor=self.monitor,
        )
