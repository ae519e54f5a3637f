"""Entry point of the command.

The operator itself is started without what only people need: a container pays for every module that it loads.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

_NO_FILES = ":4"
"""Says to kubectl that files are none of it."""


def main() -> None:
    """Run the command line, and exit with its code."""
    sys.exit(execute(sys.argv[1:], Path(sys.argv[0]).name))


def execute(arguments: Sequence[str], name: str = "namespace-operator") -> int:
    """Run a command line; the result is the exit code."""
    if list(arguments) == ["run"]:
        return _operator()()
    return int(import_module("namespace_operator.cli.execution").execute(arguments, _spoken(name)))


def _operator() -> Callable[[], int]:
    """What starts the operator. Modules are no garbage, and looking for it while they load takes a tenth of that."""
    gc.disable()
    # structlog loads it wherever it finds it, to draw tracebacks for people.
    with _hidden("rich"):
        start: Callable[[], int] = import_module("namespace_operator.cli.start").start
    gc.freeze()
    gc.enable()
    return start


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """What is imported within does without a package, as if it were not installed."""
    before = sys.modules.pop(package, None)
    sys.modules[package] = None  # type: ignore[assignment] # which is how Python is told so
    try:
        yield
    finally:
        del sys.modules[package]
        if before is not None:
            sys.modules[package] = before


def complete_for_kubectl() -> None:
    """What `kubectl mns` could go on with, as kubectl asks a plugin for it: a line each, and what to make of them."""
    words = ["namespace-operator", *sys.argv[1:]]
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    os.environ.update(asked, _NAMESPACE_OPERATOR_COMPLETE="complete_bash")
    execute([])
    print(_NO_FILES)


def _spoken(name: str) -> str:
    """What people typed: kubectl runs `kubectl-mns` for `kubectl mns`."""
    completing = any(variable.endswith("_COMPLETE") for variable in os.environ)
    return "kubectl mns" if name == "kubectl-mns" and not completing else name


if __name__ == "__main__":
    main()
