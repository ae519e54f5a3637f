"""The status of a Pod, computed from its containers."""

from collections.abc import Sequence
from typing import Any

from devstack.kubeapi import JSON

HOST_IP = "127.0.0.1"


def phase(statuses: Sequence[JSON], *, all_ended: bool, all_have_run: bool) -> str:
    """The Pod's phase. It stays Pending until every container was started once."""
    if all_ended and all_have_run:
        failed = any(status["state"].get("terminated", {}).get("exitCode") != 0 for status in statuses)
        return "Failed" if failed else "Succeeded"
    return "Running" if all_have_run else "Pending"


def pod_status(statuses: Sequence[JSON], *, phase: str, ip: str, started_at: str, now: str, previous: JSON) -> JSON:
    """The status to patch in; `previous` is the one before, from which unchanged conditions keep their times."""
    unready = [status["name"] for status in statuses if not status["ready"]]
    if phase == "Succeeded":
        reason, message = "PodCompleted", ""
    else:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    wanted = {"Initialized": True, "ContainersReady": not unready, "Ready": not unready}
    before = {condition["type"]: condition for condition in previous.get("conditions", [])}
    return {
        "phase": phase,
        "hostIP": HOST_IP,
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": started_at,
        "conditions": [
            _condition(kind, holds, reason, message, now, before.get(kind)) for kind, holds in wanted.items()
        ],
        "containerStatuses": list(statuses),
    }


def _condition(kind: str, holds: bool, reason: str, message: str, now: str, before: JSON | None) -> JSON:
    status = "True" if holds else "False"
    unchanged = before is not None and before["status"] == status
    # null removes what an earlier patch may have left.
    why: dict[str, Any] = {"reason": None, "message": None} if holds else {"reason": reason, "message": message}
    changed_at = before["lastTransitionTime"] if before is not None and unchanged else now
    return {"type": kind, "status": status, "lastTransitionTime": changed_at, **why}
