"""Run with `make chaos`; MINUTES, NAMESPACES and SEED choose another run. Ends with 1 unless all is well afterwards."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from rich.console import Console
from rich.table import Table

from chaos.memory import GROWTH_LIMIT
from chaos.run import Outcome, Run
from chaos.stage import NoSmallDisk, stage

MINUTES = float(os.environ.get("MINUTES") or 20)
NAMESPACES = int(os.environ.get("NAMESPACES") or 200)
SEED = int(os.environ.get("SEED") or 1)


async def run(seed: int, minutes: float, namespaces: int, console: Console) -> Outcome:
    """One run on a stack of its own. Raises ``NoSmallDisk``."""
    began = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.0f} s[/dim]  {what}", highlight=False)

    async with stage() as there:
        outcome = await Run(seed, minutes * 60, namespaces, tell).on(there)
        if outcome.problems:
            there.stack.keep_logs()
        return outcome


def show(outcome: Outcome, console: Console) -> None:
    """Everything that a run showed."""
    table = Table("fault", "times", "nobody there", title="Faults")
    for kind in sorted(outcome.done | outcome.missed, key=lambda kind: kind.value):
        table.add_row(kind.value, str(outcome.done[kind]), str(outcome.missed[kind] or ""))
    console.print(table)
    answers = Table("asked, and the API server's answer", "times", title="Edits")
    for what, count in sorted(outcome.edits.items()):
        answers.add_row(what, str(count))
    console.print(answers)
    for grown in outcome.grown:
        before, after = (size / 2**20 for size in (grown.before, grown.after))
        console.print(f"operator {grown.pid}: {before:.1f} MiB, later {after:.1f} MiB ({grown.ratio:+.1%})")
    rest = "never" if outcome.quiet_after is None else f"after {outcome.quiet_after:.0f} s"
    console.print(f"{outcome.objects} Namespaces, {outcome.points} points that had to be there; at rest {rest}")
    for problem in outcome.problems:
        console.print(f"[red]{problem}[/red]", highlight=False)
    verdict = "nothing lost, nothing orphaned" if not outcome.problems else f"{len(outcome.problems)} problems"
    console.print(f"[bold]{verdict}[/bold]")


def main() -> None:
    """One run as the environment says."""
    console = Console()
    console.print(f"seed {SEED}, {MINUTES:g} minutes, {NAMESPACES} Namespaces")
    try:
        outcome = asyncio.run(run(SEED, MINUTES, NAMESPACES, console))
    except NoSmallDisk as error:
        sys.exit(str(error))
    show(outcome, console)
    grown = [one for one in outcome.grown if one.ratio > GROWTH_LIMIT]
    sys.exit(1 if outcome.problems or grown else 0)


if __name__ == "__main__":
    main()
