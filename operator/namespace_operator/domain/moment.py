"""Conditions of one moment, beside what they were before: the same for every kind of object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from namespace_operator.api.status import Condition, ConditionStatus
from namespace_operator.domain.condition_types import ConditionInfo

_MESSAGE_LIMIT = 2048


class Found(Protocol):
    """What keeps an object from being ready: a reason, and a message that says what to do."""

    @property
    def reason(self) -> StrEnum:
        """The stable CamelCase reason."""

    @property
    def message(self) -> str:
        """What people read."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Makes conditions; one keeps its ``lastTransitionTime`` while its status stays the same."""

    previous: Sequence[Condition]
    generation: int
    now: datetime

    def true(self, kind: StrEnum, info: ConditionInfo, message: str | None = None) -> Condition:
        """That nothing stands in the way."""
        return self._condition(kind, "True", info.reason, message or info.message)

    def found(self, kind: StrEnum, findings: Sequence[Found], status: ConditionStatus = "False") -> Condition:
        """The reason of the first finding, and the messages of all."""
        message = " | ".join(finding.message for finding in findings)
        return self._condition(kind, status, findings[0].reason.value, message)

    def unexamined(self, kind: StrEnum, cause: Found) -> Condition:
        """That it was not looked at, and because of what."""
        return self._condition(kind, "Unknown", cause.reason.value, f"Not examined: {cause.message}")

    def _condition(self, kind: StrEnum, status: ConditionStatus, reason: str, message: str) -> Condition:
        old = next((condition for condition in self.previous if condition.type == kind.value), None)
        return Condition(
            type=kind.value,
            status=status,
            reason=reason,
            message=message[:_MESSAGE_LIMIT],
            last_transition_time=old.last_transition_time if old is not None and old.status == status else self.now,
            observed_generation=self.generation,
        )
