"""The command in the model world: its API server and stores stand in for the real ones, all else is as it is."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from namespace_operator.api.resource import API_VERSION, KIND, PLURAL
from namespace_operator.cli import session
from namespace_operator.cli.access import Access
from namespace_operator.cli.main import execute
from namespace_operator.cli.session import Session
from namespace_operator.cli.settings import Settings
from namespace_operator.controller.cluster import Refused
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.preview import Previewer
from namespace_operator.controller.ray import RaySync
from namespace_operator.controller.secrets import NoSecrets
from namespace_operator.domain.identity import Key
from namespace_operator.domain.planning import Context
from namespace_operator.kube.client import KubeClient, NotFound
from namespace_operator.stores.readonly import read_only_metadata, read_only_vectors
from tests.world.cluster import Object
from tests.world.world import EPOCH, World, builtin_catalog

STORE_COMMANDS = ("plan", "why", "retained", "orphans", "export")

SERVER_REFUSES = "spec.mode: Unsupported value"


@dataclass
class ModelKubeClient:
    """The requests of the command that the model's API server understands."""

    world: World
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def clock(self) -> Any:
        """The world's time."""
        return self

    def now(self) -> Any:
        """The world's time."""
        return EPOCH + timedelta(seconds=self.world.seconds)

    async def get(self, path: str) -> Object:
        """An object, or a Kubernetes namespace."""
        self.requests.append(("GET", path))
        parts = urlsplit(path).path.split("/")
        if PLURAL in parts:
            return self._object(Key(parts[5], parts[7]))
        uid = self.world.api.organizations.get(parts[-1])
        if uid is None:
            raise NotFound(f"GET {path}: 404 not found")
        return {"metadata": {"uid": uid, "labels": dict(self.world.api.labels.get(parts[-1], {}))}}

    async def list_objects(self, path: str, query: str = "") -> list[Object]:
        """The objects of a list; the events of an object."""
        self.requests.append(("GET", path))
        if path.endswith("/events"):
            return [
                {
                    "metadata": {},
                    "involvedObject": {},
                    "type": event.kind,
                    "reason": event.reason,
                    "message": event.message,
                }
                for event in self.world.api.events
                if f"name={event.key.name}" in query
            ]
        parts = path.split("/")
        where = parts[5] if "namespaces" in parts else None
        found = [self._object(key) for key in sorted(self.world.api.objects) if where in (None, key.organization)]
        name = parse_qs(query).get("fieldSelector", [""])[0].partition("=")[2]
        return [obj for obj in found if name in ("", obj["metadata"]["name"])]

    async def list_metadata(self, path: str) -> AsyncIterator[Object]:
        """The same, without spec and status."""
        for obj in await self.list_objects(path):
            yield obj["metadata"]

    async def post(self, path: str, body: Object) -> Object:
        """A creation that is only tried."""
        self._try("POST", path, body)
        uid = {"uid": "uid-of-a-dry-run", "generation": 1, "creationTimestamp": EPOCH.isoformat()}
        return {**body, "metadata": {**body["metadata"], **uid}}

    async def patch(self, path: str, body: Object, kind: str) -> Object:
        """A change that is only tried."""
        assert kind == "merge-patch+json"
        made = _merged(await self.get(urlsplit(path).path), body)
        self._try("PATCH", path, made)
        return made

    async def close(self) -> None:
        """Nothing is open."""

    def _try(self, method: str, path: str, body: Object) -> None:
        self.requests.append((method, path))
        assert "dryRun=All" in path, "the command writes nothing there"
        if body["spec"].get("mode") not in (None, "managed", "standalone"):
            raise Refused(f"{method} {path}: 422 {SERVER_REFUSES}")

    def _object(self, key: Key) -> Object:
        known = self.world.api.objects.get(key)
        if known is None:
            raise NotFound(f"GET {key}: 404 not found")
        obj = copy.deepcopy(known)
        obj["metadata"].setdefault("creationTimestamp", EPOCH.isoformat())
        return {"apiVersion": API_VERSION, "kind": KIND, **obj}


def _merged(base: Object, patch: Object) -> Object:
    made = {name: value for name, value in base.items() if patch.get(name, "") is not None}
    for name, value in patch.items():
        if isinstance(value, dict):
            made[name] = _merged(base.get(name) or {}, value)
        elif value is not None:
            made[name] = value
    return made


@dataclass
class Commands:
    """Runs command lines in a world. ``client`` remembers the requests to its API server."""

    world: World
    capture: pytest.CaptureFixture[str]
    namespace: str = "acme"

    def __post_init__(self) -> None:
        self.client = ModelKubeClient(self.world)

    def __call__(self, *line: str) -> tuple[int, str, str]:
        """Exit code, output, errors."""
        self.capture.readouterr()
        code = execute(line)
        out, err = self.capture.readouterr()
        return code, out, err

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Let the commands find the model where they would connect."""
        patch.setattr(session, "connected", self.connected)
        for name in STORE_COMMANDS:
            patch.setattr(f"namespace_operator.cli.commands.{name}.opened", self.opened)

    @asynccontextmanager
    async def connected(self, options: Any) -> AsyncIterator[Session]:
        """A connection to the model's API server."""
        yield Session(cast("KubeClient", self.client), options.namespace or self.namespace, "https://model")

    @asynccontextmanager
    async def opened(
        self, _found: object, _release: object, _stores: object, *, writes: bool = False
    ) -> AsyncIterator[Access]:
        """The model's stores."""
        yield access_to(self.world, writes=writes)


def access_to(world: World, *, writes: bool = False) -> Access:
    """The model's stores as a command opens the real ones."""
    metadata: Any = world.metadata if writes else read_only_metadata(world.metadata)

    def connect(endpoint: Any, _credentials: object) -> Any:
        server = world.servers.get(endpoint.url, world.vectors)
        return server if writes else read_only_vectors(server)

    fleet = Fleet(
        instance_id=world.instance_id,
        metadata=metadata,
        secrets=NoSecrets(),
        landscape=lambda: world.landscape,
        connect=connect,
        new_server_id=_never,
        monotonic=lambda: world.seconds,
        claim=_nothing,
        wake=lambda _key: None,
    )

    def now() -> Any:
        return EPOCH + timedelta(seconds=world.seconds)

    def context() -> Context:
        return Context(world.instance_id, builtin_catalog(), now(), "ns_new", world.guarded, world.dependents)

    ray = RaySync(world.ray, world.ray_options)
    return Access(
        settings=Settings(qdrant_url="http://model", mongodb_uri=SecretStr("mongodb://model")),
        instance_id=world.instance_id,
        cluster_uid=world.instance_id,
        release=None,
        catalog=builtin_catalog(),
        ray=world.ray_options,
        mongodb_uri=SecretStr("mongodb://model"),
        metadata=metadata,
        fleet=fleet,
        previewer=Previewer(world.instance_id, metadata, fleet, ray, context),
        now=now,
    )


def _never() -> str:
    raise AssertionError("a command gives no server an id")


async def _nothing() -> None:
    """The instance id is the operator's to claim."""
