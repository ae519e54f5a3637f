"""Three minutes of chaos: the form of `make chaos` that every change has to pass."""

from __future__ import annotations

import pytest
from rich.console import Console

from chaos.__main__ import run, show
from chaos.stage import NoSmallDisk

SEED = 20
MINUTES = 3.0
NAMESPACES = 60


@pytest.mark.timeout(900)
async def test_nothing_is_lost_and_nothing_orphaned() -> None:
    console = Console(force_terminal=False, width=140)
    try:
        outcome = await run(SEED, MINUTES, NAMESPACES, console)
    except NoSmallDisk as error:
        pytest.skip(str(error))
    show(outcome, console)
    assert outcome.problems == ()
    assert sum(outcome.done.values()) > 30
    assert outcome.points > NAMESPACES
