"""The time of the API server, which decides what is over: learnt from the dates of its answers.

The local clock may be wrong, and may jump. So the server's time is the local monotonic clock and a difference. A date
has whole seconds, and an answer takes its time; each one says that the difference lies within an interval, and what
lies in all of them is soon much narrower than a second. The earliest time that is possible is the one that counts:
nothing happens before its time by the server's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

_DRIFT = 200e-6
"""Seconds by which the two clocks may part in a second."""

_DATE_RESOLUTION = 1.0


# Many answers have the same date.
@lru_cache(maxsize=8)
def _seconds(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


def _local_time() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class ServerClock:
    """``monotonic`` in seconds never jumps; ``wall`` is the local time, which counts until the first answer."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime] = _local_time
    _low: float | None = None
    """The server's time in seconds since 1970, less the monotonic clock: at least, and at most."""
    _high: float = 0.0
    _at: float = 0.0

    def hear(self, date: str, sent: float, received: float) -> None:
        """Learn from an answer with this HTTP date, asked for and received at these monotonic times."""
        try:
            second = _seconds(date)
        except ValueError:
            return
        low, high = second - received, second + _DATE_RESOLUTION - sent
        if self._low is not None:
            parted = _DRIFT * max(0.0, received - self._at)
            narrowed = (max(low, self._low - parted), min(high, self._high + parted))
            # Where they do not meet, one of the clocks was set, or the machine slept: what was known is void.
            low, high = narrowed if narrowed[0] <= narrowed[1] else (low, high)
        self._low, self._high, self._at = low, high, received

    def exact(self) -> datetime:
        """The server's time, or a moment before it."""
        if self._low is None:
            return self.wall()
        return datetime.fromtimestamp(self.monotonic() + self._low, UTC)

    def now(self) -> datetime:
        """The same in whole seconds."""
        return self.exact().replace(microsecond=0)
