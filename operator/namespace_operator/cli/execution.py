"""Running one command of the application, whatever becomes of it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

import typer
from pydantic import ValidationError
from typer.completion import completion_init  # type: ignore[attr-defined] # not listed, but its public place

from namespace_operator.cli.app import make_app, wanted
from namespace_operator.cli.ending import TRACEBACK, CommandError, ExitCode, Finished, invalid_settings

_USAGE_OF_THE_LIBRARY = 2
"""With this it says that a command line is not understood; here it means that `plan` found changes."""


def execute(arguments: Sequence[str], name: str) -> ExitCode | int:
    """Run a command line. An error is one line, never a traceback."""
    completes = os.environ.get(f"_{name.replace('-', '_').upper()}_COMPLETE") is not None
    if completes:
        completion_init()
    app = make_app(None if completes else wanted(arguments))
    try:
        app(args=list(arguments), prog_name=name)
    except SystemExit as ended:
        return _code_of(ended)
    except Finished as finished:
        return finished.code
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever reads has seen enough. Nothing is to be written to the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitCode.FAILED
    except ValidationError as error:
        print(f"error: {invalid_settings(error)}", file=sys.stderr)
        return ExitCode.FAILED
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(f"error: a defect of this command ({what}); report it with what {TRACEBACK}=1 shows", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.DONE


def _code_of(ended: SystemExit) -> int:
    if isinstance(ended.code, str):
        print(ended.code, file=sys.stderr)
        return ExitCode.FAILED
    code = ended.code or ExitCode.DONE
    return ExitCode.USAGE if code == _USAGE_OF_THE_LIBRARY else code
