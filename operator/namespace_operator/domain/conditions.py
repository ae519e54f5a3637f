"""Conditions made from findings, by the tables in ``reasons``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from namespace_operator.api.status import Condition, ConditionStatus
from namespace_operator.domain.condition_types import (
    CONDITIONS,
    PIPELINE,
    ConditionType,
    Reason,
    ReasonInfo,
    Retry,
    Who,
)
from namespace_operator.domain.reasons import REASONS

__all__ = [
    "CONDITIONS",
    "PIPELINE",
    "REASONS",
    "ConditionType",
    "Finding",
    "Note",
    "Reason",
    "ReasonInfo",
    "Retry",
    "Who",
    "conditions",
    "paused",
    "retry_of",
]

_MESSAGE_LIMIT = 2048


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that keeps a namespace from being ready, with a message that says what to do.

    ``halts`` says that the work stopped there: what comes behind it has not been looked at. ``unexamined`` are
    conditions before it that could not be looked at either. ``about`` is the condition it sets where that is not the
    reason's own.
    """

    reason: Reason
    message: str
    halts: bool = False
    unexamined: tuple[ConditionType, ...] = ()
    about: ConditionType | None = None

    @property
    def info(self) -> ReasonInfo:
        """The entry of the reason in the table."""
        return REASONS[self.reason]

    @property
    def condition(self) -> ConditionType:
        """The condition it sets."""
        return self.about or self.info.condition


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing of a condition that is True: a sentence for the end of its message."""

    condition: ConditionType
    message: str


def retry_of(findings: Sequence[Finding]) -> Retry:
    """When to look again: with back-off as soon as one finding may heal by itself."""
    return Retry.BACKOFF if any(finding.info.retry is Retry.BACKOFF for finding in findings) else Retry.RESYNC


def conditions(
    findings: Sequence[Finding],
    previous: Sequence[Condition],
    generation: int,
    now: datetime,
    notes: Sequence[Note] = (),
) -> tuple[Condition, ...]:
    """The conditions that tell of the findings, and of the notes where they are True.

    What stands behind a finding that halts the work has not been looked at and is Unknown. A condition keeps its
    ``lastTransitionTime`` while its status stays the same. ``Paused`` is never among them.
    """
    moment = _Moment({condition.type: condition for condition in previous}, generation, now)
    parts: list[Condition] = []
    hidden = {kind: finding for finding in findings for kind in finding.unexamined}
    halted: Finding | None = None
    for kind in PIPELINE:
        mine = [finding for finding in findings if finding.condition is kind]
        if mine:
            parts.append(moment.condition(kind, mine[0].info.status, mine[0].reason.value, _join(mine)))
        elif cause := halted or hidden.get(kind):
            parts.append(moment.condition(kind, "Unknown", cause.reason.value, f"Not examined: {cause.message}"))
        else:
            parts.append(moment.true(kind, _with_notes(kind, notes)))
        halted = halted or next((finding for finding in mine if finding.halts), None)
    if findings:
        ready = moment.condition(ConditionType.READY, "False", findings[0].reason.value, _join(findings))
    else:
        ready = moment.true(ConditionType.READY)
    return (ready, *parts)


def paused(
    previous: Sequence[Condition], generation: int, now: datetime, message: str | None = None
) -> tuple[Condition, ...]:
    """The previous conditions as they were, with ``Paused`` beside them.

    What they say is of the generation they name: nothing was looked at since.
    """
    moment = _Moment({condition.type: condition for condition in previous}, generation, now)
    others = (condition for condition in previous if condition.type != ConditionType.PAUSED)
    return (*others, moment.true(ConditionType.PAUSED, message))


@dataclass(frozen=True, slots=True)
class _Moment:
    """Makes conditions of one moment, beside what they were before."""

    before: Mapping[str, Condition]
    generation: int
    now: datetime

    def condition(self, kind: ConditionType, status: ConditionStatus, reason: str, message: str) -> Condition:
        old = self.before.get(kind.value)
        since = old.last_transition_time if old is not None and old.status == status else self.now
        return Condition(
            type=kind.value,
            status=status,
            reason=reason,
            message=message[:_MESSAGE_LIMIT],
            last_transition_time=since,
            observed_generation=self.generation,
        )

    def true(self, kind: ConditionType, message: str | None = None) -> Condition:
        info = CONDITIONS[kind]
        return self.condition(kind, "True", info.reason, message or info.message)


def _with_notes(kind: ConditionType, notes: Sequence[Note]) -> str:
    return ". ".join((CONDITIONS[kind].message, *(note.message for note in notes if note.condition is kind)))


def _join(findings: Sequence[Finding]) -> str:
    return " | ".join(finding.message for finding in findings)
