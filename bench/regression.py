"""Which figures became worse between two runs, beyond what differs from run to run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bench.figure import Figure, spread


class Verdict(StrEnum):
    """What became of a figure."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    NEW = "new"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of two runs. ``change`` and ``noise`` are parts: 0.1 is 10 percent more than before."""

    name: str
    verdict: Verdict
    before: float | None = None
    now: float | None = None
    change: float = 0.0
    noise: float = 0.0


def compare(before: Iterable[Figure], now: Iterable[Figure]) -> list[Change]:
    """Each figure of either run, in the order of the newer one."""
    known: Mapping[str, Figure] = {figure.name: figure for figure in before}
    found = {figure.name: figure for figure in now}
    changes = [_compared(known[name], figure) if name in known else _new(figure) for name, figure in found.items()]
    missing = (figure for name, figure in known.items() if name not in found)
    return [*changes, *(Change(one.name, Verdict.MISSING, before=_middle(one)) for one in missing)]


def _compared(before: Figure, now: Figure) -> Change:
    """More is worse: every figure is a cost. It changed where the medians differ by more than the wider spread."""
    old, new = _middle(before), _middle(now)
    noise = max(before.tolerance, now.tolerance, spread(before.compared), spread(now.compared))
    grown = 0.0 if new == 0 else math.inf
    change = new / old - 1 if old else grown
    verdict = Verdict.WORSE if change > noise else Verdict.BETTER if change < -noise else Verdict.SAME
    return Change(now.name, verdict, old, new, change, noise)


def _new(figure: Figure) -> Change:
    return Change(figure.name, Verdict.NEW, now=_middle(figure))


def _middle(figure: Figure) -> float:
    return statistics.median(figure.compared)
