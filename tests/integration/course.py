"""Which tests of this directory ran in the session, and how: what none of them needs is known only if all did."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LAST = HERE / "test_rights.py"
"""Compares what all others left in the audit log."""


@dataclass
class Course:
    """The session so far."""

    collected: set[Path] = field(default_factory=set)
    deselected: int = 0
    not_passed: list[str] = field(default_factory=list)

    def collect(self, items: list[pytest.Item]) -> None:
        """Remember the files, and put the last one behind all others of the directory."""
        here = [item for item in items if item.path.parent == HERE]
        self.collected = {item.path for item in here}
        places = [place for place, item in enumerate(items) if item.path.parent == HERE]
        ordered = sorted(here, key=lambda item: item.path == LAST)
        for place, item in zip(places, ordered, strict=True):
            items[place] = item

    def deselect(self, items: list[pytest.Item]) -> None:
        """Remember how many tests of the directory are left out."""
        self.deselected += sum(item.path.parent == HERE for item in items)

    def note(self, report: pytest.TestReport) -> None:
        """Remember a test that failed or was skipped, other than those that only look back."""
        if not report.passed and LAST.name not in report.nodeid:
            self.not_passed.append(report.nodeid)

    def gap(self) -> str | None:
        """Why the session does not show everything that the operator ever asks for; None if it does."""
        missing = sorted(path.name for path in set(HERE.glob("test_*.py")) - self.collected)
        if missing:
            return f"only all integration tests together use every right: {len(missing)} files were not run"
        if self.deselected:
            return f"only all integration tests together use every right: {self.deselected} were deselected"
        if self.not_passed:
            return f"what did not pass may not have asked for what it needs: {', '.join(self.not_passed)}"
        return None
