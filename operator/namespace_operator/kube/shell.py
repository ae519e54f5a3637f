"""kopf as the watch: every event becomes a key in the work queue, and nothing more happens in a handler.

kopf's handlers of state changes (create, update, delete) are driven by edges and keep annotations on the objects;
``on.event`` has neither.

kopf would end the process where we can wait. The settings below keep it waiting while connections fail and answers are
403, 429 or 5xx, and the login while they are 401, however long that lasts. What is left:

* An error within the stream of a watch other than 410, an expired page of the first list, and any other refusal of a
  list or watch (404: the CRD was removed) end the process. kopf leaves no way to go on; the Pod starts again and
  lists everything anew.
* A request that is being repeated keeps the TLS context it began with, so a watch is blind once the API server has a
  CA that the context does not know. Kubernetes rotates it with the old and the new one in the file for a time, and
  the next login, after ten minutes at most, reads the file. Meanwhile the sweep, whose client reads it each minute,
  finds what changed.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import kopf

from namespace_operator.api.cluster import CLUSTER_PLURAL
from namespace_operator.api.resource import GROUP, PLURAL, VERSION
from namespace_operator.domain.identity import Key
from namespace_operator.kube.clusters import KubeClusters
from namespace_operator.kube.connection import connection_info
from namespace_operator.kube.hearing import Hearing
from namespace_operator.kube.objects import LiveObjects, key_of
from namespace_operator.kube.pulse import Pulse, listened_to

_MAX_BACKOFF_SECONDS = 30.0
_LOGIN_HOLDS_SECONDS = 60.0
# A list of all objects in one piece would hold up the event loop for a second, and its memory is not given back.
_PAGE = 500


class _EndlessBackoff:
    """Delays in seconds that grow to half a minute and never end; kopf gives up where they do."""

    def __iter__(self) -> Iterator[float]:
        delay = 0.5
        while True:
            yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
            delay = min(delay * 2, _MAX_BACKOFF_SECONDS)


@dataclass(slots=True)
class Logins:
    """Credentials for kopf, which asks for others as soon as the API server refuses the last.

    Where those held for a minute the next are given at once, else after a delay that grows.
    """

    _given: float = float("-inf")
    _delays: Iterator[float] = field(default_factory=lambda: iter(_EndlessBackoff()))

    async def next(self) -> kopf.ConnectionInfo:
        """The credentials as they are now."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._given > _LOGIN_HOLDS_SECONDS:
            self._delays = iter(_EndlessBackoff())
        else:
            await asyncio.sleep(next(self._delays))
        self._given = loop.time()
        return connection_info()


class _NoProgress(kopf.ProgressStorage):
    """No handler of ours has progress to keep on the objects."""

    def fetch(self, **_: Any) -> None:  # noqa: ANN401 - kopf's signature
        return None

    def store(self, **_: Any) -> None:  # noqa: ANN401
        return None

    def purge(self, **_: Any) -> None:  # noqa: ANN401
        return None

    def touch(self, **_: Any) -> None:  # noqa: ANN401
        return None

    def clear(self, *, essence: Any) -> Any:  # noqa: ANN401
        return essence


class _NoDiffBase(kopf.DiffBaseStorage):
    """No handler of ours needs the difference to the last handled object."""

    def build(self, **_: Any) -> Any:  # noqa: ANN401
        return {}

    def fetch(self, **_: Any) -> None:  # noqa: ANN401
        return None

    def store(self, **_: Any) -> None:  # noqa: ANN401
        return None


@dataclass(frozen=True, slots=True)
class Watch:
    """Runs kopf over our two resources.

    ``start`` and ``stop`` are awaited when kopf starts and ends. ``enqueue`` gets the key of what changed, ``look``
    that of what a list showed, ``cluster_changed`` the name of an InfrastructureCluster that changed, and ``hearing``
    each event. Once ``stopping`` is set kopf ends.
    """

    objects: LiveObjects
    enqueue: Callable[[Key], None]
    look: Callable[[Key], None]
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]
    clusters: KubeClusters
    cluster_changed: Callable[[str], None]
    pulse: Pulse
    hearing: Hearing
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, namespaces: Collection[str]) -> None:
        """Watch these Kubernetes namespaces, or all of them if there are none given, until terminated.

        The InfrastructureClusters belong to none, and are watched in any case.
        """
        self.pulse.expect(namespaces)
        await kopf.operator(
            registry=self._registry(),
            settings=_settings(),
            standalone=True,
            # Unused without peering, but kopf would look up the user's name for it, and a Pod's uid has none.
            identity="namespace-operator",  # type: ignore[arg-type] # a str type that kopf does not export
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=self.stopping,
        )

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        logins = Logins()

        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.AiohttpSession:
            return listened_to(await logins.next(), self.pulse)

        @kopf.on.startup(registry=registry)
        async def startup(**_: object) -> None:
            await self.start()
            gc.set_threshold(50_000, 50, 1_000)

        @kopf.on.cleanup(registry=registry)
        async def cleanup(**_: object) -> None:
            await self.stop()

        @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
        async def event(event: Any, **_: object) -> None:  # noqa: ANN401 - kopf's raw event
            self._on_event(event["type"], event["object"])

        @kopf.on.event(GROUP, VERSION, CLUSTER_PLURAL, registry=registry)
        async def cluster_event(event: Any, **_: object) -> None:  # noqa: ANN401 - kopf's raw event
            self._on_cluster_event(event["type"], event["object"])

        return registry

    def _on_event(self, kind: str | None, obj: dict[str, Any]) -> None:
        self.hearing.heard(PLURAL, kind, obj)
        key = key_of(obj["metadata"])
        if kind == "DELETED":
            self.objects.drop(key, obj["metadata"]["uid"])
            self.enqueue(key)
        elif self.objects.put(obj):
            (self.look if kind is None else self.enqueue)(key)

    def _on_cluster_event(self, kind: str | None, obj: dict[str, Any]) -> None:
        self.hearing.heard(CLUSTER_PLURAL, kind, obj)
        name = obj["metadata"]["name"]
        if kind == "DELETED":
            self.clusters.drop(name, obj["metadata"]["uid"])
            self.cluster_changed(name)
        elif self.clusters.put(obj):
            self.cluster_changed(name)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = 0.5
    settings.queueing.exit_timeout = 2.0
    settings.watching.chunk_size = _PAGE
    settings.watching.server_timeout = 300
    settings.watching.inactivity_timeout = 70
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = _EndlessBackoff()
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.diffbase_storage = _NoDiffBase()
    return settings
