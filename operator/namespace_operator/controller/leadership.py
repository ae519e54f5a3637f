"""One term of leadership: what every request of the leader is checked against."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from namespace_operator.stores.fence import Deposed


def boot_time() -> float:
    """Seconds of a clock that goes on while the process is frozen and while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class Leadership:
    """A fence that stands ``duration`` seconds after the last renewal was sent.

    Sent, not answered: whoever waits for the Lease saw the renewal later than that. Once over it is so for good, since
    whoever met the fence has given up its work; then only another term helps.
    """

    clock: Callable[[], float]
    duration: float
    renewed: float
    """When the last renewal that succeeded was sent."""
    _ended: bool = False

    def check(self) -> None:
        """Raise ``Deposed`` once the term is over."""
        self.remaining()

    def remaining(self) -> float:
        """Seconds that are left unless the Lease is renewed. Raises ``Deposed`` once the term is over."""
        left = self.renewed + self.duration - self.clock()
        if self._ended or left <= 0:
            self._ended = True
            raise Deposed("the term is over")
        return left

    @property
    def is_over(self) -> bool:
        """Whether nothing may be sent any more."""
        return self._ended or self.renewed + self.duration <= self.clock()

    def renew(self, sent: float) -> None:
        """Go on after a renewal that was sent at this time; a term that is over stays over."""
        if not self.is_over:
            self.renewed = max(self.renewed, sent)

    def end(self) -> None:
        """End it now."""
        self._ended = True
