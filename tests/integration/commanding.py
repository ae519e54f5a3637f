"""The command as people run it, with a kubeconfig; in this process, because starting one takes longer than it all."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest import mock

from devstack.stack import Stack
from namespace_operator.cli.main import execute


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

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Done:
        """Run a command line."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("NAMESPACE_OPERATOR_")}
        made = {**own, "KUBECONFIG": str(self.stack.kubeconfig), **environment}
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, made, clear=True),
            mock.patch.object(sys, "stdin", io.StringIO(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = execute(arguments)
        done = Done(code, out.getvalue(), err.getvalue())
        for secret in self.secrets:
            assert secret not in done.out + done.err, arguments
        return done
