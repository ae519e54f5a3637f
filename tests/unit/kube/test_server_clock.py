"""The API server's time, told by answers with whole seconds, over clocks that are wrong and jump."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from namespace_operator.kube.server_clock import ServerClock

TRUE = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
"""The server's time when the monotonic clock is at 0."""


@dataclass
class Server:
    """A server whose answers take their time, and a local clock of any kind."""

    seconds: float = 0.0
    ahead: timedelta = timedelta()
    local: datetime = datetime(2001, 1, 1, tzinfo=UTC)
    clock: ServerClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = ServerClock(lambda: self.seconds, lambda: self.local)

    @property
    def time(self) -> datetime:
        """The server's time."""
        return TRUE + timedelta(seconds=self.seconds) + self.ahead

    def answer(self, there: float = 0.01, back: float = 0.01) -> None:
        """One answer, whose request and way back take so long."""
        sent = self.seconds
        self.seconds += there
        date = format_datetime(self.time.replace(microsecond=0), usegmt=True)
        self.seconds += back
        self.clock.hear(date, sent, self.seconds)

    @property
    def behind(self) -> float:
        """Seconds by which the known time is behind the server's; negative: things would happen early."""
        return (self.time - self.clock.exact()).total_seconds()


def test_without_any_answer_the_local_time_counts() -> None:
    server = Server()
    assert server.clock.exact() == server.clock.now() == server.local
    server.clock.hear("", 0.0, 0.1)
    server.clock.hear("not a date", 0.0, 0.1)
    assert server.clock.exact() == server.local


def test_one_answer_is_good_to_a_second_and_many_to_a_few_hundredths() -> None:
    server = Server()
    server.answer()
    assert 0 <= server.behind <= 1.02
    chance = random.Random(1)
    for _ in range(100):
        server.seconds += chance.uniform(0.0, 3.0)
        server.answer(chance.uniform(0.001, 0.05), chance.uniform(0.001, 0.05))
        assert server.behind >= 0
    assert server.behind < 0.1


def test_a_slow_answer_makes_nothing_worse() -> None:
    server = Server()
    for _ in range(50):
        server.seconds += 0.37
        server.answer()
    before = server.behind
    server.answer(there=9.0, back=9.0)
    assert 0 <= server.behind <= before + 0.01


def test_time_does_not_jitter() -> None:
    server = Server()
    chance, last = random.Random(2), datetime(1970, 1, 1, tzinfo=UTC)
    for _ in range(200):
        server.seconds += chance.uniform(0.05, 3.0)
        server.answer(chance.uniform(0.001, 0.3), chance.uniform(0.001, 0.3))
        assert server.clock.exact() > last
        last = server.clock.exact()


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(seconds=-30), timedelta(seconds=30), timedelta(days=9)])
def test_a_jump_of_the_local_clock_changes_nothing(jump: timedelta) -> None:
    server = Server(local=TRUE)
    server.answer()
    before = server.clock.exact()
    server.local += jump
    assert server.clock.exact() == before


@pytest.mark.parametrize("jump", [timedelta(seconds=-30), timedelta(seconds=30), timedelta(hours=9)])
def test_another_time_of_the_server_counts_with_its_next_answer(jump: timedelta) -> None:
    server = Server()
    for _ in range(20):
        server.seconds += 1.1
        server.answer()
    server.ahead = jump
    server.answer()
    assert 0 <= server.behind <= 1.02


def test_a_machine_that_slept_is_late_and_never_early() -> None:
    server = Server()
    server.answer()
    server.ahead = timedelta(hours=8)
    assert server.behind >= timedelta(hours=8).total_seconds()
    server.answer()
    assert 0 <= server.behind <= 1.02


def test_clocks_that_part_slowly_are_followed() -> None:
    server = Server()
    for _ in range(500):
        server.seconds += 300.0
        server.ahead += timedelta(seconds=300 * 100e-6)
        server.answer()
        assert -0.001 <= server.behind <= 1.1


def test_now_has_whole_seconds() -> None:
    server = Server()
    for _ in range(30):
        server.seconds += 0.31
        server.answer()
    assert server.clock.now() == server.clock.exact().replace(microsecond=0)
