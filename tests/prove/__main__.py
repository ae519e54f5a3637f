"""``make prove``: all families on all processors, one line for each, and of what failed the smallest case."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.prove.families import FAMILIES
from tests.prove.family import Seed
from tests.prove.play import Failure, Outcome, play_again, play_part, smallest

_SHRUNK = 2
"""Failures of each family that are made smaller; the others are named."""


class Form(StrEnum):
    """How much of it."""

    FULL = "full"
    SHORT = "short"


def main(
    family: Annotated[str, typer.Option(envvar="FAMILY", help="Only this family.")] = "",
    seed: Annotated[str, typer.Option(envvar="SEED", help="Only this case of the family, part:case.")] = "",
    form: Annotated[Form, typer.Option(envvar="FORM", help="Every case, or the choice that CI plays.")] = Form.FULL,
    workers: Annotated[int, typer.Option(envvar="WORKERS", help="Processes; 0: one for each processor.")] = 0,
) -> None:
    """Play every case of the model world's families. Ends with 1 if one failed."""
    console = Console(soft_wrap=True)
    if family and family not in FAMILIES:
        raise typer.BadParameter(f"there is no family {family}; there are {', '.join(FAMILIES)}")
    if seed:
        failure = play_again(family, _seed(family, seed))
        failures = [] if failure is None else [failure]
        console.print(f"{family} {seed}: {'holds' if failure is None else 'fails'}", highlight=False)
    else:
        failures = _prove(console, [family] if family else list(FAMILIES), form, workers or os.cpu_count() or 1)
    _tell(console, failures)
    sys.exit(1 if failures else 0)


def _seed(family: str, text: str) -> Seed:
    if not family:
        raise typer.BadParameter("SEED needs FAMILY: the seed is one of its cases")
    seed = Seed.parse(text)
    if seed.part not in FAMILIES[family].parts:
        raise typer.BadParameter(f"{family} has no part {seed.part}; SEED has to be part:case")
    return seed


def _prove(console: Console, names: Sequence[str], form: Form, workers: int) -> list[Failure]:
    begun = time.monotonic()
    tasks = [(name, part) for name in names for part in FAMILIES[name].parts]
    left, cases, failed = Counter(name for name, _ in tasks), Counter[str](), Counter[str]()
    seconds, failures = Counter[str](), list[Failure]()
    width = max(map(len, names))
    console.print(f"{'family':{width}}  {'cases':>7}  {'failures':>8}  {'CPU s':>7}  what goes wrong", highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        ProcessPoolExecutor(workers) as pool,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        bar = progress.add_task("parts", total=len(tasks))
        for done in as_completed([pool.submit(play_part, *task, short=form is Form.SHORT) for task in tasks]):
            outcome: Outcome = done.result()
            name = outcome.family
            left[name] -= 1
            cases[name] += outcome.cases
            failed[name] += len(outcome.failures)
            seconds[name] += outcome.seconds  # type: ignore[assignment]
            failures += outcome.failures
            progress.advance(bar)
            if not left[name]:
                figures = f"{cases[name]:7}  {failed[name]:8}  {seconds[name]:7.1f}"
                progress.console.print(f"{name:{width}}  {figures}  {FAMILIES[name].claim}", highlight=False)
    took = time.monotonic() - begun
    console.print(
        f"{'all':{width}}  {cases.total():7}  {len(failures):8}  {seconds.total():7.1f}"
        f"  in {took:.0f} s with {workers} processes",
        highlight=False,
    )
    return failures


def _tell(console: Console, failures: Sequence[Failure]) -> None:
    told = Counter[str]()
    for failure in failures:
        told[failure.family] += 1
        if told[failure.family] > _SHRUNK:
            console.print(f"\nand {failure.command}", highlight=False, markup=False)
            continue
        small = smallest(failure)
        console.print(f"\n{small.command}\n{small.error}", highlight=False, markup=False)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
