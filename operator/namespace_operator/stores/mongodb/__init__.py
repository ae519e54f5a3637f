"""The metadata store over MongoDB. Its collections and fields are described in docs/metadata-store.md."""

from namespace_operator.stores.mongodb.store import MongoStore

__all__ = ["MongoStore"]
