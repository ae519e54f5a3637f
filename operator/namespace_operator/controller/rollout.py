"""Whose turn it is to have a collection rebuilt: changed parameters make Qdrant rebuild segments, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Collection

LOOK_SECONDS = 2.0
"""When the namespace whose collection is rebuilt looks again."""

WAIT_SECONDS = 60.0
"""When a namespace that waits looks again by itself; usually it is woken before."""

_REBUILDING = "yellow"


@dataclass(frozen=True, slots=True)
class _Turn:
    key: Key
    collection: str
    since: float


@dataclass(slots=True)
class Rollout:
    """One turn a Qdrant server. ``wake`` puts a key into the queue.

    A turn ends when a later look finds the collection no longer being rebuilt, and after ``longest`` seconds anyway: a
    collection that is written to all the time may never come to rest. A restart forgets the turns.
    """

    monotonic: Callable[[], float]
    wake: Callable[[Key], None]
    longest: float = 600.0
    _turn: _Turn | None = None
    _waiting: dict[Key, None] = field(default_factory=dict)

    async def enter(self, key: Key, collection: str) -> bool:
        """Whether this collection may be rebuilt now; if not, its namespace is woken when its turn may have come."""
        now = self.monotonic()
        if self._turn is None or now - self._turn.since >= self.longest:
            self._turn = _Turn(key, collection, now)
        if self._turn.collection == collection:
            return True
        self._waiting[key] = None
        return False

    def look(self, key: Key, collection: Collection | None) -> None:
        """What a reconcile that begins found: it ends the namespace's turn unless the rebuilding goes on.

        Whether the namespace still waits is up to this reconcile.
        """
        self._waiting.pop(key, None)
        turn = self._turn
        if turn is None or turn.key != key:
            return
        if collection is None or collection.name != turn.collection or collection.status != _REBUILDING:
            self.leave(key)

    def leave(self, key: Key) -> None:
        """The namespace neither has nor waits for a turn any more."""
        self._waiting.pop(key, None)
        if self._turn is None or self._turn.key != key:
            return
        self._turn = None
        following = next(iter(self._waiting), None)
        if following is not None:
            # If it has lost interest, the others come by themselves.
            del self._waiting[following]
            self.wake(following)

    def again_in(self, key: Key) -> float | None:
        """Seconds after which this namespace is to look again for its own or another's turn to end; None: no need."""
        if self._turn is not None and self._turn.key == key:
            return LOOK_SECONDS
        return WAIT_SECONDS if key in self._waiting else None
