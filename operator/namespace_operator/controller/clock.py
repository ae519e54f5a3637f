"""Time as the controller sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """``now`` in UTC and whole seconds, ``monotonic`` in seconds.

    ``exact`` is the same as ``now`` with fractions of a second, where they are known.
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    exact: Callable[[], datetime] | None = None

    def until(self, moment: datetime) -> float:
        """Seconds from now, negative for a moment in the past."""
        return (moment - (self.exact or self.now)()).total_seconds()
