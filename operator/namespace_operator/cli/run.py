"""``namespace-operator run``: all parts put together."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from namespace_operator import __version__
from namespace_operator.cli.settings import Settings
from namespace_operator.controller.assembly import Options, Surroundings, assemble
from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.controller.queue import Backoff, Next, WorkQueue
from namespace_operator.controller.reconcile import Clock
from namespace_operator.controller.secrets import Credentials, NoSecrets
from namespace_operator.domain.catalog import Catalog, CatalogError, builtin_catalog_text
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.identity import Key
from namespace_operator.domain.placement import DEFAULT, Landscape, Site
from namespace_operator.domain.profiles import builtin_tiers
from namespace_operator.kube.bootstrap import check_crd, cluster_uid
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.cluster import KubeCluster
from namespace_operator.kube.events import Announcer
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.organizations import Organizations
from namespace_operator.kube.shell import Watch
from namespace_operator.stores.mongodb import MongoStore
from namespace_operator.stores.qdrant import QdrantStore
from namespace_operator.telemetry.health import HealthServer
from namespace_operator.telemetry.metrics import Metrics

T = TypeVar("T")

_BOOTSTRAP_RETRY_SECONDS = 2.0
_TOMBSTONE_SECONDS = 120.0
_TOMBSTONE_TIMEOUTS = 6


async def run(settings: Settings) -> None:
    """Run the operator until it is terminated. Cancelled by SIGTERM before the watch begins, stopped by kopf later."""
    task = asyncio.current_task()
    assert task is not None
    # The first process of a container is not ended by a signal that it does not handle. kopf takes over later.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    catalog = load_catalog(settings)
    tasks: list[asyncio.Task[None]] = []
    metrics = Metrics(__version__)
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        metrics=metrics,
        alive=lambda: not any(task.done() for task in tasks),
        ready=lambda: bool(tasks),
    )
    await health.start()
    client = KubeClient()
    own = Endpoint(name=DEFAULT, url=settings.qdrant_url)
    landscape = Landscape(Site(own, builtin_tiers()))

    def connect(endpoint: Endpoint, credentials: Credentials) -> QdrantStore:
        key = credentials.api_key or (settings.qdrant_api_key if endpoint.name == DEFAULT else None)
        return QdrantStore(
            endpoint.url,
            key.get_secret_value() if key else None,
            timeout_seconds=endpoint.timeout_seconds or settings.qdrant_timeout_seconds,
            connections=endpoint.connections,
        )

    mongodb = MongoStore(
        settings.mongodb_uri.get_secret_value(),
        settings.mongodb_database,
        timeout_seconds=settings.mongodb_timeout_seconds,
    )
    try:
        await _patiently(lambda: check_crd(client))
        cluster = await _patiently(lambda: cluster_uid(client))
        instance_id = settings.instance_id or f"{cluster}:{settings.instance_name}"
        structlog.get_logger().info("starting", instance_id=instance_id, extractors=len(catalog.ids()))

        objects = LiveObjects()

        async def process(key: Key) -> Next:
            return await reconciler.reconcile(key)

        queue: WorkQueue[Key] = WorkQueue(
            process=process,
            random=random.random,
            workers=settings.workers,
            backoff=Backoff(cap=settings.resync_interval_seconds),
        )
        around = Surroundings(
            cluster=KubeCluster(client, objects, Organizations(client), settings.watch_namespaces),
            metadata=mongodb,
            secrets=NoSecrets(),
            landscape=lambda: landscape,
            connect=connect,
            clock=Clock(
                now=lambda: datetime.now(UTC).replace(microsecond=0), monotonic=asyncio.get_running_loop().time
            ),
            random=random.random,
            mint_id=lambda: f"ns_{secrets.token_hex(5)}",
            new_server_id=lambda: str(uuid.uuid4()),
            reporter=metrics,
            announce=Announcer(client, settings.pod_namespace, settings.pod_name),
            enqueue=queue.add,
        )
        reconciler, sweep, fleet = assemble(_options(settings, instance_id, cluster), catalog, around)

        async def start() -> None:
            tasks.extend((asyncio.create_task(queue.run()), asyncio.create_task(sweep.run())))

        async def stop() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await fleet.close()
            # kopf waits five seconds for tasks that are not its own, and the driver has some.
            await mongodb.close()

        await Watch(objects, queue.add, start, stop).run(settings.watch_namespaces)
    finally:
        await asyncio.gather(health.stop(), client.close(), mongodb.close())


def load_catalog(settings: Settings) -> Catalog:
    """The catalog the settings name, or the built-in one. Raises ``CatalogError``."""
    path = settings.catalog_path
    if path is None:
        return Catalog.load(builtin_catalog_text())
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the catalog {path} cannot be read ({type(error).__name__}); check NAMESPACE_OPERATOR_CATALOG_PATH"
        raise CatalogError(message) from error
    return Catalog.load(text)


def _options(settings: Settings, instance_id: str, cluster: str) -> Options:
    return Options(
        instance_id=instance_id,
        cluster_uid=cluster,
        guarded=settings.guarded,
        dependents=settings.delete_dependents,
        watched=settings.watch_namespaces,
        resync_interval=settings.resync_interval_seconds,
        sweep_interval=settings.sweep_interval_seconds,
        # A request of ours is given up after the timeout; a proxy on the way may still hold it for a while.
        tombstone_age=settings.tombstone_seconds
        or max(_TOMBSTONE_SECONDS, _TOMBSTONE_TIMEOUTS * settings.qdrant_timeout_seconds),
    )


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the API server answers: at the start of a cluster it may not be there yet."""
    while True:
        try:
            return await ask()
        except ClusterUnavailable as error:
            structlog.get_logger().warning("waiting for the API server", error=str(error))
            await asyncio.sleep(_BOOTSTRAP_RETRY_SECONDS)
