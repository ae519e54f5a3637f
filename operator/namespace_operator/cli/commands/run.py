"""``run``, as the help has it; what runs in the container comes from ``main`` without this module."""

from __future__ import annotations

from importlib import import_module

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run() -> None:
    """Reconcile Namespaces until terminated; settings come from the environment (NAMESPACE_OPERATOR_...)."""
    import_module("namespace_operator.cli.start").start()
