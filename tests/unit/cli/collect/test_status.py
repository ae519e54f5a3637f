"""The state of a Namespace, from the object alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from namespace_operator.cli.collect.status import WAITING, state_of
from namespace_operator.domain.conditions import ConditionType, Reason

CREATED, SINCE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def obj(conditions: Mapping[str, tuple[str, str]], generation: int = 1, observed: int = 1, **status: Any) -> Any:
    """An object with these conditions, each as status and reason."""
    found = [
        {"type": kind, "status": state, "reason": reason, "message": f"about {kind}", "lastTransitionTime": SINCE}
        for kind, (state, reason) in conditions.items()
    ]
    metadata = {"name": "a", "namespace": "acme", "creationTimestamp": CREATED, "generation": generation}
    return {"metadata": metadata, "status": {"conditions": found, "observedGeneration": observed, **status}}


def test_one_that_nobody_has_looked_at() -> None:
    state = state_of({"metadata": obj({})["metadata"]})

    assert (state.ready, state.reason, state.drift_since) == ("Unknown", WAITING, None)
    assert state.message == "the operator has not looked at it yet"


def test_a_ready_one_has_nothing_to_say() -> None:
    state = state_of(obj({ConditionType.READY: ("True", "Ready")}, documentCount=0))

    assert (state.ready, state.message, state.drift_since, state.documents) == ("True", None, None, 0)


def test_drift_is_since_a_part_is_not_as_declared() -> None:
    unmet: dict[str, tuple[str, str]] = {
        ConditionType.READY: ("False", Reason.VECTOR_MISSING),
        ConditionType.VECTORS: ("False", Reason.VECTOR_MISSING),
        ConditionType.METADATA: ("True", "Synced"),
    }

    state = state_of(obj(unmet))

    assert state.drift_since == datetime(2026, 1, 2, tzinfo=UTC)
    assert state.message == "about Ready"


def test_a_change_that_is_not_done_yet_is_told() -> None:
    state = state_of(obj({ConditionType.READY: ("True", "Ready")}, generation=2))

    assert state.message == "its last change is not done yet; before it: about Ready"
