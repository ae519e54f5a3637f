"""One run: faults and edits for a while, then everything is healed, awaited, and judged."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.client import Client
from chaos.faults import Faults
from chaos.lives import Cast
from chaos.memory import Growth, Sample, growth, resident
from chaos.servers import ORGANIZATION, Servers, Unknown
from chaos.stage import Stage
from chaos.timeline import CALM_PART, Fault, Kind, timeline
from chaos.verdict import Scene, is_quiet, judge
from devstack.release import RELEASE, RELEASE_NAMESPACE
from namespace_operator.domain.catalog import Catalog, builtin_catalog_text

_SAMPLE_SECONDS = 1.0
_QUIET_SECONDS = 300.0
_SETTLED_SECONDS = 12.0
_LOOK_SECONDS = 2.0
_READS = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed: ``problems`` is empty if all is as it has to be."""

    problems: tuple[str, ...]
    done: Counter[Kind]
    missed: Counter[Kind]
    edits: Counter[str]
    grown: tuple[Growth, ...]
    quiet_after: float | None
    """Seconds from the last fault to rest; None if that did not come."""
    objects: int
    points: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run of so many seconds over so many Namespaces; the seed decides all that is decided here."""

    seed: int
    seconds: float
    namespaces: int
    tell: Callable[[str], None]

    async def on(self, stage: Stage) -> Outcome:
        """Disturb the stage, and judge what is left."""
        faults = Faults(stage.stack, stage.wires, stage.disk)
        await asyncio.to_thread(stage.stack.kubectl, "create", "namespace", ORGANIZATION)
        async with Servers(stage.stack) as servers:
            client = Client(Cast(self.namespaces), servers, self.seed)
            await servers.plant()
            await client.begin()
            self.tell(f"{self.namespaces} Namespaces are made")
            samples = await self._disturb(faults, client, stage)
            await faults.heal()
            healed = time.monotonic()
            await client.end()
            scene = await self._rest(servers)
            quiet_after = time.monotonic() - healed if is_quiet(scene) else None
            # What is read in several requests is one moment only while nothing changes.
            problems = judge(await servers.scene(), servers.ledger, Catalog.load(builtin_catalog_text()))
            problems += await self._unrest(stage) if quiet_after is not None else ["it does not come to rest"]
            points = sum(n for one, n in servers.ledger.points.items() if one not in servers.ledger.doomed)
            grown = growth(samples)
            return Outcome(
                tuple(problems),
                faults.done,
                faults.missed,
                client.edits,
                grown,
                quiet_after,
                len(scene.objects),
                points,
            )

    async def _disturb(self, faults: Faults, client: Client, stage: Stage) -> Sequence[Sample]:
        began, samples = time.monotonic(), list[Sample]()

        def tell(fault: Fault) -> None:
            self.tell(str(fault))

        async def sample() -> None:
            while True:
                at = time.monotonic() - began
                if at >= self.seconds * (1 - CALM_PART):
                    sizes = ((pid, resident(pid)) for pid in stage.stack.operator_pids())
                    samples.extend(Sample(at, pid, rss) for pid, rss in sizes if rss is not None)
                await asyncio.sleep(_SAMPLE_SECONDS)

        beside = [asyncio.create_task(client.run()), asyncio.create_task(sample())]
        try:
            await faults.run(timeline(self.seed, self.seconds), tell)
            await asyncio.sleep(max(0.0, began + self.seconds - time.monotonic()))
        finally:
            for task in beside:
                task.cancel()
            ended = await asyncio.gather(*beside, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error
        return samples

    async def _rest(self, servers: Servers) -> Scene:
        """The first scene without unrest or problems, or the last one."""
        deadline = time.monotonic() + _QUIET_SECONDS
        catalog = Catalog.load(builtin_catalog_text())
        while True:
            try:
                scene = await servers.scene()
            except Unknown:
                scene = None
            if scene is not None:
                over = time.monotonic() > deadline
                if over or (is_quiet(scene) and not judge(scene, servers.ledger, catalog)):
                    return scene
            await asyncio.sleep(_LOOK_SECONDS)

    async def _unrest(self, stage: Stage) -> list[str]:
        """Writes of the operator to the API server once there is nothing left to do, but for its Lease and numbers."""
        before = stage.stack.audit_log.stat().st_size
        await asyncio.sleep(_SETTLED_SECONDS)
        with stage.stack.audit_log.open() as log:
            log.seek(before)
            entries = [json.loads(line) for line in log]
        user = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
        writes = Counter(
            f"{entry['verb']} {entry['objectRef'].get('resource')}/{entry['objectRef'].get('subresource', '')}"
            for entry in entries
            if entry["user"]["username"] == user
            and entry["verb"] not in _READS
            and entry.get("objectRef", {}).get("resource") != "leases"
        )
        # A live number that changed is told once a minute.
        unrest = {what: count for what, count in writes.items() if not what.endswith("/status")}
        return [f"{what}, {count} times, although there is nothing to do" for what, count in unrest.items()]
