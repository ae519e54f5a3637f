"""``namespace-operator run``: all parts put together."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TypeVar

import structlog
from pydantic import SecretStr

from namespace_operator.cli.connections import (
    allowed_endpoints,
    connector,
    follow,
    forget_unused,
    mongodb_uri,
    operators_own,
)
from namespace_operator.cli.measuring import (
    kubernetes_meter,
    mongodb_monitor,
    observed_work,
    operators_metrics,
    qdrant_meters,
)
from namespace_operator.cli.profiles import load_profiles, load_ray
from namespace_operator.cli.settings import Settings
from namespace_operator.controller.assembly import Options, Surroundings, assemble
from namespace_operator.controller.clock import Clock
from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.controller.cluster_status import ClusterStatus
from namespace_operator.controller.clusters import Surveyor
from namespace_operator.controller.queue import Backoff, Next, WorkQueue
from namespace_operator.domain.auto_indexes import AutoIndexPolicy
from namespace_operator.domain.catalog import Catalog, CatalogError, builtin_catalog_text
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.domain.identity import Key
from namespace_operator.domain.ray import RayOptions
from namespace_operator.kube.bootstrap import check_crd, cluster_uid
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.cluster import KubeCluster
from namespace_operator.kube.clusters import KubeClusters
from namespace_operator.kube.events import Announcer
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.organizations import Organizations
from namespace_operator.kube.ray import KubeRayClusters
from namespace_operator.kube.secrets import SecretWatcher
from namespace_operator.kube.shell import Watch
from namespace_operator.stores.mongodb import MongoStore, Monitor
from namespace_operator.telemetry.health import HealthServer

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
    catalog, tiers, ray = load_catalog(settings), load_profiles(settings), load_ray(settings)
    tasks: list[asyncio.Task[None]] = []
    metrics, monotonic = operators_metrics(), asyncio.get_running_loop().time
    health = HealthServer(
        settings.health_host,
        settings.health_port,
        metrics=metrics,
        alive=lambda: not any(task.done() for task in tasks),
        ready=lambda: bool(tasks),
    )
    cluster_status: ClusterStatus | None = None

    def secret_changed(key: SecretKey) -> None:
        if cluster_status is not None:
            cluster_status.secret_changed(key)
            queue.hurry()

    async with AsyncExitStack() as closing:
        await health.start()
        closing.push_async_callback(health.stop)
        client = KubeClient(meter=kubernetes_meter(metrics))
        closing.push_async_callback(client.close)
        watcher = SecretWatcher(client, secret_changed, monotonic, random.random)
        closing.push_async_callback(watcher.close)
        mongodb_ref, uri = settings.mongodb_uri_ref, await mongodb_uri(settings, watcher)
        mongodb = _mongodb(settings, uri, mongodb_monitor(metrics))
        closing.push_async_callback(mongodb.close)
        await _patiently(lambda: check_crd(client))
        cluster = await _patiently(lambda: cluster_uid(client))
        instance_id = settings.instance_id or f"{cluster}:{settings.instance_name}"
        structlog.get_logger().info("starting", instance_id=instance_id, extractors=len(catalog.ids()))

        objects, clusters = LiveObjects(), KubeClusters(client)
        # Before the first Namespace: one that names no server must not go where it would only go without them.
        await _patiently(clusters.refresh)
        allowed = allowed_endpoints(settings)
        surveyor = Surveyor(operators_own(settings, tiers), allowed, clusters.all)

        async def process(key: Key) -> Next:
            return await reconciler.reconcile(key, check=queue.is_check(key))

        queue: WorkQueue[Key] = WorkQueue(
            process=process,
            random=random.random,
            workers=settings.workers,
            backoff=Backoff(cap=settings.resync_interval_seconds),
        )
        around = Surroundings(
            cluster=KubeCluster(
                client, objects, Organizations(client, surveyor.asks_for_labels), settings.watch_namespaces
            ),
            metadata=mongodb,
            secrets=watcher,
            ray_clusters=KubeRayClusters(client),
            landscape=surveyor.landscape,
            connect=connector(settings, allowed, qdrant_meters(metrics)),
            clock=Clock(now=client.clock.now, monotonic=monotonic, exact=client.clock.exact),
            random=random.random,
            mint_id=lambda: f"ns_{secrets.token_hex(5)}",
            new_server_id=lambda: str(uuid.uuid4()),
            reporter=metrics,
            announce=Announcer(client, settings.pod_namespace, settings.pod_name),
            enqueue=queue.add,
        )
        reconciler, sweep, fleet = assemble(_options(settings, ray, instance_id, cluster), catalog, around)

        cluster_status = ClusterStatus(
            instance_id=instance_id,
            clusters=clusters,
            survey=surveyor.survey,
            servers=fleet,
            metadata=mongodb,
            reporter=metrics,
            now=client.clock.now,
            monotonic=monotonic,
            random=random.random,
            hurry=queue.hurry,
        )

        async def start() -> None:
            loops = [queue.run(), sweep.run(), cluster_status.run(), forget_unused(watcher)]
            if mongodb_ref is not None:
                loops.append(follow(watcher, mongodb_ref, uri, mongodb.reconnect))
            tasks.extend(asyncio.create_task(loop) for loop in loops)

        async def stop() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await watcher.close()
            await fleet.close()
            # kopf waits five seconds for tasks that are not its own, and the driver has some.
            await mongodb.close()

        hearing = observed_work(metrics, client, monotonic, objects, queue.backlog, cluster_status.backlog)
        watch = Watch(objects, queue.add, start, stop, clusters, cluster_status.changed, hearing)
        await watch.run(settings.watch_namespaces)


def _mongodb(settings: Settings, uri: SecretStr, monitor: Monitor) -> MongoStore:
    database, timeout = settings.mongodb_database, settings.mongodb_timeout_seconds
    return MongoStore(uri.get_secret_value(), database, timeout_seconds=timeout, monitor=monitor)


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


def _options(settings: Settings, ray: RayOptions, instance_id: str, cluster: str) -> Options:
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
        expiry_memory=settings.expiry_memory_seconds,
        ray=ray,
        auto_indexes=AutoIndexPolicy(
            interval=timedelta(seconds=settings.auto_index_interval_seconds),
            unused=timedelta(seconds=settings.auto_index_unused_seconds) or None,
        ),
    )


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the API server answers: at the start of a cluster it may not be there yet."""
    while True:
        try:
            return await ask()
        except ClusterUnavailable as error:
            structlog.get_logger().warning("waiting for the API server", error=str(error))
            await asyncio.sleep(_BOOTSTRAP_RETRY_SECONDS)
