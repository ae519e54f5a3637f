"""Whether a process grows: its memory over time, judged after the first third."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

GROWTH_LIMIT = 0.10
_FEWEST = 9


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory of one process, in bytes, so many seconds after the beginning."""

    at: float
    pid: int
    rss: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Resident memory in bytes around the end of the first third of a process's samples, and in the last third."""

    pid: int
    before: float
    after: float

    @property
    def ratio(self) -> float:
        """How much it grew: 0.1 is a tenth."""
        return self.after / self.before - 1


def resident(pid: int) -> int | None:
    """Resident memory of a process in bytes, None if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), None)


def growth(samples: Sequence[Sample]) -> tuple[Growth, ...]:
    """Each process that was sampled often enough: medians of the second and the last third of its samples.

    The first third is left out: caches and connections come into being.
    """
    by_pid: dict[int, list[int]] = {}
    for sample in sorted(samples, key=lambda one: one.at):
        by_pid.setdefault(sample.pid, []).append(sample.rss)
    found = []
    for pid, values in by_pid.items():
        if len(values) < _FEWEST:
            continue
        third = len(values) // 3
        found.append(Growth(pid, median(values[third : 2 * third]), median(values[2 * third :])))
    return tuple(found)
