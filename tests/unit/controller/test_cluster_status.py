"""What is found of each Qdrant server, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from namespace_operator.api.cluster import InfrastructureClusterStatus
from namespace_operator.api.profile import ComputeTier, TierProfile
from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.controller.cluster_status import ClusterStatus
from namespace_operator.controller.clusters import Surveyor
from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.queue import Next
from namespace_operator.controller.secrets import Credentials, SecretUnavailable
from namespace_operator.domain.document import Binding, State
from namespace_operator.domain.endpoints import AllowedEndpoints, Endpoint, SecretKey
from namespace_operator.domain.landscape import ClusterObject
from namespace_operator.stores.errors import Backend, Rejected
from tests.contract.stores.documents import INSTANCE, document
from tests.unit.domain.builders import T0
from tests.unit.domain.clusters import EAST, cluster
from tests.world.faults import Faults
from tests.world.metadata import ModelMetadataStore
from tests.world.sites import OPERATOR
from tests.world.vectors import ModelVectorStore

SECRET = {"apiKeySecretRef": {"namespace": "platform", "name": "qdrant", "key": "api-key"}}
KEY = SecretKey("platform", "qdrant", "api-key")


@dataclass
class Objects:
    """InfrastructureClusters at an API server that can be down."""

    objects: dict[str, ClusterObject] = field(default_factory=dict)
    written: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False
    _all: tuple[ClusterObject, ...] | None = None

    def all(self) -> tuple[ClusterObject, ...]:
        """All of them."""
        if self._all is None:
            self._all = tuple(self.objects.values())
        return self._all

    def get(self, name: str) -> ClusterObject | None:
        """One."""
        return self.objects.get(name)

    def put(self, cluster: ClusterObject) -> ClusterObject:
        """Create or change one."""
        self.objects[cluster.name], self._all = cluster, None
        return cluster

    async def refresh(self) -> frozenset[str]:
        """Nothing was missed."""
        return frozenset()

    async def add_finalizer(self, cluster: ClusterObject) -> ClusterObject:
        """Put the finalizer on."""
        self._write(cluster, "add finalizer")
        return self.put(replace(cluster, finalized=True))

    async def remove_finalizer(self, cluster: ClusterObject) -> None:
        """Take it off, so that the object goes."""
        self._write(cluster, "remove finalizer")
        del self.objects[cluster.name]
        self._all = None

    async def write_status(self, cluster: ClusterObject, status: InfrastructureClusterStatus) -> None:
        """Replace the status."""
        self._write(cluster, "write status")
        self.put(replace(cluster, status=status))

    def _write(self, cluster: ClusterObject, what: str) -> None:
        if self.down:
            raise ClusterUnavailable("the API server is down")
        self.written.append((cluster.name, what))


@dataclass
class Keys:
    """Secrets of which one can be missing."""

    missing: bool = False

    async def value(self, key: SecretKey) -> SecretStr:
        """The value."""
        if self.missing:
            raise SecretUnavailable(f"{key} is not there: create the Secret")
        return SecretStr("key")


class Scene:
    """An operator's look at its servers, in a world of its own."""

    def __init__(self) -> None:
        self.objects, self.keys, self.own = Objects(), Keys(), OPERATOR
        self.seconds = 0.0
        self.hurried: list[float] = []
        self.metadata = ModelMetadataStore(Faults())
        self.servers: dict[str, ModelVectorStore] = {}
        self.metrics: dict[str, tuple[bool, int | None, int | None]] = {}
        surveyor = Surveyor(lambda: self.own, AllowedEndpoints(), self.objects.all)
        fleet = Fleet(
            instance_id=INSTANCE,
            metadata=self.metadata,
            secrets=self.keys,
            landscape=surveyor.landscape,
            connect=self._connect,
            new_server_id=lambda: f"server-{len(self.metadata.servers)}",
            monotonic=lambda: self.seconds,
            claim=_nobody_else,
            wake=lambda key: None,
        )
        self.status = ClusterStatus(
            instance_id=INSTANCE,
            clusters=self.objects,
            survey=surveyor.survey,
            servers=fleet,
            metadata=self.metadata,
            reporter=self,
            now=lambda: T0 + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
            random=lambda: 1.0,
            hurry=lambda: self.hurried.append(self.seconds),
        )

    def _connect(self, endpoint: Endpoint, credentials: Credentials) -> ModelVectorStore:
        assert (credentials.api_key is not None) == (endpoint.api_key is not None)
        return self.server(endpoint.url)

    def server(self, url: str = "http://east:6333") -> ModelVectorStore:
        """The server behind a URL."""
        return self.servers.setdefault(url, ModelVectorStore(Faults()))

    def server_found(self, connection: str, *, up: bool, namespaces: int | None, collections: int | None) -> None:
        """Keep the last numbers."""
        self.metrics[connection] = (up, namespaces, collections)

    def server_gone(self, connection: str) -> None:
        """Forget a server."""
        del self.metrics[connection]

    async def look(self, name: str = "east", after: float = 30.0) -> Next:
        """Look at one again, some seconds later."""
        self.seconds += after
        self.objects.written.clear()
        return await self.status.reconcile(name)

    def found(self, name: str = "east") -> InfrastructureClusterStatus:
        """The status that is written."""
        return self.objects.objects[name].status

    def conditions(self, name: str = "east") -> dict[str, str]:
        """Each condition's status and reason."""
        return {condition.type: f"{condition.status} {condition.reason}" for condition in self.found(name).conditions}


