"""The step of Ray where Kubernetes does not do as asked, and what it costs. The rest is tested on a real API server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from namespace_operator.api.status import InfrastructureStatus, NamespaceStatus, RayClusterStatus
from namespace_operator.controller.cluster import ClusterUnavailable, Refused
from namespace_operator.controller.ray import KindMissing, Live, RaySync
from namespace_operator.domain.conditions import Reason
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.observed import InvalidSpec, Subject
from namespace_operator.domain.placement import Landscape, Site
from namespace_operator.domain.ray import RayOptions
from namespace_operator.domain.ray_manifest import Manifest
from tests.unit.domain.builders import KEY, NAMESPACE_ID, UID, spec

POD = {"containers": [{"name": "ray"}]}
TEMPLATE = {"headGroupSpec": {"template": {"spec": POD}}, "workerGroupSpecs": [{"template": {"spec": POD}}]}
SITE = Site(Endpoint("default", "http://qdrant:6333"), {})
DEDICATED = spec(clusterId="iclstr_films", infrastructure={"computeTier": "dedicated_cpu"})
REMEMBERED = RayClusterStatus(name="ray-films", state="ready")


@dataclass
class Broken:
    """RayClusters of an API server that answers everything, or everything but reading, with this."""

    error: Exception
    live: Live | None = None
    reads: bool = False
    calls: list[str] = field(default_factory=list)

    async def read(self, organization: str, name: str) -> Live | None:
        """Fail, or read."""
        self.calls.append(f"read {organization}/{name}")
        if self.reads:
            return self.live
        raise self.error

    async def apply(self, manifest: Manifest) -> Live:
        """Fail."""
        self.calls.append("apply")
        raise self.error

    async def delete(self, live: Live) -> None:
        """Fail."""
        self.calls.append("delete")
        raise self.error


def subject(wanted: Any, ray_cluster: RayClusterStatus | None = REMEMBERED) -> Subject:
    """The custom resource, whose status remembers this."""
    status = NamespaceStatus(infrastructure=InfrastructureStatus(ray_cluster=ray_cluster))
    return Subject(KEY, UID, "1", "k8s-uid", 1, wanted, status=status)


async def step(clusters: Broken, of: Subject) -> Any:
    """One step."""
    return await RaySync(clusters, RayOptions(TEMPLATE)).step(of, SITE, Landscape(SITE), NAMESPACE_ID)


OURS = {
    "metadata": {
        "name": "ray-films",
        "namespace": "acme",
        "uid": "r",
        "resourceVersion": "1",
        "ownerReferences": [{"uid": UID, "controller": True}],
    }
}


@pytest.mark.parametrize("reads", [False, True], ids=["nothing", "only reading"])
async def test_what_is_refused_is_told_and_remembered(reads: bool) -> None:
    outcome = await step(Broken(Refused("PATCH: 403 you may not"), reads=reads), subject(DEDICATED))
    (finding,) = outcome.findings
    assert finding.reason is Reason.RAY_CLUSTER_REJECTED
    assert finding.message.endswith("403 you may not")
    assert outcome.ray_cluster == REMEMBERED


async def test_a_removal_that_is_refused_is_tried_again() -> None:
    outcome = await step(Broken(Refused("DELETE: 403"), OURS, reads=True), subject(spec()))
    assert [finding.reason for finding in outcome.findings] == [Reason.RAY_CLUSTER_REJECTED]
    assert outcome.ray_cluster == REMEMBERED, "or else nobody would look again"


async def test_no_answer_says_nothing() -> None:
    with pytest.raises(ClusterUnavailable):
        await step(Broken(ClusterUnavailable("timeout")), subject(DEDICATED))


async def test_without_the_kind_nothing_is_left_to_remove() -> None:
    outcome = await step(Broken(KindMissing("404")), subject(spec()))
    assert (outcome.findings, outcome.ray_cluster) == ((), None)


async def test_a_spec_that_cannot_be_read_changes_nothing() -> None:
    clusters = Broken(ClusterUnavailable("not to be asked"))
    outcome = await step(clusters, subject(InvalidSpec("spec.mode: unknown")))
    assert (outcome.ray_cluster, clusters.calls) == (REMEMBERED, [])


@pytest.mark.parametrize("wanted", [spec(), spec(infrastructure={"computeTier": "shared"})])
async def test_nothing_is_asked_for_who_never_had_one(wanted: Any) -> None:
    clusters = Broken(ClusterUnavailable("not to be asked"))
    await step(clusters, subject(wanted, None))
    assert clusters.calls == []


async def test_the_outcome_goes_into_the_status() -> None:
    before = InfrastructureStatus(connection="default", ray_head_node_url="ray://old:10001", ray_cluster=REMEMBERED)
    after = (await step(Broken(KindMissing("404")), subject(DEDICATED))).status(before)
    assert after == InfrastructureStatus(connection="default")
