"""Two replicas of the operator, seen from outside: who leads, and as which process."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from kubernetes import client as kubernetes

from devstack.release import RELEASE, RELEASE_NAMESPACE
from tests.integration.support import Organization, Platform, eventually

T = TypeVar("T")

_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Replica:
    """A running container of the operator."""

    pod: str
    pid: int
    identity: str = ""
    """As the Lease names it; empty for one that does not lead."""


@dataclass
class Replicas:
    """The replicas of an installed operator."""

    platform: Platform
    _leases: Any = field(init=False)

    def __post_init__(self) -> None:
        self._leases = kubernetes.CoordinationV1Api(self.platform.core.api_client)

    def lease(self) -> Any:
        """The spec of the Lease."""
        return self._leases.read_namespaced_lease(RELEASE, RELEASE_NAMESPACE).spec

    def all(self) -> list[Replica]:
        """The running containers."""
        directory = self.platform.stack.run_dir / "pods" / RELEASE_NAMESPACE
        found = []
        for file in directory.glob("*/*.pid"):
            try:
                found.append(Replica(file.parent.name.rpartition(".")[0], int(file.read_text())))
            except FileNotFoundError:
                continue
        return found

    def leader(self) -> Replica:
        """The replica that holds the Lease, once there is one that runs."""

        def look() -> Replica | None:
            identity = self.lease().holder_identity or ""
            holders = [each for each in self.all() if identity.startswith(f"{each.pod}_")]
            return Replica(holders[0].pod, holders[0].pid, identity) if holders else None

        return eventually(look, "a leader")

    def next_leader(self, former: Replica) -> Replica:
        """The replica that leads after another one."""

        def look() -> Replica | None:
            now = self.leader()
            return now if now.identity != former.identity else None

        return eventually(look, f"a leader after {former.pod}")

    def settled(self, count: int = 2) -> None:
        """Wait until as many Pods are ready, and one of them leads."""

        def look() -> bool:
            pods = self.platform.core.list_namespaced_pod(RELEASE_NAMESPACE).items
            # A container that has just started again in its Pod is not ready, whatever the Pod still says.
            return len(pods) == len(self.all()) == count and all(_answers(pod, "readyz") for pod in pods)

        eventually(look, f"{count} ready replicas")
        self.leader()

    def leads(self, replica: Replica) -> bool:
        """What a replica's own metric says."""
        pod = self.platform.core.read_namespaced_pod(replica.pod, RELEASE_NAMESPACE)
        return "namespace_operator_leader 1.0" in (_answers(pod, "metrics") or "").splitlines()


@dataclass(frozen=True)
class Failover:
    """How long one took, in seconds since the leader was hit."""

    taken: float
    """Until the Lease had another holder, by the API server's clock."""
    written: float
    """Until a document of a Namespace that was made meanwhile was in MongoDB: the first write of the next leader."""
    renewed: float
    """How long before that the Lease had been renewed for the last time, by the API server's clock."""


def fail_over(replicas: Replicas, organization: Organization, name: str, hit: Callable[[Replica], None]) -> Failover:
    """Hit the leader, make a Namespace, and see when the next leader takes it on."""
    replicas.settled()
    leader, before = replicas.leader(), replicas.lease()
    # Both clocks are this machine's.
    hit_at = time.time()
    hit(leader)
    organization.create(name)
    document = _soon(lambda: organization.find_document(name), f"a document of {name}")
    written = time.time() - hit_at
    after = replicas.lease()
    assert after.holder_identity != leader.identity
    assert document["epoch"] > 0
    return Failover(_seconds(after.acquire_time) - hit_at, written, hit_at - _seconds(before.renew_time))


def _soon(look: Callable[[], T | None], what: str, timeout: float = 60.0) -> T:
    deadline = time.monotonic() + timeout
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"{what} did not come within {timeout:.0f} s"
        time.sleep(_LOOK_SECONDS)
    return found


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _answers(pod: Any, path: str) -> str | None:
    """What a Pod answers with 200; None if it does not."""
    try:
        with urllib.request.urlopen(f"http://{pod.status.pod_ip}:8080/{path}", timeout=10) as answer:
            text: str = answer.read().decode()
    except OSError:
        return None
    return text