async def _nobody_else() -> None:
    """No other cluster has the instance id."""


@pytest.fixture
def scene() -> Scene:
    """One cluster with a key."""
    scene = Scene()
    scene.objects.put(cluster(qdrant=SECRET, finalized=False))
    return scene


def bound(number: int, **changes: Any) -> Any:
    """A namespace on the cluster."""
    return document(number, binding=Binding(connection=EAST, server_id="server-0"), **changes)


GOOD = {
    "Ready": "True Ready",
    "Accepted": "True Accepted",
    "Reachable": "True Reachable",
    "VersionSupported": "True Supported",
    "Authenticated": "True Authenticated",
}


def test_tiers_of_the_operator_are_those_of_its_clusters_as_soon_as_they_change(scene: Scene) -> None:
    before = scene.status.survey()
    assert scene.status.survey() is before
    shared = {ComputeTier.SHARED: TierProfile(max_namespaces=7)}
    scene.own = replace(OPERATOR, tiers=shared)
    after = scene.status.survey()
    assert (after.landscape.operator.tiers, after.sites["east"].tiers) == (shared, shared)
    assert scene.status.survey() is after


async def test_a_good_one(scene: Scene) -> None:
    await scene.metadata.insert(bound(1))
    assert await scene.look() == Next(after=30.0)
    assert scene.objects.written == [("east", "add finalizer"), ("east", "write status")]
    assert scene.conditions() == GOOD
    found = scene.found()
    assert (found.version, found.collections, found.namespaces) == ("1.18.3", 1, 1)
    assert found.used_by == (str(document(1).owner.key),)
    assert found.server_id == "server-0"
    assert found.last_checked == T0 + timedelta(seconds=30)
    assert found.observed_generation == 2
    assert scene.metrics == {EAST: (True, 1, 1)}


async def test_steady_state_writes_every_five_minutes_at_most(scene: Scene) -> None:
    await scene.look()
    writes = 0
    for _ in range(20):
        await scene.look()
        writes += len(scene.objects.written)
    assert writes == 2
    assert scene.found().last_checked == T0 + timedelta(seconds=630)


async def test_the_operators_own_appears_in_the_metrics_alone(scene: Scene) -> None:
    await scene.metadata.insert(document(1, binding=None))
    await scene.look("")
    assert scene.objects.written == []
    assert scene.metrics == {"default": (True, 1, 1)}
    scene.server("http://qdrant:6333").down = True
    await scene.look("")
    assert scene.metrics == {"default": (False, 1, None)}


