"""One process of the operator: it watches, and leads whenever the Lease allows it."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field

import structlog

from namespace_operator.cli.connections import follow, forget_unused
from namespace_operator.cli.measuring import observed_work
from namespace_operator.cli.term import Lasting, Terms
from namespace_operator.controller.elector import Elector
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.kube.events import Announcer
from namespace_operator.kube.pulse import Pulse
from namespace_operator.kube.shell import Watch

_STUCK_SECONDS = 60.0
_SILENT_SECONDS = 180.0
"""An idle watch moves once a minute."""


@dataclass(slots=True)
class Process:
    """What the probes and signals of a process are about."""

    pulse: Pulse
    _terms: Terms | None = None
    _elector: Elector | None = None
    _election: asyncio.Task[None] | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def is_alive(self) -> bool:
        """Whether everything moves. That the event loop does is shown by the answer."""
        if self._terms is None or self._elector is None:
            return True
        stuck = max(self._terms.stuck_for, self._elector.still_for)
        return (
            stuck < _STUCK_SECONDS
            and self.pulse.silence < _SILENT_SECONDS
            and not any(task.done() for task in self._tasks)
        )

    def is_ready(self) -> bool:
        """Whether it knows all objects, and does the work of a leader or knows who does."""
        if self._terms is None or self._elector is None or not self.pulse.warm or self._stopping.is_set():
            return False
        return self._terms.current is not None if self._elector.leads else self._elector.knows

    def secret_changed(self, key: SecretKey) -> None:
        """A Secret changed."""
        if self._terms is not None:
            self._terms.secret_changed(key)

    async def run(self, lasting: Lasting, elector: Elector) -> None:
        """Watch and lead until terminated. Raises what ended the work of a term."""
        self._terms, self._elector = terms, _ = Terms(lasting), elector

        async def start() -> None:
            loop = asyncio.get_running_loop()
            # kopf's own handler would have the next leader wait until all of kopf has ended.
            for signum in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(signum, self._terminated)
            self._election = asyncio.create_task(elector.run(terms.lead))
            self._election.add_done_callback(self._election_ended)
            settings = lasting.settings
            announce = Announcer(lasting.client, settings.pod_namespace, settings.pod_name)
            reload = lasting.configuration.follow(terms.recheck, announce)
            loops = [terms.stay_current(), forget_unused(lasting.secrets), reload]
            if (key := lasting.settings.mongodb_uri_ref) is not None:
                loops.append(follow(lasting.secrets, key, lasting.database.uri, lasting.database.use))
            self._tasks = [self._election, *map(asyncio.create_task, loops)]

        async def stop() -> None:
            self._stopping.set()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            # kopf waits five seconds for tasks that are not its own.
            await lasting.secrets.close()

        watch = Watch(
            lasting.objects,
            terms.enqueue,
            terms.look,
            start,
            stop,
            lasting.clusters,
            terms.cluster_changed,
            self.pulse,
            observed_work(lasting.metrics, lasting.client, lasting.objects, self.pulse, terms),
            self._stopping,
        )
        await watch.run(lasting.settings.watch_namespaces)
        if self._election is not None and not self._election.cancelled():
            self._election.result()

    def _terminated(self) -> None:
        structlog.get_logger().info("terminating")
        if self._election is None or self._election.done():
            self._stopping.set()
        else:
            self._election.cancel()

    def _election_ended(self, _: asyncio.Task[None]) -> None:
        self._stopping.set()
