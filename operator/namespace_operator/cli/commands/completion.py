"""``completion``: what a shell needs to complete the command line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined] # not listed, but its public place

PROGRAM = "namespace-operator"


class Shell(StrEnum):
    """The shells there are scripts for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("completion")(command)


def command(shell: Annotated[Shell, typer.Argument(help="The shell that reads it.")]) -> None:
    """Print a script that completes the command line: source <(namespace-operator completion bash)."""
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    print(get_completion_script(prog_name=PROGRAM, complete_var=variable, shell=shell.value).strip())
