"""``crd``: the definitions that this version works with."""

from __future__ import annotations

from typing import Annotated

import typer

from namespace_operator.api.crd import DEFINITIONS, custom_resource_definition
from namespace_operator.cli.options import Format
from namespace_operator.cli.output import Table, as_yaml, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("crd")(command)


def command(
    output: Annotated[Format, typer.Option("--output", "-o", help="Form; table: names only.")] = Format.YAML,
) -> None:
    """Print the CustomResourceDefinitions of this version, for kubectl apply -f -."""
    made = [custom_resource_definition(definition) for definition in DEFINITIONS]
    if output is Format.YAML:
        print("---\n".join(map(as_yaml, made)), end="")
        return
    rows = tuple((each.kind, each.name, each.scope, each.short_name) for each in DEFINITIONS)
    table = Table(("KIND", "NAME", "SCOPE", "SHORT"), rows)
    show({"apiVersion": "v1", "kind": "List", "items": made}, output, [table])
