"""What the controller counts, for whoever keeps the numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

Result = Literal["ready", "not_ready", "failed"]
"""How one reconcile ended."""


class Reporter(Protocol):
    """Where numbers are told to."""

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """The numbers of the last look."""

    def orphan_partitions_found(self, partitions: int) -> None:
        """How many namespace ids have points in shared collections that they are no member of, at the last look."""

    def reconciled(self, result: Result) -> None:
        """How one reconcile ended."""


class ServerReporter(Protocol):
    """Where is told what the last look at a Qdrant server showed."""

    def server_found(self, connection: str, *, up: bool, namespaces: int | None, collections: int | None) -> None:
        """Whether namespaces can use it, how many live on it and how many collections it has; None: not known."""

    def server_gone(self, connection: str) -> None:
        """There is no such connection any more."""
