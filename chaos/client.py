"""The tenants: edits of all Namespaces at random moments, and points for those that are Ready."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from chaos.lives import Cast, Remove
from chaos.servers import POINTS, Servers, Unknown
from chaos.verdict import Object

_EDITORS = 6
_PAUSE_SECONDS = 1.5
"""The mean pause of an editor between two edits."""


@dataclass(slots=True)
class Client:
    """Edits one object after the other, each editor its own share of them: nobody else writes to their specs."""

    cast: Cast
    servers: Servers
    seed: int
    edits: Counter[str] = field(default_factory=Counter)
    """How the API server answered, by what was asked."""

    async def begin(self) -> None:
        """Make every object."""
        await asyncio.gather(*(self._begin(Random(f"{self.seed}/{n}"), names) for n, names in self._shares()))

    async def run(self) -> None:
        """Edit until cancelled. What was asked last may or may not have happened then."""
        await asyncio.gather(*(self._edit(Random(f"{self.seed}/edit/{n}"), names) for n, names in self._shares()))

    async def end(self) -> None:
        """Make again what is not there, so that there is something to look at."""
        await asyncio.gather(*(self._begin(Random(f"{self.seed}/end/{n}"), names) for n, names in self._shares()))

    def _shares(self) -> list[tuple[int, tuple[str, ...]]]:
        return [(number, self.cast.names[number::_EDITORS]) for number in range(_EDITORS)]

    async def _begin(self, random: Random, names: tuple[str, ...]) -> None:
        for name in names:
            while (known := await self.servers.get(name)) is None or "deletionTimestamp" in known["metadata"]:
                if known is None:
                    await self._step(random, name, known)
                await asyncio.sleep(0.2)

    async def _edit(self, random: Random, names: tuple[str, ...]) -> None:
        while True:
            await asyncio.sleep(random.expovariate(1 / _PAUSE_SECONDS))
            name = random.choice(names)
            known = await self.servers.get(name)
            if known is not None and "deletionTimestamp" in known["metadata"]:
                continue
            if known is not None:
                self.servers.ledger.know(name, (known.get("status") or {}).get("namespaceId"))
                await self._fill(known)
            await self._step(random, name, known)

    async def _step(self, random: Random, name: str, known: Object | None) -> None:
        step = self.cast.next(random, name, known["spec"] if known else None)
        try:
            if isinstance(step, Remove):
                assert known is not None
                if known["spec"]["deletionPolicy"] == "Delete":
                    # Before it is asked for: whether it happened may stay unknown.
                    self.servers.ledger.doom(name)
                answer = await self.servers.remove(name)
            else:
                answer = await self.servers.put(name, step.spec, known)
        except Unknown:
            answer = 0
        asked = "delete" if isinstance(step, Remove) else "create" if known is None else "edit"
        self.edits[f"{asked}: {answer or 'no answer'}"] += 1

    async def _fill(self, known: Object) -> None:
        status, ledger = known.get("status") or {}, self.servers.ledger
        namespace_id = str(status.get("namespaceId"))
        ready = any((c["type"], c["status"]) == ("Ready", "True") for c in status.get("conditions", ()))
        if not ready or namespace_id in ledger.points or namespace_id in ledger.doomed:
            return
        try:
            await self.servers.fill(status["collection"], namespace_id)
        except Unknown:
            # They may be there or not: tried again with the same ids, until it is known.
            return
        ledger.points[namespace_id] = POINTS
