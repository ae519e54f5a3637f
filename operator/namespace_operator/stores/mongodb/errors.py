"""What a failure of pymongo means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError

from namespace_operator.stores.errors import Backend, BackendError, ClaimTaken, Rejected, Unauthorized, Unavailable

_AUTHENTICATION_FAILED = 18
_UNAUTHORIZED = 13
_ATLAS_ERROR = 8000


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the stores' own errors. pymongo's texts are not passed on where they could hold a part of the URI."""
    try:
        yield
    except DuplicateKeyError as error:
        raise ClaimTaken(f"another document holds a claim ({what})") from error
    except PyMongoError as error:
        raise _backend_error(error, what) from error
    except (BSONError, OverflowError) as error:
        raise Rejected(Backend.MONGODB, f"MongoDB cannot store this ({what}): {type(error).__name__}") from error


def _backend_error(error: PyMongoError, what: str) -> BackendError:
    if error.timeout or isinstance(error, ConnectionFailure):
        return Unavailable(Backend.MONGODB, f"MongoDB cannot be reached or did not answer in time ({what})")
    if isinstance(error, OperationFailure):
        if error.code in (_AUTHENTICATION_FAILED, _UNAUTHORIZED, _ATLAS_ERROR):
            return Unauthorized(Backend.MONGODB, f"MongoDB refuses the credentials or their rights ({what})")
        if error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError"):
            return Unavailable(Backend.MONGODB, f"MongoDB has no primary at the moment ({what})")
        return Rejected(Backend.MONGODB, f"MongoDB refuses the request ({what}), code {error.code}")
    return Unavailable(Backend.MONGODB, f"MongoDB failed ({what}): {type(error).__name__}")
