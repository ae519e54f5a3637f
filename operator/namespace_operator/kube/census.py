"""All Namespaces, counted by what their status says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from namespace_operator.api.profile import ComputeTier
from namespace_operator.domain.condition_types import CONDITIONS, ConditionType, Reason

Object = dict[str, Any]

UNKNOWN_TIER = "unknown"
NOT_REPORTED = "NotReported"
OTHER_REASON = "Other"
READY_REASON = CONDITIONS[ConditionType.READY].reason
PAUSED_REASON = CONDITIONS[ConditionType.PAUSED].reason

_TIERS = frozenset(ComputeTier)
# Whoever may write a status can write any reason, and each would be a series.
_REASONS = frozenset(Reason) | {READY_REASON}
_READY = ("True", "False")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is counted of one Namespace. Times are Unix times in seconds; ``expires`` is None without an end."""

    tier: str
    ready: str
    reason: str
    since: float
    expires: float | None = None

    @classmethod
    def of(cls, obj: Object) -> Self:
        """Of an object as the API server has it; what cannot be read counts as not reported."""
        metadata, status = obj["metadata"], obj.get("status") or {}
        conditions = {condition.get("type"): condition for condition in status.get("conditions") or ()}
        ready = conditions.get(ConditionType.READY, {})
        tier = (status.get("infrastructure") or {}).get("computeTier")
        expires = status.get("expiresAt") if "deletionTimestamp" not in metadata else None
        return cls(
            tier=tier if tier in _TIERS else UNKNOWN_TIER,
            ready=ready["status"] if ready.get("status") in _READY else "Unknown",
            reason=_reason(conditions),
            since=_seconds(ready.get("lastTransitionTime") or metadata.get("creationTimestamp")) or 0.0,
            expires=_seconds(expires),
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """The census: how many there are by tier, Ready and reason, and the longest times in seconds by reason."""

    counts: Mapping[tuple[str, str, str], int]
    not_ready: Mapping[str, float]
    overdue: Mapping[str, float]


def count(standings: Iterable[Standing], now: datetime) -> Counted:
    """Count all of them in one pass."""
    counts: Counter[tuple[str, str, str]] = Counter()
    since: dict[str, float] = {}
    ended: dict[str, float] = {}
    moment = now.timestamp()
    for standing in standings:
        counts[standing.tier, standing.ready, standing.reason] += 1
        if standing.reason == PAUSED_REASON:
            continue
        if standing.ready != "True":
            since[standing.reason] = min(standing.since, since.get(standing.reason, moment))
        if standing.expires is not None and standing.expires < moment:
            ended[standing.reason] = min(standing.expires, ended.get(standing.reason, moment))
    return Counted(
        counts=counts,
        not_ready={reason: moment - at for reason, at in since.items()},
        overdue={reason: moment - at for reason, at in ended.items()},
    )


def _reason(conditions: Mapping[str, Object]) -> str:
    if conditions.get(ConditionType.PAUSED, {}).get("status") == "True":
        return PAUSED_REASON
    ready = conditions.get(ConditionType.READY)
    if ready is None:
        return NOT_REPORTED
    reason = str(ready.get("reason"))
    return reason if reason in _REASONS else OTHER_REASON


def _seconds(time: object) -> float | None:
    try:
        return datetime.fromisoformat(str(time)).timestamp()
    except ValueError:
        return None
