"""The results of a run as files: one a benchmark and scale, with the facts of the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figure import Figure, Goal, Measured, Table
from devstack.paths import REPOSITORY

DIRECTORY = REPOSITORY / "bench" / "results"

_GIBIBYTE = 2**30


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found, when, where, and of which state of the code."""

    benchmark: str
    scale: str
    taken: str
    commit: str
    machine: dict[str, Any]
    measured: Measured

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return path_of(self.benchmark, self.scale)

    def save(self) -> None:
        """Keep it in place of the last one of its kind."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(_rounded(asdict(self)), indent=2) + "\n")


def path_of(benchmark: str, scale: str) -> Path:
    """The file of a benchmark at a scale."""
    return DIRECTORY / scale / f"{benchmark}.json"


def new_result(benchmark: str, scale: str, measured: Measured, servers: dict[str, str], load: float) -> Result:
    """A result of now; ``load`` is the machine's load average before it."""
    machine = {**machine_facts(), "load_before": round(load, 2), "servers": servers}
    return Result(benchmark, scale, datetime.now(UTC).isoformat(timespec="seconds"), _commit(), machine, measured)


def parse(text: str) -> Result:
    """A result from the text of its file. Raises ``ValueError`` or ``KeyError`` if it is none."""
    raw = json.loads(text)
    measured = raw.pop("measured")
    figures = (
        Figure(
            **{name: value for name, value in each.items() if name not in ("values", "floors", "goal")},
            values=tuple(each["values"]),
            floors=tuple(each["floors"]),
            goal=Goal(**each["goal"]) if each["goal"] else None,
        )
        for each in measured["figures"]
    )
    tables = (
        Table(each["title"], tuple(each["columns"]), tuple(map(tuple, each["rows"]))) for each in measured["tables"]
    )
    return Result(**raw, measured=Measured(tuple(figures), tuple(tables)))


def machine_facts() -> dict[str, Any]:
    """What of the machine the figures depend on; nothing that names it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gib": round(memory / _GIBIBYTE, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str:
    """The commit, with a plus where the code differs from it."""
    commands = (
        ["git", "rev-parse", "--short", "HEAD"],
        ["git", "status", "--porcelain", "--", "operator", "bench/*.py"],
    )
    answers = [
        subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()
        for command in commands
    ]
    return f"{answers[0] or 'unknown'}{'+' if answers[1] else ''}"


def _rounded(value: Any) -> Any:
    """Numbers with as many digits as mean something: a result is read and compared by people, too."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
