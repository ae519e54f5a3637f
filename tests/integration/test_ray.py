"""The RayCluster of a namespace on the real API server, with a stand-in for KubeRay's controller."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from devstack.kubeapi import KubeApi
from devstack.ray_controller import RayController
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from namespace_operator.api.status import InfrastructureStatus, NamespaceStatus
from namespace_operator.controller.cluster import ObjectChanged
from namespace_operator.controller.ray import Live, RayOutcome, RaySync
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.placement import Landscape, Ray, Site
from namespace_operator.domain.ray import RayOptions
from namespace_operator.domain.ray_manifest import GpuType, Manifest
from namespace_operator.kube import client as client_module
from namespace_operator.kube.client import KubeClient
from namespace_operator.kube.objects import Incarnation, to_subject
from namespace_operator.kube.ray import KubeRayClusters
from tests.integration.accounts import connection_as
from tests.integration.api_server import Server, manifest, objects_path, wait_until
from tests.integration.rays import POD, RAY_PATH, TEMPLATE, kuberay_installed
from tests.integration.support import Platform

OPTIONS = RayOptions(
    template=TEMPLATE,
    gpu_types={
        "A100": GpuType({"gpu": "a100"}, ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},)),
        "T4": GpuType({"accelerator": "t4"}),
    },
)
SITE = Site(Endpoint("default", "http://qdrant:6333"), tiers={})
LANDSCAPE = Landscape(SITE)
CPU = {"computeTier": "dedicated_cpu"}
GPU = {"computeTier": "dedicated_gpu", "gpuType": "A100", "gpusPerWorker": 2}

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(platform: Platform) -> Iterator[Server]:
    """The API server; the operator that runs there leaves our Namespaces alone."""
    server = Server(platform.stack)
    yield server
    server.close()


@pytest.fixture
def kuberay(server: Server) -> Iterator[None]:
    """The kind RayCluster."""
    with kuberay_installed(server):
        yield


@pytest.fixture
async def client(stack: Stack, server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeClient]:
    """The operator's own client under the operator's own rights."""
    info = connection_as(stack, RELEASE_NAMESPACE, RELEASE)
    monkeypatch.setattr(client_module, "connection_info", lambda: info)
    client = KubeClient()
    yield client
    await client.close()


@dataclass
class Counted:
    """RayClusters; remembers what is written, and lets something happen before an apply."""

    real: KubeRayClusters
    writes: list[str] = field(default_factory=list)
    before_apply: Callable[[], object] = lambda: None

    async def read(self, organization: str, name: str) -> Live | None:
        """Read it."""
        return await self.real.read(organization, name)

    async def apply(self, manifest: Manifest) -> Live:
        """Count it."""
        self.before_apply()
        self.writes.append("apply")
        return await self.real.apply(manifest)

    async def delete(self, live: Live) -> None:
        """Count it."""
        self.writes.append("delete")
        await self.real.delete(live)


@dataclass
class Tenant:
    """A Namespace in a fresh Kubernetes namespace, whose reconcile is its Ray step alone."""

    server: Server
    kuberay: RayController
    clusters: Counted
    organization: str
    options: RayOptions = OPTIONS
    infrastructure: InfrastructureStatus = field(default_factory=InfrastructureStatus)
    uid: str = ""

    def create(self) -> None:
        """The custom resource; it is paused for an operator that may be there."""
        body = manifest("films", {}, annotations={"mixpeek.com/paused": "true"})
        self.uid = self.server.send("POST", objects_path(namespace=self.organization), body).accepted()["metadata"][
            "uid"
        ]

    def delete(self) -> None:
        """Delete the custom resource."""
        self.server.send("DELETE", f"{objects_path(namespace=self.organization)}/films").accepted()

    async def step(self, spec: dict[str, Any], *, dry_run: bool = False, site: Site = SITE) -> RayOutcome:
        """One step with this infrastructure, beside the status that the last one left."""
        obj = self.server.send("GET", f"{objects_path(namespace=self.organization)}/films").accepted()
        obj["spec"] = {"clusterId": "iclstr_dedicated", "infrastructure": spec}
        obj["status"] = NamespaceStatus(infrastructure=self.infrastructure).to_kubernetes()
        subject = to_subject(obj, Incarnation("uid"))
        sync = RaySync(self.clusters, self.options)
        outcome = await sync.step(subject, site, LANDSCAPE, "ns_0123456789", dry_run=dry_run)
        self.infrastructure = outcome.status(self.infrastructure)
        return outcome

    @property
    def path(self) -> str:
        """Where the RayCluster is."""
        return f"{RAY_PATH.format(self.organization)}/ray-films"

    def live(self) -> dict[str, Any]:
        """The RayCluster."""
        return self.server.send("GET", self.path).accepted()

    def group(self) -> dict[str, Any]:
        """Its workers."""
        groups: list[dict[str, Any]] = self.live()["spec"]["workerGroupSpecs"]
        return groups[0]

    def occupy(self, **metadata: Any) -> dict[str, Any]:
        """Somebody else's RayCluster of the name."""
        body = {
            "apiVersion": "ray.io/v1",
            "kind": "RayCluster",
            "metadata": {"name": "ray-films", **metadata},
            "spec": {"headGroupSpec": {"rayStartParams": {"block": "true"}, "template": {"spec": POD}}},
        }
        return self.server.send("POST", RAY_PATH.format(self.organization), body).accepted()


