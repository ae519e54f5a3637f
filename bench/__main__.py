"""`python -m bench`: measure, compare with what is committed, draw."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.benchmarks.registry import BENCHMARKS
from bench.regression import Verdict, compare
from bench.report import print_changes, print_results
from bench.results import Result, new_result, parse, path_of
from bench.show import Show
from bench.size import FULL, Size
from devstack.paths import REPOSITORY

_WIDTH = 150
"""Of a table that goes to a file or pipe, where no terminal says how wide it is."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

Names = Annotated[
    str, typer.Option("--figure", help=f"which, with commas between: {', '.join(BENCHMARKS)}; empty: all")
]
Scale = Annotated[str, typer.Option(help="full, small, or a part such as 0.02")]


@app.command()
def run(figure: Names = "", scale: Scale = FULL) -> None:
    """Measure, print, and keep the results in bench/results."""
    size, console = _size(scale), _console()
    results = []
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        for name in _chosen(figure):
            result = _measure(name, size, progress)
            result.save()
            results.append(result)
    print_results(console, results)
    console.print(f"kept in {path_of('', size.name).parent.relative_to(REPOSITORY)}")


@app.command()
def show(figure: Names = "", scale: Scale = FULL) -> None:
    """Print the results that are kept."""
    paths = (path_of(name, _size(scale).name) for name in _chosen(figure))
    print_results(_console(), [parse(path.read_text()) for path in paths if path.exists()])


@app.command()
def check(figure: Names = "", scale: Scale = FULL, base: str = "HEAD") -> None:
    """Compare the results that are kept with the committed ones; exit code 1 where one is worse beyond noise."""
    console, worse = _console(), []
    for name in _chosen(figure):
        path = path_of(name, _size(scale).name)
        committed = _committed(base, str(path.relative_to(REPOSITORY)))
        if committed is None or not path.exists():
            console.print(f"{name}: nothing to compare: {'not measured' if committed else f'none in {base}'}")
            continue
        before, now = parse(committed), parse(path.read_text())
        if before == now:
            console.print(f"{name}: not measured since {base}")
            continue
        changes = compare(before.measured.figures, now.measured.figures)
        print_changes(console, changes)
        worse += [change.name for change in changes if change.verdict is Verdict.WORSE]
    if worse:
        console.print(f"[red]worse than in {base}, beyond noise[/]: {'; '.join(worse)}")
        raise typer.Exit(1)
    console.print("nothing is worse beyond noise")


@app.command()
def picture(scale: Scale = FULL) -> None:
    """Draw docs/pictures/benchmarks.svg from the results that are kept."""
    from bench.picture import PICTURE, draw  # noqa: PLC0415 - the drawing library takes a second to import

    draw([parse(path.read_text()) for name in BENCHMARKS if (path := path_of(name, _size(scale).name)).exists()])
    _console().print(f"drawn: {PICTURE.relative_to(REPOSITORY)}")


def _measure(name: str, size: Size, progress: Progress) -> Result:
    task = progress.add_task(name, total=None)
    progress_show = Show(
        step=lambda text: progress.update(task, description=f"{name}: {text}"),
        rounds=lambda total: progress.update(task, total=total),
        done=lambda: progress.advance(task),
    )
    load = os.getloadavg()[0]
    measured, servers = asyncio.run(BENCHMARKS[name].measure(size, progress_show))
    progress.update(task, description=f"{name}: done")
    return new_result(name, size.name, measured, servers, load)


def _chosen(names: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",") if name.strip()] or list(BENCHMARKS)
    if unknown := sorted(set(chosen) - set(BENCHMARKS)):
        raise typer.BadParameter(f"no figure {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return chosen


def _size(scale: str) -> Size:
    try:
        return Size.parse(scale)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _committed(base: str, path: str) -> str | None:
    found = subprocess.run(
        ["git", "show", f"{base}:{path}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return found.stdout if found.returncode == 0 else None


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH)


if __name__ == "__main__":
    app()
