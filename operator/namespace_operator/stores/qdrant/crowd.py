"""How many may wait for a server that does not answer: a few, so that the others are free for servers that do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

_FEW = 4
"""Requests that wait as long as they may: they find out when the server is back."""

PATIENCE_SECONDS = 2.0


@dataclass(slots=True)
class Crowd:
    """The requests under way to one server, each with its deadline.

    Once nothing was answered for ``patience`` seconds all but a few of those that wait are given up, and so is whatever
    comes next, until something is answered. Requests that may rightly take long are not among them.
    """

    patience: float = PATIENCE_SECONDS
    _waiting: dict[asyncio.Timeout, None] = field(default_factory=dict)
    """In the order in which they began."""
    _heard: float = 0.0
    _is_silent: bool = False
    _check: asyncio.TimerHandle | None = None

    def enter(self, deadline: asyncio.Timeout) -> None:
        """A request begins, within this deadline."""
        loop = asyncio.get_running_loop()
        if not self._waiting and not self._is_silent:
            # While nobody asks, nothing is answered.
            self._heard = loop.time()
        self._waiting[deadline] = None
        if self._is_silent and len(self._waiting) > _FEW:
            self._give_up(deadline)
        elif self._check is None:
            self._check = loop.call_later(self.patience, self._look)

    def leave(self, deadline: asyncio.Timeout, *, answered: bool) -> None:
        """A request is over."""
        self._waiting.pop(deadline, None)
        if answered:
            self._heard = asyncio.get_running_loop().time()
            self._is_silent = False

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._check = None
        if not self._waiting:
            return
        quiet = loop.time() - self._heard
        if quiet >= self.patience and len(self._waiting) > _FEW:
            self._is_silent = True
            for deadline in list(self._waiting)[_FEW:]:
                self._give_up(deadline)
        self._check = loop.call_later(self.patience / 4, self._look)

    def _give_up(self, deadline: asyncio.Timeout) -> None:
        if not deadline.expired():
            deadline.reschedule(asyncio.get_running_loop().time())
