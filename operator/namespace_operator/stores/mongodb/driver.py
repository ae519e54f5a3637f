"""The driver's client as the store uses it."""

from __future__ import annotations

from typing import Any

import pymongo
from pymongo import AsyncMongoClient
from pymongo.errors import ConfigurationError

from namespace_operator.stores.mongodb import waiting as _waiting  # noqa: F401 - mends the driver
from namespace_operator.stores.mongodb.monitoring import Monitor

_FAREWELL_SECONDS = 1.0
"""The driver ends its sessions at the server before it closes, for which it would wait for ever."""

Raw = dict[str, Any]


class InvalidConnectionString(ValueError):
    """The driver cannot read the connection string."""

    def __init__(self) -> None:
        super().__init__(
            "the MongoDB connection string cannot be used; check its form"
            " (mongodb://user:password@host:port/?replicaSet=name, special characters in the password percent-encoded)"
        )


def make_client(uri: str, timeout_seconds: float, monitor: Monitor | None) -> AsyncMongoClient[Raw]:
    """A client that connects with its first operation. Raises ``InvalidConnectionString``."""
    try:
        return AsyncMongoClient(
            uri,
            retryWrites=False,
            timeoutMS=int(timeout_seconds * 1000),
            w="majority",
            readPreference="primary",
            readConcernLevel="majority",
            tz_aware=True,
            appname="namespace-operator",
            event_listeners=list(monitor.listeners()) if monitor is not None else [],
        )
    except (ConfigurationError, ValueError):
        if monitor is not None:
            monitor.withdraw()
        # The driver quotes the part it stumbles over, which can be one of the password.
        raise InvalidConnectionString from None


async def close_client(client: AsyncMongoClient[Raw]) -> None:
    """Close it within a second or two, whether or not the server answers."""
    with pymongo.timeout(_FAREWELL_SECONDS):
        await client.close()
