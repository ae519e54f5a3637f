"""What the controller counts, for whoever keeps the numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Result = Literal["ready", "not_ready", "gone", "failed"]
"""How one reconcile ended; gone: the object is, and what had to be done about that is done."""


@dataclass(frozen=True, slots=True)
class Account:
    """What there is to count of one reconcile.

    ``findings`` are their reasons, ``drift_found`` and ``drift_repaired`` kinds of drift, ``lateness`` for how many
    seconds the time of a namespace that was ended had been over, ``auto_indexes`` what became of fields.
    """

    result: Result
    seconds: float
    findings: Collection[str] = ()
    drift_found: Collection[str] = ()
    drift_repaired: Collection[str] = ()
    lateness: Collection[float] = ()
    auto_indexes: Collection[str] = ()


class Reporter(Protocol):
    """Where numbers are told to."""

    def orphans_found(self, orphans: int, copies: int, at: datetime) -> None:
        """The numbers of the last look."""

    def orphan_partitions_found(self, partitions: int) -> None:
        """How many namespace ids have points in shared collections that they are no member of, at the last look."""

    def reconciled(self, account: Account) -> None:
        """One reconcile ended."""


class ServerReporter(Protocol):
    """Where is told what the last look at a Qdrant server showed."""

    def server_found(self, connection: str, *, up: bool, namespaces: int | None, collections: int | None) -> None:
        """Whether namespaces can use it, how many live on it and how many collections it has; None: not known."""

    def server_gone(self, connection: str) -> None:
        """There is no such connection any more."""
