"""Who waits for a claim that another namespace holds, so that its release wakes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from namespace_operator.domain.identity import Key


@dataclass(slots=True)
class Waiting:
    """Keys by the claim they wait for. Forgetting is harmless: they also come back by themselves, only later."""

    enqueue: Callable[[Key], None]
    _keys: defaultdict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))

    def wait(self, key: Key, claims: Iterable[str]) -> None:
        """Remember that this key waits for these claims."""
        for claim in claims:
            self._keys[claim].add(key)

    def release(self, claims: Iterable[str]) -> None:
        """Wake whoever waits for one of these."""
        for claim in claims:
            for key in self._keys.pop(claim, ()):
                self.enqueue(key)
