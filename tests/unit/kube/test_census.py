"""Namespaces counted by what their status says, and what must not become a series."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.domain.conditions import Reason
from namespace_operator.kube.census import Counted, Standing, count
from namespace_operator.kube.objects import LiveObjects
from tests.unit.kube.test_objects import obj

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
CREATED = "2026-11-26T11:00:00Z"


def reported(status: str, reason: str, since: str = CREATED, *, tier: str = "shared", **more: Any) -> dict[str, Any]:
    """A status with a condition Ready."""
    ready = {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": since}
    return {"conditions": [*more.pop("conditions", ()), ready], "infrastructure": {"computeTier": tier}, **more}


def counted(*statuses: dict[str, Any], **metadata: Any) -> Counted:
    """The census of objects with these statuses."""
    objects = LiveObjects()
    for number, status in enumerate(statuses):
        objects.put(obj(number + 1, name=f"n{number}", creationTimestamp=CREATED, status=status, **metadata))
    return count(objects.standings(), NOW)


PAUSED = {"type": "Paused", "status": "True", "reason": "Paused"}


def test_each_is_counted_by_tier_ready_and_reason() -> None:
    found = counted(
        reported("True", "Ready"),
        reported("True", "Ready", tier="dedicated_gpu"),
        reported("True", "Ready"),
        reported("False", "CollectionLost", "2026-11-26T11:59:00Z"),
        reported("False", "CollectionLost", "2026-11-26T11:50:00Z"),
        reported("False", "QdrantUnavailable", "2026-11-26T12:00:01Z"),
        {},
    )
    assert found.counts == {
        ("shared", "True", "Ready"): 2,
        ("dedicated_gpu", "True", "Ready"): 1,
        ("shared", "False", "CollectionLost"): 2,
        ("shared", "False", "QdrantUnavailable"): 1,
        ("unknown", "Unknown", "NotReported"): 1,
    }
    assert found.not_ready == {"CollectionLost": 600.0, "QdrantUnavailable": 0.0, "NotReported": 3600.0}
    assert found.overdue == {}


def test_a_paused_one_is_neither_stuck_nor_overdue() -> None:
    ended = "2026-11-26T11:00:00Z"
    found = counted(reported("False", "CollectionLost", conditions=(PAUSED,), expiresAt=ended))
    assert found == Counted({("shared", "False", "Paused"): 1}, {}, {})


def test_who_is_overdue_is_told_by_what_may_keep_it() -> None:
    found = counted(
        reported("True", "Ready", expiresAt="2026-11-26T11:58:20Z"),
        reported("True", "Ready", expiresAt="2026-11-26T11:59:00Z"),
        reported("True", "Ready", expiresAt="2026-11-26T12:01:00Z"),
        reported("False", "DeletionRefused", expiresAt="2026-11-26T11:00:00Z"),
    )
    assert found.overdue == {"Ready": 100.0, "DeletionRefused": 3600.0}
    gone = counted(reported("True", "Ready", expiresAt="2026-11-26T11:58:20Z"), deletionTimestamp=CREATED)
    assert gone.overdue == {}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (reported("False", "Whatever"), ("shared", "False", "Other")),
        (reported("Maybe", "Ready"), ("shared", "Unknown", "Ready")),
        (reported("True", "Ready", tier="golden"), ("unknown", "True", "Ready")),
        ({"conditions": None}, ("unknown", "Unknown", "NotReported")),
        ({"infrastructure": None}, ("unknown", "Unknown", "NotReported")),
        (reported("False", "DryRun", "yesterday", expiresAt="soon"), ("shared", "False", "DryRun")),
    ],
)
def test_what_somebody_else_wrote_into_a_status_makes_no_series(
    status: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert set(counted(status).counts) == {expected}


def test_every_reason_of_the_operator_is_counted_as_itself() -> None:
    found = counted(*(reported("False", reason) for reason in Reason))
    assert {reason for _, _, reason in found.counts} == set(Reason)


def test_a_time_without_meaning_is_no_failure() -> None:
    standing = Standing.of(obj(1, status=reported("False", "DryRun", "yesterday", expiresAt="soon")))
    assert (standing.since, standing.expires) == (0.0, None)
