"""What is seen while a benchmark runs: the step it is at, and how many rounds are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Show:
    """``step`` says what is being done now, ``rounds`` how many there will be, ``done`` that one more is."""

    step: Callable[[str], None]
    rounds: Callable[[int], None]
    done: Callable[[], None]


def silent() -> Show:
    """Nothing is shown."""
    return Show(lambda _: None, lambda _: None, lambda: None)
