"""What is said of conditions and events, and the one thing to do next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from namespace_operator.api.status import PlannedStep
from namespace_operator.cli.collect.why import Live, conditions_of, events_of, next_step
from namespace_operator.domain.conditions import REASONS, ConditionType, Reason

SINCE = "2026-01-01T00:00:00Z"


def status(*conditions: tuple[ConditionType, str, str, str], observed: int = 1) -> dict[str, Any]:
    """A status with these conditions: type, status, reason, message."""
    found = [
        {"type": kind, "status": state, "reason": reason, "message": message, "lastTransitionTime": SINCE}
        for kind, state, reason, message in conditions
    ]
    return {"conditions": found, "observedGeneration": observed}


def obj(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "acme", "generation": 1, **metadata}, "status": status}


MISSING = (ConditionType.VECTORS, "False", Reason.VECTOR_MISSING.value, "v is gone")
READY = (ConditionType.READY, "True", "Ready", "all is well")
UNREADY = (ConditionType.READY, "False", Reason.VECTOR_MISSING.value, "v is gone")
UNEXAMINED = (ConditionType.INDEXES, "Unknown", Reason.VECTOR_MISSING.value, "Not examined: v is gone")


def test_only_what_causes_it_has_a_remedy() -> None:
    vectors, indexes, ready = conditions_of(status(UNREADY, UNEXAMINED, MISSING))

    assert (vectors.type, vectors.remedy) == ("VectorsSynced", REASONS[Reason.VECTOR_MISSING].remedy)
    assert (indexes.remedy, ready.remedy) == (None, None)


def test_a_reason_of_a_later_operator_is_shown_as_it_is() -> None:
    (later,) = conditions_of(status((ConditionType.VECTORS, "False", "OfTomorrow", "x")))

    assert (later.reason, later.remedy) == ("OfTomorrow", None)


@pytest.mark.parametrize(
    ("given", "live", "begins"),
    [
        (obj(status(READY)), None, "Nothing"),
        (obj(status(READY)), Live((PlannedStep(action="PutIndex", target="t"),)), "The stores differ"),
        (obj(status(UNREADY, MISSING)), None, "Set `repairVectors: true`"),
        (obj(status(UNREADY, MISSING, observed=0)), None, "Wait: the last change"),
        (obj({}), None, "See whether an operator runs"),
        (obj(status(READY), annotations={"mixpeek.com/paused": "true"}), None, "Remove the annotation"),
        (obj(status(READY), deletionTimestamp=SINCE, finalizers=["others"]), None, "Wait: it goes"),
    ],
)
def test_the_next_step(given: dict[str, Any], live: Live | None, begins: str) -> None:
    assert next_step(given, conditions_of(given["status"]), live).startswith(begins)


def test_events_are_in_their_order_and_the_last_ones() -> None:
    events = [
        {"metadata": {}, "reason": f"R{minute}", "lastTimestamp": f"2026-01-01T00:{minute:02}:00Z", "count": 2}
        for minute in (5, 1, *range(10, 22))
    ]

    found = events_of([*events, {"metadata": {"creationTimestamp": "2026-01-01T00:59:00Z"}, "reason": "Last"}])

    assert [event.reason for event in found] == [*(f"R{minute}" for minute in range(13, 22)), "Last"]
    assert found[0].at == datetime(2026, 1, 1, 0, 13, tzinfo=UTC)
