"""The stores as the operator reaches them: addresses and credentials, from the user or from the running release."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from namespace_operator.cli.connections import allowed_endpoints, connector, operators_own
from namespace_operator.cli.ending import CommandError, invalid_settings
from namespace_operator.cli.options import ReleaseOptions, StoreOptions
from namespace_operator.cli.profiles import RayOptionsError, load_profiles, load_ray
from namespace_operator.cli.release import PREFIX, Release, UserSecrets, find_release
from namespace_operator.cli.session import Session
from namespace_operator.cli.settings import Settings
from namespace_operator.controller.cluster import ClusterError
from namespace_operator.controller.clusters import Surveyor
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.instance import InstanceClaim
from namespace_operator.controller.preview import Previewer
from namespace_operator.controller.ray import RaySync
from namespace_operator.controller.secrets import Credentials, SecretUnavailable
from namespace_operator.domain.catalog import Catalog, CatalogError, builtin_catalog_text
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.planning import Context
from namespace_operator.domain.profiles import TiersError
from namespace_operator.domain.ray import RayOptions
from namespace_operator.kube.bootstrap import cluster_uid
from namespace_operator.kube.clusters import KubeClusters
from namespace_operator.kube.connection import in_cluster
from namespace_operator.kube.ray import KubeRayClusters
from namespace_operator.stores.mongodb import InvalidConnectionString, MongoStore, at_address
from namespace_operator.stores.protocols import MetadataStore, VectorStore
from namespace_operator.stores.readonly import read_only_metadata, read_only_vectors
from namespace_operator.telemetry.requests import UNMEASURED

_FILES = ("catalog_path", "tiers_path", "ray_path")
_URI = f"{PREFIX}MONGODB_URI"
_CANDIDATE = "ns_new"
_TOMBSTONE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that a look at the stores needs. ``notes`` say what could not be had, and what that means."""

    settings: Settings
    instance_id: str
    cluster_uid: str
    release: Release | None
    catalog: Catalog
    ray: RayOptions
    mongodb_uri: SecretStr
    metadata: MetadataStore
    fleet: Fleet
    previewer: Previewer
    now: Callable[[], Any]
    notes: tuple[str, ...] = ()

    async def verify(self) -> None:
        """Raise ``Rejected`` unless cluster and MongoDB are those of one operator.

        What another cluster has no object of, or another MongoDB no document, would be taken for nobody's.
        """
        await InstanceClaim(self.metadata, self.instance_id, self.cluster_uid).verify()


@dataclass(slots=True)
class _Gathered:
    """What the settings are made of, and what is to be told of it."""

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@asynccontextmanager
async def opened(
    session: Session, release_options: ReleaseOptions, stores: StoreOptions, *, writes: bool = False
) -> AsyncIterator[Access]:
    """Reach the stores. Raises ``CommandError``, which says what is missing and how to give it."""
    async with AsyncExitStack() as closing:
        directory = Path(closing.enter_context(TemporaryDirectory()))
        release, notes = await _release(session, release_options)
        settings, more = await gather_settings(session, release, stores, directory)
        notes += more
        uri = await _mongodb_uri(session, settings, stores)
        mongodb = _mongodb(settings, uri)
        closing.push_async_callback(mongodb.close)
        metadata: MetadataStore = mongodb if writes else read_only_metadata(mongodb)
        uid = await _cluster_uid(session, settings, writes=writes)
        instance_id = settings.instance_id or f"{uid}:{settings.instance_name}"
        catalog, tiers, ray = _files(settings)
        clusters = KubeClusters(session.client)
        try:
            await clusters.refresh()
        except ClusterError as error:
            notes.append(f"InfrastructureClusters are not looked at ({error}): what is bound to one is not told right")
        allowed = allowed_endpoints(settings, session.server)
        surveyor = Surveyor(operators_own(settings, lambda: tiers), allowed, clusters.all)
        connect = connector(settings, allowed, lambda _name: UNMEASURED)
        loop = asyncio.get_running_loop()
        fleet = Fleet(
            instance_id=instance_id,
            metadata=metadata,
            secrets=UserSecrets(session.client),
            landscape=surveyor.landscape,
            connect=connect if writes else _reading(connect),
            new_server_id=_never,
            monotonic=loop.time,
            claim=_nothing,
            wake=lambda _key: None,
        )
        closing.push_async_callback(fleet.close)

        def context() -> Context:
            return Context(
                instance_id=instance_id,
                catalog=catalog,
                now=session.client.clock.now(),
                candidate_id=_CANDIDATE,
                guarded=settings.guarded,
                dependents=settings.delete_dependents,
            )

        sync = RaySync(KubeRayClusters(session.client), ray)
        previewer = Previewer(instance_id, metadata, fleet, sync, context)
        yield Access(
            settings=settings,
            instance_id=instance_id,
            cluster_uid=uid,
            release=release,
            catalog=catalog,
            ray=ray,
            mongodb_uri=uri,
            metadata=metadata,
            fleet=fleet,
            previewer=previewer,
            now=session.client.clock.now,
            notes=tuple(notes),
        )


async def _release(session: Session, options: ReleaseOptions) -> tuple[Release | None, list[str]]:
    try:
        return await find_release(session.client, options), []
    except CommandError as error:
        try:
            Settings()
        except ValidationError:
            said = f"{PREFIX}QDRANT_URL, {PREFIX}QDRANT_API_KEY and {_URI}"
            raise CommandError(f"{error}. Or say where the stores are: {said}") from error
        # In the operator's own Pod everything is there that the release would tell.
        notes = [] if in_cluster() else [f"{error}; {PREFIX}... of the environment and the built-in catalog are used"]
        return None, notes


