"""The replicas of an installed operator from outside: who leads, as which process, and how long a fail-over takes."""

import os
import signal
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import pymongo

from devstack.kubeapi import JSON, KubeApi
from devstack.release import RELEASE, RELEASE_NAMESPACE
from devstack.stack import Stack
from namespace_operator.api.resource import API_VERSION, GROUP, KIND, PLURAL, VERSION

T = TypeVar("T")

_LOOK_SECONDS = 0.01
_TIMEOUT_SECONDS = 60.0
_MADE, _APART_SECONDS = 4, 0.15
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{RELEASE_NAMESPACE}/leases/{RELEASE}"
_PODS = f"/api/v1/namespaces/{RELEASE_NAMESPACE}/pods"


@dataclass(frozen=True)
class Replica:
    """A running container of the operator: its Pod and its process.

    `identity` is as the Lease names it, empty for one that does not lead.
    """

    pod: str
    pid: int
    identity: str = ""

    def kill(self) -> None:
        """End it as when a node dies."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it as when a Pod is deleted; its container starts again."""
        os.kill(self.pid, signal.SIGTERM)


class Replicas:
    """The replicas of the operator in a stack. What does not come about is a TimeoutError."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = KubeApi.from_kubeconfig(stack.kubeconfig)
        self._addresses: dict[str, str] = {}
        """Of the Pods, as they were when they were settled: then they can be asked without the API server."""

    def lease(self) -> JSON:
        """The spec of the Lease."""
        spec: JSON = self.api.get(_LEASE)["spec"]
        return spec

    def all(self) -> list[Replica]:
        """The running containers."""
        found = []
        for file in (self.stack.run_dir / "pods" / RELEASE_NAMESPACE).glob("*/*.pid"):
            with suppress(FileNotFoundError):  # the container ended in between
                found.append(Replica(file.parent.name.rpartition(".")[0], int(file.read_text())))
        return found

    def leader(self) -> Replica:
        """The replica that holds the Lease, once there is one that runs."""

        def look() -> Replica | None:
            identity = self.lease()["holderIdentity"] or ""
            holders = [each for each in self.all() if identity.startswith(f"{each.pod}_")]
            return Replica(holders[0].pod, holders[0].pid, identity) if holders else None

        return soon(look, "a leader")

    def next_leader(self, former: Replica) -> Replica:
        """The replica that leads after another one."""

        def look() -> Replica | None:
            now = self.leader()
            return now if now.identity != former.identity else None

        return soon(look, f"a leader after {former.pod}")

    def settled(self, count: int = 2) -> None:
        """Wait until as many replicas are ready, and one of them leads."""

        def look() -> bool | None:
            pods = self.api.get(_PODS)["items"]
            self._addresses = {pod["metadata"]["name"]: pod["status"].get("podIP", "") for pod in pods}
            # A container that has just started again in its Pod is not ready, whatever the Pod still says.
            ready = all(_answers(address, "readyz") for address in self._addresses.values())
            return (ready and len(pods) == len(self.all()) == count) or None

        soon(look, f"{count} ready replicas")
        self.leader()

    def is_leading(self, replica: Replica) -> bool:
        """What a replica's own metric says."""
        return "namespace_operator_leader 1.0" in (_answers(self._addresses[replica.pod], "metrics") or "").splitlines()

    def make(self, organization: str, name: str) -> None:
        """Make a Namespace."""
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": {}}
        self.api.create(f"/apis/{GROUP}/{VERSION}/namespaces/{organization}/{PLURAL}", body)


@dataclass(frozen=True)
class Failover:
    """How long one took, in seconds since the leader was hit."""

    taken: float
    """Until the Lease had another holder, by the API server's clock."""
    written: float
    """Until the next leader had written the document of a Namespace that was made meanwhile."""
    renewed: float
    """For how long the Lease had not been renewed when the leader was hit, by the API server's clock."""


def fail_over(replicas: Replicas, organization: str, name: str, hit: Callable[[Replica], None]) -> Failover:
    """Hit the leader, make Namespaces in a Kubernetes namespace, and see when the next leader takes on one of them.

    The first is called `name`. A leader that is told to end may still take it on before it does, so others follow.
    """
    replicas.settled()
    leader, before = replicas.leader(), replicas.lease()
    with pymongo.MongoClient[dict[str, Any]](replicas.stack.mongodb_uri) as client:
        database = client[replicas.stack.mongodb_database]
        # A leader has no number before its first write.
        first = {"owner.organization": organization, "owner.cr_name": f"{name}-before"}
        replicas.make(organization, first["owner.cr_name"])
        term = soon(lambda: database["namespaces"].find_one(first, {"epoch": 1}), "a write of the leader")
        sought = {"owner.organization": organization, "epoch": {"$gt": term["epoch"]}}
        made = 0
        # All clocks are this machine's.
        hit_at = time.time()
        hit(leader)

        def look() -> float | None:
            nonlocal made
            if made < _MADE and time.time() - hit_at >= made * _APART_SECONDS:
                replicas.make(organization, f"{name}-{made}" if made else name)
                made += 1
            return time.time() - hit_at if database["namespaces"].find_one(sought, {"_id": 1}) else None

        written = soon(look, "a write of the next leader")
    after = replicas.lease()
    return Failover(_time(after["acquireTime"]) - hit_at, written, hit_at - _time(before["renewTime"]))


def soon(look: Callable[[], T | None], what: str) -> T:
    """The first result that is not None. Raises TimeoutError after a minute."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {_TIMEOUT_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
    return found


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _answers(address: str, path: str) -> str | None:
    """What a Pod answers with 200; None if it does not."""
    try:
        with urllib.request.urlopen(f"http://{address}:8080/{path}", timeout=10) as answer:
            text: str = answer.read().decode()
    except (OSError, ValueError):
        return None
    return text
