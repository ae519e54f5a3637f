"""``catalog``: which extractors there are, and whether a catalog can be used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from namespace_operator.cli import session
from namespace_operator.cli.collect.catalog import Checked, Problem, check
from namespace_operator.cli.ending import CommandError, ExitCode, Finished
from namespace_operator.cli.options import ClusterOptions, OutputOptions, ReleaseOptions, with_groups
from namespace_operator.cli.output import Table, show
from namespace_operator.cli.release import PREFIX, find_release
from namespace_operator.cli.session import Session
from namespace_operator.domain.catalog import builtin_catalog_text

_STDIN = Path("-")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    below = typer.Typer(help="List the feature extractors there are, or check a catalog.", no_args_is_help=True)
    below.command("list")(with_groups(list_command))
    below.command("check")(with_groups(check_command))
    app.add_typer(below, name="catalog")


def list_command(
    cluster: ClusterOptions,
    release: ReleaseOptions,
    output: OutputOptions,
    builtin: Annotated[bool, typer.Option("--builtin", help="Those packaged with this version.")] = False,
) -> None:
    """List the extractors that a Namespace can register: those of the running operator, or the built-in ones."""
    name, text = ("built-in", builtin_catalog_text()) if builtin else _of_release(cluster, release)
    checked = check(name, text)
    if checked.problems:
        raise CommandError(f"{name}: {describe(checked.problems[0])}; namespace-operator catalog check has all")
    show(checked, output.output, [to_table(checked)])


def _of_release(cluster: ClusterOptions, options: ReleaseOptions) -> tuple[str, str]:
    async def work(found: Session) -> tuple[str, str]:
        release = await find_release(found.client, options)
        source = release.config_map_of(release.environment.get(f"{PREFIX}CATALOG_PATH", ""))
        if source is None:
            raise CommandError(f"{release.namespace}/{release.name} has no catalog of its own; use --builtin")
        name, key = source
        path = f"/api/v1/namespaces/{release.namespace}/configmaps/{name}"
        return f"ConfigMap {release.namespace}/{name}", str((await found.client.get(path))["data"][key])

    return session.run(work, cluster)


def check_command(
    output: OutputOptions, file: Annotated[Path, typer.Argument(help="A catalog, or - for standard input.")]
) -> None:
    """Check a catalog. Each problem is told with its line, its entry and its field; exit code 1 if there is one."""
    try:
        text = sys.stdin.read() if file == _STDIN else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read ({type(error).__name__})") from error
    checked = check("standard input" if file == _STDIN else str(file), text)
    lines = [f"{checked.name}:{problem.line or 1}: {describe(problem)}" for problem in checked.problems]
    show(checked, output.output, lines or [f"{checked.name}: ok, {len(checked.extractors)} extractors"])
    raise Finished(ExitCode.FAILED if checked.problems else ExitCode.DONE)


def describe(problem: Problem) -> str:
    """A problem as one line."""
    entry = f" (entry {problem.entry})" if problem.entry else ""
    field = f"{problem.field}: " if problem.field else ""
    return f"{field}{problem.message}{entry}"


def to_table(checked: Checked) -> Table:
    """One row a vector, so that it can be searched for."""
    rows = [
        (each.extractor, vector, what, "; ".join(f"{name}: {allowed}" for name, allowed in each.parameters.items()))
        for each in checked.extractors
        for vector, what in (each.vectors or {"-": "-"}).items()
    ]
    return Table(("EXTRACTOR", "VECTOR", "IS", "PARAMETERS"), tuple(rows))
