"""A live RayCluster as KubeRay reports it: what of it goes into the status, where Ray is, and whether it is ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from namespace_operator.api.status import RayClusterStatus
from namespace_operator.domain.conditions import Finding, Reason

HEAD_READY = "HeadPodReady"
PROVISIONED = "RayClusterProvisioned"
REPLICA_FAILURE = "ReplicaFailure"

_CLIENT, _DASHBOARD = "client", "dashboard"
_PORTS = {_CLIENT: 10001, _DASHBOARD: 8265}


@dataclass(frozen=True, slots=True)
class RayAddresses:
    """Where Ray is; None where there is no such address yet."""

    head_node_url: str | None = None
    dashboard_url: str | None = None


def cluster_status(live: Mapping[str, Any]) -> RayClusterStatus:
    """What the status tells of it. KubeRay leaves out a 0, so that no number beside a report means none."""
    status = live.get("status") or {}
    reported = bool(status)
    return RayClusterStatus(
        name=live["metadata"]["name"],
        state=status.get("state") or None,
        head_service=_head_service(live),
        ready_workers=status.get("readyWorkerReplicas", 0) if reported else None,
        desired_workers=status.get("desiredWorkerReplicas", 0) if reported else None,
    )


def addresses(live: Mapping[str, Any]) -> RayAddresses:
    """Where its head is, by its Service: the address of a headless one would be that of a Pod."""
    service = _head_service(live)
    if service is None:
        return RayAddresses()
    host = f"{service}.{live['metadata']['namespace']}.svc"
    ports = _PORTS | _named_ports(live)
    return RayAddresses(f"ray://{host}:{ports[_CLIENT]}", f"http://{host}:{ports[_DASHBOARD]}")


def readiness(live: Mapping[str, Any]) -> Finding | None:
    """Why it is not ready.

    KubeRay 1.2 says so by ``state`` alone, later versions also by conditions. Its ``observedGeneration`` tells nothing:
    KubeRay does not write a status in which only that would be another.
    """
    why = _why_not_ready(live)
    if why is None:
        return None
    name = live["metadata"]["name"]
    return Finding(
        Reason.RAY_CLUSTER_NOT_READY, f"RayCluster {name} is not ready: {why}; see kubectl describe raycluster {name}"
    )


def _why_not_ready(live: Mapping[str, Any]) -> str | None:
    status = live.get("status") or {}
    if "deletionTimestamp" in live["metadata"]:
        return "it is being deleted, and made again afterwards"
    if (live.get("spec") or {}).get("suspend") or status.get("state") == "suspended":
        return "it is suspended"
    if not status:
        return "KubeRay has not reported on it yet"
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    failure = conditions.get(REPLICA_FAILURE)
    if failure is not None and failure.get("status") == "True":
        return _words(failure)
    if HEAD_READY not in conditions:
        return None if status.get("state") == "ready" else _state(status)
    waiting = [
        conditions.get(kind, {"type": kind})
        for kind in (HEAD_READY, PROVISIONED)
        if conditions.get(kind, {}).get("status") != "True"
    ]
    return "; ".join(_words(condition) for condition in waiting) or None


def _state(status: Mapping[str, Any]) -> str:
    return status.get("reason") or f"its state is {status.get('state') or 'not known'}"


def _words(condition: Mapping[str, Any]) -> str:
    parts = (condition["type"], condition.get("reason"), condition.get("message"))
    return " ".join(part for part in parts if part)


def _head_service(live: Mapping[str, Any]) -> str | None:
    head = (live.get("status") or {}).get("head") or {}
    return head.get("serviceName") or None


def _named_ports(live: Mapping[str, Any]) -> dict[str, int]:
    """The ports of Ray's container in the head, which KubeRay gives the Service under the same names and numbers."""
    pod = live["spec"]["headGroupSpec"]["template"]["spec"]
    ports: Sequence[Mapping[str, Any]] = pod["containers"][0].get("ports") or ()
    return {port["name"]: port["containerPort"] for port in ports if port.get("name") in _PORTS}
