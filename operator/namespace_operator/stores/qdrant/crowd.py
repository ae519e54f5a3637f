"""How many may wait for a server that does not answer: a few, so that the others are free for servers that do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

_FEW = 4
"""Requests that wait as long as they may: they find out when the server is back."""

PATIENCE_SECONDS = 2.0


@dataclass(slots=True)
class Crowd:
    """Who waits for one server, each with its deadline: requests under way, and those who wait for another's request.

    Once a request was under way and nothing was answered for ``patience`` seconds all but a few of those that wait are
    given up, and so is whatever comes next, until something is answered. Requests that may rightly take long are not
    among them.
    """

    patience: float = PATIENCE_SECONDS
    _requests: dict[asyncio.Timeout, None] = field(default_factory=dict)
    """In the order in which they began."""
    _onlookers: dict[asyncio.Timeout, None] = field(default_factory=dict)
    """Those who wait for another's request, in the order in which they came."""
    _heard: float = 0.0
    _is_silent: bool = False
    _check: asyncio.TimerHandle | None = None

    def enter(self, deadline: asyncio.Timeout) -> None:
        """A request begins, within this deadline."""
        if not self._requests and not self._is_silent:
            # While nobody asks, nothing is answered.
            self._heard = asyncio.get_running_loop().time()
        self._requests[deadline] = None
        if self._is_silent and len(self._requests) > _FEW:
            _give_up(deadline)
        else:
            self._look_later(self.patience)

    def join(self, deadline: asyncio.Timeout) -> None:
        """Somebody waits for what another asks the server, or is about to ask."""
        self._onlookers[deadline] = None
        if self._is_silent and self._waiting > _FEW:
            _give_up(deadline)

    def leave(self, deadline: asyncio.Timeout, *, answered: bool = False) -> None:
        """A request is over, or a wait."""
        self._requests.pop(deadline, None)
        self._onlookers.pop(deadline, None)
        if answered:
            self._heard = asyncio.get_running_loop().time()
            self._is_silent = False

    @property
    def _waiting(self) -> int:
        return len(self._requests) + len(self._onlookers)

    def _look_later(self, seconds: float) -> None:
        if self._check is None:
            self._check = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._check = None
        if not self._requests:
            return
        quiet = asyncio.get_running_loop().time() - self._heard
        if quiet >= self.patience and self._waiting > _FEW:
            self._is_silent = True
            for deadline in [*self._requests, *self._onlookers][_FEW:]:
                _give_up(deadline)
        self._look_later(self.patience / 4)


def _give_up(deadline: asyncio.Timeout) -> None:
    if not deadline.expired():
        deadline.reschedule(asyncio.get_running_loop().time())
