"""What a failure of pymongo means."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError

from namespace_operator.stores.errors import Backend, BackendError, ClaimTaken, Rejected, Unauthorized, Unavailable

_AUTHENTICATION_FAILED = 18
_UNAUTHORIZED = 13
_ATLAS_ERROR = 8000
REFUSED_CREDENTIALS = (_AUTHENTICATION_FAILED, _UNAUTHORIZED, _ATLAS_ERROR)


@contextmanager
def translated(request: str) -> Iterator[None]:
    """Raise the stores' own errors. pymongo's texts are not passed on: they could hold a part of the URI."""
    try:
        yield
    except DuplicateKeyError as error:
        raise ClaimTaken(f"another document holds a claim ({request})") from error
    except PyMongoError as error:
        raise _backend_error(error, request) from error
    except (BSONError, OverflowError) as error:
        message = f"MongoDB cannot store the namespace document ({type(error).__name__}); check the extractors' params"
        raise Rejected(Backend.MONGODB, message, request) from error
    except RuntimeError as error:
        # The driver trips over a lock of its own when a task is cancelled while it waits for a server, and what ended
        # the task would be taken for a defect.
        if isinstance(error.__context__, asyncio.CancelledError):
            raise asyncio.CancelledError(*error.__context__.args) from error
        raise


def _backend_error(error: PyMongoError, request: str) -> BackendError:
    if error.timeout or isinstance(error, ConnectionFailure):
        return Unavailable(Backend.MONGODB, "MongoDB cannot be reached or does not answer in time", request)
    if not isinstance(error, OperationFailure):
        return Unavailable(Backend.MONGODB, f"MongoDB fails ({type(error).__name__})", request)
    if error.code in REFUSED_CREDENTIALS:
        message = "MongoDB refuses the credentials or what they may do; check the Secret with the connection string"
        return Unauthorized(Backend.MONGODB, message, request)
    if error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError"):
        return Unavailable(Backend.MONGODB, "MongoDB has no primary at the moment", request)
    return Rejected(Backend.MONGODB, f"MongoDB refuses a request with code {error.code}", request)
