"""What can go wrong at a backend, by what it means for the caller. Texts never hold keys or connection strings."""

from __future__ import annotations

from enum import StrEnum


class Backend(StrEnum):
    """The servers the operator depends on."""

    QDRANT = "Qdrant"
    MONGODB = "MongoDB"


class StoreError(Exception):
    """Anything a store could not do."""


class BackendError(StoreError):
    """The request failed at the backend itself; the namespace may be perfectly fine.

    The message is for a condition: it stays the same while the trouble does, whichever request meets it. ``request``
    says which one it was, for the log.
    """

    def __init__(self, backend: Backend, message: str, request: str) -> None:
        super().__init__(message)
        self.backend = backend
        self.request = request


class Unavailable(BackendError):
    """No answer, or an answer that says nothing: a write that ends like this may have happened."""


class Unauthorized(BackendError):
    """The backend refuses the credentials, or what they may do."""


class Rejected(BackendError):
    """The backend understood the request and refuses it, or answers in a shape that is not understood."""


class Outdated(StoreError):
    """The world is not what the plan assumed: observe again."""


class ClaimTaken(Outdated):
    """Another document holds a claim."""
