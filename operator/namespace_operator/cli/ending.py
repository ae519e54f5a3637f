"""How a command ends: its exit codes, and errors as one line with the remedy."""

from __future__ import annotations

from enum import IntEnum

from pydantic import ValidationError

from namespace_operator.api.base import FieldError, field_errors

TRACEBACK = "NAMESPACE_OPERATOR_TRACEBACK"
"""With this variable a defect shows where it is, and what the operator's parts log is shown too."""


class ExitCode(IntEnum):
    """What the exit code of a command says; docs/command.md has the list."""

    DONE = 0
    """Done; `plan`: nothing would change; `doctor`: nothing fails."""
    FAILED = 1
    """It could not be done, or what was looked at is not as it should be."""
    CHANGES = 2
    """`plan`: something would change."""
    USAGE = 64
    """The command line is not understood."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""


class Finished(Exception):
    """The command is over, with this exit code."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__(code)
        self.code = code


class CommandError(Exception):
    """The command cannot go on. The message is one line, and ends with what to do."""


def invalid_settings(error: ValidationError) -> str:
    """What is wrong with the settings, each by the name of its variable."""
    return "invalid settings: " + "; ".join(map(_named, field_errors(error)))


def _named(problem: FieldError) -> str:
    return f"NAMESPACE_OPERATOR_{problem.path.upper()}: {problem.message}" if problem.path else problem.message