@pytest.fixture
def tenant(stack: Stack, server: Server, client: KubeClient) -> Iterator[Tenant]:
    """A fresh tenant."""
    organization = f"ray-{next(_numbers)}"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": organization}}
    server.send("POST", "/api/v1/namespaces", namespace).accepted()
    controller = RayController(KubeApi.from_kubeconfig(stack.kubeconfig))
    tenant = Tenant(server, controller, Counted(KubeRayClusters(client)), organization)
    tenant.create()
    yield tenant
    server.send("DELETE", f"/api/v1/namespaces/{organization}").accepted()


def reasons(outcome: RayOutcome) -> list[Reason]:
    """What was found."""
    return [finding.reason for finding in outcome.findings]


@pytest.mark.usefixtures("kuberay")
async def test_it_is_made_and_becomes_ready(tenant: Tenant) -> None:
    made = await tenant.step(CPU)
    assert reasons(made) == [Reason.RAY_CLUSTER_NOT_READY]
    assert made.ray_cluster is not None
    assert made.ray_cluster.name == "ray-films"
    live = tenant.live()
    assert live["spec"]["enableInTreeAutoscaling"] is True
    group = tenant.group()
    assert (group["minReplicas"], group["maxReplicas"], group["replicas"]) == (1, 10, 0)
    assert live["metadata"]["ownerReferences"][0]["uid"] == tenant.uid

    tenant.kuberay.pods_ready = False
    tenant.kuberay.look()
    assert "HeadPodReady ContainersNotReady" in (await tenant.step(CPU)).findings[0].message
    tenant.kuberay.pods_ready = True
    tenant.kuberay.look()
    ready = await tenant.step(CPU)
    assert not ready.findings
    assert ready.addresses.head_node_url == f"ray://ray-films-head-svc.{tenant.organization}.svc:10001"
    assert ready.addresses.dashboard_url == f"http://ray-films-head-svc.{tenant.organization}.svc:8265"
    assert ready.ray_cluster is not None
    assert (ready.ray_cluster.state, ready.ray_cluster.ready_workers, ready.ray_cluster.desired_workers) == (
        "ready",
        1,
        1,
    )
    assert tenant.clusters.writes == ["apply"], "later steps only read"


@pytest.mark.usefixtures("kuberay")
async def test_changes_of_the_spec_reach_it(tenant: Tenant) -> None:
    await tenant.step(CPU)
    await tenant.step(CPU | {"minWorkers": 3, "maxWorkers": 5})
    assert (tenant.group()["minReplicas"], tenant.group()["maxReplicas"]) == (3, 5)

    await tenant.step(GPU)
    pod = tenant.group()["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": "1", "nvidia.com/gpu": "2"}
    assert pod["nodeSelector"] == {"gpu": "a100"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]

    await tenant.step(GPU | {"gpuType": "T4"})
    pod = tenant.group()["template"]["spec"]
    assert pod["nodeSelector"] == {"accelerator": "t4"}, "nothing of the former type is left"
    assert not pod.get("tolerations")

    await tenant.step(CPU | {"autoscalingEnabled": False, "minWorkers": 2})
    assert tenant.live()["spec"]["enableInTreeAutoscaling"] is False
    assert tenant.group()["replicas"] == 2
    assert len(tenant.clusters.writes) == 5


