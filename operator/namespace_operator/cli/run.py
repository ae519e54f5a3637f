"""``namespace-operator run``: all parts put together."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog

from namespace_operator.cli.connections import allowed_endpoints, mongodb_uri, operators_own
from namespace_operator.cli.database import Database
from namespace_operator.cli.measuring import kubernetes_meter, mongodb_monitor, operators_metrics
from namespace_operator.cli.process import Process
from namespace_operator.cli.reload import Configuration
from namespace_operator.cli.settings import Settings
from namespace_operator.cli.term import Lasting
from namespace_operator.controller.assembly import Options
from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.controller.clusters import Surveyor
from namespace_operator.controller.elector import Elector, Timing
from namespace_operator.controller.leadership import boot_time
from namespace_operator.domain.auto_indexes import AutoIndexPolicy
from namespace_operator.kube.bootstrap import check_crd, cluster_uid
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.clusters import KubeClusters
from namespace_operator.kube.connection import connection_info
from namespace_operator.kube.lease import KubeLease
from namespace_operator.kube.objects import LiveObjects
from namespace_operator.kube.pulse import Pulse
from namespace_operator.kube.secrets import SecretWatcher
from namespace_operator.telemetry.health import HealthServer
from namespace_operator.telemetry.metrics import Metrics

T = TypeVar("T")

_BOOTSTRAP_RETRY_SECONDS = 2.0
_TOMBSTONE_SECONDS = 120.0
_TOMBSTONE_TIMEOUTS = 6
_LEASE_CONNECTIONS = 2
_STOP_SECONDS = 3.0


async def run(settings: Settings) -> None:
    """Run the operator until it is terminated. Cancelled by SIGTERM before the watch begins, stopped by us later."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    # The first process of a container is not ended by a signal that it does not handle.
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    metrics, process = operators_metrics(), Process(Pulse(loop.time))
    configuration = Configuration(settings, metrics)
    health = HealthServer(
        settings.health_host, settings.health_port, metrics=metrics, alive=process.is_alive, ready=process.is_ready
    )
    async with AsyncExitStack() as closing:
        await health.start()
        closing.push_async_callback(health.stop)
        meter = kubernetes_meter(metrics)
        client = KubeClient(meter=meter)
        closing.push_async_callback(client.close)
        watcher = SecretWatcher(client, process.secret_changed, loop.time, random.random)
        closing.push_async_callback(watcher.close)
        database = Database(settings, await mongodb_uri(settings, watcher), mongodb_monitor(metrics))
        await _patiently(lambda: check_crd(client))
        cluster = await _patiently(lambda: cluster_uid(client))
        instance_id = settings.instance_id or f"{cluster}:{settings.instance_name}"
        structlog.get_logger().info(
            "starting", instance_id=instance_id, extractors=len(configuration.offer().catalog.ids())
        )

        clusters = KubeClusters(client)
        # Before the first Namespace: one that names no server must not go where it would only go without them.
        await _patiently(clusters.refresh)
        lasting = Lasting(
            settings=settings,
            options=_options(settings, instance_id, cluster),
            configuration=configuration,
            client=client,
            secrets=watcher,
            objects=LiveObjects(),
            clusters=clusters,
            surveyor=Surveyor(
                operators_own(settings, lambda: configuration.offer().tiers), allowed_endpoints(settings), clusters.all
            ),
            database=database,
            metrics=metrics,
            monotonic=loop.time,
        )
        lease = KubeClient(
            timeout_seconds=settings.lease_renew_deadline_seconds / 2, connections=_LEASE_CONNECTIONS, meter=meter
        )
        closing.push_async_callback(lease.close)
        await process.run(lasting, _elector(settings, lease, metrics))


def _elector(settings: Settings, client: KubeClient, metrics: Metrics) -> Elector:
    namespace = settings.pod_namespace or connection_info().default_namespace or "default"
    return Elector(
        store=KubeLease(client, namespace, settings.lease_name),
        # A container that starts again in its Pod is another process, and must not take the Lease for its own.
        identity=f"{settings.pod_name or socket.gethostname()}_{uuid.uuid4()}",
        timing=Timing(
            settings.lease_duration_seconds,
            settings.lease_renew_deadline_seconds,
            settings.lease_retry_seconds,
            # The driver leaves a list that MongoDB does not go on with only after the timeout.
            stop=settings.mongodb_timeout_seconds + _STOP_SECONDS,
        ),
        clock=boot_time,
        # For people: what counts is measured by the clock above.
        now=lambda: datetime.now(UTC),
        random=random.random,
        told=metrics.leads,
    )


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
        expiry_memory=settings.expiry_memory_seconds,
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
