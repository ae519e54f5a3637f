"""What the settings say of servers: the operator's own site, what tenants may name, and how each is connected to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from pydantic import SecretStr
from yarl import URL

from namespace_operator.cli.settings import Settings
from namespace_operator.controller.secrets import Credentials, Secrets, SecretUnavailable
from namespace_operator.domain.endpoints import AllowedEndpoints, Endpoint, EndpointPattern, SecretKey
from namespace_operator.domain.placement import DEFAULT, Site
from namespace_operator.domain.profiles import Tiers
from namespace_operator.kube.connection import connection_info
from namespace_operator.kube.secrets import SecretWatcher
from namespace_operator.stores.fence import UNFENCED, Fence
from namespace_operator.stores.mongodb import InvalidConnectionString
from namespace_operator.stores.qdrant import QdrantStore
from namespace_operator.telemetry.requests import Meter

_API_SERVER = "kubernetes.default.svc"
_LOOK_SECONDS = 5.0
_FORGET_SECONDS = 60.0


def operators_own(settings: Settings, tiers: Callable[[], Tiers]) -> Callable[[], Site]:
    """The connection of the configuration with the tiers of the moment: the same object as long as these are."""
    endpoint = Endpoint(name=DEFAULT, url=settings.qdrant_url, api_key=settings.qdrant_api_key_ref)
    site = Site(endpoint, tiers())

    def now() -> Site:
        nonlocal site
        if (offered := tiers()) is not site.tiers:
            site = Site(endpoint, offered)
        return site

    return now


def allowed_endpoints(settings: Settings, server: str | None = None) -> AllowedEndpoints:
    """What tenants may name. The API server is among the operator's own surroundings, by each of its names.

    ``server`` is its address where that is known already.
    """
    parts = _API_SERVER.split(".")
    names = {".".join(parts[: length + 1]) for length in range(len(parts))} | {f"{_API_SERVER}.cluster.local"}
    host = URL(server or connection_info().server).host
    patterns = tuple(EndpointPattern.parse(text) for text in settings.allowed_endpoints)
    return AllowedEndpoints(patterns, frozenset({*names, *((host,) if host else ())}))


def connector(
    settings: Settings, allowed: AllowedEndpoints, meter_of: Callable[[str], Meter], fence: Fence = UNFENCED
) -> Callable[[Endpoint, Credentials], QdrantStore]:
    """How a connection to a Qdrant server is opened: ``fence`` before every request, measured by its name."""

    def connect(endpoint: Endpoint, credentials: Credentials) -> QdrantStore:
        # The static key is that of the configured server, and of no other.
        static = settings.qdrant_api_key if endpoint.name == DEFAULT and endpoint.api_key is None else None
        return QdrantStore(
            endpoint.url,
            _plain(credentials.api_key or static),
            timeout_seconds=endpoint.timeout_seconds or settings.qdrant_timeout_seconds,
            connections=endpoint.connections,
            ca=_plain(credentials.ca),
            forbidden=None if endpoint.anywhere else allowed.inner,
            fence=fence,
            meter=meter_of(endpoint.name),
        )

    return connect


async def mongodb_uri(settings: Settings, secrets: Secrets) -> SecretStr:
    """The connection string, from the watched Secret if there is one."""
    if settings.mongodb_uri_ref is not None:
        return await first_value(secrets, settings.mongodb_uri_ref)
    assert settings.mongodb_uri is not None, "the settings refuse to have neither"
    return settings.mongodb_uri


async def first_value(secrets: Secrets, key: SecretKey) -> SecretStr:
    """The value, however long it takes until there is one."""
    while True:
        try:
            return await secrets.value(key)
        except SecretUnavailable as error:
            structlog.get_logger().warning("waiting for a Secret", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)


async def follow(secrets: Secrets, key: SecretKey, current: SecretStr, use: Callable[[str], None]) -> None:
    """Use each new value until cancelled. Without one, or with one that cannot be used, the last is kept."""
    missing = ""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            value = await secrets.value(key)
        except SecretUnavailable as error:
            if str(error) != missing:
                missing = str(error)
                structlog.get_logger().warning("a Secret is kept as it was", error=missing)
            continue
        missing = ""
        if value == current:
            continue
        current = value
        try:
            use(value.get_secret_value())
            structlog.get_logger().info("a Secret was replaced", secret=str(key))
        except InvalidConnectionString as error:
            structlog.get_logger().error("a Secret is kept as it was", secret=str(key), error=str(error))


async def forget_unused(watcher: SecretWatcher) -> None:
    """Forget Secrets that nobody asks for any more, until cancelled."""
    while True:
        await asyncio.sleep(_FORGET_SECONDS)
        watcher.forget_unused()


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