FAILURES: dict[str, tuple[str, dict[str, str]]] = {
    "down": (
        "Unreachable",
        {
            "Reachable": "False Unreachable",
            "VersionSupported": "Unknown Unreachable",
            "Authenticated": "Unknown Unreachable",
        },
    ),
    "refuses": ("Unauthorized", {"Authenticated": "False Unauthorized"}),
    "old": (
        "VersionUnsupported",
        {"VersionSupported": "False VersionUnsupported", "Authenticated": "Unknown VersionUnsupported"},
    ),
    "replaced": ("ServerReplaced", {"Reachable": "False ServerReplaced"}),
    "no secret": (
        "SecretNotFound",
        {
            "Reachable": "Unknown SecretNotFound",
            "VersionSupported": "Unknown SecretNotFound",
            "Authenticated": "False SecretNotFound",
        },
    ),
    "no database": ("MetadataUnavailable", {}),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_failures_and_their_ends(scene: Scene, kind: str) -> None:
    await scene.metadata.insert(bound(1))
    await scene.look()
    server = scene.server()
    before = dict(server.collections)

    def disturb(on: bool) -> None:
        server.down, server.refuses = on and kind == "down", on and kind == "refuses"
        server.server_version = "1.17.1" if on and kind == "old" else "1.18.3"
        server.collections = {} if on and kind == "replaced" else dict(before)
        scene.keys.missing = on and kind == "no secret"
        scene.metadata.down = on and kind == "no database"

    disturb(on=True)
    await scene.look()
    reason, others = FAILURES[kind]
    assert scene.conditions() == GOOD | {"Ready": f"False {reason}"} | others
    assert scene.metrics[EAST][0] is (kind == "no database")
    # What was known stays known.
    assert (scene.found().server_id, scene.found().namespaces) == ("server-0", 1)
    disturb(on=False)
    await scene.look()
    assert scene.conditions() == GOOD


async def test_namespaces_need_not_wait_for_a_server_that_is_back(scene: Scene) -> None:
    for down in (False, True, True, False, False):
        scene.server().down = down
        await scene.look()
    assert scene.hurried == [120.0]
    scene.status.changed("east")
    assert scene.hurried == [120.0, 150.0]


async def test_a_server_that_is_too_old_gets_no_marker(scene: Scene) -> None:
    scene.server().server_version = "1.17.0"
    await scene.look()
    assert scene.server().collections == {}
    assert scene.conditions()["Ready"] == "False VersionUnsupported"


async def test_an_object_whose_cluster_id_is_anothers_is_not_looked_at(scene: Scene) -> None:
    scene.objects.put(cluster("late", age=-1))
    await scene.metadata.insert(bound(1))
    await scene.look("late")
    assert scene.servers == {}
    assert scene.conditions("late") == {
        "Ready": "False ClusterIdConflict",
        "Accepted": "False ClusterIdConflict",
        "Reachable": "Unknown ClusterIdConflict",
        "VersionSupported": "Unknown ClusterIdConflict",
        "Authenticated": "Unknown ClusterIdConflict",
    }
    assert scene.found("late").namespaces == 0
    assert scene.found("late").last_checked is None
    assert scene.metrics == {}
    scene.objects.put(replace(scene.objects.objects["late"], deleting=True))
    assert await scene.look("late") == Next()
    assert scene.objects.written == [("late", "remove finalizer")]


async def test_one_that_is_deleted_waits_for_its_last_namespace(scene: Scene) -> None:
    await scene.metadata.insert(bound(1, state=State.RETAINED))
    await scene.look()
    scene.objects.put(replace(scene.objects.objects["east"], deleting=True))
    await scene.look()
    assert scene.conditions()["Ready"] == "False InUse"
    ready = scene.found().conditions[0].message
    assert "1 namespaces live on its server" in ready
    assert str(document(1).owner.key) in ready
    scene.metadata.documents.clear()
    # No older answer counts, whatever its age.
    assert await scene.look(after=0.1) == Next()
    assert scene.objects.written == [("east", "remove finalizer")]
    assert scene.metrics == {}
    assert not any("iclstr_east" in name for name in scene.metadata.servers), "the next of its name may be another"


@pytest.mark.parametrize("part", ["metadata", "server"])
async def test_while_it_is_not_known_who_lives_there_nothing_goes(scene: Scene, part: str) -> None:
    await scene.look()
    scene.objects.put(replace(scene.objects.objects["east"], deleting=True))
    if part == "metadata":
        scene.metadata.down = True
        await scene.look()
        assert ("east", "remove finalizer") not in scene.objects.written
        scene.metadata.down = False
    else:
        scene.server().down = True
    await scene.look()
    assert scene.objects.written == [("east", "remove finalizer")]


async def test_one_that_is_gone_is_forgotten(scene: Scene) -> None:
    await scene.look()
    del scene.objects.objects["east"]
    assert await scene.look() == Next()
    assert scene.metrics == {}


async def test_a_failing_api_server_is_tried_again(scene: Scene) -> None:
    scene.objects.down = True
    assert await scene.look() == Next(failed=True)


async def test_what_a_change_brings_to_the_queue(scene: Scene) -> None:
    scene.objects.put(cluster("west", "iclstr_west"))
    scene.status.changed("gone")
    assert len(scene.status._queue) == 3
    scene.status.secret_changed(KEY)
    assert len(scene.status._queue) == 3


async def test_only_the_servers_of_a_secret_are_looked_at(scene: Scene) -> None:
    scene.objects.put(cluster("west", "iclstr_west"))
    scene.status.secret_changed(replace(KEY, key="other"))
    assert len(scene.status._queue) == 0
    scene.status.secret_changed(KEY)
    assert list(scene.status._queue._fresh) == ["east"]


async def test_an_answer_that_is_not_qdrants(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def version(_: ModelVectorStore) -> str:
        raise Rejected(Backend.QDRANT, "What answers is not a Qdrant server", "GET /")

    monkeypatch.setattr(ModelVectorStore, "version", version)
    await scene.look()
    assert scene.conditions()["Reachable"] == "False ServerRejected"