async def gather_settings(
    session: Session, release: Release | None, stores: StoreOptions, directory: Path
) -> tuple[Settings, list[str]]:
    """The operator's settings as the release has them, with what the user's environment and options say instead."""
    gathered = _Gathered()
    if release is not None:
        of_release = {name.removeprefix(PREFIX).lower(): value for name, value in release.environment.items()}
        known = Settings.model_fields.keys() - _given_here()
        gathered.values.update({name: value for name, value in of_release.items() if name in known})
        await _fetch_files(session, release, gathered, directory)
    if stores.qdrant_url:
        gathered.values["qdrant_url"] = stores.qdrant_url
    try:
        settings = Settings(**gathered.values)
    except ValidationError as error:
        raise CommandError(invalid_settings(error)) from error
    # A value that is at hand needs no Secret; in the operator's own Pod both are there.
    changes = {"mongodb_uri_secret": None} if settings.mongodb_uri else {}
    changes |= {"qdrant_api_key_secret": None} if settings.qdrant_api_key else {}
    return settings.model_copy(update=changes), gathered.notes


def _given_here() -> set[str]:
    return {name.removeprefix(PREFIX).lower() for name in os.environ if name.startswith(PREFIX)}


async def _fetch_files(session: Session, release: Release, gathered: _Gathered, directory: Path) -> None:
    """The files of the container: from its ConfigMaps, where they are not here."""
    for name in _FILES:
        path = gathered.values.pop(name, None)
        if path is None:
            continue
        if await asyncio.to_thread(Path(path).is_file):
            gathered.values[name] = path
            continue
        source = release.config_map_of(path)
        text = await _config_map(session, release.namespace, *source) if source else None
        if text is None:
            what = name.removesuffix("_path")
            gathered.notes.append(f"the release's {what} cannot be read in {release.namespace}; the built-in is used")
            continue
        copy = directory / f"{name}.yaml"
        await asyncio.to_thread(copy.write_text, text, encoding="utf-8")
        gathered.values[name] = str(copy)


async def _config_map(session: Session, namespace: str, name: str, key: str) -> str | None:
    try:
        found = await session.client.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    except ClusterError:
        return None
    text: str | None = (found.get("data") or {}).get(key)
    return text


def _mongodb(settings: Settings, uri: SecretStr) -> MongoStore:
    try:
        text, timeout = uri.get_secret_value(), settings.mongodb_timeout_seconds
        return MongoStore(text, settings.mongodb_database, timeout_seconds=timeout)
    except InvalidConnectionString as error:
        raise CommandError(str(error)) from error


async def _mongodb_uri(session: Session, settings: Settings, stores: StoreOptions) -> SecretStr:
    """The connection string, for another address if one is given."""
    uri = settings.mongodb_uri
    if uri is None:
        assert settings.mongodb_uri_ref is not None, "the settings refuse to have neither"
        try:
            uri = await UserSecrets(session.client).value(settings.mongodb_uri_ref)
        except SecretUnavailable as error:
            what = f"{error}, which has MongoDB's connection string"
            raise CommandError(f"{what}; have that right granted, or set {_URI}") from error
    if stores.mongodb_address is None:
        return uri
    try:
        return SecretStr(at_address(uri.get_secret_value(), stores.mongodb_address))
    except InvalidConnectionString as error:
        raise CommandError(str(error)) from error


async def _cluster_uid(session: Session, settings: Settings, *, writes: bool) -> str:
    try:
        return await cluster_uid(session.client)
    except ClusterError as error:
        if writes:
            raise CommandError(
                f"whether this is the operator's cluster cannot be known: {error}; have somebody grant you to get the"
                " namespace kube-system"
            ) from error
        if settings.instance_id:
            return ""
        raise CommandError(
            f"the operator's identity cannot be known: {error}; set {PREFIX}INSTANCE_ID to what its log says at start"
        ) from error


def _files(settings: Settings) -> tuple[Catalog, Mapping[Any, Any], RayOptions]:
    try:
        path = settings.catalog_path
        text = builtin_catalog_text() if path is None else path.read_text(encoding="utf-8")
        return Catalog.load(text), load_profiles(settings), load_ray(settings)
    except (OSError, CatalogError, TiersError, RayOptionsError) as error:
        raise CommandError(str(error)) from error


def _reading(
    connect: Callable[[Endpoint, Credentials], VectorStore],
) -> Callable[[Endpoint, Credentials], VectorStore]:
    return lambda endpoint, credentials: read_only_vectors(connect(endpoint, credentials))


def _never() -> str:
    raise AssertionError("a command gives no Qdrant server an id")


async def _nothing() -> None:
    """The instance id is the operator's to claim."""


def reaching(url: str, *, port_option: str) -> str:
    """How a server within the cluster is reached from outside, as far as its address tells."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    name, _, rest = host.partition(".")
    namespace = rest.partition(".")[0]
    if not rest.endswith(("svc", "svc.cluster.local")) and not rest.startswith(f"{namespace}.svc"):
        return f"if it cannot be reached from here: {port_option}"
    return f"from outside the cluster: kubectl port-forward -n {namespace} svc/{name} {port} & {port_option}"
