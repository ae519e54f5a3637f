"""The metadata store over MongoDB. Its collections and fields are described in docs/metadata-store.md."""

from namespace_operator.stores.mongodb.address import at_address
from namespace_operator.stores.mongodb.driver import InvalidConnectionString
from namespace_operator.stores.mongodb.monitoring import Monitor
from namespace_operator.stores.mongodb.store import OWN, MongoStore

__all__ = ["OWN", "InvalidConnectionString", "MongoStore", "Monitor", "at_address"]
