"""The command as people run it: a process of its own, with a kubeconfig."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.stack import Stack

_ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """What -o json printed."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Command:
    """Runs the command against a stack. It must not say any of ``secrets``."""

    stack: Stack
    secrets: tuple[str, ...] = ()

    def __call__(self, *arguments: str, stdin: str | None = None, **environment: str) -> Done:
        """Run a command line."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("NAMESPACE_OPERATOR_")}
        made = {**own, "KUBECONFIG": str(self.stack.kubeconfig), "PYTHONPATH": str(_ROOT / "operator"), **environment}
        line = [sys.executable, "-m", "namespace_operator.cli.main", *arguments]
        done = subprocess.run(
            line, env=made, input=stdin, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        for secret in self.secrets:
            assert secret not in done.stdout + done.stderr, arguments
        return Done(done.returncode, done.stdout, done.stderr)
