"""What all tests in the model world share: quiet logs, and a count of the cases they ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.world.logs import be_quiet

_TALLY = pytest.StashKey[Counter[str]]()


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Drop every line; the operator logs an error only for what it holds to be a defect of its own."""
    be_quiet()
    yield
    structlog.reset_defaults()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Counter[str]:
    """Counts of what was run, shown once at the end of the run."""
    return request.config.stash.setdefault(_TALLY, Counter())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes hands its counts to the one that shows them."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tally"] = dict(session.config.stash.get(_TALLY, None) or {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The counts of one of several processes."""
    output = getattr(node, "workeroutput", None) or {}
    node.config.stash.setdefault(_TALLY, Counter()).update(output.get("tally", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line: how many cases the parametrized tests of the model world stand for."""
    tally = config.stash.get(_TALLY, None)
    if tally:
        counts = ", ".join(f"{count} {what}" for what, count in tally.items())
        terminalreporter.write_line(f"model world: {counts}")