@pytest.mark.usefixtures("kuberay")
async def test_the_autoscaler_is_not_fought(tenant: Tenant) -> None:
    await tenant.step(CPU)
    tenant.kuberay.autoscale(tenant.organization, "ray-films", 7, remove=("worker-a",))
    scaled = tenant.live()["metadata"]["resourceVersion"]
    await tenant.step(CPU)
    assert tenant.live()["metadata"]["resourceVersion"] == scaled

    await tenant.step(CPU | {"minWorkers": 2})
    group = tenant.group()
    assert (group["minReplicas"], group["replicas"]) == (2, 7)
    assert group["scaleStrategy"] == {"workersToDelete": ["worker-a"]}

    await tenant.step(CPU | {"maxWorkers": 4})
    assert tenant.group()["replicas"] == 4, "within the new limits"
    assert tenant.clusters.writes == ["apply"] * 3


@pytest.mark.usefixtures("kuberay")
async def test_the_autoscaler_writes_between_reading_and_applying(tenant: Tenant) -> None:
    await tenant.step(CPU)
    tenant.clusters.before_apply = lambda: tenant.kuberay.autoscale(tenant.organization, "ray-films", 6)
    with pytest.raises(ObjectChanged):
        await tenant.step(CPU | {"minWorkers": 2})
    assert tenant.group()["replicas"] == 6
    tenant.clusters.before_apply = lambda: None
    await tenant.step(CPU | {"minWorkers": 2})
    assert (tenant.group()["replicas"], tenant.group()["minReplicas"]) == (6, 2)


@pytest.mark.usefixtures("kuberay")
async def test_what_somebody_changed_is_set_back_and_what_he_added_is_left(tenant: Tenant) -> None:
    await tenant.step(CPU)
    patch = [
        {"op": "replace", "path": "/spec/workerGroupSpecs/0/maxReplicas", "value": 99},
        {"op": "add", "path": "/spec/suspend", "value": True},
    ]
    tenant.server.send("PATCH", tenant.path, patch, "application/json-patch+json").accepted()
    outcome = await tenant.step(CPU)
    assert tenant.group()["maxReplicas"] == 10
    assert tenant.live()["spec"]["suspend"] is True
    assert "suspended" in outcome.findings[0].message


async def test_it_is_made_once_kuberay_is_installed(tenant: Tenant, server: Server) -> None:
    missing = await tenant.step(CPU)
    assert reasons(missing) == [Reason.RAY_OPERATOR_MISSING]
    with kuberay_installed(server):
        assert reasons(await tenant.step(CPU)) == [Reason.RAY_CLUSTER_NOT_READY]
        tenant.kuberay.look()
        assert not (await tenant.step(CPU)).findings
    assert reasons(await tenant.step(CPU)) == [Reason.RAY_OPERATOR_MISSING], "and gone again"
    assert not (await tenant.step({})).findings, "nobody needs it"


@pytest.mark.usefixtures("kuberay")
async def test_somebody_elses_is_never_touched(tenant: Tenant) -> None:
    theirs = tenant.occupy()
    assert reasons(await tenant.step(CPU)) == [Reason.RAY_CLUSTER_CONFLICT]
    await tenant.step({})
    assert tenant.live() == theirs
    assert tenant.clusters.writes == []
    tenant.server.send("DELETE", tenant.path).accepted()
    assert reasons(await tenant.step(CPU)) == [Reason.RAY_CLUSTER_NOT_READY]


@pytest.mark.usefixtures("kuberay")
async def test_somebody_makes_one_in_the_moment_before(tenant: Tenant) -> None:
    tenant.clusters.before_apply = tenant.occupy
    with pytest.raises(ObjectChanged):
        await tenant.step(CPU)
    assert "ownerReferences" not in tenant.live()["metadata"]
    assert tenant.live()["spec"]["headGroupSpec"]["rayStartParams"] == {"block": "true"}


@pytest.mark.usefixtures("kuberay")
async def test_it_goes_when_the_namespace_is_shared_again(tenant: Tenant) -> None:
    await tenant.step(CPU)
    planned = await tenant.step({}, dry_run=True)
    assert [step.action for step in planned.planned] == ["DeleteRayCluster"]
    assert tenant.live()
    refused = await tenant.step(CPU | {"rayHeadNodeUrl": "ray://127.0.0.1:10001"})
    assert reasons(refused) == [Reason.ENDPOINT_NOT_ALLOWED]
    assert tenant.live(), "kept while it is not clear what is wanted"
    gone = await tenant.step({})
    assert gone.ray_cluster is None
    assert tenant.server.send("GET", tenant.path).status == 404
    await tenant.step({})
    assert tenant.clusters.writes == ["apply", "delete"]


