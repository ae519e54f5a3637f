"""What processes of this machine used so far: CPU and memory, as the kernel counts it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_FIRST_AFTER_NAME = 3
"""The number, in proc(5), of the first field after the name in parentheses."""
_UTIME, _STIME = 14 - _FIRST_AFTER_NAME, 15 - _FIRST_AFTER_NAME


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes and all their threads. Raises ``FileNotFoundError`` if one is gone."""
    return sum(_ticks(Path(f"/proc/{pid}/stat").read_text()) for pid in pids) / _TICKS


def own_cpu_seconds() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_megabytes(pids: Iterable[int], *, peak: bool = False) -> float:
    """Memory of these processes that is in RAM, now or at the most so far, in units of 10^6 bytes."""
    name = "VmHWM:" if peak else "VmRSS:"
    return sum(_kibibytes(Path(f"/proc/{pid}/status").read_text(), name) for pid in pids) * 1024 / 1e6


def _ticks(stat: str) -> int:
    # The name may hold spaces and parentheses; the fields begin after its last one.
    fields = stat.rpartition(")")[2].split()
    return int(fields[_UTIME]) + int(fields[_STIME])


def _kibibytes(status: str, name: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))
