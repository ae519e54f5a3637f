"""The record of a Lease as client-go's leader election keeps it, and whether it may be taken.

No two clocks are compared: whoever does not hold the Lease measures with its own clock how long the record stays as it
is. The times in the record are for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

_MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_RELEASED_SECONDS = 1
"""What client-go writes when it releases: a candidate that ignores the empty holder waits no longer than that."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """The spec of a Lease. ``holder`` is empty where it is free, ``duration`` is in seconds.

    ``transitions`` counts how often it went from one holder to another.
    """

    holder: str
    duration: int
    acquired: datetime | None = None
    renewed: datetime | None = None
    transitions: int = 0

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read a spec, in which every field may be missing. Times that nobody can read count as none."""
        return cls(
            holder=str(spec.get("holderIdentity") or ""),
            duration=int(spec.get("leaseDurationSeconds") or 0),
            acquired=_time(spec.get("acquireTime")),
            renewed=_time(spec.get("renewTime")),
            transitions=int(spec.get("leaseTransitions") or 0),
        )

    def to_spec(self) -> dict[str, Any]:
        """The spec as Kubernetes has it. What a Lease may hold beyond it is left to whoever put it there."""
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.duration,
            "acquireTime": _text(self.acquired),
            "renewTime": _text(self.renewed),
            "leaseTransitions": self.transitions,
        }

    def held_by(self, identity: str, duration: int, now: datetime) -> LeaseRecord:
        """The record with which ``identity`` takes the Lease, or goes on holding it."""
        if self.holder == identity:
            return replace(self, duration=duration, acquired=self.acquired or now, renewed=now)
        return LeaseRecord(identity, duration, now, now, self.transitions + 1)

    def released(self, now: datetime) -> LeaseRecord:
        """The record with which its holder gives the Lease up."""
        return LeaseRecord("", _RELEASED_SECONDS, now, now, self.transitions)


def first_record(identity: str, duration: int, now: datetime) -> LeaseRecord:
    """The record of a Lease that does not exist yet."""
    return LeaseRecord(identity, duration, now, now)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record, and when the one who looks first saw it like this, in seconds by its own clock."""

    record: LeaseRecord
    since: float

    def seen(self, record: LeaseRecord, at: float) -> Sighting:
        """What is known after another look."""
        return self if record == self.record else Sighting(record, at)

    def free_in(self, identity: str, at: float) -> float:
        """Seconds from ``at`` until ``identity`` may take the Lease; zero or less: it may."""
        if self.record.holder in ("", identity):
            return 0.0
        return self.since + self.record.duration - at


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).strftime(_MICRO_TIME)