@pytest.mark.usefixtures("kuberay")
async def test_it_goes_when_the_cluster_has_a_ray_of_its_own(tenant: Tenant) -> None:
    await tenant.step(CPU)
    site = Site(SITE.endpoint, tiers={}, ray=Ray("ray://ray.example.com:10001", "http://ray.example.com:8265"))
    outcome = await tenant.step(CPU, site=site)
    assert outcome.addresses.head_node_url == "ray://ray.example.com:10001"
    assert tenant.server.send("GET", tenant.path).status == 404


@pytest.mark.usefixtures("kuberay")
async def test_a_read_that_is_old_deletes_nothing(tenant: Tenant) -> None:
    await tenant.step(CPU)
    old = tenant.live()
    tenant.kuberay.autoscale(tenant.organization, "ray-films", 3)
    with pytest.raises(ObjectChanged):
        await tenant.clusters.delete(old)
    assert tenant.live()


@pytest.mark.usefixtures("kuberay")
async def test_it_goes_with_its_namespace(tenant: Tenant) -> None:
    await tenant.step(CPU)
    tenant.delete()
    tenant.create()
    assert reasons(await tenant.step(CPU)) in ([Reason.RAY_CLUSTER_NOT_READY],), "the former one is no conflict"

    def collected() -> bool:
        answer = tenant.server.send("GET", tenant.path)
        return answer.status == 404 or _is(answer.body, tenant.uid)

    # The garbage collector looks for new kinds every 30 s, and backs off from one that was away for as long.
    wait_until(collected, 120)
    await tenant.step(CPU)
    assert _is(tenant.live(), tenant.uid)


@pytest.mark.usefixtures("kuberay")
async def test_an_object_that_vanished_is_not_made_again_by_an_old_read(tenant: Tenant) -> None:
    await tenant.step(CPU)

    def vanish() -> None:
        tenant.server.send("DELETE", tenant.path).accepted()

    tenant.clusters.before_apply = vanish
    with pytest.raises(ObjectChanged):
        await tenant.step(CPU | {"minWorkers": 2})
    assert tenant.server.send("GET", tenant.path).status == 404


@pytest.mark.usefixtures("kuberay")
@pytest.mark.parametrize("broken", [{"headGroup": {}}, {"rayVersion": 2}], ids=["unknown field", "wrong type"])
async def test_a_template_that_the_api_server_refuses(tenant: Tenant, broken: dict[str, Any]) -> None:
    tenant.options = RayOptions(template=TEMPLATE | broken)
    outcome = await tenant.step(CPU)
    assert reasons(outcome) == [Reason.RAY_CLUSTER_REJECTED]
    assert next(iter(broken)) in outcome.findings[0].message
    assert tenant.server.send("GET", tenant.path).status == 404


@pytest.mark.usefixtures("kuberay")
async def test_a_template_that_is_changed_to_what_the_api_server_refuses(tenant: Tenant) -> None:
    await tenant.step(CPU)
    before = tenant.live()
    tenant.options = RayOptions(template=TEMPLATE | {"headGroup": {}})
    outcome = await tenant.step(CPU)
    assert reasons(outcome) == [Reason.RAY_CLUSTER_REJECTED]
    assert "headGroup" in outcome.findings[0].message
    assert outcome.ray_cluster is not None, "it is remembered, to be removed one day"
    assert tenant.live() == before


@pytest.mark.usefixtures("kuberay")
async def test_what_the_template_no_longer_has_is_removed(tenant: Tenant) -> None:
    head = TEMPLATE["headGroupSpec"]
    tenant.options = RayOptions(template=TEMPLATE | {"headGroupSpec": head | {"serviceType": "ClusterIP"}})
    await tenant.step(CPU)
    assert tenant.live()["spec"]["headGroupSpec"]["serviceType"] == "ClusterIP"
    tenant.options = OPTIONS
    await tenant.step(CPU)
    assert "serviceType" not in tenant.live()["spec"]["headGroupSpec"]


@pytest.mark.usefixtures("kuberay")
async def test_a_dry_run_writes_nothing(tenant: Tenant) -> None:
    outcome = await tenant.step(CPU, dry_run=True)
    assert [(step.action, step.target) for step in outcome.planned] == [("ApplyRayCluster", "ray-films")]
    assert reasons(outcome) == [Reason.DRY_RUN]
    assert tenant.server.send("GET", tenant.path).status == 404


def _is(live: dict[str, Any], uid: str) -> bool:
    owners: list[dict[str, Any]] = live["metadata"].get("ownerReferences", [])
    return any(owner["uid"] == uid for owner in owners)
