"""Conditions made from findings, by the tables in ``reasons``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from namespace_operator.api.status import Condition
from namespace_operator.domain.condition_types import (
    CONDITIONS,
    PIPELINE,
    ConditionType,
    Reason,
    ReasonInfo,
    Retry,
    Who,
)
from namespace_operator.domain.moment import Moment
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
    moment = Moment(previous, generation, now)
    parts: list[Condition] = []
    hidden = {kind: finding for finding in findings for kind in finding.unexamined}
    halted: Finding | None = None
    for kind in PIPELINE:
        mine = [finding for finding in findings if finding.condition is kind]
        if mine:
            parts.append(moment.found(kind, mine, mine[0].info.status))
        elif cause := halted or hidden.get(kind):
            parts.append(moment.unexamined(kind, cause))
        else:
            parts.append(moment.true(kind, CONDITIONS[kind], _with_notes(kind, notes)))
        halted = halted or next((finding for finding in mine if finding.halts), None)
    ready = ConditionType.READY
    summary = moment.found(ready, findings) if findings else moment.true(ready, CONDITIONS[ready])
    return (summary, *parts)


def paused(
    previous: Sequence[Condition], generation: int, now: datetime, message: str | None = None
) -> tuple[Condition, ...]:
    """The previous conditions as they were, with ``Paused`` beside them.

    What they say is of the generation they name: nothing was looked at since.
    """
    others = (condition for condition in previous if condition.type != ConditionType.PAUSED)
    moment = Moment(previous, generation, now)
    return (*others, moment.true(ConditionType.PAUSED, CONDITIONS[ConditionType.PAUSED], message))


def _with_notes(kind: ConditionType, notes: Sequence[Note]) -> str:
    return ". ".join((CONDITIONS[kind].message, *(note.message for note in notes if note.condition is kind)))
