"""The commands put together. A command's module is imported when it is run, so that each starts as fast as it can."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

COMMANDS = (
    "status",
    "why",
    "plan",
    "export",
    "retained",
    "orphans",
    "doctor",
    "release",
    "catalog",
    "crd",
    "completion",
    "run",
    "selftest",
)
"""In the order of the help."""

PACKAGE = "namespace_operator.cli.commands"

_ABOUT = "Mixpeek namespaces on Kubernetes: the operator, and what people look into and repair it with."


def wanted(arguments: Sequence[str]) -> str | None:
    """The command that is called, None where it may be any."""
    first = arguments[0] if arguments else ""
    return first if first in COMMANDS else None


def make_app(only: str | None = None) -> typer.Typer:
    """The application, or as much of it as one command needs."""
    app = typer.Typer(
        name="namespace-operator",
        help=_ABOUT,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        # Panels for people, plain lines for pipes.
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_main)
    for name in (only,) if only else COMMANDS:
        import_module(f"{PACKAGE}.{name}").register(app)
    return app


def _version(asked: bool) -> None:
    if asked:
        print(import_module("namespace_operator").__version__)
        raise typer.Exit


def _main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    pass
